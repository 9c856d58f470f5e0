/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig top: every move that runs on this host. */
#include "config.h"

#include "xlmig/peer/messages.h"
#include "xlmig/watch/display.h"
#include "xlmig/watch/progress.h"
#include "xlmig/watch/socket.h"
#include "xlmig/base/json-fields.h"
#include "xlmig/cli/verb.h"
#include "xlmig/base/text.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_BYTES 4096.0
#define INTERVAL_MIN_US 100000u
#define INTERVAL_MAX_US 3600000000u

struct top_options {
    bool once, json;
    uint64_t interval_us;
};

static const struct top_options defaults = { .interval_us = 1000000 };

static const struct verb_option options[] = {
    { .name = "once", .kind = OPTION_FLAG, .help = "show them once, also on a terminal",
      OPTION_INTO(struct top_options, once) },
    { .name = "interval", .short_name = 'd', .kind = OPTION_DURATION, .not_zero = true, .argument = "TIME",
      .help = "on a terminal, show them anew so often (1s)", OPTION_INTO(struct top_options, interval_us) },
    { .name = "json", .kind = OPTION_FLAG, .help = "once, as a JSON object a line",
      OPTION_INTO(struct top_options, json) },
    OPTIONS_END,
};

static uint64_t number(struct json_object *object, const char *name)
{
    struct json_object *field;
    int64_t value = json_object_object_get_ex(object, name, &field) ? json_object_get_int64(field) : 0;

    return value < 0 ? 0 : (uint64_t)value;
}

/* From another process, through a socket of this user's: still nothing that a terminal should obey. */
static const char *text(struct json_object *object, const char *name, char *buffer, size_t size)
{
    struct json_object *field;

    snprintf(buffer, size, "%s", json_object_object_get_ex(object, name, &field) ? json_object_get_string(field) : "");
    make_text_fit(buffer);
    return buffer;
}

/* ---- a table, as wide as what is in it ---- */

enum column { ID, VM, OTHER, STATE, TIME, SENT, RATE, WRITES, DOWNTIME, LEFT, SLOWED, NR_COLUMNS };

static const char *const titles[NR_COLUMNS] = {
    [ID] = "ID", [VM] = "VM", [OTHER] = "TO/FROM", [STATE] = "STATE", [TIME] = "TIME", [SENT] = "SENT", [RATE] = "RATE",
    [WRITES] = "VM WRITES", [DOWNTIME] = "DOWNTIME", [LEFT] = "LEFT", [SLOWED] = "SLOWED",
};

/* Which go first where a terminal is too narrow.  What names a move never goes, and is never cut. */
static const enum column less_important[] = { SLOWED, SENT, WRITES, RATE, TIME, DOWNTIME, LEFT, STATE };

#define CELL_MAX 320u

struct row {
    char cells[NR_COLUMNS][CELL_MAX];
};

/* In characters, as far as a terminal shows each in one column. */
static size_t width_of(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void set_rate(char *cell, double bytes)
{
    char text[32];

    snprintf(cell, CELL_MAX, "%s/s", format_bytes(bytes, text, sizeof text));
}

static void fill_state(char *cell, struct json_object *o)
{
    char phase[16];

    text(o, "phase", phase, sizeof phase);
    text(o, "state", cell, CELL_MAX);
    if (strcmp(cell, "copying") == 0 && strcmp(phase, "precopy") == 0)
        snprintf(cell, CELL_MAX, "round %u", (unsigned)number(o, "round"));
    else if (strcmp(cell, "copying") == 0 && phase[0] && strcmp(phase, "done") != 0)
        snprintf(cell, CELL_MAX, "%s", phase);
}

static void fill_row(struct row *row, const struct registry_entry *entry)
{
    struct json_object *o = entry->status, *incoming;
    char from[CELL_MAX - 8];
    bool arrives = json_object_object_get_ex(o, "incoming", &incoming) && json_object_get_boolean(incoming);

    snprintf(row->cells[ID], CELL_MAX, "%s", entry->id);
    text(o, "vm", row->cells[VM], CELL_MAX);
    if (arrives)
        snprintf(row->cells[OTHER], CELL_MAX, "from %s", text(o, "from", from, sizeof from));
    else
        text(o, "to", row->cells[OTHER], CELL_MAX);
    fill_state(row->cells[STATE], o);
    display_clock(number(o, "elapsed_us"), row->cells[TIME], CELL_MAX);
    format_bytes((double)number(o, "bytes"), row->cells[SENT], CELL_MAX);
    set_rate(row->cells[RATE], (double)number(o, "bytes_per_s"));
    if (!arrives)
        set_rate(row->cells[WRITES], (double)number(o, "dirty_per_s") * PAGE_BYTES);
    if (number(o, "predicted_us"))
        format_us(number(o, "predicted_us"), row->cells[DOWNTIME], CELL_MAX);
    if (number(o, "eta_us"))
        display_clock(number(o, "eta_us") + 999999, row->cells[LEFT], CELL_MAX);
    if (number(o, "throttle"))
        snprintf(row->cells[SLOWED], CELL_MAX, "%u%%", (unsigned)number(o, "throttle"));
}

/* How wide each column is; 0: it is left out.  `columns`: of the terminal; 0: no limit. */
static void choose_widths(const struct row *rows, size_t n, unsigned columns, size_t widths[NR_COLUMNS])
{
    size_t all = 0;

    for (int c = 0; c < NR_COLUMNS; c++) {
        widths[c] = width_of(titles[c]);
        for (size_t i = 0; i < n; i++)
            if (width_of(rows[i].cells[c]) > widths[c])
                widths[c] = width_of(rows[i].cells[c]);
        all += widths[c] + 2;
    }
    for (size_t i = 0; columns && all > columns + 2 && i < sizeof less_important / sizeof less_important[0]; i++) {
        all -= widths[less_important[i]] + 2;
        widths[less_important[i]] = 0;
    }
}

static void print_cell(const char *cell, size_t width, bool right)
{
    int blanks = (int)(width - width_of(cell));

    if (right)
        printf("%*s%s", blanks, "", cell);
    else
        printf("%s%*s", cell, blanks, "");
}

static void print_row(const char *const cells[NR_COLUMNS], const size_t widths[NR_COLUMNS], const char *line_end)
{
    for (int c = 0; c < NR_COLUMNS; c++) {
        if (!widths[c])
            continue;
        if (c > 0)
            fputs("  ", stdout);
        print_cell(cells[c], widths[c], c >= TIME);
    }
    fputs(line_end, stdout);
}

/* -1: out of memory. */
static int print_table(const struct registry_entry *entries, size_t n, unsigned columns, const char *line_end)
{
    struct row *rows = calloc(n + 1, sizeof *rows);
    size_t widths[NR_COLUMNS];

    if (!rows)
        return -1;
    for (size_t i = 0; i < n; i++)
        fill_row(&rows[i], &entries[i]);
    choose_widths(rows, n, columns, widths);
    print_row(titles, widths, line_end);
    for (size_t i = 0; i < n; i++) {
        const char *cells[NR_COLUMNS];

        for (int c = 0; c < NR_COLUMNS; c++)
            cells[c] = rows[i].cells[c][0] || c == VM || c == SLOWED ? rows[i].cells[c] : "-";
        print_row(cells, widths, line_end);
    }
    free(rows);
    return 0;
}

static void print_objects(const struct registry_entry *entries, size_t n)
{
    for (size_t i = 0; i < n; i++)
        printf("%s\n", json_object_to_json_string_ext(entries[i].status, JSON_C_TO_STRING_PLAIN));
}

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

/* Until Ctrl-C.  The picture is painted over the last one, line by line, so that it does not flicker. */
static int show_again_and_again(uint64_t interval_us)
{
    const struct sigaction action = { .sa_handler = on_signal };

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    fputs("\033[H\033[2J", stdout);
    while (!stop) {
        struct registry_entry *entries;
        struct failure failure = { 0 };
        size_t n;

        if (registry_list(&entries, &n, &failure) < 0) {
            fprintf(stderr, "xlmig: %s%s\n", failure.text, text_stop(failure.text));
            return EXIT_FAILED;
        }
        fputs("\033[H", stdout);
        print_table(entries, n, progress_columns(stdout), "\033[K\n");
        if (n == 0)
            fputs("no VM is being moved\033[K\n", stdout);
        fputs("\033[J", stdout);
        fflush(stdout);
        registry_list_free(entries, n);
        poll(NULL, 0, (int)(interval_us / 1000));
    }
    return EXIT_OK;
}

static int run_top(const struct verb_call *call)
{
    const struct top_options *o = call->options;
    struct registry_entry *entries;
    struct failure failure = { 0 };
    size_t n;

    if (o->interval_us < INTERVAL_MIN_US || o->interval_us > INTERVAL_MAX_US) {
        fprintf(stderr, "xlmig top: --interval is 100ms to 1h\n");
        return EXIT_USAGE;
    }
    if (!o->once && !o->json && isatty(STDOUT_FILENO))
        return show_again_and_again(o->interval_us);
    if (registry_list(&entries, &n, &failure) < 0) {
        if (o->json)
            fields_print_error(failure.text);
        fprintf(stderr, "xlmig: %s%s\n", failure.text, text_stop(failure.text));
        return EXIT_FAILED;
    }
    if (o->json)
        print_objects(entries, n);
    else
        print_table(entries, n, isatty(STDOUT_FILENO) ? progress_columns(stdout) : 0, "\n");
    registry_list_free(entries, n);
    return EXIT_OK;
}

const struct verb verb_top = {
    .name = "top",
    .arguments = "",
    .summary = "show the VMs that leave this host and arrive at it",
    .details = "On a terminal, again and again until Ctrl-C.  DOWNTIME is how long the VM would stand still if it\n"
               "were stopped now.",
    .min_args = 0,
    .max_args = 0,
    .options = options,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run_top,
};
