/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Is the dirty log still ours alone?
 *
 * Xen has one dirty log a guest and no lock for it.  Another save or migration
 * of the same guest cleans it, or ends it and begins it anew, and what was dirty
 * for us is gone without a word.  So one page of the guest is marked dirty
 * whenever the log was cleaned by us, without changing it: as long as nobody
 * else cleans the log, the mark is there at each look.
 *
 * What a stranger does between our cleaning and our mark is not seen, which is
 * one call to the hypervisor; whoever saves a guest cleans its log more often.
 */
#ifndef LIBXCSAVE_SAVE_LOG_GUARD_H
#define LIBXCSAVE_SAVE_LOG_GUARD_H

#include "libxcsave/guest.h"

struct log_guard {
    bool works;                 /* with this guest, as far as is known */
    bool on;                    /* a page is marked */
    bool taken;                 /* by somebody else: seen once */
    uint64_t pfn;               /* which, if on */
};

/* The log was cleaned, or has just begun: mark a page, if it works.  Where the guest has none for it, the guard is off. */
int log_guard_mark(struct log_guard *w, struct xcsave_guest *g, uint64_t nr_pfns, struct xcsave_error *error);

/* The log was read into `log`, of at least the pages that the last mark was given.  -1: it is not what it was. */
int log_guard_check(struct log_guard *w, const uint64_t *log, struct xcsave_error *error);

/* Pages of a map that the guest made dirty: our own page does not count, though it is sent. */
uint64_t log_guard_count(const struct log_guard *w, const uint64_t *map, uint64_t nr_pfns);

#endif
