/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>

#include "libxcsave/restore/populate.h"

#define SUPERPAGE_PAGES (1u << GUEST_SUPERPAGE_ORDER)
#define HUGEPAGE_PAGES (1u << GUEST_HUGEPAGE_ORDER)

int populate_init(struct populate *p, struct xcsave_guest *guest, struct xcsave_error *error)
{
    p->guest = guest;
    p->given = (struct xcsave_extents){ 0 };
    pthread_mutex_init(&p->lock, NULL);
    if (pfnset_init(&p->populated) | pfnset_init(&p->spare))
        return xcsave_fail(error, ENOMEM, "a set of pages");
    return 0;
}

void populate_dispose(struct populate *p)
{
    if (!p->guest)
        return;
    pfnset_dispose(&p->populated);
    pfnset_dispose(&p->spare);
    pthread_mutex_destroy(&p->lock);
    p->guest = NULL;
}

/* ---- 1 GiB -------------------------------------------------------------- */

static bool has_any(const struct populate *p, uint64_t first, uint64_t n)
{
    for (uint64_t pfn = first; pfn < first + n; pfn++)
        if (pfnset_has(&p->populated, pfn) || pfnset_has(&p->spare, pfn))
            return true;
    return false;
}

static int give_hugepage(struct populate *p, uint64_t first, bool *given, struct xcsave_error *error)
{
    unsigned done = 0;

    *given = has_any(p, first, HUGEPAGE_PAGES);
    if (*given)
        return 0;
    if (p->guest->restore->populate(p->guest, 1, &first, GUEST_HUGEPAGE_ORDER, &done, error))
        return -1;
    if (!done)
        return 0;
    for (uint64_t pfn = first; pfn < first + HUGEPAGE_PAGES; pfn++)
        if (pfnset_add(&p->spare, pfn))
            return xcsave_fail(error, errno, "tracking pfn %#llx", (unsigned long long)pfn);
    p->given.nr_1g++;
    *given = true;
    return 0;
}

int populate_ahead(struct populate *p, uint64_t pfn, bool *given, struct xcsave_error *error)
{
    int rc;

    pthread_mutex_lock(&p->lock);
    rc = give_hugepage(p, pfn, given, error);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

/* The lowest first: memory comes in ascending order, so these are the likeliest not to come.  Returns how many; -1. */
static int return_some(struct populate *p, unsigned max, struct xcsave_error *error)
{
    uint64_t pfns[GUEST_BATCH_PAGES];
    unsigned n = pfnset_take(&p->spare, pfns, max);

    if (n && p->guest->restore->depopulate(p->guest, n, pfns, error) < 0)
        return -1;
    p->given.returned += n;
    return (int)n;
}

int populate_return_spare(struct populate *p, struct xcsave_error *error)
{
    int n;

    pthread_mutex_lock(&p->lock);
    do
        n = return_some(p, GUEST_BATCH_PAGES, error);
    while (n > 0);
    pthread_mutex_unlock(&p->lock);
    return n;
}

/* ---- 2 MiB and 4 KiB ---------------------------------------------------- */

static bool is_superpage_run(const uint64_t *pfns, unsigned n)
{
    if (n < SUPERPAGE_PAGES || pfns[0] % SUPERPAGE_PAGES)
        return false;
    for (unsigned i = 1; i < SUPERPAGE_PAGES; i++)
        if (pfns[i] != pfns[0] + i)
            return false;
    return true;
}

/* Populate the 2 MiB extents that `pfns` fills; what is left moves to the front.  Returns how many, or -1. */
static int give_superpages(struct populate *p, uint64_t *pfns, unsigned n, struct xcsave_error *error)
{
    unsigned left = 0;

    for (unsigned i = 0; i < n;) {
        unsigned done = 0;

        if (is_superpage_run(pfns + i, n - i) &&
            p->guest->restore->populate(p->guest, 1, pfns + i, GUEST_SUPERPAGE_ORDER, &done, error))
            return -1;
        if (done) {
            p->given.nr_2m++;
            i += SUPERPAGE_PAGES;
        } else {
            pfns[left++] = pfns[i++];
        }
    }
    return (int)left;
}

/* One by one.  Spare pages are memory that the guest has too much of. */
static int give_small(struct populate *p, const uint64_t *pfns, unsigned n, struct xcsave_error *error)
{
    for (;;) {
        unsigned done = 0;
        int returned;

        if (p->guest->restore->populate(p->guest, n, pfns, 0, &done, error))
            return -1;
        p->given.nr_4k += done;
        pfns += done;
        n -= done;
        if (!n)
            return 0;
        returned = return_some(p, n, error);
        if (returned < 0)
            return -1;
        if (!returned)
            return xcsave_fail(error, ENOMEM, "pfn %#llx gets no memory: the host has none left, or the guest outgrew "
                               "the size it was announced with", (unsigned long long)*pfns);
    }
}

/* Give memory to every pfn of the list, none of which has any.  The list is used up. */
static int give(struct populate *p, uint64_t *pfns, unsigned n, struct xcsave_error *error)
{
    int left = (int)n;

    if (p->guest->ops->has_superpages(p->guest))
        left = give_superpages(p, pfns, n, error);
    return left > 0 ? give_small(p, pfns, (unsigned)left, error) : left;
}

/* ---- which pfns have some ----------------------------------------------- */

enum claim { CLAIM_FAILED = -1, CLAIM_OLD, CLAIM_SPARE, CLAIM_WANTING };

/* The pfn counts as populated from here on. */
static enum claim claim_pfn(struct populate *p, uint64_t pfn, struct xcsave_error *error)
{
    if (pfnset_has(&p->populated, pfn))
        return CLAIM_OLD;
    if (pfnset_add(&p->populated, pfn)) {
        xcsave_fail(error, errno, "tracking pfn %#llx", (unsigned long long)pfn);
        return CLAIM_FAILED;
    }
    if (!p->spare.count || !pfnset_has(&p->spare, pfn))
        return CLAIM_WANTING;
    pfnset_remove(&p->spare, pfn);
    return CLAIM_SPARE;
}

static int populate_locked(struct populate *p, const uint64_t *pfns, unsigned n, bool *fresh,
                           struct xcsave_error *error)
{
    unsigned nr_wanting = 0;

    for (unsigned i = 0; i < n; i++) {
        enum claim claim = claim_pfn(p, pfns[i], error);

        if (claim == CLAIM_FAILED)
            return -1;
        if (fresh)
            fresh[i] = claim != CLAIM_OLD;
        if (claim == CLAIM_WANTING)
            p->wanting[nr_wanting++] = pfns[i];
    }
    return nr_wanting ? give(p, p->wanting, nr_wanting, error) : 0;
}

int populate_pages(struct populate *p, const uint64_t *pfns, unsigned n, bool *fresh, struct xcsave_error *error)
{
    int rc;

    pthread_mutex_lock(&p->lock);
    rc = populate_locked(p, pfns, n, fresh, error);
    pthread_mutex_unlock(&p->lock);
    return rc;
}

int populate_referenced(void *populate, unsigned n, const uint64_t *pfns, struct xcsave_error *error)
{
    struct populate *p = populate;

    for (unsigned i = 0; i < n; i++)
        if (!p->guest->restore->pfn_is_valid(p->guest, pfns[i]))
            return xcsave_fail(error, 0, "a page table refers to pfn %#llx, beyond the guest",
                               (unsigned long long)pfns[i]);
    return populate_pages(p, pfns, n, NULL, error);
}

int populate_take_back(struct populate *p, uint64_t pfn, struct xcsave_error *error)
{
    int r = 1;

    pthread_mutex_lock(&p->lock);
    if (pfnset_has(&p->populated, pfn))
        r = p->guest->restore->depopulate(p->guest, 1, &pfn, error);
    if (r == 0)
        pfnset_remove(&p->populated, pfn);
    pthread_mutex_unlock(&p->lock);
    return r < 0 ? -1 : 0;
}
