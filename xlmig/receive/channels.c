/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/receive/channels.h"

#include "xlmig/base/exit.h"
#include "xlmig/peer/join.h"
#include "xlmig/receive/copying.h"
#include "xlmig/receive/ending.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_complete(void *user)
{
    receive_start_negotiated(user);
}

static void on_refused(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "xlmig receive: %s\n", text);
}

/* The address of this host that the sender's ssh came to; "": it was no ssh. */
static void address_of_ssh(char *address, size_t size)
{
    const char *connection = getenv("SSH_CONNECTION"); /* client, its port, server, its port */

    address[0] = '\0';
    if (connection && size > MESSAGE_ADDRESS_MAX && sscanf(connection, "%*s %*s %63s", address) != 1)
        address[0] = '\0';
}

void receive_await_channels(struct receiver *r)
{
    const struct receive_channels_callbacks callbacks = { .user = r, .complete = on_complete, .refused = on_refused };
    struct message_begin *begin = &r->order.begin;
    char address[MESSAGE_ADDRESS_MAX + 1];
    struct message_channels where;
    struct failure failure = { 0 };
    unsigned char *frame;
    size_t len;

    address_of_ssh(address, sizeof address);
    if (r->request->listen)
        snprintf(begin->address, sizeof begin->address, "%s", r->request->listen);
    if (r->request->ports.first)
        begin->ports = r->request->ports;
    r->channels = receive_channels_open(r->base, begin, address, &callbacks, &failure);
    if (!r->channels) {
        receive_refuse(r, failure.text);
        return;
    }
    receive_await(r, RECEIVE_AWAIT_CHANNELS, r->request->idle_timeout_us);
    receive_channels_where(r->channels, &where);
    frame = message_encode_channels(&where, &len);
    conversation_send(r->conversation, frame, len);
}

static void on_let_go(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    receive_finish(user, EXIT_OK);
}

void receive_join(struct receiver *r, const struct message_join *join)
{
    struct failure failure = { 0 };

    conversation_pause(r->conversation); /* what comes now is the restore's */
    r->joined.fd = join_hand_over(join, STDIN_FILENO, &failure);
    if (r->joined.fd < 0) {
        receive_refuse(r, failure.text);
        return;
    }
    r->joined.let_go = event_new(r->base, r->joined.fd, EV_READ, on_let_go, r);
    if (!r->joined.let_go || event_add(r->joined.let_go, NULL) < 0) {
        receive_refuse(r, "out of memory");
        return;
    }
    receive_await(r, RECEIVE_JOINED, 0); /* as long as the other one lives, whose waits have bounds */
    conversation_say(r->conversation, MESSAGE_LISTENING, false, "%s", "");
}
