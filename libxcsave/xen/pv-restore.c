/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* PV guests, destination side: building the p2m, putting this host's frames back into page tables. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libxcsave/xen/pv.h"
#include <xenguest.h>
#include "stream-format/libxc-image.h"

#define MAX_PIN_BATCH 1024u

int xen_pv_open_destination(struct xen_guest *g, struct xcsave_error *error)
{
    if (pv_open_common(g, error))
        return -1;
    g->pv->nr_vcpus = g->info.max_vcpu_id + 1;
    g->pv->vcpus = calloc(g->pv->nr_vcpus, sizeof(*g->pv->vcpus));
    return g->pv->vcpus ? 0 : xcsave_fail(error, ENOMEM, "the state of %u vCPUs", g->pv->nr_vcpus);
}

void pv_dispose_destination(struct xen_guest *g)
{
    struct xen_pv *pv = g->pv;

    for (unsigned i = 0; i < pv->nr_vcpus && pv->vcpus; i++) {
        xen_blob_dispose(&pv->vcpus[i].basic);
        xen_blob_dispose(&pv->vcpus[i].extended);
        xen_blob_dispose(&pv->vcpus[i].xsave);
        xen_blob_dispose(&pv->vcpus[i].msrs);
    }
    free(pv->vcpus);
    free(pv->frames);
    free(pv->types);
    pv->vcpus = NULL;
    pv->frames = NULL;
    pv->types = NULL;
}

static int accept_identity(struct xcsave_guest *base, const struct guest_identity *identity, struct xcsave_error *error)
{
    (void)base;
    if (identity->type != STREAM_GUEST_X86_PV)
        return xcsave_fail(error, 0, "the image is of guest type %u, the domain is PV", identity->type);
    return 0;
}

/* ---- records that shape the guest ------------------------------------- */

static int accept_info(struct xen_guest *g, const void *body, size_t len_bytes, struct xcsave_error *error)
{
    const struct stream_x86_pv_info *info = body;

    if (len_bytes < sizeof(*info) || g->pv->seen_info)
        return xcsave_fail(error, 0, "X86_PV_INFO: %s", g->pv->seen_info ? "a second one" : "too short");
    if (!(info->guest_width == 8 && info->pt_levels == 4) && !(info->guest_width == 4 && info->pt_levels == 3))
        return xcsave_fail(error, 0, "X86_PV_INFO: %u-byte words with %u levels of page tables",
                           info->guest_width, info->pt_levels);
    if (info->guest_width != g->pv->width) {
        /* A new PV domain is 64-bit until somebody says otherwise; the stream is the first to know. */
        struct xen_domctl domctl = {
            .cmd = XEN_DOMCTL_set_address_size,
            .domain = (domid_t)g->domid,
            .u.address_size.size = info->guest_width * 8u,
        };

        if (xc_domctl(g->xch, &domctl))
            return xcsave_fail(error, errno, "this Xen cannot run %u-bit PV guests", info->guest_width * 8u);
        if (pv_query_width(g, error) || xen_refresh_info(g, error))
            return -1;
    }
    g->pv->seen_info = true;
    return 0;
}

/* Room for `nr_pfns` pages.  Fresh memory is zero, which means "no frame yet", and costs nothing until touched. */
static int grow_p2m(struct xen_pv *pv, uint64_t nr_pfns, struct xcsave_error *error)
{
    size_t old_frames = pv->nr_p2m_frames;
    size_t nr_frames = (size_t)((nr_pfns * pv->width + GUEST_PAGE_SIZE - 1) / GUEST_PAGE_SIZE);
    uint64_t *frames = calloc(nr_pfns, sizeof(*frames));
    uint8_t *types = calloc(nr_pfns, sizeof(*types));
    uint64_t *frame_pfns = calloc(nr_frames, sizeof(*frame_pfns));

    if (!frames || !types || !frame_pfns) {
        free(frames);
        free(types);
        free(frame_pfns);
        return xcsave_fail(error, ENOMEM, "a p2m of %llu pages", (unsigned long long)nr_pfns);
    }
    if (pv->nr_pfns) {
        memcpy(frames, pv->frames, pv->nr_pfns * sizeof(*frames));
        memcpy(types, pv->types, pv->nr_pfns * sizeof(*types));
        memcpy(frame_pfns, pv->p2m_frame_pfns, old_frames * sizeof(*frame_pfns));
    }
    for (size_t i = old_frames; i < nr_frames; i++)
        frame_pfns[i] = PV_INVALID_FRAME;
    free(pv->frames);
    free(pv->types);
    free(pv->p2m_frame_pfns);
    pv->frames = frames;
    pv->types = types;
    pv->p2m_frame_pfns = frame_pfns;
    pv->nr_p2m_frames = nr_frames;
    pv->nr_pfns = nr_pfns;
    return 0;
}

static int accept_p2m_frames(struct xen_guest *g, const void *body, size_t len_bytes, struct xcsave_error *error)
{
    const struct stream_x86_pv_p2m_frames *record = body;
    struct xen_pv *pv = g->pv;
    uint64_t per_frame = GUEST_PAGE_SIZE / pv->width, first, end;

    if (!pv->seen_info || len_bytes < sizeof(*record) || record->start_pfn > record->end_pfn)
        return xcsave_fail(error, 0, "X86_PV_P2M_FRAMES: %s",
                           pv->seen_info ? "too short, or its range is reversed" : "before X86_PV_INFO");
    first = record->start_pfn / per_frame;
    end = record->end_pfn / per_frame + 1;
    if (len_bytes != sizeof(*record) + (end - first) * sizeof(uint64_t))
        return xcsave_fail(error, 0, "X86_PV_P2M_FRAMES: %zu bytes for pfns %#x to %#x", len_bytes,
                           record->start_pfn, record->end_pfn);
    if ((uint64_t)record->end_pfn + 1 > pv->nr_pfns && grow_p2m(pv, (uint64_t)record->end_pfn + 1, error))
        return -1;
    memcpy(pv->p2m_frame_pfns + first, record->p2m_pfn, (end - first) * sizeof(uint64_t));
    return 0;
}

/*
 * What the guest shares with Xen.  Its event channels are gone: nothing is
 * pending, everything is masked until the guest has bound them anew.
 */
static int accept_shared_info(struct xen_guest *g, const void *body, size_t len_bytes, struct xcsave_error *error)
{
    const shared_info_any_t *old = body;
    xen_pfn_t frame = g->info.shared_info_frame;
    shared_info_any_t *page;

    if (!g->pv->seen_info || len_bytes != GUEST_PAGE_SIZE)
        return xcsave_fail(error, 0, "SHARED_INFO: %s", g->pv->seen_info ? "not a page" : "before X86_PV_INFO");
    page = xen_map_frames(g, PROT_READ | PROT_WRITE, &frame, 1, error);
    if (!page)
        return -1;
#define TAKE_OVER(form)                                                             \
    do {                                                                            \
        memcpy(page->form.vcpu_info, old->form.vcpu_info, sizeof(page->form.vcpu_info)); \
        memcpy(&page->form.arch, &old->form.arch, sizeof(page->form.arch));         \
        page->form.arch.pfn_to_mfn_frame_list_list = 0;                             \
        memset(page->form.evtchn_pending, 0, sizeof(page->form.evtchn_pending));    \
        memset(page->form.evtchn_mask, 0xff, sizeof(page->form.evtchn_mask));       \
        for (unsigned i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)                         \
            page->form.vcpu_info[i].evtchn_pending_sel = 0;                         \
    } while (0)
    if (g->pv->width == 8)
        TAKE_OVER(x64);
    else
        TAKE_OVER(x32);
#undef TAKE_OVER
    xen_unmap_frames(g, page, 1);
    return 0;
}

static int accept_record(struct xcsave_guest *base, uint32_t type, const void *body, size_t len_bytes,
                         struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    switch (type) {
    case STREAM_REC_X86_PV_INFO:
        return accept_info(g, body, len_bytes, error);
    case STREAM_REC_X86_PV_P2M_FRAMES:
        return accept_p2m_frames(g, body, len_bytes, error);
    case STREAM_REC_SHARED_INFO:
        return accept_shared_info(g, body, len_bytes, error);
    case STREAM_REC_X86_PV_VCPU_BASIC:
    case STREAM_REC_X86_PV_VCPU_EXTENDED:
    case STREAM_REC_X86_PV_VCPU_XSAVE:
    case STREAM_REC_X86_PV_VCPU_MSRS:
        return pv_accept_vcpu(g, type, body, len_bytes, error);
    }
    return xen_accept_x86_record(g, type, body, len_bytes, error);
}

/* ---- memory ----------------------------------------------------------- */

static bool pfn_is_valid(struct xcsave_guest *base, uint64_t pfn)
{
    return pfn < to_xen(base)->pv->nr_pfns;
}

static int populate(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, unsigned order, unsigned *done,
                    struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    xen_pfn_t frames[GUEST_BATCH_PAGES];
    int r;

    *done = 0;
    if (order)
        return 0;
    memcpy(frames, pfns, n * sizeof(*frames)); /* in: what the m2p shall say; out: the frame */
    r = xc_domain_populate_physmap(g->xch, g->domid, n, 0, 0, frames);
    if (r < 0)
        return xcsave_fail(error, errno, "giving memory to %u pages of domain %u", n, g->domid);
    for (int i = 0; i < r; i++)
        __atomic_store_n(&g->pv->frames[pfns[i]], frames[i] + 1, __ATOMIC_RELEASE);
    *done = (unsigned)r;
    return 0;
}

/* Xen gives memory as it finds it, unless it is told to scrub. */
static bool new_memory_is_zero(struct xcsave_guest *base)
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

static void set_page_type(struct xcsave_guest *base, uint64_t pfn, uint32_t type)
{
    to_xen(base)->pv->types[pfn] = (uint8_t)type;
}

static int localise(struct xcsave_guest *base, uint32_t type, void *page,
                    int (*need)(void *, unsigned, const uint64_t *, struct xcsave_error *), void *user,
                    struct xcsave_error *error)
{
    struct xen_pv *pv = to_xen(base)->pv;
    unsigned level = pv_table_level(type), nr_missing = 0;
    uint64_t missing[PV_PTES_PER_TABLE];
    uint64_t *table = page;

    if (!level)
        return 0;
    if (level > pv->levels)
        return xcsave_fail(error, 0, "a level %u page table in a guest of %u levels", level, pv->levels);
    for (unsigned i = 0; i < PV_PTES_PER_TABLE; i++)
        if (table[i] & PV_PTE_PRESENT && pv_pfn_to_mfn(pv, pv_pte_frame(table[i])) == PV_INVALID_FRAME)
            missing[nr_missing++] = pv_pte_frame(table[i]);
    if (nr_missing && need(user, nr_missing, missing, error))
        return -1;
    for (unsigned i = 0; i < PV_PTES_PER_TABLE; i++)
        if (table[i] & PV_PTE_PRESENT)
            table[i] = pv_pte_with_frame(table[i], pv_pfn_to_mfn(pv, pv_pte_frame(table[i])));
    return 0;
}

/* ---- completion ------------------------------------------------------- */

static int pin_batch(struct xen_guest *g, struct mmuext_op *ops, unsigned n, struct xcsave_error *error)
{
    if (n && xc_mmuext_op(g->xch, ops, n, g->domid))
        return xcsave_fail(error, errno, "Xen refuses a page table of the guest");
    return 0;
}

static int pin_page_tables(struct xen_guest *g, struct xcsave_error *error)
{
    static const unsigned commands[] = {
        [1] = MMUEXT_PIN_L1_TABLE, [2] = MMUEXT_PIN_L2_TABLE,
        [3] = MMUEXT_PIN_L3_TABLE, [4] = MMUEXT_PIN_L4_TABLE,
    };
    struct xen_pv *pv = g->pv;
    struct mmuext_op ops[MAX_PIN_BATCH];
    unsigned n = 0;

    for (uint64_t pfn = 0; pfn < pv->nr_pfns; pfn++) {
        unsigned level = pv_table_level(pv->types[pfn]);

        if (!level || !(pv->types[pfn] & STREAM_PAGE_LPINNED))
            continue;
        ops[n] = (struct mmuext_op){ .cmd = commands[level], .arg1.mfn = pv_pfn_to_mfn(pv, pfn) };
        if (++n == MAX_PIN_BATCH) {
            if (pin_batch(g, ops, n, error))
                return -1;
            n = 0;
        }
    }
    return pin_batch(g, ops, n, error);
}

static void write_p2m_entries(const struct xen_pv *pv, void *frame, uint64_t first_pfn)
{
    uint64_t per_frame = GUEST_PAGE_SIZE / pv->width;

    for (uint64_t i = 0; i < per_frame && first_pfn + i < pv->nr_pfns; i++) {
        uint64_t mfn = pv_pfn_to_mfn(pv, first_pfn + i);

        if (pv->width == 8)
            ((uint64_t *)frame)[i] = mfn;
        else
            ((uint32_t *)frame)[i] = (uint32_t)mfn;
    }
}

/* The guest's own p2m, in its memory, still holds the frames of the host that it came from. */
static int rewrite_p2m(struct xen_guest *g, struct xcsave_error *error)
{
    struct xen_pv *pv = g->pv;
    uint64_t per_frame = GUEST_PAGE_SIZE / pv->width;

    for (size_t at = 0; at < pv->nr_p2m_frames;) {
        xen_pfn_t frames[GUEST_BATCH_PAGES];
        size_t n = pv->nr_p2m_frames - at < GUEST_BATCH_PAGES ? pv->nr_p2m_frames - at : GUEST_BATCH_PAGES;
        uint8_t *mapping;

        for (size_t i = 0; i < n; i++) {
            uint64_t mfn;

            if (pv_plain_frame(pv, pv->p2m_frame_pfns[at + i], "a frame of the p2m", &mfn, error))
                return -1;
            frames[i] = mfn;
        }
        mapping = xen_map_frames(g, PROT_READ | PROT_WRITE, frames, n, error);
        if (!mapping)
            return -1;
        for (size_t i = 0; i < n; i++)
            write_p2m_entries(pv, mapping + i * GUEST_PAGE_SIZE, (at + i) * per_frame);
        xen_unmap_frames(g, mapping, n);
        at += n;
    }
    return 0;
}

static int complete(struct xcsave_guest *base, struct xcsave_restore_result *result, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    if (!g->pv->seen_info || !g->pv->nr_pfns)
        return xcsave_fail(error, 0, "the image has no X86_PV_INFO or no X86_PV_P2M_FRAMES");
    if (pv_set_vcpus(g, result, error) || pin_page_tables(g, error) || rewrite_p2m(g, error))
        return -1;
    if (xc_dom_gnttab_seed(g->xch, g->domid, false, result->console_gfn, result->store_gfn,
                           g->wiring.console_domid, g->wiring.store_domid))
        return xcsave_fail(error, errno, "granting xenstore and console rings of domain %u", g->domid);
    return 0;
}

const struct guest_restore_ops xen_pv_restore_ops = {
    .accept_identity = accept_identity,
    .accept_record = accept_record,
    .static_data_end = xen_static_data_end,
    .pfn_is_valid = pfn_is_valid,
    .populate = populate,
    .new_memory_is_zero = new_memory_is_zero,
    .depopulate = depopulate,
    .set_page_type = set_page_type,
    .localise = localise,
    .complete = complete,
};
