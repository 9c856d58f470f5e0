# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/libxcsave/sim: its part of the build
check_PROGRAMS += \
	tests/libxcsave/sim/test-guest
TESTS += \
	tests/libxcsave/sim/test-guest

tests_libxcsave_sim_test_guest_SOURCES = tests/libxcsave/sim/test-guest.c
tests_libxcsave_sim_test_guest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_libxcsave_sim_test_guest_LDADD = $(simhost_room) $(engine_rooms) $(CHECK_LIBS)
