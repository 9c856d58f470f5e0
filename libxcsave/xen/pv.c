/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* PV guests: the operations that both sides have. */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "libxcsave/xen/pv.h"

static void dispose(struct xen_guest *g)
{
    pv_dispose_source(g);
    pv_dispose_destination(g);
    if (g->pv->m2p)
        (void)munmap((void *)g->pv->m2p, g->pv->m2p_bytes);
    free(g->pv->p2m_frame_pfns);
    free(g->pv);
    g->pv = NULL;
}

static void close_guest(struct xcsave_guest *base)
{
    if (to_xen(base)->pv)
        dispose(to_xen(base));
    xen_close(base);
}

static void *map(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, bool writable, uint8_t **pages,
                 int *errs, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    xen_pfn_t frames[GUEST_BATCH_PAGES];

    pv_frames_of(g->pv, n, pfns, frames);
    return xen_map_some(g, n, frames, writable, pages, errs, error);
}

static bool has_superpages(struct xcsave_guest *base)
{
    (void)base;
    return false;
}

const struct guest_ops xen_pv_ops = {
    .name = "xen-pv",
    .map = map,
    .unmap = xen_unmap,
    .has_superpages = has_superpages,
    .close = close_guest,
};
