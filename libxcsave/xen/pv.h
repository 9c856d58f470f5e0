/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * PV guests.  The guest itself translates: its page tables, and its table from
 * pfn to mfn (p2m), hold machine frame numbers of this host.  In the stream
 * they hold pfns.
 *
 * Two tables do the work: the guest's p2m (source: mapped from the guest, and
 * changing while it runs; destination: built here), and Xen's m2p, read-only,
 * shared by all guests.  An mfn is the guest's if both agree on it; nothing in
 * the guest's own tables is believed otherwise.
 */
#ifndef LIBXCSAVE_XEN_PV_H
#define LIBXCSAVE_XEN_PV_H

#include "libxcsave/xen/guest.h"

#define PV_INVALID_FRAME (~UINT64_C(0))
#define PV_PTE_PRESENT UINT64_C(1)
#define PV_PTE_SUPERPAGE (UINT64_C(1) << 7)
#define PV_PTE_FRAME_MASK UINT64_C(0x000ffffffffff000)
#define PV_PTES_PER_TABLE 512u
/* Sub-blocks of the GDT that belong to Xen begin at this entry. */
#define PV_GDT_GUEST_ENTRIES 7168u
#define PV_GDT_ENTRIES_PER_FRAME 512u

/* A field of a structure that exists in a 32-bit and in a 64-bit form. */
#define PV_GET(any, field, width) ((width) == 8 ? (uint64_t)(any)->x64.field : (uint64_t)(any)->x32.field)
#define PV_SET(any, field, value, width)                                   \
    do {                                                                   \
        if ((width) == 8)                                                  \
            (any)->x64.field = (typeof((any)->x64.field))(value);          \
        else                                                               \
            (any)->x32.field = (typeof((any)->x32.field))(value);          \
    } while (0)

/* State of one vCPU as it came in the stream, kept until the end. */
struct pv_vcpu_state {
    struct xen_blob basic, extended, xsave, msrs;
};

struct xen_pv {
    unsigned width;             /* bytes of a guest word: 4 or 8 */
    unsigned levels;            /* of page tables: 3 or 4 */

    const uint64_t *m2p;        /* Xen's; pfn by mfn */
    uint64_t nr_m2p;            /* entries mapped */
    size_t m2p_bytes;
    uint64_t compat_m2p_mfn;    /* 32-bit guests: Xen's own entry in their L2 tables */

    uint64_t nr_pfns;           /* entries of the p2m */

    /* source */
    const shared_info_any_t *shared_info;
    const void *p2m;            /* the guest's own, words of `width` */
    size_t nr_p2m_frames;
    uint64_t *p2m_frame_pfns;   /* source: where the p2m lies in the guest; destination: where it is to be put */
    bool p2m_is_list;           /* linear list with a generation count, otherwise a three-level tree */
    uint64_t p2m_generation;

    /* destination */
    uint64_t *frames;           /* mfn + 1 by pfn; 0: none.  Zero-filled memory costs nothing until used */
    uint8_t *types;             /* last page type seen, by pfn */
    bool seen_info;
    unsigned nr_vcpus;
    struct pv_vcpu_state *vcpus;
};

/* ---- pfns and frames (pv-frames.c) */

/* Width, levels, m2p.  Both sides start with it. */
int pv_open_common(struct xen_guest *g, struct xcsave_error *error);
int pv_query_width(struct xen_guest *g, struct xcsave_error *error);

/* The frame behind a pfn, or PV_INVALID_FRAME. */
uint64_t pv_pfn_to_mfn(const struct xen_pv *pv, uint64_t pfn);
/* The pfn behind a frame, or PV_INVALID_FRAME where the frame is not this guest's. */
uint64_t pv_mfn_to_pfn(const struct xen_pv *pv, uint64_t mfn);
/* Types and mappings go by mfn; a pfn without one is a hole. */
void pv_frames_of(const struct xen_pv *pv, unsigned n, const uint64_t *pfns, xen_pfn_t *frames);
/* Destination.  The frame of a pfn that must be ordinary memory of the guest; -1 with `what` named otherwise. */
int pv_plain_frame(struct xen_pv *pv, uint64_t pfn, const char *what, uint64_t *mfn, struct xcsave_error *error);

/* The register form of a root page table's frame: 32-bit guests fold the high bits in below. */
uint64_t pv_cr3_to_frame(const struct xen_pv *pv, uint64_t cr3);
uint64_t pv_frame_to_cr3(const struct xen_pv *pv, uint64_t frame);

static inline uint64_t pv_pte_frame(uint64_t pte)
{
    return (pte & PV_PTE_FRAME_MASK) >> GUEST_PAGE_SHIFT;
}

static inline uint64_t pv_pte_with_frame(uint64_t pte, uint64_t frame)
{
    return (pte & ~PV_PTE_FRAME_MASK) | (frame << GUEST_PAGE_SHIFT);
}

/* Is this page type a page table?  Its level, 1 to 4, or 0. */
unsigned pv_table_level(uint32_t type);

/* ---- the source (pv-p2m.c: finding the p2m; pv-save.c) */
void pv_dispose_source(struct xen_guest *g);
int pv_map_p2m(struct xen_guest *g, struct xcsave_error *error);
void pv_unmap_p2m(struct xen_guest *g);

/* ---- the destination (pv-restore.c; pv-vcpu.c) */
void pv_dispose_destination(struct xen_guest *g);
int pv_accept_vcpu(struct xen_guest *g, uint32_t type, const void *body, size_t len_bytes,
                   struct xcsave_error *error);
int pv_set_vcpus(struct xen_guest *g, struct xcsave_restore_result *result, struct xcsave_error *error);

#endif
