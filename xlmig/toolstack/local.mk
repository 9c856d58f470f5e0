# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/toolstack: the seam to what makes and ends domains; its part of the build
noinst_LTLIBRARIES += xlmig/toolstack/libtoolstack.la
toolstack_room = xlmig/toolstack/libtoolstack.la $(base_room) $(vm_room) $(helper_room)

xlmig_toolstack_libtoolstack_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(XENSTORE_CFLAGS)
xlmig_toolstack_libtoolstack_la_LIBADD = $(EVENT_LIBS) $(XENSTORE_LIBS)
xlmig_toolstack_libtoolstack_la_SOURCES = \
	xlmig/toolstack/autostart.c \
	xlmig/toolstack/autostart.h \
	xlmig/toolstack/device-check.c \
	xlmig/toolstack/device-check.h \
	xlmig/toolstack/prepared-disk.c \
	xlmig/toolstack/prepared-disk.h \
	xlmig/toolstack/toolstack.h
EXTRA_DIST += xlmig/toolstack/README.md
