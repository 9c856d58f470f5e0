/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/receive/conversation.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WRITE_TIMEOUT_MS 30000

struct conversation {
    struct conversation_callbacks callbacks;
    struct event *readable;
    struct evbuffer *frame;     /* as much of one as has come */
    bool lost;
};

/* ---- to the sender ---- */

void conversation_lost(struct conversation *c)
{
    c->lost = true;
}

/* Should it be there all the same, it must not wait for what cannot be said. */
static void hang_up(struct conversation *c)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    c->lost = true;
    if (null < 0)
        return;
    dup2(null, STDOUT_FILENO);
    close(null);
}

void conversation_write(struct conversation *c, const void *bytes, size_t len)
{
    size_t done = 0;

    while (!c->lost && done < len) {
        struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
        ssize_t n = 0;

        if (poll(&p, 1, WRITE_TIMEOUT_MS) > 0)
            n = write(STDOUT_FILENO, (const char *)bytes + done, len - done);
        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || (errno != EINTR && errno != EAGAIN))
            hang_up(c);
    }
}

void conversation_send(struct conversation *c, unsigned char *frame, size_t len)
{
    if (frame)
        conversation_write(c, frame, len);
    free(frame);
}

void conversation_say(struct conversation *c, enum message_type type, bool flag, const char *format, ...)
{
    struct message_simple simple = { .flag = flag };
    unsigned char *frame;
    va_list args;
    size_t len;

    va_start(args, format);
    vsnprintf(simple.text, sizeof simple.text, format, args);
    va_end(args);
    frame = message_encode_simple(type, &simple, &len);
    conversation_send(c, frame, len);
}

/* ---- from the sender ---- */

/* How many bytes the frame needs still: never one more is read, it may be the stream's. */
static size_t frame_lacks(struct conversation *c, struct message_header *header, bool *valid)
{
    unsigned char raw[MESSAGE_HEADER_BYTES];
    size_t have = evbuffer_get_length(c->frame);

    *valid = true;
    if (have < sizeof raw)
        return sizeof raw - have;
    evbuffer_copyout(c->frame, raw, sizeof raw);
    *valid = message_header_decode(raw, header) == 0;
    return *valid ? sizeof raw + header->len - have : 0;
}

static void take_frame(struct conversation *c, const struct message_header *header)
{
    unsigned char *payload = malloc(header->len + 1);

    if (!payload) {
        c->callbacks.nonsense(c->callbacks.user, "out of memory");
        return;
    }
    evbuffer_drain(c->frame, MESSAGE_HEADER_BYTES);
    evbuffer_remove(c->frame, payload, header->len);
    c->callbacks.frame(c->callbacks.user, header->type, payload, header->len);
    free(payload);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct conversation *c = user;
    struct message_header header;
    unsigned char bytes[16384];
    bool valid;
    size_t lacks = frame_lacks(c, &header, &valid);
    ssize_t n = read(fd, bytes, lacks < sizeof bytes ? lacks : sizeof bytes);

    (void)what;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        c->lost = true;
        c->callbacks.lost(c->callbacks.user);
        return;
    }
    evbuffer_add(c->frame, bytes, (size_t)n);
    lacks = frame_lacks(c, &header, &valid);
    if (!valid)
        c->callbacks.nonsense(c->callbacks.user, "what comes from the sender is not the control protocol");
    else if (lacks == 0)
        take_frame(c, &header);
}

void conversation_listen(struct conversation *c)
{
    event_add(c->readable, NULL);
}

void conversation_pause(struct conversation *c)
{
    event_del(c->readable);
}

struct conversation *conversation_open(struct event_base *base, const struct conversation_callbacks *callbacks)
{
    struct conversation *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->callbacks = *callbacks;
    c->frame = evbuffer_new();
    c->readable = event_new(base, STDIN_FILENO, EV_READ | EV_PERSIST, on_readable, c);
    if (c->frame && c->readable)
        return c;
    conversation_close(c);
    return NULL;
}

void conversation_close(struct conversation *c)
{
    if (!c)
        return;
    if (c->readable)
        event_free(c->readable);
    if (c->frame)
        evbuffer_free(c->frame);
    free(c);
}
