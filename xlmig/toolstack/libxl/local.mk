# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/toolstack/libxl: the toolstack of a real Xen; its part of the build
noinst_LTLIBRARIES += xlmig/toolstack/libxl/libtoolstack-libxl.la
toolstack_libxl_room = xlmig/toolstack/libxl/libtoolstack-libxl.la $(toolstack_room) $(xcsave_core_room)

xlmig_toolstack_libxl_libtoolstack_libxl_la_CPPFLAGS = $(AM_CPPFLAGS) -DXENLIGHT_VERSION='"$(XENLIGHT_VERSION)"'
xlmig_toolstack_libxl_libtoolstack_libxl_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(XENLIGHT_CFLAGS) $(XENGUEST_CFLAGS) $(XENCTRL_CFLAGS) $(XENSTORE_CFLAGS)
xlmig_toolstack_libxl_libtoolstack_libxl_la_LIBADD = $(EVENT_LIBS) $(XENLIGHT_LIBS) $(XENGUEST_LIBS) $(XENCTRL_LIBS) $(XENSTORE_LIBS)
xlmig_toolstack_libxl_libtoolstack_libxl_la_SOURCES = \
	xlmig/toolstack/libxl/check.c \
	xlmig/toolstack/libxl/child.c \
	xlmig/toolstack/libxl/devices.c \
	xlmig/toolstack/libxl/early-config.c \
	xlmig/toolstack/libxl/early.c \
	xlmig/toolstack/libxl/failed.c \
	xlmig/toolstack/libxl/host.c \
	xlmig/toolstack/libxl/libxl.c \
	xlmig/toolstack/libxl/libxl.h \
	xlmig/toolstack/libxl/log.c \
	xlmig/toolstack/libxl/loop.c \
	xlmig/toolstack/libxl/ops.c \
	xlmig/toolstack/libxl/prepare.c \
	xlmig/toolstack/libxl/turn.c \
	xlmig/toolstack/libxl/vms.c
EXTRA_DIST += xlmig/toolstack/libxl/README.md
