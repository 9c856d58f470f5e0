/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/send/console.h"

static const char *state_of(const struct send *s)
{
    return send_is_handing_over(s) ? handover_state_name(s->handover.state) : "getting ready";
}

static const char *shown_state_of(const struct send *s, char *text, size_t size)
{
    return send_doing(s, text, size)[0] ? text : move_is_held(&s->progress.move) ? "waiting for its devices" : state_of(s);
}

static struct json_object *on_status(void *user)
{
    struct send *s = user;
    struct json_object *object = move_status_json(&s->progress.move, now_us());
    char text[320];

    json_object_object_add(object, "domid", json_object_new_int64(s->vm.domid));
    json_object_object_add(object, "incoming", json_object_new_boolean(false));
    json_object_object_add(object, "state", json_object_new_string(shown_state_of(s, text, sizeof text)));
    return object;
}

static bool is_copying(const struct send *s)
{
    return send_is_handing_over(s) && s->handover.state == HANDOVER_COPYING;
}

/* What was set before the copy began is what it begins with. */
static int on_command(void *user, struct helper_command command, struct failure *failure)
{
    struct send *s = user;
    struct move_limits *limits = &s->progress.move.limits;

    if (send_is_handing_over(s) && !is_copying(s))
        return failure_set(failure, "the copy is over: %s", state_of(s));
    if (command.kind == HELPER_SET_MAX_BANDWIDTH && command.value && command.value < SEND_MIN_BANDWIDTH)
        return failure_set(failure, "the bandwidth is at least 64K, or 0 for no limit");
    if (command.kind == HELPER_FINISH && !is_copying(s))
        return failure_set(failure, "nothing is copied yet: %s", state_of(s));
    if (is_copying(s) && s->ts->ops->suspend.tell(s->ts, command, failure) < 0)
        return -1;
    if (command.kind == HELPER_SET_MAX_BANDWIDTH)
        limits->max_bandwidth = command.value;
    else if (command.kind == HELPER_SET_MAX_DOWNTIME)
        limits->max_downtime_us = command.value;
    else
        progress_note(&s->progress, "told to switch over now");
    return 0;
}

static int on_cancel(void *user, struct failure *failure)
{
    struct send *s = user;

    if (s->cancelled)
        return failure_set(failure, "it is being cancelled already");
    if (send_is_past_cancel(s))
        return failure_set(failure, "it is too late to cancel: %s", state_of(s));
    send_cancel(s);
    return 0;
}

void send_register(struct send *s)
{
    const struct registry_callbacks callbacks = {
        .user = s, .status = on_status, .command = on_command, .cancel = on_cancel,
    };
    struct failure failure = { 0 };

    s->registry = registry_open(s->base, &callbacks, &failure);
    if (!s->registry)
        progress_note(&s->progress, "xlmig top will not show this: %s", failure.text);
}
