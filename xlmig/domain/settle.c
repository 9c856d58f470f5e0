/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/domain/settle.h"

#include "xlmig/base/loop.h"

#include <stdlib.h>

#define LOOK_EVERY_US 50000

struct settle {
    struct toolstack *ts;
    struct event *look;
    uint32_t domid;
    uint64_t deadline_us;
    settle_done *done;
    void *user;
};

static void finish(struct settle *s, enum settle_end end, const struct failure *failure)
{
    s->done(s->user, end, failure);
    event_free(s->look);
    free(s);
}

static void on_resumed(void *user, const struct failure *failure)
{
    finish(user, failure ? SETTLE_FAILED : SETTLE_RUNS, failure);
}

static void on_look(evutil_socket_t fd, short what, void *user)
{
    static const struct timeval again = { 0, LOOK_EVERY_US };
    struct failure failure = { 0 };
    struct settle *s = user;
    struct vm vm;
    int rc = s->ts->ops->ask.find_domid(s->ts, s->domid, &vm, &failure);

    (void)fd;
    (void)what;
    if (rc != 0) {
        finish(s, rc == 1 ? SETTLE_ENDED : SETTLE_FAILED, rc == 1 ? NULL : &failure);
        return;
    }
    switch (vm.state) {
    case VM_SUSPENDED:
        s->ts->ops->domain.resume(s->ts, s->domid, on_resumed, s);
        return;
    case VM_RUNNING:
        if (now_us() < s->deadline_us) {
            evtimer_add(s->look, &again);
            return;
        }
        finish(s, SETTLE_RUNS, NULL);
        return;
    case VM_PAUSED:
        failure_set(&failure, "it is paused");
        finish(s, SETTLE_FAILED, &failure);
        return;
    case VM_SHUT_DOWN:
    case VM_CRASHED:
    case VM_DYING:
        finish(s, SETTLE_ENDED, NULL);
        return;
    }
}

void settle_guest(struct toolstack *ts, struct event_base *base, uint32_t domid, uint64_t grace_us, settle_done *done,
                  void *user)
{
    static const struct timeval at_once = { 0, 0 };
    struct settle *s = calloc(1, sizeof *s);

    if (!s)
        abort(); /* a few bytes for the one thing that must not be left undone */
    ts->ops->suspend.tracking_end(ts, domid);
    *s = (struct settle){
        .ts = ts, .domid = domid, .deadline_us = now_us() + grace_us, .done = done, .user = user,
    };
    s->look = evtimer_new(base, on_look, s);
    if (!s->look)
        abort(); /* as above */
    evtimer_add(s->look, &at_once);
}
