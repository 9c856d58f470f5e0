/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Inside struct xcsave_knobs: what may be turned while a save runs. */
#ifndef LIBXCSAVE_KNOBS_H
#define LIBXCSAVE_KNOBS_H

#include <stdatomic.h>

#include "libxcsave/ratelimit.h"
#include "libxcsave/xcsave.h"

struct xcsave_knobs {
    struct ratelimit bandwidth;     /* one for all channels */
    _Atomic uint64_t max_downtime_us;
    atomic_bool finish;
    atomic_bool held;
};

static inline uint64_t knobs_max_downtime_us(struct xcsave_knobs *c)
{
    return atomic_load_explicit(&c->max_downtime_us, memory_order_relaxed);
}

static inline bool knobs_finish_asked(struct xcsave_knobs *c)
{
    return atomic_load_explicit(&c->finish, memory_order_relaxed);
}

static inline bool knobs_is_held(struct xcsave_knobs *c)
{
    return atomic_load_explicit(&c->held, memory_order_relaxed);
}

#endif
