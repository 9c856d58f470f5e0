# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/cli: its part of the build
check_PROGRAMS += \
	tests/xlmig/cli/test-defaults-file \
	tests/xlmig/cli/test-options
TESTS += \
	tests/xlmig/cli/test-defaults-file \
	tests/xlmig/cli/test-options

tests_xlmig_cli_test_defaults_file_SOURCES = tests/xlmig/cli/test-defaults-file.c
tests_xlmig_cli_test_defaults_file_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_cli_test_defaults_file_LDADD = $(cli_room) $(CHECK_LIBS)

tests_xlmig_cli_test_options_SOURCES = tests/xlmig/cli/test-options.c
tests_xlmig_cli_test_options_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_cli_test_options_LDADD = $(cli_room) $(CHECK_LIBS)
