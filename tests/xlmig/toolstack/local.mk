# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/toolstack: its part of the build
check_PROGRAMS += \
	tests/xlmig/toolstack/test-device-check \
	tests/xlmig/toolstack/test-prepared-disk
TESTS += \
	tests/xlmig/toolstack/test-device-check \
	tests/xlmig/toolstack/test-prepared-disk

tests_xlmig_toolstack_test_device_check_SOURCES = tests/xlmig/toolstack/test-device-check.c
tests_xlmig_toolstack_test_device_check_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_toolstack_test_device_check_LDADD = $(toolstack_room) $(CHECK_LIBS)

tests_xlmig_toolstack_test_prepared_disk_SOURCES = tests/xlmig/toolstack/test-prepared-disk.c xlmig/base/failure.c xlmig/toolstack/prepared-disk.c
tests_xlmig_toolstack_test_prepared_disk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(XENSTORE_CFLAGS)
tests_xlmig_toolstack_test_prepared_disk_LDADD = $(CHECK_LIBS)
