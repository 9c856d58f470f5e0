/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/receive/shown.h"

#include "xlmig/base/loop.h"
#include "xlmig/receive/receiver.h"
#include "xlmig/watch/move.h"
#include "xlmig/watch/socket.h"

#include <stdio.h>
#include <stdlib.h>

struct receive_shown {
    const struct receiver *r;
    struct registry *registry;
    struct move move;
};

static const char *state_of(const struct receiver *r)
{
    return r->state < RECEIVE_RELAYING                                        ? "getting ready"
           : r->state == RECEIVE_RELAYING || r->state == RECEIVE_AWAIT_DEVICES ? "arriving"
           : r->state == RECEIVE_ENDING                                       ? "ending"
                                                                              : "handed over";
}

static struct json_object *on_status(void *user)
{
    struct receive_shown *shown = user;
    struct json_object *object = move_status_json(&shown->move, now_us());

    json_object_object_add(object, "domid", json_object_new_int64(shown->r->holding.vm.domid));
    json_object_object_add(object, "state", json_object_new_string(state_of(shown->r)));
    json_object_object_add(object, "incoming", json_object_new_boolean(true));
    return object;
}

/* Who may is the one that sends it. */
static int refuse(const struct receive_shown *shown, struct failure *failure)
{
    return failure_set(failure, "this VM is arriving; what is to be done to its move must be told on the host that it leaves, %s",
                       shown->move.from);
}

static int on_command(void *user, struct helper_command command, struct failure *failure)
{
    (void)command;
    return refuse(user, failure);
}

static int on_cancel(void *user, struct failure *failure)
{
    return refuse(user, failure);
}

struct receive_shown *receive_show(struct receiver *r)
{
    struct receive_shown *shown = calloc(1, sizeof *shown);
    const struct registry_callbacks callbacks = {
        .user = shown, .incoming = true, .status = on_status, .command = on_command, .cancel = on_cancel,
    };
    struct failure failure = { 0 };

    if (!shown)
        return NULL;
    shown->r = r;
    move_init(&shown->move, now_us());
    snprintf(shown->move.vm, sizeof shown->move.vm, "%s", r->order.vm.name);
    snprintf(shown->move.from, sizeof shown->move.from, "%s", r->order.sender);
    snprintf(shown->move.to, sizeof shown->move.to, "%s", r->host.name);
    shown->move.memory_bytes = r->order.vm.memory_bytes;
    shown->registry = registry_open(r->base, &callbacks, &failure);
    if (shown->registry)
        return shown;
    fprintf(stderr, "xlmig receive: xlmig top will not show this: %s\n", failure.text);
    free(shown);
    return NULL;
}

void receive_shown_event(struct receive_shown *shown, const struct helper_event *event)
{
    if (shown)
        move_event(&shown->move, event, now_us());
}

void receive_shown_end(struct receive_shown *shown)
{
    if (!shown)
        return;
    registry_close(shown->registry);
    free(shown);
}
