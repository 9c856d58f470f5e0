/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/send/core.h"
#include "xlmig/base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- the queue ---- */

static void post(struct send *s, struct send_event event)
{
    struct send_queue *queue = &s->queue;

    assert(queue->nr < SEND_QUEUE_MAX);
    queue->events[(queue->first + queue->nr++) % SEND_QUEUE_MAX] = event;
    if (queue->busy)
        return;
    queue->busy = true;
    while (queue->nr) {
        event = queue->events[queue->first];
        queue->first = (queue->first + 1) % SEND_QUEUE_MAX;
        queue->nr--;
        queue->carry_out(s, event);
    }
    queue->busy = false;
}

void send_post_preparation(struct send *s, enum preparation_event event)
{
    post(s, (struct send_event){ SEND_EVENT_PREPARATION, (int)event });
}

void send_post(struct send *s, enum handover_event event)
{
    post(s, (struct send_event){ SEND_EVENT_HANDOVER, (int)event });
}

/* ---- waiting ---- */

void send_await(struct send *s, struct send_awaited awaited)
{
    struct timeval in = us_to_timeval(awaited.timeout_us);

    s->awaited = awaited;
    evtimer_del(s->deadline);
    if (awaited.deed)
        evtimer_add(s->deadline, &in);
}

void send_await_nothing(struct send *s)
{
    send_await(s, (struct send_awaited){ .deed = NULL });
}

const char *send_doing(const struct send *s, char *text, size_t size)
{
    bool copies = send_is_handing_over(s) && s->handover.state == HANDOVER_COPYING;

    if (s->awaited.deed)
        snprintf(text, size, "waiting for %s to %s", s->destination, s->awaited.deed);
    else
        snprintf(text, size, "%s", copies ? "" : send_is_handing_over(s) ? handover_state_name(s->handover.state)
                                                                         : "getting ready");
    return text;
}

/* ---- ending ---- */

void send_cancel(struct send *s)
{
    s->cancelled = true;
    if (!send_is_handing_over(s)) {
        send_post_preparation(s, PREPARATION_CANCEL);
        return;
    }
    progress_note(&s->progress, "cancelling");
    failure_set(&s->why, "cancelled");
    send_post(s, HANDOVER_CANCEL);
}

bool send_is_past_cancel(const struct send *s)
{
    return send_is_handing_over(s) &&
           handover_step(s->handover.state, HANDOVER_CANCEL).action == HANDOVER_DO_NOTHING;
}

/* When only checking, a refusal is a result as any other; the rest can then not be asked. */
static void note_refusal(struct send *s, int exit_status, const char *text)
{
    if (exit_status != EXIT_CANCELLED)
        check_add(&s->preparation.found, CHECK_REFUSED, s->preparation.config_json ? "destination" : "vm", "%s", text);
}

static void tell_refusal(struct send *s, int exit_status, const char *text)
{
    const struct vm *vm = &s->vm;

    progress_break(&s->progress);
    progress_failed(&s->progress, exit_status == EXIT_CANCELLED ? "cancelled" : "refused", text);
    fprintf(stderr, "xlmig: %s not sent to %s: %s%s\n", vm->name[0] ? vm->name : s->request->vm, s->destination,
            text, text_stop(text));
    if (vm->name[0])
        fprintf(stderr, "%s was not touched; it is %s on this host.\n", vm->name, vm_state_name(vm->state));
}

void send_refuse(struct send *s, int exit_status, const char *format, ...)
{
    char text[SEND_REFUSAL_MAX];
    va_list args;

    if (s->over)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (s->request->check_only)
        note_refusal(s, exit_status, text);
    else
        tell_refusal(s, exit_status, text);
    s->exit_status = exit_status;
    send_end_preparation(s);
}

void send_end_preparation(struct send *s)
{
    loop_end(s->base, &s->over);
    send_post_preparation(s, PREPARATION_ENOUGH);
}
