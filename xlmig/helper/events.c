/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The engine's events: see events.h. */
#include "xlmig/helper/events.h"

#include "xlmig/base/text.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct helper_events {
    int fd;
    struct event *readable;
    struct evbuffer *buffer;
    bool skipping; /* inside a line that was too long: drop until its newline */
    helper_event_fn *fn;
    void *user;
};

static uint64_t get_u64(struct json_object *object, const char *name)
{
    struct json_object *field;
    int64_t value;

    if (!json_object_object_get_ex(object, name, &field) || !json_object_is_type(field, json_type_int))
        return 0;
    value = json_object_get_int64(field);
    return value < 0 ? 0 : (uint64_t)value;
}

static bool get_bool(struct json_object *object, const char *name)
{
    struct json_object *field;

    return json_object_object_get_ex(object, name, &field) && json_object_is_type(field, json_type_boolean) &&
           json_object_get_boolean(field);
}

/* Control characters would reach the administrator's terminal. */
static void get_text(struct json_object *object, const char *name, char *out, size_t size)
{
    struct json_object *field;

    out[0] = '\0';
    if (!json_object_object_get_ex(object, name, &field) || !json_object_is_type(field, json_type_string))
        return;
    snprintf(out, size, "%s", json_object_get_string(field));
    make_text_fit(out);
}

static unsigned get_unsigned(struct json_object *object, const char *name)
{
    uint64_t value = get_u64(object, name);

    return value > UINT32_MAX ? 0 : (unsigned)value;
}

static const char *const kind_names[HELPER_NR_KINDS] = {
    [HELPER_KIND_DATA] = "data",   [HELPER_KIND_ZERO] = "zero", [HELPER_KIND_ABSENT] = "absent",
    [HELPER_KIND_DELTA] = "delta", [HELPER_KIND_SAME] = "same", [HELPER_KIND_UNCHANGED] = "unchanged",
};

const char *helper_kind_name(enum helper_kind kind)
{
    return kind < HELPER_NR_KINDS ? kind_names[kind] : "?";
}

static uint64_t element(struct json_object *array, size_t i)
{
    struct json_object *value = json_object_array_get_idx(array, i);
    int64_t number = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;

    return number < 0 ? 0 : (uint64_t)number;
}

static void read_kinds(struct json_object *object, struct helper_event *event)
{
    struct json_object *kinds, *pair;

    if (!json_object_object_get_ex(object, "kinds", &kinds) || !json_object_is_type(kinds, json_type_object))
        return;
    for (unsigned k = 0; k < HELPER_NR_KINDS; k++)
        if (json_object_object_get_ex(kinds, kind_names[k], &pair) && json_object_is_type(pair, json_type_array))
            event->kinds[k] = (struct helper_kind_count){ element(pair, 0), element(pair, 1) };
}

static void read_channels(struct json_object *object, struct helper_event *event)
{
    struct json_object *channels;

    if (!json_object_object_get_ex(object, "channels", &channels) || !json_object_is_type(channels, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(channels) && i < HELPER_CHANNELS_MAX; i++)
        event->channels[event->nr_channels++] = element(channels, i);
}

static int read_kind(struct json_object *object, enum helper_event_kind *kind)
{
    static const char *const names[] = {
        [HELPER_START] = "start", [HELPER_PROGRESS] = "progress", [HELPER_ROUND] = "round",
        [HELPER_DECISION] = "decision", [HELPER_THROTTLE] = "throttle", [HELPER_NOTE] = "note", [HELPER_END] = "end",
    };
    char name[16];

    get_text(object, "event", name, sizeof name);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0) {
            *kind = (enum helper_event_kind)i;
            return 0;
        }
    return -1;
}

static void read_fields(struct json_object *object, struct helper_event *event)
{
    get_text(object, "phase", event->phase, sizeof event->phase);
    get_text(object, "reason", event->reason, sizeof event->reason);
    get_text(object, event->kind == HELPER_END ? "error" : "text", event->text, sizeof event->text);
    event->ok = get_bool(object, "ok");
    event->stopped = get_bool(object, "stopped");
    event->stop = get_bool(object, "stop");
    event->round = get_unsigned(object, event->kind == HELPER_END ? "rounds" : "round");
    event->pages = get_u64(object, "pages");
    event->done = get_u64(object, "done");
    event->total = get_u64(object, "total");
    event->bytes = get_u64(object, "bytes");
    event->dirtied = get_u64(object, "dirtied");
    event->pages_sent = get_u64(object, "pages_sent");
    event->pages_skipped = get_u64(object, "pages_skipped");
    event->extents = (struct helper_extents){
        .nr_1g = get_u64(object, "extents_1g"), .named_1g = get_u64(object, "extents_1g_named"),
        .nr_2m = get_u64(object, "extents_2m"), .nr_4k = get_u64(object, "extents_4k"),
        .returned = get_u64(object, "pages_returned"),
    };
    event->us = get_u64(object, event->kind == HELPER_END        ? "total_us"
                                : event->kind == HELPER_PROGRESS ? "elapsed_us"
                                                                 : "us");
    event->suspend_us = get_u64(object, "suspend_us");
    event->suspended_at_us = get_u64(object, "suspended_at_us");
    event->stopped_us = get_u64(object, "stopped_us");
    event->copy_us = get_u64(object, "copy_us");
    event->dirty = get_u64(object, "dirty");
    event->dirty_per_s = get_u64(object, "dirty_per_s");
    event->predicted_us = get_u64(object, "predicted_us");
    event->predicted_suspend_us = get_u64(object, "predicted_suspend_us");
    event->predicted_copy_us = get_u64(object, "predicted_copy_us");
    event->predicted_state_us = get_u64(object, "predicted_state_us");
    event->needed_bytes_per_s = get_u64(object, "needed_bytes_per_s");
    event->throttle = get_unsigned(object, "throttle");
    read_kinds(object, event);
    read_channels(object, event);
}

int helper_event_parse(const char *line, size_t len, struct helper_event *event)
{
    struct json_tokener *tokener;
    struct json_object *object;
    int rc = -1;

    *event = (struct helper_event){ 0 };
    if (len == 0 || len > HELPER_EVENT_LINE_MAX)
        return -1;
    tokener = json_tokener_new_ex(4); /* kinds are pairs in an object in the event; deeper nesting is none of ours */
    if (!tokener)
        return -1;
    object = json_tokener_parse_ex(tokener, line, (int)len);
    if (object && json_object_is_type(object, json_type_object) && read_kind(object, &event->kind) == 0) {
        read_fields(object, event);
        rc = 0;
    }
    json_object_put(object);
    json_tokener_free(tokener);
    return rc;
}

static void deliver_lines(struct helper_events *events)
{
    size_t len;
    char *line;

    while ((line = evbuffer_readln(events->buffer, &len, EVBUFFER_EOL_LF))) {
        struct helper_event event;

        if (!events->skipping && helper_event_parse(line, len, &event) == 0)
            events->fn(events->user, &event);
        events->skipping = false;
        free(line);
    }
    if (evbuffer_get_length(events->buffer) > HELPER_EVENT_LINE_MAX) {
        evbuffer_drain(events->buffer, evbuffer_get_length(events->buffer));
        events->skipping = true;
    }
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct helper_events *events = user;
    int r = evbuffer_read(events->buffer, fd, 65536);

    (void)what;
    if (r == 0 || (r < 0 && errno != EAGAIN && errno != EINTR))
        event_del(events->readable);
    deliver_lines(events);
}

struct helper_events *helper_events_open(struct event_base *base, int *write_fd, helper_event_fn *fn, void *user)
{
    struct helper_events *events = calloc(1, sizeof *events);
    int ends[2];

    if (!events)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        free(events);
        return NULL;
    }
    events->fd = ends[0];
    events->fn = fn;
    events->user = user;
    events->buffer = evbuffer_new();
    events->readable = event_new(base, ends[0], EV_READ | EV_PERSIST, on_readable, events);
    if (!events->buffer || !events->readable || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 ||
        fcntl(ends[1], F_SETFD, 0) < 0 || event_add(events->readable, NULL) < 0) {
        close(ends[1]);
        helper_events_close(events);
        return NULL;
    }
    *write_fd = ends[1];
    return events;
}

int helper_events_send(struct helper_events *events, struct helper_command command, struct failure *failure)
{
    char line[HELPER_COMMAND_LINE_MAX];
    size_t len = helper_command_write(command, line);
    ssize_t n = send(events->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    /* A line is far smaller than the socket's buffer: it goes as a whole or, when nobody reads, not at all. */
    return n == (ssize_t)len ? 0 : failure_set(failure, "the engine does not listen: %s",
                                               n < 0 ? strerror(errno) : "its socket is full");
}

void helper_events_close(struct helper_events *events)
{
    if (!events)
        return;
    if (events->buffer) {
        while (evbuffer_read(events->buffer, events->fd, 65536) > 0)
            deliver_lines(events);
        evbuffer_free(events->buffer);
    }
    if (events->readable)
        event_free(events->readable);
    close(events->fd);
    free(events);
}
