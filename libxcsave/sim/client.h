/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Calls to a simulated host (protocol.h). */
#ifndef LIBXCSAVE_SIM_CLIENT_H
#define LIBXCSAVE_SIM_CLIENT_H

#include "libxcsave/sim/protocol.h"

#include <stddef.h>

/* A connected descriptor, or -1 with errno. */
int sim_connect(const char *dir);

struct sim_call {
    uint32_t op, domid;
    uint64_t arg[2];
    const void *in;         /* payload of the request */
    size_t in_bytes;
    void *out;              /* room for the payload of the reply */
    size_t out_room;
    size_t out_bytes;       /* set: what came, never more than out_room */
    uint64_t value[2];      /* set */
    int *fds;               /* room for nr_fds descriptors; all come, or the call fails */
    unsigned nr_fds;
};

/* 0, or -1 with errno: the host's answer, ETIMEDOUT when there was none, EPROTO when it made no sense. */
int sim_call(int fd, struct sim_call *call);

/* The common case: no payload either way. */
int sim_simple_call(int fd, uint32_t op, uint32_t domid, uint64_t arg0);

#endif
