# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# stream-format/reader: any stream read; its part of the build
noinst_LTLIBRARIES += stream-format/reader/libreader.la
stream_reader_room = stream-format/reader/libreader.la $(stream_image1_room) $(stream_room)

stream_format_reader_libreader_la_CFLAGS = $(AM_CFLAGS) $(XXHASH_CFLAGS)
stream_format_reader_libreader_la_LIBADD = $(XXHASH_LIBS)
stream_format_reader_libreader_la_SOURCES = \
	stream-format/reader/config-facts.c \
	stream-format/reader/config-facts.h \
	stream-format/reader/fail.c \
	stream-format/reader/internal.h \
	stream-format/reader/json-scan.c \
	stream-format/reader/json-scan.h \
	stream-format/reader/p2m-frames.c \
	stream-format/reader/p2m-frames.h \
	stream-format/reader/page-map.c \
	stream-format/reader/page-map.h \
	stream-format/reader/reader.c \
	stream-format/reader/reader.h \
	stream-format/reader/rules-config.c \
	stream-format/reader/rules-image1.c \
	stream-format/reader/rules-libxc.c \
	stream-format/reader/rules-libxl.c \
	stream-format/reader/rules.c \
	stream-format/reader/rules.h

EXTRA_DIST += stream-format/reader/README.md
