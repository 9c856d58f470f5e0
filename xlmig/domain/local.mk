# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/domain: what is done to one domain of this host; its part of the build
EXTRA_DIST += xlmig/domain/README.md
noinst_LTLIBRARIES += xlmig/domain/libdomain.la
domain_room = xlmig/domain/libdomain.la $(base_room) $(vm_room) $(handover_room) $(toolstack_room)

xlmig_domain_libdomain_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
xlmig_domain_libdomain_la_LIBADD = $(EVENT_LIBS)
xlmig_domain_libdomain_la_SOURCES = \
	xlmig/domain/cap-record.c \
	xlmig/domain/cap-record.h \
	xlmig/domain/early-devices.c \
	xlmig/domain/early-devices.h \
	xlmig/domain/find.c \
	xlmig/domain/find.h \
	xlmig/domain/journalled.c \
	xlmig/domain/journalled.h \
	xlmig/domain/memory-promise.c \
	xlmig/domain/memory-promise.h \
	xlmig/domain/preflight.c \
	xlmig/domain/preflight.h \
	xlmig/domain/standing.c \
	xlmig/domain/standing.h \
	xlmig/domain/settle.c \
	xlmig/domain/settle.h \
	xlmig/domain/throttle.c \
	xlmig/domain/throttle.h \
	xlmig/domain/wake.c \
	xlmig/domain/wake.h
