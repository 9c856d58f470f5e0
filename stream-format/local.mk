# stream-format: its part of the build
noinst_LTLIBRARIES += stream-format/libstream.la

stream_format_libstream_la_SOURCES = \
	stream-format/bytes.h \
	stream-format/faults.def \
	stream-format/libxc-image.h \
	stream-format/libxl-stream.h \
	stream-format/names.c \
	stream-format/names.h \
	stream-format/out.c \
	stream-format/out.h \
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
	stream-format/rules-libxc.c \
	stream-format/rules-libxl.c \
	stream-format/rules.c \
	stream-format/rules.h \
	stream-format/summary.c \
	stream-format/summary.h

EXTRA_DIST += stream-format/SPECIFICATION.md
