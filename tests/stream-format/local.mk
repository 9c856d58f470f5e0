# tests/stream-format: its part of the build
check_PROGRAMS += \
	tests/stream-format/make-stream \
	tests/stream-format/test-printer \
	tests/stream-format/test-reader \
	tests/stream-format/test-specification
TESTS += \
	tests/stream-format/inspect.tap \
	tests/stream-format/test-printer \
	tests/stream-format/test-reader \
	tests/stream-format/test-specification \
	tests/stream-format/verify.tap
EXTRA_DIST += tests/stream-format/inspect.tap tests/stream-format/verify.tap

check_LTLIBRARIES += tests/stream-format/libbuild.la
tests_stream_format_libbuild_la_SOURCES = \
	tests/stream-format/build.c \
	tests/stream-format/build.h \
	tests/stream-format/negatives.c \
	tests/stream-format/negatives.def \
	tests/stream-format/negatives.h \
	tests/stream-format/run.c \
	tests/stream-format/run.h
tests_stream_format_libbuild_la_LIBADD = stream-format/libstream.la

tests_stream_format_make_stream_SOURCES = tests/stream-format/make-stream.c
tests_stream_format_make_stream_LDADD = tests/stream-format/libbuild.la

tests_stream_format_test_reader_SOURCES = tests/stream-format/test-reader.c
tests_stream_format_test_reader_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_stream_format_test_reader_LDADD = tests/stream-format/libbuild.la $(CHECK_LIBS)

tests_stream_format_test_printer_SOURCES = tests/stream-format/test-printer.c
tests_stream_format_test_printer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JSONC_CFLAGS)
tests_stream_format_test_printer_LDADD = tests/stream-format/libbuild.la $(CHECK_LIBS) $(JSONC_LIBS)

tests_stream_format_test_specification_SOURCES = tests/stream-format/test-specification.c
tests_stream_format_test_specification_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_stream_format_test_specification_LDADD = tests/stream-format/libbuild.la $(CHECK_LIBS)
