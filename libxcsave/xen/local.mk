# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# libxcsave/xen: a guest of Xen; its part of the build
noinst_LTLIBRARIES += libxcsave/xen/libxen.la
xcsave_xen_room = libxcsave/xen/libxen.la $(xcsave_core_room)

# Xen's set_xen_guest_handle() does arithmetic on void pointers in its caller's code.
libxcsave_xen_libxen_la_CFLAGS = $(AM_CFLAGS) -pthread -Wno-pointer-arith $(XENCTRL_CFLAGS) $(XENGUEST_CFLAGS)
libxcsave_xen_libxen_la_LIBADD = $(XENCTRL_LIBS) $(XENGUEST_LIBS)
libxcsave_xen_libxen_la_SOURCES = \
	libxcsave/xen/guest.c \
	libxcsave/xen/guest.h \
	libxcsave/xen/hvm.c \
	libxcsave/xen/open.c \
	libxcsave/xen/pv-frames.c \
	libxcsave/xen/pv-p2m.c \
	libxcsave/xen/pv-restore.c \
	libxcsave/xen/pv-save.c \
	libxcsave/xen/pv-vcpu.c \
	libxcsave/xen/pv.c \
	libxcsave/xen/pv.h \
	libxcsave/xen/x86.c

EXTRA_DIST += libxcsave/xen/README.md
