/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The dirty log of a simulated guest, which means what Xen's means; see guest.h. */
#include "config.h"

#include "xlmig/simhost/guest-private.h"

#include <errno.h>
#include <string.h>

static void read_log(struct simguest *g, bool clean)
{
    const size_t words = simguest_log_bytes(g) / 8;

    for (size_t i = 0; i < words; i++) {
        g->dirty_out[i] = g->dirty[i];
        if (clean)
            g->dirty[i] = 0;
    }
}

int simguest_logdirty(struct simguest *g, enum sim_logdirty op)
{
    int rc = 0;

    simguest_hold(g);
    if (op == SIM_LOGDIRTY_DISABLE)
        g->logdirty = false;
    else if (op == SIM_LOGDIRTY_ENABLE && g->logdirty)
        rc = EBUSY;
    else if (op == SIM_LOGDIRTY_ENABLE) {
        memset((void *)g->dirty, 0, simguest_log_bytes(g));
        g->logdirty = true;
    } else if (!g->logdirty)
        rc = EINVAL;
    else
        read_log(g, op == SIM_LOGDIRTY_CLEAN);
    simguest_release(g);
    return rc;
}

int simguest_mark_dirty(struct simguest *g, uint64_t pfn)
{
    int rc = 0;

    simguest_hold(g);
    if (!g->logdirty || pfn >= g->config.max_pfns)
        rc = EINVAL;
    else
        g->dirty[pfn / 64] |= UINT64_C(1) << (pfn % 64);
    simguest_release(g);
    return rc;
}

void simguest_emulator_logdirty(struct simguest *g, bool enable)
{
    simguest_hold(g);
    g->emulator_logdirty = enable;
    simguest_release(g);
}
