/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What comes in one turn of the loop: signals first, and nothing after the end. */
#include "tests/run-suite.h"
#include "xlmig/base/loop.h"

#include <signal.h>
#include <unistd.h>

struct verb {
    struct event_base *base;
    bool over;
    int nr_ends, nr_signals;
};

static void on_end(evutil_socket_t fd, short what, void *user)
{
    struct verb *v = user;

    (void)fd, (void)what;
    v->nr_ends++;
    loop_end(v->base, &v->over);
}

static void on_signal(evutil_socket_t signum, short what, void *user)
{
    struct verb *v = user;

    (void)signum, (void)what;
    v->nr_signals++;
}

/* Two pipes that are both at their end, and a signal that is pending: all of one turn. */
START_TEST(an_end_is_the_last)
{
    struct verb v = { .base = loop_new() };
    struct event *signals[LOOP_NR_SIGNALS] = { 0 }, *ends[2];
    int pipes[2][2];

    ck_assert_int_eq(loop_watch_signals(v.base, signals, on_signal, &v), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pipe(pipes[i]), 0);
        close(pipes[i][1]);
        ends[i] = event_new(v.base, pipes[i][0], EV_READ | EV_PERSIST, on_end, &v);
        event_add(ends[i], NULL);
    }
    raise(SIGTERM);
    loop_run(v.base, &v.over);
    ck_assert(v.over);
    ck_assert_int_eq(v.nr_ends, 1);
    ck_assert_int_eq(v.nr_signals, 1);
    for (int i = 0; i < 2; i++) {
        event_free(ends[i]);
        close(pipes[i][0]);
    }
    loop_unwatch_signals(signals);
    event_base_free(v.base);
}
END_TEST

START_TEST(what_is_over_does_not_begin)
{
    struct verb v = { .base = loop_new(), .over = true };
    struct event *end = evtimer_new(v.base, on_end, &v);

    event_active(end, EV_TIMEOUT, 1);
    loop_run(v.base, &v.over);
    ck_assert_int_eq(v.nr_ends, 0);
    event_free(end);
    event_base_free(v.base);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *tc = tcase_create("turns");

    tcase_add_test(tc, an_end_is_the_last);
    tcase_add_test(tc, what_is_over_does_not_begin);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
