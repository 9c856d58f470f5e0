/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * HVM and PVH guests: pfn and gfn are the same number, Xen translates, and the
 * whole of the vCPU and platform state is one opaque context plus parameters.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxcsave/xen/guest.h"
#include <xen/hvm/params.h>
#include <xenguest.h>
#include "libxcsave/pfnset.h"
#include "stream-format/libxc-image.h"

/* Parameters that belong to the guest and not to this host.  A value of 0 is the default and is not sent. */
static const uint32_t migrated_params[] = {
    HVM_PARAM_STORE_PFN,
    HVM_PARAM_IOREQ_PFN,
    HVM_PARAM_BUFIOREQ_PFN,
    HVM_PARAM_PAGING_RING_PFN,
    HVM_PARAM_MONITOR_RING_PFN,
    HVM_PARAM_SHARING_RING_PFN,
    HVM_PARAM_VM86_TSS_SIZED,
    HVM_PARAM_CONSOLE_PFN,
    HVM_PARAM_ACPI_IOPORTS_LOCATION,
    HVM_PARAM_VIRIDIAN,
    HVM_PARAM_IDENT_PT,
    HVM_PARAM_VM_GENERATION_ID_ADDR,
    HVM_PARAM_IOREQ_SERVER_PFN,
    HVM_PARAM_NR_IOREQ_SERVER_PAGES,
    HVM_PARAM_X87_FIP_WIDTH,
    HVM_PARAM_MCA_CAP,
};
#define NR_MIGRATED_PARAMS (sizeof(migrated_params) / sizeof(migrated_params[0]))

/* Only ever steered the restoring toolstack; libxl of Xen before 4.14 wrote it. */
#define OBSOLETE_PARAM_PAE_ENABLED 4u

/* ---- the source ------------------------------------------------------- */

static int nr_pfns(struct xcsave_guest *base, uint64_t *nr, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    xen_pfn_t end;

    if (xc_domain_nr_gpfns(g->xch, g->domid, &end) < 0)
        return xcsave_fail(error, errno, "asking for the memory size of domain %u", g->domid);
    *nr = end;
    return 0;
}

/*
 * XEN_DOMCTL_getpageframeinfo3 finds exactly the pages that Xen counts as the
 * domain's: special ones (shared info, grant table) are no memory for either.
 * Only pages that are populated on demand, shared or paged out are counted
 * otherwise.
 */
static int nr_present(struct xcsave_guest *base, uint64_t *nr, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    uint64_t total, cached, on_demand;

    if (xen_refresh_info(g, error))
        return -1;
    if (xc_domain_get_pod_target(g->xch, g->domid, &total, &cached, &on_demand))
        return xcsave_fail(error, errno, "asking for the populate-on-demand state of domain %u", g->domid);
    *nr = on_demand || cached || g->info.odd_pages ? 0 : g->info.nr_pages;
    return 0;
}

/*
 * Xen before 4.22 marks nothing when a pfn gets or loses memory, and logs what
 * is written to new memory only after the log was cleaned the next time; 4.22
 * still says nothing of memory that is lost.
 */
static int memory_pages(struct xcsave_guest *base, uint64_t *nr, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    if (xen_refresh_info(g, error))
        return -1;
    *nr = g->info.nr_pages;
    return 0;
}

static int static_records(struct xcsave_guest *base, guest_emit_record *emit, void *user,
                          struct xcsave_error *error)
{
    return xen_emit_cpu_policy(to_xen(base), emit, user, error);
}

static int no_records(struct xcsave_guest *base, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    (void)base, (void)emit, (void)user, (void)error;
    return 0;
}

static int emit_context(struct xen_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    int size = xc_domain_hvm_getcontext(g->xch, g->domid, NULL, 0);
    uint8_t *context;
    int rc = -1;

    if (size < 0)
        return xcsave_fail(error, errno, "asking for the size of the HVM context of domain %u", g->domid);
    context = malloc((size_t)size);
    if (!context)
        return xcsave_fail(error, ENOMEM, "an HVM context of %d bytes", size);
    size = xc_domain_hvm_getcontext(g->xch, g->domid, context, (uint32_t)size);
    if (size < 0)
        xcsave_fail(error, errno, "reading the HVM context of domain %u", g->domid);
    else
        rc = emit(user, STREAM_REC_HVM_CONTEXT, context, (size_t)size);
    free(context);
    return rc;
}

static int emit_params(struct xen_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct {
        struct stream_hvm_params header;
        struct stream_hvm_param entries[NR_MIGRATED_PARAMS];
    } body = { 0 };
    uint32_t count = 0;

    for (size_t i = 0; i < NR_MIGRATED_PARAMS; i++) {
        uint64_t value;

        if (xc_hvm_param_get(g->xch, g->domid, migrated_params[i], &value))
            return xcsave_fail(error, errno, "reading HVM parameter %u of domain %u", migrated_params[i], g->domid);
        if (value)
            body.entries[count++] = (struct stream_hvm_param){ migrated_params[i], value };
    }
    body.header.count = count;
    if (!count)
        return 0;
    return emit(user, STREAM_REC_HVM_PARAMS, &body, sizeof(body.header) + count * sizeof(body.entries[0]));
}

static int state_records(struct xcsave_guest *base, guest_emit_record *emit, void *user,
                         struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    if (xen_emit_tsc_info(g, emit, user, error) || emit_context(g, emit, user, error))
        return -1;
    return emit_params(g, emit, user, error);
}

/*
 * The page of the xenstore ring, of which Xen is told, as a device model tells
 * it, that it was written.  Where Xen has no memory at the pfn it marks nothing.
 */
static int mark_dirty(struct xcsave_guest *base, uint64_t *pfn, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    (void)error;
    if (!g->dmod || xc_hvm_param_get(g->xch, g->domid, HVM_PARAM_STORE_PFN, pfn) || !*pfn)
        return 1;
    return xendevicemodel_modified_memory(g->dmod, (domid_t)g->domid, *pfn, 1) ? 1 : 0;
}

_Static_assert(sizeof(xen_pfn_t) == sizeof(uint64_t), "pfn arrays go to libxc as they are");

static int page_types(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, uint32_t *types,
                      struct xcsave_error *error)
{
    return xen_frame_types(to_xen(base), n, (const xen_pfn_t *)pfns, types, error);
}

static void *map(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, bool writable, uint8_t **pages,
                 int *errs, struct xcsave_error *error)
{
    return xen_map_some(to_xen(base), n, (const xen_pfn_t *)pfns, writable, pages, errs, error);
}

static int normalise(struct xcsave_guest *base, uint32_t type, const void *page, void *out,
                     struct xcsave_error *error)
{
    (void)base, (void)type, (void)page, (void)out, (void)error;
    return 0;
}

/* ---- the destination -------------------------------------------------- */

static int accept_identity(struct xcsave_guest *base, const struct guest_identity *identity,
                           struct xcsave_error *error)
{
    (void)base;
    if (identity->type != STREAM_GUEST_X86_HVM)
        return xcsave_fail(error, 0, "the image is of guest type %u, the domain is HVM or PVH", identity->type);
    return 0;
}

static int clear_page(struct xen_guest *g, uint64_t gfn, struct xcsave_error *error)
{
    if (xc_clear_domain_page(g->xch, g->domid, gfn))
        return xcsave_fail(error, errno, "clearing the ring at gfn %#llx", (unsigned long long)gfn);
    return 0;
}

/* Rings shared with a backend or the device model start empty on a new host. */
static int accept_param(struct xen_guest *g, uint64_t index, uint64_t value, struct xcsave_error *error)
{
    switch (index) {
    case OBSOLETE_PARAM_PAE_ENABLED:
        return 0;
    case HVM_PARAM_CONSOLE_PFN:
        g->hvm.console_gfn = value;
        break;
    case HVM_PARAM_STORE_PFN:
        g->hvm.store_gfn = value;
        break;
    }
    if ((index == HVM_PARAM_CONSOLE_PFN || index == HVM_PARAM_STORE_PFN || index == HVM_PARAM_IOREQ_PFN ||
         index == HVM_PARAM_BUFIOREQ_PFN) && clear_page(g, value, error))
        return -1;
    if (index >= HVM_NR_PARAMS || xc_hvm_param_set(g->xch, g->domid, (uint32_t)index, value))
        return xcsave_fail(error, index >= HVM_NR_PARAMS ? EINVAL : errno, "setting HVM parameter %llu to %#llx",
                           (unsigned long long)index, (unsigned long long)value);
    return 0;
}

static int accept_params(struct xen_guest *g, const void *body, size_t len_bytes, struct xcsave_error *error)
{
    const struct stream_hvm_params *params = body;
    const struct stream_hvm_param *param = (const void *)(params + 1);

    if (len_bytes < sizeof(*params) ||
        len_bytes != sizeof(*params) + (uint64_t)params->count * sizeof(*param))
        return xcsave_fail(error, 0, "HVM_PARAMS: length %zu does not fit its count", len_bytes);
    for (uint32_t i = 0; i < params->count; i++)
        if (accept_param(g, param[i].index, param[i].value, error))
            return -1;
    return 0;
}

static int accept_record(struct xcsave_guest *base, uint32_t type, const void *body, size_t len_bytes,
                         struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    switch (type) {
    case STREAM_REC_HVM_CONTEXT:
        return xen_blob_set(&g->hvm.context, body, len_bytes, error);
    case STREAM_REC_HVM_PARAMS:
        return accept_params(g, body, len_bytes, error);
    }
    return xen_accept_x86_record(g, type, body, len_bytes, error);
}

static bool pfn_is_valid(struct xcsave_guest *base, uint64_t pfn)
{
    (void)base;
    return pfn <= PFNSET_MAX_PFN; /* Xen refuses what it cannot map */
}

static int populate(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, unsigned order, unsigned *done,
                    struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    xen_pfn_t extents[GUEST_BATCH_PAGES];
    int r;

    memcpy(extents, pfns, n * sizeof(*extents));
    r = xc_domain_populate_physmap(g->xch, g->domid, n, order, 0, extents);
    /* Whatever is in the way of a large extent: if it is in the way of small ones, too, these will say so. */
    if (r < 0 && order)
        r = 0;
    if (r < 0)
        return xcsave_fail(error, errno, "giving memory to %u extents of domain %u", n, g->domid);
    *done = (unsigned)r;
    return 0;
}

static bool has_superpages(struct xcsave_guest *base)
{
    (void)base;
    return true;
}

/* Xen gives memory as it finds it, unless it is told to scrub. */
static bool new_memory_is_zero(struct xcsave_guest *base)
{
    (void)base;
    return false;
}

static int depopulate(struct xcsave_guest *base, unsigned n, const uint64_t *pfns, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    xen_pfn_t extents[GUEST_BATCH_PAGES];

    memcpy(extents, pfns, n * sizeof(*extents));
    if (xc_domain_decrease_reservation_exact(g->xch, g->domid, n, 0, extents))
        return xcsave_fail(error, errno, "taking back %u pages of domain %u", n, g->domid);
    return 0;
}

static void set_page_type(struct xcsave_guest *base, uint64_t pfn, uint32_t type)
{
    (void)base, (void)pfn, (void)type;
}

static int localise(struct xcsave_guest *base, uint32_t type, void *page,
                    int (*need)(void *, unsigned, const uint64_t *, struct xcsave_error *), void *user,
                    struct xcsave_error *error)
{
    (void)base, (void)page, (void)need, (void)user;
    if (type != STREAM_PAGE_NOTAB)
        return xcsave_fail(error, 0, "page type %#x in the image of an HVM or PVH guest", type);
    return 0;
}

static int complete(struct xcsave_guest *base, struct xcsave_restore_result *result, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    if (!g->hvm.context.data)
        return xcsave_fail(error, 0, "the image has no HVM_CONTEXT");
    if (xc_hvm_param_set(g->xch, g->domid, HVM_PARAM_STORE_EVTCHN, g->wiring.store_evtchn) ||
        xc_hvm_param_set(g->xch, g->domid, HVM_PARAM_CONSOLE_EVTCHN, g->wiring.console_evtchn))
        return xcsave_fail(error, errno, "wiring xenstore and console of domain %u", g->domid);
    if (xc_domain_hvm_setcontext(g->xch, g->domid, g->hvm.context.data, (uint32_t)g->hvm.context.len_bytes) < 0)
        return xcsave_fail(error, errno, "setting the HVM context of domain %u", g->domid);
    if (xc_dom_gnttab_seed(g->xch, g->domid, true, g->hvm.console_gfn, g->hvm.store_gfn, g->wiring.console_domid,
                           g->wiring.store_domid))
        return xcsave_fail(error, errno, "granting xenstore and console rings of domain %u", g->domid);
    *result = (struct xcsave_restore_result){ g->hvm.store_gfn, g->hvm.console_gfn };
    return 0;
}

static void close_guest(struct xcsave_guest *base)
{
    xen_blob_dispose(&to_xen(base)->hvm.context);
    xen_close(base);
}

const struct guest_ops xen_hvm_ops = {
    .name = "xen-hvm",
    .map = map,
    .unmap = xen_unmap,
    .has_superpages = has_superpages,
    .close = close_guest,
};

const struct guest_save_ops xen_hvm_save_ops = {
    .identify = xen_identify,
    .nr_pfns = nr_pfns,
    .nr_present = nr_present,
    .memory_pages = memory_pages,
    .static_records = static_records,
    .opening_records = no_records,
    .layout_records = no_records,
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

const struct guest_restore_ops xen_hvm_restore_ops = {
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
