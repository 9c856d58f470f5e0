/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A limit on bytes a second, shared by all that write an image.
 *
 * A bucket of tokens, one a byte, that fills at the rate and holds what the rate
 * gives in RATELIMIT_BURST_US.  Writers ask before they write and tell what they
 * wrote afterwards, so that the bucket may be overdrawn by one write of each of
 * them: keep a write below RATELIMIT_WRITE_BYTES while there is a limit.
 *
 * Every function may be called from any thread.  The clock is the caller's, in
 * microseconds that never go back by more than threads overtake each other.
 */
#ifndef LIBXCSAVE_RATELIMIT_H
#define LIBXCSAVE_RATELIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define RATELIMIT_BURST_US 50000u
/* The longest wait that is told at once: a rate that is raised meanwhile counts from the next look on. */
#define RATELIMIT_LOOK_US 100000u
#define RATELIMIT_WRITE_BYTES (UINT64_C(256) << 10)

struct ratelimit {
    pthread_mutex_t lock;       /* of all below; nothing else is taken while it is held */
    uint64_t bytes_per_s;       /* 0: no limit */
    bool lifted;                /* no limit any more, whatever bytes_per_s says */
    double tokens;              /* below 0: overdrawn */
    uint64_t filled_us;         /* when tokens was brought up to date; 0: never */
};

void ratelimit_init(struct ratelimit *r, uint64_t bytes_per_s);
void ratelimit_dispose(struct ratelimit *r);

/* A new rate, from now on.  0: no limit. */
void ratelimit_set(struct ratelimit *r, uint64_t bytes_per_s);
/* For good: the guest stands still, every byte that waits makes it stand longer. */
void ratelimit_lift(struct ratelimit *r);

/* Is there a limit now? */
bool ratelimit_holds(struct ratelimit *r);
/* 0: write now.  Otherwise look again after so long, which is never more than RATELIMIT_LOOK_US. */
uint64_t ratelimit_wait_us(struct ratelimit *r, uint64_t now_us);
/* So much was written. */
void ratelimit_spend(struct ratelimit *r, uint64_t bytes, uint64_t now_us);

#endif
