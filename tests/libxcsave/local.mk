# tests/libxcsave: its part of the build
check_PROGRAMS += \
	tests/libxcsave/replay-restore \
	tests/libxcsave/test-engine \
	tests/libxcsave/test-extents \
	tests/libxcsave/test-guard \
	tests/libxcsave/test-live \
	tests/libxcsave/test-parts \
	tests/libxcsave/test-policy \
	tests/libxcsave/test-v1 \
	tests/libxcsave/test-v1-hostile \
	tests/libxcsave/test-v1-parts
EXTRA_DIST += tests/libxcsave/replay-restore.tap
TESTS += \
	tests/libxcsave/replay-restore.tap \
	tests/libxcsave/test-engine \
	tests/libxcsave/test-extents \
	tests/libxcsave/test-guard \
	tests/libxcsave/test-live \
	tests/libxcsave/test-parts \
	tests/libxcsave/test-policy \
	tests/libxcsave/test-v1 \
	tests/libxcsave/test-v1-hostile \
	tests/libxcsave/test-v1-parts

tests_libxcsave_test_engine_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/test-engine.c
tests_libxcsave_test_engine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_engine_LDADD = libxcsave/libengine.la $(CHECK_LIBS)

tests_libxcsave_test_extents_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/test-extents.c
tests_libxcsave_test_extents_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_extents_LDADD = tests/stream-format/libbuild.la libxcsave/libengine.la $(CHECK_LIBS)

tests_libxcsave_test_guard_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/test-guard.c \
	tests/scratch.h
tests_libxcsave_test_guard_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_guard_LDADD = libxcsave/libengine.la $(CHECK_LIBS)

tests_libxcsave_test_live_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/test-live.c
tests_libxcsave_test_live_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_live_LDADD = libxcsave/libengine.la $(CHECK_LIBS)

tests_libxcsave_test_parts_SOURCES = tests/libxcsave/test-parts.c
tests_libxcsave_test_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_libxcsave_test_parts_LDADD = libxcsave/libengine.la $(CHECK_LIBS)

tests_libxcsave_test_policy_SOURCES = tests/libxcsave/test-policy.c
tests_libxcsave_test_policy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_libxcsave_test_policy_LDADD = libxcsave/libengine.la $(CHECK_LIBS) -lm

tests_libxcsave_test_v1_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/test-v1.c
tests_libxcsave_test_v1_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_v1_LDADD = libxcsave/libengine.la $(CHECK_LIBS)

tests_libxcsave_test_v1_hostile_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/test-v1-hostile.c
tests_libxcsave_test_v1_hostile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_v1_hostile_LDADD = libxcsave/libengine.la $(CHECK_LIBS)

tests_libxcsave_test_v1_parts_SOURCES = tests/libxcsave/test-v1-parts.c
tests_libxcsave_test_v1_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_v1_parts_LDADD = libxcsave/libengine.la $(CHECK_LIBS)

# Restoring any octets: replayed by a test, and a fuzz target of `make fuzz`.
fuzz_restore_sources = \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/fuzz-restore.c
tests_libxcsave_replay_restore_SOURCES = $(fuzz_restore_sources) tests/stream-format/replay-stream.c
tests_libxcsave_replay_restore_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_libxcsave_replay_restore_LDADD = tests/stream-format/libbuild.la libxcsave/libengine.la $(CHECK_LIBS)

if FUZZERS
check_PROGRAMS += tests/libxcsave/fuzz-restore
tests_libxcsave_fuzz_restore_SOURCES = $(fuzz_restore_sources)
tests_libxcsave_fuzz_restore_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_libxcsave_fuzz_restore_LDADD = tests/stream-format/libbuild.la libxcsave/libengine.la $(CHECK_LIBS)
tests_libxcsave_fuzz_restore_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
endif
