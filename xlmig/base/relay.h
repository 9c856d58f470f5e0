/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Moves bytes from one descriptor to another within the event loop, without copying them where the kernel allows it. */
#ifndef XLMIG_BASE_RELAY_H
#define XLMIG_BASE_RELAY_H

#include <event2/event.h>
#include <stddef.h>

struct relay;

enum relay_end {
    RELAY_INPUT_OVER,    /* or it failed: no more will come */
    RELAY_OUTPUT_GONE,   /* nobody reads any more */
};

/* Called once; the relay has stopped. */
typedef void relay_ended(void *user, enum relay_end end);

/* The descriptors stay the caller's.  `to` must be the writing end of a pipe.  NULL: no memory. */
struct relay *relay_start(struct event_base *base, int from, int to, relay_ended *ended, void *user);
/* Before the loop has run: these octets, malloc()ed and the relay's from now on, go before all that comes. */
void relay_begin_with(struct relay *relay, char *first, size_t len);
/* Stop, if it runs still; NULL is fine. */
void relay_free(struct relay *relay);

#endif
