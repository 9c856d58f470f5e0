/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The policy at work: what it needs to know is measured, and what it decides is done.
 *
 * precopy.c decides from facts; pace.c turns what was measured into rates.
 * Between them and save.c, the state is here: the limits as they are now, the
 * round at hand, the throttle.  Whatever is sent is read from report->end,
 * which the caller brings up to date before each call that says so.  Every call
 * is made by save.c's own thread.
 */
#ifndef LIBXCSAVE_SAVE_STEERING_H
#define LIBXCSAVE_SAVE_STEERING_H

#include "libxcsave/save/dirty-log.h"
#include "libxcsave/save/pace.h"
#include "libxcsave/xcsave.h"

struct steering {
    const struct xcsave_callbacks *callbacks; /* throttle() and decided(), both optional */
    struct xcsave_knobs *knobs; /* optional */
    struct xcsave_policy_limits limits; /* but knobs's downtime counts, where there is one */
    struct xcsave_report *report;
    struct pace pace;
    unsigned throttle;          /* per cent by which the guest is slowed */
    uint64_t precopy_us;        /* when it began, by monotonic_us() */
    uint64_t round_us;          /* when the round at hand began */
    double round_content;       /* what had been sent by then */
};

/* The options and what they point to, and the report, outlive the steering. */
void steering_init(struct steering *s, const struct xcsave_save_options *options, struct xcsave_report *report);

/* Pre-copy begins: its time counts from now on. */
void steering_begin(struct steering *s);
/* The log is on, and empty. */
void steering_log_begins(struct steering *s);

/* Somebody asked for the end, or the time is up: a round under way ends early.  Of a guest that runs. */
bool steering_is_over(const struct steering *s);

/* A round begins, or what comes before the first and is measured as one.  Reads report->end. */
void steering_round_begins(struct steering *s);
/* It is over, with its bytes and duration.  Reads report->end. */
void steering_round_ended(struct steering *s, const struct xcsave_round *round);

/* Is it time for a look at the dirty log? */
bool steering_look_is_due(const struct steering *s);
/*
 * The log was looked at while the guest runs: report->end gets what it says, and
 * what stopping now would mean.  Reads report->end.
 */
void steering_looked(struct steering *s, const struct dirty_look *look);
/* The log was collected. */
void steering_collected(struct steering *s, const struct dirty_look *look);

/* What is known, of a guest with so many dirty pages; last and restart are the caller's to add.  Reads report->end. */
struct xcsave_policy_facts steering_facts(const struct steering *s, uint64_t dirty_pages);

/*
 * After a round: let the policy decide, tell the caller of the library, put it
 * into the report, slow the guest down as it says.  XCSAVE_GIVE_UP: failed, see
 * error (errnum ETIMEDOUT).
 */
enum xcsave_decision steering_decide(struct steering *s, struct xcsave_policy_facts facts, struct xcsave_error *error);

/* Let the guest go at its own speed, if it is slowed: on every path out. */
void steering_let_go(struct steering *s);

#endif
