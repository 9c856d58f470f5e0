/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "libxcsave/clock.h"
#include "libxcsave/knobs.h"
#include "libxcsave/save/steering.h"

/* A page of zeros, or one that did not change, costs a look at it: this part of what a page with content costs. */
#define CHEAP_PAGES 16

void steering_init(struct steering *s, const struct xcsave_save_options *options, struct xcsave_report *report)
{
    *s = (struct steering){
        .callbacks = options->callbacks,
        .knobs = options->knobs,
        .limits = options->limits,
        .report = report,
    };
    s->limits.throttle = s->limits.throttle && s->callbacks->throttle;
}

void steering_begin(struct steering *s)
{
    s->precopy_us = monotonic_us();
}

void steering_log_begins(struct steering *s)
{
    pace_cleaned(&s->pace, monotonic_us(), 0);
}

bool steering_is_over(const struct steering *s)
{
    return (s->knobs && knobs_finish_asked(s->knobs)) ||
           (s->limits.timeout_us && monotonic_us() - s->precopy_us >= s->limits.timeout_us);
}

/* ---- measuring ---- */

/* Pages that went out, where those that cost next to nothing count for little. */
static double content_pages(const struct steering *s)
{
    const struct xcsave_kind_count *kinds = s->report->end.kinds;

    return (double)(kinds[XCSAVE_KIND_DATA].pages + kinds[XCSAVE_KIND_DELTA].pages + kinds[XCSAVE_KIND_SAME].pages) +
           (double)(kinds[XCSAVE_KIND_ZERO].pages + kinds[XCSAVE_KIND_UNCHANGED].pages) / CHEAP_PAGES;
}

void steering_round_begins(struct steering *s)
{
    s->round_us = monotonic_us();
    s->round_content = content_pages(s);
}

void steering_round_ended(struct steering *s, const struct xcsave_round *round)
{
    pace_sent(&s->pace, content_pages(s) - s->round_content, round->bytes, round->duration_us);
    steering_round_begins(s); /* until there is another one, there is nothing in it */
}

struct xcsave_policy_facts steering_facts(const struct steering *s, uint64_t dirty_pages)
{
    uint64_t time_us = monotonic_us();

    return (struct xcsave_policy_facts){
        .rounds_done = s->report->precopy_rounds,
        .dirty_pages = dirty_pages,
        .guest_pages = s->report->end.guest_pages,
        .pages_per_s = pace_pages_per_s(&s->pace, content_pages(s) - s->round_content, time_us - s->round_us),
        .bytes_per_s = pace_bytes_per_s(&s->pace),
        .dirty_pages_per_s = s->pace.dirty_pages_per_s,
        .log_us = s->pace.log_us,
        .elapsed_us = time_us - s->precopy_us,
        .throttle = s->throttle,
        .finish_asked = s->knobs && knobs_finish_asked(s->knobs),
        .held = s->knobs && knobs_is_held(s->knobs),
    };
}

static struct xcsave_policy_limits limits_now(const struct steering *s)
{
    struct xcsave_policy_limits limits = s->limits;

    if (s->knobs)
        limits.max_downtime_us = knobs_max_downtime_us(s->knobs);
    return limits;
}

bool steering_look_is_due(const struct steering *s)
{
    return pace_look_is_due(&s->pace, monotonic_us());
}

void steering_looked(struct steering *s, const struct dirty_look *look)
{
    struct xcsave_progress *progress = &s->report->end;
    uint64_t unsent = 0;

    pace_looked(&s->pace, look->at_us, look->pages, look->log_us);
    progress->dirty_pages = look->pages;
    progress->dirty_pages_per_s = s->pace.dirty_pages_per_s;
    if (progress->round_pages_total > progress->round_pages_done)
        unsent = progress->round_pages_total - progress->round_pages_done;
    progress->predicted_downtime_us =
        xcsave_precopy_predict(steering_facts(s, unsent + look->pages), limits_now(s)).downtime_us;
}

void steering_collected(struct steering *s, const struct dirty_look *look)
{
    pace_before_cleaning(&s->pace, look->at_us, look->pages);
    pace_cleaned(&s->pace, look->at_us, look->log_us);
}

/* ---- deciding ---- */

/*
 * Slow the guest down, or let it go: before it is to suspend, because a guest
 * that is slowed suspends slowly.  Who cannot slow it is not asked again.
 */
static void set_throttle(struct steering *s, unsigned percent)
{
    if (percent == s->throttle)
        return;
    if (s->callbacks->throttle(s->callbacks->user, percent)) {
        s->limits.throttle = false;
        percent = 0;
    }
    s->throttle = s->report->end.throttle = percent;
}

void steering_let_go(struct steering *s)
{
    set_throttle(s, 0);
}

/* What errno's own words say of it would mislead: nothing is wrong with the connection. */
static void give_up(struct xcsave_policy_facts facts, struct xcsave_prediction prediction, struct xcsave_error *error)
{
    char needed[96] = "";

    if (prediction.needed_bytes_per_s)
        snprintf(needed, sizeof(needed), ", and %llu MiB/s would let it fit",
                 (unsigned long long)(prediction.needed_bytes_per_s >> 20));
    xcsave_fail(error, 0,
                "the copy was not over after %.1f s: the guest dirties %llu MiB/s, the way carries "
                "%llu MiB/s%s; stopped now, it would stand still for about %llu ms",
                (double)facts.elapsed_us / 1e6,
                (unsigned long long)(facts.dirty_pages_per_s * GUEST_PAGE_SIZE >> 20),
                (unsigned long long)(facts.bytes_per_s >> 20), needed,
                (unsigned long long)(prediction.downtime_us / 1000));
    error->errnum = ETIMEDOUT;
}

enum xcsave_decision steering_decide(struct steering *s, struct xcsave_policy_facts facts, struct xcsave_error *error)
{
    struct xcsave_policy_limits limits = limits_now(s);
    struct xcsave_prediction prediction = xcsave_precopy_predict(facts, limits);
    struct xcsave_verdict verdict = xcsave_precopy_decide(facts, limits);
    struct xcsave_progress *progress = &s->report->end;

    s->report->prediction = prediction;
    s->report->reason = verdict.reason;
    progress->dirty_pages = facts.dirty_pages;
    progress->dirty_pages_per_s = facts.dirty_pages_per_s;
    progress->predicted_downtime_us = prediction.downtime_us;
    if (s->callbacks->decided)
        s->callbacks->decided(s->callbacks->user, &verdict, &prediction);
    if (verdict.decision == XCSAVE_GIVE_UP)
        give_up(facts, prediction, error);
    else
        set_throttle(s, verdict.throttle);
    return verdict.decision;
}
