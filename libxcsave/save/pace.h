/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * How fast pages go out, and how fast the guest dirties them.
 *
 * The way is measured over rounds, older ones fading: a short round says little,
 * as pipes and sockets swallow it at once.  The guest is measured by looks at
 * the dirty log within a round, soon after the log was cleaned first, then ever
 * more rarely: each look holds the guest.  All times are in microseconds of one
 * clock that never goes back.
 */
#ifndef LIBXCSAVE_SAVE_PACE_H
#define LIBXCSAVE_SAVE_PACE_H

#include <stdint.h>

#include "libxcsave/xcsave.h"

struct pace {
    double pages, bytes, us;        /* sent in former rounds, fading */
    uint64_t dirty_pages_per_s;     /* over a short time; 0: unknown */
    uint64_t log_us;                /* that reading the log took last */

    uint64_t cleaned_us;            /* when the log was clean last */
    uint64_t next_look_us;
    bool looked;                    /* since then */
};

/* A round's worth of pages with content went out. */
void pace_sent(struct pace *p, double pages, uint64_t bytes, uint64_t duration_us);
/* Pages and bytes a second, with what the round at hand sent so far; 0: unknown. */
uint64_t pace_pages_per_s(const struct pace *p, double pages, uint64_t duration_us);
uint64_t pace_bytes_per_s(const struct pace *p);

/* The log is clean now; reading it took so long. */
void pace_cleaned(struct pace *p, uint64_t now_us, uint64_t log_us);
/* The log is about to be cleaned, and holds so many pages. */
void pace_before_cleaning(struct pace *p, uint64_t now_us, uint64_t dirty_pages);
/* Is it time for a look? */
bool pace_look_is_due(const struct pace *p, uint64_t now_us);
/* A look found so many. */
void pace_looked(struct pace *p, uint64_t now_us, uint64_t dirty_pages, uint64_t log_us);

#endif
