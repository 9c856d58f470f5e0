/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Saving a guest: the algorithm, and nothing that depends on the hypervisor.
 *
 *   headers, static records, opening records
 *   live:  log-dirty on; rounds until the policy says stop
 *   suspend; what is dirty or was put off; vCPUs and platform; END
 *   on every path: log-dirty off, in the device model too, nothing mapped
 *   (but a log that somebody else took, and still needs, is his to end)
 *
 * Invariants.  A pfn whose content may differ from what the stream holds is in
 * the dirty log, in `dirty` or in `deferred`; when the final round ends all
 * three are empty.  A page is mapped no longer than its batch lives, so a frame
 * that the guest gives up or exchanges afterwards cannot be sent stale: the
 * exchange marks the pfn dirty and the next batch maps it anew.  Where a guest
 * can gain or lose memory without a mark (guest.h: memory_pages), every change
 * of its size that is seen between two batches makes all of it dirty.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/clock.h"
#include "libxcsave/control.h"
#include "libxcsave/extents.h"
#include "libxcsave/guest.h"
#include "libxcsave/log-guard.h"
#include "libxcsave/pace.h"
#include "libxcsave/page-sink.h"
#include "stream-format/libxc-image.h"

#define PROGRESS_INTERVAL_US 200000
#define HOLD_LOOK_NS 20000000 /* is the stop still held? */
/* A page of zeros, or one that did not change, costs a look at it: this part of what a page with content costs. */
#define CHEAP_PAGES 16

struct save {
    struct xcsave_guest *guest;
    const struct xcsave_save_options *options;
    const struct xcsave_callbacks *callbacks;
    struct xcsave_report *report;
    struct xcsave_progress *progress; /* report->end */
    struct xcsave_error *error;

    struct guest_identity identity;
    struct page_sink *sink;

    uint64_t nr_pfns;
    uint64_t *dirty;            /* to send in the round at hand */
    uint64_t memory_pages;      /* as of the last look; see watch_memory() */
    bool memory_changed;        /* since the dirty log was cleaned last */

    struct log_guard guard;
    struct pace pace;
    struct xcsave_policy_limits limits;
    unsigned throttle;          /* per cent by which the guest is slowed; see set_throttle() */

    uint64_t start_us;
    uint64_t precopy_us;        /* when it began */
    uint64_t round_us;          /* when the round at hand began */
    double round_content;       /* content_pages() at that moment */
    uint64_t shown_us;
    uint64_t suspended_us;
    bool logdirty;
    bool emulator_logdirty;
    bool suspended;
    bool scan_ended_early;
};

static void count_sent(struct save *s)
{
    const struct xcsave_kind_count *kinds = s->progress->kinds;

    s->sink->ops->count(s->sink, s->progress);
    s->progress->bytes = s->sink->ops->bytes(s->sink);
    s->progress->pages_sent = kinds[XCSAVE_KIND_DATA].pages + kinds[XCSAVE_KIND_ZERO].pages +
                              kinds[XCSAVE_KIND_DELTA].pages + kinds[XCSAVE_KIND_SAME].pages;
    s->progress->pages_skipped = kinds[XCSAVE_KIND_ABSENT].pages;
}

static void show_progress(struct save *s, bool now)
{
    uint64_t time_us = clock_us();

    if (s->sink)
        count_sent(s);
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
    const struct guest_ops *ops = s->guest->ops;

    if (s->sink->ops->begin(s->sink, &s->identity, s->error) ||
        ops->static_records(s->guest, emit, s, s->error) || emit(s, STREAM_REC_STATIC_DATA_END, NULL, 0) ||
        ops->opening_records(s->guest, emit, s, s->error) || extents_tell(s->sink, s->error))
        return -1;
    return s->sink->ops->end_round(s->sink, s->error);
}

/* A guest may gain memory while it is copied; whatever lies above the old end was never sent. */
static int follow_growth(struct save *s)
{
    uint64_t nr_pfns;
    uint64_t *dirty;

    if (s->guest->ops->nr_pfns(s->guest, &nr_pfns, s->error))
        return -1;
    if (nr_pfns <= s->nr_pfns)
        return 0;

    dirty = realloc(s->dirty, bitmap_words(nr_pfns) * sizeof(*dirty));
    if (!dirty)
        return xcsave_fail(s->error, ENOMEM, "a bitmap of %llu pages", (unsigned long long)nr_pfns);
    s->dirty = dirty;
    memset(dirty + bitmap_words(s->nr_pfns), 0,
           (bitmap_words(nr_pfns) - bitmap_words(s->nr_pfns)) * sizeof(*dirty));
    bitmap_set_range(dirty, s->nr_pfns, nr_pfns);
    if (page_sink_grow(s->sink, nr_pfns, s->error))
        return -1;
    s->nr_pfns = nr_pfns;
    s->progress->guest_pages = nr_pfns;
    return 0;
}

/* The dirty log in a bitmap of its own, which is the caller's; NULL: failed. */
static uint64_t *read_log(struct save *s, enum guest_dirty_op op, uint64_t *log_us)
{
    uint64_t *log = malloc(bitmap_words(s->nr_pfns) * sizeof(*log));
    uint64_t begin_us = clock_us();

    if (!log) {
        xcsave_fail(s->error, ENOMEM, "a bitmap of %llu pages", (unsigned long long)s->nr_pfns);
        return NULL;
    }
    if (s->guest->ops->logdirty_read(s->guest, op, log, s->nr_pfns, s->error) ||
        log_guard_check(&s->guard, log, s->error)) {
        free(log);
        return NULL;
    }
    *log_us = clock_us() - begin_us;
    return log;
}

/* Before the log is cleaned: one that is another's by now would lose what is dirty for him. */
static int look_before_cleaning(struct save *s)
{
    uint64_t log_us, *log = s->guard.on ? read_log(s, GUEST_DIRTY_PEEK, &log_us) : NULL;

    if (s->guard.on && !log)
        return -1;
    free(log);
    return 0;
}

/* Read the dirty log into `dirty`, keeping what is set there already. */
static int collect_dirty(struct save *s, enum guest_dirty_op op)
{
    size_t words = bitmap_words(s->nr_pfns);
    uint64_t log_us, *log;

    if (op == GUEST_DIRTY_CLEAN && look_before_cleaning(s))
        return -1;
    log = read_log(s, op, &log_us);
    if (!log)
        return -1;
    pace_before_cleaning(&s->pace, clock_us(), log_guard_count(&s->guard, log, s->nr_pfns));
    pace_cleaned(&s->pace, clock_us(), log_us);
    bitmap_or(s->dirty, log, words);
    free(log);
    return op == GUEST_DIRTY_CLEAN ? log_guard_mark(&s->guard, s->guest, s->nr_pfns, s->error) : 0;
}

/* Pages that went out, where those that cost next to nothing count for little. */
static double content_pages(struct save *s)
{
    const struct xcsave_kind_count *kinds = s->progress->kinds;

    count_sent(s);
    return (double)(kinds[XCSAVE_KIND_DATA].pages + kinds[XCSAVE_KIND_DELTA].pages + kinds[XCSAVE_KIND_SAME].pages) +
           (double)(kinds[XCSAVE_KIND_ZERO].pages + kinds[XCSAVE_KIND_UNCHANGED].pages) / CHEAP_PAGES;
}

static struct xcsave_policy_facts gather_facts(struct save *s, uint64_t dirty_pages)
{
    uint64_t time_us = clock_us();

    return (struct xcsave_policy_facts){
        .rounds_done = s->report->precopy_rounds,
        .dirty_pages = dirty_pages,
        .guest_pages = s->nr_pfns,
        .pages_per_s = pace_pages_per_s(&s->pace, content_pages(s) - s->round_content, time_us - s->round_us),
        .bytes_per_s = pace_bytes_per_s(&s->pace),
        .dirty_pages_per_s = s->pace.dirty_pages_per_s,
        .log_us = s->pace.log_us,
        .elapsed_us = time_us - s->precopy_us,
        .throttle = s->throttle,
        .finish_asked = s->options->control && control_finish_asked(s->options->control),
        .held = s->options->control && control_is_held(s->options->control),
    };
}

static struct xcsave_policy_limits limits_now(const struct save *s)
{
    struct xcsave_policy_limits limits = s->limits;

    if (s->options->control)
        limits.max_downtime_us = control_max_downtime_us(s->options->control);
    return limits;
}

/* While the guest runs: how much has it dirtied since the log was cleaned?  Leaves the log as it is. */
static int look_at_log(struct save *s)
{
    uint64_t log_us, unsent = 0, *log = read_log(s, GUEST_DIRTY_PEEK, &log_us);

    if (!log)
        return -1;
    s->progress->dirty_pages = log_guard_count(&s->guard, log, s->nr_pfns);
    free(log);
    pace_looked(&s->pace, clock_us(), s->progress->dirty_pages, log_us);
    s->progress->dirty_pages_per_s = s->pace.dirty_pages_per_s;
    if (s->progress->round_pages_total > s->progress->round_pages_done)
        unsent = s->progress->round_pages_total - s->progress->round_pages_done;
    s->progress->predicted_downtime_us =
        xcsave_precopy_predict(gather_facts(s, unsent + s->progress->dirty_pages), limits_now(s)).downtime_us;
    return 0;
}

static int look_at_memory(struct save *s, uint64_t *nr_pages)
{
    *nr_pages = 0;
    return s->guest->ops->memory_pages ? s->guest->ops->memory_pages(s->guest, nr_pages, s->error) : 0;
}

/*
 * A page that came and was sent before the guest wrote to it is stale, and
 * neither the dirty log nor a count of pages at the end says so.  That memory
 * came or went can be seen, if one looks often.
 */
static int watch_memory(struct save *s)
{
    uint64_t nr_pages;

    if (look_at_memory(s, &nr_pages))
        return -1;
    s->memory_changed |= nr_pages != s->memory_pages;
    s->memory_pages = nr_pages;
    return 0;
}

/* After each batch. */
static int look_around(struct save *s)
{
    if (watch_memory(s))
        return -1;
    return !s->suspended && s->logdirty && pace_look_is_due(&s->pace, clock_us()) ? look_at_log(s) : 0;
}

/* Somebody asked for the end, or the time is up: what the round did not send stays dirty. */
static bool round_is_cut(const struct save *s)
{
    if (s->suspended)
        return false;
    return (s->options->control && control_finish_asked(s->options->control)) ||
           (s->limits.timeout_us && clock_us() - s->precopy_us >= s->limits.timeout_us);
}

/* Did memory come or go?  Then all of it is to be sent again. */
static bool take_memory_change(struct save *s)
{
    if (!s->memory_changed)
        return false;
    s->memory_changed = false;
    if (s->callbacks->note)
        s->callbacks->note(s->callbacks->user, "the guest gained or lost memory: sending all of it again");
    bitmap_set_range(s->dirty, 0, s->nr_pfns);
    return true;
}

static void begin_round(struct save *s, struct xcsave_round *round, uint64_t nr_pages)
{
    *round = (struct xcsave_round){ .pages = nr_pages, .bytes = s->sink->ops->bytes(s->sink), .duration_us = clock_us() };
    s->round_us = round->duration_us;
    s->round_content = content_pages(s);
    s->progress->round++;
    s->progress->round_pages_total = nr_pages;
    s->progress->round_pages_done = 0;
    show_progress(s, true);
}

/* All of it is written; from where it began to what it took. */
static int end_round(struct save *s, struct xcsave_round *round)
{
    /* What is under way is in the way of the end that was asked for. */
    if (s->options->control && round_is_cut(s))
        ratelimit_lift(&s->options->control->bandwidth);
    if (s->sink->ops->end_round(s->sink, s->error))
        return -1;
    round->bytes = s->sink->ops->bytes(s->sink) - round->bytes;
    round->duration_us = clock_us() - round->duration_us;
    pace_sent(&s->pace, content_pages(s) - s->round_content, round->bytes, round->duration_us);
    s->round_us = clock_us();
    s->round_content = content_pages(s);
    return 0;
}

static int send_batch(struct save *s, const uint64_t *pfns, unsigned n)
{
    return s->sink->ops->batch(s->sink, pfns, n, s->suspended, s->error) || look_around(s) ? -1 : 0;
}

/* Send every page of `dirty` once, and clear it; a round that is cut leaves the rest. */
static int send_dirty(struct save *s, struct xcsave_round *round)
{
    uint64_t pfn = bitmap_next(s->dirty, 0, s->nr_pfns);

    begin_round(s, round, bitmap_count(s->dirty, bitmap_words(s->nr_pfns)));
    while (pfn < s->nr_pfns && !round_is_cut(s)) {
        uint64_t batch[GUEST_BATCH_PAGES];
        unsigned n = 0;

        for (; n < GUEST_BATCH_PAGES && pfn < s->nr_pfns; pfn = bitmap_next(s->dirty, pfn + 1, s->nr_pfns))
            batch[n++] = pfn;
        if (send_batch(s, batch, n))
            return -1;
        s->progress->round_pages_done += n;
        show_progress(s, false);
    }
    bitmap_clear_up_to(s->dirty, pfn);
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
    uint64_t nr_present = 0, low = 0, high = s->nr_pfns;
    bool upwards = true, cut = false;

    if (s->guest->ops->nr_present && s->guest->ops->nr_present(s->guest, &nr_present, s->error))
        return -1;
    begin_round(s, round, nr_present ? nr_present : s->nr_pfns);
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
    memset(s->dirty, 0, bitmap_words(s->nr_pfns) * sizeof(*s->dirty));
    if (cut)
        bitmap_set_range(s->dirty, low, high);
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
    if (s->guest->ops->nr_present(s->guest, &nr_present, s->error))
        return -1;
    if (nr_present == s->sink->nr_known)
        return 0;
    if (s->callbacks->note)
        s->callbacks->note(s->callbacks->user, "the guest's memory changed behind the dirty log: sending all of it");
    bitmap_set_range(s->dirty, 0, s->nr_pfns);
    return send_dirty(s, &round);
}

static void report_round(struct save *s, const struct xcsave_round *round)
{
    if (s->callbacks->round_done)
        s->callbacks->round_done(s->callbacks->user, round, s->suspended);
}

static int enable_logdirty(struct save *s)
{
    if (s->guest->ops->logdirty_enable(s->guest, s->error))
        return -1;
    s->logdirty = true;
    if (s->identity.type != STREAM_GUEST_X86_HVM || !s->callbacks->emulator_logdirty)
        return 0;
    s->emulator_logdirty = true;
    if (s->callbacks->emulator_logdirty(s->callbacks->user, true))
        return xcsave_fail(s->error, 0, "the device model did not start to log the pages it writes");
    return 0;
}

/* A guard that does not see its own mark would see strangers everywhere. */
static int start_guard(struct save *s)
{
    struct log_guard guard = { .works = true };
    uint64_t log_us, *log;

    if (log_guard_mark(&guard, s->guest, s->nr_pfns, s->error))
        return -1;
    if (guard.on) {
        log = read_log(s, GUEST_DIRTY_PEEK, &log_us);
        if (!log)
            return -1;
        guard.on = bitmap_test(log, guard.pfn);
        free(log);
    }
    guard.works = guard.on;
    s->guard = guard;
    if (!guard.works && s->callbacks->note)
        s->callbacks->note(s->callbacks->user, "another save or migration of the guest at the same time "
                                               "would not be noticed here: do not start one");
    return 0;
}

static int check_cancel(struct save *s)
{
    if (xcsave_is_cancelled(s->options->cancel))
        return xcsave_fail(s->error, ECANCELED, "cancelled by request");
    return 0;
}

/*
 * Slow the guest down, or let it go: before it is to suspend, because a guest
 * that is slowed suspends slowly.  Who cannot slow it is not asked again.
 */
static void set_throttle(struct save *s, unsigned percent)
{
    if (percent == s->throttle)
        return;
    if (s->callbacks->throttle(s->callbacks->user, percent)) {
        s->limits.throttle = false;
        percent = 0;
    }
    s->throttle = s->progress->throttle = percent;
}

/* How fast does the guest write, before a copy keeps this host busy? */
static int measure_dirtying(struct save *s)
{
    const struct timespec t = { .tv_nsec = XCSAVE_PEEK_US * 1000 };

    pace_cleaned(&s->pace, clock_us(), 0);
    nanosleep(&t, NULL);
    s->round_us = clock_us();
    return check_cancel(s) || look_at_log(s) ? -1 : 0;
}

/* What errno's own words say of it would mislead: nothing is wrong with the connection. */
static void give_up(struct save *s, struct xcsave_policy_facts facts, struct xcsave_prediction prediction)
{
    char needed[96] = "";

    if (prediction.needed_bytes_per_s)
        snprintf(needed, sizeof(needed), ", and %llu MiB/s would let it fit",
                 (unsigned long long)(prediction.needed_bytes_per_s >> 20));
    xcsave_fail(s->error, 0,
                "the copy was not over after %.1f s: the guest dirties %llu MiB/s, the way carries "
                "%llu MiB/s%s; stopped now, it would stand still for about %llu ms",
                (double)facts.elapsed_us / 1e6,
                (unsigned long long)(facts.dirty_pages_per_s * GUEST_PAGE_SIZE >> 20),
                (unsigned long long)(facts.bytes_per_s >> 20), needed,
                (unsigned long long)(prediction.downtime_us / 1000));
    s->error->errnum = ETIMEDOUT;
}

/* After a round.  Carries out what the policy says; XCSAVE_GIVE_UP: failed, see error. */
static enum xcsave_decision decide(struct save *s, struct xcsave_policy_facts facts)
{
    struct xcsave_policy_limits limits = limits_now(s);
    struct xcsave_prediction prediction = xcsave_precopy_predict(facts, limits);
    struct xcsave_verdict verdict = xcsave_precopy_decide(facts, limits);

    s->report->prediction = prediction;
    s->report->reason = verdict.reason;
    s->progress->dirty_pages = facts.dirty_pages;
    s->progress->dirty_pages_per_s = facts.dirty_pages_per_s;
    s->progress->predicted_downtime_us = prediction.downtime_us;
    if (s->callbacks->decided)
        s->callbacks->decided(s->callbacks->user, &verdict, &prediction);
    if (verdict.decision == XCSAVE_GIVE_UP)
        give_up(s, facts, prediction);
    else
        set_throttle(s, verdict.throttle);
    return verdict.decision;
}

/* The guest runs on until whoever holds the stop lets go, which is waited for no longer than is agreed. */
static int await_release(struct save *s)
{
    const struct timespec t = { .tv_nsec = HOLD_LOOK_NS };
    struct xcsave_control *control = s->options->control;
    uint64_t begin_us = clock_us();

    while (control && control_is_held(control) && !round_is_cut(s)) {
        if (clock_us() - begin_us >= XCSAVE_MAX_HOLD_US)
            xcsave_control_release(control);
        nanosleep(&t, NULL);
        if (check_cancel(s) || (s->logdirty && look_around(s)))
            return -1;
        show_progress(s, false);
    }
    return 0;
}

/* Copy in rounds while the guest runs.  Leaves in `dirty` what the last look at the log found. */
static int send_memory_live(struct save *s)
{
    struct xcsave_policy_facts facts = { 0 };
    enum xcsave_decision decision;
    unsigned nr_restarts = 0;

    enter_phase(s, XCSAVE_PHASE_PRECOPY);
    s->precopy_us = clock_us();
    if (look_at_memory(s, &s->memory_pages) || enable_logdirty(s) || start_guard(s) ||
        measure_dirtying(s))
        return -1;
    do {
        struct xcsave_round round;
        bool starts_over;

        if ((s->report->precopy_rounds ? send_dirty(s, &round) : send_all(s, &round)) ||
            s->guest->ops->layout_records(s->guest, emit, s, s->error) || follow_growth(s) ||
            watch_memory(s) || collect_dirty(s, GUEST_DIRTY_CLEAN))
            return -1;
        /* What came before the log was cleaned is logged from now on; what comes after it counts for the next round. */
        starts_over = take_memory_change(s);
        nr_restarts += starts_over;
        round.dirtied = log_guard_count(&s->guard, s->dirty, s->nr_pfns);
        s->report->precopy_rounds++;
        report_round(s, &round);

        facts = gather_facts(s, round.dirtied);
        facts.restart = starts_over ? nr_restarts : 0;
        facts.last = round;
        decision = decide(s, facts);
        if (s->report->reason == XCSAVE_REASON_HELD && await_release(s))
            return -1;
    } while (decision == XCSAVE_CONTINUE);
    return decision == XCSAVE_GIVE_UP ? -1 : 0;
}

static int suspend_guest(struct save *s)
{
    uint64_t asked_us = clock_us();

    if (check_cancel(s))
        return -1;
    enter_phase(s, XCSAVE_PHASE_SUSPEND);
    if (s->callbacks->suspend(s->callbacks->user))
        return xcsave_fail(s->error, 0, "the guest was not suspended");
    if (s->guest->ops->is_suspended(s->guest, &s->suspended, s->error))
        return -1;
    if (!s->suspended)
        return xcsave_fail(s->error, 0, "the guest stopped, but not by suspending itself");
    s->suspended_us = clock_us();
    if (s->options->control)
        ratelimit_lift(&s->options->control->bandwidth);
    s->report->suspend_us = s->suspended_us - asked_us;
    s->report->suspended_at_us = s->suspended_us;
    return check_cancel(s);
}

/* The guest stands still: everything that the stream does not hold yet. */
static int send_memory_final(struct save *s)
{
    struct xcsave_round round;

    enter_phase(s, XCSAVE_PHASE_FINAL);
    if (s->guest->ops->layout_records(s->guest, emit, s, s->error) || follow_growth(s))
        return -1;
    if (s->logdirty) {
        if (watch_memory(s) || collect_dirty(s, GUEST_DIRTY_FINAL))
            return -1;
        take_memory_change(s);
        page_sink_take_deferred(s->sink, s->dirty);
        if (send_dirty(s, &round))
            return -1;
    } else if (send_all(s, &round)) {
        return -1;
    }
    report_round(s, &round);
    if (check_all_was_sent(s))
        return -1;
    s->report->copy_us = clock_us() - s->suspended_us;
    return 0;
}

static int send_verification(struct save *s)
{
    struct xcsave_round round;

    if (!s->options->verify || !s->sink->ops->verify)
        return 0;
    bitmap_set_range(s->dirty, 0, s->nr_pfns);
    return s->sink->ops->verify(s->sink, s->error) || send_dirty(s, &round) ? -1 : 0;
}

static int send_state(struct save *s)
{
    enter_phase(s, XCSAVE_PHASE_STATE);
    if (s->sink->ops->end_memory(s->sink, s->error) || s->guest->ops->state_records(s->guest, emit, s, s->error) ||
        s->sink->ops->end(s->sink, s->error))
        return -1;
    s->report->stopped_us = clock_us() - s->suspended_us;
    enter_phase(s, XCSAVE_PHASE_DONE);
    return 0;
}

static int setup(struct save *s)
{
    const struct guest_ops *ops = s->guest->ops;

    if (ops->identify(s->guest, &s->identity, s->error) || ops->nr_pfns(s->guest, &s->nr_pfns, s->error) ||
        look_at_memory(s, &s->memory_pages))
        return -1;
    if (s->options->image.image == XCSAVE_IMAGE_V1)
        s->sink = page_sink_open_v1(s->guest, s->options, s->memory_pages ? s->memory_pages : s->nr_pfns, s->error);
    else
        s->sink = page_sink_open_libxc(s->guest, s->options, s->error);
    if (!s->sink)
        return -1;
    s->sink->waiting = show_progress_now_and_then;
    s->sink->waiting_user = s;
    s->progress->guest_pages = s->nr_pfns;
    s->dirty = calloc(bitmap_words(s->nr_pfns), sizeof(*s->dirty));
    if (!s->dirty)
        return xcsave_fail(s->error, ENOMEM, "a bitmap of %llu pages", (unsigned long long)s->nr_pfns);
    return page_sink_grow(s->sink, s->nr_pfns, s->error);
}

/* A log that another one took, and still needs, is his to end. */
static bool log_is_anothers(struct save *s)
{
    return s->guard.taken && s->guest->ops->has_other_saver && s->guest->ops->has_other_saver(s->guest);
}

static int end_logdirty(struct save *s)
{
    int rc = 0;

    if (log_is_anothers(s))
        return 0;
    if (s->emulator_logdirty && s->callbacks->emulator_logdirty(s->callbacks->user, false))
        rc = xcsave_fail(s->error, 0, "the device model did not stop logging the pages it writes");
    if (s->logdirty && s->guest->ops->logdirty_disable(s->guest, s->error))
        rc = -1;
    return rc;
}

/* Leave the guest as it was found.  A failure here is reported unless there was one before. */
static int cleanup(struct save *s)
{
    int rc;

    set_throttle(s, 0);
    rc = end_logdirty(s);
    page_sink_close(s->sink);
    free(s->dirty);
    return rc;
}

static int save_guest(struct save *s)
{
    if (setup(s) || write_opening(s))
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
        .limits = options->limits,
        .start_us = clock_us(),
    };
    int rc;

    s.limits.throttle = s.limits.throttle && s.callbacks->throttle;

    *report = (struct xcsave_report){ 0 };
    *error = (struct xcsave_error){ 0 };
    rc = save_guest(&s);
    show_progress(&s, true);
    if (cleanup(&s))
        rc = -1;
    report->total_us = clock_us() - s.start_us;
    return rc;
}
