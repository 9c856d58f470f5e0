/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The engine while the guest runs: how it ends, what slows it down, what may be turned under way. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/libxcsave/engine-case.h"
#include "stream-format/libxc-image.h"
#include "tests/run-suite.h"

static void write_as_fast_as_the_way_is(struct fake_guest *g, unsigned round)
{
    for (unsigned i = 0; i < 500; i++)
        fake_guest_write(g, i, 0x10000 * round + i);
}

START_TEST(a_guest_that_outruns_the_way_is_stopped)
{
    struct save_case c = { .guest = fake_guest_new(1500), .live = true };

    c.guest->script = write_as_fast_as_the_way_is;
    fake_guest_free(move(&c));
    ck_assert_int_eq(c.report.reason, XCSAVE_REASON_OUTRUN);
    ck_assert_uint_gt(c.report.prediction.downtime_us, 0);
    ck_assert_uint_eq(c.throttle_calls, 0);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_timeout_fails_the_save)
{
    struct save_case c = { .guest = fake_guest_new(1500), .live = true, .limits.timeout_us = 200000 };
    int fd = memory_file();

    c.guest->script = write_as_fast_as_the_way_is;
    ck_assert_int_eq(run_save(&c, fd), -1);
    ck_assert_int_eq(c.error.errnum, ETIMEDOUT);
    ck_assert_ptr_nonnull(strstr(c.error.text, "the guest dirties"));
    ck_assert(!c.guest->suspended && !c.guest->logdirty && !c.emulator_on);
    ck_assert_uint_ge(c.report.total_us, 200000);
    close(fd);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_timeout_stops_the_guest_where_that_is_wanted)
{
    struct save_case c = {
        .guest = fake_guest_new(1500), .live = true, .limits = { .timeout_us = 200000, .force_at_timeout = true },
    };

    c.guest->script = write_as_fast_as_the_way_is;
    fake_guest_free(move(&c));
    ck_assert_int_eq(c.report.reason, XCSAVE_REASON_TIMEOUT);
    fake_guest_free(c.guest);
}
END_TEST

static struct xcsave_knobs *control_of_hook;
static unsigned batch_of_hook;

static void finish_after_a_batch(struct fake_guest *g, unsigned batch)
{
    (void)g;
    if (batch == batch_of_hook)
        xcsave_knobs_finish(control_of_hook);
}

static void finish_and(struct save_case *c)
{
    batch_of_hook = 2;
    control_of_hook = c->knobs = xcsave_knobs_new(0, 1);
    c->guest->script = write_as_fast_as_the_way_is;
    c->guest->between = finish_after_a_batch;
    fake_guest_free(move(c));
    ck_assert_int_eq(c->report.reason, XCSAVE_REASON_ASKED);
    ck_assert_uint_eq(c->report.precopy_rounds, 1);
    /* Nothing twice but what was written. */
    ck_assert_uint_le(c->report.end.pages_sent, c->guest->nr_pfns + 500);
    xcsave_knobs_free(c->knobs);
    fake_guest_free(c->guest);
}

START_TEST(finish_ends_a_round_and_what_it_left_is_sent)
{
    struct save_case c = { .guest = fake_guest_new(8000), .live = true };

    finish_and(&c);
}
END_TEST

static void write_most_of_it_once(struct fake_guest *g, unsigned round)
{
    for (unsigned i = 0; round == 1 && i < 5000; i++)
        fake_guest_write(g, i, 0x10000 + i);
}

START_TEST(finish_ends_a_later_round_too)
{
    struct save_case c = { .guest = fake_guest_new(8000), .live = true };

    batch_of_hook = 10; /* eight are the first round */
    control_of_hook = c.knobs = xcsave_knobs_new(0, 1);
    c.guest->script = write_most_of_it_once;
    c.guest->between = finish_after_a_batch;
    fake_guest_free(move(&c));
    ck_assert_int_eq(c.report.reason, XCSAVE_REASON_ASKED);
    ck_assert_uint_eq(c.report.precopy_rounds, 2);
    xcsave_knobs_free(c.knobs);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(finish_ends_a_scan_from_both_ends)
{
    struct save_case c = { .guest = fake_guest_new(8000), .live = true };

    c.guest->counts_pages = true;
    for (unsigned pfn = 1000; pfn < 4000; pfn++)
        c.guest->types[pfn] = STREAM_PAGE_XTAB;
    finish_and(&c);
}
END_TEST

START_TEST(the_downtime_may_be_raised_under_way)
{
    struct save_case c = { .guest = fake_guest_new(1500), .live = true, .limits.max_downtime_us = 1 };

    c.knobs = xcsave_knobs_new(0, 3600000000);
    c.guest->script = write_as_fast_as_the_way_is;
    fake_guest_free(move(&c));
    ck_assert_int_eq(c.report.reason, XCSAVE_REASON_FITS);
    xcsave_knobs_free(c.knobs);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_guest_is_slowed_in_steps_and_let_go)
{
    struct save_case c = { .guest = fake_guest_new(1500), .live = true, .limits.throttle = true };

    c.guest->script = write_as_fast_as_the_way_is;
    fake_guest_free(move(&c)); /* on_suspend() sees that it is let go before */
    ck_assert_int_eq(c.report.reason, XCSAVE_REASON_OUTRUN);
    ck_assert_uint_ge(c.throttle_calls, 5);
    ck_assert_uint_ge(c.most_throttled, 80);
    ck_assert_uint_eq(c.throttle, 0);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_guest_that_cannot_be_slowed_is_not_asked_for_again)
{
    struct save_case c = {
        .guest = fake_guest_new(1500), .live = true, .limits.throttle = true, .throttle_fails = true,
    };

    c.guest->script = write_as_fast_as_the_way_is;
    fake_guest_free(move(&c));
    ck_assert_uint_eq(c.throttle_calls, 1);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_slowed_guest_is_let_go_when_the_save_fails)
{
    struct save_case c = {
        .guest = fake_guest_new(1500), .live = true, .limits.throttle = true, .cancel_in_round = 4,
    };
    int fd = memory_file();

    c.guest->script = write_as_fast_as_the_way_is;
    ck_assert_int_eq(run_save(&c, fd), -1);
    ck_assert_uint_gt(c.most_throttled, 0);
    ck_assert_uint_eq(c.throttle, 0);
    close(fd);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_limit_on_bytes_holds_while_the_guest_runs)
{
    struct save_case c = { .guest = fake_guest_new(3000), .live = true };

    c.knobs = xcsave_knobs_new(20u << 20, 1);
    fake_guest_free(move(&c)); /* 11.7 MiB, of which 1 MiB at once */
    ck_assert_uint_ge(c.report.total_us, 500000);
    xcsave_knobs_free(c.knobs);
    fake_guest_free(c.guest);
}
END_TEST

/* What three minutes would be, were the limit kept; on a machine that is busy with something else. */
#define FAR_LESS_THAN_THE_LIMIT_US 60000000

START_TEST(and_does_not_keep_a_stopped_guest_waiting)
{
    struct save_case c = { .guest = fake_guest_new(3000) };

    c.knobs = xcsave_knobs_new(64u << 10, 1); /* three minutes */
    fake_guest_free(move(&c));
    ck_assert_uint_lt(c.report.total_us, FAR_LESS_THAN_THE_LIMIT_US);
    xcsave_knobs_free(c.knobs);
    fake_guest_free(c.guest);
}
END_TEST

static volatile sig_atomic_t *cancel_of_handler;

static void on_alarm(int number)
{
    (void)number;
    *cancel_of_handler = 1;
}

START_TEST(a_cancel_is_heard_while_a_limit_holds)
{
    const struct itimerval soon = { .it_value.tv_usec = 200000 };
    struct save_case c = { .guest = fake_guest_new(3000), .live = true };
    int fd = memory_file();

    cancel_of_handler = &c.cancel;
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &soon, NULL);
    c.knobs = xcsave_knobs_new(64u << 10, 1);
    ck_assert_int_eq(run_save(&c, fd), -1);
    ck_assert_int_eq(c.error.errnum, ECANCELED);
    ck_assert_uint_lt(c.report.total_us, FAR_LESS_THAN_THE_LIMIT_US);
    close(fd);
    xcsave_knobs_free(c.knobs);
    fake_guest_free(c.guest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("live");
    TCase *tc = tcase_create("live");

    tcase_set_timeout(tc, 100);
    tcase_add_test(tc, a_guest_that_outruns_the_way_is_stopped);
    tcase_add_test(tc, a_timeout_fails_the_save);
    tcase_add_test(tc, a_timeout_stops_the_guest_where_that_is_wanted);
    tcase_add_test(tc, finish_ends_a_round_and_what_it_left_is_sent);
    tcase_add_test(tc, finish_ends_a_later_round_too);
    tcase_add_test(tc, finish_ends_a_scan_from_both_ends);
    tcase_add_test(tc, the_downtime_may_be_raised_under_way);
    tcase_add_test(tc, a_guest_is_slowed_in_steps_and_let_go);
    tcase_add_test(tc, a_guest_that_cannot_be_slowed_is_not_asked_for_again);
    tcase_add_test(tc, a_slowed_guest_is_let_go_when_the_save_fails);
    tcase_add_test(tc, a_limit_on_bytes_holds_while_the_guest_runs);
    tcase_add_test(tc, and_does_not_keep_a_stopped_guest_waiting);
    tcase_add_test(tc, a_cancel_is_heard_while_a_limit_holds);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
