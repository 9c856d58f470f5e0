/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* PV guests: pfns and frames, one from the other, on either side. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
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

void pv_frames_of(const struct xen_pv *pv, unsigned n, const uint64_t *pfns, xen_pfn_t *frames)
{
    for (unsigned i = 0; i < n; i++)
        frames[i] = pv_pfn_to_mfn(pv, pfns[i]);
}

int pv_plain_frame(struct xen_pv *pv, uint64_t pfn, const char *what, uint64_t *mfn, struct xcsave_error *error)
{
    *mfn = pv_pfn_to_mfn(pv, pfn);
    if (*mfn == PV_INVALID_FRAME || pv->types[pfn] != STREAM_PAGE_NOTAB)
        return xcsave_fail(error, ERANGE, "%s is said to be at pfn %#llx, which is %s", what,
                           (unsigned long long)pfn,
                           *mfn == PV_INVALID_FRAME ? "no memory of the guest" : "a page table");
    return 0;
}
