/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Where save.c puts a guest: the seam between the algorithm and an image.
 *
 * Two implementations: libxc's image (sink-libxc.c), and xlmig's (sink-v1.c).
 * save.c calls in this order, and from one thread:
 *
 *     begin; record ...; [extents]; end_round; (batch ... end_round; record ...)*;
 *     [verify; batch ... end_round]; end_memory; record ...; end
 *
 * What a batch sends may still be under way when batch() returns; end_round()
 * returns when all of it is written, and only then `deferred` and the counts
 * are complete.  A failure under way comes from the next call.
 */
#ifndef LIBXCSAVE_SAVE_PAGE_SINK_H
#define LIBXCSAVE_SAVE_PAGE_SINK_H

#include "libxcsave/guest.h"

struct image1_extents;
struct page_sink;

struct page_sink_ops {
    int (*begin)(struct page_sink *s, const struct guest_identity *identity, struct xcsave_error *error);
    /* A record of a libxc image that is neither pages nor END. */
    int (*record)(struct page_sink *s, uint32_t type, const void *body, size_t len_bytes, struct xcsave_error *error);
    /* Say which 1 GiB extents are whole, in `n` runs.  NULL: this image has no word for it. */
    int (*extents)(struct page_sink *s, const struct image1_extents *runs, unsigned n, struct xcsave_error *error);
    /*
     * Send `n` pfns (ascending, at most GUEST_BATCH_PAGES), none of which came in this
     * round.  While the guest runs a page that cannot be read consistently is put off; once
     * `suspended`, it is a failure.
     */
    int (*batch)(struct page_sink *s, const uint64_t *pfns, unsigned n, bool suspended, struct xcsave_error *error);
    int (*end_round)(struct page_sink *s, struct xcsave_error *error);
    int (*end_memory)(struct page_sink *s, struct xcsave_error *error);
    /* All of memory is sent again for the reader to compare.  NULL: this image is compared anyway. */
    int (*verify)(struct page_sink *s, struct xcsave_error *error);
    int (*end)(struct page_sink *s, struct xcsave_error *error);
    /* Bytes written so far, of pages and all else. */
    uint64_t (*bytes)(struct page_sink *s);
    /* Counts by kind, and bytes by channel.  For page_sink_count(). */
    void (*count)(struct page_sink *s, struct xcsave_progress *progress);
    /* Ends what is under way, too. */
    void (*close)(struct page_sink *s);
};

/* First member of each implementation's own struct. */
struct page_sink {
    const struct page_sink_ops *ops;
    struct xcsave_guest *guest;
    uint64_t nr_pfns;
    uint64_t *known;            /* pfns that the image says, or is about to say, have memory */
    uint64_t nr_known;
    uint64_t *deferred;         /* in flux when their turn came: due again once the guest stands still */
    /* Optional, save.c's: called several times a second where a call takes long. */
    void (*waiting)(void *user);
    void *waiting_user;
};

/* The guest's pfn space grew, or (from 0) began. */
int page_sink_grow(struct page_sink *s, uint64_t nr_pfns, struct xcsave_error *error);
/* Add what was put off to `dirty`. */
void page_sink_take_deferred(struct page_sink *s, uint64_t *dirty);
/* Bring what `progress` says of pages and bytes up to date. */
void page_sink_count(struct page_sink *s, struct xcsave_progress *progress);
/* NULL is fine. */
void page_sink_close(struct page_sink *s);

/* NULL: see error. */
struct page_sink *page_sink_open_libxc(struct xcsave_guest *guest, const struct xcsave_save_options *options,
                                       struct xcsave_error *error);

/* nr_pages: about how much memory the guest has. */
struct page_sink *page_sink_open_v1(struct xcsave_guest *guest, const struct xcsave_save_options *options,
                                    uint64_t nr_pages, struct xcsave_error *error);

/* ---- for implementations ---- */

/*
 * Look up the types of `n` pfns, keep `known`, and leave in pfns and types only
 * what the image has to be told of: a pfn without memory only if the image said
 * before that it has some.  Returns how many; -1: see error.
 */
int page_sink_look_up(struct page_sink *s, const uint64_t *pfns, unsigned n, uint64_t *told, uint32_t *types,
                      struct xcsave_error *error);
/* The page cannot be read as it should.  While the guest runs it is put off (any thread): 0. */
int page_sink_put_off(struct page_sink *s, uint64_t pfn, bool suspended, const struct xcsave_error *reason,
                      struct xcsave_error *error);
/* Frees what is above. */
void page_sink_dispose(struct page_sink *s);

#endif
