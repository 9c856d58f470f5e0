# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/send: a VM moved; its part of the build
EXTRA_DIST += xlmig/send/README.md
noinst_LTLIBRARIES += xlmig/send/libsend.la
send_room = xlmig/send/libsend.la $(base_room) $(vm_room) $(watch_room) $(peer_room) $(handover_room) $(domain_room) $(recover_room) $(toolstack_room) $(stream_room)

xlmig_send_libsend_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
xlmig_send_libsend_la_LIBADD = $(EVENT_LIBS) $(JSONC_LIBS)
xlmig_send_libsend_la_SOURCES = \
	xlmig/send/checks.c \
	xlmig/send/checks.h \
	xlmig/send/connect.c \
	xlmig/send/connect.h \
	xlmig/send/console.c \
	xlmig/send/console.h \
	xlmig/send/copy.c \
	xlmig/send/copy.h \
	xlmig/send/core.c \
	xlmig/send/core.h \
	xlmig/send/hand-over.c \
	xlmig/send/hand-over.h \
	xlmig/send/last-words.c \
	xlmig/send/last-words.h \
	xlmig/send/ledger.c \
	xlmig/send/ledger.h \
	xlmig/send/leftover.c \
	xlmig/send/leftover.h \
	xlmig/send/outcome.c \
	xlmig/send/outcome.h \
	xlmig/send/preparation.c \
	xlmig/send/preparation.h \
	xlmig/send/prepare.c \
	xlmig/send/prepare.h \
	xlmig/send/send.c \
	xlmig/send/send.h
