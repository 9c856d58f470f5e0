/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The event loop of a verb. */
#ifndef XLMIG_BASE_LOOP_H
#define XLMIG_BASE_LOOP_H

#include <event2/event.h>
#include <stdint.h>
#include <sys/time.h>

/* A loop that takes any descriptor, regular files too (epoll does not).  NULL: no memory. */
struct event_base *loop_new(void);

static inline struct timeval us_to_timeval(uint64_t us)
{
    return (struct timeval){ .tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000) };
}

/*
 * The signals by which an administrator stops a verb: SIGINT, SIGTERM and,
 * unless nohup(1) or the like had it ignored, SIGHUP.  -1: no memory.
 */
#define LOOP_NR_SIGNALS 3
int loop_watch_signals(struct event_base *base, struct event *events[LOOP_NR_SIGNALS], event_callback_fn fn,
                       void *user);
/* Idempotent. */
void loop_unwatch_signals(struct event *events[LOOP_NR_SIGNALS]);

/* Monotonic clock. */
uint64_t now_us(void);

#endif
