# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/receive: a VM taken in; its part of the build
EXTRA_DIST += xlmig/receive/README.md
noinst_LTLIBRARIES += xlmig/receive/libreceive.la
receive_room = xlmig/receive/libreceive.la $(base_room) $(vm_room) $(watch_room) $(helper_room) $(peer_room) $(handover_room) $(domain_room) $(toolstack_room)

xlmig_receive_libreceive_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
xlmig_receive_libreceive_la_LIBADD = $(EVENT_LIBS) $(JSONC_LIBS)
xlmig_receive_libreceive_la_SOURCES = \
	xlmig/receive/announced.c \
	xlmig/receive/announced.h \
	xlmig/receive/channels.c \
	xlmig/receive/channels.h \
	xlmig/receive/conversation.c \
	xlmig/receive/conversation.h \
	xlmig/receive/copying.c \
	xlmig/receive/copying.h \
	xlmig/receive/ending.c \
	xlmig/receive/ending.h \
	xlmig/receive/holding.c \
	xlmig/receive/holding.h \
	xlmig/receive/receive.c \
	xlmig/receive/receive.h \
	xlmig/receive/receiver.c \
	xlmig/receive/receiver.h \
	xlmig/receive/requests.c \
	xlmig/receive/requests.h \
	xlmig/receive/restore-child.c \
	xlmig/receive/restore-child.h \
	xlmig/receive/shown.c \
	xlmig/receive/shown.h \
	xlmig/receive/word.c \
	xlmig/receive/word.h
