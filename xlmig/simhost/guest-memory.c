/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Which pages a simulated guest has, and in what extents; see guest.h. */
#include "config.h"

#include "xlmig/simhost/guest-private.h"

#include <errno.h>
#include <fcntl.h>

static bool take_from_pool(struct simguest *g, int64_t n)
{
    if (atomic_fetch_sub(&g->pool->free_pages, n) >= n)
        return true;
    atomic_fetch_add(&g->pool->free_pages, n);
    return false;
}

int simguest_take_page(struct simguest *g, uint64_t pfn)
{
    if (!take_from_pool(g, 1))
        return ENOMEM;
    g->pages[pfn] = SIM_PAGE_SMALL;
    return 0;
}

/* The aligned extent around pfn is from now on made of smaller ones. */
static void break_extent(struct simguest *g, uint64_t pfn, uint64_t n, uint8_t state)
{
    const uint64_t first = pfn & ~(n - 1);

    for (uint64_t i = first; i < first + n; i++)
        g->pages[i] = state;
}

void simguest_give_page(struct simguest *g, uint64_t pfn)
{
    if (g->pages[pfn] == SIM_PAGE_HUGE)
        break_extent(g, pfn, PAGES_PER_HUGEPAGE, SIM_PAGE_SUPER);
    if (g->pages[pfn] == SIM_PAGE_SUPER)
        break_extent(g, pfn, PAGES_PER_SUPERPAGE, SIM_PAGE_SMALL);
    g->pages[pfn] = SIM_PAGE_ABSENT;
    fallocate(g->fds[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(pfn * PATTERN_PAGE_SIZE),
              PATTERN_PAGE_SIZE);
    atomic_fetch_add(&g->pool->free_pages, 1);
}

static int populate_extent(struct simguest *g, uint64_t first, uint64_t n)
{
    for (uint64_t pfn = first; pfn < first + n; pfn++)
        if (g->pages[pfn] != SIM_PAGE_ABSENT)
            return EEXIST;
    if (!take_from_pool(g, (int64_t)n))
        return ENOMEM;
    for (uint64_t pfn = first; pfn < first + n; pfn++)
        g->pages[pfn] = n == 1 ? SIM_PAGE_SMALL : n == PAGES_PER_SUPERPAGE ? SIM_PAGE_SUPER : SIM_PAGE_HUGE;
    if (first + n > g->nr_pfns)
        g->nr_pfns = first + n;
    return 0;
}

int simguest_populate(struct simguest *g, unsigned n, const uint64_t *pfns, unsigned order, unsigned *done)
{
    const uint64_t extent = UINT64_C(1) << (order & 31);
    int rc = 0;

    *done = 0;
    if (extent != 1 && extent != PAGES_PER_SUPERPAGE && extent != PAGES_PER_HUGEPAGE)
        return EINVAL;
    simguest_hold(g);
    while (!rc && *done < n) {
        const uint64_t pfn = pfns[*done];
        if (pfn % extent || pfn >= g->config.max_pfns || extent > g->config.max_pfns - pfn)
            rc = EINVAL;
        else
            rc = populate_extent(g, pfn, extent);
        if (!rc)
            ++*done;
    }
    simguest_release(g);
    return rc;
}

int simguest_depopulate(struct simguest *g, unsigned n, const uint64_t *pfns)
{
    int rc = 0;

    simguest_hold(g);
    for (unsigned i = 0; i < n && !rc; i++) {
        if (pfns[i] >= g->config.max_pfns || g->pages[pfns[i]] == SIM_PAGE_ABSENT)
            rc = ENOENT;
        else
            simguest_give_page(g, pfns[i]);
    }
    simguest_release(g);
    return rc;
}
