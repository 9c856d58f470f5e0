/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * One move as it is seen: what the engine reported, brought into the figures
 * that the display, `xlmig top` and the report all show.
 *
 * Fed with events; asks nobody and prints nothing.  Bounded: of a long move
 * older samples become sparser, and rounds beyond the last RUN_ROUNDS_MAX are
 * counted and not kept.
 */
#ifndef XLMIG_WATCH_MOVE_H
#define XLMIG_WATCH_MOVE_H

#include "xlmig/base/whole-file.h"
#include "xlmig/helper/events.h"

#include <json-c/json.h>
#include <time.h>

#define RUN_SAMPLES_MAX 512u
#define RUN_ROUNDS_MAX 128u

struct move_sample {
    uint64_t at_us;             /* since the start */
    unsigned round, throttle;
    uint64_t bytes;             /* so far */
    uint64_t bytes_per_s;       /* since the sample before */
    uint64_t dirty_per_s, predicted_us;
    uint64_t max_downtime_us, max_bandwidth; /* that held then */
    struct helper_kind_count kinds[HELPER_NR_KINDS]; /* so far */
};

struct move_round {
    unsigned number;
    bool stopped;               /* with the guest stopped */
    uint64_t end_us;            /* since the start */
    uint64_t us, pages, bytes, dirtied;
    uint64_t predicted_us;      /* downtime, had the guest been stopped after it */
    char reason[16];            /* why it was not, or why it was */
};

/* What the command knows beside the engine; strings are copied. */
struct move_limits {
    uint64_t max_downtime_us, max_bandwidth, timeout_us;
    bool force_at_timeout, throttle;
};

/* The limit that holds: the engine has one of its own where none was given (xcsave.h). */
#define MOVE_DEFAULT_DOWNTIME_US 300000u
static inline uint64_t move_max_downtime_us(const struct move_limits *limits)
{
    return limits->max_downtime_us ? limits->max_downtime_us : MOVE_DEFAULT_DOWNTIME_US;
}

/* What becomes of the VM's bytes, as the figures call it. */
enum move_way { MOVE_SENT, MOVE_WRITTEN, MOVE_READ };

struct move {
    enum move_way way;
    char vm[256], from[256], to[256];
    char peer[64];              /* the other side's program; "": not known */
    char options[1024];         /* as they were typed; "": not known */
    uint64_t memory_bytes;
    uint64_t all_bytes;         /* that there are to read; 0: not known */
    char waits[320];            /* what is done beside copying: "waiting for hostb to answer"; "" : nothing that is told */
    struct move_limits limits;
    bool held;                  /* its administrator had paused it: it stood still anyway */
    bool stays_paused;          /* where it arrives */
    bool woken;                 /* it was let run nevertheless, so that it could be suspended */
    uint64_t woken_us;          /* that its vCPUs ran then */
    time_t started_at;          /* by the calendar */
    uint64_t started_us;        /* now_us() */

    struct helper_event now;    /* the last progress; its kind is HELPER_START before the first */
    uint64_t now_us;            /* when it came, since the start */
    uint64_t bytes_per_s;       /* lately */
    uint64_t pages_per_s;       /* of the round at hand, lately */
    unsigned throttle;
    char reason[16];            /* of the last decision */
    struct helper_event stop;   /* the decision that ended pre-copy; kind HELPER_DECISION once it came */
    struct helper_event end;    /* kind HELPER_END once it came */

    unsigned nr_replaced;       /* connections that were lost, and replaced */

    unsigned nr_samples;
    uint64_t sample_every_us;
    struct move_sample samples[RUN_SAMPLES_MAX];
    unsigned nr_rounds;         /* ever; the last RUN_ROUNDS_MAX are kept, number n at n % RUN_ROUNDS_MAX */
    struct move_round rounds[RUN_ROUNDS_MAX];
};

void move_init(struct move *move, uint64_t now_us);
/* An event of the engine that came at now_us. */
void move_event(struct move *move, const struct helper_event *event, uint64_t now_us);

/* Time until the guest is stopped, if rounds go on as this one does, and then the downtime; 0: not known. */
uint64_t move_eta_us(const struct move *move);

/* All is copied that can be, and the other side is not ready for the VM: its devices are not. */
bool move_is_held(const struct move *move);

/* "sent", "written", "read" */
const char *move_way_name(enum move_way way);

/* How it ended, in figures; 0: not known. */
struct move_result {
    const char *outcome;        /* "moved", "undone", ... */
    const char *text;           /* for people */
    bool ok;
    uint64_t total_us, downtime_us;
};

/* What it is now (for `xlmig top`): an object, the caller's. */
struct json_object *move_status_json(const struct move *move, uint64_t now_us);
/* What it was.  `history`: with all rounds and samples, for xlmig report.  The caller's. */
struct json_object *move_report_json(const struct move *move, const struct move_result *result, bool history);
/* To a file that is open, and commits it; the caller closes it.  -1: see failure. */
int move_report_write(const struct move *move, const struct move_result *result, struct whole_file *file,
                     struct failure *failure);

/*
 * Did it stop the guest for longer than it should have been, and what would
 * have been enough?  A sentence, or "".
 */
void move_verdict(const struct move *move, char *text, size_t size);

#endif
