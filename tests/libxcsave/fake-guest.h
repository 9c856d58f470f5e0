/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A guest for unit tests of the engine: arrays in place of a hypervisor, a
 * script in place of a workload, and a fault at any call.
 */
#ifndef TESTS_LIBXCSAVE_FAKE_GUEST_H
#define TESTS_LIBXCSAVE_FAKE_GUEST_H

#include <stdatomic.h>

#include "libxcsave/guest.h"

#define FAKE_MAX_PAGES 8192u    /* unless fake_guest_new_sized() made it */
#define FAKE_MARKED_PFN 9u /* the one that mark_dirty() takes */

/* The HVM context of such a guest. */
#define FAKE_STATE_BYTES 54u
extern const uint8_t fake_state[FAKE_STATE_BYTES];

struct fake_guest {
    struct xcsave_guest base;
    uint64_t nr_pfns;
    uint64_t max_pages;
    uint8_t *memory;                    /* max_pages; backed where it was written to */
    uint8_t *types;                     /* STREAM_PAGE_*; XTAB: no memory */
    uint64_t *dirty;
    uint32_t type;                      /* STREAM_GUEST_* */
    bool logdirty;
    bool cannot_mark;                   /* no page can be marked dirty */
    bool marks_nothing;                 /* it says that it did, and the log does not show it */
    int has_other_saver;        /* what it answers */
    bool suspended;
    bool superpages;
    bool counts_pages;                  /* tells how many pages it has */
    unsigned batches;                   /* calls of unmap(), where `between` is set: not from several threads */
    unsigned jobs_a_batch;              /* an image may map a batch in pieces */
    /* Called when a batch was sent, with its number. */
    void (*between)(struct fake_guest *g, unsigned batch);
    unsigned nr_types_asked;
    atomic_uint mapped;                 /* pages mapped now */
    unsigned rounds;                    /* calls of layout_records() */
    /* Called at the end of each round, with its number; changes the guest as a workload would. */
    void (*script)(struct fake_guest *g, unsigned round);
    unsigned unreadable_pfn;            /* while it runs: EAGAIN from normalise(); 0: none */
    unsigned unmappable_pfn;            /* while it runs: map() says EINVAL for it; 0: none */

    atomic_uint calls;                  /* of operations that can fail */
    unsigned fail_at;                   /* the call that fails; 0: none */

    /* destination */
    unsigned extents_1g, extents_2m;
    unsigned max_order;                 /* no larger extents */
    bool clean_memory;                  /* what populate() gives is zero, and not anything */
    uint8_t *told_types;                /* by set_page_type() */
    unsigned nr_populated;
    unsigned max_populated;             /* no memory beyond; 0: no limit */
    unsigned most_populated;
    unsigned given_back;
    uint8_t state[8];                   /* of the one state record */
    bool takes_any_record;              /* and forgets it */
    bool completed;
};

/* `nr_pfns` pages, each with its own content. */
struct fake_guest *fake_guest_new(uint64_t nr_pfns);
/* An empty one, to restore into. */
struct fake_guest *fake_guest_new_empty(void);
/* An empty one that may have so many pages, a multiple of 64. */
struct fake_guest *fake_guest_new_sized(uint64_t max_pages);
void fake_guest_free(struct fake_guest *g);

/* Change a page as the guest would: new content, marked dirty. */
void fake_guest_write(struct fake_guest *g, uint64_t pfn, uint32_t value);
/* How many pages below `end` have memory. */
uint64_t fake_guest_count(const struct fake_guest *g, uint64_t end);
/* Same pages, same content? */
bool fake_guest_equal(const struct fake_guest *a, const struct fake_guest *b);

#endif
