/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "libxcsave/ratelimit.h"

void ratelimit_init(struct ratelimit *r, uint64_t bytes_per_s)
{
    *r = (struct ratelimit){ .bytes_per_s = bytes_per_s };
    pthread_mutex_init(&r->lock, NULL);
}

void ratelimit_dispose(struct ratelimit *r)
{
    pthread_mutex_destroy(&r->lock);
}

void ratelimit_set(struct ratelimit *r, uint64_t bytes_per_s)
{
    pthread_mutex_lock(&r->lock);
    r->bytes_per_s = bytes_per_s;
    pthread_mutex_unlock(&r->lock);
}

void ratelimit_lift(struct ratelimit *r)
{
    pthread_mutex_lock(&r->lock);
    r->lifted = true;
    pthread_mutex_unlock(&r->lock);
}

static bool holds(const struct ratelimit *r)
{
    return r->bytes_per_s && !r->lifted;
}

bool ratelimit_holds(struct ratelimit *r)
{
    pthread_mutex_lock(&r->lock);
    bool yes = holds(r);
    pthread_mutex_unlock(&r->lock);
    return yes;
}

static void fill(struct ratelimit *r, uint64_t now_us)
{
    double most = (double)r->bytes_per_s * RATELIMIT_BURST_US / 1e6;

    if (!r->filled_us)
        r->tokens = most;
    else if (now_us > r->filled_us)
        r->tokens += (double)r->bytes_per_s * (double)(now_us - r->filled_us) / 1e6;
    if (now_us > r->filled_us)
        r->filled_us = now_us;
    if (r->tokens > most)
        r->tokens = most;
}

uint64_t ratelimit_wait_us(struct ratelimit *r, uint64_t now_us)
{
    uint64_t wait_us = 0;

    pthread_mutex_lock(&r->lock);
    if (holds(r)) {
        fill(r, now_us);
        if (r->tokens < 0) {
            double us = -r->tokens * 1e6 / (double)r->bytes_per_s;

            wait_us = us < RATELIMIT_LOOK_US ? (uint64_t)us + 1 : RATELIMIT_LOOK_US;
        }
    }
    pthread_mutex_unlock(&r->lock);
    return wait_us;
}

void ratelimit_spend(struct ratelimit *r, uint64_t bytes, uint64_t now_us)
{
    pthread_mutex_lock(&r->lock);
    if (holds(r)) {
        fill(r, now_us);
        r->tokens -= (double)bytes;
    } else {
        r->filled_us = 0; /* a limit that is set later begins with a full bucket */
    }
    pthread_mutex_unlock(&r->lock);
}
