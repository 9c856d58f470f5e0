/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A simulated host: answers what libxcsave/sim/protocol.h defines. */
#ifndef XLMIG_SIMHOST_SERVER_H
#define XLMIG_SIMHOST_SERVER_H

#include <stdint.h>
#include <sys/types.h>

struct simhost_options {
    const char *dir;
    uint64_t memory_bytes;
    pid_t owner;            /* the host ends when this process does; 0: nobody's */
    int ready_fd;           /* a byte is written here when it can be called; closed then */
};

/* Serve until told to stop, signalled, or left alone: by the owner, or by the removal of the directory.  0 or an errno. */
int simhost_serve(const struct simhost_options *options);

#endif
