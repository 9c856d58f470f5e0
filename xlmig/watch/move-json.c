/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A run as JSON.  The man page tells what the report's fields are; a field never changes its meaning. */
#include "config.h"
#include "xlmig/watch/move.h"
#include "xlmig/base/write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_TIMEOUT_S 30

static void add(struct json_object *object, const char *name, uint64_t value)
{
    json_object_object_add(object, name, json_object_new_int64((int64_t)value));
}

static void add_text(struct json_object *object, const char *name, const char *value)
{
    json_object_object_add(object, name, json_object_new_string(value));
}

static void add_bool(struct json_object *object, const char *name, bool value)
{
    json_object_object_add(object, name, json_object_new_boolean(value));
}

static struct json_object *kinds_json(const struct helper_kind_count kinds[HELPER_NR_KINDS])
{
    struct json_object *object = json_object_new_object();

    for (unsigned k = 0; k < HELPER_NR_KINDS; k++) {
        struct json_object *pair;

        if (!kinds[k].pages && !kinds[k].bytes)
            continue;
        pair = json_object_new_array_ext(2);
        json_object_array_add(pair, json_object_new_int64((int64_t)kinds[k].pages));
        json_object_array_add(pair, json_object_new_int64((int64_t)kinds[k].bytes));
        json_object_object_add(object, helper_kind_name((enum helper_kind)k), pair);
    }
    return object;
}

static void add_limits(struct json_object *object, const struct move_limits *limits)
{
    add(object, "max_downtime_us", move_max_downtime_us(limits));
    add(object, "max_bandwidth", limits->max_bandwidth);
    add(object, "timeout_us", limits->timeout_us);
}

struct json_object *move_status_json(const struct move *move, uint64_t now_us)
{
    struct json_object *object = json_object_new_object();
    const struct helper_event *e = &move->now;

    add_text(object, "vm", move->vm);
    add_text(object, "from", move->from);
    add_text(object, "to", move->to);
    add(object, "memory_bytes", move->memory_bytes);
    add(object, "elapsed_us", now_us - move->started_us);
    add_text(object, "phase", e->phase);
    add(object, "round", e->round);
    add(object, "done", e->done);
    add(object, "total", e->total);
    add(object, "bytes", e->bytes);
    add(object, "bytes_per_s", move->bytes_per_s);
    add(object, "dirty_per_s", e->dirty_per_s);
    add(object, "predicted_us", e->predicted_us);
    add(object, "eta_us", move_eta_us(move));
    add(object, "throttle", move->throttle);
    add_limits(object, &move->limits);
    json_object_object_add(object, "kinds", kinds_json(e->kinds));
    return object;
}

static void add_result(struct json_object *object, const struct move *move, const struct move_result *result)
{
    const struct helper_event *end = &move->end;

    add_text(object, "text", result->text);
    if (result->outcome)
        add_text(object, "outcome", result->outcome);
    add_bool(object, "ok", result->ok);
    add(object, "total_us", result->total_us);
    add(object, "downtime_us", result->downtime_us);
    add(object, "channels_replaced", move->nr_replaced);
    if (end->kind != HELPER_END)
        return;
    add(object, "rounds", end->round);
    add(object, "bytes", end->bytes);
    add(object, "pages_sent", end->pages_sent);
    add(object, "suspend_us", end->suspend_us);
    add(object, "stopped_us", end->stopped_us);
    add(object, "copy_us", end->copy_us);
    if (end->extents.nr_1g || end->extents.nr_2m || end->extents.nr_4k) {
        add(object, "extents_1g", end->extents.nr_1g);
        add(object, "extents_2m", end->extents.nr_2m);
        add(object, "extents_4k", end->extents.nr_4k);
    }
    json_object_object_add(object, "kinds", kinds_json(end->kinds));
    struct json_object *channels = json_object_new_array();
    for (unsigned i = 0; i < end->nr_channels; i++)
        json_object_array_add(channels, json_object_new_int64((int64_t)end->channels[i]));
    json_object_object_add(object, "channels", channels);
}

static void add_prediction(struct json_object *object, const struct move *move)
{
    const struct helper_event *e = &move->stop;
    struct json_object *predicted;

    if (e->kind != HELPER_DECISION)
        return;
    add_text(object, "reason", e->reason);
    predicted = json_object_new_object();
    add(predicted, "downtime_us", e->predicted_us);
    add(predicted, "suspend_us", e->predicted_suspend_us);
    add(predicted, "copy_us", e->predicted_copy_us);
    add(predicted, "state_us", e->predicted_state_us);
    json_object_object_add(object, "predicted", predicted);
    if (e->needed_bytes_per_s)
        add(object, "needed_bytes_per_s", e->needed_bytes_per_s);
}

static struct json_object *round_json(const struct move_round *r)
{
    struct json_object *object = json_object_new_object();

    add(object, "round", r->number);
    add_bool(object, "stopped", r->stopped);
    add(object, "end_us", r->end_us);
    add(object, "us", r->us);
    add(object, "pages", r->pages);
    add(object, "bytes", r->bytes);
    add(object, "dirtied", r->dirtied);
    add(object, "predicted_us", r->predicted_us);
    add_text(object, "reason", r->reason);
    return object;
}

static struct json_object *sample_json(const struct move_sample *s)
{
    struct json_object *object = json_object_new_object();

    add(object, "at_us", s->at_us);
    add(object, "round", s->round);
    add(object, "bytes", s->bytes);
    add(object, "bytes_per_s", s->bytes_per_s);
    add(object, "dirty_per_s", s->dirty_per_s);
    add(object, "predicted_us", s->predicted_us);
    add(object, "throttle", s->throttle);
    add(object, "max_downtime_us", s->max_downtime_us);
    add(object, "max_bandwidth", s->max_bandwidth);
    json_object_object_add(object, "kinds", kinds_json(s->kinds));
    return object;
}

static void add_history(struct json_object *object, const struct move *move)
{
    struct json_object *rounds = json_object_new_array(), *samples = json_object_new_array();
    unsigned first = move->nr_rounds > RUN_ROUNDS_MAX ? move->nr_rounds - RUN_ROUNDS_MAX : 0;

    for (unsigned i = first; i < move->nr_rounds; i++)
        json_object_array_add(rounds, round_json(&move->rounds[i % RUN_ROUNDS_MAX]));
    for (unsigned i = 0; i < move->nr_samples; i++)
        json_object_array_add(samples, sample_json(&move->samples[i]));
    json_object_object_add(object, "history_rounds", rounds);
    json_object_object_add(object, "history_samples", samples);
}

struct json_object *move_report_json(const struct move *move, const struct move_result *result, bool history)
{
    struct json_object *object = json_object_new_object();
    char when[32] = "", verdict[512];
    struct tm tm;

    add_text(object, "event", "report");
    if (gmtime_r(&move->started_at, &tm))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &tm);
    add_text(object, "started", when);
    add_text(object, "version", "xlmig " PACKAGE_VERSION);
    if (move->peer[0])
        add_text(object, "peer", move->peer);
    if (move->options[0])
        add_text(object, "options", move->options);
    add_text(object, "vm", move->vm);
    add_text(object, "from", move->from);
    add_text(object, "to", move->to);
    add(object, "memory_bytes", move->memory_bytes);
    add_result(object, move, result);
    add_bool(object, "paused", move->stays_paused);
    if (move->held) {
        add_bool(object, "woken", move->woken);
        add(object, "woken_us", move->woken_us);
    }
    add_prediction(object, move);
    move_verdict(move, verdict, sizeof verdict);
    if (verdict[0])
        add_text(object, "verdict", verdict);
    add_limits(object, &move->limits);
    add(object, "throttle", move->throttle);
    if (history)
        add_history(object, move);
    return object;
}

int move_report_write(const struct move *move, const struct move_result *result, struct whole_file *file,
                     struct failure *failure)
{
    struct json_object *object = move_report_json(move, result, true);
    size_t len, written;
    const char *text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &len);
    int rc = text ? 0 : failure_set(failure, "out of memory");

    if (rc == 0 && (write_bounded(file->fd, text, len, WRITE_TIMEOUT_S, &written) < 0 ||
                    write_bounded(file->fd, "\n", 1, WRITE_TIMEOUT_S, &written) < 0))
        rc = failure_set(failure, "%s: %s", whole_file_name(file), strerror(errno));
    json_object_put(object);
    return rc == 0 ? whole_file_commit(file, failure) : -1;
}
