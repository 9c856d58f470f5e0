# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/saved: a VM in a file; its part of the build
EXTRA_DIST += xlmig/saved/README.md
noinst_LTLIBRARIES += xlmig/saved/libsaved.la
saved_room = xlmig/saved/libsaved.la $(base_room) $(vm_room) $(watch_room) $(domain_room) $(toolstack_room) $(helper_room) $(stream_reader_room)

xlmig_saved_libsaved_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
xlmig_saved_libsaved_la_LIBADD = $(EVENT_LIBS) $(JSONC_LIBS)
xlmig_saved_libsaved_la_SOURCES = \
	xlmig/saved/feed.c \
	xlmig/saved/feed.h \
	xlmig/saved/foreign.c \
	xlmig/saved/foreign.h \
	xlmig/saved/head.c \
	xlmig/saved/head.h \
	xlmig/saved/read.c \
	xlmig/saved/read.h \
	xlmig/saved/restore.c \
	xlmig/saved/restore.h \
	xlmig/saved/save.c \
	xlmig/saved/save.h
