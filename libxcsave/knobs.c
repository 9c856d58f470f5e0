/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <stdlib.h>

#include "libxcsave/knobs.h"

struct xcsave_knobs *xcsave_knobs_new(uint64_t max_bandwidth, uint64_t max_downtime_us)
{
    struct xcsave_knobs *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    ratelimit_init(&c->bandwidth, max_bandwidth);
    atomic_init(&c->max_downtime_us, max_downtime_us);
    atomic_init(&c->finish, false);
    atomic_init(&c->held, false);
    return c;
}

void xcsave_knobs_free(struct xcsave_knobs *c)
{
    if (!c)
        return;
    ratelimit_dispose(&c->bandwidth);
    free(c);
}

void xcsave_knobs_set_bandwidth(struct xcsave_knobs *c, uint64_t bytes_per_s)
{
    ratelimit_set(&c->bandwidth, bytes_per_s);
}

void xcsave_knobs_set_downtime(struct xcsave_knobs *c, uint64_t max_downtime_us)
{
    atomic_store_explicit(&c->max_downtime_us, max_downtime_us, memory_order_relaxed);
}

void xcsave_knobs_finish(struct xcsave_knobs *c)
{
    atomic_store_explicit(&c->finish, true, memory_order_relaxed);
}

void xcsave_knobs_hold(struct xcsave_knobs *c)
{
    atomic_store_explicit(&c->held, true, memory_order_relaxed);
}

void xcsave_knobs_release(struct xcsave_knobs *c)
{
    atomic_store_explicit(&c->held, false, memory_order_relaxed);
}
