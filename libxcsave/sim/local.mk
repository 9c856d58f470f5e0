# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# libxcsave/sim: a guest of a simulated host; its part of the build
noinst_LTLIBRARIES += libxcsave/sim/libsim.la
xcsave_sim_room = libxcsave/sim/libsim.la $(xcsave_core_room)

libxcsave_sim_libsim_la_CFLAGS = $(AM_CFLAGS)
libxcsave_sim_libsim_la_SOURCES = \
	libxcsave/sim/client.c \
	libxcsave/sim/client.h \
	libxcsave/sim/guest.c \
	libxcsave/sim/guest.h \
	libxcsave/sim/protocol.h

EXTRA_DIST += libxcsave/sim/README.md
