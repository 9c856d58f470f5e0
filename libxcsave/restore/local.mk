# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# libxcsave/restore: the destination; its part of the build
noinst_LTLIBRARIES += libxcsave/restore/librestore.la
xcsave_restore_room = libxcsave/restore/librestore.la $(xcsave_core_room) $(stream_reader_room)

libxcsave_restore_librestore_la_CFLAGS = $(AM_CFLAGS) -pthread
libxcsave_restore_librestore_la_SOURCES = \
	libxcsave/restore/judge.c \
	libxcsave/restore/judge.h \
	libxcsave/restore/page-receiver.c \
	libxcsave/restore/page-receiver.h \
	libxcsave/restore/populate.c \
	libxcsave/restore/populate.h \
	libxcsave/restore/records.c \
	libxcsave/restore/restore-libxc.c \
	libxcsave/restore/restore-v1.c \
	libxcsave/restore/restore.c \
	libxcsave/restore/restore.h \
	libxcsave/restore/v1-decode.c \
	libxcsave/restore/v1-decode.h

EXTRA_DIST += libxcsave/restore/README.md
