# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/vm: its part of the build
check_PROGRAMS += \
	tests/xlmig/vm/test-check-list \
	tests/xlmig/vm/test-cpu-features \
	tests/xlmig/vm/test-cpu-policy \
	tests/xlmig/vm/test-release \
	tests/xlmig/vm/test-screens \
	tests/xlmig/vm/test-travel
TESTS += \
	tests/xlmig/vm/test-check-list \
	tests/xlmig/vm/test-cpu-features \
	tests/xlmig/vm/test-cpu-policy \
	tests/xlmig/vm/test-release \
	tests/xlmig/vm/test-screens \
	tests/xlmig/vm/test-travel

tests_xlmig_vm_test_check_list_SOURCES = tests/xlmig/vm/test-check-list.c
tests_xlmig_vm_test_check_list_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_vm_test_check_list_LDADD = $(vm_room) $(CHECK_LIBS)

tests_xlmig_vm_test_cpu_features_SOURCES = tests/xlmig/vm/test-cpu-features.c
tests_xlmig_vm_test_cpu_features_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JSONC_CFLAGS) $(XENLIGHT_CFLAGS)
tests_xlmig_vm_test_cpu_features_LDADD = $(vm_room) $(CHECK_LIBS) $(JSONC_LIBS) $(XENLIGHT_LIBS)

tests_xlmig_vm_test_cpu_policy_SOURCES = tests/xlmig/vm/test-cpu-policy.c
tests_xlmig_vm_test_cpu_policy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_vm_test_cpu_policy_LDADD = $(vm_room) $(CHECK_LIBS)

tests_xlmig_vm_test_release_SOURCES = tests/xlmig/vm/test-release.c
tests_xlmig_vm_test_release_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_vm_test_release_LDADD = $(vm_room) $(CHECK_LIBS)

tests_xlmig_vm_test_travel_SOURCES = tests/xlmig/vm/test-travel.c
tests_xlmig_vm_test_travel_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_vm_test_travel_LDADD = $(vm_room) $(CHECK_LIBS)

tests_xlmig_vm_test_screens_SOURCES = tests/xlmig/vm/test-screens.c
tests_xlmig_vm_test_screens_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_vm_test_screens_LDADD = $(vm_room) $(CHECK_LIBS)
