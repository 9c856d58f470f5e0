/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/watch/progress.h"

#include "xlmig/watch/display.h"
#include "xlmig/watch/terminal.h"
#include "xlmig/base/loop.h"
#include "xlmig/base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_US 100000
#define WAITS_UNTIL_TOLD (5 * PROGRESS_TICKS_A_SECOND) /* in lines, which nobody takes back */
#define DEFAULT_COLUMNS 80

enum progress_style progress_choose(bool quiet, bool json)
{
    if (json)
        return PROGRESS_JSON;
    if (quiet)
        return PROGRESS_QUIET;
    if (terminal_take())
        return PROGRESS_TERMINAL;
    return terminal_is_shared() ? PROGRESS_NAMED : PROGRESS_LINES;
}

void progress_init(struct progress *p, enum progress_style style, FILE *out)
{
    const char *no_color = getenv("NO_COLOR");

    *p = (struct progress){
        .style = style, .out = out, .colours = style == PROGRESS_TERMINAL && !(no_color && *no_color),
    };
    move_init(&p->move, now_us());
}

void progress_break(struct progress *p)
{
    p->lines_open = 0;
}

/* ---- a terminal ---- */

unsigned progress_columns(FILE *out)
{
    struct winsize size;

    /* The last column stays free: some terminals wrap when it is written to. */
    if (ioctl(fileno(out), TIOCGWINSZ, &size) < 0 || size.ws_col < 2)
        return DEFAULT_COLUMNS - 1;
    return size.ws_col - 1u;
}

static void paint(struct progress *p)
{
    static const char *const colours[] = {
        [DISPLAY_PLAIN] = "", [DISPLAY_TITLE] = "\033[1m", [DISPLAY_GOOD] = "\033[32m", [DISPLAY_BAD] = "\033[33m",
    };
    struct display_line lines[DISPLAY_LINES_MAX];
    unsigned n = display_render(&p->move, now_us(), progress_columns(p->out), lines);

    if (p->lines_open)
        fprintf(p->out, "\033[%uA", p->lines_open);
    for (unsigned i = 0; i < n; i++)
        fprintf(p->out, "\r%s%s%s\033[K\n", p->colours ? colours[lines[i].mood] : "", lines[i].text,
                p->colours && colours[lines[i].mood][0] ? "\033[0m" : "");
    fputs("\033[J", p->out); /* what the last picture had more of */
    fflush(p->out);
    p->lines_open = n;
}

static void show_on_terminal(struct progress *p, bool at_once)
{
    uint64_t now = now_us();

    if (p->style != PROGRESS_TERMINAL || (!at_once && now - p->last_shown_us < REDRAW_US))
        return;
    p->last_shown_us = now;
    if (terminal_is_shared())
        p->style = PROGRESS_NAMED;
    else
        paint(p);
}

/* ---- lines ---- */

/* Does it show lines?  Then one is begun. */
static bool begin_line(struct progress *p)
{
    if (p->style == PROGRESS_NAMED)
        fprintf(p->out, "%s: ", p->move.vm);
    return p->style == PROGRESS_NAMED || p->style == PROGRESS_LINES;
}

static void show_round(struct progress *p, const struct helper_event *e)
{
    char bytes[32], took[32];

    if (!begin_line(p))
        return;
    fprintf(p->out, "round %u%s: %llu pages, %s in %s, %llu dirtied meanwhile\n", e->round,
            e->stopped ? " (guest stopped)" : "", (unsigned long long)e->pages,
            format_bytes((double)e->bytes, bytes, sizeof bytes), format_us(e->us, took, sizeof took),
            (unsigned long long)e->dirtied);
}

static void show_throttle(struct progress *p, const struct helper_event *e)
{
    if (!begin_line(p))
        return;
    if (e->throttle)
        fprintf(p->out, "the VM writes faster than can be sent: slowed down by %u%%\n", e->throttle);
    else
        fprintf(p->out, "at full speed again\n");
}

/* ---- JSON ---- */

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

static void add_text(struct json_object *object, const char *name, const char *value)
{
    if (value[0])
        json_object_object_add(object, name, json_object_new_string(value));
}

static void print_json(const struct helper_event *e)
{
    static const char *const names[] = { "start", "progress", "round", "decision", "throttle", "note", "end" };
    struct json_object *object = json_object_new_object();

    add_text(object, "event", names[e->kind]);
    add_text(object, "phase", e->phase);
    add_text(object, "text", e->text);
    add_text(object, "reason", e->reason);
    add(object, "round", e->round);
    add(object, "pages", e->pages);
    add(object, "done", e->done);
    add(object, "total", e->total);
    add(object, "bytes", e->bytes);
    add(object, "dirtied", e->dirtied);
    add(object, "us", e->us);
    if (e->kind == HELPER_PROGRESS) {
        add(object, "dirty", e->dirty);
        add(object, "dirty_per_s", e->dirty_per_s);
    }
    if (e->kind == HELPER_PROGRESS || e->kind == HELPER_DECISION)
        add(object, "predicted_us", e->predicted_us);
    if (e->kind == HELPER_DECISION)
        add(object, "needed_bytes_per_s", e->needed_bytes_per_s);
    if (e->kind == HELPER_THROTTLE || e->kind == HELPER_PROGRESS)
        add(object, "throttle", e->throttle);
    print_object(object);
}

/* ---- events ---- */

void progress_event(struct progress *p, const struct helper_event *e)
{
    move_event(&p->move, e, now_us());
    if (p->style == PROGRESS_JSON && e->kind != HELPER_NOTE)
        print_json(e);
    switch (e->kind) {
    case HELPER_PROGRESS:
        show_on_terminal(p, false);
        return;
    case HELPER_ROUND:
        show_round(p, e);
        show_on_terminal(p, true);
        return;
    case HELPER_THROTTLE:
        show_throttle(p, e);
        show_on_terminal(p, true);
        return;
    case HELPER_NOTE:
        progress_note(p, "%s", e->text);
        return;
    case HELPER_END:
        show_on_terminal(p, true);
        p->suspended_at_us = e->suspended_at_us <= now_us() ? e->suspended_at_us : 0;
        return;
    default:
        return;
    }
}

void progress_copied(struct progress *p)
{
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

        add_text(object, "event", "note");
        add_text(object, "text", text);
        print_object(object);
    } else if (p->style != PROGRESS_QUIET) {
        progress_break(p);
        fprintf(p->out, "%s\n", text);
    }
}

/* ---- time goes by ---- */

static void tell_wait(struct progress *p)
{
    p->nr_waits++;
    if (p->move.waits[0] && p->nr_waits == WAITS_UNTIL_TOLD && begin_line(p))
        fprintf(p->out, "%s\n", p->move.waits);
}

void progress_tick(struct progress *p, const char *waits)
{
    if (strcmp(waits, p->move.waits) != 0)
        p->nr_waits = 0;
    snprintf(p->move.waits, sizeof p->move.waits, "%s", waits);
    tell_wait(p);
    show_on_terminal(p, true);
}

void progress_erase(struct progress *p)
{
    if (p->lines_open)
        fprintf(p->out, "\033[%uA\r\033[J", p->lines_open);
    fflush(p->out);
    progress_break(p);
}

/* ---- the end ---- */

struct move_result progress_result(const struct progress *p, const char *outcome, bool ok, const char *text)
{
    struct move_result result = { .outcome = outcome, .ok = ok, .text = text };

    result.total_us = (p->ended_us ? p->ended_us : now_us()) - p->move.started_us;
    if (!p->move.held && p->suspended_at_us && p->running_again_us > p->suspended_at_us)
        result.downtime_us = p->running_again_us - p->suspended_at_us;
    return result;
}

/* " (predicted 120 ms)", or "" where nothing was. */
static const char *predicted(const struct progress *p, uint64_t us, char *text, size_t size)
{
    char time[32];

    text[0] = '\0';
    if (p->move.stop.kind == HELPER_DECISION && p->move.stop.predicted_us)
        snprintf(text, size, " (predicted %s)", format_us(us, time, sizeof time));
    return text;
}

/*
 * What the downtime was made of, part by part beside what was expected of it.
 * What the other host takes to start the VM nobody here could predict.
 */
static void report_downtime(const struct progress *p, uint64_t downtime_us)
{
    const struct helper_event *end = &p->move.end, *stop = &p->move.stop;
    char time[32], expected[64];

    fprintf(p->out, "  downtime    %s%s\n", end->kind == HELPER_END ? "" : "at least ",
            format_us(downtime_us, time, sizeof time));
    if (end->kind != HELPER_END || downtime_us < end->copy_us)
        return;
    fprintf(p->out, "    memory    %s%s\n", format_us(end->copy_us, time, sizeof time),
            predicted(p, stop->predicted_copy_us, expected, sizeof expected));
    fprintf(p->out, "    start     %s, with the VM's state, until it ran there\n",
            format_us(downtime_us - end->copy_us, time, sizeof time));
    fprintf(p->out, "  suspending  %s before that%s\n", format_us(end->suspend_us, time, sizeof time),
            predicted(p, stop->predicted_suspend_us, expected, sizeof expected));
}

static void report_pause(const struct progress *p)
{
    char time[32];

    if (p->move.woken)
        fprintf(p->out, "  paused      before and after; to be suspended, its vCPUs ran for %s\n",
                format_us(p->move.woken_us, time, sizeof time));
    else
        fprintf(p->out, "  paused      before and after; it did not run\n");
}

static void report_extents(const struct progress *p, const struct helper_extents *e)
{
    if (!e->nr_1g && !e->nr_2m && !e->nr_4k)
        return;
    fprintf(p->out, "  memory      in ");
    if (e->named_1g)
        fprintf(p->out, "%" PRIu64 " of %" PRIu64 " extents of 1 GiB, ", e->nr_1g, e->named_1g);
    fprintf(p->out, "%" PRIu64 " of 2 MiB, %" PRIu64 " of 4 KiB\n", e->nr_2m, e->nr_4k);
}

static void report_lines(const struct progress *p, const struct move_result *result)
{
    const struct helper_event *end = &p->move.end;
    char text[32], rate[32], kinds[256], verdict[512];

    fprintf(p->out, "  total time  %s\n", format_us(result->total_us, text, sizeof text));
    if (result->downtime_us)
        report_downtime(p, result->downtime_us);
    if (p->move.held)
        report_pause(p);
    if (end->kind != HELPER_END)
        return;
    if (end->round)
        fprintf(p->out, "  rounds      %u\n", end->round);
    fprintf(p->out, "  %-10s  %s", move_way_name(p->move.way), format_bytes((double)end->bytes, text, sizeof text));
    if (end->us)
        fprintf(p->out, " at %s/s", format_bytes((double)end->bytes * 1e6 / (double)end->us, rate, sizeof rate));
    if (end->nr_channels > 1)
        fprintf(p->out, " over %u channels", end->nr_channels);
    fputc('\n', p->out);
    if (display_kinds(end->kinds, kinds, sizeof kinds)[0])
        fprintf(p->out, "  pages       %s\n", kinds);
    report_extents(p, &end->extents);
    move_verdict(&p->move, verdict, sizeof verdict);
    if (verdict[0])
        fprintf(p->out, "  note        %s\n", verdict);
}

void progress_failed(struct progress *p, const char *outcome, const char *text)
{
    struct move_result result = progress_result(p, outcome, false, text);

    if (p->style == PROGRESS_JSON)
        print_object(move_report_json(&p->move, &result, false));
}

void progress_refused(enum progress_style style, enum move_way way, const char *vm, const char *text)
{
    struct progress *p = style == PROGRESS_JSON ? malloc(sizeof *p) : NULL;

    if (!p)
        return;
    progress_init(p, style, stderr);
    p->move.way = way;
    snprintf(p->move.vm, sizeof p->move.vm, "%s", vm);
    progress_failed(p, "refused", text);
    free(p);
}

void progress_report(struct progress *p, const char *headline)
{
    static const char *const outcomes[] = { [MOVE_SENT] = "moved", [MOVE_WRITTEN] = "saved", [MOVE_READ] = "restored" };
    struct move_result result = progress_result(p, outcomes[p->move.way], true, headline);

    progress_break(p);
    if (p->style == PROGRESS_JSON) {
        print_object(move_report_json(&p->move, &result, false));
        return;
    }
    if (p->style == PROGRESS_QUIET)
        return;
    fprintf(p->out, "%s\n", headline);
    report_lines(p, &result);
}
