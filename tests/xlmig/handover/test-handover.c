/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The handover's table, walked exhaustively: every sequence of events from the start. */
#include "tests/run-suite.h"
#include "xlmig/handover/handover.h"

#include <stdbool.h>
#include <stdlib.h>

/* What a walk has seen on its way to a state. */
struct history {
    enum handover_state state;
    bool go_sent, started, released, not_started;
};

static bool seen[HANDOVER_NR_STATES][16];
static bool reached[HANDOVER_NR_STATES];

static unsigned key(struct history h)
{
    return (unsigned)h.go_sent | (unsigned)h.started << 1 | (unsigned)h.released << 2 | (unsigned)h.not_started << 3;
}

static void check_action(struct history before, enum handover_action action)
{
    if (action == HANDOVER_DO_DESTROY)
        ck_assert_msg(before.started, "destroyed without the destination's word that it runs");
    if (action == HANDOVER_DO_RESUME)
        ck_assert_msg(!before.go_sent || before.released, "resumed after GO without the destination's release");
    if (action == HANDOVER_DO_SEND_GO)
        ck_assert_msg(!before.go_sent, "GO was sent twice");
}

/* GO counts as sent unless the answer to it is that no byte of it went out. */
static struct history advance(struct history h, enum handover_event event, struct handover_step step)
{
    if (h.state == HANDOVER_SENDING_GO && event == HANDOVER_DONE_FAILED)
        h.go_sent = false;
    if (step.action == HANDOVER_DO_SEND_GO)
        h.go_sent = true;
    if (h.go_sent && step.next != h.state) {
        h.started |= event == HANDOVER_STARTED;
        h.released |= event == HANDOVER_RELEASED;
        h.not_started |= event == HANDOVER_NOT_STARTED;
    }
    h.state = step.next;
    return h;
}

static void walk(struct history h)
{
    if (seen[h.state][key(h)])
        return;
    seen[h.state][key(h)] = true;
    reached[h.state] = true;
    for (int e = 0; e < HANDOVER_NR_EVENTS; e++) {
        enum handover_event event = (enum handover_event)e;
        struct handover_step step = handover_step(h.state, event);
        struct history after = advance(h, event, step), at = h;

        at.started |= event == HANDOVER_STARTED;
        at.released |= event == HANDOVER_RELEASED;
        if (h.state == HANDOVER_SENDING_GO && event == HANDOVER_DONE_FAILED)
            at.go_sent = false;
        check_action(at, step.action);
        walk(after);
    }
}

static void walk_all(void)
{
    walk((struct history){ .state = HANDOVER_COPYING });
}

START_TEST(no_walk_destroys_or_resumes_what_it_may_not)
{
    walk_all();
}
END_TEST

START_TEST(every_state_can_be_reached)
{
    walk_all();
    for (int s = 0; s < HANDOVER_NR_STATES; s++)
        ck_assert_msg(reached[s], "%s cannot be reached", handover_state_name((enum handover_state)s));
}
END_TEST

START_TEST(an_end_is_never_left)
{
    for (int s = HANDOVER_MOVED; s < HANDOVER_NR_STATES; s++)
        for (int e = 0; e < HANDOVER_NR_EVENTS; e++) {
            struct handover_step step = handover_step((enum handover_state)s, (enum handover_event)e);

            ck_assert_int_eq(step.next, s);
            ck_assert_int_eq(step.action, HANDOVER_DO_NOTHING);
        }
}
END_TEST

/* What answers by itself: the engine's end, a local action. */
static enum handover_event own_end(enum handover_state state, bool well)
{
    if (state == HANDOVER_COPYING || state == HANDOVER_ABORTING)
        return well ? HANDOVER_COPIED : HANDOVER_COPY_FAILED;
    return well ? HANDOVER_DONE_OK : HANDOVER_DONE_FAILED;
}

START_TEST(a_lost_peer_always_leads_to_an_end)
{
    for (int well = 0; well < 2; well++)
        for (int s = 0; s < HANDOVER_NR_STATES; s++) {
            enum handover_state state = (enum handover_state)s;

            for (int steps = 0; !handover_is_end(state); steps++) {
                ck_assert_msg(steps < 10, "from %s, no end", handover_state_name((enum handover_state)s));
                state = handover_step(state, HANDOVER_PEER_LOST).next;
                state = handover_step(state, own_end(state, well)).next;
            }
        }
}
END_TEST

START_TEST(a_timeout_ends_every_wait_for_the_peer)
{
    const enum handover_state waits[] = { HANDOVER_AWAIT_READY, HANDOVER_AWAIT_REPORT, HANDOVER_AWAIT_ABORTED,
                                           HANDOVER_CONFIRMING, HANDOVER_CONFIRMING_ANEW, HANDOVER_WITHDRAWING,
                                           HANDOVER_WITHDRAWING_ANEW, HANDOVER_TAKING_BACK,
                                           HANDOVER_TAKING_BACK_ANEW };

    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++)
        ck_assert_int_ne(handover_step(waits[i], HANDOVER_TIMEOUT).next, waits[i]);
}
END_TEST

START_TEST(cancel_counts_until_go_and_not_after)
{
    ck_assert_int_eq(handover_step(HANDOVER_COPYING, HANDOVER_CANCEL).action, HANDOVER_DO_ABORT_COPY);
    ck_assert_int_eq(handover_step(HANDOVER_AWAIT_READY, HANDOVER_CANCEL).action, HANDOVER_DO_RESUME);
    ck_assert_int_eq(handover_step(HANDOVER_AWAIT_REPORT, HANDOVER_CANCEL).action, HANDOVER_DO_NOTHING);
    ck_assert_int_eq(handover_step(HANDOVER_DESTROYING, HANDOVER_CANCEL).action, HANDOVER_DO_NOTHING);
}
END_TEST

/* The records MOVED and ABORTED go on the destination's own word only; see docs/handover.md, rules 8 and 9. */
START_TEST(an_end_with_nothing_left_comes_only_with_closed)
{
    for (int s = 0; s < HANDOVER_MOVED; s++)
        for (int e = 0; e < HANDOVER_NR_EVENTS; e++) {
            enum handover_state next = handover_step((enum handover_state)s, (enum handover_event)e).next;

            if (next == HANDOVER_MOVED || next == HANDOVER_UNDONE)
                ck_assert_int_eq(e, HANDOVER_CLOSED);
        }
}
END_TEST

START_TEST(a_lost_connection_is_made_anew_once_to_say_how_it_ended)
{
    static const struct {
        enum handover_state before, anew, untold;
    } ways[] = {
        { HANDOVER_CONFIRMING, HANDOVER_CONFIRMING_ANEW, HANDOVER_MOVED_UNTOLD },
        { HANDOVER_WITHDRAWING, HANDOVER_WITHDRAWING_ANEW, HANDOVER_UNDONE_UNTOLD },
    };

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct handover_step step = handover_step(ways[i].before, HANDOVER_PEER_LOST);

        ck_assert_int_eq(step.next, ways[i].anew);
        ck_assert_int_eq(step.action, HANDOVER_DO_TELL_ANEW);
        ck_assert_int_eq(handover_step(ways[i].anew, HANDOVER_PEER_LOST).next, ways[i].untold);
    }
}
END_TEST

/* ABORTED is needed and not recorded: only the destination's own word lets ours go on, and none of it was GO. */
START_TEST(without_a_record_the_destination_has_to_give_up_first)
{
    struct handover_step step = handover_step(HANDOVER_RESUMING, HANDOVER_UNRECORDED);

    ck_assert_int_eq(step.action, HANDOVER_DO_TAKE_BACK);
    for (int anew = 0; anew < 2; anew++) {
        for (int e = 0; e < HANDOVER_NR_EVENTS; e++) {
            bool given = e == HANDOVER_RELEASED || e == HANDOVER_CLOSED;
            struct handover_step then = handover_step(step.next, (enum handover_event)e);

            ck_assert_msg((then.action == HANDOVER_DO_RESUME) == given, "event %d", e);
            ck_assert_msg(then.action != HANDOVER_DO_DESTROY && then.action != HANDOVER_DO_SEND_GO, "event %d", e);
        }
        step = handover_step(step.next, HANDOVER_PEER_LOST);
    }
    ck_assert_int_eq(step.next, HANDOVER_STUCK);
}
END_TEST

START_TEST(what_was_not_started_is_asked_back_and_may_run_after_all)
{
    struct handover_step step = handover_step(HANDOVER_AWAIT_REPORT, HANDOVER_NOT_STARTED);

    ck_assert_int_eq(step.action, HANDOVER_DO_TAKE_BACK);
    ck_assert_int_eq(handover_step(step.next, HANDOVER_RELEASED).action, HANDOVER_DO_RESUME);
    ck_assert_int_eq(handover_step(step.next, HANDOVER_STARTED).action, HANDOVER_DO_DESTROY);
}
END_TEST

START_TEST(the_good_way_is_copy_ready_fence_rename_go_report_destroy)
{
    const struct {
        enum handover_event event;
        enum handover_action action;
    } way[] = {
        { HANDOVER_COPIED, HANDOVER_DO_NOTHING },   { HANDOVER_READY, HANDOVER_DO_FENCE },
        { HANDOVER_DONE_OK, HANDOVER_DO_RENAME_AWAY },
        { HANDOVER_DONE_OK, HANDOVER_DO_SEND_GO },  { HANDOVER_DONE_OK, HANDOVER_DO_NOTHING },
        { HANDOVER_STARTED, HANDOVER_DO_DESTROY },  { HANDOVER_DONE_OK, HANDOVER_DO_TELL },
        { HANDOVER_CLOSED, HANDOVER_DO_FINISH },
    };
    enum handover_state state = HANDOVER_COPYING;

    for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
        struct handover_step step = handover_step(state, way[i].event);

        ck_assert_int_eq(step.action, way[i].action);
        state = step.next;
    }
    ck_assert_int_eq(state, HANDOVER_MOVED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handover");
    TCase *tcase = tcase_create("table");

    tcase_add_test(tcase, no_walk_destroys_or_resumes_what_it_may_not);
    tcase_add_test(tcase, every_state_can_be_reached);
    tcase_add_test(tcase, an_end_is_never_left);
    tcase_add_test(tcase, a_lost_peer_always_leads_to_an_end);
    tcase_add_test(tcase, a_timeout_ends_every_wait_for_the_peer);
    tcase_add_test(tcase, cancel_counts_until_go_and_not_after);
    tcase_add_test(tcase, an_end_with_nothing_left_comes_only_with_closed);
    tcase_add_test(tcase, a_lost_connection_is_made_anew_once_to_say_how_it_ended);
    tcase_add_test(tcase, without_a_record_the_destination_has_to_give_up_first);
    tcase_add_test(tcase, what_was_not_started_is_asked_back_and_may_run_after_all);
    tcase_add_test(tcase, the_good_way_is_copy_ready_fence_rename_go_report_destroy);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
