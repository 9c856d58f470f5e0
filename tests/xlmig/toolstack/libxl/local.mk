# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/toolstack/libxl: its part of the build
check_PROGRAMS += \
	tests/xlmig/toolstack/libxl/test-devices \
	tests/xlmig/toolstack/libxl/test-early-config \
	tests/xlmig/toolstack/libxl/test-turn
TESTS += \
	tests/xlmig/toolstack/libxl/test-devices \
	tests/xlmig/toolstack/libxl/test-early-config \
	tests/xlmig/toolstack/libxl/test-turn

tests_xlmig_toolstack_libxl_test_early_config_SOURCES = tests/xlmig/toolstack/libxl/test-early-config.c
tests_xlmig_toolstack_libxl_test_early_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(XENLIGHT_CFLAGS) -DLIBEXECDIR='"$(libexecdir)"'
tests_xlmig_toolstack_libxl_test_early_config_LDADD = $(toolstack_libxl_room) $(CHECK_LIBS) $(XENLIGHT_LIBS)

tests_xlmig_toolstack_libxl_test_devices_SOURCES = tests/xlmig/toolstack/libxl/test-devices.c
tests_xlmig_toolstack_libxl_test_devices_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(XENLIGHT_CFLAGS)
tests_xlmig_toolstack_libxl_test_devices_LDADD = $(toolstack_libxl_room) $(CHECK_LIBS) $(XENLIGHT_LIBS)

tests_xlmig_toolstack_libxl_test_turn_SOURCES = tests/xlmig/toolstack/libxl/test-turn.c
tests_xlmig_toolstack_libxl_test_turn_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS) $(XENLIGHT_CFLAGS)
tests_xlmig_toolstack_libxl_test_turn_LDADD = $(toolstack_libxl_room) $(CHECK_LIBS) $(XENLIGHT_LIBS)
