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

/* ---- pieces, on as many lines as they need ---- */

struct view {
    struct display_line *lines;
    unsigned n, columns;
};

static void begin_line(struct view *v, enum display_mood mood)
{
    if (v->n == DISPLAY_LINES_MAX)
        return;
    v->lines[v->n++] = (struct display_line){ .mood = mood };
}

/* Cut to what is left of the line, and never in the middle of a character. */
static void append(struct display_line *line, unsigned columns, const char *text)
{
    size_t used = strlen(line->text), len = strlen(text), room = columns > used ? columns - used : 0;

    if (len > room)
        for (len = room; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    memcpy(line->text + used, text, len);
    line->text[used + len] = '\0';
}

/* On the line at hand, or, where there is no room for it, on another one, of the same mood and indented. */
static void put(struct view *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct view *v, const char *format, ...)
{
    struct display_line *line = &v->lines[v->n - 1];
    const char *indent = v->n > 1 ? "  " : "";
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (line->text[0] && strlen(line->text) + 2 + strlen(text) > v->columns && v->n < DISPLAY_LINES_MAX) {
        begin_line(v, line->mood);
        line = &v->lines[v->n - 1];
        indent = "    ";
    }
    append(line, v->columns, line->text[0] ? "  " : indent);
    append(line, v->columns, text);
}

/* ---- what there is to see ---- */

static const char *words_of(const char *phase, enum move_way way)
{
    static const struct { const char *phase, *words; } phases[] = {
        { "setup", "getting ready" }, { "suspend", "waiting for the VM to suspend" },
        { "final", "the VM stands still: copying what is left" }, { "state", "the VM stands still: its vCPUs and devices" },
        { "done", "copied" },
    };

    if (way == MOVE_READ)
        return strcmp(phase, "done") == 0 ? "read" : "being read";
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++)
        if (strcmp(phase, phases[i].phase) == 0)
            return phases[i].words;
    return NULL;
}

static void put_title(const struct move *move, uint64_t now_us, struct view *v)
{
    const char *words = words_of(move->now.phase, move->way);
    uint64_t eta_us = move_eta_us(move);
    char clock[32];

    begin_line(v, DISPLAY_TITLE);
    put(v, "%s%s%s", move->vm, move->to[0] ? " to " : "", move->to);
    if (move->waits[0])
        put(v, "%s", move->waits);
    else if (move_is_held(move))
        put(v, "copied as far as can be; waiting for its devices over there");
    else if (words)
        put(v, "%s", words);
    else
        put(v, "round %u", move->now.round);
    put(v, "%s", display_clock(now_us - move->started_us, clock, sizeof clock));
    /* Less than a second is not told as none. */
    if (eta_us && (strcmp(move->now.phase, "precopy") == 0 || move->all_bytes))
        put(v, "%s left", display_clock(eta_us + 999999, clock, sizeof clock));
}

static void put_bar(struct view *v, double part)
{
    unsigned width = v->columns >= BAR_COLUMNS + 12 ? BAR_COLUMNS : v->columns > 18 ? v->columns - 12 : 6;
    char bar[BAR_COLUMNS + 1];

    for (unsigned i = 0; i < width; i++)
        bar[i] = i < (unsigned)(part * width) ? '#' : '.';
    bar[width] = '\0';
    put(v, "[%s] %3.0f%%", bar, part * 100);
}

static void put_bytes(const struct move *move, struct view *v)
{
    const struct helper_event *e = &move->now;
    uint64_t done = move->all_bytes ? e->bytes : e->done, all = move->all_bytes ? move->all_bytes : e->total;
    char bytes[32];

    begin_line(v, DISPLAY_GOOD);
    if (all)
        put_bar(v, done < all ? (double)done / (double)all : 1);
    put(v, "%s %s", move_way_name(move->way), format_bytes((double)e->bytes, bytes, sizeof bytes));
    put(v, "%s/s", format_bytes((double)move->bytes_per_s, bytes, sizeof bytes));
}

static void put_prediction(const struct move *move, struct view *v)
{
    uint64_t max_us = move_max_downtime_us(&move->limits);
    const struct helper_event *e = &move->now;
    char writes[32], predicted[32] = "not known yet", allowed[32];

    if (e->predicted_us)
        format_us(e->predicted_us, predicted, sizeof predicted);
    begin_line(v, e->predicted_us > max_us ? DISPLAY_BAD : DISPLAY_PLAIN);
    put(v, "VM writes %s/s", format_bytes((double)e->dirty_per_s * PAGE_BYTES, writes, sizeof writes));
    put(v, "downtime if stopped now %s, allowed %s", predicted, format_us(max_us, allowed, sizeof allowed));
    if (move->throttle)
        put(v, "slowed by %u%%", move->throttle);
}

static void put_kinds(const struct move *move, struct view *v)
{
    char bytes[32];

    begin_line(v, DISPLAY_PLAIN);
    for (unsigned k = 0; k < HELPER_NR_KINDS; k++)
        if (move->now.kinds[k].pages)
            put(v, "%s %s", helper_kind_name((enum helper_kind)k),
                format_bytes((double)move->now.kinds[k].pages * PAGE_BYTES, bytes, sizeof bytes));
    if (!v->lines[v->n - 1].text[0])
        v->n--;
}

unsigned display_render(const struct move *move, uint64_t now_us, unsigned columns,
                        struct display_line lines[DISPLAY_LINES_MAX])
{
    struct view v = { .lines = lines, .columns = columns < DISPLAY_COLUMNS_MAX ? columns : DISPLAY_COLUMNS_MAX };

    put_title(move, now_us, &v);
    if (move->now.kind != HELPER_PROGRESS)
        return v.n;
    put_bytes(move, &v);
    if (strcmp(move->now.phase, "precopy") == 0 && (move->now.dirty_per_s || move->now.predicted_us))
        put_prediction(move, &v);
    put_kinds(move, &v);
    return v.n;
}
