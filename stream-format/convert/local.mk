# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# stream-format/convert: one image made of another; its part of the build
noinst_LTLIBRARIES += stream-format/convert/libconvert.la
stream_convert_room = stream-format/convert/libconvert.la $(stream_reader_room)

stream_format_convert_libconvert_la_CFLAGS = $(AM_CFLAGS)
stream_format_convert_libconvert_la_SOURCES = \
	stream-format/convert/convert.c \
	stream-format/convert/convert.h \
	stream-format/convert/internal.h \
	stream-format/convert/out.c \
	stream-format/convert/to-libxc.c \
	stream-format/convert/to-v1.c

EXTRA_DIST += stream-format/convert/README.md
