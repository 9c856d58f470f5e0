/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What of a guest is to be sent again: the map of it, and the dirty log that it is filled from.
 *
 *   open; [begin; (peek; ... collect CLEAN)*; collect FINAL]; end; dispose
 *
 * The part in brackets is for a guest that runs while it is copied; without it
 * there is a map and no log.  The log is Xen's and, where the guest has a device
 * model, also that one's.  Xen has one log a guest and no lock for it: log-guard.h
 * has how a stranger is noticed.  Every call is made by save.c's own thread.
 *
 * Where a guest can gain or lose memory without a mark (guest.h: memory_pages),
 * its size is watched here, too.
 */
#ifndef LIBXCSAVE_SAVE_DIRTY_LOG_H
#define LIBXCSAVE_SAVE_DIRTY_LOG_H

#include "libxcsave/guest.h"
#include "libxcsave/save/log-guard.h"

struct dirty_log {
    struct xcsave_guest *guest;
    const struct xcsave_callbacks *callbacks; /* note() and emulator_logdirty(), both optional */

    uint64_t nr_pfns;           /* size of the pfn space as of the last look */
    uint64_t *map;              /* of nr_pfns: to send in the round at hand; anybody may set and clear */
    uint64_t memory_pages;      /* as of the last look; 0: not to be known */
    bool memory_changed;        /* since the log was cleaned last */

    bool on;
    bool emulator_on;
    struct log_guard guard;
};

/* What one reading of the log found. */
struct dirty_look {
    uint64_t pages;             /* that the guest dirtied since the log was cleaned */
    uint64_t log_us;            /* that the reading took */
    uint64_t at_us;             /* when it was over, by monotonic_us() */
};

/*
 * The map is empty.  `log` is zeroed before; guest and callbacks outlive it.
 * -1: see error; end and dispose may be called all the same.
 */
int dirty_log_open(struct dirty_log *log, struct xcsave_guest *guest, const struct xcsave_callbacks *callbacks,
                   struct xcsave_error *error);

/*
 * From now on what the guest and its device model write to is logged, and a
 * stranger noticed; where that cannot be, note() says so.  -1: see error; what
 * is on by then is for end.
 */
int dirty_log_begin(struct dirty_log *log, bool has_emulator, struct xcsave_error *error);

/* Read the log and leave it as it is; the map, too.  -1 also where a stranger took the log (errnum EBUSY). */
int dirty_log_peek(struct dirty_log *log, struct dirty_look *look, struct xcsave_error *error);

/*
 * Add what is in the log to the map: GUEST_DIRTY_CLEAN and clean the log, or
 * GUEST_DIRTY_FINAL.  -1 also where a stranger took the log (errnum EBUSY),
 * which is then not cleaned.
 */
int dirty_log_collect(struct dirty_log *log, enum guest_dirty_op op, struct dirty_look *look,
                      struct xcsave_error *error);

/* Pages of the map that the guest made dirty: the guard's own page does not count, though it is sent. */
uint64_t dirty_log_count(const struct dirty_log *log);

/* Ask for the size of the pfn space.  Whatever is new in it is dirty. */
int dirty_log_follow_growth(struct dirty_log *log, struct xcsave_error *error);

/*
 * A page that came and was sent before the guest wrote to it is stale, and
 * neither the dirty log nor a count of pages at the end says so.  That memory
 * came or went can be seen, if one looks often.
 */
int dirty_log_watch_memory(struct dirty_log *log, struct xcsave_error *error);

/* Did memory come or go since the last time?  Then all of it is to be sent again, and is in the map. */
bool dirty_log_take_memory_change(struct dirty_log *log);

/*
 * Log nothing any more, in Xen and in the device model; idempotent.  But a log
 * that another save took is left to that one if he still needs it, and where that is
 * not to be known.
 */
int dirty_log_end(struct dirty_log *log, struct xcsave_error *error);

/* Frees the map; idempotent. */
void dirty_log_dispose(struct dirty_log *log);

#endif
