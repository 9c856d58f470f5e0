# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/xlmig/handover: its part of the build
check_PROGRAMS += \
	tests/xlmig/handover/test-handover \
	tests/xlmig/handover/test-journal \
	tests/xlmig/handover/test-journal-hostile \
	tests/xlmig/handover/test-journal-power-loss \
	tests/xlmig/handover/test-recovery \
	tests/xlmig/handover/test-rules
TESTS += \
	tests/xlmig/handover/test-handover \
	tests/xlmig/handover/test-journal \
	tests/xlmig/handover/test-journal-hostile \
	tests/xlmig/handover/test-journal-power-loss \
	tests/xlmig/handover/test-recovery \
	tests/xlmig/handover/test-rules

tests_xlmig_handover_test_handover_SOURCES = tests/xlmig/handover/test-handover.c
tests_xlmig_handover_test_handover_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_xlmig_handover_test_handover_LDADD = $(handover_room) $(CHECK_LIBS)

tests_xlmig_handover_test_journal_SOURCES = \
	tests/xlmig/handover/journal-case.c \
	tests/xlmig/handover/journal-case.h \
	tests/xlmig/handover/test-journal.c
tests_xlmig_handover_test_journal_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_handover_test_journal_LDADD = $(handover_room) $(CHECK_LIBS)

tests_xlmig_handover_test_journal_hostile_SOURCES = \
	tests/xlmig/handover/journal-case.c \
	tests/xlmig/handover/journal-case.h \
	tests/xlmig/handover/test-journal-hostile.c
tests_xlmig_handover_test_journal_hostile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_handover_test_journal_hostile_LDADD = $(handover_room) $(CHECK_LIBS)

# The calls between which and the disk disk-shim.c stands.
disk_shim_calls = -Wl,--wrap=open,--wrap=openat,--wrap=close,--wrap=write,--wrap=fsync,--wrap=fdatasync,--wrap=rename,--wrap=renameat,--wrap=unlink,--wrap=unlinkat,--wrap=mkdir
tests_xlmig_handover_test_journal_power_loss_SOURCES = \
	tests/xlmig/handover/disk-model.c \
	tests/xlmig/handover/disk-model.h \
	tests/xlmig/handover/disk-shim.c \
	tests/xlmig/handover/disk-shim.h \
	tests/xlmig/handover/test-journal-power-loss.c
tests_xlmig_handover_test_journal_power_loss_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_handover_test_journal_power_loss_LDADD = $(handover_room) $(CHECK_LIBS)
tests_xlmig_handover_test_journal_power_loss_LDFLAGS = $(AM_LDFLAGS) $(disk_shim_calls)

tests_xlmig_handover_test_rules_SOURCES = tests/xlmig/handover/rules-case.h tests/xlmig/handover/test-rules.c
tests_xlmig_handover_test_rules_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_handover_test_rules_LDADD = $(handover_room) $(CHECK_LIBS)

tests_xlmig_handover_test_recovery_SOURCES = tests/xlmig/handover/rules-case.h tests/xlmig/handover/test-recovery.c
tests_xlmig_handover_test_recovery_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(EVENT_CFLAGS)
tests_xlmig_handover_test_recovery_LDADD = $(handover_room) $(CHECK_LIBS)
