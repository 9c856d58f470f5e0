/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/watch/move.h"

#include "xlmig/watch/progress.h"
#include "xlmig/base/text.h"

#include <stdio.h>
#include <string.h>

#define SAMPLE_EVERY_US 200000u

void move_init(struct move *move, uint64_t now_us)
{
    *move = (struct move){
        .started_at = time(NULL), .started_us = now_us, .sample_every_us = SAMPLE_EVERY_US,
        .now.kind = HELPER_START, .stop.kind = HELPER_START, .end.kind = HELPER_START,
    };
}

static uint64_t a_second(uint64_t count, uint64_t us)
{
    return us ? (uint64_t)((double)count * 1e6 / (double)us) : 0;
}

/* Every second sample goes, and from now on they come half as often. */
static void make_room(struct move *move)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < move->nr_samples; i += 2)
        move->samples[kept++] = move->samples[i];
    for (unsigned i = 1; i < kept; i++)
        move->samples[i].bytes_per_s = a_second(move->samples[i].bytes - move->samples[i - 1].bytes,
                                               move->samples[i].at_us - move->samples[i - 1].at_us);
    move->nr_samples = kept;
    move->sample_every_us *= 2;
}

static void add_sample(struct move *move)
{
    const struct move_sample *last = move->nr_samples ? &move->samples[move->nr_samples - 1] : NULL;
    const struct helper_event *e = &move->now;

    /* The last figures of all count, however soon they come. */
    if (last && move->now_us - last->at_us < move->sample_every_us && strcmp(e->phase, "done") != 0)
        return;
    if (move->nr_samples == RUN_SAMPLES_MAX) {
        make_room(move);
        last = &move->samples[move->nr_samples - 1];
    }
    struct move_sample *s = &move->samples[move->nr_samples++];

    *s = (struct move_sample){
        .at_us = move->now_us, .round = e->round, .throttle = e->throttle, .bytes = e->bytes,
        .dirty_per_s = e->dirty_per_s, .predicted_us = e->predicted_us,
        .max_downtime_us = move_max_downtime_us(&move->limits), .max_bandwidth = move->limits.max_bandwidth,
    };
    if (last && e->bytes >= last->bytes)
        s->bytes_per_s = a_second(e->bytes - last->bytes, s->at_us - last->at_us);
    memcpy(s->kinds, e->kinds, sizeof s->kinds);
}

static uint64_t smooth(uint64_t before, uint64_t now)
{
    return before ? (before * 2 + now) / 3 : now;
}

static void take_progress(struct move *move, const struct helper_event *e, uint64_t at_us)
{
    const struct helper_event *before = &move->now;
    uint64_t us = at_us - move->now_us;

    /* Too soon after the last says nothing of a rate; it counts with the next. */
    if (before->kind == HELPER_PROGRESS && us >= SAMPLE_EVERY_US / 2) {
        if (e->bytes >= before->bytes)
            move->bytes_per_s = smooth(move->bytes_per_s, a_second(e->bytes - before->bytes, us));
        if (e->round == before->round && e->done >= before->done)
            move->pages_per_s = smooth(move->pages_per_s, a_second(e->done - before->done, us));
    } else if (before->kind == HELPER_PROGRESS && e->round == before->round &&
               strcmp(e->phase, before->phase) == 0 && e->done != e->total) {
        return;
    }
    move->now = *e;
    move->now_us = at_us;
    move->throttle = e->throttle;
    add_sample(move);
}

static void take_round(struct move *move, const struct helper_event *e, uint64_t at_us)
{
    move->rounds[move->nr_rounds++ % RUN_ROUNDS_MAX] = (struct move_round){
        .number = e->round, .stopped = e->stopped, .end_us = at_us, .us = e->us, .pages = e->pages,
        .bytes = e->bytes, .dirtied = e->dirtied,
    };
}

static void take_decision(struct move *move, const struct helper_event *e)
{
    if (move->nr_rounds) {
        struct move_round *round = &move->rounds[(move->nr_rounds - 1) % RUN_ROUNDS_MAX];

        round->predicted_us = e->predicted_us;
        memcpy(round->reason, e->reason, sizeof round->reason);
    }
    memcpy(move->reason, e->reason, sizeof move->reason);
    if (e->stop)
        move->stop = *e;
}

void move_event(struct move *move, const struct helper_event *event, uint64_t now_us)
{
    uint64_t at_us = now_us > move->started_us ? now_us - move->started_us : 0;

    switch (event->kind) {
    case HELPER_PROGRESS:
        take_progress(move, event, at_us);
        return;
    case HELPER_ROUND:
        take_round(move, event, at_us);
        return;
    case HELPER_DECISION:
        take_decision(move, event);
        return;
    case HELPER_THROTTLE:
        move->throttle = event->throttle;
        return;
    case HELPER_END:
        move->end = *event;
        return;
    default:
        return;
    }
}

uint64_t move_eta_us(const struct move *move)
{
    const struct helper_event *e = &move->now;

    if (move->all_bytes)
        return move->bytes_per_s && e->bytes <= move->all_bytes
                   ? (uint64_t)((double)(move->all_bytes - e->bytes) * 1e6 / (double)move->bytes_per_s) : 0;
    if (e->kind != HELPER_PROGRESS || !move->pages_per_s || e->done > e->total || move_is_held(move))
        return 0;
    return (uint64_t)((double)(e->total - e->done) * 1e6 / (double)move->pages_per_s) + e->predicted_us;
}

const char *move_way_name(enum move_way way)
{
    static const char *const names[] = { [MOVE_SENT] = "sent", [MOVE_WRITTEN] = "written", [MOVE_READ] = "read" };

    return names[way];
}

bool move_is_held(const struct move *move)
{
    return strcmp(move->reason, "held") == 0 && strcmp(move->now.phase, "precopy") == 0;
}

void move_verdict(const struct move *move, char *text, size_t size)
{
    uint64_t max_us = move_max_downtime_us(&move->limits);
    const struct helper_event *e = &move->stop;
    char rate[32], predicted[32], allowed[32];

    text[0] = '\0';
    if (e->kind != HELPER_DECISION || e->predicted_us <= max_us || strcmp(e->reason, "fits") == 0)
        return;
    format_us(e->predicted_us, predicted, sizeof predicted);
    format_us(max_us, allowed, sizeof allowed);
    if (e->needed_bytes_per_s)
        snprintf(text, size, "the rounds did not converge: predicted downtime %s, allowed %s; with %s/s, or --max-downtime %llums, "
                 "they would have", predicted, allowed, format_bytes((double)e->needed_bytes_per_s, rate, sizeof rate),
                 (unsigned long long)(e->predicted_us / 1000 + 1));
    else
        snprintf(text, size, "predicted downtime %s, allowed %s: no connection is fast enough; with --max-downtime %llums "
                 "the VM would have been stopped in time", predicted, allowed, (unsigned long long)(e->predicted_us / 1000 + 1));
}
