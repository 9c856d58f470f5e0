/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK_BYTES (1u << 20)
#define COPY_BYTES (1u << 16) /* no more than a pipe that is empty takes at once */

struct relay {
    int from, to;
    struct event *readable, *writable;
    relay_ended *ended;
    void *user;
    bool copying;             /* `from` is nothing that splice() takes */
    const char *held_at;
    size_t held;              /* read, and not yet written */
    char *first;              /* what goes before all that comes; NULL: nothing */
    char buffer[COPY_BYTES];
};

static void stop(struct relay *relay, enum relay_end end)
{
    event_del(relay->readable);
    event_del(relay->writable);
    relay->ended(relay->user, end);
}

static bool is_ready(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };

    return poll(&p, 1, 0) > 0;
}

static void wait_for(struct relay *relay, struct event *event)
{
    event_del(event == relay->readable ? relay->writable : relay->readable);
    event_add(event, NULL);
}

/* As write(), but of what is held; if that is nothing, of what a read() gives. */
static ssize_t copy_some(struct relay *relay)
{
    ssize_t r;

    if (relay->held == 0) {
        r = read(relay->from, relay->buffer, sizeof relay->buffer);
        if (r <= 0)
            return r;
        relay->held = (size_t)r;
        relay->held_at = relay->buffer;
    }
    r = write(relay->to, relay->held_at, relay->held);
    if (r > 0) {
        relay->held_at += (size_t)r;
        relay->held -= (size_t)r;
    }
    return r;
}

static ssize_t move_some(struct relay *relay)
{
    ssize_t r;

    if (relay->copying || relay->held)
        return copy_some(relay);
    r = splice(relay->from, NULL, relay->to, NULL, CHUNK_BYTES, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (r < 0 && errno == EINVAL) {
        relay->copying = true;
        return copy_some(relay);
    }
    return r;
}

static void on_ready(evutil_socket_t fd, short what, void *user)
{
    struct relay *relay = user;
    ssize_t r;

    (void)fd;
    (void)what;
    if (relay->held == 0 && !is_ready(relay->from, POLLIN)) {
        wait_for(relay, relay->readable);
        return;
    }
    if (!is_ready(relay->to, POLLOUT)) {
        wait_for(relay, relay->writable);
        return;
    }
    r = move_some(relay);
    if (r > 0 || (r < 0 && errno == EINTR))
        wait_for(relay, relay->held ? relay->writable : relay->readable);
    else if (r < 0 && errno == EAGAIN)
        wait_for(relay, relay->writable);
    else if (r < 0 && errno == EPIPE)
        stop(relay, RELAY_OUTPUT_GONE);
    else
        stop(relay, RELAY_INPUT_OVER);
}

struct relay *relay_start(struct event_base *base, int from, int to, relay_ended *ended, void *user)
{
    struct relay *relay = calloc(1, sizeof *relay);

    if (!relay)
        return NULL;
    relay->from = from;
    relay->to = to;
    relay->ended = ended;
    relay->user = user;
    relay->readable = event_new(base, from, EV_READ | EV_PERSIST, on_ready, relay);
    relay->writable = event_new(base, to, EV_WRITE | EV_PERSIST, on_ready, relay);
    if (!relay->readable || !relay->writable || fcntl(to, F_SETFL, O_NONBLOCK) < 0 ||
        event_add(relay->readable, NULL) < 0) {
        relay_free(relay);
        return NULL;
    }
    return relay;
}

void relay_begin_with(struct relay *relay, char *first, size_t len)
{
    relay->first = first;
    relay->held_at = first;
    relay->held = len;
    wait_for(relay, relay->writable);
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    if (relay->readable)
        event_free(relay->readable);
    if (relay->writable)
        event_free(relay->writable);
    free(relay->first);
    free(relay);
}
