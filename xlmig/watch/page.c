/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/watch/page.h"

#include "xlmig/watch/progress.h"
#include "xlmig/watch/page-data.h"
#include "xlmig/base/text.h"

#include <math.h>
#include <string.h>

#define WIDTH 860.0
#define HEIGHT 220.0
#define LEFT 90.0           /* of the plot: room for the axis' numbers */
#define RIGHT 12.0
#define TOP 12.0
#define BOTTOM 28.0
#define PLOT_WIDTH (WIDTH - LEFT - RIGHT)
#define PLOT_HEIGHT (HEIGHT - TOP - BOTTOM)
#define Y_TICKS 4
#define X_TICKS_MAX 10

static const char style[] =
    ":root{--fg:#1c2430;--mut:#667080;--bg:#fff;--grid:#e3e7ec;--card:#f6f8fa}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e4e8ee;--mut:#97a1b0;--bg:#14181e;--grid:#2c333d;--card:#1b2129}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:900px;margin:2em auto;"
    "padding:0 1em}h1{font-size:1.4em;margin-bottom:.2em}h2{font-size:1.05em;margin:1.8em 0 .3em}p{margin:.3em 0}"
    ".mut{color:var(--mut)}.note{border-left:4px solid #d9822b;background:var(--card);padding:.5em .8em;margin:1em 0}"
    ".figs{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.7em;margin:1.2em 0}"
    ".fig{background:var(--card);border-radius:6px;padding:.5em .8em}.fig b{display:block;font-size:1.25em}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:right;padding:.2em .6em;border-bottom:1px solid "
    "var(--grid)}th:first-child,td:first-child,th:last-child,td:last-child{text-align:left}th{color:var(--mut);"
    "font-weight:500}.wide{overflow-x:auto}.wide svg{min-width:860px}.wide table{min-width:640px}"
    "svg{width:100%;height:auto;display:block}svg text{fill:var(--mut);font-size:11px}"
    ".grid{stroke:var(--grid)}.round{stroke:var(--mut);stroke-dasharray:2 4;opacity:.6}.stop{stroke:#c2453c;stroke-width:2}.line{fill:none;"
    "stroke-width:1.8}.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .35em 0 1em}";

static const char *const kind_colours[HELPER_NR_KINDS] = {
    [HELPER_KIND_DATA] = "#2f6fb0",  [HELPER_KIND_ZERO] = "#9aa3af", [HELPER_KIND_ABSENT] = "#cfd5dc",
    [HELPER_KIND_DELTA] = "#3b9c6e", [HELPER_KIND_SAME] = "#8a63b8", [HELPER_KIND_UNCHANGED] = "#d8b13a",
};
#define RATE_COLOUR "#2f6fb0"
#define DIRTY_COLOUR "#d9822b"
#define LIMIT_COLOUR "#c2453c"

/* ---- text ---- */

void html_text(FILE *out, const char *text)
{
    while (*text) {
        size_t n = text_character(text);

        if (strchr("<>&\"'", *text))
            fprintf(out, "&#%d;", *text);
        else if (n == 0)
            fputc('?', out);
        else
            fwrite(text, 1, n, out);
        text += n ? n : 1;
    }
}

static const char *bytes_text(double value, char *text, size_t size)
{
    return format_bytes(value, text, size);
}

static const char *rate_text(double value, char *text, size_t size)
{
    char bytes[32];

    snprintf(text, size, "%s/s", format_bytes(value, bytes, sizeof bytes));
    return text;
}

static const char *time_text(double us, char *text, size_t size)
{
    return format_us((uint64_t)us, text, size);
}

/* ---- charts ---- */

struct chart {
    FILE *out;
    double x_max_us, y_max;
    double y_min;                /* of a scale by powers of ten; 0: from nothing, in even steps */
    const char *(*y_text)(double value, char *text, size_t size);
};

static double x_of(const struct chart *c, double at_us)
{
    return LEFT + PLOT_WIDTH * (c->x_max_us > 0 ? fmin(at_us / c->x_max_us, 1) : 0);
}

static double y_of(const struct chart *c, double value)
{
    if (c->y_min > 0)
        return TOP + PLOT_HEIGHT * (1 - fmin(log10(fmax(value, c->y_min) / c->y_min) / log10(c->y_max / c->y_min), 1));
    return TOP + PLOT_HEIGHT * (1 - (c->y_max > 0 ? fmin(value / c->y_max, 1) : 0));
}

/* A number whose quarters read well, times a power of 1000, or of 1024 where bytes are counted. */
static double round_up(double value, bool is_time)
{
    static const double steps[] = { 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 300, 400, 600, 800, 1000 };
    double unit = 1, base = is_time ? 1000 : 1024;

    while (value / unit > 1000)
        unit *= base;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (value <= steps[i] * unit)
            return steps[i] * unit;
    return value;
}

/* 1, 2 or 5 times a power of ten, so that there are no more than X_TICKS_MAX of them. */
static double time_step(double all_us)
{
    double step = 1;

    while (all_us / step > X_TICKS_MAX) {
        if (all_us / (2 * step) <= X_TICKS_MAX)
            return 2 * step;
        if (all_us / (5 * step) <= X_TICKS_MAX)
            return 5 * step;
        step *= 10;
    }
    return step;
}

static void draw_tick(const struct chart *c, double value)
{
    double y = y_of(c, value);
    char text[48];

    fprintf(c->out, "<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>"
                    "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
            LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, c->y_text(value, text, sizeof text));
}

static void draw_mark(const struct chart *c, const char *class, double at_us, const char *what, unsigned round)
{
    double x = x_of(c, at_us);

    fprintf(c->out, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\"><title>%s %u</title></line>\n",
            class, x, x, TOP, TOP + PLOT_HEIGHT, what, round);
}

static void begin_chart(const struct chart *c, const struct report_data *d, const char *label)
{
    fprintf(c->out, "<div class=\"wide\"><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n", WIDTH, HEIGHT,
            label);
    for (int i = 0; c->y_min <= 0 && i <= Y_TICKS; i++)
        draw_tick(c, c->y_max * i / Y_TICKS);
    for (double value = c->y_min; value > 0 && value <= c->y_max; value *= 10)
        draw_tick(c, value);
    for (double at_us = 0; at_us <= c->x_max_us; at_us += time_step(c->x_max_us))
        fprintf(c->out, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%g s</text>\n", x_of(c, at_us), HEIGHT - 8,
                at_us / 1e6);
    for (size_t i = 0; i < d->nr_rounds; i++) {
        draw_mark(c, "round", d->rounds[i].end_us, "end of round", d->rounds[i].number);
        if (d->rounds[i].stopped)
            draw_mark(c, "stop", fmax(d->rounds[i].end_us - d->rounds[i].us, 0), "the VM stood still from here, round",
                      d->rounds[i].number);
    }
}

static void end_chart(const struct chart *c)
{
    fputs("</svg></div>\n", c->out);
}

static void draw_line(const struct chart *c, const struct report_data *d, const char *colour,
                      double (*value)(const struct report_sample *))
{
    fprintf(c->out, "<polyline class=\"line\" stroke=\"%s\" points=\"", colour);
    for (size_t i = 0; i < d->nr_samples; i++)
        fprintf(c->out, "%.1f,%.1f ", x_of(c, d->samples[i].at_us), y_of(c, value(&d->samples[i])));
    fputs("\"/>\n", c->out);
}

/* A limit, as long as it held; of a report that does not tell, `last` over all of the time. */
static void draw_limit(const struct chart *c, const struct report_data *d, double last,
                       double (*value)(const struct report_sample *), const char *title)
{
    bool is_told = false;
    char text[48];

    for (size_t i = 0; i < d->nr_samples; i++)
        is_told |= value(&d->samples[i]) > 0;
    for (size_t i = 0; i < (is_told ? d->nr_samples : 1); i++) {
        double now = is_told ? value(&d->samples[i]) : last;
        double from_us = is_told ? d->samples[i].at_us : 0;
        double to_us = is_told && i + 1 < d->nr_samples ? d->samples[i + 1].at_us : c->x_max_us;
        size_t next = i + 1;

        while (is_told && next < d->nr_samples && value(&d->samples[next]) == now)
            to_us = ++next < d->nr_samples ? d->samples[next].at_us : c->x_max_us;
        i = next - 1;
        if (now > 0)
            fprintf(c->out, "<line class=\"limit\" stroke=\"" LIMIT_COLOUR "\" stroke-dasharray=\"6 4\" x1=\"%.1f\" "
                            "x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"><title>%s: %s</title></line>\n",
                    x_of(c, from_us), x_of(c, to_us), y_of(c, now), y_of(c, now), title,
                    c->y_text(now, text, sizeof text));
    }
}

static double max_bandwidth_of(const struct report_sample *s)
{
    return s->max_bandwidth;
}

static double max_downtime_of(const struct report_sample *s)
{
    return s->max_downtime_us;
}

static double rate_of(const struct report_sample *s)
{
    return s->bytes_per_s;
}

static double dirty_of(const struct report_sample *s)
{
    return s->dirty_bytes_per_s;
}

static double predicted_of(const struct report_sample *s)
{
    return s->predicted_us;
}

static double largest(const struct report_data *d, double (*value)(const struct report_sample *))
{
    double max = 0;

    for (size_t i = 0; i < d->nr_samples; i++)
        max = fmax(max, value(&d->samples[i]));
    return max;
}

static double duration(const struct report_data *d)
{
    double last = d->nr_samples ? d->samples[d->nr_samples - 1].at_us : 0;

    return fmax(fmax(last, d->nr_rounds ? d->rounds[d->nr_rounds - 1].end_us : 0), 1);
}

static void key(FILE *out, const char *colour, const char *name)
{
    fprintf(out, "<span class=\"key\" style=\"background:%s\"></span>%s", colour, name);
}

static void draw_rates(FILE *out, const struct report_data *d)
{
    struct chart c = { .out = out, .x_max_us = duration(d), .y_text = rate_text };

    c.y_max = round_up(fmax(fmax(largest(d, rate_of), largest(d, dirty_of)), 1024), false);
    fputs("<h2>Throughput, and how fast the VM writes</h2><p class=\"mut\">", out);
    key(out, RATE_COLOUR, "sent");
    key(out, DIRTY_COLOUR, "memory that the VM dirties");
    if (d->max_bandwidth > 0 || largest(d, max_bandwidth_of) > 0)
        key(out, LIMIT_COLOUR, "limit");
    fputs("</p>\n", out);
    begin_chart(&c, d, "throughput and dirty rate over time");
    draw_line(&c, d, DIRTY_COLOUR, dirty_of);
    draw_line(&c, d, RATE_COLOUR, rate_of);
    draw_limit(&c, d, d->max_bandwidth, max_bandwidth_of, "limit");
    end_chart(&c);
}

/* From milliseconds to minutes in one move, and all of it counts: by powers of ten. */
static void draw_downtime(FILE *out, const struct report_data *d)
{
    double max_us = d->max_downtime_us > 0 ? d->max_downtime_us : MOVE_DEFAULT_DOWNTIME_US;
    struct chart c = { .out = out, .x_max_us = duration(d), .y_text = time_text, .y_min = 1000, .y_max = 1e4 };
    double most = fmax(fmax(largest(d, predicted_of), largest(d, max_downtime_of)), fmax(max_us, d->downtime_us));

    while (c.y_max < most)
        c.y_max *= 10;
    fputs("<h2>Predicted downtime, if the VM were stopped at that moment</h2><p class=\"mut\">", out);
    key(out, RATE_COLOUR, "predicted, without the start over there");
    key(out, LIMIT_COLOUR, "allowed");
    fputs("</p>\n", out);
    begin_chart(&c, d, "predicted downtime over time");
    draw_line(&c, d, RATE_COLOUR, predicted_of);
    draw_limit(&c, d, max_us, max_downtime_of, "allowed");
    end_chart(&c);
}

/* Each kind stands on those before it. */
static void draw_kind(const struct chart *c, const struct report_data *d, unsigned kind)
{
    fprintf(c->out, "<polygon fill=\"%s\" points=\"", kind_colours[kind]);
    for (int edge = 0; edge < 2; edge++)
        for (size_t n = 0; n < d->nr_samples; n++) {
            const struct report_sample *s = &d->samples[edge ? d->nr_samples - 1 - n : n];
            double sum = 0;

            for (unsigned k = 0; k < kind + !edge; k++)
                sum += s->kinds[k];
            fprintf(c->out, "%.1f,%.1f ", x_of(c, s->at_us), y_of(c, sum));
        }
    fprintf(c->out, "\"><title>%s</title></polygon>\n", helper_kind_name((enum helper_kind)kind));
}

static void draw_kinds(FILE *out, const struct report_data *d)
{
    const struct report_sample *last = d->nr_samples ? &d->samples[d->nr_samples - 1] : NULL;
    struct chart c = { .out = out, .x_max_us = duration(d), .y_text = bytes_text };

    for (unsigned k = 0; last && k < HELPER_NR_KINDS; k++)
        c.y_max += last->kinds[k];
    c.y_max = round_up(fmax(c.y_max, 4096), false);
    fputs("<h2>Memory by the way it went</h2><p class=\"mut\">", out);
    for (unsigned k = 0; last && k < HELPER_NR_KINDS; k++)
        if (last->kinds[k] > 0)
            key(out, kind_colours[k], helper_kind_name((enum helper_kind)k));
    fputs("</p>\n", out);
    begin_chart(&c, d, "memory by kind over time");
    for (unsigned k = 0; last && k < HELPER_NR_KINDS; k++)
        if (last->kinds[k] > 0)
            draw_kind(&c, d, k);
    end_chart(&c);
}

/* ---- figures ---- */

static void figure(FILE *out, const char *name, const char *value, const char *more)
{
    fprintf(out, "<div class=\"fig\"><span class=\"mut\">%s</span><b>%s</b>%s</div>\n", name, value, more);
}

static void write_figures(FILE *out, const struct report_data *d)
{
    char text[48], more[192] = "", a[32], b[32], c[32];

    fputs("<div class=\"figs\">\n", out);
    figure(out, "total time", time_text(d->total_us, text, sizeof text), "");
    if (d->downtime_us > 0 && d->downtime_us >= d->copy_us)
        snprintf(more, sizeof more, "%s here, then %s for its state and its start over there, which is not predicted",
                 time_text(d->copy_us, a, sizeof a), time_text(d->downtime_us - d->copy_us, b, sizeof b));
    figure(out, "downtime", d->downtime_us > 0 ? time_text(d->downtime_us, text, sizeof text) : "-", more);
    more[0] = '\0';
    if (d->predicted_us > 0)
        snprintf(more, sizeof more, "predicted %s: suspend %s, copy %s, state %s",
                 time_text(d->predicted_us, text, sizeof text), time_text(d->predicted_suspend_us, a, sizeof a),
                 time_text(d->predicted_copy_us, b, sizeof b), time_text(d->predicted_state_us, c, sizeof c));
    figure(out, "VM stopped here", d->stopped_us > 0 ? time_text(d->stopped_us, text, sizeof text) : "-", more);
    if (d->stopped_us > 0) {
        snprintf(more, sizeof more, "then memory %s", time_text(d->copy_us, a, sizeof a));
        figure(out, "suspending", time_text(d->suspend_us, text, sizeof text), more);
    }
    snprintf(more, sizeof more, "of %s of memory", bytes_text(d->memory_bytes, a, sizeof a));
    figure(out, "sent", bytes_text(d->bytes, text, sizeof text), more);
    snprintf(text, sizeof text, "%u", d->rounds_done);
    snprintf(more, sizeof more, "%u channel%s", d->nr_channels ? d->nr_channels : 1, d->nr_channels > 1 ? "s" : "");
    figure(out, "rounds", text, more);
    fputs("</div>\n", out);
}

static void write_rounds(FILE *out, const struct report_data *d)
{
    char sent[32], wire[32], took[32], dirtied[32], predicted[32];

    fputs("<h2>Rounds</h2>\n<div class=\"wide\"><table><tr><th>round</th><th>memory</th><th>on the wire</th><th>took</th>"
          "<th>dirtied meanwhile</th><th>predicted downtime</th><th>then</th></tr>\n", out);
    for (size_t i = 0; i < d->nr_rounds; i++) {
        const struct report_round *r = &d->rounds[i];

        fprintf(out, "<tr><td>%u%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>", r->number,
                r->stopped ? ", VM stopped" : "", bytes_text(r->sent, sent, sizeof sent),
                bytes_text(r->bytes, wire, sizeof wire), time_text(r->us, took, sizeof took),
                bytes_text(r->dirtied, dirtied, sizeof dirtied),
                r->predicted_us > 0 ? time_text(r->predicted_us, predicted, sizeof predicted) : "");
        html_text(out, r->reason);
        fputs("</td></tr>\n", out);
    }
    fputs("</table></div>\n", out);
}

/* "2026-11-22T04:00:00Z" as people write it; of another form, as it is. */
static void write_start(FILE *out, const char *started)
{
    if (strlen(started) == 20 && started[10] == 'T' && started[19] == 'Z' && text_is_fit(started)) {
        char text[32];

        snprintf(text, sizeof text, "%.10s %.8s UTC", started, started + 11);
        html_text(out, text);
    } else {
        html_text(out, started);
    }
}

static void write_versions(FILE *out, const struct report_data *d)
{
    if (!d->version[0])
        return;
    fputs("<p class=\"mut\">", out);
    html_text(out, d->version);
    if (d->peer[0]) {
        fputs(", and over there ", out);
        html_text(out, d->peer);
    }
    if (d->options[0]) {
        fputs("; typed: ", out);
        html_text(out, d->options);
    }
    fputs("</p>\n", out);
}

static void write_head(FILE *out, const struct report_data *d)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
          "content=\"width=device-width,initial-scale=1\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'\"><title>", out);
    html_text(out, d->vm);
    fprintf(out, "</title><style>%s</style></head><body>\n<h1>", style);
    html_text(out, d->vm);
    fputs(": ", out);
    html_text(out, d->from);
    fputs(" to ", out);
    html_text(out, d->to);
    fputs("</h1>\n<p class=\"mut\">", out);
    write_start(out, d->started);
    fputs(" &middot; ", out);
    html_text(out, d->outcome[0] ? d->outcome : d->ok ? "moved" : "not moved");
    fputs(": ", out);
    html_text(out, d->text);
    fputs("</p>\n", out);
    write_versions(out, d);
    if (d->verdict[0]) {
        fputs("<p class=\"note\">", out);
        html_text(out, d->verdict);
        fputs("</p>\n", out);
    }
}

int report_html_write(struct json_object *report, FILE *out, struct failure *failure)
{
    struct report_data d;

    if (report_data_read(report, &d, failure) < 0)
        return -1;
    write_head(out, &d);
    write_figures(out, &d);
    if (d.nr_samples > 1) {
        draw_rates(out, &d);
        draw_downtime(out, &d);
        draw_kinds(out, &d);
    }
    if (d.nr_rounds)
        write_rounds(out, &d);
    fputs("<p class=\"mut\">Drawn by xlmig report. Dotted lines: ends of rounds; a red one: where the VM was stopped.</p>\n</body></html>\n", out);
    report_data_dispose(&d);
    return 0;
}
