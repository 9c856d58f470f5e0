# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/handover: who owns the VM; its part of the build
EXTRA_DIST += xlmig/handover/README.md
noinst_LTLIBRARIES += xlmig/handover/libhandover.la
handover_room = xlmig/handover/libhandover.la $(base_room) $(vm_room) $(stream_room)

xlmig_handover_libhandover_la_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
xlmig_handover_libhandover_la_LIBADD = $(OPENSSL_LIBS)
xlmig_handover_libhandover_la_SOURCES = \
	xlmig/handover/handover.c \
	xlmig/handover/handover.h \
	xlmig/handover/host-identity.c \
	xlmig/handover/host-identity.h \
	xlmig/handover/journal-record.c \
	xlmig/handover/journal-record.h \
	xlmig/handover/journal-store.c \
	xlmig/handover/journal-store.h \
	xlmig/handover/journal.c \
	xlmig/handover/journal.h \
	xlmig/handover/rules.c \
	xlmig/handover/rules.h
