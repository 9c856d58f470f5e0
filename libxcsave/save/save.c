/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Saving a guest: the algorithm, and nothing that depends on the hypervisor.
 *
 *   headers, static records, opening records
 *   live:  log-dirty on
 *   ready: the caller may confine the process
 *   live:  rounds until the policy says stop
 *   suspend; what is dirty or was put off; vCPUs and platform; END
 *   on every path: log-dirty off, in the device model too, nothing mapped
 *   (but a log that somebody else took, and still needs, is his to end)
 *
 * Invariants.  A pfn whose content may differ from what the stream holds is in
 * the dirty log, in the map that is filled from it (dirty-log.h) or in
 * `deferred`; when the final round ends all three are empty.  A page is mapped
 * no longer than its batch lives, so a frame that the guest gives up or
 * exchanges afterwards cannot be sent stale: the exchange marks the pfn dirty
 * and the next batch maps it anew.  Where a guest can gain or lose memory
 * without a mark (guest.h: memory_pages), every change of its size that is seen
 * between two batches makes all of it dirty.
 */
#include "config.h"

#include <errno.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/clock.h"
#include "libxcsave/knobs.h"
#include "libxcsave/save/dirty-log.h"
#include "libxcsave/save/extents.h"
#include "libxcsave/guest.h"
#include "libxcsave/save/page-sink.h"
#include "libxcsave/save/steering.h"
#include "stream-format/libxc-image.h"

#define PROGRESS_INTERVAL_US 200000
#define HOLD_LOOK_NS 20000000 /* is the stop still held? */

struct save {
    struct xcsave_guest *guest;
    const struct xcsave_save_options *options;
    const struct xcsave_callbacks *callbacks;
    struct xcsave_report *report;
    struct xcsave_progress *progress; /* report->end */
    struct xcsave_error *error;

    struct guest_identity identity;
    struct page_sink *sink;
    struct dirty_log log;
    struct steering steering;

    uint64_t start_us;
    uint64_t shown_us;
    uint64_t suspended_us;
    bool suspended;
    bool scan_ended_early;
};

static void show_progress(struct save *s, bool now)
{
    uint64_t time_us = monotonic_us();

    if (s->sink)
        page_sink_count(s->sink, s->progress);
    s->progress->elapsed_us = time_us - s->start_us;
    if (s->callbacks->progress && (now || time_us - s->shown_us >= PROGRESS_INTERVAL_US)) {
        s->shown_us = time_us;
        s->callbacks->progress(s->callbacks->user, s->progress);
    }
}

static void show_progress_now_and_then(void *user)
{
    show_progress(user, false);
}

static void enter_phase(struct save *s, enum xcsave_phase phase)
{
    s->progress->phase = phase;
    show_progress(s, true);
}

static int emit(void *user, uint32_t type, const void *body, size_t len_bytes)
{
    struct save *s = user;

    return s->sink->ops->record(s->sink, type, body, len_bytes, s->error);
}

static int write_opening(struct save *s)
{
    const struct guest_save_ops *ops = s->guest->save;

    if (s->sink->ops->begin(s->sink, &s->identity, s->error) ||
        ops->static_records(s->guest, emit, s, s->error) || emit(s, STREAM_REC_STATIC_DATA_END, NULL, 0) ||
        ops->opening_records(s->guest, emit, s, s->error) || extents_tell(s->sink, s->error))
        return -1;
    return s->sink->ops->end_round(s->sink, s->error);
}

/* A guest may gain memory while it is copied; whatever lies above the old end was never sent. */
static int follow_growth(struct save *s)
{
    if (dirty_log_follow_growth(&s->log, s->error))
        return -1;
    if (s->log.nr_pfns == s->progress->guest_pages)
        return 0;
    if (page_sink_grow(s->sink, s->log.nr_pfns, s->error))
        return -1;
    s->progress->guest_pages = s->log.nr_pfns;
    return 0;
}

/* Read the dirty log into the map, keeping what is set there already. */
static int collect_dirty(struct save *s, enum guest_dirty_op op)
{
    struct dirty_look look;

    if (dirty_log_collect(&s->log, op, &look, s->error))
        return -1;
    steering_collected(&s->steering, &look);
    return 0;
}

/* While the guest runs: how much has it dirtied since the log was cleaned?  Leaves the log as it is. */
static int look_at_log(struct save *s)
{
    struct dirty_look look;

    if (dirty_log_peek(&s->log, &look, s->error))
        return -1;
    page_sink_count(s->sink, s->progress);
    steering_looked(&s->steering, &look);
    return 0;
}

/* After each batch. */
static int look_around(struct save *s)
{
    if (dirty_log_watch_memory(&s->log, s->error))
        return -1;
    return !s->suspended && s->log.on && steering_look_is_due(&s->steering) ? look_at_log(s) : 0;
}

/* What a round that is cut did not send stays dirty. */
static bool round_is_cut(const struct save *s)
{
    return !s->suspended && steering_is_over(&s->steering);
}

static void begin_round(struct save *s, struct xcsave_round *round, uint64_t nr_pages)
{
    *round = (struct xcsave_round){
        .pages = nr_pages, .bytes = s->sink->ops->bytes(s->sink), .duration_us = monotonic_us(),
    };
    page_sink_count(s->sink, s->progress);
    steering_round_begins(&s->steering);
    s->progress->round++;
    s->progress->round_pages_total = nr_pages;
    s->progress->round_pages_done = 0;
    show_progress(s, true);
}

/* All of it is written; from where it began to what it took. */
static int end_round(struct save *s, struct xcsave_round *round)
{
    /* What is under way is in the way of the end that was asked for. */
    if (s->options->knobs && round_is_cut(s))
        ratelimit_lift(&s->options->knobs->bandwidth);
    if (s->sink->ops->end_round(s->sink, s->error))
        return -1;
    round->bytes = s->sink->ops->bytes(s->sink) - round->bytes;
    round->duration_us = monotonic_us() - round->duration_us;
    page_sink_count(s->sink, s->progress);
    steering_round_ended(&s->steering, round);
    return 0;
}

static int send_batch(struct save *s, const uint64_t *pfns, unsigned n)
{
    return s->sink->ops->batch(s->sink, pfns, n, s->suspended, s->error) || look_around(s) ? -1 : 0;
}

/* Send every page of the map once, and clear it; a round that is cut leaves the rest. */
static int send_dirty(struct save *s, struct xcsave_round *round)
{
    uint64_t pfn = bitmap_next(s->log.map, 0, s->log.nr_pfns);

    begin_round(s, round, bitmap_count(s->log.map, bitmap_words(s->log.nr_pfns)));
    while (pfn < s->log.nr_pfns && !round_is_cut(s)) {
        uint64_t batch[GUEST_BATCH_PAGES];
        unsigned n = 0;

        for (; n < GUEST_BATCH_PAGES && pfn < s->log.nr_pfns; pfn = bitmap_next(s->log.map, pfn + 1, s->log.nr_pfns))
            batch[n++] = pfn;
        if (send_batch(s, batch, n))
            return -1;
        s->progress->round_pages_done += n;
        show_progress(s, false);
    }
    bitmap_clear_up_to(s->log.map, pfn);
    return end_round(s, round);
}

/* Send the pages at [first, end), one batch. */
static int send_run(struct save *s, uint64_t first, uint64_t end)
{
    uint64_t batch[GUEST_BATCH_PAGES];
    unsigned n = 0;

    while (first + n < end) {
        batch[n] = first + n;
        n++;
    }
    if (send_batch(s, batch, n))
        return -1;
    s->progress->round_pages_done = s->sink->nr_known;
    show_progress(s, false);
    return 0;
}

/*
 * Send all of memory.  The pfn space of a PVH guest of 128 MiB has a million
 * holes between its memory and a few pages at the top, and asking Xen about a
 * hole costs more than asking about a page.  So the scan goes up to the first
 * hole of a batch's size and then down from the top, and where the number of
 * pages is known it ends with the last one.
 */
static int send_all(struct save *s, struct xcsave_round *round)
{
    uint64_t nr_present = 0, low = 0, high = s->log.nr_pfns;
    bool upwards = true, cut = false;

    if (s->guest->save->nr_present(s->guest, &nr_present, s->error) < 0)
        return -1;
    begin_round(s, round, nr_present ? nr_present : s->log.nr_pfns);
    while (low < high && !(nr_present && s->sink->nr_known == nr_present) && !(cut = round_is_cut(s))) {
        uint64_t known = s->sink->nr_known;
        uint64_t first = upwards ? low : (high - 1) / GUEST_BATCH_PAGES * GUEST_BATCH_PAGES;
        uint64_t end = high - first < GUEST_BATCH_PAGES ? high : first + GUEST_BATCH_PAGES;

        if (send_run(s, first, end))
            return -1;
        if (upwards)
            low = end;
        else
            high = first;
        upwards = upwards && s->sink->nr_known > known;
    }
    s->scan_ended_early = low < high && !cut; /* what a cut left is dirty, and will be looked at */
    memset(s->log.map, 0, bitmap_words(s->log.nr_pfns) * sizeof(*s->log.map));
    if (cut)
        bitmap_set_range(s->log.map, low, high);
    return end_round(s, round);
}

/*
 * A scan that ended early relies on the dirty log for pages that came or went
 * since.  The guest stands still now, so that the count can tell whether it did.
 */
static int check_all_was_sent(struct save *s)
{
    uint64_t nr_present;
    struct xcsave_round round;

    if (!s->scan_ended_early)
        return 0;
    if (s->guest->save->nr_present(s->guest, &nr_present, s->error) < 0)
        return -1;
    if (nr_present == s->sink->nr_known)
        return 0;
    if (s->callbacks->note)
        s->callbacks->note(s->callbacks->user, "the guest's memory changed behind the dirty log: sending all of it");
    bitmap_set_range(s->log.map, 0, s->log.nr_pfns);
    return send_dirty(s, &round);
}

static void report_round(struct save *s, const struct xcsave_round *round)
{
    if (s->callbacks->round_done)
        s->callbacks->round_done(s->callbacks->user, round, s->suspended);
}

static int check_cancel(struct save *s)
{
    if (xcsave_is_cancelled(s->options->cancel))
        return xcsave_fail(s->error, ECANCELED, "cancelled by request");
    return 0;
}

/* How fast does the guest write, before a copy keeps this host busy? */
static int measure_dirtying(struct save *s)
{
    const struct timespec t = { .tv_nsec = XCSAVE_PEEK_US * 1000 };

    steering_log_begins(&s->steering);
    nanosleep(&t, NULL);
    steering_round_begins(&s->steering);
    return check_cancel(s) || look_at_log(s) ? -1 : 0;
}

/* The guest runs on until whoever holds the stop lets go, which is waited for no longer than is agreed. */
static int await_release(struct save *s)
{
    const struct timespec t = { .tv_nsec = HOLD_LOOK_NS };
    struct xcsave_knobs *knobs = s->options->knobs;
    uint64_t begin_us = monotonic_us();

    while (knobs && knobs_is_held(knobs) && !round_is_cut(s)) {
        if (monotonic_us() - begin_us >= XCSAVE_MAX_HOLD_US)
            xcsave_knobs_release(knobs);
        nanosleep(&t, NULL);
        if (check_cancel(s) || (s->log.on && look_around(s)))
            return -1;
        show_progress(s, false);
    }
    return 0;
}

static int begin_live(struct save *s)
{
    enter_phase(s, XCSAVE_PHASE_PRECOPY);
    steering_begin(&s->steering);
    return dirty_log_begin(&s->log, s->identity.type == STREAM_GUEST_X86_HVM, s->error);
}

static int tell_ready(struct save *s)
{
    return s->callbacks->ready ? s->callbacks->ready(s->callbacks->user, s->error) : 0;
}

/* Copy in rounds while the guest runs.  Leaves in the map what the last look at the log found. */
static int send_memory_live(struct save *s)
{
    struct xcsave_policy_facts facts;
    enum xcsave_decision decision;
    unsigned nr_restarts = 0;

    if (measure_dirtying(s))
        return -1;
    do {
        struct xcsave_round round;
        bool starts_over;

        if ((s->report->precopy_rounds ? send_dirty(s, &round) : send_all(s, &round)) ||
            s->guest->save->layout_records(s->guest, emit, s, s->error) || follow_growth(s) ||
            dirty_log_watch_memory(&s->log, s->error) || collect_dirty(s, GUEST_DIRTY_CLEAN))
            return -1;
        /* What came before the log was cleaned is logged from now on; what comes after it counts for the next round. */
        starts_over = dirty_log_take_memory_change(&s->log);
        nr_restarts += starts_over;
        round.dirtied = dirty_log_count(&s->log);
        s->report->precopy_rounds++;
        report_round(s, &round);

        page_sink_count(s->sink, s->progress);
        facts = steering_facts(&s->steering, round.dirtied);
        facts.restart = starts_over ? nr_restarts : 0;
        facts.last = round;
        decision = steering_decide(&s->steering, facts, s->error);
        if (s->report->reason == XCSAVE_REASON_HELD && await_release(s))
            return -1;
    } while (decision == XCSAVE_CONTINUE);
    return decision == XCSAVE_GIVE_UP ? -1 : 0;
}

static int suspend_guest(struct save *s)
{
    uint64_t asked_us = monotonic_us();

    if (check_cancel(s))
        return -1;
    enter_phase(s, XCSAVE_PHASE_SUSPEND);
    if (s->callbacks->suspend(s->callbacks->user))
        return xcsave_fail(s->error, 0, "the guest was not suspended");
    if (s->guest->save->is_suspended(s->guest, &s->suspended, s->error))
        return -1;
    if (!s->suspended)
        return xcsave_fail(s->error, 0, "the guest stopped, but not by suspending itself");
    s->suspended_us = monotonic_us();
    if (s->options->knobs)
        ratelimit_lift(&s->options->knobs->bandwidth);
    s->report->suspend_us = s->suspended_us - asked_us;
    s->report->suspended_at_us = s->suspended_us;
    return check_cancel(s);
}

/* The guest stands still: everything that the stream does not hold yet. */
static int send_memory_final(struct save *s)
{
    struct xcsave_round round;

    enter_phase(s, XCSAVE_PHASE_FINAL);
    if (s->guest->save->layout_records(s->guest, emit, s, s->error) || follow_growth(s))
        return -1;
    if (s->log.on) {
        if (dirty_log_watch_memory(&s->log, s->error) || collect_dirty(s, GUEST_DIRTY_FINAL))
            return -1;
        dirty_log_take_memory_change(&s->log);
        page_sink_take_deferred(s->sink, s->log.map);
        if (send_dirty(s, &round))
            return -1;
    } else if (send_all(s, &round)) {
        return -1;
    }
    report_round(s, &round);
    if (check_all_was_sent(s))
        return -1;
    s->report->copy_us = monotonic_us() - s->suspended_us;
    return 0;
}

static int send_verification(struct save *s)
{
    struct xcsave_round round;

    if (!s->options->verify || !s->sink->ops->verify)
        return 0;
    bitmap_set_range(s->log.map, 0, s->log.nr_pfns);
    return s->sink->ops->verify(s->sink, s->error) || send_dirty(s, &round) ? -1 : 0;
}

static int send_state(struct save *s)
{
    enter_phase(s, XCSAVE_PHASE_STATE);
    if (s->sink->ops->end_memory(s->sink, s->error) || s->guest->save->state_records(s->guest, emit, s, s->error) ||
        s->sink->ops->end(s->sink, s->error))
        return -1;
    s->report->stopped_us = monotonic_us() - s->suspended_us;
    enter_phase(s, XCSAVE_PHASE_DONE);
    return 0;
}

static int setup(struct save *s)
{
    uint64_t nr_pages;

    if (s->guest->save->identify(s->guest, &s->identity, s->error) ||
        dirty_log_open(&s->log, s->guest, s->callbacks, s->error))
        return -1;
    nr_pages = s->log.memory_pages ? s->log.memory_pages : s->log.nr_pfns;
    if (s->options->image.image == XCSAVE_IMAGE_V1)
        s->sink = page_sink_open_v1(s->guest, s->options, nr_pages, s->error);
    else
        s->sink = page_sink_open_libxc(s->guest, s->options, s->error);
    if (!s->sink)
        return -1;
    s->sink->waiting = show_progress_now_and_then;
    s->sink->waiting_user = s;
    s->progress->guest_pages = s->log.nr_pfns;
    return page_sink_grow(s->sink, s->log.nr_pfns, s->error);
}

/* Leave the guest as it was found.  A failure here is reported unless there was one before. */
static int cleanup(struct save *s)
{
    int rc;

    steering_let_go(&s->steering);
    rc = dirty_log_end(&s->log, s->error);
    page_sink_close(s->sink);
    dirty_log_dispose(&s->log);
    return rc;
}

static int save_guest(struct save *s)
{
    if (setup(s) || write_opening(s) || (s->options->live && begin_live(s)) || tell_ready(s))
        return -1;
    if (s->options->live ? send_memory_live(s) : await_release(s))
        return -1;
    if (suspend_guest(s) || send_memory_final(s) || send_verification(s))
        return -1;
    return send_state(s);
}

int xcsave_save(struct xcsave_guest *guest, const struct xcsave_save_options *options,
                struct xcsave_report *report, struct xcsave_error *error)
{
    struct save s = {
        .guest = guest,
        .options = options,
        .callbacks = options->callbacks,
        .report = report,
        .progress = &report->end,
        .error = error,
        .start_us = monotonic_us(),
    };
    int rc;

    *report = (struct xcsave_report){ 0 };
    *error = (struct xcsave_error){ 0 };
    steering_init(&s.steering, options, report);
    rc = save_guest(&s);
    show_progress(&s, true);
    if (cleanup(&s))
        rc = -1;
    report->total_us = monotonic_us() - s.start_us;
    return rc;
}
