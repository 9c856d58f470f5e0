# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/soak: the driver is Python; what it preloads is built here
check_LTLIBRARIES += tests/soak/inject.la
tests_soak_inject_la_SOURCES = tests/soak/inject.c tests/soak/inject.h
# Never with the sanitizers: the process that it is loaded into has them, or not.
tests_soak_inject_la_CFLAGS = $(WARN_CFLAGS)
tests_soak_inject_la_LDFLAGS = -module -avoid-version -shared -rpath $(abs_top_builddir)/tests/soak
tests_soak_inject_la_LIBADD = -ldl

TESTS += tests/soak/soak.tap
EXTRA_DIST += tests/soak/soak tests/soak/soak.tap tests/soak/soakkit

SOAK_SEEDS = 1-10000
soak: all
	$(MAKE) $(AM_MAKEFLAGS) tests/soak/inject.la
	timeout 7200 $(top_srcdir)/tests/soak/soak --build $(abs_top_builddir) --seeds $(SOAK_SEEDS) --table soak-table.md
.PHONY: soak
CLEANFILES += soak-table.md
