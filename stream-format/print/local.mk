# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# stream-format/print: a stream shown; its part of the build
noinst_LTLIBRARIES += stream-format/print/libprint.la
stream_print_room = stream-format/print/libprint.la $(stream_reader_room)

stream_format_print_libprint_la_CFLAGS = $(AM_CFLAGS)
stream_format_print_libprint_la_SOURCES = \
	stream-format/print/out.c \
	stream-format/print/out.h \
	stream-format/print/pfn-set.c \
	stream-format/print/pfn-set.h \
	stream-format/print/print-page.c \
	stream-format/print/print-page.h \
	stream-format/print/printer.c \
	stream-format/print/printer.h \
	stream-format/print/summary.c \
	stream-format/print/summary.h

EXTRA_DIST += stream-format/print/README.md
