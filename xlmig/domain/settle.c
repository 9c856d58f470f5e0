/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/domain/settle.h"

#include "xlmig/base/loop.h"

#include <stdlib.h>

#define LOOK_EVERY_US 50000
#define SAVER_GRACE_US 10000000u /* the helper of a command that was killed is about to end */

struct settle {
    struct toolstack *ts;
    struct event *look;
    uint32_t domid;
    unsigned woken;         /* pauses that are still to be given back */
    bool fenced, resumed, looked;
    uint64_t deadline_us, saver_deadline_us;
    settle_done *done;
    void *user;
};

static void finish(struct settle *s, enum settle_end end, const struct failure *failure)
{
    s->done(s->user, end, failure);
    event_free(s->look);
    free(s);
}

static void look_again(struct settle *s, long after_us)
{
    const struct timeval after = { 0, after_us };

    evtimer_add(s->look, &after);
}

static void on_act(void *user, const struct failure *failure)
{
    if (failure)
        finish(user, SETTLE_FAILED, failure);
    else
        look_again(user, 0);
}

static void take_fence_back(struct settle *s)
{
    s->fenced = false;
    s->ts->ops->domain.unpause(s->ts, s->domid, on_act, s);
}

/* What is paused already was never let run, or is held by somebody since: one of both holds it. */
static bool gives_pause_back(struct settle *s, const struct vm *vm)
{
    if (!s->looked && vm->paused)
        s->woken = 0;
    s->looked = true;
    if (!s->woken)
        return false;
    s->woken--;
    s->ts->ops->domain.pause(s->ts, s->domid, on_act, s);
    return true;
}

/* Resumed, it would run here, and where that other process takes it. */
static void leave_to_saver(struct settle *s)
{
    if (now_us() < s->saver_deadline_us)
        look_again(s, LOOK_EVERY_US);
    else if (s->fenced)
        take_fence_back(s);
    else
        finish(s, SETTLE_TAKEN, NULL);
}

static void on_suspended(struct settle *s)
{
    if (s->ts->ops->suspend.has_saver(s->ts, s->domid) == 1) {
        leave_to_saver(s);
        return;
    }
    s->resumed = true;
    s->ts->ops->domain.resume(s->ts, s->domid, on_act, s);
}

static void on_look(evutil_socket_t fd, short what, void *user)
{
    struct failure failure = { 0 };
    struct settle *s = user;
    struct vm vm;
    int rc = s->ts->ops->ask.find_domid(s->ts, s->domid, &vm, &failure);

    (void)fd;
    (void)what;
    if (rc != 0) {
        finish(s, rc == 1 ? SETTLE_GONE : SETTLE_FAILED, rc == 1 ? NULL : &failure);
        return;
    }
    if (gives_pause_back(s, &vm))
        return;
    switch (vm.state) {
    case VM_SUSPENDED:
        on_suspended(s);
        return;
    case VM_RUNNING:
        if (!s->resumed && now_us() < s->deadline_us)
            look_again(s, LOOK_EVERY_US);
        else
            finish(s, SETTLE_RUNS, NULL);
        return;
    case VM_PAUSED:
        if (s->fenced)
            take_fence_back(s);
        else
            finish(s, SETTLE_PAUSED, NULL);
        return;
    case VM_SHUT_DOWN:
    case VM_CRASHED:
        finish(s, SETTLE_ENDED, NULL);
        return;
    case VM_DYING:
        finish(s, SETTLE_GONE, NULL);
        return;
    }
}

void settle_guest(struct toolstack *ts, struct event_base *base, const struct standing *standing, uint64_t grace_us,
                  settle_done *done, void *user)
{
    static const struct timeval at_once = { 0, 0 };
    struct settle *s = calloc(1, sizeof *s);

    if (!s)
        abort(); /* a few bytes for the one thing that must not be left undone */
    ts->ops->suspend.tracking_end(ts, standing->domain.domid);
    *s = (struct settle){
        .ts = ts, .domid = standing->domain.domid, .woken = standing->woken, .fenced = standing->domain.fenced,
        .deadline_us = now_us() + grace_us, .saver_deadline_us = now_us() + SAVER_GRACE_US, .done = done, .user = user,
    };
    s->look = evtimer_new(base, on_look, s);
    if (!s->look)
        abort(); /* as above */
    evtimer_add(s->look, &at_once);
}
