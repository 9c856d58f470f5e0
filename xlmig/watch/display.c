/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/watch/display.h"

#include "xlmig/watch/progress.h"
#include "xlmig/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PAGE_BYTES 4096.0
#define BAR_COLUMNS 30u

const char *display_kinds(const struct helper_kind_count kinds[HELPER_NR_KINDS], char *text, size_t size)
{
    size_t used = 0;
    char bytes[32];

    text[0] = '\0';
    for (unsigned k = 0; k < HELPER_NR_KINDS && used < size; k++)
        if (kinds[k].pages)
            used += (size_t)snprintf(text + used, size - used, "%s%s %s", used ? ", " : "",
                                     helper_kind_name((enum helper_kind)k),
                                     format_bytes((double)kinds[k].pages * PAGE_BYTES, bytes, sizeof bytes));
    return text;
}

const char *display_clock(uint64_t us, char *text, size_t size)
{
    unsigned long long s = us / 1000000;

    if (s >= 3600)
        snprintf(text, size, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%02llu:%02llu", s / 60, s % 60);
    return text;
}

/* Cut to the width, and never in the middle of a character. */
static void put(struct display_line *line, enum display_mood mood, unsigned columns, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void put(struct display_line *line, enum display_mood mood, unsigned columns, const char *format, ...)
{
    size_t most = columns < DISPLAY_COLUMNS_MAX ? columns : DISPLAY_COLUMNS_MAX, len;
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    len = strlen(text);
    if (len > most)
        for (len = most; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    memcpy(line->text, text, len);
    line->text[len] = '\0';
    line->mood = mood;
}

/* `text` is for the words that are not the same each time. */
static const char *phase_words(const struct helper_event *e, char *text, size_t size)
{
    static const struct { const char *phase, *words; } phases[] = {
        { "setup", "getting ready" }, { "suspend", "waiting for the VM to suspend" },
        { "final", "the VM stands still: copying what is left" }, { "state", "the VM stands still: its vCPUs and devices" },
        { "done", "copied" },
    };

    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++)
        if (strcmp(e->phase, phases[i].phase) == 0)
            return phases[i].words;
    snprintf(text, size, "round %u", e->round);
    return text;
}

static void put_title(const struct move *move, uint64_t now_us, unsigned columns, struct display_line *line)
{
    char words[32], clock[32], eta[32], left[48] = "";
    uint64_t eta_us = move_eta_us(move);

    if (eta_us && strcmp(move->now.phase, "precopy") == 0)
        snprintf(left, sizeof left, ", %s left", display_clock(eta_us, eta, sizeof eta));
    put(line, DISPLAY_TITLE, columns, "%s%s%s  %s  %s%s", move->vm, move->to[0] ? " to " : "", move->to,
        phase_words(&move->now, words, sizeof words), display_clock(now_us - move->started_us, clock, sizeof clock), left);
}

static void put_bar(const struct move *move, unsigned columns, struct display_line *line)
{
    const struct helper_event *e = &move->now;
    double part = e->total ? (double)e->done / (double)e->total : 0;
    char bar[BAR_COLUMNS + 1], bytes[32], rate[32];

    if (part > 1)
        part = 1;
    for (unsigned i = 0; i < BAR_COLUMNS; i++)
        bar[i] = i < (unsigned)(part * BAR_COLUMNS) ? '#' : '.';
    bar[BAR_COLUMNS] = '\0';
    put(line, DISPLAY_GOOD, columns, "  [%s] %3.0f%%  sent %s  %s/s", bar, part * 100,
        format_bytes((double)e->bytes, bytes, sizeof bytes),
        format_bytes((double)move->bytes_per_s, rate, sizeof rate));
}

static void put_prediction(const struct move *move, unsigned columns, struct display_line *line)
{
    uint64_t max_us = move_max_downtime_us(&move->limits);
    const struct helper_event *e = &move->now;
    char writes[32], predicted[32] = "not known yet", allowed[32], slowed[48] = "";

    if (e->predicted_us)
        format_us(e->predicted_us, predicted, sizeof predicted);
    if (move->throttle)
        snprintf(slowed, sizeof slowed, "  slowed by %u%%", move->throttle);
    put(line, e->predicted_us > max_us ? DISPLAY_BAD : DISPLAY_PLAIN, columns,
        "  VM writes %s/s  downtime if stopped now %s, allowed %s%s",
        format_bytes((double)e->dirty_per_s * PAGE_BYTES, writes, sizeof writes), predicted,
        format_us(max_us, allowed, sizeof allowed), slowed);
}

unsigned display_render(const struct move *move, uint64_t now_us, unsigned columns,
                        struct display_line lines[DISPLAY_LINES_MAX])
{
    char kinds[256];
    unsigned n = 0;

    put_title(move, now_us, columns, &lines[n++]);
    if (move->now.kind != HELPER_PROGRESS)
        return n;
    put_bar(move, columns, &lines[n++]);
    if (strcmp(move->now.phase, "precopy") == 0 && (move->now.dirty_per_s || move->now.predicted_us))
        put_prediction(move, columns, &lines[n++]);
    if (display_kinds(move->now.kinds, kinds, sizeof kinds)[0])
        put(&lines[n++], DISPLAY_PLAIN, columns, "  %s", kinds);
    return n;
}
