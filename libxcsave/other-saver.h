/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Who else saves or migrates this guest, on this host?
 *
 * libxl does both by a helper, its own or xlmig's, whose arguments say for which
 * domain: PROGRAM --save-domain IO_FD RECV_FD DOMID ...  It works on the guest's
 * one dirty log as long as it lives.
 */
#ifndef LIBXCSAVE_OTHER_SAVER_H
#define LIBXCSAVE_OTHER_SAVER_H

#include <stdint.h>
#include <sys/types.h>

struct other_saver {
    pid_t pid;
    char name[64];              /* of its program, without its folder */
};

/* `proc`: "/proc".  1: found, other than this process and its parent; 0: there is none; -1: not to be known (errno). */
int other_saver_find(const char *proc, uint32_t domid, struct other_saver *found);

/* Only one whose environment has the member NAME=VALUE: that of a simulated host, of which there may be several here. */
int other_saver_find_with(const char *proc, uint32_t domid, const char *member, struct other_saver *found);

#endif
