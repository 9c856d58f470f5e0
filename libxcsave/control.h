/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside struct xcsave_control: what may be turned while a save runs. */
#ifndef XCSAVE_CONTROL_H
#define XCSAVE_CONTROL_H

#include <stdatomic.h>

#include "libxcsave/ratelimit.h"
#include "libxcsave/xcsave.h"

struct xcsave_control {
    struct ratelimit bandwidth;     /* one for all channels */
    _Atomic uint64_t max_downtime_us;
    atomic_bool finish;
    atomic_bool held;
};

static inline uint64_t control_max_downtime_us(struct xcsave_control *c)
{
    return atomic_load_explicit(&c->max_downtime_us, memory_order_relaxed);
}

static inline bool control_finish_asked(struct xcsave_control *c)
{
    return atomic_load_explicit(&c->finish, memory_order_relaxed);
}

static inline bool control_is_held(struct xcsave_control *c)
{
    return atomic_load_explicit(&c->held, memory_order_relaxed);
}

#endif
