# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/base: its part of the build
check_PROGRAMS += \
	tests/xlmig/base/test-loop \
	tests/xlmig/base/test-sandbox \
	tests/xlmig/base/test-text
TESTS += \
	tests/xlmig/base/test-loop \
	tests/xlmig/base/test-sandbox \
	tests/xlmig/base/test-text

tests_xlmig_base_test_loop_SOURCES = tests/xlmig/base/test-loop.c
tests_xlmig_base_test_loop_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_base_test_loop_LDADD = $(base_room) $(CHECK_LIBS) $(EVENT_LIBS)

tests_xlmig_base_test_sandbox_SOURCES = tests/xlmig/base/test-sandbox.c
tests_xlmig_base_test_sandbox_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JSONC_CFLAGS) $(SECCOMP_CFLAGS)
tests_xlmig_base_test_sandbox_LDADD = $(base_room) $(CHECK_LIBS) $(JSONC_LIBS) $(SECCOMP_LIBS)

tests_xlmig_base_test_text_SOURCES = tests/xlmig/base/test-text.c
tests_xlmig_base_test_text_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_base_test_text_LDADD = $(base_room) $(CHECK_LIBS)
