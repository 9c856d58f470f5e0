/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A guest of the Xen under this dom0: what the files of this room share.
 *
 *   open.c       opening; on top of all others
 *   hvm.c        HVM and PVH: the three tables of operations
 *   pv.c         PV: the table of what both sides need
 *   pv-save.c    the source's; over pv-p2m.c, which finds the guest's p2m
 *   pv-restore.c the destination's; over pv-vcpu.c, which sets its vCPUs
 *   pv-frames.c  PV's frame number spaces, p2m and m2p
 *   x86.c        CPU policy and TSC records, both ways: any guest
 *   guest.c      mapping, dirty log, closing: any guest
 */
#ifndef LIBXCSAVE_XEN_GUEST_H
#define LIBXCSAVE_XEN_GUEST_H

#include <xencall.h>
#include <xenctrl.h>
#include <xendevicemodel.h>
#include <xenforeignmemory.h>
#include <xentoollog.h>

#include "libxcsave/guest.h"

/* A piece of state that waits for the end of the stream. */
struct xen_blob {
    void *data;
    size_t len_bytes;
};

/* Replace the content by a copy.  0, or -1 with error filled in. */
int xen_blob_set(struct xen_blob *blob, const void *data, size_t len_bytes, struct xcsave_error *error);
/* Idempotent. */
void xen_blob_dispose(struct xen_blob *blob);

/* What Xen says of a domain, in one form for every version of libxenctrl. */
struct xen_domain_info {
    bool hvm;                   /* HVM or PVH */
    bool shutdown;
    unsigned shutdown_reason;   /* SHUTDOWN_*, if shutdown */
    unsigned max_vcpu_id;
    uint64_t shared_info_frame;
    uint64_t nr_pages;          /* of the domain, without the special pages that no stream carries */
    bool odd_pages;             /* shared with other domains, or paged out */
};

struct xen_hvm_restore {
    struct xen_blob context;
    uint64_t store_gfn, console_gfn;
};

struct xen_pv;                  /* pv.h */

struct xen_guest {
    struct xcsave_guest base;
    xentoollog_logger logger;   /* libxc prints by default; this one keeps quiet */
    xc_interface *xch;
    xenforeignmemory_handle *fmem;
    uint32_t domid;
    struct xen_domain_info info;
    struct xcsave_restore_wiring wiring; /* destination only */
    struct xen_blob cpuid, msr; /* policies that came in the stream */
    struct xen_hvm_restore hvm;
    xendevicemodel_handle *dmod; /* source, PVH/HVM: for mark_dirty(); NULL: there are no marks */
    xencall_handle *xcall;      /* source, PV: the same */
    struct xen_pv *pv;          /* NULL: not a PV guest */
};

static inline struct xen_guest *to_xen(struct xcsave_guest *g)
{
    return (struct xen_guest *)g;
}

/* Ask Xen for the domain's current facts. */
int xen_refresh_info(struct xen_guest *g, struct xcsave_error *error);

/* Map `n` frames of the guest, all or none.  PV: mfns; PVH/HVM: gfns.  NULL with error filled in. */
void *xen_map_frames(struct xen_guest *g, int prot, const xen_pfn_t *frames, size_t n, struct xcsave_error *error);
void xen_unmap_frames(struct xen_guest *g, void *mapping, size_t n);

/* ---- the same for every guest (guest.c) */
/* Closes the handles and frees `g`; what its kind holds besides went before. */
void xen_close(struct xcsave_guest *g);
int xen_identify(struct xcsave_guest *g, struct guest_identity *identity, struct xcsave_error *error);
int xen_logdirty_enable(struct xcsave_guest *g, struct xcsave_error *error);
int xen_logdirty_read(struct xcsave_guest *g, enum guest_dirty_op op, uint64_t *bitmap, uint64_t nr_pfns,
                      struct xcsave_error *error);
int xen_logdirty_disable(struct xcsave_guest *g, struct xcsave_error *error);
int xen_has_other_saver(struct xcsave_guest *g);
int xen_is_suspended(struct xcsave_guest *g, bool *suspended, struct xcsave_error *error);
/* XEN_DOMCTL_getpageframeinfo3 for frames of the guest; types as STREAM_PAGE_*. */
int xen_frame_types(struct xen_guest *g, unsigned n, const xen_pfn_t *frames, uint32_t *types,
                    struct xcsave_error *error);
void *xen_map_some(struct xen_guest *g, unsigned n, const xen_pfn_t *frames, bool writable, uint8_t **pages,
                   int *errs, struct xcsave_error *error);
void xen_unmap(struct xcsave_guest *g, void *mapping, unsigned n);

/* ---- x86 (x86.c) */
int xen_emit_cpu_policy(struct xen_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error);
int xen_emit_tsc_info(struct xen_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error);
/* 0: taken; 1: not one of these; -1: refused. */
int xen_accept_x86_record(struct xen_guest *g, uint32_t type, const void *body, size_t len_bytes,
                          struct xcsave_error *error);
int xen_static_data_end(struct xcsave_guest *g, unsigned *missing, struct xcsave_error *error);

/* ---- tables, and what only one kind has */
extern const struct guest_ops xen_hvm_ops, xen_pv_ops;
extern const struct guest_save_ops xen_hvm_save_ops, xen_pv_save_ops;
extern const struct guest_restore_ops xen_hvm_restore_ops, xen_pv_restore_ops;
int xen_pv_open_source(struct xen_guest *g, struct xcsave_error *error);
int xen_pv_open_destination(struct xen_guest *g, struct xcsave_error *error);

#endif
