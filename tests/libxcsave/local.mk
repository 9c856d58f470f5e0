# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/libxcsave: its part of the build
check_PROGRAMS += \
	tests/libxcsave/test-engine \
	tests/libxcsave/test-live \
	tests/libxcsave/test-null \
	tests/libxcsave/test-parts \
	tests/libxcsave/test-v1
TESTS += \
	tests/libxcsave/test-engine \
	tests/libxcsave/test-live \
	tests/libxcsave/test-null \
	tests/libxcsave/test-parts \
	tests/libxcsave/test-v1

tests_libxcsave_test_engine_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/test-engine.c
tests_libxcsave_test_engine_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_engine_LDADD = $(engine_rooms) $(CHECK_LIBS)

tests_libxcsave_test_live_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/test-live.c
tests_libxcsave_test_live_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_live_LDADD = $(engine_rooms) $(CHECK_LIBS)

tests_libxcsave_test_null_SOURCES = \
	tests/libxcsave/null-guest.c \
	tests/libxcsave/null-guest.h \
	tests/libxcsave/test-null.c
tests_libxcsave_test_null_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_null_LDADD = $(engine_rooms) $(CHECK_LIBS)

tests_libxcsave_test_parts_SOURCES = tests/libxcsave/test-parts.c
tests_libxcsave_test_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_libxcsave_test_parts_LDADD = $(engine_rooms) $(CHECK_LIBS)

tests_libxcsave_test_v1_SOURCES = \
	tests/libxcsave/engine-case.c \
	tests/libxcsave/engine-case.h \
	tests/libxcsave/fake-guest.c \
	tests/libxcsave/fake-guest.h \
	tests/libxcsave/test-v1.c
tests_libxcsave_test_v1_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_test_v1_LDADD = $(engine_rooms) $(CHECK_LIBS)

include $(top_srcdir)/tests/libxcsave/restore/local.mk
include $(top_srcdir)/tests/libxcsave/save/local.mk
include $(top_srcdir)/tests/libxcsave/sim/local.mk
