/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xlmig/helper/environment.h"
#include "xlmig/helper/events.h"
#include "xlmig/helper/report.h"

/* A reader that fell so far behind gets no more: the guest does not wait for a display. */
#define MAX_WAIT_MS 200

static int events_fd = -1;

void helper_report_open(void)
{
    const int fd = helper_read_events_fd();

    if (fd < 0)
        return;
    events_fd = fd;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

int helper_report_fd(void)
{
    return events_fd;
}

/* Write one line, whole or not at all as far as the pipe allows; `must` waits a little for room. */
static void write_line(struct json_object *object, bool must)
{
    struct pollfd pfd = { .fd = events_fd, .events = POLLOUT };
    size_t len;
    const char *json = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &len);
    char *line = json ? malloc(len + 1) : NULL;

    if (line) {
        memcpy(line, json, len);
        line[len] = '\n';
        if (write(events_fd, line, len + 1) < 0 && errno == EAGAIN && must && poll(&pfd, 1, MAX_WAIT_MS) > 0)
            (void)!write(events_fd, line, len + 1);
    }
    free(line);
    json_object_put(object);
}

static struct json_object *event(const char *name)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "event", json_object_new_string(name));
    return object;
}

static void add_number(struct json_object *object, const char *key, uint64_t value)
{
    json_object_object_add(object, key, json_object_new_uint64(value));
}

void helper_report_start(const char *mode, uint32_t domid)
{
    if (events_fd < 0)
        return;
    struct json_object *object = event("start");

    json_object_object_add(object, "mode", json_object_new_string(mode));
    add_number(object, "domid", domid);
    write_line(object, true);
}

static void add_kinds(struct json_object *object, const struct xcsave_progress *progress)
{
    struct json_object *kinds = json_object_new_object();

    for (unsigned k = 0; k < XCSAVE_NR_KINDS; k++) {
        struct json_object *pair;

        if (!progress->kinds[k].pages)
            continue;
        pair = json_object_new_array_ext(2);
        json_object_array_add(pair, json_object_new_uint64(progress->kinds[k].pages));
        json_object_array_add(pair, json_object_new_uint64(progress->kinds[k].bytes));
        json_object_object_add(kinds, xcsave_kind_name((enum xcsave_kind)k), pair);
    }
    json_object_object_add(object, "kinds", kinds);
}

static void add_channels(struct json_object *object, const struct xcsave_progress *progress)
{
    struct json_object *channels = json_object_new_array();

    for (unsigned i = 0; i < progress->nr_channels && i < XCSAVE_MAX_CHANNELS; i++)
        json_object_array_add(channels, json_object_new_uint64(progress->channel_bytes[i]));
    json_object_object_add(object, "channels", channels);
}

void helper_report_progress(const struct xcsave_progress *progress)
{
    if (events_fd < 0)
        return;
    struct json_object *object = event("progress");

    json_object_object_add(object, "phase", json_object_new_string(xcsave_phase_name(progress->phase)));
    add_number(object, "round", progress->round);
    add_number(object, "done", progress->round_pages_done);
    add_number(object, "total", progress->round_pages_total);
    add_number(object, "bytes", progress->bytes);
    add_number(object, "pages_sent", progress->pages_sent);
    add_number(object, "pages_skipped", progress->pages_skipped);
    add_number(object, "elapsed_us", progress->elapsed_us);
    add_number(object, "dirty", progress->dirty_pages);
    add_number(object, "dirty_per_s", progress->dirty_pages_per_s);
    add_number(object, "predicted_us", progress->predicted_downtime_us);
    add_number(object, "throttle", progress->throttle);
    add_kinds(object, progress);
    write_line(object, false);
}

void helper_report_round(unsigned number, const struct xcsave_round *round, bool guest_stopped)
{
    if (events_fd < 0)
        return;
    struct json_object *object = event("round");

    add_number(object, "round", number);
    add_number(object, "pages", round->pages);
    add_number(object, "bytes", round->bytes);
    add_number(object, "us", round->duration_us);
    add_number(object, "dirtied", round->dirtied);
    json_object_object_add(object, "stopped", json_object_new_boolean(guest_stopped));
    write_line(object, true);
}

void helper_report_decision(const struct xcsave_verdict *verdict, const struct xcsave_prediction *prediction)
{
    if (events_fd < 0)
        return;
    struct json_object *object = event("decision");

    json_object_object_add(object, "reason", json_object_new_string(xcsave_reason_name(verdict->reason)));
    json_object_object_add(object, "stop", json_object_new_boolean(verdict->decision != XCSAVE_CONTINUE));
    add_number(object, "throttle", verdict->throttle);
    add_number(object, "predicted_us", prediction->downtime_us);
    add_number(object, "predicted_suspend_us", prediction->suspend_us);
    add_number(object, "predicted_copy_us", prediction->copy_us);
    add_number(object, "predicted_state_us", prediction->state_us);
    add_number(object, "needed_bytes_per_s", prediction->needed_bytes_per_s);
    write_line(object, true);
}

void helper_report_throttle(unsigned percent)
{
    if (events_fd < 0)
        return;
    struct json_object *object = event("throttle");

    add_number(object, "throttle", percent);
    write_line(object, true);
}

void helper_report_note(const char *text)
{
    if (events_fd < 0)
        return;
    struct json_object *object = event("note");

    json_object_object_add(object, "text", json_object_new_string(text));
    write_line(object, true);
}

void helper_report_end(bool ok, const struct xcsave_report *report, const struct xcsave_error *error)
{
    if (events_fd < 0)
        return;
    struct json_object *object = event("end");

    json_object_object_add(object, "ok", json_object_new_boolean(ok));
    json_object_object_add(object, "error", json_object_new_string(error->text));
    add_number(object, "rounds", report->end.round);
    add_number(object, "bytes", report->end.bytes);
    add_number(object, "total_us", report->total_us);
    add_number(object, "suspend_us", report->suspend_us);
    add_number(object, "suspended_at_us", report->suspended_at_us);
    add_number(object, "stopped_us", report->stopped_us);
    add_number(object, "copy_us", report->copy_us);
    add_number(object, "pages_sent", report->end.pages_sent);
    add_number(object, "extents_1g", report->extents.nr_1g);
    add_number(object, "extents_1g_named", report->extents.named_1g);
    add_number(object, "extents_2m", report->extents.nr_2m);
    add_number(object, "extents_4k", report->extents.nr_4k);
    add_number(object, "pages_returned", report->extents.returned);
    add_kinds(object, &report->end);
    add_channels(object, &report->end);
    write_line(object, true);
}
