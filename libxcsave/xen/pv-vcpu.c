/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* PV guests, destination side: vCPUs, from records checked on arrival to Xen at the end. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "libxcsave/xen/pv.h"
#include "stream-format/libxc-image.h"

/* XEN_DOMCTL_set_ext_vcpucontext takes no more than this. */
#define MAX_EXTENDED_BYTES 128u
/* An XSAVE record begins with two masks of features. */
#define MIN_XSAVE_BYTES 16u
#define MAX_XSAVE_BYTES 65536u

/* ---- on arrival ------------------------------------------------------- */

static int check_length(const struct xen_pv *pv, uint32_t type, size_t len_bytes, struct xcsave_error *error)
{
    size_t basic = pv->width == 8 ? sizeof(vcpu_guest_context_x86_64_t) : sizeof(vcpu_guest_context_x86_32_t);
    bool fits = false;

    switch (type) {
    case STREAM_REC_X86_PV_VCPU_BASIC:
        fits = len_bytes == basic;
        break;
    case STREAM_REC_X86_PV_VCPU_EXTENDED:
        fits = len_bytes <= MAX_EXTENDED_BYTES;
        break;
    case STREAM_REC_X86_PV_VCPU_XSAVE:
        fits = len_bytes >= MIN_XSAVE_BYTES && len_bytes <= MAX_XSAVE_BYTES;
        break;
    case STREAM_REC_X86_PV_VCPU_MSRS:
        fits = len_bytes % sizeof(xen_domctl_vcpu_msr_t) == 0;
        break;
    }
    return fits ? 0 : xcsave_fail(error, 0, "a vCPU record (type %#x) with %zu bytes of state", type, len_bytes);
}

int pv_accept_vcpu(struct xen_guest *g, uint32_t type, const void *body, size_t len_bytes,
                   struct xcsave_error *error)
{
    const struct stream_x86_pv_vcpu *record = body;
    struct pv_vcpu_state *vcpu;
    struct xen_blob *blob;
    size_t state_bytes;

    if (!g->pv->seen_info || len_bytes < sizeof(*record))
        return xcsave_fail(error, 0, "a vCPU record (type %#x) %s", type,
                           g->pv->seen_info ? "that is too short" : "before X86_PV_INFO");
    state_bytes = len_bytes - sizeof(*record);
    if (!state_bytes)           /* old writers made empty records by mistake */
        return 0;
    if (record->vcpu_id >= g->pv->nr_vcpus)
        return xcsave_fail(error, 0, "state of vCPU %u for a guest of %u", record->vcpu_id, g->pv->nr_vcpus);
    if (check_length(g->pv, type, state_bytes, error))
        return -1;
    vcpu = &g->pv->vcpus[record->vcpu_id];
    blob = type == STREAM_REC_X86_PV_VCPU_BASIC      ? &vcpu->basic
           : type == STREAM_REC_X86_PV_VCPU_EXTENDED ? &vcpu->extended
           : type == STREAM_REC_X86_PV_VCPU_XSAVE    ? &vcpu->xsave
                                                     : &vcpu->msrs;
    return xen_blob_set(blob, record->context, state_bytes, error);
}

/* ---- start info ------------------------------------------------------- */

/* Fill in the page by which a PV guest finds its rings after it was resumed on this host. */
static int fill_start_info(struct xen_guest *g, start_info_any_t *page, struct xcsave_restore_result *result,
                           struct xcsave_error *error)
{
    struct xen_pv *pv = g->pv;

    if (pv_plain_frame(pv, PV_GET(page, store_mfn, pv->width), "the xenstore ring", &result->store_gfn, error) ||
        pv_plain_frame(pv, PV_GET(page, console.domU.mfn, pv->width), "the console ring", &result->console_gfn,
                       error))
        return -1;
    PV_SET(page, store_mfn, result->store_gfn, pv->width);
    PV_SET(page, store_evtchn, g->wiring.store_evtchn, pv->width);
    PV_SET(page, console.domU.mfn, result->console_gfn, pv->width);
    PV_SET(page, console.domU.evtchn, g->wiring.console_evtchn, pv->width);
    PV_SET(page, nr_pages, pv->nr_pfns, pv->width);
    PV_SET(page, shared_info, g->info.shared_info_frame << GUEST_PAGE_SHIFT, pv->width);
    PV_SET(page, flags, 0, pv->width);
    return 0;
}

/* vCPU 0 came to rest in the suspend hypercall, with the pfn of the start info page in edx. */
static int set_start_info(struct xen_guest *g, vcpu_guest_context_any_t *context,
                          struct xcsave_restore_result *result, struct xcsave_error *error)
{
    struct xen_pv *pv = g->pv;
    start_info_any_t *page;
    xen_pfn_t frame;
    uint64_t mfn;
    int rc;

    if (pv_plain_frame(pv, PV_GET(context, user_regs.edx, pv->width), "the start info page", &mfn, error))
        return -1;
    PV_SET(context, user_regs.edx, mfn, pv->width);
    frame = mfn;
    page = xen_map_frames(g, PROT_READ | PROT_WRITE, &frame, 1, error);
    if (!page)
        return -1;
    rc = fill_start_info(g, page, result, error);
    xen_unmap_frames(g, page, 1);
    return rc;
}

/* ---- registers -------------------------------------------------------- */

static int localise_gdt(struct xen_pv *pv, unsigned id, vcpu_guest_context_any_t *context,
                        struct xcsave_error *error)
{
    uint64_t nr_entries = PV_GET(context, gdt_ents, pv->width);

    if (nr_entries > PV_GDT_GUEST_ENTRIES)
        return xcsave_fail(error, ERANGE, "vCPU %u has a GDT of %llu entries", id, (unsigned long long)nr_entries);
    for (uint64_t i = 0; i * PV_GDT_ENTRIES_PER_FRAME < nr_entries; i++) {
        uint64_t mfn;

        if (pv_plain_frame(pv, PV_GET(context, gdt_frames[i], pv->width), "a frame of the GDT", &mfn, error))
            return -1;
        PV_SET(context, gdt_frames[i], mfn, pv->width);
    }
    return 0;
}

/* The frame of a root page table: it must have been sent as a table of the top level. */
static int root_frame(struct xen_pv *pv, unsigned id, uint64_t pfn, uint64_t *mfn, struct xcsave_error *error)
{
    *mfn = pv_pfn_to_mfn(pv, pfn);
    if (*mfn == PV_INVALID_FRAME || pv_table_level(pv->types[pfn]) != pv->levels)
        return xcsave_fail(error, ERANGE, "the page table of vCPU %u at pfn %#llx is none", id,
                           (unsigned long long)pfn);
    return 0;
}

static int localise_roots(struct xen_pv *pv, unsigned id, vcpu_guest_context_any_t *context,
                          struct xcsave_error *error)
{
    uint64_t mfn;

    if (root_frame(pv, id, pv_cr3_to_frame(pv, PV_GET(context, ctrlreg[3], pv->width)), &mfn, error))
        return -1;
    PV_SET(context, ctrlreg[3], pv_frame_to_cr3(pv, mfn), pv->width);
    if (pv->width == 4 || !(context->x64.ctrlreg[1] & 1))
        return 0;
    if (root_frame(pv, id, context->x64.ctrlreg[1] >> GUEST_PAGE_SHIFT, &mfn, error))
        return -1;
    context->x64.ctrlreg[1] = mfn << GUEST_PAGE_SHIFT;
    return 0;
}

static int set_basic(struct xen_guest *g, unsigned id, struct xcsave_restore_result *result,
                     struct xcsave_error *error)
{
    struct xen_pv *pv = g->pv;
    vcpu_guest_context_any_t context = { 0 };

    memcpy(&context, pv->vcpus[id].basic.data, pv->vcpus[id].basic.len_bytes);
    if (id == 0 && set_start_info(g, &context, result, error))
        return -1;
    if (localise_gdt(pv, id, &context, error) || localise_roots(pv, id, &context, error))
        return -1;
    PV_SET(&context, flags, PV_GET(&context, flags, pv->width) | VGCF_online, pv->width);
    if (xc_vcpu_setcontext(g->xch, g->domid, id, &context))
        return xcsave_fail(error, errno, "setting vCPU %u", id);
    return 0;
}

static int set_extended(struct xen_guest *g, unsigned id, const struct xen_blob *state, struct xcsave_error *error)
{
    struct xen_domctl domctl = { .cmd = XEN_DOMCTL_set_ext_vcpucontext, .domain = (domid_t)g->domid };

    _Static_assert(sizeof(domctl.u) >= MAX_EXTENDED_BYTES, "the extended state fits");
    memcpy(&domctl.u, state->data, state->len_bytes);
    domctl.u.ext_vcpucontext.vcpu = id;
    if (xc_domctl(g->xch, &domctl))
        return xcsave_fail(error, errno, "setting the extended state of vCPU %u", id);
    return 0;
}

static int set_xsave(struct xen_guest *g, unsigned id, const struct xen_blob *state, struct xcsave_error *error)
{
    struct xen_domctl domctl = {
        .cmd = XEN_DOMCTL_setvcpuextstate,
        .domain = (domid_t)g->domid,
        .u.vcpuextstate = { .vcpu = id, .size = state->len_bytes },
    };
    DECLARE_HYPERCALL_BUFFER(void, buffer);
    int rc = 0;

    buffer = xc_hypercall_buffer_alloc(g->xch, buffer, state->len_bytes);
    if (!buffer)
        return xcsave_fail(error, ENOMEM, "the XSAVE state of vCPU %u", id);
    memcpy(buffer, state->data, state->len_bytes);
    set_xen_guest_handle(domctl.u.vcpuextstate.buffer, buffer);
    if (xc_domctl(g->xch, &domctl))
        rc = xcsave_fail(error, errno, "setting the XSAVE state of vCPU %u", id);
    xc_hypercall_buffer_free(g->xch, buffer);
    return rc;
}

static int set_msrs(struct xen_guest *g, unsigned id, const struct xen_blob *state, struct xcsave_error *error)
{
    struct xen_domctl domctl = {
        .cmd = XEN_DOMCTL_set_vcpu_msrs,
        .domain = (domid_t)g->domid,
        .u.vcpu_msrs = {
            .vcpu = id,
            .msr_count = (uint32_t)(state->len_bytes / sizeof(xen_domctl_vcpu_msr_t)),
        },
    };
    DECLARE_HYPERCALL_BUFFER(xen_domctl_vcpu_msr_t, msrs);
    int rc = 0;

    msrs = xc_hypercall_buffer_alloc(g->xch, msrs, state->len_bytes);
    if (!msrs)
        return xcsave_fail(error, ENOMEM, "the MSRs of vCPU %u", id);
    memcpy(msrs, state->data, state->len_bytes);
    set_xen_guest_handle(domctl.u.vcpu_msrs.msrs, msrs);
    if (xc_domctl(g->xch, &domctl))
        rc = xcsave_fail(error, errno, "setting the MSRs of vCPU %u", id);
    xc_hypercall_buffer_free(g->xch, msrs);
    return rc;
}

int pv_set_vcpus(struct xen_guest *g, struct xcsave_restore_result *result, struct xcsave_error *error)
{
    struct xen_pv *pv = g->pv;

    if (!pv->vcpus[0].basic.data)
        return xcsave_fail(error, 0, "the image has no state of vCPU 0");
    for (unsigned id = 0; id < pv->nr_vcpus; id++) {
        const struct pv_vcpu_state *vcpu = &pv->vcpus[id];

        if ((vcpu->basic.data && set_basic(g, id, result, error)) ||
            (vcpu->extended.data && set_extended(g, id, &vcpu->extended, error)) ||
            (vcpu->xsave.data && set_xsave(g, id, &vcpu->xsave, error)) ||
            (vcpu->msrs.data && set_msrs(g, id, &vcpu->msrs, error)))
            return -1;
    }
    return 0;
}
