/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the administrator sees while a VM is copied, and at the end. */
#ifndef XLMIG_WATCH_PROGRESS_H
#define XLMIG_WATCH_PROGRESS_H

#include "xlmig/watch/move.h"

#include <stdbool.h>
#include <stdio.h>

enum progress_style {
    PROGRESS_QUIET,
    PROGRESS_LINES,    /* a line a round */
    PROGRESS_NAMED,    /* that, each with the VM's name: beside others in one terminal */
    PROGRESS_TERMINAL, /* a few lines, repainted */
    PROGRESS_JSON,     /* events, one JSON object a line, on stdout */
};

enum progress_style progress_choose(bool quiet, bool json);

struct progress {
    enum progress_style style;
    FILE *out;
    bool colours;
    unsigned lines_open;   /* that stand on the terminal and will be repainted */
    uint64_t last_shown_us;
    unsigned nr_waits;     /* ticks that it waits for the same */
    struct move move;        /* all that is known of it */
    uint64_t ended_us;             /* now_us(); 0: not yet */
    uint64_t suspended_at_us;      /* when the guest was suspended, as far as known; 0: not known */
    uint64_t running_again_us;     /* when it ran again, here or there */
};

void progress_init(struct progress *progress, enum progress_style style, FILE *out);
/* An event of the engine. */
void progress_event(struct progress *progress, const struct helper_event *event);
/* The copy is over, with or without events: the guest is suspended. */
void progress_copied(struct progress *progress);
/*
 * Time went by; to be called so often.  `waits`: what is waited for beside the copy, "waiting for hostb to answer", or "".
 * A terminal shows it, and that time goes on; lines tell it once it takes long.
 */
#define PROGRESS_TICKS_A_SECOND 2u
void progress_tick(struct progress *progress, const char *waits);
/* Of a terminal, less the last one; some 80 of what is none. */
unsigned progress_columns(FILE *out);
/* Take away what stands on the terminal. */
void progress_erase(struct progress *progress);
/* A line for the administrator: "handing over". */
void progress_note(struct progress *progress, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Let what stands on the terminal stand, before anything else is printed. */
void progress_break(struct progress *progress);
/* The closing report of something that worked: "sent web1 to hostb". */
void progress_report(struct progress *progress, const char *headline);
/* As JSON, whatever became of it instead ("refused", "undone", ...), and why; people are told by the caller. */
void progress_failed(struct progress *progress, const char *outcome, const char *text);
/* The same before there is a progress. */
void progress_refused(enum progress_style style, enum move_way way, const char *vm, const char *text);
/* The figures of an end, good or bad. */
struct move_result progress_result(const struct progress *progress, const char *outcome, bool ok, const char *text);

#endif
