/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PV guests: what source and destination share, and the table of operations. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libxcsave/xen/pv.h"
#include <xenguest.h>
#include "stream-format/libxc-image.h"

/* Xen hands out its m2p in pieces of this size. */
#define M2P_CHUNK_BYTES (UINT64_C(2) << 20)

uint64_t pv_pfn_to_mfn(const struct xen_pv *pv, uint64_t pfn)
{
    if (pfn >= pv->nr_pfns)
        return PV_INVALID_FRAME;
    if (pv->frames)
        return __atomic_load_n(&pv->frames[pfn], __ATOMIC_ACQUIRE) - 1; /* 0: none */
    if (!pv->p2m)
        return PV_INVALID_FRAME;
    if (pv->width == 8)
        return __atomic_load_n((const uint64_t *)pv->p2m + pfn, __ATOMIC_RELAXED);
    uint32_t entry = __atomic_load_n((const uint32_t *)pv->p2m + pfn, __ATOMIC_RELAXED);
    return entry == UINT32_MAX ? PV_INVALID_FRAME : entry;
}

uint64_t pv_mfn_to_pfn(const struct xen_pv *pv, uint64_t mfn)
{
    uint64_t pfn;

    if (mfn >= pv->nr_m2p)
        return PV_INVALID_FRAME;
    pfn = __atomic_load_n(pv->m2p + mfn, __ATOMIC_RELAXED);
    return pfn != PV_INVALID_FRAME && pv_pfn_to_mfn(pv, pfn) == mfn ? pfn : PV_INVALID_FRAME;
}

uint64_t pv_cr3_to_frame(const struct xen_pv *pv, uint64_t cr3)
{
    if (pv->width == 8)
        return cr3 >> GUEST_PAGE_SHIFT;
    return cr3 > UINT32_MAX ? PV_INVALID_FRAME : (uint32_t)(cr3 >> 12 | cr3 << 20);
}

uint64_t pv_frame_to_cr3(const struct xen_pv *pv, uint64_t frame)
{
    if (pv->width == 8)
        return frame << GUEST_PAGE_SHIFT;
    return (uint32_t)(frame << 12 | frame >> 20);
}

unsigned pv_table_level(uint32_t type)
{
    uint32_t level = type & ~STREAM_PAGE_LPINNED;

    return level >= STREAM_PAGE_L1TAB && level <= STREAM_PAGE_L4TAB ? level : 0;
}

int pv_query_width(struct xen_guest *g, struct xcsave_error *error)
{
    unsigned width;

    if (xc_domain_get_guest_width(g->xch, g->domid, &width))
        return xcsave_fail(error, errno, "asking for the word size of domain %u", g->domid);
    if (width != 4 && width != 8)
        return xcsave_fail(error, 0, "domain %u has words of %u bytes", g->domid, width);
    g->pv->width = width;
    g->pv->levels = width == 8 ? 4 : 3;
    return 0;
}

static int map_m2p(struct xen_guest *g, struct xcsave_error *error)
{
    struct xen_pv *pv = g->pv;
    unsigned long max_mfn;

    if (xc_maximum_ram_page(g->xch, &max_mfn) < 0)
        return xcsave_fail(error, errno, "asking for the highest frame of this host");
    pv->m2p = xc_map_m2p(g->xch, max_mfn, PROT_READ, NULL);
    if (!pv->m2p)
        return xcsave_fail(error, errno, "mapping Xen's machine-to-physical table");
    pv->m2p_bytes = (max_mfn * sizeof(*pv->m2p) + M2P_CHUNK_BYTES - 1) / M2P_CHUNK_BYTES * M2P_CHUNK_BYTES;
    pv->nr_m2p = pv->m2p_bytes / sizeof(*pv->m2p);
    if (pv->nr_m2p > max_mfn + 1)
        pv->nr_m2p = max_mfn + 1;
    return 0;
}

int pv_open_common(struct xen_guest *g, struct xcsave_error *error)
{
    g->pv = calloc(1, sizeof(*g->pv));
    if (!g->pv)
        return xcsave_fail(error, ENOMEM, "domain %u", g->domid);
    return pv_query_width(g, error) || map_m2p(g, error) ? -1 : 0;
}

void xen_pv_dispose(struct xen_guest *g)
{
    if (!g->pv)
        return;
    pv_dispose_source(g);
    pv_dispose_destination(g);
    if (g->pv->m2p)
        (void)munmap((void *)g->pv->m2p, g->pv->m2p_bytes);
    free(g->pv->p2m_frame_pfns);
    free(g->pv);
    g->pv = NULL;
}

/* Types and mappings go by mfn; a pfn without one is a hole. */
static void frames_of(struct xen_pv *pv, unsigned n, const uint64_t *pfns, xen_pfn_t *frames)
{
    for (unsigned i = 0; i < n; i++)
        frames[i] = pv_pfn_to_mfn(pv, pfns[i]);
}

static int page_types(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, uint32_t *types,
                      struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    xen_pfn_t frames[GUEST_BATCH_PAGES];

    frames_of(g->pv, n, pfns, frames);
    return xen_frame_types(g, n, frames, types, error);
}

static void *map(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, bool writable, uint8_t **pages,
                 int *errs, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    xen_pfn_t frames[GUEST_BATCH_PAGES];

    frames_of(g->pv, n, pfns, frames);
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
    .close = xen_close,
};
