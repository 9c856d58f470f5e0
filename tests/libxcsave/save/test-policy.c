/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The pre-copy policy, by table and against a model of a link and a guest that
 * writes; the measurements that it decides on; the limit on bytes a second.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "libxcsave/save/pace.h"
#include "libxcsave/ratelimit.h"
#include "libxcsave/xcsave.h"
#include "tests/run-suite.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define PAGE_BYTES 4096u

/* ---- by table ---------------------------------------------------------- */

struct policy_case {
    const char *name;
    unsigned rounds_done;
    uint64_t sent, dirty, pages_per_s;
    struct xcsave_policy_limits limits;
    enum xcsave_decision expected;
    enum xcsave_reason reason;
    unsigned restart, throttle, expected_throttle;
    uint64_t elapsed_us;
    bool finish_asked, held;
};

#define SECOND_US UINT64_C(1000000)
#define GOES_ON XCSAVE_CONTINUE
#define STOPS XCSAVE_STOP_AND_COPY

static const struct policy_case policy_cases[] = {
    { .name = "an idle guest is stopped at once", 1, 32768, 20, 8000, { 0 }, STOPS, XCSAVE_REASON_FITS },
    { .name = "a first round that helped is followed by another", 1, 32768, 4096, 8000, { 0 }, GOES_ON,
      XCSAVE_REASON_SHRINKS },
    { .name = "rounds that shrink go on", 3, 4096, 3000, 8000, { 0 }, GOES_ON, XCSAVE_REASON_SHRINKS },
    { .name = "a guest as fast as the link is not chased", 2, 4096, 4096, 8000, { 0 }, STOPS, XCSAVE_REASON_OUTRUN },
    { .name = "nor one that is slower by too little", 5, 4096, 3900, 8000, { 0 }, STOPS, XCSAVE_REASON_OUTRUN },
    { .name = "the first round never says that", 1, 4096, 4096, 250, { 0 }, GOES_ON, XCSAVE_REASON_SHRINKS },
    { .name = "what fits is worth a round that shortens it", 3, 4096, 1000, 8000, { 0 }, GOES_ON,
      XCSAVE_REASON_SHRINKS },
    { .name = "but none that does not", 3, 4096, 3900, 30000, { 0 }, STOPS, XCSAVE_REASON_FITS },
    { .name = "nor one that saves next to nothing", 3, 400, 200, 30000, { 0 }, STOPS, XCSAVE_REASON_FITS },
    { .name = "a downtime set lower goes on", 3, 4096, 2500, 25000, { .max_downtime_us = 10000 }, GOES_ON,
      XCSAVE_REASON_SHRINKS },
    { .name = "a downtime set higher is enough", 3, 4096, 4000, 8000, { .max_downtime_us = SECOND_US }, STOPS,
      XCSAVE_REASON_FITS },
    { .name = "the limit of rounds ends it", 4, 4096, 3000, 8000, { .max_rounds = 4 }, STOPS, XCSAVE_REASON_ROUNDS },
    { .name = "there is one by default", XCSAVE_DEFAULT_MAX_ROUNDS, 4096, 3000, 8000, { 0 }, STOPS,
      XCSAVE_REASON_ROUNDS },
    { .name = "but not beside a time-out", XCSAVE_DEFAULT_MAX_ROUNDS, 4096, 3000, 8000, { .timeout_us = SECOND_US },
      GOES_ON,
      XCSAVE_REASON_SHRINKS },
    { .name = "an unknown bandwidth promises nothing", 3, 4096, 2500, 0, { 0 }, GOES_ON, XCSAVE_REASON_SHRINKS },
    { .name = "a guest whose memory changed starts over", 2, 4096, 4096, 8000, { 0 }, GOES_ON,
      XCSAVE_REASON_MEMORY_CHANGED,
      .restart = 3 },
    { .name = "but not for ever", 5, 4096, 4096, 8000, { 0 }, STOPS, XCSAVE_REASON_OUTRUN, .restart = 4 },
    { .name = "nor beyond the limit of rounds", 4, 9, 4096, 8000, { .max_rounds = 4 }, STOPS, XCSAVE_REASON_ROUNDS,
      .restart = 1 },
    { .name = "a guest that outruns the link may be slowed", 2, 4096, 4096, 8000, { .throttle = true }, GOES_ON,
      XCSAVE_REASON_THROTTLES, .expected_throttle = 20 },
    { .name = "and more so where that did not help", 3, 4096, 4096, 8000, { .throttle = true }, GOES_ON,
      XCSAVE_REASON_THROTTLES, .throttle = 20, .expected_throttle = 40 },
    { .name = "but not to a standstill", 9, 4096, 4096, 8000, { .throttle = true }, STOPS, XCSAVE_REASON_OUTRUN,
      .throttle = 90 },
    { .name = "nor when rounds shrink well", 4, 4096, 2000, 4000, { .throttle = true }, GOES_ON, XCSAVE_REASON_SHRINKS,
      .throttle = 40, .expected_throttle = 40 },
    { .name = "it is when they shrink a little only", 4, 4096, 3000, 4000, { .throttle = true }, GOES_ON,
      XCSAVE_REASON_THROTTLES, .throttle = 40, .expected_throttle = 60 },
    { .name = "a time-out lets rounds go on that do not help", 5, 4096, 4096, 8000, { .timeout_us = SECOND_US },
      GOES_ON,
      XCSAVE_REASON_WAITS },
    { .name = "until it is over", 5, 4096, 4096, 8000, { .timeout_us = SECOND_US }, XCSAVE_GIVE_UP,
      XCSAVE_REASON_TIMEOUT,
      .elapsed_us = SECOND_US },
    { .name = "when the guest is stopped, if that is wanted", 5, 4096, 4096, 8000,
      { .timeout_us = SECOND_US, .force_at_timeout = true }, STOPS, XCSAVE_REASON_TIMEOUT, .elapsed_us = SECOND_US },
    { .name = "nor is one given up that fits by then", 5, 4096, 1000, 8000, { .timeout_us = SECOND_US }, STOPS,
      XCSAVE_REASON_FITS, .elapsed_us = SECOND_US },
    { .name = "a copy that is as good as over does not time out", 5, 4096, 9, 8000, { .timeout_us = SECOND_US }, STOPS,
      XCSAVE_REASON_FITS, .elapsed_us = SECOND_US },
    { .name = "whoever asks for the end gets it", 1, 4096, 4096, 8000, { .throttle = true, .timeout_us = 1 }, STOPS,
      XCSAVE_REASON_ASKED, .elapsed_us = SECOND_US, .finish_asked = true },
    { .name = "a stop that is held waits", 1, 32768, 20, 8000, { 0 }, GOES_ON, XCSAVE_REASON_HELD, .held = true },
    { .name = "whatever it follows from", 4, 4096, 3000, 8000, { .max_rounds = 4 }, GOES_ON, XCSAVE_REASON_HELD,
      .throttle = 20, .expected_throttle = 20, .held = true },
    { .name = "rounds that shrink go on meanwhile", 3, 4096, 3000, 8000, { 0 }, GOES_ON, XCSAVE_REASON_SHRINKS,
      .held = true },
    { .name = "but not beyond the time", 5, 4096, 9, 8000, { .timeout_us = SECOND_US }, STOPS, XCSAVE_REASON_FITS,
      .elapsed_us = SECOND_US, .held = true },
    { .name = "nor when the end is asked for", 1, 4096, 4096, 8000, { 0 }, STOPS, XCSAVE_REASON_ASKED,
      .finish_asked = true, .held = true },
};

START_TEST(policy)
{
    const struct policy_case *c = &policy_cases[_i];
    struct xcsave_policy_facts facts = {
        .rounds_done = c->rounds_done,
        .dirty_pages = c->dirty,
        .pages_per_s = c->pages_per_s,
        .bytes_per_s = c->pages_per_s * PAGE_BYTES,
        .elapsed_us = c->elapsed_us,
        .restart = c->restart,
        .throttle = c->throttle,
        .finish_asked = c->finish_asked,
        .held = c->held,
        .last = { .pages = c->sent, .dirtied = c->dirty,
                  .duration_us = c->pages_per_s ? c->sent * SECOND_US / c->pages_per_s : 0 },
    };
    struct xcsave_verdict v = xcsave_precopy_decide(facts, c->limits);

    ck_assert_msg(v.decision == c->expected && v.reason == c->reason, "%s: decision %d because it %s", c->name,
                  v.decision, xcsave_reason_name(v.reason));
    ck_assert_msg(v.throttle == c->expected_throttle, "%s: throttled by %u", c->name, v.throttle);
}
END_TEST

START_TEST(a_prediction_adds_up)
{
    struct xcsave_policy_facts facts = {
        .rounds_done = 2, .dirty_pages = 8000, .guest_pages = 32768, .pages_per_s = 8000, .bytes_per_s = 8000 * 4104,
        .dirty_pages_per_s = 1000, .log_us = 5000,
    };
    struct xcsave_prediction p = xcsave_precopy_predict(facts, (struct xcsave_policy_limits){ 0 });

    ck_assert_uint_eq(p.suspend_us, XCSAVE_ASSUMED_SUSPEND_US + 5000);
    /* All that is dirty takes a second, and what is dirtied while it suspends 5 ms. */
    ck_assert_uint_eq(p.copy_us, SECOND_US + 5000);
    ck_assert_uint_eq(p.downtime_us, p.suspend_us + p.copy_us + p.state_us);
    facts.throttle = 80; /* it goes five times as fast while it suspends */
    ck_assert_uint_eq(xcsave_precopy_predict(facts, (struct xcsave_policy_limits){ 0 }).copy_us, SECOND_US + 25000);
    facts.guest_pages = 8000;
    ck_assert_uint_eq(xcsave_precopy_predict(facts, (struct xcsave_policy_limits){ 0 }).copy_us, SECOND_US);
    facts.pages_per_s = 0;
    ck_assert_uint_eq(xcsave_precopy_predict(facts, (struct xcsave_policy_limits){ 0 }).downtime_us, 0);
}
END_TEST

/* ---- against a model --------------------------------------------------- */

/*
 * A guest that writes `rate` times a second to a page of its working set,
 * chosen at random, and a link of so many pages a second.  The number of pages
 * that are dirty after t is what chance makes of it.
 */
struct model {
    double all, set, rate, link;
    struct xcsave_policy_limits limits;
};

struct outcome {
    enum xcsave_decision decision;
    enum xcsave_reason reason;
    unsigned rounds, throttle;
    double pages_sent, us;
    uint64_t predicted_us, true_us, needed_bytes_per_s;
};

static double dirty_after(const struct model *m, double us, unsigned throttle)
{
    double writes = m->rate * (100 - throttle) / 100 * us / 1e6;

    return m->set > 0 ? m->set * (1 - exp(-writes / m->set)) : 0;
}

static struct outcome run_model(const struct model *m)
{
    struct outcome o = { 0 };
    struct pace pace = { 0 };
    double to_send = m->all, now_us = 1;

    for (;;) {
        struct xcsave_verdict v;
        struct xcsave_prediction p;
        double round_us = to_send * 1e6 / m->link + 1;
        double left = dirty_after(m, round_us, o.throttle);

        pace_cleaned(&pace, (uint64_t)now_us, 1000);
        if (round_us > XCSAVE_PEEK_US)
            pace_looked(&pace, (uint64_t)now_us + XCSAVE_PEEK_US,
                        (uint64_t)dirty_after(m, XCSAVE_PEEK_US, o.throttle), 1000);
        now_us += round_us;
        pace_before_cleaning(&pace, (uint64_t)now_us, (uint64_t)left);
        pace_sent(&pace, to_send, (uint64_t)to_send * PAGE_BYTES, (uint64_t)round_us);
        o.rounds++;
        o.pages_sent += to_send;

        struct xcsave_policy_facts facts = {
            .rounds_done = o.rounds, .dirty_pages = (uint64_t)left, .guest_pages = (uint64_t)m->all,
            .pages_per_s = pace_pages_per_s(&pace, 0, 0), .bytes_per_s = pace_bytes_per_s(&pace),
            .dirty_pages_per_s = pace.dirty_pages_per_s, .log_us = pace.log_us, .elapsed_us = (uint64_t)now_us,
            .throttle = o.throttle,
            .last = { .pages = (uint64_t)to_send, .bytes = (uint64_t)to_send * PAGE_BYTES,
                      .duration_us = (uint64_t)round_us, .dirtied = (uint64_t)left },
        };
        v = xcsave_precopy_decide(facts, m->limits);
        p = xcsave_precopy_predict(facts, m->limits);
        if (v.decision != XCSAVE_CONTINUE) {
            /* It goes on, at full speed, until it suspends; what is dirty by then is copied. */
            double more = dirty_after(m, XCSAVE_ASSUMED_SUSPEND_US, 0) * (1 - left / (m->set > 0 ? m->set : 1));

            o.decision = v.decision;
            o.reason = v.reason;
            o.us = now_us;
            o.predicted_us = p.downtime_us;
            o.needed_bytes_per_s = p.needed_bytes_per_s;
            o.true_us = p.suspend_us + p.state_us + (uint64_t)((left + more) * 1e6 / m->link);
            return o;
        }
        o.throttle = v.throttle;
        to_send = left;
    }
}

static const double alls[] = { 32768, 1048576 };
static const double links[] = { 2000, 30000, 300000 };          /* 8 MB/s, 120 MB/s, 1.2 GB/s */
static const double sets[] = { 0, 200, 5000, 30000, 800000 };
static const double rates[] = { 100, 2000, 20000, 200000, 2000000 };

struct sweep {
    struct model m;
    char name[160];
};

static bool next_model(struct sweep *sweep, unsigned *at, struct xcsave_policy_limits limits)
{
    unsigned i = (*at)++;
    struct model *m = &sweep->m;

    if (i >= 2 * 3 * 5 * 5)
        return false;
    *m = (struct model){ .all = alls[i % 2], .link = links[i / 2 % 3], .set = sets[i / 6 % 5], .rate = rates[i / 30],
                         .limits = limits };
    if (m->set > m->all)
        m->set = m->all;
    snprintf(sweep->name, sizeof(sweep->name), "%.0f pages, of them %.0f written %.0f times a second, %.0f pages/s",
             m->all, m->set, m->rate, m->link);
    return true;
}

/* Whatever the guest and the link are: it ends, and is not sent many times over. */
START_TEST(every_model_ends)
{
    struct sweep s;

    for (unsigned at = 0; next_model(&s, &at, (struct xcsave_policy_limits){ 0 });) {
        struct outcome o = run_model(&s.m);

        ck_assert_msg(o.decision == XCSAVE_STOP_AND_COPY && o.rounds < XCSAVE_DEFAULT_MAX_ROUNDS, "%s: %u rounds",
                      s.name, o.rounds);
        ck_assert_msg(o.pages_sent <= 6 * s.m.all, "%s: %.1f times its memory", s.name, o.pages_sent / s.m.all);
    }
}
END_TEST

/* What is predicted is what comes, where the guest does what it did. */
START_TEST(predictions_hold)
{
    struct sweep s;

    for (unsigned at = 0; next_model(&s, &at, (struct xcsave_policy_limits){ 0 });) {
        struct outcome o = run_model(&s.m);

        ck_assert_msg(o.true_us <= o.predicted_us * 1.05 + 2000, "%s: predicted %.1f ms, was %.1f ms", s.name,
                      (double)o.predicted_us / 1e3, (double)o.true_us / 1e3);
        ck_assert_msg(o.predicted_us <= o.true_us * 2.1 + 2000, "%s: predicted %.1f ms, was %.1f ms", s.name,
                      (double)o.predicted_us / 1e3, (double)o.true_us / 1e3);
        if (o.reason == XCSAVE_REASON_FITS)
            ck_assert_msg(o.true_us <= XCSAVE_DEFAULT_MAX_DOWNTIME_US * 1.05, "%s: was %.1f ms", s.name,
                          (double)o.true_us / 1e3);
    }
}
END_TEST

START_TEST(a_guest_much_slower_than_the_link_converges)
{
    struct sweep s;
    unsigned seen = 0;

    for (unsigned at = 0; next_model(&s, &at, (struct xcsave_policy_limits){ 0 });) {
        if (s.m.rate > 0.5 * s.m.link)
            continue;
        seen++;
        ck_assert_msg(run_model(&s.m).reason == XCSAVE_REASON_FITS, "%s", s.name);
    }
    ck_assert_uint_gt(seen, 30);
}
END_TEST

START_TEST(a_guest_much_faster_than_the_link_is_said_not_to)
{
    struct sweep s;
    unsigned seen = 0;

    for (unsigned at = 0; next_model(&s, &at, (struct xcsave_policy_limits){ 0 });) {
        struct outcome o;

        /* Faster, and with more at stake than can be copied in the downtime. */
        if (s.m.rate < 4 * s.m.link || s.m.set < 0.5 * s.m.link)
            continue;
        seen++;
        o = run_model(&s.m);
        ck_assert_msg(o.reason == XCSAVE_REASON_OUTRUN, "%s: %s", s.name, xcsave_reason_name(o.reason));
        ck_assert_msg(o.rounds <= 6, "%s: chased for %u rounds", s.name, o.rounds);
        ck_assert_msg(o.needed_bytes_per_s > (uint64_t)s.m.link * PAGE_BYTES, "%s: no number", s.name);
    }
    ck_assert_uint_gt(seen, 10);
}
END_TEST

/* The number that is told to make it converge does. */
START_TEST(the_bandwidth_that_is_needed_is_enough)
{
    struct sweep s;
    unsigned seen = 0;

    for (unsigned at = 0; next_model(&s, &at, (struct xcsave_policy_limits){ 0 });) {
        struct outcome o = run_model(&s.m);

        if (o.reason != XCSAVE_REASON_OUTRUN)
            continue;
        seen++;
        s.m.link = 1.1 * (double)o.needed_bytes_per_s / PAGE_BYTES;
        ck_assert_msg(run_model(&s.m).reason == XCSAVE_REASON_FITS, "%s, with %.0f pages/s", s.name, s.m.link);
    }
    ck_assert_uint_gt(seen, 10);
}
END_TEST

/* And so does the downtime. */
START_TEST(the_downtime_that_is_predicted_is_enough)
{
    struct sweep s;
    unsigned seen = 0;

    for (unsigned at = 0; next_model(&s, &at, (struct xcsave_policy_limits){ 0 });) {
        struct outcome o = run_model(&s.m);

        if (o.reason != XCSAVE_REASON_OUTRUN)
            continue;
        seen++;
        s.m.limits.max_downtime_us = (uint64_t)(1.1 * (double)o.predicted_us);
        ck_assert_msg(run_model(&s.m).reason == XCSAVE_REASON_FITS, "%s, in %.1f ms", s.name,
                      (double)s.m.limits.max_downtime_us / 1e3);
    }
    ck_assert_uint_gt(seen, 10);
}
END_TEST

START_TEST(a_throttle_helps_where_the_guest_is_not_too_fast)
{
    struct sweep s;
    unsigned helped = 0;

    for (unsigned at = 0; next_model(&s, &at, (struct xcsave_policy_limits){ .throttle = true });) {
        struct outcome o = run_model(&s.m);

        if (s.m.rate < 4 * s.m.link)
            ck_assert_msg(o.reason == XCSAVE_REASON_FITS, "%s: %s, slowed by %u%%", s.name,
                          xcsave_reason_name(o.reason), o.throttle);
        ck_assert_msg(o.rounds < XCSAVE_DEFAULT_MAX_ROUNDS, "%s: %u rounds", s.name, o.rounds);
        helped += o.reason == XCSAVE_REASON_FITS && o.throttle;
    }
    ck_assert_uint_gt(helped, 3);
}
END_TEST

START_TEST(a_timeout_is_kept_to_a_round)
{
    const struct xcsave_policy_limits limits = { .timeout_us = 20 * SECOND_US };
    struct sweep s;

    for (unsigned at = 0; next_model(&s, &at, limits);) {
        struct outcome o = run_model(&s.m);

        if (o.reason != XCSAVE_REASON_FITS)
            ck_assert_msg(o.decision == XCSAVE_GIVE_UP && o.us >= 20e6 && o.us <= 20e6 + s.m.all * 1e6 / s.m.link,
                          "%s: %s after %.1f s", s.name, xcsave_reason_name(o.reason), o.us / 1e6);
    }
}
END_TEST

/* ---- measurements ------------------------------------------------------ */

START_TEST(a_short_round_does_not_outweigh_a_long_one)
{
    struct pace p = { 0 };

    ck_assert_uint_eq(pace_pages_per_s(&p, 0, 0), 0);
    pace_sent(&p, 30000, 30000 * PAGE_BYTES, SECOND_US);
    ck_assert_uint_eq(pace_pages_per_s(&p, 0, 0), 30000);
    pace_sent(&p, 200, 200 * PAGE_BYTES, 100); /* swallowed by a buffer */
    ck_assert_uint_lt(pace_pages_per_s(&p, 0, 0), 31000);
    ck_assert_uint_gt(pace_pages_per_s(&p, 0, 0), 29000);
    for (int i = 0; i < 5; i++)
        pace_sent(&p, 10000, 10000 * PAGE_BYTES, SECOND_US);
    ck_assert_uint_lt(pace_pages_per_s(&p, 0, 0), 11000);
    ck_assert_uint_lt(pace_bytes_per_s(&p), 11000 * PAGE_BYTES);
}
END_TEST

START_TEST(the_first_look_tells_how_fast_the_guest_writes)
{
    struct pace p = { 0 };

    ck_assert(!pace_look_is_due(&p, SECOND_US));
    pace_cleaned(&p, SECOND_US, 100);
    ck_assert(!pace_look_is_due(&p, SECOND_US + XCSAVE_PEEK_US - 1));
    ck_assert(pace_look_is_due(&p, SECOND_US + XCSAVE_PEEK_US));
    pace_looked(&p, SECOND_US + XCSAVE_PEEK_US, 500, 100);
    ck_assert_uint_eq(p.dirty_pages_per_s, 10000);
    pace_looked(&p, 2 * SECOND_US, 600, 100);
    pace_before_cleaning(&p, 3 * SECOND_US, 700);
    ck_assert_uint_eq(p.dirty_pages_per_s, 10000);
    pace_cleaned(&p, 3 * SECOND_US, 100);
    pace_before_cleaning(&p, 3 * SECOND_US + 10000, 20); /* a round too short for a look */
    ck_assert_uint_eq(p.dirty_pages_per_s, 2000);
}
END_TEST

START_TEST(looks_that_cost_are_rare)
{
    struct pace p = { 0 };
    uint64_t now_us = SECOND_US, spent_us = 0;

    pace_cleaned(&p, now_us, 100000);
    while (now_us < 101 * SECOND_US) {
        now_us = p.next_look_us;
        spent_us += 100000;
        pace_looked(&p, now_us, 1, 100000);
    }
    ck_assert_uint_le(spent_us, 3 * SECOND_US);
}
END_TEST

/* ---- bytes a second ---------------------------------------------------- */

#define MIB (UINT64_C(1) << 20)

/* Write as fast as allowed, for so long; how much was it? */
static uint64_t write_for(struct ratelimit *r, uint64_t *now_us, uint64_t for_us, uint64_t a_write, unsigned writers)
{
    uint64_t end_us = *now_us + for_us, bytes = 0;

    while (*now_us < end_us) {
        uint64_t wait_us = ratelimit_wait_us(r, *now_us);

        ck_assert_uint_le(wait_us, RATELIMIT_LOOK_US);
        if (wait_us) {
            *now_us += wait_us;
            continue;
        }
        for (unsigned i = 0; i < writers; i++, bytes += a_write)
            ratelimit_spend(r, a_write, *now_us);
        *now_us += 10;
    }
    return bytes;
}

static const struct { uint64_t rate, a_write; unsigned writers; } limits[] = {
    { MIB, 4096, 1 }, { MIB, RATELIMIT_WRITE_BYTES, 1 }, { 100 * MIB, RATELIMIT_WRITE_BYTES, 1 },
    { 64 << 10, RATELIMIT_WRITE_BYTES, 1 }, { 100 * MIB, RATELIMIT_WRITE_BYTES, 8 },
};

START_TEST(a_rate_is_kept)
{
    uint64_t rate = limits[_i].rate, a_write = limits[_i].a_write, now_us = 77 * SECOND_US;
    uint64_t most_at_once = limits[_i].writers * a_write + rate * RATELIMIT_BURST_US / SECOND_US;
    struct ratelimit r;

    ratelimit_init(&r, rate);
    uint64_t bytes = write_for(&r, &now_us, 60 * SECOND_US, a_write, limits[_i].writers);
    ck_assert_uint_le(bytes, 60 * rate + most_at_once);
    ck_assert_uint_ge(bytes, 59 * rate);
    ratelimit_dispose(&r);
}
END_TEST

START_TEST(a_new_rate_counts_at_once)
{
    uint64_t now_us = SECOND_US;
    struct ratelimit r;

    ratelimit_init(&r, 64 << 10);
    ratelimit_spend(&r, 16 * MIB, now_us); /* far overdrawn: minutes at that rate */
    ck_assert_uint_eq(ratelimit_wait_us(&r, now_us), RATELIMIT_LOOK_US);
    ratelimit_set(&r, 100 * MIB);
    now_us += RATELIMIT_LOOK_US;
    ck_assert_uint_le(ratelimit_wait_us(&r, now_us), RATELIMIT_LOOK_US);
    uint64_t bytes = write_for(&r, &now_us, 10 * SECOND_US, 65536, 1);
    ck_assert_uint_ge(bytes, 980 * MIB);
    ck_assert_uint_le(bytes, 1010 * MIB);
    ratelimit_set(&r, MIB);
    bytes = write_for(&r, &now_us, 10 * SECOND_US, 65536, 1);
    ck_assert_uint_le(bytes, 11 * MIB);
    ratelimit_set(&r, 0);
    ck_assert(!ratelimit_holds(&r));
    ck_assert_uint_eq(ratelimit_wait_us(&r, now_us), 0);
    ratelimit_dispose(&r);
}
END_TEST

START_TEST(a_lifted_limit_does_not_come_back)
{
    struct ratelimit r;

    ratelimit_init(&r, MIB);
    ratelimit_spend(&r, 100 * MIB, SECOND_US);
    ck_assert_uint_gt(ratelimit_wait_us(&r, SECOND_US), 0);
    ratelimit_lift(&r);
    ck_assert_uint_eq(ratelimit_wait_us(&r, SECOND_US), 0);
    ratelimit_set(&r, MIB);
    ratelimit_spend(&r, 100 * MIB, SECOND_US);
    ck_assert_uint_eq(ratelimit_wait_us(&r, SECOND_US), 0);
    ratelimit_dispose(&r);
}
END_TEST

START_TEST(no_limit_stores_no_tokens_for_a_later_one)
{
    struct ratelimit r;
    uint64_t now_us = 1000 * SECOND_US;

    ratelimit_init(&r, 0);
    ratelimit_spend(&r, 1000 * MIB, SECOND_US);
    ratelimit_set(&r, MIB);
    ck_assert_uint_le(write_for(&r, &now_us, SECOND_US, 4096, 1), 2 * MIB);
    ratelimit_dispose(&r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy");
    TCase *tc = tcase_create("policy");

    tcase_add_loop_test(tc, policy, 0, LENGTH(policy_cases));
    tcase_add_test(tc, a_prediction_adds_up);
    tcase_add_test(tc, every_model_ends);
    tcase_add_test(tc, predictions_hold);
    tcase_add_test(tc, a_guest_much_slower_than_the_link_converges);
    tcase_add_test(tc, a_guest_much_faster_than_the_link_is_said_not_to);
    tcase_add_test(tc, the_bandwidth_that_is_needed_is_enough);
    tcase_add_test(tc, the_downtime_that_is_predicted_is_enough);
    tcase_add_test(tc, a_throttle_helps_where_the_guest_is_not_too_fast);
    tcase_add_test(tc, a_timeout_is_kept_to_a_round);
    tcase_add_test(tc, a_short_round_does_not_outweigh_a_long_one);
    tcase_add_test(tc, the_first_look_tells_how_fast_the_guest_writes);
    tcase_add_test(tc, looks_that_cost_are_rare);
    tcase_add_loop_test(tc, a_rate_is_kept, 0, LENGTH(limits));
    tcase_add_test(tc, a_new_rate_counts_at_once);
    tcase_add_test(tc, a_lifted_limit_does_not_come_back);
    tcase_add_test(tc, no_limit_stores_no_tokens_for_a_later_one);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
