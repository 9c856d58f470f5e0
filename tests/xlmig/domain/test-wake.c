/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A guest that is paused, let run so that it can suspend itself, and held again: pauses are counted, and written down first. */
#include "config.h"

#include "tests/run-suite.h"
#include "tests/scratch.h"
#include "xlmig/base/loop.h"
#include "xlmig/domain/settle.h"
#include "xlmig/domain/wake.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define DOMID 7
#define LIMIT_US 300000

/* ---- a toolstack of one VM ---- */

static const uint8_t token[MIGRATION_TOKEN_BYTES] = { 1, 2, 3 };

static struct {
    struct event_base *base;
    bool gone, suspended, asked, seen;  /* seen: the request can be */
    int pauses;
    unsigned nr_unpauses, nr_looks_running, nr_reminders, nr_withdrawals, nr_resumes;
    unsigned answers_after;             /* so many looks at it while it runs; 0: never */
    unsigned fails;                     /* the nth act says that it failed ... */
    bool and_did_not;                   /* ... and did not do it */
    unsigned nr_acts;
    unsigned paused_by_another_after;   /* so many looks while it runs; 0: never */
} host;

static struct standing standing;

static int find_domid(struct toolstack *ts, uint32_t domid, struct vm *vm, struct failure *failure)
{
    (void)ts, (void)failure;
    ck_assert_uint_eq(domid, DOMID);
    if (host.gone)
        return 1;
    if (!host.pauses && !host.suspended) {
        host.nr_looks_running++;
        if (host.paused_by_another_after && host.nr_looks_running == host.paused_by_another_after)
            host.pauses++;
        else if (host.asked && host.answers_after && host.nr_looks_running >= host.answers_after) {
            host.suspended = true;
            host.asked = false;
        }
    }
    *vm = (struct vm){
        .domid = DOMID, .name = "web1", .paused = host.pauses > 0, .cpu_ns = 1000 + 10 * host.nr_looks_running,
        .state = host.suspended ? VM_SUSPENDED : host.pauses ? VM_PAUSED : VM_RUNNING,
    };
    return 0;
}

struct act {
    toolstack_done *done;
    void *user;
    struct failure failure;
};

static void tell(evutil_socket_t fd, short what, void *user)
{
    struct act *act = user;

    (void)fd, (void)what;
    act->done(act->user, act->failure.text[0] ? &act->failure : NULL);
    free(act);
}

/* Is it done? */
static bool begin(toolstack_done *done, void *user)
{
    static const struct timeval at_once = { 0, 0 };
    struct act *act = calloc(1, sizeof *act);
    bool fails = ++host.nr_acts == host.fails;

    *act = (struct act){ .done = done, .user = user };
    if (fails)
        failure_set(&act->failure, "no");
    ck_assert_int_eq(event_base_once(host.base, -1, EV_TIMEOUT, tell, act, &at_once), 0);
    return !fails || !host.and_did_not;
}

static void pause_vm(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    (void)ts, (void)domid;
    host.pauses += begin(done, user);
}

static void unpause(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    struct standing written = { .woken = 0 };

    (void)ts, (void)domid;
    host.nr_unpauses++;
    ck_assert_int_eq(standing_read(token, &written), 0);
    ck_assert_uint_eq(written.woken, host.nr_unpauses);
    ck_assert_uint_eq(written.domain.domid, DOMID);
    if (begin(done, user) && host.pauses)
        host.pauses--;
}

static void resume(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    (void)ts, (void)domid;
    host.nr_resumes++;
    if (begin(done, user))
        host.suspended = false;
}

static int remind(struct toolstack *ts, uint32_t domid)
{
    (void)ts, (void)domid;
    host.nr_reminders++;
    return host.asked && host.seen;
}

static int withdraw(struct toolstack *ts, uint32_t domid, struct failure *failure)
{
    (void)ts, (void)domid, (void)failure;
    host.nr_withdrawals++;
    host.asked = false;
    return 0;
}

static void tracking_end(struct toolstack *ts, uint32_t domid)
{
    (void)ts, (void)domid;
}

/* Nobody else is about (tests/command/owner.tap has one who is). */
static int has_saver(struct toolstack *ts, uint32_t domid)
{
    (void)ts, (void)domid;
    return 0;
}

static const struct toolstack_ops ops = {
    .name = "test", .ask.find_domid = find_domid,
    .domain = { .pause = pause_vm, .unpause = unpause, .resume = resume },
    .suspend = { .remind = remind, .withdraw = withdraw, .has_saver = has_saver, .tracking_end = tracking_end },
};
static struct toolstack ts = { .ops = &ops };

/* ---- its caller ---- */

static struct {
    struct wake *wake;
    char failed[256];
    bool ended, let_run;
    uint64_t ran_ns;
} told;

static void on_ended(void *user, bool let_run, uint64_t ran_ns)
{
    (void)user;
    told.ended = true;
    told.let_run = let_run;
    told.ran_ns = ran_ns;
}

static void on_failed(void *user, const struct failure *failure)
{
    (void)user;
    snprintf(told.failed, sizeof told.failed, "%.200s", failure->text);
}

static void wake_it(void)
{
    struct wake_order order = { .standing = &standing, .limit_us = LIMIT_US, .failed = on_failed };

    memcpy(order.token, token, sizeof order.token);
    told.wake = wake_begin(&ts, host.base, &order);
    ck_assert_ptr_nonnull(told.wake);
}

static void run_for(long us)
{
    const struct timeval in = { us / 1000000, us % 1000000 };

    event_base_loopexit(host.base, &in);
    event_base_dispatch(host.base);
}

/* However slow this machine is; the bound is for what never comes. */
#define run_until(condition) \
    for (int tries = 0; tries < 3000 && !(condition); tries++) \
    run_for(10000)

static void end_it(void)
{
    wake_end(told.wake, on_ended, NULL);
    run_until(told.ended);
    ck_assert(told.ended);
    ck_assert_uint_eq(standing.woken, 0);
}

static char dir[SCRATCH_SIZE];

static void set_up(void)
{
    scratch_make(dir);
    setenv("XLMIG_RUNTIME_DIR", dir, 1);
    memset(&host, 0, sizeof host);
    memset(&told, 0, sizeof told);
    standing = (struct standing){ .domain = { .domid = DOMID } };
    host.base = event_base_new();
    host.pauses = 1;
    host.answers_after = 3;
    host.seen = true;
}

static void clear_up(void)
{
    event_base_free(host.base);
    scratch_remove(dir);
}

/* ---- */

START_TEST(it_is_let_run_only_once_it_is_asked)
{
    wake_it();
    run_for(100000);
    ck_assert_uint_eq(host.nr_unpauses, 0);
    host.asked = true;
    run_until(host.suspended && host.pauses == 1);
    ck_assert(host.suspended);
    ck_assert_int_eq(host.pauses, 1);
    end_it();
    ck_assert(told.let_run);
    ck_assert_uint_eq(told.ran_ns, 30);
    ck_assert_str_eq(told.failed, "");
}
END_TEST

START_TEST(each_pause_is_taken_and_given_back)
{
    host.pauses = 3;
    host.asked = true;
    wake_it();
    run_until(host.suspended && host.pauses == 3);
    ck_assert_uint_eq(host.nr_unpauses, 3);
    ck_assert(host.suspended);
    ck_assert_int_eq(host.pauses, 3);
    end_it();
}
END_TEST

START_TEST(what_xen_suspends_never_runs)
{
    wake_it();
    run_for(20000);
    host.suspended = true;
    run_for(50000);
    end_it();
    ck_assert_uint_eq(host.nr_unpauses, 0);
    ck_assert(!told.let_run);
    ck_assert_int_eq(host.pauses, 1);
}
END_TEST

/* By its event channel, which cannot be looked at. */
START_TEST(a_request_that_cannot_be_seen_is_believed)
{
    host.seen = false;
    host.asked = true;
    wake_it();
    run_for(400000);
    ck_assert_uint_eq(host.nr_unpauses, 0);
    wake_phase(told.wake, "setup");
    wake_phase(told.wake, "suspend");
    run_until(host.suspended && host.pauses == 1);
    ck_assert(host.suspended);
    ck_assert_int_eq(host.pauses, 1);
    end_it();
}
END_TEST

START_TEST(one_that_does_not_answer_is_held_again)
{
    host.answers_after = 0;
    host.pauses = 2;
    host.asked = true;
    wake_it();
    run_until(told.failed[0]);
    ck_assert_int_eq(host.pauses, 2);
    ck_assert_uint_eq(host.nr_withdrawals, 1);
    ck_assert_ptr_nonnull(strstr(told.failed, "did not answer"));
    end_it();
    ck_assert(told.let_run);
}
END_TEST

START_TEST(one_whose_suspend_ended_is_held_again)
{
    host.answers_after = 0;
    host.pauses = 2;
    host.asked = true;
    wake_it();
    run_until(host.pauses == 0);
    ck_assert_int_eq(host.pauses, 0);
    end_it();
    ck_assert_int_eq(host.pauses, 2);
    ck_assert_uint_eq(host.nr_withdrawals, 1);
    ck_assert_str_eq(told.failed, "");
}
END_TEST

START_TEST(one_that_somebody_pauses_is_his)
{
    host.paused_by_another_after = 4;
    host.answers_after = 0;
    host.asked = true;
    wake_it();
    run_until(told.failed[0]);
    ck_assert_int_eq(host.pauses, 1);
    ck_assert_ptr_nonnull(strstr(told.failed, "somebody paused it"));
    ck_assert_uint_eq(host.nr_withdrawals, 1);
    end_it();
}
END_TEST

START_TEST(one_that_is_gone_is_let_go)
{
    host.answers_after = 0;
    host.asked = true;
    wake_it();
    run_until(host.pauses == 0);
    host.gone = true;
    run_for(50000);
    end_it();
    ck_assert_uint_eq(host.nr_unpauses, 1);
}
END_TEST

/* One act says that it failed, and was done, or was not: it is paused in the end, by the look that follows. */
static const struct {
    unsigned fails;
    bool and_did_not;
} failures[] = { { 1, false }, { 1, true }, { 2, false }, { 2, true } };

START_TEST(an_act_that_failed_may_have_been_done)
{
    host.asked = true;
    host.fails = failures[_i].fails;
    host.and_did_not = failures[_i].and_did_not;
    wake_it();
    run_until(told.failed[0]);
    ck_assert_str_eq(told.failed, "no");
    if (host.fails == 1)
        ck_assert_int_eq(host.pauses, 1);
    wake_end(told.wake, on_ended, NULL);
    run_until(told.ended);
    ck_assert(told.ended);
}
END_TEST

/* ---- after a kill, or after such a failure ---- */

static enum settle_end settled;

static void on_settled(void *user, enum settle_end end, const struct failure *failure)
{
    (void)user, (void)failure;
    settled = end;
}

static const struct {
    const char *name;
    int pauses;
    unsigned woken;
    bool suspended;
    int pauses_then;
    enum settle_end end;
} left[] = {
    { "it runs: all are given back", 0, 2, false, 2, SETTLE_PAUSED },
    { "it has suspended itself: given back, then it is resumed", 0, 1, true, 1, SETTLE_PAUSED },
    { "the one that was written down was not taken", 1, 1, false, 1, SETTLE_PAUSED },
    { "none was taken", 0, 0, false, 0, SETTLE_RUNS },
    { "somebody paused it meanwhile, more than once", 2, 1, false, 2, SETTLE_PAUSED },
};

START_TEST(what_was_taken_is_given_back)
{
    host.pauses = left[_i].pauses;
    host.suspended = left[_i].suspended;
    standing.woken = left[_i].woken;
    settled = SETTLE_FAILED;
    settle_guest(&ts, host.base, &standing, 0, on_settled, NULL);
    run_until(settled != SETTLE_FAILED);
    ck_assert_msg(settled == left[_i].end && host.pauses == left[_i].pauses_then, "%s: end %d, %d pauses", left[_i].name,
                  (int)settled, host.pauses);
    ck_assert_uint_eq(host.nr_resumes, left[_i].suspended);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wake");
    TCase *tcase = tcase_create("wake");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, clear_up);
    tcase_add_test(tcase, it_is_let_run_only_once_it_is_asked);
    tcase_add_test(tcase, each_pause_is_taken_and_given_back);
    tcase_add_test(tcase, what_xen_suspends_never_runs);
    tcase_add_test(tcase, a_request_that_cannot_be_seen_is_believed);
    tcase_add_test(tcase, one_that_does_not_answer_is_held_again);
    tcase_add_test(tcase, one_whose_suspend_ended_is_held_again);
    tcase_add_test(tcase, one_that_somebody_pauses_is_his);
    tcase_add_test(tcase, one_that_is_gone_is_let_go);
    tcase_add_loop_test(tcase, an_act_that_failed_may_have_been_done, 0, sizeof failures / sizeof failures[0]);
    tcase_add_loop_test(tcase, what_was_taken_is_given_back, 0, sizeof left / sizeof left[0]);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
