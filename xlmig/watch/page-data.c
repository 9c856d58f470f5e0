/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/watch/page-data.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096.0
#define MOST 1e18

static struct json_object *get(struct json_object *object, const char *name, enum json_type type)
{
    struct json_object *field;

    if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, name, &field) ||
        !json_object_is_type(field, type))
        return NULL;
    return field;
}

static double clamp(double value)
{
    return value > 0 && value < MOST ? value : 0;
}

static double number(struct json_object *object, const char *name)
{
    struct json_object *field = get(object, name, json_type_int);

    return field ? clamp((double)json_object_get_int64(field)) : 0;
}

static unsigned small(struct json_object *object, const char *name)
{
    double value = number(object, name);

    return value < 1e9 ? (unsigned)value : 0;
}

static const char *text(struct json_object *object, const char *name)
{
    struct json_object *field = get(object, name, json_type_string);

    return field ? json_object_get_string(field) : "";
}

static bool truth(struct json_object *object, const char *name)
{
    struct json_object *field = get(object, name, json_type_boolean);

    return field && json_object_get_boolean(field);
}

static void read_kinds(struct json_object *object, double kinds[HELPER_NR_KINDS])
{
    struct json_object *all = get(object, "kinds", json_type_object);

    for (unsigned k = 0; all && k < HELPER_NR_KINDS; k++) {
        struct json_object *pair = get(all, helper_kind_name((enum helper_kind)k), json_type_array);
        struct json_object *pages = pair ? json_object_array_get_idx(pair, 0) : NULL;

        if (json_object_is_type(pages, json_type_int))
            kinds[k] = clamp((double)json_object_get_int64(pages)) * PAGE_BYTES;
    }
}

static void read_sample(struct json_object *object, struct report_sample *s)
{
    *s = (struct report_sample){
        .at_us = number(object, "at_us"),
        .bytes_per_s = number(object, "bytes_per_s"),
        .dirty_bytes_per_s = number(object, "dirty_per_s") * PAGE_BYTES,
        .predicted_us = number(object, "predicted_us"),
        .max_downtime_us = number(object, "max_downtime_us"),
        .max_bandwidth = number(object, "max_bandwidth"),
        .throttle = small(object, "throttle"),
    };
    read_kinds(object, s->kinds);
}

static void read_round(struct json_object *object, struct report_round *r)
{
    *r = (struct report_round){
        .number = small(object, "round"),
        .stopped = truth(object, "stopped"),
        .end_us = number(object, "end_us"),
        .us = number(object, "us"),
        .bytes = number(object, "bytes"),
        .sent = number(object, "pages") * PAGE_BYTES,
        .dirtied = number(object, "dirtied") * PAGE_BYTES,
        .predicted_us = number(object, "predicted_us"),
        .reason = text(object, "reason"),
    };
}

/* Samples that go back in time would draw a scribble. */
static int read_history(struct json_object *report, struct report_data *d)
{
    struct json_object *samples = get(report, "history_samples", json_type_array);
    struct json_object *rounds = get(report, "history_rounds", json_type_array);
    size_t nr_samples = samples ? json_object_array_length(samples) : 0;
    size_t nr_rounds = rounds ? json_object_array_length(rounds) : 0;

    if (nr_samples > REPORT_SAMPLES_MAX)
        nr_samples = REPORT_SAMPLES_MAX;
    if (nr_rounds > REPORT_ROUNDS_MAX)
        nr_rounds = REPORT_ROUNDS_MAX;
    d->samples = calloc(nr_samples + 1, sizeof *d->samples);
    d->rounds = calloc(nr_rounds + 1, sizeof *d->rounds);
    if (!d->samples || !d->rounds)
        return -1;
    for (size_t i = 0; i < nr_samples; i++) {
        struct report_sample *s = &d->samples[d->nr_samples];

        read_sample(json_object_array_get_idx(samples, i), s);
        if (d->nr_samples == 0 || s->at_us > s[-1].at_us)
            d->nr_samples++;
    }
    for (; d->nr_rounds < nr_rounds; d->nr_rounds++)
        read_round(json_object_array_get_idx(rounds, d->nr_rounds), &d->rounds[d->nr_rounds]);
    return 0;
}

int report_data_read(struct json_object *report, struct report_data *d, struct failure *failure)
{
    struct json_object *predicted = get(report, "predicted", json_type_object);
    struct json_object *channels = get(report, "channels", json_type_array);

    *d = (struct report_data){ 0 };
    if (strcmp(text(report, "event"), "report") != 0)
        return failure_set(failure, "it is no report, as `xlmig send --report' writes them");
    *d = (struct report_data){
        .vm = text(report, "vm"), .from = text(report, "from"), .to = text(report, "to"),
        .started = text(report, "started"), .version = text(report, "version"), .peer = text(report, "peer"),
        .options = text(report, "options"), .text = text(report, "text"), .outcome = text(report, "outcome"),
        .verdict = text(report, "verdict"), .reason = text(report, "reason"), .ok = truth(report, "ok"),
        .total_us = number(report, "total_us"), .downtime_us = number(report, "downtime_us"),
        .suspend_us = number(report, "suspend_us"), .copy_us = number(report, "copy_us"),
        .stopped_us = number(report, "stopped_us"), .bytes = number(report, "bytes"),
        .memory_bytes = number(report, "memory_bytes"),
        .max_downtime_us = number(report, "max_downtime_us"), .max_bandwidth = number(report, "max_bandwidth"),
        .rounds_done = small(report, "rounds"),
        .nr_channels = channels ? (unsigned)json_object_array_length(channels) : 0,
    };
    if (predicted) {
        d->predicted_us = number(predicted, "downtime_us");
        d->predicted_suspend_us = number(predicted, "suspend_us");
        d->predicted_copy_us = number(predicted, "copy_us");
        d->predicted_state_us = number(predicted, "state_us");
    }
    read_kinds(report, d->kinds);
    if (read_history(report, d) == 0)
        return 0;
    report_data_dispose(d);
    return failure_set(failure, "out of memory");
}

void report_data_dispose(struct report_data *d)
{
    free(d->samples);
    free(d->rounds);
    d->samples = NULL;
    d->rounds = NULL;
    d->nr_samples = d->nr_rounds = 0;
}
