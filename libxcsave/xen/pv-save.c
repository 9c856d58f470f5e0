/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* PV guests, source side: layout, page tables and vCPUs with pfns in place of this host's frames. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libxcsave/xen/pv.h"
#include "stream-format/libxc-image.h"

/* Where Xen lives in a guest's address space. */
#define XEN_START_64 UINT64_C(0xffff800000000000)
#define XEN_END_64 UINT64_C(0xffff87ffffffffff)
#define XEN_START_32 UINT64_C(0xf5800000)

int xen_pv_open_source(struct xen_guest *g, struct xcsave_error *error)
{
    xen_pfn_t frame = g->info.shared_info_frame;

    if (pv_open_common(g, error))
        return -1;
    g->pv->shared_info = xen_map_frames(g, PROT_READ, &frame, 1, error);
    if (!g->pv->shared_info)
        return -1;
    if (g->pv->levels == 3) {
        struct xen_machphys_mfn_list compat = { .max_extents = 1 };
        xen_pfn_t mfn = 0;

        set_xen_guest_handle_raw(compat.extent_start, &mfn);
        if (xc_memory_op(g->xch, XENMEM_machphys_compat_mfn_list, &compat, sizeof(compat)) ||
            compat.nr_extents != 1)
            return xcsave_fail(error, errno, "asking for Xen's 32-bit machine-to-physical table");
        g->pv->compat_m2p_mfn = mfn;
    }
    return pv_map_p2m(g, error);
}

void pv_dispose_source(struct xen_guest *g)
{
    pv_unmap_p2m(g);
    xen_unmap_frames(g, (void *)g->pv->shared_info, 1);
    g->pv->shared_info = NULL;
}

static int nr_pfns(struct xcsave_guest *base, uint64_t *nr, struct xcsave_error *error)
{
    (void)error;
    *nr = to_xen(base)->pv->nr_pfns;
    return 0;
}

/* Nobody counts a PV guest's pfns. */
static int nr_present(struct xcsave_guest *base, uint64_t *nr, struct xcsave_error *error)
{
    (void)base, (void)error;
    *nr = 0;
    return 1;
}

/* Xen marks a page whose entry of the m2p is written, and with it what a PV guest takes. */
static int memory_pages(struct xcsave_guest *base, uint64_t *nr, struct xcsave_error *error)
{
    (void)base, (void)error;
    *nr = 0;
    return 0;
}

static int static_records(struct xcsave_guest *base, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    struct stream_x86_pv_info info = {
        .guest_width = (uint8_t)g->pv->width,
        .pt_levels = (uint8_t)g->pv->levels,
    };

    if (emit(user, STREAM_REC_X86_PV_INFO, &info, sizeof(info)))
        return -1;
    return xen_emit_cpu_policy(g, emit, user, error);
}

/* Where the p2m lies, for the destination to put its own there. */
static int opening_records(struct xcsave_guest *base, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct xen_pv *pv = to_xen(base)->pv;
    size_t len_bytes = sizeof(struct stream_x86_pv_p2m_frames) + pv->nr_p2m_frames * sizeof(uint64_t);
    struct stream_x86_pv_p2m_frames *body = malloc(len_bytes);
    int rc;

    if (!body)
        return xcsave_fail(error, ENOMEM, "a list of %zu frames", pv->nr_p2m_frames);
    body->start_pfn = 0;
    body->end_pfn = (uint32_t)(pv->nr_pfns - 1);
    memcpy(body->p2m_pfn, pv->p2m_frame_pfns, pv->nr_p2m_frames * sizeof(uint64_t));
    rc = emit(user, STREAM_REC_X86_PV_P2M_FRAMES, body, len_bytes);
    free(body);
    return rc;
}

/*
 * A guest whose p2m list was mapped anew (it grew) counts its generation up.
 * The list is found again, and told again if it moved; pages that went through
 * the old mapping meanwhile are dirty, because only their owner changes a p2m entry
 * and what it does to the page afterwards is logged.
 */
static int layout_records(struct xcsave_guest *base, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    struct xen_pv *pv = g->pv;
    uint64_t old_nr_pfns = pv->nr_pfns;
    volatile const shared_info_any_t *shared_info = pv->shared_info;

    if (!pv->p2m_is_list || PV_GET(shared_info, arch.p2m_generation, pv->width) == pv->p2m_generation)
        return 0;
    if (pv_map_p2m(g, error))
        return -1;
    if (pv->nr_pfns < old_nr_pfns)
        return xcsave_fail(error, ERANGE, "the guest's p2m shrank from %llu to %llu pages while it was copied",
                           (unsigned long long)old_nr_pfns, (unsigned long long)pv->nr_pfns);
    return opening_records(base, emit, user, error);
}

/* ---- a page marked dirty ---------------------------------------------- */

static int say_again(struct xen_guest *g, uint64_t mfn, uint64_t pfn)
{
    mmu_update_t *update = xencall_alloc_buffer(g->xcall, sizeof(*update));
    int r;

    if (!update)
        return -1;
    *update = (mmu_update_t){ .ptr = mfn << GUEST_PAGE_SHIFT | MMU_MACHPHYS_UPDATE, .val = pfn };
    r = xencall4(g->xcall, __HYPERVISOR_mmu_update, (uintptr_t)update, 1, 0, g->domid);
    xencall_free_buffer(g->xcall, update);
    return r;
}

/*
 * Xen marks a page whose entry of the m2p is written, and here that says what it
 * said before.  It is the first page of the guest's p2m: it is mapped here, so
 * the guest cannot give its frame away meanwhile.
 */
static int mark_dirty(struct xcsave_guest *base, uint64_t *pfn, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    uint64_t mfn;

    (void)error;
    if (!g->xcall || !g->pv->nr_p2m_frames)
        return 1;
    *pfn = g->pv->p2m_frame_pfns[0];
    mfn = pv_pfn_to_mfn(g->pv, *pfn);
    if (pv_mfn_to_pfn(g->pv, mfn) != *pfn)
        return 1;
    return say_again(g, mfn, *pfn) ? 1 : 0;
}

static int page_types(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, uint32_t *types,
                      struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    xen_pfn_t frames[GUEST_BATCH_PAGES];

    pv_frames_of(g->pv, n, pfns, frames);
    return xen_frame_types(g, n, frames, types, error);
}

/* ---- page tables ------------------------------------------------------ */

struct index_range {
    unsigned first, end;
};

/* Entries of a table that are Xen's own and are rebuilt by the Xen of the destination. */
static struct index_range xen_entries(const struct xen_pv *pv, unsigned level, const uint64_t *table)
{
    const struct index_range none = { 0, 0 };

    if (pv->levels == 4) {
        if (level != 4)
            return none;
        return (struct index_range){ (XEN_START_64 >> 39) & 511, ((XEN_END_64 >> 39) & 511) + 1 };
    }
    if (level == 3)             /* only the first four are the guest's */
        return (struct index_range){ 4, PV_PTES_PER_TABLE };
    if (level == 2) {
        unsigned first = (XEN_START_32 >> 21) & 511;

        /* One of the guest's L2 tables ends in Xen's mappings; it shows by its first one. */
        if (pv_pte_frame(table[first]) == pv->compat_m2p_mfn)
            return (struct index_range){ first, PV_PTES_PER_TABLE };
    }
    return none;
}

static int normalise_entry(const struct xen_pv *pv, unsigned level, uint64_t *entry, struct xcsave_error *error)
{
    uint64_t pfn;

    if (!(*entry & PV_PTE_PRESENT))
        return 0;
    if (level > 1 && *entry & PV_PTE_SUPERPAGE)
        return xcsave_fail(error, ENOTSUP, "a PV superpage (level %u entry %#llx)", level,
                           (unsigned long long)*entry);
    pfn = pv_mfn_to_pfn(pv, pv_pte_frame(*entry));
    /* A table half updated, or a mapping of somebody else's memory (a grant) that goes away before suspend. */
    if (pfn == PV_INVALID_FRAME)
        return xcsave_fail(error, EAGAIN, "level %u entry %#llx refers to a frame that is not the guest's", level,
                           (unsigned long long)*entry);
    *entry = pv_pte_with_frame(*entry, pfn);
    return 0;
}

static int normalise(struct xcsave_guest *base, uint32_t type, const void *page, void *out, struct xcsave_error *error)
{
    struct xen_pv *pv = to_xen(base)->pv;
    unsigned level = pv_table_level(type);
    uint64_t *table = out;
    struct index_range xen;

    if (!level)
        return 0;
    if (level > pv->levels)
        return xcsave_fail(error, 0, "a level %u page table in a guest of %u levels", level, pv->levels);
    memcpy(table, page, GUEST_PAGE_SIZE); /* the guest may change it at any time: look at a copy */
    xen = xen_entries(pv, level, table);
    for (unsigned i = 0; i < PV_PTES_PER_TABLE; i++) {
        if (i >= xen.first && i < xen.end)
            table[i] = 0;
        else if (normalise_entry(pv, level, &table[i], error))
            return -1;
    }
    return 1;
}

/* ---- vCPUs ------------------------------------------------------------ */

static int frame_to_pfn(const struct xen_pv *pv, uint64_t mfn, const char *what, unsigned vcpu_id, uint64_t *pfn,
                        struct xcsave_error *error)
{
    *pfn = pv_mfn_to_pfn(pv, mfn);
    if (*pfn == PV_INVALID_FRAME)
        return xcsave_fail(error, ERANGE, "%s of vCPU %u (frame %#llx) is not the guest's", what, vcpu_id,
                           (unsigned long long)mfn);
    return 0;
}

static int normalise_gdt(const struct xen_pv *pv, unsigned id, vcpu_guest_context_any_t *context,
                         struct xcsave_error *error)
{
    uint64_t nr_entries = PV_GET(context, gdt_ents, pv->width);

    if (nr_entries > PV_GDT_GUEST_ENTRIES)
        return xcsave_fail(error, ERANGE, "vCPU %u has a GDT of %llu entries", id, (unsigned long long)nr_entries);
    for (uint64_t i = 0; i * PV_GDT_ENTRIES_PER_FRAME < nr_entries; i++) {
        uint64_t pfn;

        if (frame_to_pfn(pv, PV_GET(context, gdt_frames[i], pv->width), "the GDT", id, &pfn, error))
            return -1;
        PV_SET(context, gdt_frames[i], pfn, pv->width);
    }
    return 0;
}

/* Roots of the page tables: cr3, and for 64-bit guests the user half in cr1, bit 0 saying that it is there. */
static int normalise_roots(const struct xen_pv *pv, unsigned id, vcpu_guest_context_any_t *context,
                           struct xcsave_error *error)
{
    uint64_t pfn;

    if (frame_to_pfn(pv, pv_cr3_to_frame(pv, PV_GET(context, ctrlreg[3], pv->width)), "cr3", id, &pfn, error))
        return -1;
    PV_SET(context, ctrlreg[3], pv_frame_to_cr3(pv, pfn), pv->width);
    if (pv->width == 4 || !context->x64.ctrlreg[1])
        return 0;
    if (frame_to_pfn(pv, context->x64.ctrlreg[1] >> GUEST_PAGE_SHIFT, "the user page table", id, &pfn, error))
        return -1;
    context->x64.ctrlreg[1] = pfn << GUEST_PAGE_SHIFT | 1;
    return 0;
}

/* A vCPU record: the id, then `len_bytes` of state. */
static int emit_vcpu(guest_emit_record *emit, void *user, uint32_t type, unsigned id, const void *state,
                     size_t len_bytes, struct xcsave_error *error)
{
    struct stream_x86_pv_vcpu *body = malloc(sizeof(*body) + len_bytes);
    int rc;

    if (!body)
        return xcsave_fail(error, ENOMEM, "the state of vCPU %u", id);
    *body = (struct stream_x86_pv_vcpu){ .vcpu_id = id };
    memcpy(body->context, state, len_bytes);
    rc = emit(user, type, body, sizeof(*body) + len_bytes);
    free(body);
    return rc;
}

static int emit_basic(struct xen_guest *g, unsigned id, guest_emit_record *emit, void *user,
                      struct xcsave_error *error)
{
    struct xen_pv *pv = g->pv;
    vcpu_guest_context_any_t context;
    uint64_t pfn;

    if (xc_vcpu_getcontext(g->xch, g->domid, id, &context))
        return xcsave_fail(error, errno, "reading vCPU %u", id);
    if (id == 0) {
        /* The suspend hypercall left the frame of the start info page in edx. */
        if (frame_to_pfn(pv, PV_GET(&context, user_regs.edx, pv->width), "the start info page", id, &pfn, error))
            return -1;
        PV_SET(&context, user_regs.edx, pfn, pv->width);
    }
    if (normalise_gdt(pv, id, &context, error) || normalise_roots(pv, id, &context, error))
        return -1;
    return emit_vcpu(emit, user, STREAM_REC_X86_PV_VCPU_BASIC, id, &context,
                     pv->width == 8 ? sizeof(context.x64) : sizeof(context.x32), error);
}

static int emit_extended(struct xen_guest *g, unsigned id, guest_emit_record *emit, void *user,
                         struct xcsave_error *error)
{
    struct xen_domctl domctl = {
        .cmd = XEN_DOMCTL_get_ext_vcpucontext,
        .domain = (domid_t)g->domid,
        .u.ext_vcpucontext.vcpu = id,
    };

    if (xc_domctl(g->xch, &domctl) < 0)
        return xcsave_fail(error, errno, "reading the extended state of vCPU %u", id);
    if (!domctl.u.ext_vcpucontext.size)
        return 0;
    if (domctl.u.ext_vcpucontext.size > sizeof(domctl.u))
        return xcsave_fail(error, EMSGSIZE, "the extended state of vCPU %u", id);
    return emit_vcpu(emit, user, STREAM_REC_X86_PV_VCPU_EXTENDED, id, &domctl.u.ext_vcpucontext,
                     domctl.u.ext_vcpucontext.size, error);
}

static int emit_xsave(struct xen_guest *g, unsigned id, guest_emit_record *emit, void *user,
                      struct xcsave_error *error)
{
    struct xen_domctl domctl = {
        .cmd = XEN_DOMCTL_getvcpuextstate,
        .domain = (domid_t)g->domid,
        .u.vcpuextstate.vcpu = id,
    };
    DECLARE_HYPERCALL_BUFFER(void, buffer);
    int rc = 0;

    if (xc_domctl(g->xch, &domctl) < 0)
        return xcsave_fail(error, errno, "asking for the size of the XSAVE state of vCPU %u", id);
    if (!domctl.u.vcpuextstate.xfeature_mask || !domctl.u.vcpuextstate.size)
        return 0;
    buffer = xc_hypercall_buffer_alloc(g->xch, buffer, domctl.u.vcpuextstate.size);
    if (!buffer)
        return xcsave_fail(error, ENOMEM, "the XSAVE state of vCPU %u", id);
    set_xen_guest_handle(domctl.u.vcpuextstate.buffer, buffer);
    if (xc_domctl(g->xch, &domctl) < 0)
        rc = xcsave_fail(error, errno, "reading the XSAVE state of vCPU %u", id);
    else if (domctl.u.vcpuextstate.size)
        rc = emit_vcpu(emit, user, STREAM_REC_X86_PV_VCPU_XSAVE, id, buffer, domctl.u.vcpuextstate.size, error);
    xc_hypercall_buffer_free(g->xch, buffer);
    return rc;
}

static int emit_msrs(struct xen_guest *g, unsigned id, guest_emit_record *emit, void *user,
                     struct xcsave_error *error)
{
    struct xen_domctl domctl = {
        .cmd = XEN_DOMCTL_get_vcpu_msrs,
        .domain = (domid_t)g->domid,
        .u.vcpu_msrs.vcpu = id,
    };
    DECLARE_HYPERCALL_BUFFER(xen_domctl_vcpu_msr_t, msrs);
    int rc = 0;

    if (xc_domctl(g->xch, &domctl) < 0)
        return xcsave_fail(error, errno, "asking for the number of MSRs of vCPU %u", id);
    if (!domctl.u.vcpu_msrs.msr_count)
        return 0;
    msrs = xc_hypercall_buffer_alloc(g->xch, msrs, domctl.u.vcpu_msrs.msr_count * sizeof(*msrs));
    if (!msrs)
        return xcsave_fail(error, ENOMEM, "the MSRs of vCPU %u", id);
    set_xen_guest_handle(domctl.u.vcpu_msrs.msrs, msrs);
    if (xc_domctl(g->xch, &domctl) < 0)
        rc = xcsave_fail(error, errno, "reading the MSRs of vCPU %u", id);
    else if (domctl.u.vcpu_msrs.msr_count)
        rc = emit_vcpu(emit, user, STREAM_REC_X86_PV_VCPU_MSRS, id, msrs,
                       domctl.u.vcpu_msrs.msr_count * sizeof(*msrs), error);
    xc_hypercall_buffer_free(g->xch, msrs);
    return rc;
}

static int emit_vcpus(struct xen_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    for (unsigned id = 0; id <= g->info.max_vcpu_id; id++) {
        xc_vcpuinfo_t info;

        if (xc_vcpu_getinfo(g->xch, g->domid, id, &info))
            return xcsave_fail(error, errno, "asking for vCPU %u", id);
        if (!info.online)
            continue;
        if (emit_basic(g, id, emit, user, error) || emit_extended(g, id, emit, user, error) ||
            emit_xsave(g, id, emit, user, error) || emit_msrs(g, id, emit, user, error))
            return -1;
    }
    return 0;
}

static int state_records(struct xcsave_guest *base, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    if (xen_emit_tsc_info(g, emit, user, error) ||
        emit(user, STREAM_REC_SHARED_INFO, g->pv->shared_info, GUEST_PAGE_SIZE))
        return -1;
    return emit_vcpus(g, emit, user, error);
}

const struct guest_save_ops xen_pv_save_ops = {
    .identify = xen_identify,
    .nr_pfns = nr_pfns,
    .nr_present = nr_present,
    .memory_pages = memory_pages,
    .static_records = static_records,
    .opening_records = opening_records,
    .layout_records = layout_records,
    .state_records = state_records,
    .logdirty_enable = xen_logdirty_enable,
    .logdirty_read = xen_logdirty_read,
    .logdirty_disable = xen_logdirty_disable,
    .mark_dirty = mark_dirty,
    .has_other_saver = xen_has_other_saver,
    .is_suspended = xen_is_suspended,
    .page_types = page_types,
    .normalise = normalise,
};
