/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A guest that costs nothing: what is measured with it is the engine's own work.
 *
 * As a source it has `nr_pages` pages, never writes, and stands still at once.  Its content lies in one piece of
 * NULL_GUEST_CONTENT_PAGES pages, small enough to stay in a core's cache, and page N is page N modulo that.  As a
 * destination it takes whatever comes and forgets it.  All operations may be called from any thread.
 *
 * The null sink to it is an image that is written to /dev/null.
 */
#ifndef TESTS_LIBXCSAVE_NULL_GUEST_H
#define TESTS_LIBXCSAVE_NULL_GUEST_H

#include <stdatomic.h>

#include "libxcsave/guest.h"

#define NULL_GUEST_CONTENT_PAGES 64u

struct null_guest {
    struct xcsave_guest base;
    uint64_t nr_pages;
    atomic_bool suspended;
    atomic_uint mapped;     /* mappings that were not given back */
    uint8_t content[NULL_GUEST_CONTENT_PAGES][GUEST_PAGE_SIZE];
};

/* No page is all zeros, and none is like another one; they compress to about a half.  NULL: no memory. */
struct null_guest *null_guest_new(uint64_t nr_pages);
void null_guest_free(struct null_guest *g);

/* Save it to /dev/null, with one channel.  0 or -1, with error. */
int null_guest_save(struct null_guest *g, enum xcsave_image image, enum xcsave_compress compress, unsigned threads,
                    struct xcsave_report *report, struct xcsave_error *error);

#endif
