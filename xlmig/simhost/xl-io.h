/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What both sides of the simulated xl share. */
#ifndef XLMIG_SIMHOST_XL_IO_H
#define XLMIG_SIMHOST_XL_IO_H

#include "libxcsave/sim/protocol.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

extern volatile sig_atomic_t simhost_xl_abort;
/* SIGTERM and SIGINT set simhost_xl_abort, SIGPIPE is ignored. */
void simhost_xl_signals(void);

/* Whole or not at all; bounded in time, and cut short by simhost_xl_abort.  0, or -1 with errno. */
int simhost_xl_write(int fd, const void *buf, size_t bytes);
int simhost_xl_read(int fd, void *buf, size_t bytes);

/* A line on stderr; returns `status`. */
int simhost_xl_complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* By name; 0, or -1 with errno. */
int simhost_xl_find(int host_fd, const char *name, struct sim_domain_info *info);
int simhost_xl_query(int host_fd, uint32_t domid, struct sim_domain_info *info);
int simhost_xl_rename(int host_fd, uint32_t domid, const char *name);

#endif
