# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# stream-format/image1: xlmig's own image; its part of the build
noinst_LTLIBRARIES += stream-format/image1/libimage1.la
stream_image1_room = stream-format/image1/libimage1.la $(stream_room)

stream_format_image1_libimage1_la_CFLAGS = $(AM_CFLAGS) $(XXHASH_CFLAGS) $(LZ4_CFLAGS) $(ZSTD_CFLAGS) $(ISAL_CFLAGS)
stream_format_image1_libimage1_la_LIBADD = $(XXHASH_LIBS) $(LZ4_LIBS) $(ZSTD_LIBS) $(ISAL_LIBS)
stream_format_image1_libimage1_la_SOURCES = \
	stream-format/image1/codec.c \
	stream-format/image1/digest.c \
	stream-format/image1/fail.h \
	stream-format/image1/image1.c \
	stream-format/image1/image1.h \
	stream-format/image1/memory.c \
	stream-format/image1/order.c \
	stream-format/image1/page.c \
	stream-format/image1/polyval.c \
	stream-format/image1/polyval.h

EXTRA_DIST += stream-format/image1/README.md
