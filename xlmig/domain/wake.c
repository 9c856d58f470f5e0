/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 *   state    what is waited for                      then
 *   WAITS    the request to suspend                  TAKES; or HOLDS, where it is not paused any more
 *   TAKES    one pause less                          RUNS
 *   RUNS     it suspends itself; its time is over    GIVES; or TAKES, where it was paused once more
 *   GIVES    one pause more                          GIVES, HOLDS
 *   HOLDS    the caller's wake_end()
 */
#include "config.h"
#include "xlmig/domain/wake.h"

#include "xlmig/base/loop.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_FOR_REQUEST_US 10000
#define LOOK_FOR_ANSWER_US 2000
#define REMIND_EVERY_US 500000u
#define UNSEEN_REQUEST_US 200000u /* so long after the engine had it asked, the request is there, seen or not */

enum state { WAITS, TAKES, RUNS, GIVES, HOLDS };

struct wake {
    struct toolstack *ts;
    struct wake_order order;
    struct event *look;
    enum state state;
    bool looked;                /* began_ns counts */
    bool ran;                   /* it was seen not to be paused */
    bool suspended;             /* by the last look */
    bool unsure;                /* whether the last pause was taken */
    uint64_t asked_us;          /* the engine had it asked; 0: not yet, as far as it tells */
    uint64_t since_us;          /* its first pause was taken */
    uint64_t reminded_us;
    uint64_t began_ns, ran_ns;  /* by its vCPUs */
    struct failure why;
    bool ending;
    wake_ended *ended;
    void *end_user;
};

static void look_again(struct wake *w, long after_us)
{
    const struct timeval after = { 0, after_us };

    evtimer_add(w->look, &after);
}

static uint32_t domid_of(const struct wake *w)
{
    return w->order.standing->domain.domid;
}

/* ---- the end ---- */

static void holds(struct wake *w)
{
    struct failure failure = { 0 };

    w->state = HOLDS;
    standing_write(w->order.token, w->order.standing, &failure); /* the one before says the same of what is paused */
    if (!w->suspended) /* it must not obey when its administrator lets it run */
        w->ts->ops->suspend.withdraw(w->ts, domid_of(w), &failure);
    if (w->ending)
        look_again(w, 0);
    else if (w->why.text[0])
        w->order.failed(w->order.user, &w->why);
}

/* It is somebody else's now, or nobody's. */
static void let_go(struct wake *w)
{
    w->order.standing->woken = 0;
    holds(w);
}

static void finish(struct wake *w)
{
    wake_ended *ended = w->ended;
    uint64_t ran_ns = w->ran_ns;
    bool let_run = w->since_us != 0;
    void *user = w->end_user;

    event_free(w->look);
    free(w);
    ended(user, let_run, ran_ns);
}

/* ---- its pauses ---- */

static void give_back(struct wake *w);

static void on_given(void *user, const struct failure *failure)
{
    struct wake *w = user;

    if (failure)
        failure_set(&w->why, "%s", failure->text);
    if (failure || --w->order.standing->woken == 0)
        holds(w);
    else
        give_back(w);
}

static void give_back(struct wake *w)
{
    w->state = GIVES;
    w->ts->ops->domain.pause(w->ts, domid_of(w), on_given, w);
}

static void on_taken(void *user, const struct failure *failure)
{
    struct wake *w = user;

    w->state = RUNS;
    w->unsure = failure != NULL;
    if (failure)
        failure_set(&w->why, "%s", failure->text);
    look_again(w, 0);
}

static void take_one(struct wake *w)
{
    w->state = TAKES;
    if (!w->since_us)
        w->since_us = w->reminded_us = now_us();
    w->order.standing->woken++;
    if (standing_write(w->order.token, w->order.standing, &w->why) == 0)
        w->ts->ops->domain.unpause(w->ts, domid_of(w), on_taken, w);
    else if (--w->order.standing->woken)
        give_back(w);
    else
        holds(w);
}

/* ---- looking ---- */

static bool is_asked(const struct wake *w)
{
    return w->ts->ops->suspend.remind(w->ts, domid_of(w)) == 1 ||
           (w->asked_us && now_us() - w->asked_us >= UNSEEN_REQUEST_US);
}

static void while_waiting(struct wake *w, const struct vm *vm)
{
    if (vm->state != VM_PAUSED || w->ending)
        holds(w);
    else if (is_asked(w))
        take_one(w);
    else
        look_again(w, LOOK_FOR_REQUEST_US);
}

static void remind_now_and_then(struct wake *w)
{
    if (now_us() - w->reminded_us < REMIND_EVERY_US)
        return;
    w->reminded_us = now_us();
    w->ts->ops->suspend.remind(w->ts, domid_of(w));
}

/* A toolstack that says that it failed may have done it. */
static void after_a_failure(struct wake *w, const struct vm *vm)
{
    w->unsure = false;
    if (vm->paused)
        w->order.standing->woken--;
    if (w->order.standing->woken)
        give_back(w);
    else
        holds(w);
}

static void while_running(struct wake *w, const struct vm *vm)
{
    if (w->unsure) {
        after_a_failure(w, vm);
        return;
    }
    if (vm->paused && !w->ran && vm->state == VM_PAUSED) {
        take_one(w);
        return;
    }
    w->ran = true;
    if (vm->paused) {
        if (vm->state == VM_PAUSED)
            failure_set(&w->why, "somebody paused it while it was to be suspended");
        let_go(w);
    } else if (vm->state == VM_SUSPENDED || w->ending) {
        give_back(w);
    } else if (now_us() - w->since_us >= w->order.limit_us) {
        failure_set(&w->why, "it was let run for %.1f s and did not answer the request to suspend; is its kernel alive and has "
                             "it Xen's drivers?", (double)(now_us() - w->since_us) / 1e6);
        give_back(w);
    } else {
        remind_now_and_then(w);
        look_again(w, LOOK_FOR_ANSWER_US);
    }
}

/* -1: it is gone, or has ended; *vm is as it is. */
static int find(struct wake *w, struct vm *vm)
{
    struct failure failure = { 0 };

    if (w->ts->ops->ask.find_domid(w->ts, domid_of(w), vm, &failure) != 0)
        return -1;
    w->suspended = vm->state == VM_SUSPENDED;
    if (!w->looked)
        w->began_ns = vm->cpu_ns;
    w->looked = true;
    if (w->since_us)
        w->ran_ns = vm->cpu_ns - w->began_ns;
    return vm->state == VM_RUNNING || vm->state == VM_PAUSED || vm->state == VM_SUSPENDED ? 0 : -1;
}

static void on_look(evutil_socket_t fd, short what, void *user)
{
    struct wake *w = user;
    struct vm vm;

    (void)fd;
    (void)what;
    if (w->state == HOLDS) {
        finish(w);
        return;
    }
    if (find(w, &vm) < 0)
        let_go(w);
    else if (w->state == WAITS)
        while_waiting(w, &vm);
    else
        while_running(w, &vm);
}

/* ---- from outside ---- */

struct wake *wake_begin(struct toolstack *ts, struct event_base *base, const struct wake_order *order)
{
    struct wake *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    *w = (struct wake){ .ts = ts, .order = *order, .state = WAITS };
    w->look = evtimer_new(base, on_look, w);
    if (!w->look) {
        free(w);
        return NULL;
    }
    look_again(w, 0);
    return w;
}

void wake_phase(struct wake *w, const char *phase)
{
    if (!w->asked_us && strcmp(phase, "suspend") == 0)
        w->asked_us = now_us();
}

void wake_end(struct wake *w, wake_ended *ended, void *user)
{
    w->ending = true;
    w->ended = ended;
    w->end_user = user;
    if (w->state != TAKES && w->state != GIVES) /* an act goes on by itself */
        look_again(w, 0);
}
