/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PV guests: the table of operations, and those that are neither the source's nor the destination's alone. */
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

static int page_types(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, uint32_t *types,
                      struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    xen_pfn_t frames[GUEST_BATCH_PAGES];

    pv_frames_of(g->pv, n, pfns, frames);
    return xen_frame_types(g, n, frames, types, error);
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

/* Page tables that were localised already refer to the frame, so it stays until they are gone. */
static int depopulate(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, struct xcsave_error *error)
{
    (void)base, (void)n, (void)pfns, (void)error;
    return 1;
}

const struct guest_ops xen_pv_ops = {
    .name = "xen-pv",
    .identify = xen_identify,
    .nr_pfns = pv_nr_pfns,
    .static_records = pv_static_records,
    .opening_records = pv_opening_records,
    .layout_records = pv_layout_records,
    .state_records = pv_state_records,
    .logdirty_enable = xen_logdirty_enable,
    .logdirty_read = xen_logdirty_read,
    .logdirty_disable = xen_logdirty_disable,
    .mark_dirty = pv_mark_dirty,
    .has_other_saver = xen_has_other_saver,
    .is_suspended = xen_is_suspended,
    .page_types = page_types,
    .map = map,
    .unmap = xen_unmap,
    .normalise = pv_normalise,
    .accept_identity = pv_accept_identity,
    .accept_record = pv_accept_record,
    .static_data_end = xen_static_data_end,
    .pfn_is_valid = pv_pfn_is_valid,
    .populate = pv_populate,
    .has_superpages = has_superpages,
    .depopulate = depopulate,
    .set_page_type = pv_set_page_type,
    .localise = pv_localise,
    .complete = pv_complete,
    .close = close_guest,
};
