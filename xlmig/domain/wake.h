/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A guest that its administrator paused, while it is suspended: a guest with Xen's drivers answers a
 * request to suspend by its own kernel, which has to run for that.
 *
 *   the request is there -> its pauses are taken -> it runs, and suspends itself -> they are given back
 *
 * Xen does not tell how often a guest was paused, so pauses are taken one by one until it runs, and
 * counted.  Each is recorded before it is taken (standing.h), so that whoever comes after a kill gives
 * them back: of a guest that was paused once, exactly; of one that was paused more often, at least one,
 * where the kill came while they were taken or given back.
 *
 * A guest that Xen suspends without its help (toolstack.h: needs_guest) never runs.  One that somebody
 * else lets run, pauses, ends or destroys meanwhile is left to him.
 */
#ifndef XLMIG_DOMAIN_WAKE_H
#define XLMIG_DOMAIN_WAKE_H

#include "xlmig/domain/standing.h"

#define WAKE_LIMIT_US UINT64_C(10000000) /* no longer than that may it run */

struct wake;

/* The guest does not get suspended this way: have the suspend aborted.  It is held again, as far as it can be. */
typedef void wake_failed(void *user, const struct failure *failure);
/* It is held as it was.  let_run: it was let run meanwhile, and its vCPUs ran for ran_ns. */
typedef void wake_ended(void *user, bool let_run, uint64_t ran_ns);

struct wake_order {
    uint8_t token[MIGRATION_TOKEN_BYTES]; /* of its record */
    struct standing *standing;            /* names the domain; the caller's, as long as this lives */
    uint64_t limit_us;
    void *user;
    wake_failed *failed;                  /* at most once */
};

/* Right before suspend.begin() of a guest that is paused. */
struct wake *wake_begin(struct toolstack *ts, struct event_base *base, const struct wake_order *order);
/* The engine has come to that phase. */
void wake_phase(struct wake *w, const char *phase);
/* The suspend is over, in whatever way.  Frees it, before `ended`, which comes from the loop. */
void wake_end(struct wake *w, wake_ended *ended, void *user);

#endif
