# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/stream-format: its part of the build
check_PROGRAMS += \
	tests/stream-format/make-stream \
	tests/stream-format/replay-image1 \
	tests/stream-format/replay-stream \
	tests/stream-format/image1/test-image1 \
	tests/stream-format/image1/test-image1-content \
	tests/stream-format/image1/test-image1-order \
	tests/stream-format/image1/test-polyval \
	tests/stream-format/print/test-printer \
	tests/stream-format/reader/test-json \
	tests/stream-format/reader/test-reader \
	tests/stream-format/test-specification
TESTS += \
	tests/stream-format/replay-image1.tap \
	tests/stream-format/replay.tap \
	tests/stream-format/image1/test-image1 \
	tests/stream-format/image1/test-image1-content \
	tests/stream-format/image1/test-image1-order \
	tests/stream-format/image1/test-polyval \
	tests/stream-format/print/test-printer \
	tests/stream-format/reader/test-json \
	tests/stream-format/reader/test-reader \
	tests/stream-format/test-specification
EXTRA_DIST += \
	tests/stream-format/replay-image1.tap \
	tests/stream-format/replay.tap \
	tests/stream-format/seeds \
	tests/stream-format/seeds-image1

check_LTLIBRARIES += tests/stream-format/libbuild.la
tests_stream_format_libbuild_la_SOURCES = \
	tests/stream-format/build-image1.c \
	tests/stream-format/build-image1.h \
	tests/stream-format/build.c \
	tests/stream-format/build.h \
	tests/stream-format/mend-image1.c \
	tests/stream-format/mend-image1.h \
	tests/stream-format/negatives-image1.c \
	tests/stream-format/negatives-image1.h \
	tests/stream-format/negatives.c \
	tests/stream-format/negatives.def \
	tests/stream-format/negatives.h \
	tests/stream-format/run.c \
	tests/stream-format/run.h

# What a test of the streams links.
stream_tests = tests/stream-format/libbuild.la $(stream_print_room) $(stream_convert_room)

tests_stream_format_make_stream_SOURCES = tests/stream-format/make-stream.c
tests_stream_format_make_stream_LDADD = $(stream_tests)

tests_stream_format_image1_test_image1_SOURCES = tests/stream-format/image1/assert-image1.h tests/stream-format/image1/test-image1.c
tests_stream_format_image1_test_image1_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_stream_format_image1_test_image1_LDADD = $(stream_tests) $(CHECK_LIBS)

tests_stream_format_image1_test_image1_content_SOURCES = tests/stream-format/image1/test-image1-content.c
tests_stream_format_image1_test_image1_content_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_stream_format_image1_test_image1_content_LDADD = $(stream_tests) $(CHECK_LIBS)

tests_stream_format_image1_test_image1_order_SOURCES = \
	tests/stream-format/image1/assert-image1.h \
	tests/stream-format/image1/test-image1-order.c
tests_stream_format_image1_test_image1_order_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_stream_format_image1_test_image1_order_LDADD = $(stream_tests) $(CHECK_LIBS)

tests_stream_format_image1_test_polyval_SOURCES = tests/stream-format/image1/test-polyval.c
tests_stream_format_image1_test_polyval_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(OPENSSL_CFLAGS)
tests_stream_format_image1_test_polyval_LDADD = $(stream_tests) $(CHECK_LIBS) $(OPENSSL_LIBS)

tests_stream_format_reader_test_reader_SOURCES = tests/stream-format/reader/test-reader.c
tests_stream_format_reader_test_reader_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_stream_format_reader_test_reader_LDADD = $(stream_tests) $(CHECK_LIBS)

tests_stream_format_reader_test_json_SOURCES = tests/stream-format/reader/test-json.c
tests_stream_format_reader_test_json_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_stream_format_reader_test_json_LDADD = $(stream_tests) $(CHECK_LIBS) -ldl

tests_stream_format_print_test_printer_SOURCES = tests/stream-format/print/test-printer.c
tests_stream_format_print_test_printer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JSONC_CFLAGS)
tests_stream_format_print_test_printer_LDADD = $(stream_tests) $(CHECK_LIBS) $(JSONC_LIBS)

tests_stream_format_test_specification_SOURCES = tests/stream-format/test-specification.c
tests_stream_format_test_specification_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_stream_format_test_specification_LDADD = $(stream_tests) $(CHECK_LIBS)

tests_stream_format_replay_stream_SOURCES = \
	tests/stream-format/fuzz-stream.c \
	tests/stream-format/replay-stream.c
tests_stream_format_replay_stream_LDADD = $(stream_tests)

tests_stream_format_replay_image1_SOURCES = \
	tests/stream-format/fuzz-image1.c \
	tests/stream-format/replay-stream.c
tests_stream_format_replay_image1_LDADD = $(stream_tests)

# The fuzz targets. `make fuzz` runs each, FUZZ_SECONDS long, from the streams
# of the tests and the seeds; what it finds is kept in the build tree and, once
# mended, belongs into seeds/ and seeds-image1/.
if FUZZERS
check_PROGRAMS += tests/stream-format/fuzz-stream
tests_stream_format_fuzz_stream_SOURCES = tests/stream-format/fuzz-stream.c
tests_stream_format_fuzz_stream_LDADD = $(stream_tests)
tests_stream_format_fuzz_stream_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
check_PROGRAMS += tests/stream-format/fuzz-image1
tests_stream_format_fuzz_image1_SOURCES = tests/stream-format/fuzz-image1.c
tests_stream_format_fuzz_image1_LDADD = $(stream_tests)
tests_stream_format_fuzz_image1_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif

FUZZ_SECONDS = 60
if FUZZERS
fuzz: run-fuzz-stream run-fuzz-image1 run-fuzz-restore run-fuzz-messages

fuzz_options = -max_total_time=$(FUZZ_SECONDS)

tests/stream-format/corpus: tests/stream-format/make-stream
	$(MKDIR_P) $@
	tests/stream-format/make-stream --list | while read -r name _; do \
	  tests/stream-format/make-stream $$name > $@/$$name; \
	done
tests/stream-format/corpus-image1: tests/stream-format/make-stream
	$(MKDIR_P) $@
	tests/stream-format/make-stream --list | grep -E '^(v1|image)' | while read -r name _; do \
	  { tests/stream-format/make-stream $$name; printf 1; } > $@/$$name; \
	done
tests/xlmig/peer/corpus-messages: tests/xlmig/peer/mutate-messages
	$(MKDIR_P) $@
	tests/xlmig/peer/mutate-messages --write $@

run-fuzz-stream: tests/stream-format/fuzz-stream tests/stream-format/corpus
	cd tests/stream-format && ./fuzz-stream $(fuzz_options) -max_len=65536 -timeout=10 -rss_limit_mb=512 \
	  corpus '$(abs_top_srcdir)/tests/stream-format/seeds'
run-fuzz-image1: tests/stream-format/fuzz-image1 tests/stream-format/corpus-image1
	cd tests/stream-format && ./fuzz-image1 $(fuzz_options) -max_len=65536 -timeout=20 -rss_limit_mb=1024 \
	  corpus-image1 '$(abs_top_srcdir)/tests/stream-format/seeds-image1'
run-fuzz-restore: tests/libxcsave/restore/fuzz-restore tests/stream-format/corpus-image1
	cd tests/stream-format && ../libxcsave/restore/fuzz-restore $(fuzz_options) -max_len=65536 -timeout=20 -rss_limit_mb=1024 \
	  corpus-image1 '$(abs_top_srcdir)/tests/stream-format/seeds-image1'
run-fuzz-messages: tests/xlmig/peer/fuzz-messages tests/xlmig/peer/corpus-messages
	cd tests/xlmig/peer && ./fuzz-messages $(fuzz_options) -max_len=4096 -timeout=10 -rss_limit_mb=512 corpus-messages
else
fuzz:
	@echo "configure with CC=clang --enable-fuzzers"; exit 1
endif
.PHONY: fuzz run-fuzz-stream run-fuzz-image1 run-fuzz-restore run-fuzz-messages

clean-local: clean-stream-fuzz
clean-stream-fuzz:
	rm -rf tests/stream-format/corpus tests/stream-format/corpus-image1 tests/xlmig/peer/corpus-messages
.PHONY: clean-stream-fuzz
