# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# libxcsave/save: the source; its part of the build
noinst_LTLIBRARIES += libxcsave/save/libsave.la
xcsave_save_room = libxcsave/save/libsave.la $(xcsave_core_room)

libxcsave_save_libsave_la_CFLAGS = $(AM_CFLAGS) -pthread
libxcsave_save_libsave_la_SOURCES = \
	libxcsave/save/delta-cache.c \
	libxcsave/save/delta-cache.h \
	libxcsave/save/dirty-log.c \
	libxcsave/save/dirty-log.h \
	libxcsave/save/extents.c \
	libxcsave/save/extents.h \
	libxcsave/save/log-guard.c \
	libxcsave/save/log-guard.h \
	libxcsave/save/pace.c \
	libxcsave/save/pace.h \
	libxcsave/save/page-sink.c \
	libxcsave/save/page-sink.h \
	libxcsave/save/precopy.c \
	libxcsave/save/save.c \
	libxcsave/save/sink-libxc.c \
	libxcsave/save/sink-v1.c \
	libxcsave/save/steering.c \
	libxcsave/save/steering.h \
	libxcsave/save/v1-channel.c \
	libxcsave/save/v1-channel.h \
	libxcsave/save/v1-codec-choice.c \
	libxcsave/save/v1-encode.c \
	libxcsave/save/v1-encode.h \
	libxcsave/save/workers.c \
	libxcsave/save/workers.h

EXTRA_DIST += libxcsave/save/README.md
