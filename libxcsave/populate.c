/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>

#include "libxcsave/populate.h"

#define SUPERPAGE_PAGES (1u << GUEST_SUPERPAGE_ORDER)

int populate_init(struct populate *p, struct xcsave_guest *guest, struct xcsave_error *error)
{
    p->guest = guest;
    p->superpages = 0;
    pthread_mutex_init(&p->lock, NULL);
    if (pfnset_init(&p->populated))
        return xcsave_fail(error, ENOMEM, "a set of pages");
    return 0;
}

void populate_dispose(struct populate *p)
{
    if (!p->guest)
        return;
    pfnset_dispose(&p->populated);
    pthread_mutex_destroy(&p->lock);
    p->guest = NULL;
}

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
            p->guest->ops->populate(p->guest, 1, pfns + i, GUEST_SUPERPAGE_ORDER, &done, error))
            return -1;
        if (done) {
            p->superpages++;
            i += SUPERPAGE_PAGES;
        } else {
            pfns[left++] = pfns[i++];
        }
    }
    return (int)left;
}

/* Give memory to every pfn of the list, none of which has any.  The list is used up. */
static int give(struct populate *p, uint64_t *pfns, unsigned n, struct xcsave_error *error)
{
    int left = (int)n;
    unsigned done = 0;

    if (p->guest->ops->has_superpages(p->guest))
        left = give_superpages(p, pfns, n, error);
    if (left <= 0)
        return left;
    if (p->guest->ops->populate(p->guest, (unsigned)left, pfns, 0, &done, error))
        return -1;
    if (done != (unsigned)left)
        return xcsave_fail(error, ENOMEM, "pfn %#llx gets no memory: the host has none left, or the guest outgrew the "
                           "size it was announced with", (unsigned long long)pfns[done]);
    return 0;
}

/* Is this pfn without memory so far?  It counts as populated from here on; -1: cannot be tracked. */
static int claim_pfn(struct populate *p, uint64_t pfn, struct xcsave_error *error)
{
    if (pfnset_has(&p->populated, pfn))
        return 0;
    if (pfnset_add(&p->populated, pfn))
        return xcsave_fail(error, errno, "tracking pfn %#llx", (unsigned long long)pfn);
    return 1;
}

static int populate_locked(struct populate *p, const uint64_t *pfns, unsigned n, bool *fresh,
                           struct xcsave_error *error)
{
    unsigned nr_wanting = 0;

    for (unsigned i = 0; i < n; i++) {
        int r = claim_pfn(p, pfns[i], error);

        if (r < 0)
            return -1;
        if (fresh)
            fresh[i] = r > 0;
        if (r > 0)
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
        if (!p->guest->ops->pfn_is_valid(p->guest, pfns[i]))
            return xcsave_fail(error, 0, "a page table refers to pfn %#llx, beyond the guest",
                               (unsigned long long)pfns[i]);
    return populate_pages(p, pfns, n, NULL, error);
}

int populate_take_back(struct populate *p, uint64_t pfn, struct xcsave_error *error)
{
    int r = 1;

    pthread_mutex_lock(&p->lock);
    if (pfnset_has(&p->populated, pfn))
        r = p->guest->ops->depopulate(p->guest, 1, &pfn, error);
    if (r == 0)
        pfnset_remove(&p->populated, pfn);
    pthread_mutex_unlock(&p->lock);
    return r < 0 ? -1 : 0;
}
