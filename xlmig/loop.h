/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event loop of a verb. */
#ifndef XLMIG_LOOP_H
#define XLMIG_LOOP_H

#include <event2/event.h>
#include <stdint.h>
#include <sys/time.h>

/* A loop that takes any descriptor, regular files too (epoll does not).  NULL: no memory. */
struct event_base *loop_new(void);

static inline struct timeval us_to_timeval(uint64_t us)
{
    return (struct timeval){ .tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000) };
}

/* Monotonic clock. */
uint64_t now_us(void);

#endif
