# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/base: what every room needs; its part of the build
noinst_LTLIBRARIES += xlmig/base/libbase.la
base_room = xlmig/base/libbase.la

xlmig_base_libbase_la_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(JSONC_CFLAGS) $(SECCOMP_CFLAGS)
xlmig_base_libbase_la_LIBADD = $(EVENT_LIBS) $(JSONC_LIBS) $(SECCOMP_LIBS)
xlmig_base_libbase_la_SOURCES = \
	xlmig/base/bounded-call.c \
	xlmig/base/bounded-call.h \
	xlmig/base/child.c \
	xlmig/base/child.h \
	xlmig/base/exit.h \
	xlmig/base/failure.c \
	xlmig/base/failure.h \
	xlmig/base/input-file.c \
	xlmig/base/input-file.h \
	xlmig/base/json-fields.c \
	xlmig/base/json-fields.h \
	xlmig/base/line-reader.c \
	xlmig/base/line-reader.h \
	xlmig/base/loop.c \
	xlmig/base/loop.h \
	xlmig/base/output.c \
	xlmig/base/output.h \
	xlmig/base/private-dir.c \
	xlmig/base/private-dir.h \
	xlmig/base/relay.c \
	xlmig/base/relay.h \
	xlmig/base/runtime-dir.c \
	xlmig/base/runtime-dir.h \
	xlmig/base/sandbox.c \
	xlmig/base/sandbox.h \
	xlmig/base/state-dir.c \
	xlmig/base/state-dir.h \
	xlmig/base/text.c \
	xlmig/base/text.h \
	xlmig/base/whole-file.c \
	xlmig/base/whole-file.h \
	xlmig/base/write.c \
	xlmig/base/write.h
EXTRA_DIST += xlmig/base/README.md
