/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The event loop of a verb. */
#ifndef XLMIG_BASE_LOOP_H
#define XLMIG_BASE_LOOP_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

/*
 * A loop that takes any descriptor, regular files too (epoll does not), and
 * hands the signals of loop_watch_signals() on before all else.  NULL: no memory.
 */
struct event_base *loop_new(void);

/* Until *over, or until nothing can come any more. */
void loop_run(struct event_base *base, const bool *over);

/* From within, for good: what came in the same turn is not handled any more, so that nothing revives what is over. */
void loop_end(struct event_base *base, bool *over);

static inline struct timeval us_to_timeval(uint64_t us)
{
    return (struct timeval){ .tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000) };
}

/*
 * The signals by which an administrator stops a verb: SIGINT, SIGTERM and,
 * unless nohup(1), a shell's & or the like had them ignored, SIGHUP and SIGQUIT
 * (Ctrl-\, which would leave a VM as it happens to be).  -1: no memory.
 */
#define LOOP_NR_SIGNALS 4
int loop_watch_signals(struct event_base *base, struct event *events[LOOP_NR_SIGNALS], event_callback_fn fn,
                       void *user);
/* Idempotent. */
void loop_unwatch_signals(struct event *events[LOOP_NR_SIGNALS]);

/*
 * Ctrl-Z stops the process as ever, but only where may_stop() says so, and that
 * it is asked after everything that had come before was handled: a guest that
 * was asked to suspend must not wait for `fg`.  NULL: Ctrl-Z is ignored anyway,
 * or no memory.
 */
struct event *loop_watch_stop(struct event_base *base, bool (*may_stop)(void *user), void *user);
void loop_unwatch_stop(struct event *event);

/*
 * A process to which Ctrl-C or Ctrl-\ came, and that has undone everything, ends
 * by SIGINT, so that a shell's loop over many VMs ends with it.  Returns where
 * neither came, or where SIGINT was ignored from the start.
 */
void loop_end_as_interrupted(void);

/* Monotonic clock. */
uint64_t now_us(void);

#endif
