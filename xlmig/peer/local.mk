# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/peer: the other host; its part of the build
noinst_LTLIBRARIES += xlmig/peer/libpeer.la
peer_room = xlmig/peer/libpeer.la $(base_room) $(vm_room) $(xcsave_core_room) $(stream_image1_room)

xlmig_peer_libpeer_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(OPENSSL_CFLAGS) -pthread
xlmig_peer_libpeer_la_LIBADD = $(EVENT_LIBS) $(OPENSSL_LIBS)
xlmig_peer_libpeer_la_SOURCES = \
	xlmig/peer/carrier.c \
	xlmig/peer/carrier.h \
	xlmig/peer/channel-hello.c \
	xlmig/peer/channel-hello.h \
	xlmig/peer/channels-in.c \
	xlmig/peer/channels-in.h \
	xlmig/peer/channels-out.c \
	xlmig/peer/channels-out.h \
	xlmig/peer/join.c \
	xlmig/peer/join.h \
	xlmig/peer/message-begin.c \
	xlmig/peer/message-candidate.c \
	xlmig/peer/message-frame.c \
	xlmig/peer/message-greeting.c \
	xlmig/peer/message-private.h \
	xlmig/peer/message-word.c \
	xlmig/peer/messages.c \
	xlmig/peer/messages.h \
	xlmig/peer/negotiate.c \
	xlmig/peer/negotiate.h \
	xlmig/peer/peer.c \
	xlmig/peer/peer.h \
	xlmig/peer/stream-head.c \
	xlmig/peer/stream-head.h \
	xlmig/peer/tls.c \
	xlmig/peer/tls.h \
	xlmig/peer/transport.c \
	xlmig/peer/transport.h \
	xlmig/peer/route.c \
	xlmig/peer/route.h \
	xlmig/peer/wire.c \
	xlmig/peer/wire.h \
	xlmig/peer/xl-protocol.h
EXTRA_DIST += xlmig/peer/README.md
