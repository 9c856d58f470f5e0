/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/clock.h"
#include "libxcsave/save/dirty-log.h"

static int no_room(uint64_t nr_pfns, struct xcsave_error *error)
{
    return xcsave_fail(error, ENOMEM, "a bitmap of %llu pages", (unsigned long long)nr_pfns);
}

static void note(const struct dirty_log *log, const char *text)
{
    if (log->callbacks->note)
        log->callbacks->note(log->callbacks->user, text);
}

/* ---- the guest's size ---- */

static int look_at_memory(const struct dirty_log *log, uint64_t *nr_pages, struct xcsave_error *error)
{
    return log->guest->save->memory_pages(log->guest, nr_pages, error);
}

int dirty_log_watch_memory(struct dirty_log *log, struct xcsave_error *error)
{
    uint64_t nr_pages;

    if (look_at_memory(log, &nr_pages, error))
        return -1;
    log->memory_changed |= nr_pages != log->memory_pages;
    log->memory_pages = nr_pages;
    return 0;
}

bool dirty_log_take_memory_change(struct dirty_log *log)
{
    if (!log->memory_changed)
        return false;
    log->memory_changed = false;
    note(log, "the guest gained or lost memory: sending all of it again");
    bitmap_set_range(log->map, 0, log->nr_pfns);
    return true;
}

int dirty_log_follow_growth(struct dirty_log *log, struct xcsave_error *error)
{
    uint64_t nr_pfns, *map;

    if (log->guest->save->nr_pfns(log->guest, &nr_pfns, error))
        return -1;
    if (nr_pfns <= log->nr_pfns)
        return 0;

    map = realloc(log->map, bitmap_words(nr_pfns) * sizeof(*map));
    if (!map)
        return no_room(nr_pfns, error);
    memset(map + bitmap_words(log->nr_pfns), 0,
           (bitmap_words(nr_pfns) - bitmap_words(log->nr_pfns)) * sizeof(*map));
    bitmap_set_range(map, log->nr_pfns, nr_pfns);
    log->map = map;
    log->nr_pfns = nr_pfns;
    return 0;
}

/* ---- reading the log ---- */

/* The log in a bitmap of its own, which is the caller's; NULL: failed. */
static uint64_t *read_log(struct dirty_log *log, enum guest_dirty_op op, struct dirty_look *look,
                          struct xcsave_error *error)
{
    uint64_t *found = malloc(bitmap_words(log->nr_pfns) * sizeof(*found));
    uint64_t begin_us = monotonic_us();

    if (!found) {
        no_room(log->nr_pfns, error);
        return NULL;
    }
    if (log->guest->save->logdirty_read(log->guest, op, found, log->nr_pfns, error) ||
        log_guard_check(&log->guard, found, error)) {
        free(found);
        return NULL;
    }
    look->at_us = monotonic_us();
    look->log_us = look->at_us - begin_us;
    look->pages = log_guard_count(&log->guard, found, log->nr_pfns);
    return found;
}

int dirty_log_peek(struct dirty_log *log, struct dirty_look *look, struct xcsave_error *error)
{
    uint64_t *found = read_log(log, GUEST_DIRTY_PEEK, look, error);

    if (!found)
        return -1;
    free(found);
    return 0;
}

/* A log that is another's by now would lose what is dirty for him. */
static int look_before_cleaning(struct dirty_log *log, struct xcsave_error *error)
{
    struct dirty_look look;

    return log->guard.on ? dirty_log_peek(log, &look, error) : 0;
}

int dirty_log_collect(struct dirty_log *log, enum guest_dirty_op op, struct dirty_look *look,
                      struct xcsave_error *error)
{
    uint64_t *found;

    if (op == GUEST_DIRTY_CLEAN && look_before_cleaning(log, error))
        return -1;
    found = read_log(log, op, look, error);
    if (!found)
        return -1;
    bitmap_or(log->map, found, bitmap_words(log->nr_pfns));
    free(found);
    return op == GUEST_DIRTY_CLEAN ? log_guard_mark(&log->guard, log->guest, log->nr_pfns, error) : 0;
}

uint64_t dirty_log_count(const struct dirty_log *log)
{
    return log_guard_count(&log->guard, log->map, log->nr_pfns);
}

/* ---- from begin to end ---- */

int dirty_log_open(struct dirty_log *log, struct xcsave_guest *guest, const struct xcsave_callbacks *callbacks,
                   struct xcsave_error *error)
{
    log->guest = guest;
    log->callbacks = callbacks;
    if (guest->save->nr_pfns(guest, &log->nr_pfns, error) || look_at_memory(log, &log->memory_pages, error))
        return -1;
    log->map = calloc(bitmap_words(log->nr_pfns), sizeof(*log->map));
    return log->map ? 0 : no_room(log->nr_pfns, error);
}

static int enable(struct dirty_log *log, bool has_emulator, struct xcsave_error *error)
{
    if (log->guest->save->logdirty_enable(log->guest, error))
        return -1;
    log->on = true;
    if (!has_emulator || !log->callbacks->emulator_logdirty)
        return 0;
    log->emulator_on = true;
    if (log->callbacks->emulator_logdirty(log->callbacks->user, true))
        return xcsave_fail(error, 0, "the device model did not start to log the pages it writes");
    return 0;
}

/* Does the mark show in the log?  The guard in use is off meanwhile, and finds nothing missing. */
static int is_marked(struct dirty_log *log, uint64_t pfn, bool *marked, struct xcsave_error *error)
{
    struct dirty_look look;
    uint64_t *found = read_log(log, GUEST_DIRTY_PEEK, &look, error);

    if (!found)
        return -1;
    *marked = bitmap_test(found, pfn);
    free(found);
    return 0;
}

/* A guard that does not see its own mark would see strangers everywhere. */
static int start_guard(struct dirty_log *log, struct xcsave_error *error)
{
    struct log_guard guard = { .works = true };

    if (log_guard_mark(&guard, log->guest, log->nr_pfns, error) ||
        (guard.on && is_marked(log, guard.pfn, &guard.on, error)))
        return -1;
    guard.works = guard.on;
    log->guard = guard;
    if (!guard.works)
        note(log, "another save or migration of the guest at the same time "
                  "would not be noticed here: do not start one");
    return 0;
}

int dirty_log_begin(struct dirty_log *log, bool has_emulator, struct xcsave_error *error)
{
    return look_at_memory(log, &log->memory_pages, error) || enable(log, has_emulator, error) ||
           start_guard(log, error) ? -1 : 0;
}

/* Taken by another one who still needs it, or may, where that is not to be known. */
static bool is_anothers(const struct dirty_log *log)
{
    return log->guard.taken && log->guest->save->has_other_saver(log->guest);
}

int dirty_log_end(struct dirty_log *log, struct xcsave_error *error)
{
    int rc = 0;

    if (is_anothers(log))
        return 0;
    if (log->emulator_on && log->callbacks->emulator_logdirty(log->callbacks->user, false))
        rc = xcsave_fail(error, 0, "the device model did not stop logging the pages it writes");
    if (log->on && log->guest->save->logdirty_disable(log->guest, error))
        rc = -1;
    log->on = log->emulator_on = false;
    return rc;
}

void dirty_log_dispose(struct dirty_log *log)
{
    free(log->map);
    log->map = NULL;
}
