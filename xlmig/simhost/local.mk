# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/simhost: a host without Xen; its part of the build
noinst_LTLIBRARIES += xlmig/simhost/libsimhost.la
simhost_room = xlmig/simhost/libsimhost.la $(xcsave_sim_room)

xlmig_simhost_libsimhost_la_CFLAGS = $(AM_CFLAGS) $(JSONC_CFLAGS) $(XXHASH_CFLAGS) -pthread
xlmig_simhost_libsimhost_la_LIBADD = $(JSONC_LIBS) $(XXHASH_LIBS)
xlmig_simhost_libsimhost_la_SOURCES = \
	xlmig/simhost/context.c \
	xlmig/simhost/guest-config.c \
	xlmig/simhost/guest-config.h \
	xlmig/simhost/guest-hold.c \
	xlmig/simhost/guest-log.c \
	xlmig/simhost/guest-memory.c \
	xlmig/simhost/guest-private.h \
	xlmig/simhost/guest.c \
	xlmig/simhost/guest.h \
	xlmig/simhost/memory-file.c \
	xlmig/simhost/memory-file.h \
	xlmig/simhost/pattern.c \
	xlmig/simhost/pattern.h \
	xlmig/simhost/proof.c \
	xlmig/simhost/server.c \
	xlmig/simhost/server.h \
	xlmig/simhost/workload.c

libexec_PROGRAMS += xlmig/xlmig-simhost
xlmig_xlmig_simhost_CFLAGS = $(AM_CFLAGS) $(XENLIGHT_CFLAGS) -pthread
xlmig_xlmig_simhost_LDADD = $(simhost_room)
xlmig_xlmig_simhost_SOURCES = \
	xlmig/simhost/main.c \
	xlmig/simhost/run-helper.c \
	xlmig/simhost/run-helper.h \
	xlmig/simhost/xl-io.c \
	xlmig/simhost/xl-io.h \
	xlmig/simhost/xl-restore.c \
	xlmig/simhost/xl-suspend.c \
	xlmig/simhost/xl.h
EXTRA_DIST += xlmig/simhost/README.md
