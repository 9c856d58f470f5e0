/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The table of what comes before the copy, walked exhaustively: every sequence of events from the start. */
#include "tests/run-suite.h"
#include "xlmig/send/preparation.h"

#include <stdlib.h>

/* What a walk has seen on its way to a state. */
struct history {
    enum preparation_state state;
    bool asked_here, answered, gathered, recorded, listens, channels, toolstack_at_it;
};

static bool seen[PREPARATION_NR_STATES][128];
static bool reached[PREPARATION_NR_STATES];

static unsigned key(struct history h)
{
    return (unsigned)h.asked_here | (unsigned)h.answered << 1 | (unsigned)h.recorded << 2 | (unsigned)h.listens << 3 |
           (unsigned)h.channels << 4 | (unsigned)h.toolstack_at_it << 5 | (unsigned)h.gathered << 6;
}

static void check_step(struct history before, struct preparation_step step)
{
    bool opened = before.answered && before.listens && before.channels;

    if (step.act == PREPARATION_DO_START)
        ck_assert_msg(opened || before.recorded, "started from %d without what it needs", (int)before.state);
    if (step.act == PREPARATION_DO_BEGIN)
        ck_assert_msg(before.answered && before.gathered, "begun from %d without what it needs", (int)before.state);
    if (step.act == PREPARATION_DO_CONNECT)
        ck_assert_msg(before.asked_here, "connected before this side was asked");
    if (step.next == PREPARATION_ENDED && step.act == PREPARATION_DO_CANCEL)
        ck_assert_msg(!before.toolstack_at_it, "ended from %d while the toolstack is at it", (int)before.state);
}

/* Only events that led on count: a peer may say anything at any time. */
static struct history advance(struct history h, enum preparation_event event, struct preparation_step step)
{
    if (step.next == h.state)
        return h;
    h.asked_here |= h.state == PREPARATION_ASKING_HERE && event == PREPARATION_CLEAR;
    h.answered |= event == PREPARATION_ANSWERED;
    h.gathered |= event == PREPARATION_GATHERED;
    h.recorded |= event == PREPARATION_RECORDED;
    h.listens |= event == PREPARATION_LISTENING;
    h.channels |= event == PREPARATION_CHANNELS_READY;
    if (event == PREPARATION_FOUND || event == PREPARATION_SETTLED)
        h.toolstack_at_it = false;
    return h;
}

static void walk(struct history h)
{
    if (seen[h.state][key(h)])
        return;
    seen[h.state][key(h)] = true;
    reached[h.state] = true;
    for (int e = 0; e < PREPARATION_NR_EVENTS; e++) {
        enum preparation_event event = (enum preparation_event)e;
        struct preparation_step step = preparation_step(h.state, event);
        struct history after = advance(h, event, step);

        check_step(after, step);
        after.state = step.next;
        if (step.act == PREPARATION_DO_FIND || step.act == PREPARATION_DO_SETTLE)
            after.toolstack_at_it = true;
        walk(after);
    }
}

static void walk_all(void)
{
    walk((struct history){ .state = PREPARATION_IDLE });
}

START_TEST(no_walk_starts_the_copy_before_all_is_ready)
{
    walk_all();
}
END_TEST

START_TEST(every_state_can_be_reached)
{
    walk_all();
    for (int s = 0; s < PREPARATION_NR_STATES; s++)
        ck_assert_msg(reached[s], "state %d cannot be reached", s);
}
END_TEST

START_TEST(an_end_is_never_left)
{
    for (int s = PREPARATION_DONE; s < PREPARATION_NR_STATES; s++)
        for (int e = 0; e < PREPARATION_NR_EVENTS; e++) {
            struct preparation_step step = preparation_step((enum preparation_state)s, (enum preparation_event)e);

            ck_assert_int_eq(step.next, s);
            ck_assert_int_eq(step.act, PREPARATION_DO_NOTHING);
        }
}
END_TEST

START_TEST(a_refusal_ends_it_from_everywhere)
{
    for (int s = 0; s < PREPARATION_DONE; s++) {
        struct preparation_step step = preparation_step((enum preparation_state)s, PREPARATION_ENOUGH);

        ck_assert_int_eq(step.next, PREPARATION_ENDED);
        ck_assert_int_eq(step.act, PREPARATION_DO_NOTHING);
    }
}
END_TEST

START_TEST(a_cancel_ends_it_now_or_when_the_toolstack_is_done)
{
    for (int s = 0; s < PREPARATION_DONE; s++) {
        struct preparation_step step = preparation_step((enum preparation_state)s, PREPARATION_CANCEL);

        if (step.next == PREPARATION_ENDED) {
            ck_assert_int_eq(step.act, PREPARATION_DO_CANCEL);
            continue;
        }
        ck_assert_int_eq(step.next, PREPARATION_CANCELLING);
        ck_assert_int_eq(preparation_step(step.next, PREPARATION_FOUND).act, PREPARATION_DO_CANCEL);
        ck_assert_int_eq(preparation_step(step.next, PREPARATION_SETTLED).act, PREPARATION_DO_CANCEL);
    }
}
END_TEST

START_TEST(xl_is_tried_once)
{
    ck_assert_int_eq(preparation_step(PREPARATION_CONNECTING, PREPARATION_NO_XLMIG).act, PREPARATION_DO_DROP_PEER);
    ck_assert_int_eq(preparation_step(PREPARATION_CONNECTING_STOCK, PREPARATION_NO_XLMIG).act, PREPARATION_DO_NOTHING);
}
END_TEST

START_TEST(what_a_peer_says_out_of_turn_leads_nowhere)
{
    ck_assert_int_eq(preparation_step(PREPARATION_CONNECTING, PREPARATION_ANSWERED).next, PREPARATION_CONNECTING);
    ck_assert_int_eq(preparation_step(PREPARATION_ASKING_THERE, PREPARATION_LISTENING).next, PREPARATION_ASKING_THERE);
    ck_assert_int_eq(preparation_step(PREPARATION_OPENING, PREPARATION_ANSWERED).act, PREPARATION_DO_NOTHING);
    ck_assert_int_eq(preparation_step(PREPARATION_AWAIT_CHANNELS, PREPARATION_LISTENING).act, PREPARATION_DO_NOTHING);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("preparation");
    TCase *tcase = tcase_create("table");

    tcase_add_test(tcase, no_walk_starts_the_copy_before_all_is_ready);
    tcase_add_test(tcase, every_state_can_be_reached);
    tcase_add_test(tcase, an_end_is_never_left);
    tcase_add_test(tcase, a_refusal_ends_it_from_everywhere);
    tcase_add_test(tcase, a_cancel_ends_it_now_or_when_the_toolstack_is_done);
    tcase_add_test(tcase, xl_is_tried_once);
    tcase_add_test(tcase, what_a_peer_says_out_of_turn_leads_nowhere);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
