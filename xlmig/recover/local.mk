# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/recover: an interrupted migration finished or undone; its part of the build
EXTRA_DIST += xlmig/recover/README.md
noinst_LTLIBRARIES += xlmig/recover/librecover.la
recover_room = xlmig/recover/librecover.la $(base_room) $(vm_room) $(peer_room) $(handover_room) $(domain_room) $(toolstack_room)

xlmig_recover_librecover_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
xlmig_recover_librecover_la_LIBADD = $(EVENT_LIBS) $(JSONC_LIBS)
xlmig_recover_librecover_la_SOURCES = \
	xlmig/recover/ask.c \
	xlmig/recover/ask.h \
	xlmig/recover/force.c \
	xlmig/recover/one.c \
	xlmig/recover/recover.c \
	xlmig/recover/recover.h \
	xlmig/recover/tell.c
