# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/toolstack/sim: the toolstack of a simulated host; its part of the build
noinst_LTLIBRARIES += xlmig/toolstack/sim/libtoolstack-sim.la
toolstack_sim_room = xlmig/toolstack/sim/libtoolstack-sim.la $(toolstack_room) $(simhost_room) $(xcsave_sim_room)

xlmig_toolstack_sim_libtoolstack_sim_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS)
xlmig_toolstack_sim_libtoolstack_sim_la_LIBADD = $(EVENT_LIBS)
xlmig_toolstack_sim_libtoolstack_sim_la_SOURCES = \
	xlmig/toolstack/sim/child.c \
	xlmig/toolstack/sim/sim.c \
	xlmig/toolstack/sim/sim.h
