/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Opening a guest of Xen: the handles, and the operations of its kind.  The only file that knows all kinds. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "libxcsave/xen/guest.h"

static void drop_message(xentoollog_logger *logger, xentoollog_level level, int errnoval, const char *context,
                         const char *format, va_list args)
{
    (void)logger, (void)level, (void)errnoval, (void)context, (void)format, (void)args;
}

static void drop_progress(xentoollog_logger *logger, const char *context, const char *doing_what, int percent,
                          unsigned long done, unsigned long total)
{
    (void)logger, (void)context, (void)doing_what, (void)percent, (void)done, (void)total;
}

static void keep_logger(xentoollog_logger *logger)
{
    (void)logger; /* part of struct xen_guest */
}

static int open_handles(struct xen_guest *g, struct xcsave_error *error)
{
    g->logger = (xentoollog_logger){ drop_message, drop_progress, keep_logger };
    g->xch = xc_interface_open(&g->logger, &g->logger, 0);
    if (!g->xch)
        return xcsave_fail(error, errno, "Xen's control interface (is this a dom0, and are you root?)");
    g->fmem = xenforeignmemory_open(&g->logger, 0);
    if (!g->fmem)
        return xcsave_fail(error, errno, "Xen's foreign memory interface");
    return xen_refresh_info(g, error);
}

/* From here on the guest has its kind's operations, close() among them. */
static int open_kind(struct xen_guest *g, bool to_restore, struct xcsave_error *error)
{
    if (g->info.hvm) {
        g->base = (struct xcsave_guest){ &xen_hvm_ops, &xen_hvm_save_ops, &xen_hvm_restore_ops };
        return 0;
    }
    g->base = (struct xcsave_guest){ &xen_pv_ops, &xen_pv_save_ops, &xen_pv_restore_ops };
    return to_restore ? xen_pv_open_destination(g, error) : xen_pv_open_source(g, error);
}

/* For mark_dirty().  All is opened here, because whoever works on the guest may not open anything later. */
static void open_marks(struct xen_guest *g)
{
    if (g->info.hvm)
        g->dmod = xendevicemodel_open(&g->logger, 0);
    else
        g->xcall = xencall_open(&g->logger, 0);
}

static struct xcsave_guest *open_guest(uint32_t domid, const struct xcsave_restore_wiring *wiring,
                                       struct xcsave_error *error)
{
    struct xen_guest *g = calloc(1, sizeof(*g));

    *error = (struct xcsave_error){ 0 };
    if (!g) {
        xcsave_fail(error, ENOMEM, "domain %u", domid);
        return NULL;
    }
    g->domid = domid;
    if (wiring)
        g->wiring = *wiring;
    if (open_handles(g, error)) {
        xen_close(&g->base);
        return NULL;
    }
    if (open_kind(g, wiring != NULL, error)) {
        g->base.ops->close(&g->base);
        return NULL;
    }
    if (!wiring)
        open_marks(g);
    return &g->base;
}

struct xcsave_guest *xcsave_guest_open_xen(uint32_t domid, struct xcsave_error *error)
{
    return open_guest(domid, NULL, error);
}

struct xcsave_guest *xcsave_guest_open_xen_restore(uint32_t domid, const struct xcsave_restore_wiring *wiring,
                                                   struct xcsave_error *error)
{
    return open_guest(domid, wiring, error);
}
