/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Records that every x86 guest has: CPU policy and time stamp counter. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "libxcsave/xen/guest.h"
#include <xenguest.h>
#include "stream-format/libxc-image.h"

_Static_assert(sizeof(xen_cpuid_leaf_t) == sizeof(struct stream_x86_cpuid_leaf), "CPUID leaf");
_Static_assert(sizeof(xen_msr_entry_t) == sizeof(struct stream_x86_msr_entry), "MSR entry");

/* A policy is a few hundred leaves and MSRs at the most. */
#define MAX_POLICY_ENTRIES 65536u

struct policy_arrays {
    xen_cpuid_leaf_t *leaves;
    xen_msr_entry_t *msrs;
    uint32_t nr_leaves, nr_msrs;
};

static int serialise_policy(struct xen_guest *g, struct policy_arrays *a, struct xcsave_error *error)
{
    xc_cpu_policy_t *policy = xc_cpu_policy_init();
    int rc = 0;

    if (!policy || xc_cpu_policy_get_domain(g->xch, g->domid, policy) ||
        xc_cpu_policy_serialise(g->xch, policy, a->leaves, &a->nr_leaves, a->msrs, &a->nr_msrs))
        rc = xcsave_fail(error, errno, "reading the CPU policy of domain %u", g->domid);
    xc_cpu_policy_destroy(policy);
    return rc;
}

static int emit_policy_arrays(const struct policy_arrays *a, guest_emit_record *emit, void *user)
{
    if (a->nr_leaves && emit(user, STREAM_REC_X86_CPUID_POLICY, a->leaves, a->nr_leaves * sizeof(*a->leaves)))
        return -1;
    if (a->nr_msrs && emit(user, STREAM_REC_X86_MSR_POLICY, a->msrs, a->nr_msrs * sizeof(*a->msrs)))
        return -1;
    return 0;
}

int xen_emit_cpu_policy(struct xen_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct policy_arrays a = { 0 };
    int rc;

    if (xc_cpu_policy_get_size(g->xch, &a.nr_leaves, &a.nr_msrs) < 0)
        return xcsave_fail(error, errno, "asking for the size of a CPU policy");
    a.leaves = calloc(a.nr_leaves + 1u, sizeof(*a.leaves));
    a.msrs = calloc(a.nr_msrs + 1u, sizeof(*a.msrs));
    if (!a.leaves || !a.msrs)
        rc = xcsave_fail(error, ENOMEM, "a CPU policy");
    else
        rc = serialise_policy(g, &a, error);
    if (!rc)
        rc = emit_policy_arrays(&a, emit, user);
    free(a.leaves);
    free(a.msrs);
    return rc;
}

int xen_emit_tsc_info(struct xen_guest *g, guest_emit_record *emit, void *user, struct xcsave_error *error)
{
    struct stream_x86_tsc_info tsc = { 0 };

    if (xc_domain_get_tsc_info(g->xch, g->domid, &tsc.mode, &tsc.nsec, &tsc.khz, &tsc.incarnation) < 0)
        return xcsave_fail(error, errno, "reading the TSC mode of domain %u", g->domid);
    return emit(user, STREAM_REC_X86_TSC_INFO, &tsc, sizeof(tsc));
}

static int accept_tsc_info(struct xen_guest *g, const void *body, size_t len_bytes, struct xcsave_error *error)
{
    const struct stream_x86_tsc_info *tsc = body;

    if (len_bytes != sizeof(*tsc))
        return xcsave_fail(error, 0, "X86_TSC_INFO of %zu bytes, expected %zu", len_bytes, sizeof(*tsc));
    if (xc_domain_set_tsc_info(g->xch, g->domid, tsc->mode, tsc->nsec, tsc->khz, tsc->incarnation))
        return xcsave_fail(error, errno, "setting the TSC mode of domain %u", g->domid);
    return 0;
}

static int accept_policy(struct xen_blob *blob, const char *name, const void *body, size_t len_bytes,
                         size_t entry_bytes, struct xcsave_error *error)
{
    if (!len_bytes || len_bytes % entry_bytes || len_bytes / entry_bytes > MAX_POLICY_ENTRIES)
        return xcsave_fail(error, 0, "%s of %zu bytes, expected entries of %zu", name, len_bytes, entry_bytes);
    return xen_blob_set(blob, body, len_bytes, error);
}

int xen_accept_x86_record(struct xen_guest *g, uint32_t type, const void *body, size_t len_bytes,
                          struct xcsave_error *error)
{
    switch (type) {
    case STREAM_REC_X86_TSC_INFO:
        return accept_tsc_info(g, body, len_bytes, error);
    case STREAM_REC_X86_CPUID_POLICY:
        return accept_policy(&g->cpuid, "X86_CPUID_POLICY", body, len_bytes, sizeof(xen_cpuid_leaf_t), error);
    case STREAM_REC_X86_MSR_POLICY:
        return accept_policy(&g->msr, "X86_MSR_POLICY", body, len_bytes, sizeof(xen_msr_entry_t), error);
    }
    return 1;
}

int xen_static_data_end(struct xcsave_guest *base, unsigned *missing, struct xcsave_error *error)
{
    struct xen_guest *g = to_xen(base);
    uint32_t bad_leaf = ~0u, bad_subleaf = ~0u, bad_msr = ~0u;

    *missing = (g->cpuid.data ? 0 : XCSAVE_MISSING_CPUID) | (g->msr.data ? 0 : XCSAVE_MISSING_MSR);
    if (!g->cpuid.data && !g->msr.data)
        return 0;
    if (xc_set_domain_cpu_policy(g->xch, g->domid, (uint32_t)(g->cpuid.len_bytes / sizeof(xen_cpuid_leaf_t)),
                                 g->cpuid.data, (uint32_t)(g->msr.len_bytes / sizeof(xen_msr_entry_t)),
                                 g->msr.data, &bad_leaf, &bad_subleaf, &bad_msr))
        return xcsave_fail(error, errno,
                           "this host cannot give the guest its CPU policy (leaf %#x, subleaf %#x, MSR %#x)",
                           bad_leaf, bad_subleaf, bad_msr);
    return 0;
}
