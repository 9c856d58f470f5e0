# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/cli: verbs and options as people type them; its part of the build
EXTRA_DIST += xlmig/cli/README.md
noinst_LTLIBRARIES += xlmig/cli/libcli.la
cli_room = xlmig/cli/libcli.la $(base_room)

xlmig_cli_libcli_la_CFLAGS = $(AM_CFLAGS) $(YAML_CFLAGS)
xlmig_cli_libcli_la_LIBADD = -lm $(YAML_LIBS)
xlmig_cli_libcli_la_SOURCES = \
	xlmig/cli/defaults-file.c \
	xlmig/cli/defaults-file.h \
	xlmig/cli/numbers.c \
	xlmig/cli/options.c \
	xlmig/cli/verb.h
