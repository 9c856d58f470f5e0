# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# tests/model: the model wants spin and a minute, so it is run by `quickstart check', not by make check; that its rules are those
# of the code is seen without spin
check_PROGRAMS += tests/model/print-steps
tests_model_print_steps_SOURCES = tests/model/print-steps.c
tests_model_print_steps_LDADD = $(handover_room)

TESTS += tests/model/tie.tap
EXTRA_DIST += tests/model/handover.pml tests/model/run tests/model/tie.py tests/model/tie.tap
