# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/verbs: a verb a file; its part of the build
EXTRA_DIST += xlmig/verbs/README.md
noinst_LTLIBRARIES += xlmig/verbs/libverbs.la
verbs_room = xlmig/verbs/libverbs.la $(send_room) $(receive_room) $(recover_room) $(saved_room) $(domain_room) \
	$(watch_room) $(toolstack_libxl_room) $(toolstack_sim_room) $(stream_print_room) $(stream_convert_room) $(cli_room) $(base_room)

xlmig_verbs_libverbs_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
xlmig_verbs_libverbs_la_SOURCES = \
	xlmig/verbs.c \
	xlmig/verbs.def \
	xlmig/verbs/cancel.c \
	xlmig/verbs/check.c \
	xlmig/verbs/complete.c \
	xlmig/verbs/convert.c \
	xlmig/verbs/finish.c \
	xlmig/verbs/guard-cap.c \
	xlmig/verbs/inspect.c \
	xlmig/verbs/receive.c \
	xlmig/verbs/recover.c \
	xlmig/verbs/report.c \
	xlmig/verbs/restore.c \
	xlmig/verbs/resume.c \
	xlmig/verbs/save.c \
	xlmig/verbs/send.c \
	xlmig/verbs/session.c \
	xlmig/verbs/session.h \
	xlmig/verbs/set.c \
	xlmig/verbs/shared-options.c \
	xlmig/verbs/shared-options.h \
	xlmig/verbs/top.c \
	xlmig/verbs/verify.c \
	xlmig/verbs/version.c \
	xlmig/verbs/xl.c
