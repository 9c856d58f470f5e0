/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the engine tells the command while it works.
 *
 * The engine runs in xlmig-save-helper, a child of the toolstack's own making,
 * which can neither call back nor write to a terminal.  It writes one JSON
 * object a line to the descriptor named in XLMIG_EVENTS_FD:
 *
 *     {"event":"start","mode":"save","domid":3,"pages":32768}
 *     {"event":"progress","phase":"precopy","round":2,"done":512,"total":900,"bytes":1,"pages_sent":1,
 *      "pages_skipped":0,"elapsed_us":12}
 *     {"event":"round","round":1,"pages":32768,"bytes":134217728,"us":41000,"dirtied":900,"stopped":false}
 *     {"event":"note","text":"..."}
 *     {"event":"end","ok":true,"error":"","rounds":3,"bytes":1,"total_us":1,"suspend_us":1,
 *      "suspended_at_us":1,"stopped_us":1,"pages_sent":1,"superpages":0}
 *
 * A line that is too long, no JSON, or of an unknown kind is dropped; a field
 * that is missing or out of range is 0 or "".
 */
#ifndef XLMIG_HELPER_EVENTS_H
#define XLMIG_HELPER_EVENTS_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELPER_EVENTS_ENV "XLMIG_EVENTS_FD"
#define HELPER_EVENT_LINE_MAX 65536u

enum helper_event_kind {
    HELPER_START,
    HELPER_PROGRESS,
    HELPER_ROUND,
    HELPER_NOTE,
    HELPER_END,
};

/* One event; which fields are set follows from the kind. */
struct helper_event {
    enum helper_event_kind kind;
    char phase[16];         /* xcsave_phase_name() */
    char text[512];         /* note, or the error of an end that is not ok */
    bool ok;
    bool stopped;           /* the round ran with the guest stopped */
    unsigned round;         /* round and progress: its number; end: how many there were */
    uint64_t pages;         /* start: guest's; round: set out to send */
    uint64_t done, total;   /* pages of this round */
    uint64_t bytes;         /* round: of it; else since the start */
    uint64_t dirtied;
    uint64_t pages_sent, pages_skipped, superpages;
    uint64_t us;            /* round: its time; progress: elapsed; end: total */
    uint64_t suspend_us, stopped_us;
    uint64_t suspended_at_us; /* now_us() of when the guest was suspended: the clock is one for all processes */
};

/* One line, without its newline.  -1: dropped. */
int helper_event_parse(const char *line, size_t len, struct helper_event *event);

/* Reads lines from a descriptor within the event loop. */
struct helper_events;
typedef void helper_event_fn(void *user, const struct helper_event *event);

/*
 * Makes a pipe.  *write_fd is what the helper gets, inheritable across exec;
 * closing it is the caller's, any time after the helper was started.
 * NULL: errno.
 */
struct helper_events *helper_events_open(struct event_base *base, int *write_fd, helper_event_fn *fn, void *user);
/* Deliver what is in the pipe still, then close; idempotent, NULL is fine. */
void helper_events_close(struct helper_events *events);

#endif
