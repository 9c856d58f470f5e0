# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/helper: its part of the build
check_PROGRAMS += \
	tests/xlmig/helper/test-command \
	tests/xlmig/helper/test-environment \
	tests/xlmig/helper/test-events \
	tests/xlmig/helper/test-sandbox
TESTS += \
	tests/xlmig/helper/test-command \
	tests/xlmig/helper/test-environment \
	tests/xlmig/helper/test-events \
	tests/xlmig/helper/test-sandbox

tests_xlmig_helper_test_command_SOURCES = tests/xlmig/helper/test-command.c xlmig/helper/listener.c
tests_xlmig_helper_test_command_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) -pthread
tests_xlmig_helper_test_command_LDADD = $(helper_room) $(engine_rooms) $(CHECK_LIBS)

tests_xlmig_helper_test_environment_SOURCES = tests/xlmig/helper/test-environment.c
tests_xlmig_helper_test_environment_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_helper_test_environment_LDADD = $(helper_room) $(CHECK_LIBS)

tests_xlmig_helper_test_events_SOURCES = tests/xlmig/helper/test-events.c
tests_xlmig_helper_test_events_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_helper_test_events_LDADD = $(helper_room) $(engine_rooms) $(CHECK_LIBS)

tests_xlmig_helper_test_sandbox_SOURCES = \
	tests/xlmig/helper/test-sandbox.c \
	xlmig/helper/libxl-protocol.c \
	xlmig/helper/sandbox.c
tests_xlmig_helper_test_sandbox_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SECCOMP_CFLAGS) $(XENLIGHT_CFLAGS) $(EVENT_CFLAGS) -pthread
tests_xlmig_helper_test_sandbox_LDADD = $(CHECK_LIBS) $(SECCOMP_LIBS)
