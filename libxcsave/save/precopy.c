/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The pre-copy policy: after each round, is another one worth its bytes?
 *
 * A round pays when it leaves fewer dirty pages than it sent, because the pages
 * that are left are copied with the guest stopped.  In this order:
 *   1. somebody asked for the end;
 *   2. almost nothing is dirty: another round cannot shorten the stop;
 *   3. the time is up (stop the guest if that fits, whatever else was wanted), or
 *      the rounds are;
 *   4. memory came or went: all of it is dirty, the numbers say nothing;
 *   5. the predicted downtime fits: stop, unless another round would shorten it
 *      by more than it is worth arguing about;
 *   6. it does not fit, but rounds shrink: go on;
 *   7. the guest dirties as fast as the way carries.  Slow it down, if that is
 *      allowed; or wait until that passes, if there is a time-out; or
 *      stop it, because further rounds cost bytes and leave as much.
 * A stop that follows from 2 or later, the end of the time apart, waits while
 * somebody holds it.
 *
 * Between rounds the number of pages that are dirty after a time t is concave in
 * t: a guest that goes on writes to the same pages again.  So the rate of a short
 * time is the most that it can dirty, and the rate of the last, longer, round
 * the least that it dirties in a shorter one.
 */
#include "config.h"

#include "libxcsave/xcsave.h"

/* So few pages copy faster than a guest suspends. */
#define NEGLIGIBLE_PAGES 64u
#define PAGE_BYTES 4096u
#define MAX_RESTARTS 3u
/* A round that leaves more of what it sent does not help. */
#define SHRINKS 0.8
/* And one that leaves more of it helps too slowly, where the guest may be slowed instead. */
#define SHRINKS_WELL 0.5
/* One that leaves more of the downtime is not worth it, where the downtime fits. */
#define WORTH 0.8

/* In steps: the first are hardly felt, the last leave what a guest needs to get itself suspended. */
static const unsigned throttle_steps[] = { 20, 40, 60, 75, 85, 90 };

const char *xcsave_reason_name(enum xcsave_reason reason)
{
    switch (reason) {
    case XCSAVE_REASON_SHRINKS:
        return "shrinks";
    case XCSAVE_REASON_MEMORY_CHANGED:
        return "memory-changed";
    case XCSAVE_REASON_WAITS:
        return "waits";
    case XCSAVE_REASON_THROTTLES:
        return "throttles";
    case XCSAVE_REASON_HELD:
        return "held";
    case XCSAVE_REASON_FITS:
        return "fits";
    case XCSAVE_REASON_OUTRUN:
        return "outrun";
    case XCSAVE_REASON_ROUNDS:
        return "rounds";
    case XCSAVE_REASON_TIMEOUT:
        return "timeout";
    case XCSAVE_REASON_ASKED:
        return "asked";
    }
    return "unknown";
}

static double max_downtime_us(struct xcsave_policy_limits limits)
{
    return (double)(limits.max_downtime_us ? limits.max_downtime_us : XCSAVE_DEFAULT_MAX_DOWNTIME_US);
}

static double suspend_us(struct xcsave_policy_facts facts)
{
    return XCSAVE_ASSUMED_SUSPEND_US + (double)facts.log_us;
}

/*
 * Pages to copy with the guest stopped, if it is asked to suspend with so many
 * dirty: it goes on until it does, and no longer slowed down.
 */
static double pages_to_copy(struct xcsave_policy_facts facts, double dirty_pages)
{
    double full_speed = facts.throttle < 100 ? 100.0 / (100 - facts.throttle) : 1;
    double pages = dirty_pages + (double)facts.dirty_pages_per_s * full_speed * XCSAVE_ASSUMED_SUSPEND_US / 1e6;
    double all = (double)facts.guest_pages;

    return facts.guest_pages && pages > all && dirty_pages <= all ? all : pages;
}

static double copy_us(struct xcsave_policy_facts facts, double dirty_pages)
{
    return pages_to_copy(facts, dirty_pages) * 1e6 / (double)facts.pages_per_s;
}

/* Bytes of the image that a page takes, as far as known. */
static double bytes_a_page(struct xcsave_policy_facts facts)
{
    return facts.bytes_per_s ? (double)facts.bytes_per_s / (double)facts.pages_per_s : PAGE_BYTES;
}

/*
 * Two ways to make a guest fit: carry what is dirty in the time that is
 * allowed, or carry faster than it writes.  The cheaper one counts.
 */
static double needed_pages_per_s(struct xcsave_policy_facts facts, double allowed_copy_us)
{
    double outrun = (double)facts.dirty_pages_per_s / SHRINKS;
    double at_once = allowed_copy_us > 0 ? pages_to_copy(facts, (double)facts.dirty_pages) * 1e6 / allowed_copy_us : 0;

    if (!outrun || !at_once)
        return at_once;
    return outrun < at_once ? outrun : at_once;
}

struct xcsave_prediction xcsave_precopy_predict(struct xcsave_policy_facts facts, struct xcsave_policy_limits limits)
{
    struct xcsave_prediction p = { 0 };
    double allowed_us, needed;

    if (!facts.pages_per_s)
        return p;
    p.suspend_us = (uint64_t)suspend_us(facts);
    p.state_us = XCSAVE_ASSUMED_STATE_US;
    p.copy_us = (uint64_t)copy_us(facts, (double)facts.dirty_pages);
    p.downtime_us = p.suspend_us + p.copy_us + p.state_us;

    allowed_us = max_downtime_us(limits) - (double)(p.suspend_us + p.state_us);
    needed = needed_pages_per_s(facts, allowed_us);
    if (needed > (double)facts.pages_per_s && (double)p.downtime_us > max_downtime_us(limits))
        p.needed_bytes_per_s = (uint64_t)(needed * bytes_a_page(facts));
    return p;
}

/* Would another round shorten the stop by enough?  The last round's rate is the least that it would dirty. */
static bool another_round_is_worth_it(struct xcsave_policy_facts facts, uint64_t downtime_us)
{
    double round_us = (double)facts.dirty_pages * 1e6 / (double)facts.pages_per_s;
    double left = facts.last.duration_us
                      ? (double)facts.last.dirtied * round_us / (double)facts.last.duration_us : 0;
    double fixed_us = suspend_us(facts) + XCSAVE_ASSUMED_STATE_US;

    return fixed_us + copy_us(facts, left) < WORTH * (double)downtime_us;
}

/* The first round sends memory that was never dirty: its result says nothing about convergence. */
static bool rounds_shrink(struct xcsave_policy_facts facts, double enough)
{
    return facts.rounds_done < 2 || (double)facts.dirty_pages < enough * (double)facts.last.pages;
}

static unsigned next_throttle(unsigned now)
{
    for (unsigned i = 0; i < sizeof(throttle_steps) / sizeof(throttle_steps[0]); i++)
        if (throttle_steps[i] > now)
            return throttle_steps[i];
    return now;
}

static struct xcsave_verdict verdict(struct xcsave_policy_facts facts, enum xcsave_decision decision,
                                     enum xcsave_reason reason)
{
    return (struct xcsave_verdict){ decision, reason, decision == XCSAVE_CONTINUE ? facts.throttle : 0 };
}

static struct xcsave_verdict outrun(struct xcsave_policy_facts facts, struct xcsave_policy_limits limits)
{
    unsigned throttle = next_throttle(facts.throttle);

    if (limits.throttle && throttle > facts.throttle)
        return (struct xcsave_verdict){ XCSAVE_CONTINUE, XCSAVE_REASON_THROTTLES, throttle };
    if (limits.timeout_us)
        return verdict(facts, XCSAVE_CONTINUE, XCSAVE_REASON_WAITS);
    return verdict(facts, XCSAVE_STOP_AND_COPY, XCSAVE_REASON_OUTRUN);
}

/* With a time-out, that is the limit unless rounds are limited by name. */
static bool rounds_are_over(struct xcsave_policy_facts facts, struct xcsave_policy_limits limits)
{
    if (limits.max_rounds)
        return facts.rounds_done >= limits.max_rounds;
    return !limits.timeout_us && facts.rounds_done >= XCSAVE_DEFAULT_MAX_ROUNDS;
}

static struct xcsave_verdict judge(struct xcsave_policy_facts facts, struct xcsave_policy_limits limits)
{
    struct xcsave_prediction p = xcsave_precopy_predict(facts, limits);
    bool fits = p.downtime_us && (double)p.downtime_us <= max_downtime_us(limits);

    if (facts.finish_asked)
        return verdict(facts, XCSAVE_STOP_AND_COPY, XCSAVE_REASON_ASKED);
    if (facts.dirty_pages <= NEGLIGIBLE_PAGES)
        return verdict(facts, XCSAVE_STOP_AND_COPY, XCSAVE_REASON_FITS);
    if (limits.timeout_us && facts.elapsed_us >= limits.timeout_us) {
        if (fits)
            return verdict(facts, XCSAVE_STOP_AND_COPY, XCSAVE_REASON_FITS);
        return verdict(facts, limits.force_at_timeout ? XCSAVE_STOP_AND_COPY : XCSAVE_GIVE_UP,
                       XCSAVE_REASON_TIMEOUT);
    }
    if (rounds_are_over(facts, limits))
        return verdict(facts, XCSAVE_STOP_AND_COPY, XCSAVE_REASON_ROUNDS);
    if (facts.restart)
        return facts.restart <= MAX_RESTARTS ? verdict(facts, XCSAVE_CONTINUE, XCSAVE_REASON_MEMORY_CHANGED)
                                             : outrun(facts, limits);
    if (fits) {
        if (rounds_shrink(facts, SHRINKS) && another_round_is_worth_it(facts, p.downtime_us))
            return verdict(facts, XCSAVE_CONTINUE, XCSAVE_REASON_SHRINKS);
        return verdict(facts, XCSAVE_STOP_AND_COPY, XCSAVE_REASON_FITS);
    }
    bool can_throttle = limits.throttle && next_throttle(facts.throttle) > facts.throttle;
    if (rounds_shrink(facts, can_throttle ? SHRINKS_WELL : SHRINKS))
        return verdict(facts, XCSAVE_CONTINUE, XCSAVE_REASON_SHRINKS);
    return outrun(facts, limits);
}

struct xcsave_verdict xcsave_precopy_decide(struct xcsave_policy_facts facts, struct xcsave_policy_limits limits)
{
    struct xcsave_verdict v = judge(facts, limits);
    bool time_is_up = limits.timeout_us && facts.elapsed_us >= limits.timeout_us;

    if (facts.held && v.decision == XCSAVE_STOP_AND_COPY && v.reason != XCSAVE_REASON_ASKED && !time_is_up)
        return verdict(facts, XCSAVE_CONTINUE, XCSAVE_REASON_HELD);
    return v;
}
