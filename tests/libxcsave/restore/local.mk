# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/libxcsave/restore: its part of the build
check_PROGRAMS += \
	tests/libxcsave/restore/replay-restore \
	tests/libxcsave/restore/test-rules \
	tests/libxcsave/restore/test-v1-hostile
TESTS += \
	tests/libxcsave/restore/replay-restore.tap \
	tests/libxcsave/restore/test-rules \
	tests/libxcsave/restore/test-v1-hostile
EXTRA_DIST += \
	tests/libxcsave/restore/replay-restore.tap

tests_libxcsave_restore_test_v1_hostile_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/restore/test-v1-hostile.c
tests_libxcsave_restore_test_v1_hostile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_restore_test_v1_hostile_LDADD = $(engine_rooms) $(CHECK_LIBS)

tests_libxcsave_restore_test_rules_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/restore/test-rules.c
tests_libxcsave_restore_test_rules_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_restore_test_rules_LDADD = $(stream_tests) $(engine_rooms) $(CHECK_LIBS)

# Restoring any octets: replayed by a test, and a fuzz target of `make fuzz`.
fuzz_restore_sources = \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/restore/fuzz-restore.c
tests_libxcsave_restore_replay_restore_SOURCES = $(fuzz_restore_sources) tests/stream-format/replay-stream.c
tests_libxcsave_restore_replay_restore_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_libxcsave_restore_replay_restore_LDADD = $(stream_tests) $(engine_rooms) $(CHECK_LIBS)

if FUZZERS
check_PROGRAMS += tests/libxcsave/restore/fuzz-restore
tests_libxcsave_restore_fuzz_restore_SOURCES = $(fuzz_restore_sources)
tests_libxcsave_restore_fuzz_restore_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_libxcsave_restore_fuzz_restore_LDADD = $(stream_tests) $(engine_rooms) $(CHECK_LIBS)
tests_libxcsave_restore_fuzz_restore_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
