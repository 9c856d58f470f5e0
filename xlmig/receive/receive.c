/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The loop, and what comes into it from all sides. */
#include "config.h"
#include "xlmig/receive/receive.h"

#include "xlmig/base/exit.h"
#include "xlmig/receive/copying.h"
#include "xlmig/receive/ending.h"
#include "xlmig/receive/holding.h"
#include "xlmig/receive/receiver.h"
#include "xlmig/receive/requests.h"
#include "xlmig/receive/shown.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_GRACE_US 5000000u

/* ---- from the sender ---- */

static void on_frame(void *user, enum message_type type, const void *payload, size_t len)
{
    receive_on_message(user, type, payload, len);
}

static void on_sender_lost(void *user)
{
    struct receiver *r = user;

    if (receive_is_holding(r))
        receive_leave(r);
    else
        receive_give_up(r);
}

static void on_nonsense(void *user, const char *text)
{
    receive_refuse(user, text);
}

/* ---- from time, and from people ---- */

static void on_deadline(evutil_socket_t fd, short what, void *user)
{
    struct receiver *r = user;

    (void)fd;
    (void)what;
    if (r->state == RECEIVE_AWAIT_DEVICES)
        snprintf(r->own_error, sizeof r->own_error, "its devices could not be set up in time");
    if (r->state == RECEIVE_ENDING || r->state == RECEIVE_AWAIT_REPORT) {
        fprintf(stderr, "xlmig receive: the restore does not end, stopping it\n");
        child_stop(r->restore.process, KILL_GRACE_US);
        return;
    }
    receive_refuse(r, "the sender or the restore was silent for too long");
}

/* On its way to an end, or past the point of no return. */
static bool cannot_be_stopped(enum receive_state state)
{
    return state == RECEIVE_AWAIT_REPORT || state == RECEIVE_ENDING || state == RECEIVE_HOLDING ||
           state == RECEIVE_ACTING;
}

static void on_signal(evutil_socket_t signum, short what, void *user)
{
    struct receiver *r = user;

    (void)signum;
    (void)what;
    if (cannot_be_stopped(r->state))
        return;
    if (r->request->negotiate)
        receive_refuse(r, "the receiver was told to stop");
    else
        receive_give_up(r);
}

/* ---- from its beginning to its end ---- */

static struct receiver *new_receiver(struct toolstack *ts, struct event_base *base,
                                     const struct receive_request *request)
{
    struct receiver *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    *r = (struct receiver){ .request = request, .base = base, .ts = ts, .joined.fd = -1 };
    if (restore_child_init(&r->restore) == 0)
        return r;
    free(r);
    return NULL;
}

static int set_up(struct receiver *r)
{
    const struct conversation_callbacks callbacks = {
        .user = r, .frame = on_frame, .lost = on_sender_lost, .nonsense = on_nonsense,
    };

    r->deadline = evtimer_new(r->base, on_deadline, r);
    r->conversation = conversation_open(r->base, &callbacks);
    if (!r->deadline || !r->conversation)
        return -1;
    return loop_watch_signals(r->base, r->signals, on_signal, r);
}

static void tear_down(struct receiver *r)
{
    struct event *const events[] = { r->deadline, r->joined.let_go, r->word.look };

    loop_unwatch_signals(r->signals);
    receive_shown_end(r->shown);
    stream_head_close(r->head);
    restore_child_dispose(&r->restore);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
    receive_channels_close(r->channels);
    early_devices_free(r->devices.early);
    if (r->joined.fd >= 0)
        close(r->joined.fd);
    candidate_dispose(&r->order.vm);
    memory_promise_end(&r->promise);
    journal_release(r->holding.journal);
    conversation_close(r->conversation);
    free(r);
}

static void begin(struct receiver *r)
{
    if (!r->request->negotiate) {
        r->order.paused = r->request->paused;
        receive_start_plain(r);
        return;
    }
    receive_await(r, RECEIVE_AWAIT_HELLO, r->request->idle_timeout_us);
    conversation_write(r->conversation, MESSAGE_BANNER, strlen(MESSAGE_BANNER));
    conversation_listen(r->conversation);
}

/* In plain mode nothing of what is said is understood: the child's exit status tells all. */
static int status_of(const struct receiver *r)
{
    int status = r->restore.status;

    if (r->request->negotiate || !r->restore.ended)
        return r->exit_status;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? EXIT_OK : EXIT_FAILED;
}

int receive_vm(struct toolstack *ts, struct event_base *base, const struct receive_request *request)
{
    struct receiver *r = new_receiver(ts, base, request);
    struct failure failure = { 0 };
    int rc = EXIT_FAILED;

    if (!r)
        return EXIT_FAILED;
    if (ts->ops->ask.host(ts, &r->host, &failure) < 0) {
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
    } else if (set_up(r) == 0) {
        begin(r);
        loop_run(base, &r->over);
        rc = status_of(r);
    }
    tear_down(r);
    return rc;
}
