# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/verbs: its part of the build
check_PROGRAMS += tests/xlmig/verbs/test-table
TESTS += tests/xlmig/verbs/test-table

tests_xlmig_verbs_test_table_SOURCES = tests/xlmig/verbs/test-table.c
tests_xlmig_verbs_test_table_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_verbs_test_table_LDADD = $(verbs_room) $(CHECK_LIBS)
