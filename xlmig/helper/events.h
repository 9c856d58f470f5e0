/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What the engine tells the command while it works.
 *
 * The engine runs in xlmig-save-helper, a child of the toolstack's own making,
 * which can neither call back nor write to a terminal.  It writes one JSON
 * object a line to the socket named in XLMIG_EVENTS_FD, and is told there what to
 * change (command.h):
 *
 *     {"event":"start","mode":"save","domid":3,"pages":32768}
 *     {"event":"progress","phase":"precopy","round":2,"done":512,"total":900,"bytes":1,"pages_sent":1,
 *      "pages_skipped":0,"elapsed_us":12,"dirty":300,"dirty_per_s":2000,"predicted_us":90000,"throttle":0,
 *      "kinds":{"data":[900,3693600],"zero":[100,16]}}            pages and bytes of each kind so far
 *     {"event":"round","round":1,"pages":32768,"bytes":134217728,"us":41000,"dirtied":900,"stopped":false}
 *     {"event":"decision","reason":"fits","stop":true,"throttle":0,"predicted_us":90000,"predicted_suspend_us":1,
 *      "predicted_copy_us":1,"predicted_state_us":1,"needed_bytes_per_s":0}          after each round
 *     {"event":"throttle","throttle":40}                            slow the guest by 40 %, please; 0: let it go
 *     {"event":"note","text":"..."}
 *     {"event":"end","ok":true,"error":"","rounds":3,"bytes":1,"total_us":1,"suspend_us":1,
 *      "suspended_at_us":1,"stopped_us":1,"copy_us":1,"pages_sent":1,"kinds":{},"channels":[1,1],
 *      "extents_1g":0,"extents_1g_named":0,"extents_2m":1,"extents_4k":1,"pages_returned":0} of a restore
 *
 * A line that is too long, no JSON, or of an unknown kind is dropped; a field
 * that is missing or out of range is 0 or "".
 */
#ifndef XLMIG_HELPER_EVENTS_H
#define XLMIG_HELPER_EVENTS_H

#include "xlmig/base/failure.h"
#include "xlmig/helper/command.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELPER_EVENT_LINE_MAX 65536u

enum helper_event_kind {
    HELPER_START,
    HELPER_PROGRESS,
    HELPER_ROUND,
    HELPER_DECISION,
    HELPER_THROTTLE,
    HELPER_NOTE,
    HELPER_END,
};

/* How pages travel, by the engine's names (xcsave_kind_name()). */
enum helper_kind {
    HELPER_KIND_DATA,
    HELPER_KIND_ZERO,
    HELPER_KIND_ABSENT,
    HELPER_KIND_DELTA,
    HELPER_KIND_SAME,
    HELPER_KIND_UNCHANGED,
    HELPER_NR_KINDS,
};
const char *helper_kind_name(enum helper_kind kind);

struct helper_kind_count {
    uint64_t pages, bytes;
};

/* In what pieces a restored VM got its memory: see struct xcsave_extents. */
struct helper_extents {
    uint64_t nr_1g, nr_2m, nr_4k;
    uint64_t named_1g, returned;
};

#define HELPER_CHANNELS_MAX 64u

/* One event; which fields are set follows from the kind. */
struct helper_event {
    enum helper_event_kind kind;
    char phase[16];         /* xcsave_phase_name() */
    char reason[16];        /* xcsave_reason_name() of a decision */
    char text[512];         /* note, or the error of an end that is not ok */
    bool ok;
    bool stopped;           /* the round ran with the guest stopped */
    bool stop;              /* decision: pre-copy ends */
    unsigned round;         /* round and progress: its number; end: how many there were */
    uint64_t pages;         /* start: guest's; round: set out to send */
    uint64_t done, total;   /* pages of this round */
    uint64_t bytes;         /* round: of it; else since the start */
    uint64_t dirtied;
    uint64_t pages_sent, pages_skipped;
    struct helper_extents extents; /* end, of a restore */
    uint64_t us;            /* round: its time; progress: elapsed; end: total */
    uint64_t suspend_us, stopped_us;
    uint64_t copy_us;       /* end: of memory, with the guest stopped */
    uint64_t dirty, dirty_per_s; /* pages */
    uint64_t predicted_us;  /* downtime, if the guest were stopped now; the sum of the three below */
    uint64_t predicted_suspend_us, predicted_copy_us, predicted_state_us;
    uint64_t needed_bytes_per_s; /* with which the downtime would fit; 0: it does, or unknown */
    unsigned throttle;      /* per cent by which the guest is slowed, or is to be */
    struct helper_kind_count kinds[HELPER_NR_KINDS]; /* progress and end: since the start */
    unsigned nr_channels;   /* end */
    uint64_t channels[HELPER_CHANNELS_MAX]; /* bytes of each */
    uint64_t suspended_at_us; /* now_us() of when the guest was suspended: the clock is one for all processes */
};

/* One line, without its newline.  -1: dropped. */
int helper_event_parse(const char *line, size_t len, struct helper_event *event);

/* Reads lines from a descriptor within the event loop. */
struct helper_events;
typedef void helper_event_fn(void *user, const struct helper_event *event);

/*
 * Makes a socket pair.  *write_fd is what the helper gets, inheritable across exec;
 * closing it is the caller's, any time after the helper was started.
 * NULL: errno.
 */
struct helper_events *helper_events_open(struct event_base *base, int *write_fd, helper_event_fn *fn, void *user);
/* Tell the helper.  It may be gone, or foreign and not listen: only what cannot be sent is a failure. */
int helper_events_send(struct helper_events *events, struct helper_command command, struct failure *failure);
/* Deliver what is in the socket still, then close; idempotent, NULL is fine. */
void helper_events_close(struct helper_events *events);

#endif
