/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The toolstack of a simulated host, from the inside: what its files share.
 *
 *   sim.c        open, close, the table; all that the host's socket answers
 *   child.c  what libxl and xl would do: child processes of xlmig-simhost's own
 *                          (xlmig/simhost/xl.h), with the save helper below them, as it is below libxl
 */
#ifndef XLMIG_TOOLSTACK_SIM_SIM_H
#define XLMIG_TOOLSTACK_SIM_SIM_H

#include "xlmig/toolstack/toolstack.h"

struct sim_suspend;

struct sim_toolstack {
    struct toolstack ts;
    struct event_base *base;
    int host_fd;
    struct sim_suspend *suspend;    /* under way; NULL: none */
    char directory[];
};

static inline struct sim_toolstack *to_sim(struct toolstack *ts)
{
    return (struct sim_toolstack *)ts;
}

/* child: as toolstack.h has them */
void sim_op_suspend(struct toolstack *ts, uint32_t domid, const struct toolstack_suspend *how);
void sim_op_suspend_abort(struct toolstack *ts);
int sim_op_suspend_tell(struct toolstack *ts, struct helper_command command, struct failure *failure);
int sim_op_receive(struct toolstack *ts, const struct toolstack_receiver *how, pid_t *pid, struct failure *failure);
int sim_op_restore(struct toolstack *ts, const struct toolstack_restorer *how, pid_t *pid, struct failure *failure);

#endif
