# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/libxcsave/save: its part of the build
check_PROGRAMS += \
	tests/libxcsave/save/test-extents \
	tests/libxcsave/save/test-forged \
	tests/libxcsave/save/test-guard \
	tests/libxcsave/save/test-policy \
	tests/libxcsave/save/test-v1-parts
TESTS += \
	tests/libxcsave/save/test-extents \
	tests/libxcsave/save/test-forged \
	tests/libxcsave/save/test-guard \
	tests/libxcsave/save/test-policy \
	tests/libxcsave/save/test-v1-parts

tests_libxcsave_save_test_extents_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/save/test-extents.c
tests_libxcsave_save_test_extents_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_save_test_extents_LDADD = $(stream_tests) $(engine_rooms) $(CHECK_LIBS)

tests_libxcsave_save_test_forged_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/save/test-forged.c
tests_libxcsave_save_test_forged_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(XXHASH_CFLAGS) -pthread
tests_libxcsave_save_test_forged_LDADD = $(engine_rooms) $(CHECK_LIBS)

tests_libxcsave_save_test_guard_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/save/test-guard.c \
	tests/scratch.h
tests_libxcsave_save_test_guard_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_save_test_guard_LDADD = $(engine_rooms) $(CHECK_LIBS)

tests_libxcsave_save_test_policy_SOURCES = tests/libxcsave/save/test-policy.c
tests_libxcsave_save_test_policy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_libxcsave_save_test_policy_LDADD = $(engine_rooms) $(CHECK_LIBS) -lm

tests_libxcsave_save_test_v1_parts_SOURCES = tests/libxcsave/save/test-v1-parts.c
tests_libxcsave_save_test_v1_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_save_test_v1_parts_LDADD = $(engine_rooms) $(CHECK_LIBS)
