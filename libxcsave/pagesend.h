/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a batch of pfns to a PAGE_DATA record: look up types, map, normalise, write. */
#ifndef XCSAVE_PAGESEND_H
#define XCSAVE_PAGESEND_H

#include "libxcsave/guest.h"
#include "libxcsave/imageio.h"

struct pagesend {
    struct xcsave_guest *guest;
    struct imageio *io;
    struct pagesend_buffers *buffers; /* allocated once */
    uint64_t nr_pfns;
    uint64_t *known;            /* pfns that the stream said have memory */
    uint64_t nr_known;
    uint64_t *deferred;         /* in flux when their turn came: due again once the guest stands still */
    uint64_t sent;              /* pages with content */
    uint64_t skipped;           /* pfns without */
};

int pagesend_init(struct pagesend *p, struct xcsave_guest *guest, struct imageio *io, uint64_t nr_pfns,
                  struct xcsave_error *error);
/* Idempotent. */
void pagesend_dispose(struct pagesend *p);

/* The guest's pfn space grew. */
int pagesend_grow(struct pagesend *p, uint64_t nr_pfns, struct xcsave_error *error);

/*
 * Send `n` pfns (ascending, at most GUEST_BATCH_PAGES).  While the guest runs a
 * page that cannot be read consistently is put off; once `suspended`, it is a failure.
 */
int pagesend_batch(struct pagesend *p, const uint64_t *pfns, unsigned n, bool suspended,
                   struct xcsave_error *error);

/* Add what was put off to `dirty`. */
void pagesend_take_deferred(struct pagesend *p, uint64_t *dirty);

#endif
