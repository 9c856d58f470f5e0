/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/save/log-guard.h"

int log_guard_mark(struct log_guard *w, struct xcsave_guest *g, uint64_t nr_pfns, struct xcsave_error *error)
{
    uint64_t pfn = 0;
    int r = w->works ? g->save->mark_dirty(g, &pfn, error) : 1;

    if (r < 0)
        return -1;
    w->on = r == 0 && pfn < nr_pfns;
    w->pfn = pfn;
    return 0;
}

int log_guard_check(struct log_guard *w, const uint64_t *log, struct xcsave_error *error)
{
    if (!w->on || bitmap_test(log, w->pfn))
        return 0;
    w->taken = true;
    xcsave_fail(error, 0, "the dirty log of the VM was taken by another save or migration of it; "
                          "what was copied cannot be trusted");
    error->errnum = EBUSY;
    return -1;
}

uint64_t log_guard_count(const struct log_guard *w, const uint64_t *map, uint64_t nr_pfns)
{
    uint64_t count = bitmap_count(map, bitmap_words(nr_pfns));

    return count - (w->on && bitmap_test(map, w->pfn));
}
