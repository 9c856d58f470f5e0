# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# stream-format: octets and nothing else; its part of the build
noinst_LTLIBRARIES += stream-format/libstream.la
stream_room = stream-format/libstream.la

stream_format_libstream_la_CFLAGS = $(AM_CFLAGS) $(ISAL_CFLAGS)
stream_format_libstream_la_LIBADD = $(ISAL_LIBS)
stream_format_libstream_la_SOURCES = \
	stream-format/bytes.h \
	stream-format/crc32c.c \
	stream-format/crc32c.h \
	stream-format/faults.c \
	stream-format/faults.def \
	stream-format/faults.h \
	stream-format/hvm-context.c \
	stream-format/hvm-context.def \
	stream-format/hvm-context.h \
	stream-format/image1-layout.h \
	stream-format/libxc-image.h \
	stream-format/libxl-stream.h \
	stream-format/names.c \
	stream-format/names.h \
	stream-format/records.c \
	stream-format/records.def \
	stream-format/records.h

EXTRA_DIST += stream-format/IMAGE-V1.md stream-format/README.md stream-format/SPECIFICATION.md

include $(top_srcdir)/stream-format/image1/local.mk
include $(top_srcdir)/stream-format/reader/local.mk
include $(top_srcdir)/stream-format/print/local.mk
include $(top_srcdir)/stream-format/convert/local.mk
