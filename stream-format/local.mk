# stream-format: its part of the build
noinst_LTLIBRARIES += stream-format/libstream.la

stream_format_libstream_la_CFLAGS = $(AM_CFLAGS) $(XXHASH_CFLAGS) $(LZ4_CFLAGS) $(ZSTD_CFLAGS) $(ISAL_CFLAGS)
stream_format_libstream_la_LIBADD = $(XXHASH_LIBS) $(LZ4_LIBS) $(ZSTD_LIBS) $(ISAL_LIBS)
stream_format_libstream_la_SOURCES = \
	stream-format/bytes.h \
	stream-format/convert-internal.h \
	stream-format/convert-to-libxc.c \
	stream-format/convert-to-v1.c \
	stream-format/convert.c \
	stream-format/convert.h \
	stream-format/crc32c.c \
	stream-format/crc32c.h \
	stream-format/faults.def \
	stream-format/image1-codec.c \
	stream-format/image1-digest.c \
	stream-format/image1-fail.h \
	stream-format/image1-memory.c \
	stream-format/image1-order.c \
	stream-format/image1-page.c \
	stream-format/image1.c \
	stream-format/image1.h \
	stream-format/libxc-image.h \
	stream-format/libxl-stream.h \
	stream-format/names.c \
	stream-format/names.h \
	stream-format/out.c \
	stream-format/out.h \
	stream-format/page-map.c \
	stream-format/page-map.h \
	stream-format/pfn-set.c \
	stream-format/pfn-set.h \
	stream-format/print-page.c \
	stream-format/print-page.h \
	stream-format/printer.c \
	stream-format/printer.h \
	stream-format/reader-internal.h \
	stream-format/reader.c \
	stream-format/reader.h \
	stream-format/records.c \
	stream-format/records.def \
	stream-format/records.h \
	stream-format/rules-image1.c \
	stream-format/rules-libxc.c \
	stream-format/rules-libxl.c \
	stream-format/rules.c \
	stream-format/rules.h \
	stream-format/summary.c \
	stream-format/summary.h

EXTRA_DIST += stream-format/IMAGE-V1.md stream-format/SPECIFICATION.md
