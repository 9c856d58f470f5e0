# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/send: its part of the build
check_PROGRAMS += tests/xlmig/send/test-preparation
TESTS += tests/xlmig/send/test-preparation

tests_xlmig_send_test_preparation_SOURCES = tests/xlmig/send/test-preparation.c
tests_xlmig_send_test_preparation_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_send_test_preparation_LDADD = $(send_room) $(CHECK_LIBS)
