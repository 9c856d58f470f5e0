/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "libxcsave/save/extents.h"
#include "stream-format/image1/image1.h"

#define NR_PROBES (IMAGE1_EXTENT_PAGES / EXTENTS_STEP)

/* What is looked at first is one page: most of a sparse pfn space is holes. */
static int is_whole(struct xcsave_guest *g, uint64_t first, bool *whole, struct xcsave_error *error)
{
    uint64_t pfns[GUEST_BATCH_PAGES];
    uint32_t types[GUEST_BATCH_PAGES];
    unsigned n = 1;

    *whole = true;
    for (uint64_t at = 0; *whole && at < NR_PROBES; at += n) {
        if (at)
            n = NR_PROBES - at < GUEST_BATCH_PAGES ? (unsigned)(NR_PROBES - at) : GUEST_BATCH_PAGES;
        for (unsigned i = 0; i < n; i++)
            pfns[i] = first + (at + i) * EXTENTS_STEP;
        if (g->save->page_types(g, n, pfns, types, error))
            return -1;
        for (unsigned i = 0; i < n; i++)
            *whole = *whole && stream_page_type_has_data(types[i]);
    }
    return 0;
}

static void add(struct image1_extents *runs, unsigned *n, uint64_t first)
{
    struct image1_extents *last = *n ? &runs[*n - 1] : NULL;

    if (last && last->pfn + last->count * IMAGE1_EXTENT_PAGES == first)
        last->count++;
    else
        runs[(*n)++] = (struct image1_extents){ first, 1 };
}

/* No more extents can be whole than the guest has memory for; where that cannot be told, none is. */
static int find(struct page_sink *s, struct image1_extents *runs, unsigned *n, struct xcsave_error *error)
{
    struct xcsave_guest *g = s->guest;
    uint64_t nr_pages = s->nr_pfns, counted;
    int r;

    *n = 0;
    r = g->save->nr_present(g, &counted, error);
    if (r < 0)
        return -1;
    if (r == 0)
        nr_pages = counted;
    for (uint64_t first = 0; nr_pages >= IMAGE1_EXTENT_PAGES && s->nr_pfns - first >= IMAGE1_EXTENT_PAGES &&
         *n < IMAGE1_EXTENTS_RUNS_MAX; first += IMAGE1_EXTENT_PAGES) {
        bool whole;

        if (is_whole(g, first, &whole, error))
            return -1;
        if (!whole)
            continue;
        add(runs, n, first);
        nr_pages -= IMAGE1_EXTENT_PAGES;
    }
    return 0;
}

int extents_tell(struct page_sink *s, struct xcsave_error *error)
{
    struct image1_extents *runs;
    unsigned n;
    int rc;

    if (!s->ops->extents || !s->guest->ops->has_superpages(s->guest))
        return 0;
    runs = calloc(IMAGE1_EXTENTS_RUNS_MAX, sizeof(*runs));
    if (!runs)
        return xcsave_fail(error, ENOMEM, "a list of extents");
    rc = find(s, runs, &n, error);
    if (!rc && n)
        rc = s->ops->extents(s, runs, n, error);
    free(runs);
    return rc;
}
