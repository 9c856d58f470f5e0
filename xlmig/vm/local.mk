# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright (C) The xlmig authors
# xlmig/vm: a VM and a host described; its part of the build
EXTRA_DIST += xlmig/vm/README.md
noinst_LTLIBRARIES += xlmig/vm/libvm.la
vm_room = xlmig/vm/libvm.la $(base_room)

xlmig_vm_libvm_la_CFLAGS = $(AM_CFLAGS) $(JSONC_CFLAGS)
xlmig_vm_libvm_la_LIBADD = $(JSONC_LIBS)
xlmig_vm_libvm_la_SOURCES = \
	xlmig/vm/candidate.c \
	xlmig/vm/candidate.h \
	xlmig/vm/check-list.c \
	xlmig/vm/check-list.h \
	xlmig/vm/cpu-features.c \
	xlmig/vm/cpu-features.h \
	xlmig/vm/cpu-policy.c \
	xlmig/vm/cpu-policy.h \
	xlmig/vm/release.c \
	xlmig/vm/release.h \
	xlmig/vm/screens.c \
	xlmig/vm/screens.h \
	xlmig/vm/travel.c \
	xlmig/vm/travel.h \
	xlmig/vm/vm.c \
	xlmig/vm/vm.h
