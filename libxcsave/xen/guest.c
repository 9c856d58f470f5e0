/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A guest of Xen: what is the same for PV, PVH and HVM. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/xen/guest.h"
#include "libxcsave/other-saver.h"
#include "stream-format/libxc-image.h"

/* ---- blobs ------------------------------------------------------------ */

int xen_blob_set(struct xen_blob *blob, const void *data, size_t len_bytes, struct xcsave_error *error)
{
    void *copy = malloc(len_bytes ? len_bytes : 1);

    if (!copy)
        return xcsave_fail(error, ENOMEM, "%zu bytes of guest state", len_bytes);
    memcpy(copy, data, len_bytes);
    xen_blob_dispose(blob);
    *blob = (struct xen_blob){ copy, len_bytes };
    return 0;
}

void xen_blob_dispose(struct xen_blob *blob)
{
    free(blob->data);
    *blob = (struct xen_blob){ 0 };
}

/* ---- the domain ------------------------------------------------------- */

int xen_refresh_info(struct xen_guest *g, struct xcsave_error *error)
{
    xc_domaininfo_t info;

#ifdef HAVE_XC_DOMAIN_GETINFO_SINGLE
    if (xc_domain_getinfo_single(g->xch, g->domid, &info))
        return xcsave_fail(error, errno, "domain %u", g->domid);
#else
    /* Before Xen 4.18: a list from this domain on, which starts with another one if it is gone. */
    int r = xc_domain_getinfolist(g->xch, g->domid, 1, &info);

    if (r < 0)
        return xcsave_fail(error, errno, "domain %u", g->domid);
    if (r == 0 || info.domain != g->domid)
        return xcsave_fail(error, ESRCH, "domain %u", g->domid);
#endif
    g->info = (struct xen_domain_info){
        .hvm = info.flags & XEN_DOMINF_hvm_guest,
        .shutdown = info.flags & XEN_DOMINF_shutdown,
        .shutdown_reason = (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask,
        .max_vcpu_id = info.max_vcpu_id,
        .shared_info_frame = info.shared_info_frame,
        .nr_pages = info.tot_pages,
        .odd_pages = info.shr_pages || info.paged_pages,
    };
    return 0;
}

int xen_identify(struct xcsave_guest *base, struct guest_identity *identity, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    int version = xc_version(g->xch, XENVER_version, NULL);

    if (version < 0)
        return xcsave_fail(error, errno, "asking for Xen's version");
    *identity = (struct guest_identity){
        .type = g->info.hvm ? STREAM_GUEST_X86_HVM : STREAM_GUEST_X86_PV,
        .xen_major = (uint32_t)version >> 16,
        .xen_minor = (uint32_t)version & 0xffff,
    };
    return 0;
}

int xen_is_suspended(struct xcsave_guest *base, bool *suspended, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    if (xen_refresh_info(g, error))
        return -1;
    *suspended = g->info.shutdown && g->info.shutdown_reason == SHUTDOWN_suspend;
    return 0;
}

/* ---- memory ----------------------------------------------------------- */

void *xen_map_frames(struct xen_guest *g, int prot, const xen_pfn_t *frames, size_t n, struct xcsave_error *error)
{
    void *mapping = xenforeignmemory_map(g->fmem, g->domid, prot, n, frames, NULL);

    if (!mapping)
        xcsave_fail(error, errno, "mapping %zu frames of domain %u", n, g->domid);
    return mapping;
}

void xen_unmap_frames(struct xen_guest *g, void *mapping, size_t n)
{
    if (mapping)
        (void)xenforeignmemory_unmap(g->fmem, mapping, n);
}

void *xen_map_some(struct xen_guest *g, unsigned n, const xen_pfn_t *frames, bool writable, uint8_t **pages,
                   int *errs, struct xcsave_error *error)
{
    void *mapping = xenforeignmemory_map(g->fmem, g->domid, writable ? PROT_READ | PROT_WRITE : PROT_READ, n,
                                         frames, errs);

    if (!mapping)
        xcsave_fail(error, errno, "mapping %u pages of domain %u", n, g->domid);
    for (unsigned i = 0; mapping && i < n; i++)
        pages[i] = (uint8_t *)mapping + (size_t)i * GUEST_PAGE_SIZE;
    return mapping;
}

void xen_unmap(struct xcsave_guest *base, void *mapping, unsigned n)
{
    xen_unmap_frames(to_xen(base), mapping, n);
}

int xen_frame_types(struct xen_guest *g, unsigned n, const xen_pfn_t *frames, uint32_t *types,
                    struct xcsave_error *error)
{
    struct xen_domctl domctl = {
        .cmd = XEN_DOMCTL_getpageframeinfo3,
        .domain = (domid_t)g->domid,
        .u.getpageframeinfo3.num = n,
    };
    DECLARE_HYPERCALL_BUFFER(xen_pfn_t, array);
    int rc = 0;

    array = xc_hypercall_buffer_alloc(g->xch, array, n * sizeof(*array));
    if (!array)
        return xcsave_fail(error, ENOMEM, "types of %u pages", n);
    memcpy(array, frames, n * sizeof(*array));
    set_xen_guest_handle(domctl.u.getpageframeinfo3.array, array);
    if (xc_domctl(g->xch, &domctl) < 0)
        rc = xcsave_fail(error, errno, "types of %u pages", n);
    for (unsigned i = 0; !rc && i < n; i++)
        types[i] = (uint32_t)array[i] >> XEN_DOMCTL_PFINFO_LTAB_SHIFT;
    xc_hypercall_buffer_free(g->xch, array);
    return rc;
}

/* ---- the dirty log ---------------------------------------------------- */

int xen_has_other_saver(struct xcsave_guest *base)
{
    struct other_saver other;

    return other_saver_find("/proc", to_xen(base)->domid, &other);
}

/* The log of a save under way must not be ended: pages that are dirty for it would never be sent. */
static int refuse_other_saver(struct xen_guest *g, struct xcsave_error *error)
{
    struct other_saver other;
    int r = other_saver_find("/proc", g->domid, &other);

    if (r == 0)
        return 0;
    if (r < 0)
        return xcsave_fail(error, errno, "writes to domain %u are tracked already, and who does cannot be looked up",
                           g->domid);
    xcsave_fail(error, 0, "domain %u is being saved or migrated by process %d (%s)", g->domid, (int)other.pid,
                other.name);
    error->errnum = EBUSY;
    return -1;
}

/*
 * Tracking of a graphics frame buffer also runs in log-dirty mode, and must
 * end before the mode can begin for all of memory.  What a dead save left does, too.
 */
int xen_logdirty_enable(struct xcsave_guest *base, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    int first;

    if (!xc_shadow_control(g->xch, g->domid, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, NULL, 0))
        return 0;
    first = errno;
    if (refuse_other_saver(g, error))
        return -1;
    if (!xc_shadow_control(g->xch, g->domid, XEN_DOMCTL_SHADOW_OP_OFF, NULL, 0) &&
        !xc_shadow_control(g->xch, g->domid, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, NULL, 0))
        return 0;
    if (!g->info.hvm && (first == EOPNOTSUPP || first == ENOSYS || first == EINVAL))
        return xcsave_fail(error, first,
                           "this Xen cannot track the writes of a PV guest: it is built without shadow paging, "
                           "so a PV guest moves only with its execution stopped");
    return xcsave_fail(error, first, "log-dirty mode cannot be enabled for domain %u", g->domid);
}

/* Nothing follows FINAL: to leave the log costs less, and is kinder to whom it may belong by now. */
int xen_logdirty_read(struct xcsave_guest *base, enum guest_dirty_op op, uint64_t *bitmap, uint64_t nr_pfns,
                      struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    unsigned command = op == GUEST_DIRTY_CLEAN ? XEN_DOMCTL_SHADOW_OP_CLEAN : XEN_DOMCTL_SHADOW_OP_PEEK;
    unsigned mode = op == GUEST_DIRTY_FINAL ? XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL : 0;
    size_t len_bytes = bitmap_words(nr_pfns) * sizeof(*bitmap);
    int nr_pages = (int)((len_bytes + XC_PAGE_SIZE - 1) / XC_PAGE_SIZE);
    DECLARE_HYPERCALL_BUFFER(uint64_t, log);
    int rc = 0;

    log = xc_hypercall_buffer_alloc_pages(g->xch, log, nr_pages);
    if (!log)
        return xcsave_fail(error, ENOMEM, "a dirty log of %llu pages", (unsigned long long)nr_pfns);
    memset(log, 0, len_bytes);
    long long r = xc_logdirty_control(g->xch, g->domid, command, HYPERCALL_BUFFER(log), nr_pfns, mode, NULL);

    if (r < 0)
        rc = xcsave_fail(error, errno, "reading the dirty log of domain %u", g->domid);
    else if ((uint64_t)r != nr_pfns)
        rc = xcsave_fail(error, 0, "the dirty log of domain %u has %lld of %llu pages", g->domid, r,
                         (unsigned long long)nr_pfns);
    else
        memcpy(bitmap, log, len_bytes);
    xc_hypercall_buffer_free_pages(g->xch, log, nr_pages);
    return rc;
}

int xen_logdirty_disable(struct xcsave_guest *base, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);

    if (xc_shadow_control(g->xch, g->domid, XEN_DOMCTL_SHADOW_OP_OFF, NULL, 0) < 0)
        return xcsave_fail(error, errno, "log-dirty mode of domain %u cannot be ended", g->domid);
    return 0;
}

/* ---- closing ---------------------------------------------------------- */

void xen_close(struct xcsave_guest *base)
{
    struct xen_guest *g = to_xen(base);

    xen_blob_dispose(&g->cpuid);
    xen_blob_dispose(&g->msr);
    if (g->dmod)
        xendevicemodel_close(g->dmod);
    if (g->xcall)
        xencall_close(g->xcall);
    if (g->fmem)
        xenforeignmemory_close(g->fmem);
    if (g->xch)
        xc_interface_close(g->xch);
    free(g);
}
