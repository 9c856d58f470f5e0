/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/receive/restore-child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)

/* ---- what goes in ---- */

static void on_relay_ended(void *user, enum relay_end end)
{
    struct restore_child *child = user;

    /* A child that no longer reads has ended or is about to, and says why itself. */
    if (end == RELAY_INPUT_OVER)
        child->callbacks.input_over(child->callbacks.user);
}

int restore_child_relay(struct restore_child *child, struct event_base *base, char *first, size_t len, int from)
{
    child->relay = relay_start(base, from, child->input, on_relay_ended, child);
    if (child->relay && first)
        relay_begin_with(child->relay, first, len);
    else
        free(first);
    return child->relay ? 0 : -1;
}

void restore_child_end_relay(struct restore_child *child)
{
    relay_free(child->relay);
    child->relay = NULL;
}

void restore_child_close_input(struct restore_child *child)
{
    restore_child_end_relay(child);
    if (child->input >= 0)
        close(child->input);
    child->input = -1;
}

/* ---- what comes out ---- */

int restore_child_take(struct restore_child *child, const char *message, size_t len)
{
    char came[64];
    size_t have = evbuffer_get_length(child->said);

    if (have > len)
        have = len;
    evbuffer_copyout(child->said, came, have);
    if (memcmp(came, message, have) != 0)
        return -1;
    if (have < len)
        return 0;
    evbuffer_drain(child->said, len);
    return 1;
}

static void tell_over(struct restore_child *child)
{
    child->is_over = true;
    child->callbacks.over(child->callbacks.user);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct restore_child *child = user;
    char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof bytes);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && !child->ended)
        return;
    if (n <= 0) {
        event_del(child->readable);
        close(child->output);
        child->output = -1;
        if (child->ended)
            tell_over(child);
        return;
    }
    evbuffer_add(child->said, bytes, (size_t)n);
    child->callbacks.said(child->callbacks.user);
    if (child->ended)
        event_active(child->readable, EV_READ, 1);
}

static void on_line(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "%s\n", line);
}

static void on_engine_event(void *user, const struct helper_event *event)
{
    struct restore_child *child = user;

    child->callbacks.event(child->callbacks.user, event);
    if (event->kind == HELPER_END && !event->ok)
        memcpy(child->engine_error, event->text, sizeof child->engine_error);
    else if (event->kind == HELPER_END)
        child->callbacks.extents(child->callbacks.user, &event->extents);
    else if (event->kind == HELPER_NOTE)
        child->callbacks.note(child->callbacks.user, event->text);
}

const char *restore_child_why(const struct restore_child *child)
{
    if (child->engine_error[0])
        return child->engine_error;
    return child->errors ? line_reader_tail(child->errors) : "";
}

/* ---- from its beginning to its end ---- */

static void on_ended(void *user, int status)
{
    struct restore_child *child = user;

    child->ended = true;
    child->status = status;
    restore_child_close_input(child);
    line_reader_drain(child->errors);
    helper_events_close(child->events);
    child->events = NULL;
    if (child->output >= 0)
        event_active(child->readable, EV_READ, 1); /* its last words first */
    else
        tell_over(child);
}

static void close_pair(const int pair[2])
{
    if (pair[0] >= 0)
        close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
}

int restore_child_start(struct restore_child *child, struct event_base *base, struct toolstack *ts,
                        struct toolstack_receiver how, const struct restore_child_callbacks *callbacks,
                        struct failure *failure)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, events_fd = -1;
    pid_t pid;

    child->callbacks = *callbacks;
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0) {
        close_pair(in);
        close_pair(out);
        return failure_set(failure, "cannot make a pipe: %s", strerror(errno));
    }
    fcntl(in[1], F_SETPIPE_SZ, PIPE_BYTES);
    child->events = helper_events_open(base, &events_fd, on_engine_event, child);
    how.input_fd = in[0];
    how.output_fd = out[1];
    how.error_fd = err[1];
    how.events_fd = events_fd;
    if (ts->ops->child.receive(ts, &how, &pid, failure) == 0)
        child->process = child_watch(base, pid, on_ended, child);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    if (events_fd >= 0)
        close(events_fd);
    child->input = in[1];
    child->output = out[0];
    child->errors = line_reader_open(base, err[0], on_line, child);
    child->readable = event_new(base, out[0], EV_READ | EV_PERSIST, on_readable, child);
    if (!child->process || !child->errors || !child->readable || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0 ||
        event_add(child->readable, NULL) < 0)
        return failure_set(failure, "cannot start the restore");
    return 0;
}

int restore_child_init(struct restore_child *child)
{
    *child = (struct restore_child){ .input = -1, .output = -1 };
    child->said = evbuffer_new();
    return child->said ? 0 : -1;
}

void restore_child_dispose(struct restore_child *child)
{
    restore_child_close_input(child);
    child_free(child->process, 0);
    child->process = NULL;
    helper_events_close(child->events);
    child->events = NULL;
    line_reader_close(child->errors);
    child->errors = NULL;
    if (child->readable)
        event_free(child->readable);
    child->readable = NULL;
    if (child->output >= 0)
        close(child->output);
    child->output = -1;
    if (child->said)
        evbuffer_free(child->said);
    child->said = NULL;
}
