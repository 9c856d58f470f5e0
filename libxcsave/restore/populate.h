/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Memory for a guest that is being restored: which pfns have some, and giving it
 * in extents as large as the pfns that come together allow.
 *
 * 2 MiB.  Such an extent is given where one call has all of its pfns and none
 * of them has memory yet.  A writer that sends its first round in ascending
 * order has every extent that it has no hole in together, so the guest gets its
 * large mappings back without being asked for more memory than it has.
 *
 * 1 GiB.  No call has all pfns of one, so these are given before the first page
 * comes, where the image says that the guest has them whole (populate_ahead()).
 * It may be wrong: the guest goes on giving up and taking memory.  So a page that
 * has memory this way is *spare* until it comes.  Spare pages go back when the
 * host, or the guest's limit, has no memory left for a page that came; and what is
 * still spare when all pages came never was the guest's, and goes back then
 * (populate_return_spare()).  Xen breaks the large mapping for it.
 *
 * Every function may be called from any thread; the guest is asked under one lock.
 */
#ifndef LIBXCSAVE_RESTORE_POPULATE_H
#define LIBXCSAVE_RESTORE_POPULATE_H

#include <pthread.h>

#include "libxcsave/guest.h"
#include "libxcsave/pfnset.h"

struct populate {
    struct xcsave_guest *guest;
    pthread_mutex_t lock;       /* of all below, and of the guest's populate() and depopulate() */
    struct pfnset populated;    /* came, and have memory */
    struct pfnset spare;        /* have memory and did not come; none is in `populated` */
    struct xcsave_extents given;
    uint64_t wanting[GUEST_BATCH_PAGES]; /* of the call at hand */
};

int populate_init(struct populate *p, struct xcsave_guest *guest, struct xcsave_error *error);
/* Idempotent after populate_init(), whatever that returned. */
void populate_dispose(struct populate *p);

/*
 * Give the 1 GiB extent at this pfn as a whole, if the host will; all of its
 * pfns were checked with pfn_is_valid().  *given: it did, or the extent has memory already.
 */
int populate_ahead(struct populate *p, uint64_t pfn, bool *given, struct xcsave_error *error);

/*
 * From now on these pfns have memory; at most GUEST_BATCH_PAGES.  All of them were checked with
 * pfn_is_valid().  fresh[i], unless NULL, says whether pfns[i] came only now: nobody wrote to it.
 */
int populate_pages(struct populate *p, const uint64_t *pfns, unsigned n, bool *fresh, struct xcsave_error *error);

/* As populate_pages(), for localise(): frames that a page table refers to; they are checked here. */
int populate_referenced(void *populate, unsigned n, const uint64_t *pfns, struct xcsave_error *error);

/* A page that the guest gave up after it was sent. */
int populate_take_back(struct populate *p, uint64_t pfn, struct xcsave_error *error);

/* All pages came: the guest gets no memory but that of those. */
int populate_return_spare(struct populate *p, struct xcsave_error *error);

#endif
