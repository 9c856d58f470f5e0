# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/helper: what libxl forks, and the wires to it; its part of the build
noinst_LTLIBRARIES += xlmig/helper/libwires.la
helper_room = xlmig/helper/libwires.la $(base_room)

xlmig_helper_libwires_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS)
xlmig_helper_libwires_la_LIBADD = $(JSONC_LIBS)
xlmig_helper_libwires_la_SOURCES = \
	xlmig/helper/command.c \
	xlmig/helper/command.h \
	xlmig/helper/environment.c \
	xlmig/helper/environment.h \
	xlmig/helper/events.c \
	xlmig/helper/events.h

# The helper that libxl forks: the engine behind libxl's message protocol.
libexec_PROGRAMS += xlmig/xlmig-save-helper
xlmig_xlmig_save_helper_CFLAGS = $(AM_CFLAGS) -pthread $(JSONC_CFLAGS) $(SECCOMP_CFLAGS) $(XENLIGHT_CFLAGS) $(EVENT_CFLAGS)
xlmig_xlmig_save_helper_LDADD = xlmig/helper/libwires.la $(engine_rooms) $(JSONC_LIBS) $(SECCOMP_LIBS)
xlmig_xlmig_save_helper_SOURCES = \
	xlmig/helper/image.c \
	xlmig/helper/image.h \
	xlmig/helper/libxl-protocol.c \
	xlmig/helper/libxl-protocol.h \
	xlmig/helper/listener.c \
	xlmig/helper/listener.h \
	xlmig/helper/main.c \
	xlmig/helper/report.c \
	xlmig/helper/report.h \
	xlmig/helper/sandbox.c \
	xlmig/helper/sandbox.h
EXTRA_DIST += xlmig/helper/README.md
