/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig top: every move that runs on this host. */
#include "config.h"

#include "xlmig/peer/messages.h"
#include "xlmig/watch/display.h"
#include "xlmig/watch/progress.h"
#include "xlmig/watch/socket.h"
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
    { .name = "interval", .short_name = 'd', .kind = OPTION_DURATION, .argument = "TIME",
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
    clean_text(buffer);
    return buffer;
}

static const char *rate(double bytes, char *buffer, size_t size)
{
    char text[32];

    snprintf(buffer, size, "%s/s", format_bytes(bytes, text, sizeof text));
    return buffer;
}

static void print_entry(const struct registry_entry *entry)
{
    char vm[24], to[24], phase[16], state[48], clock[16], downtime[32] = "-", eta[16] = "-";
    char sent[32], sends[40], writes[40];
    struct json_object *o = entry->status;

    text(o, "phase", phase, sizeof phase);
    if (strcmp(phase, "precopy") == 0)
        snprintf(state, sizeof state, "round %u", (unsigned)number(o, "round"));
    else if (phase[0] && strcmp(phase, "done") != 0)
        snprintf(state, sizeof state, "%s", phase);
    else
        text(o, "state", state, sizeof state);
    if (number(o, "predicted_us"))
        format_us(number(o, "predicted_us"), downtime, sizeof downtime);
    if (number(o, "eta_us"))
        display_clock(number(o, "eta_us"), eta, sizeof eta);
    printf("%-10s %-16.16s %-16.16s %-14.14s %8s %10s %12s %12s %10s %8s", entry->id, text(o, "vm", vm, sizeof vm),
           text(o, "to", to, sizeof to), state, display_clock(number(o, "elapsed_us"), clock, sizeof clock),
           format_bytes((double)number(o, "bytes"), sent, sizeof sent),
           rate((double)number(o, "bytes_per_s"), sends, sizeof sends),
           rate((double)number(o, "dirty_per_s") * PAGE_BYTES, writes, sizeof writes),
           downtime, eta);
    if (number(o, "throttle"))
        printf("  slowed by %u%%", (unsigned)number(o, "throttle"));
}

static void print_table(const struct registry_entry *entries, size_t n, const char *line_end)
{
    printf("%-10s %-16s %-16s %-14s %8s %10s %12s %12s %10s %8s%s", "ID", "VM", "TO", "STATE", "TIME", "SENT", "RATE",
           "VM WRITES", "DOWNTIME", "LEFT", line_end);
    for (size_t i = 0; i < n; i++) {
        print_entry(&entries[i]);
        fputs(line_end, stdout);
    }
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
        print_table(entries, n, "\033[K\n");
        if (n == 0)
            fputs("no VM is being sent\033[K\n", stdout);
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
        fprintf(stderr, "xlmig: %s%s\n", failure.text, text_stop(failure.text));
        return EXIT_FAILED;
    }
    if (o->json)
        print_objects(entries, n);
    else
        print_table(entries, n, "\n");
    registry_list_free(entries, n);
    return EXIT_OK;
}

const struct verb verb_top = {
    .name = "top",
    .arguments = "",
    .summary = "show the VMs that are being sent from this host",
    .details = "On a terminal, again and again until Ctrl-C.  DOWNTIME is how long the VM would stand still if it\n"
               "were stopped now.",
    .min_args = 0,
    .max_args = 0,
    .options = options,
    .defaults = &defaults,
    .options_size = sizeof defaults,
    .run = run_top,
};
