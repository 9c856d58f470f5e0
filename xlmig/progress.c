/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xlmig/progress.h"

#include "xlmig/loop.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_US 100000

enum progress_style progress_choose(bool quiet, bool json)
{
    if (json)
        return PROGRESS_JSON;
    if (quiet)
        return PROGRESS_QUIET;
    return isatty(STDERR_FILENO) ? PROGRESS_TERMINAL : PROGRESS_LINES;
}

void progress_init(struct progress *p, enum progress_style style, FILE *out)
{
    *p = (struct progress){ .style = style, .out = out, .started_us = now_us() };
}

const char *format_bytes(double bytes, char *buffer, size_t size)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(buffer, size, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return buffer;
}

const char *format_us(uint64_t us, char *buffer, size_t size)
{
    if (us < 1000)
        snprintf(buffer, size, "%u us", (unsigned)us);
    else if (us < 1000000)
        snprintf(buffer, size, "%.1f ms", (double)us / 1e3);
    else
        snprintf(buffer, size, "%.2f s", (double)us / 1e6);
    return buffer;
}

void progress_break(struct progress *p)
{
    if (p->line_open)
        fputc('\n', p->out);
    p->line_open = false;
}

static void draw(struct progress *p, const struct helper_event *e)
{
    char bytes[32], rate[32];
    int percent = e->total ? (int)(100.0 * (double)e->done / (double)e->total) : 0;
    double seconds = (double)e->us / 1e6;

    fprintf(p->out, "\r\033[K%-8s round %-2u %3d%%  %s  %s/s", e->phase, e->round, percent > 100 ? 100 : percent,
            format_bytes((double)e->bytes, bytes, sizeof bytes),
            format_bytes(seconds > 0 ? (double)e->bytes / seconds : 0, rate, sizeof rate));
    fflush(p->out);
    p->line_open = true;
}

static void show_progress(struct progress *p, const struct helper_event *e)
{
    uint64_t now = now_us();

    if (p->style != PROGRESS_TERMINAL)
        return;
    if (e->round == p->round && now - p->last_shown_us < REDRAW_US)
        return;
    p->round = e->round;
    p->last_shown_us = now;
    draw(p, e);
}

static void show_round(struct progress *p, const struct helper_event *e)
{
    char bytes[32], took[32];

    if (p->style != PROGRESS_LINES)
        return;
    fprintf(p->out, "round %u%s: %llu pages, %s in %s, %llu dirtied meanwhile\n", e->round,
            e->stopped ? " (guest stopped)" : "", (unsigned long long)e->pages,
            format_bytes((double)e->bytes, bytes, sizeof bytes), format_us(e->us, took, sizeof took),
            (unsigned long long)e->dirtied);
}

static void print_object(struct json_object *object)
{
    printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    fflush(stdout);
    json_object_put(object);
}

static void add(struct json_object *object, const char *name, uint64_t value)
{
    json_object_object_add(object, name, json_object_new_int64((int64_t)value));
}

static void print_json(const struct helper_event *e)
{
    static const char *const names[] = { "start", "progress", "round", "decision", "throttle", "note", "end" };
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "event", json_object_new_string(names[e->kind]));
    if (e->phase[0])
        json_object_object_add(object, "phase", json_object_new_string(e->phase));
    if (e->text[0])
        json_object_object_add(object, "text", json_object_new_string(e->text));
    if (e->reason[0])
        json_object_object_add(object, "reason", json_object_new_string(e->reason));
    add(object, "round", e->round);
    add(object, "pages", e->pages);
    add(object, "done", e->done);
    add(object, "total", e->total);
    add(object, "bytes", e->bytes);
    add(object, "dirtied", e->dirtied);
    add(object, "us", e->us);
    print_object(object);
}

void progress_event(struct progress *p, const struct helper_event *e)
{
    if (p->style == PROGRESS_JSON)
        print_json(e);
    if (e->kind == HELPER_PROGRESS) {
        show_progress(p, e);
    } else if (e->kind == HELPER_ROUND) {
        show_round(p, e);
    } else if (e->kind == HELPER_NOTE) {
        progress_note(p, "%s", e->text);
    } else if (e->kind == HELPER_END) {
        p->have_end = true;
        p->end = *e;
        p->suspended_at_us = e->suspended_at_us <= now_us() ? e->suspended_at_us : 0;
    }
}

void progress_copied(struct progress *p)
{
    progress_break(p);
    if (!p->suspended_at_us)
        p->suspended_at_us = now_us(); /* a foreign engine does not tell; the least it can have been */
}

void progress_note(struct progress *p, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (p->style == PROGRESS_JSON) {
        struct json_object *object = json_object_new_object();

        json_object_object_add(object, "event", json_object_new_string("note"));
        json_object_object_add(object, "text", json_object_new_string(text));
        print_object(object);
    } else if (p->style != PROGRESS_QUIET) {
        progress_break(p);
        fprintf(p->out, "%s\n", text);
    }
}

static void report_json(const struct progress *p, const char *headline, uint64_t total_us, uint64_t downtime_us)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "event", json_object_new_string("report"));
    json_object_object_add(object, "text", json_object_new_string(headline));
    add(object, "total_us", total_us);
    add(object, "downtime_us", downtime_us);
    if (p->have_end) {
        add(object, "rounds", p->end.round);
        add(object, "bytes", p->end.bytes);
        add(object, "pages_sent", p->end.pages_sent);
        add(object, "suspend_us", p->end.suspend_us);
        add(object, "stopped_us", p->end.stopped_us);
    }
    print_object(object);
}

static void report_lines(const struct progress *p, uint64_t total_us, uint64_t downtime_us)
{
    char text[32], rate[32];

    fprintf(p->out, "  total time  %s\n", format_us(total_us, text, sizeof text));
    if (downtime_us)
        fprintf(p->out, "  downtime    %s%s\n", p->have_end ? "" : "at least ",
                format_us(downtime_us, text, sizeof text));
    if (!p->have_end)
        return;
    if (p->end.round)
        fprintf(p->out, "  rounds      %u\n", p->end.round);
    fprintf(p->out, "  memory      %s", format_bytes((double)p->end.bytes, text, sizeof text));
    if (p->end.us)
        fprintf(p->out, " at %s/s", format_bytes((double)p->end.bytes * 1e6 / (double)p->end.us, rate, sizeof rate));
    fputc('\n', p->out);
}

void progress_report(struct progress *p, const char *headline)
{
    uint64_t total_us = (p->ended_us ? p->ended_us : now_us()) - p->started_us;
    uint64_t downtime_us = 0;

    if (p->suspended_at_us && p->running_again_us > p->suspended_at_us)
        downtime_us = p->running_again_us - p->suspended_at_us;
    progress_break(p);
    if (p->style == PROGRESS_JSON) {
        report_json(p, headline, total_us, downtime_us);
        return;
    }
    if (p->style == PROGRESS_QUIET)
        return;
    fprintf(p->out, "%s\n", headline);
    report_lines(p, total_us, downtime_us);
}
