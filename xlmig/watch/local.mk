# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/watch: a move as it is seen; its part of the build
EXTRA_DIST += xlmig/watch/README.md
noinst_LTLIBRARIES += xlmig/watch/libwatch.la
watch_room = xlmig/watch/libwatch.la $(base_room) $(helper_room)

xlmig_watch_libwatch_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
xlmig_watch_libwatch_la_LIBADD = $(EVENT_LIBS) $(JSONC_LIBS) -lm
xlmig_watch_libwatch_la_SOURCES = \
	xlmig/watch/display.c \
	xlmig/watch/display.h \
	xlmig/watch/move-json.c \
	xlmig/watch/move.c \
	xlmig/watch/move.h \
	xlmig/watch/page-data.c \
	xlmig/watch/page-data.h \
	xlmig/watch/page.c \
	xlmig/watch/page.h \
	xlmig/watch/progress.c \
	xlmig/watch/progress.h \
	xlmig/watch/socket-client.c \
	xlmig/watch/socket.c \
	xlmig/watch/socket.h \
	xlmig/watch/terminal.c \
	xlmig/watch/terminal.h
