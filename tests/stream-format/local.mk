# tests/stream-format: its part of the build
check_PROGRAMS += tests/stream-format/test-reader
TESTS += tests/stream-format/test-reader

tests_stream_format_test_reader_SOURCES = \
	tests/stream-format/build.c \
	tests/stream-format/build.h \
	tests/stream-format/negatives.c \
	tests/stream-format/negatives.def \
	tests/stream-format/negatives.h \
	tests/stream-format/run.c \
	tests/stream-format/run.h \
	tests/stream-format/test-reader.c
tests_stream_format_test_reader_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_stream_format_test_reader_LDADD = stream-format/libstream.la $(CHECK_LIBS)
