# stream-format: its part of the build
noinst_LTLIBRARIES += stream-format/libstream.la

stream_format_libstream_la_CFLAGS = $(AM_CFLAGS) $(XXHASH_CFLAGS) $(LZ4_CFLAGS) $(ZSTD_CFLAGS) $(ISAL_CFLAGS)
stream_format_libstream_la_LIBADD = $(XXHASH_LIBS) $(LZ4_LIBS) $(ZSTD_LIBS) $(ISAL_LIBS)
stream_format_libstream_la_SOURCES = \
	stream-format/bytes.h \
	stream-format/convert/internal.h \
	stream-format/convert/to-libxc.c \
	stream-format/convert/to-v1.c \
	stream-format/convert/convert.c \
	stream-format/convert/convert.h \
	stream-format/crc32c.c \
	stream-format/crc32c.h \
	stream-format/faults.def \
	stream-format/image1/codec.c \
	stream-format/image1/digest.c \
	stream-format/image1/fail.h \
	stream-format/image1/memory.c \
	stream-format/image1/order.c \
	stream-format/image1/page.c \
	stream-format/image1/image1.c \
	stream-format/image1/image1.h \
	stream-format/libxc-image.h \
	stream-format/libxl-stream.h \
	stream-format/names.c \
	stream-format/names.h \
	stream-format/print/out.c \
	stream-format/print/out.h \
	stream-format/reader/page-map.c \
	stream-format/reader/page-map.h \
	stream-format/print/pfn-set.c \
	stream-format/print/pfn-set.h \
	stream-format/print/print-page.c \
	stream-format/print/print-page.h \
	stream-format/print/printer.c \
	stream-format/print/printer.h \
	stream-format/reader/internal.h \
	stream-format/reader/reader.c \
	stream-format/reader/reader.h \
	stream-format/records.c \
	stream-format/records.def \
	stream-format/records.h \
	stream-format/reader/rules-image1.c \
	stream-format/reader/rules-libxc.c \
	stream-format/reader/rules-libxl.c \
	stream-format/reader/rules.c \
	stream-format/reader/rules.h \
	stream-format/print/summary.c \
	stream-format/print/summary.h

EXTRA_DIST += stream-format/IMAGE-V1.md stream-format/SPECIFICATION.md
