/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pre-copy policy: after each round, is another one worth its bytes?
 *
 * A round pays when it leaves fewer dirty pages than it sent, because the pages
 * that are left are copied with the guest stopped.  The guest is stopped
 *   1. when almost nothing is dirty: another round cannot shorten the stop;
 *   2. when rounds stopped shrinking: the guest dirties as fast as the link
 *      carries, so every further round costs bytes and leaves as much;
 *   3. when what is left fits the allowed downtime and the last round no
 *      longer halved it;
 *   4. when the limit of rounds is reached.
 * A guest that gained or lost memory starts over, whatever the numbers say, as
 * long as it does not do so again and again.
 */
#include "config.h"

#include "libxcsave/xcsave.h"

/* So few pages copy faster than a guest suspends. */
#define NEGLIGIBLE_PAGES 64u
#define PAGE_BYTES 4096u
#define MAX_RESTARTS 3u

static uint64_t predicted_copy_us(struct xcsave_policy_facts facts)
{
    if (!facts.bytes_per_s)
        return UINT64_MAX;
    return (uint64_t)((double)facts.dirty_pages * PAGE_BYTES * 1e6 / (double)facts.bytes_per_s);
}

enum xcsave_decision xcsave_precopy_decide(struct xcsave_policy_facts facts, struct xcsave_policy_limits limits)
{
    unsigned max_rounds = limits.max_rounds ? limits.max_rounds : XCSAVE_DEFAULT_MAX_ROUNDS;
    uint64_t max_downtime_us = limits.max_downtime_us ? limits.max_downtime_us : XCSAVE_DEFAULT_MAX_DOWNTIME_US;
    double left = (double)facts.dirty_pages;
    double sent = (double)facts.last.pages;

    if (facts.dirty_pages <= NEGLIGIBLE_PAGES || facts.rounds_done >= max_rounds)
        return XCSAVE_STOP_AND_COPY;
    if (facts.restart)
        return facts.restart <= MAX_RESTARTS ? XCSAVE_CONTINUE : XCSAVE_STOP_AND_COPY;
    /* The first round sends memory that was never dirty: its result says nothing about convergence. */
    if (facts.rounds_done >= 2 && left >= 0.8 * sent)
        return XCSAVE_STOP_AND_COPY;
    if (left >= 0.5 * sent && predicted_copy_us(facts) <= max_downtime_us)
        return XCSAVE_STOP_AND_COPY;
    return XCSAVE_CONTINUE;
}
