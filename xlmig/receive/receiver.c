/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/receive/receiver.h"

#include <stdio.h>

void receive_await(struct receiver *r, enum receive_state state, uint64_t timeout_us)
{
    struct timeval in = us_to_timeval(timeout_us);

    r->state = state;
    evtimer_del(r->deadline);
    if (timeout_us)
        evtimer_add(r->deadline, &in);
}

void receive_finish(struct receiver *r, int exit_status)
{
    r->exit_status = exit_status;
    loop_end(r->base, &r->over);
}

void receive_incoming_name(const struct receiver *r, char name[RECEIVE_INCOMING_SIZE])
{
    snprintf(name, RECEIVE_INCOMING_SIZE, "%s--incoming", r->order.vm.name);
}
