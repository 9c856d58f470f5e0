# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests: its part of the build
#
# Every test counts by itself: programs and *.tap scripts speak TAP (check(3)
# does it by itself in this environment), a *.sh script is one test that ends
# with 0, or with 77 after it has printed why it was skipped.
TEST_EXTENSIONS = .sh .tap

AM_TESTS_ENVIRONMENT = \
	CK_TAP_LOG_FILE_NAME=-; export CK_TAP_LOG_FILE_NAME; \
	CK_VERBOSITY=silent; export CK_VERBOSITY; \
	CK_TIMEOUT_MULTIPLIER=5; export CK_TIMEOUT_MULTIPLIER; \
	XLMIG_SRCDIR='$(abs_top_srcdir)'; export XLMIG_SRCDIR; \
	XLMIG_BUILDDIR='$(abs_top_builddir)'; export XLMIG_BUILDDIR;

TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/.build-aux/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
TAP_LOG_DRIVER = $(TAP_DRIVER)

# No test may hang; these are far more than any needs, sanitizers and a machine that is busy with something else included.
LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/timed timeout 600
TAP_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/timed timeout 900 bash
SH_LOG_COMPILER = $(SHELL) $(top_srcdir)/tests/timed timeout 600 bash

EXTRA_DIST += quickstart tests/hardening.tap tests/layers tests/layers.tap tests/quickstart.tap tests/run-suite.h tests/scratch.h \
	tests/tap.bash tests/timed tests/tree.tap
TESTS += tests/hardening.tap tests/layers.tap tests/quickstart.tap tests/tree.tap

# In this order they run: of those that run at once the longest come first.
include $(top_srcdir)/tests/soak/local.mk
include $(top_srcdir)/tests/command/local.mk
include $(top_srcdir)/tests/stream-format/local.mk
include $(top_srcdir)/tests/libxcsave/local.mk
include $(top_srcdir)/tests/xlmig/local.mk
include $(top_srcdir)/tests/bench/local.mk
include $(top_srcdir)/tests/lab/local.mk
include $(top_srcdir)/tests/model/local.mk
include $(top_srcdir)/tests/mutate/local.mk

# Of as many at once as a `make -j' allows, these come last, each by itself: they hold a move against a time that it was
# given (devices.tap, limits.tap, registry.tap), or use all cores by themselves (bench.tap), so that others beside them, and they
# beside others, would see what no machine but a too busy one shows.
tests_alone = tests/command/devices.log tests/command/limits.log tests/command/registry.log tests/bench/bench.log
tests_alone_now = $(filter $(tests_alone),$(TEST_LOGS))
$(tests_alone_now): $(filter-out $(tests_alone),$(TEST_LOGS))
$(filter tests/command/limits.log,$(tests_alone_now)): $(filter tests/command/devices.log,$(tests_alone_now))
$(filter tests/command/registry.log,$(tests_alone_now)): $(filter tests/command/devices.log tests/command/limits.log,$(tests_alone_now))
$(filter tests/bench/bench.log,$(tests_alone_now)): $(filter tests/command/%,$(tests_alone_now))
