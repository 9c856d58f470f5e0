/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Finding the p2m of a running PV guest.
 *
 * A guest tells Xen in its shared info page where the table is: as a linear
 * list at a virtual address of its own (p2m_cr3, p2m_vaddr, with a generation
 * count that is odd while the mapping changes), or as a three-level tree of
 * frame lists.  Both are walked here down to the frames that hold the entries,
 * which are then mapped side by side.
 *
 * A guest that could grow tells a size far above its memory and points all of
 * the tail at one shared table without entries.  That tail is cut off.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "libxcsave/xen/pv.h"

/* Entries and sizes are 32 bits wide in the stream. */
#define MAX_PFNS (UINT64_C(1) << 32)

/* A change of the list's mapping takes the guest microseconds. */
#define GENERATION_TRIES 200
#define GENERATION_PAUSE_NS 1000000

struct frame_list {
    xen_pfn_t *frames;
    size_t n;
};

/* The first index of the run of equal frames at the end; n where the last one stands alone. */
static size_t shared_tail(const struct frame_list *list)
{
    size_t tail = list->n;

    while (tail > 0 && list->frames[tail - 1] == list->frames[list->n - 1])
        tail--;
    return list->n - tail > 1 ? tail : list->n;
}

static unsigned entries_per_frame(const struct xen_pv *pv)
{
    return (unsigned)(GUEST_PAGE_SIZE / pv->width);
}

/* ---- the linear list -------------------------------------------------- */

/*
 * One level down: read entries [first, last] of the tables, which lie side by
 * side in the address space, into a new list.
 */
static int read_table_entries(struct xen_guest *g, const struct frame_list *tables, uint64_t first, uint64_t last,
                              struct frame_list *below, struct xcsave_error *error)
{
    const uint64_t *entries = xen_map_frames(g, PROT_READ, tables->frames, tables->n, error);
    int rc = 0;

    if (!entries)
        return -1;
    below->n = (size_t)(last - first + 1);
    below->frames = calloc(below->n, sizeof(*below->frames));
    if (!below->frames)
        rc = xcsave_fail(error, ENOMEM, "a list of %zu frames", below->n);
    for (size_t i = 0; !rc && i < below->n; i++) {
        uint64_t entry = entries[first + i];

        below->frames[i] = pv_pte_frame(entry);
        if (!(entry & PV_PTE_PRESENT) || !below->frames[i] || below->frames[i] >= g->pv->nr_m2p)
            rc = xcsave_fail(error, ERANGE, "the guest's p2m list is not mapped where it says");
    }
    xen_unmap_frames(g, (void *)entries, tables->n);
    return rc;
}

static int check_range(const struct xen_pv *pv, uint64_t start, uint64_t end, struct xcsave_error *error)
{
    bool fits = start < end && start % GUEST_PAGE_SIZE == 0;

    if (pv->width == 8) /* canonical at both ends */
        fits = fits && (uint64_t)((int64_t)(start << 16) >> 16) == start &&
               (uint64_t)((int64_t)(end << 16) >> 16) == end;
    else
        fits = fits && end <= UINT32_MAX;
    return fits ? 0 : xcsave_fail(error, ERANGE, "the guest's p2m list is said to be at %#llx to %#llx",
                                  (unsigned long long)start, (unsigned long long)end);
}

/* Frames of the list from `start` on, for nr_pfns entries; the tail that holds none is cut from nr_pfns. */
static int walk_list(struct xen_guest *g, uint64_t root, uint64_t start, uint64_t *nr_pfns,
                     struct frame_list *leaves, struct xcsave_error *error)
{
    uint64_t va_mask = g->pv->width == 8 ? (UINT64_C(1) << 48) - 1 : UINT32_MAX;
    unsigned per_frame = entries_per_frame(g->pv);
    uint64_t end = start + (*nr_pfns + per_frame - 1) / per_frame * GUEST_PAGE_SIZE - 1;
    uint64_t base = 0;          /* address of the first entry of the tables at hand */
    struct frame_list tables = { malloc(sizeof(xen_pfn_t)), 1 };

    if (!tables.frames)
        return xcsave_fail(error, ENOMEM, "a list of frames");
    tables.frames[0] = root;
    if (check_range(g->pv, start, end, error))
        goto fail;
    for (unsigned level = g->pv->levels; level > 0; level--) {
        unsigned shift = GUEST_PAGE_SHIFT + 9 * (level - 1);
        uint64_t first = ((start & va_mask) - base) >> shift, last = ((end & va_mask) - base) >> shift;
        struct frame_list below = { 0 };
        int rc = read_table_entries(g, &tables, first, last, &below, error);

        free(tables.frames);
        tables = below;
        if (rc)
            goto fail;
        base += first << shift;
        if (level == 2 && shared_tail(&tables) < tables.n) {
            tables.n = shared_tail(&tables);
            end = (end & ~va_mask) | (base + ((uint64_t)tables.n << shift) - 1);
        }
        if (end <= start) {
            xcsave_fail(error, ERANGE, "the guest's p2m list holds no entries");
            goto fail;
        }
    }
    if ((end + 1 - start) / GUEST_PAGE_SIZE * per_frame < *nr_pfns)
        *nr_pfns = (end + 1 - start) / GUEST_PAGE_SIZE * per_frame;
    *leaves = tables;
    return 0;

fail:
    free(tables.frames);
    return -1;
}

/* The generation count when no change is under way. */
static int stable_generation(struct xen_guest *g, uint64_t *generation, struct xcsave_error *error)
{
    const struct timespec pause = { .tv_nsec = GENERATION_PAUSE_NS };

    for (int i = 0; i < GENERATION_TRIES; i++) {
        *generation = PV_GET((volatile const shared_info_any_t *)g->pv->shared_info, arch.p2m_generation,
                             g->pv->width);
        if (!(*generation & 1))
            return 0;
        nanosleep(&pause, NULL);
    }
    return xcsave_fail(error, EBUSY, "the guest keeps changing the mapping of its p2m");
}

/* ---- the tree --------------------------------------------------------- */

static int copy_frame_list(struct xen_guest *g, const struct frame_list *from, size_t n, struct frame_list *out,
                           struct xcsave_error *error)
{
    const void *words = xen_map_frames(g, PROT_READ, from->frames, from->n, error);
    int rc = 0;

    if (!words)
        return -1;
    out->n = n;
    out->frames = calloc(n, sizeof(*out->frames));
    if (!out->frames)
        rc = xcsave_fail(error, ENOMEM, "a list of %zu frames", n);
    for (size_t i = 0; !rc && i < n; i++) {
        out->frames[i] = g->pv->width == 8 ? ((const uint64_t *)words)[i] : ((const uint32_t *)words)[i];
        if (!out->frames[i] || out->frames[i] >= g->pv->nr_m2p)
            rc = xcsave_fail(error, ERANGE, "the guest's p2m tree names frame %#llx",
                             (unsigned long long)out->frames[i]);
    }
    xen_unmap_frames(g, (void *)words, from->n);
    return rc;
}

static int walk_tree(struct xen_guest *g, uint64_t top_frame, uint64_t *nr_pfns, struct frame_list *leaves,
                     struct xcsave_error *error)
{
    uint64_t per_frame = entries_per_frame(g->pv), per_middle = per_frame * per_frame;
    xen_pfn_t top_frames[1] = { top_frame };
    struct frame_list top = { top_frames, 1 }, middle = { 0 };
    size_t nr_middle = (size_t)((*nr_pfns + per_middle - 1) / per_middle);
    int rc;

    if (!top_frame || top_frame >= g->pv->nr_m2p || nr_middle > per_frame)
        return xcsave_fail(error, ERANGE, "the guest's p2m tree starts at frame %#llx for %llu pages",
                           (unsigned long long)top_frame, (unsigned long long)*nr_pfns);
    rc = copy_frame_list(g, &top, nr_middle, &middle, error);
    if (!rc) {
        middle.n = shared_tail(&middle);
        if (middle.n == 0)
            rc = xcsave_fail(error, ERANGE, "the guest's p2m tree holds no entries");
        else if (middle.n * per_middle < *nr_pfns)
            *nr_pfns = middle.n * per_middle;
    }
    if (!rc)
        rc = copy_frame_list(g, &middle, (size_t)((*nr_pfns + per_frame - 1) / per_frame), leaves, error);
    free(middle.frames);
    return rc;
}

/* ---- both ------------------------------------------------------------- */

void pv_unmap_p2m(struct xen_guest *g)
{
    xen_unmap_frames(g, (void *)g->pv->p2m, g->pv->nr_p2m_frames);
    g->pv->p2m = NULL;
    g->pv->nr_p2m_frames = 0;
}

/* Map the leaves, and say of each where it lies in the guest. */
static int map_leaves(struct xen_guest *g, const struct frame_list *leaves, uint64_t nr_pfns,
                      struct xcsave_error *error)
{
    struct xen_pv *pv = g->pv;

    free(pv->p2m_frame_pfns);
    pv->p2m_frame_pfns = calloc(leaves->n, sizeof(*pv->p2m_frame_pfns));
    if (!pv->p2m_frame_pfns)
        return xcsave_fail(error, ENOMEM, "a list of %zu frames", leaves->n);
    pv->p2m = xen_map_frames(g, PROT_READ, leaves->frames, leaves->n, error);
    if (!pv->p2m)
        return -1;
    pv->nr_p2m_frames = leaves->n;
    pv->nr_pfns = nr_pfns;
    for (size_t i = 0; i < leaves->n; i++) {
        pv->p2m_frame_pfns[i] = pv_mfn_to_pfn(pv, leaves->frames[i]);
        if (pv->p2m_frame_pfns[i] == PV_INVALID_FRAME)
            return xcsave_fail(error, ERANGE, "a frame of the p2m (%#llx) is not the guest's",
                               (unsigned long long)leaves->frames[i]);
    }
    return 0;
}

int pv_map_p2m(struct xen_guest *g, struct xcsave_error *error)
{
    struct xen_pv *pv = g->pv;
    struct frame_list leaves = { 0 };
    uint64_t nr_pfns = PV_GET(pv->shared_info, arch.max_pfn, pv->width); /* a count, whatever its name */
    uint64_t cr3 = PV_GET(pv->shared_info, arch.p2m_cr3, pv->width);
    int rc;

    pv_unmap_p2m(g);
    if (!nr_pfns || nr_pfns > MAX_PFNS)
        return xcsave_fail(error, ERANGE, "the guest has no p2m yet (its kernel is still starting), or a p2m of "
                           "%llu pages", (unsigned long long)nr_pfns);
    pv->p2m_is_list = cr3 != 0;
    if (pv->p2m_is_list)
        rc = stable_generation(g, &pv->p2m_generation, error) ||
             walk_list(g, pv_cr3_to_frame(pv, cr3), PV_GET(pv->shared_info, arch.p2m_vaddr, pv->width), &nr_pfns,
                       &leaves, error);
    else
        rc = walk_tree(g, PV_GET(pv->shared_info, arch.pfn_to_mfn_frame_list_list, pv->width), &nr_pfns, &leaves,
                       error);
    if (!rc)
        rc = map_leaves(g, &leaves, nr_pfns, error);
    free(leaves.frames);
    return rc ? -1 : 0;
}
