# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/domain: its part of the build
check_PROGRAMS += \
	tests/xlmig/domain/test-memory-promise \
	tests/xlmig/domain/test-throttle \
	tests/xlmig/domain/test-wake
TESTS += \
	tests/xlmig/domain/test-memory-promise \
	tests/xlmig/domain/test-throttle \
	tests/xlmig/domain/test-wake

tests_xlmig_domain_test_memory_promise_SOURCES = tests/xlmig/domain/test-memory-promise.c
tests_xlmig_domain_test_memory_promise_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_domain_test_memory_promise_LDADD = $(domain_room) $(CHECK_LIBS)

tests_xlmig_domain_test_throttle_SOURCES = tests/xlmig/domain/test-throttle.c
tests_xlmig_domain_test_throttle_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_domain_test_throttle_LDADD = $(domain_room) $(CHECK_LIBS)

tests_xlmig_domain_test_wake_SOURCES = tests/xlmig/domain/test-wake.c
tests_xlmig_domain_test_wake_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_domain_test_wake_LDADD = $(domain_room) $(CHECK_LIBS)
