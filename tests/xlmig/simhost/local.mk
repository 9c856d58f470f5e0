# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/simhost: its part of the build
check_PROGRAMS += \
	tests/xlmig/simhost/test-config \
	tests/xlmig/simhost/test-guest
TESTS += \
	tests/xlmig/simhost/test-config \
	tests/xlmig/simhost/test-guest

tests_xlmig_simhost_test_guest_SOURCES = tests/xlmig/simhost/test-guest.c
tests_xlmig_simhost_test_guest_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) -pthread
tests_xlmig_simhost_test_guest_LDADD = $(simhost_room) $(CHECK_LIBS)

tests_xlmig_simhost_test_config_SOURCES = tests/xlmig/simhost/test-config.c
tests_xlmig_simhost_test_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_simhost_test_config_LDADD = $(simhost_room) $(CHECK_LIBS)
