/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A saved VM on its way to what restores it, judged by every rule of `xlmig
 * verify` before it gets there.
 *
 * The newest octets are held back until more came that is valid, too, or the
 * input is over and the whole of it valid.  So whoever restores never has the
 * end of an input that is not valid, and without it makes no guest.
 */
#ifndef XLMIG_SAVED_FEED_H
#define XLMIG_SAVED_FEED_H

#include "xlmig/saved/read.h"

#include <event2/event.h>

struct feed;

enum feed_end {
    FEED_OVER,          /* all of it is valid, and was written */
    FEED_OUTPUT_GONE,   /* nobody reads any more */
    FEED_FAILED,        /* not valid, or not to be read: see `why` */
};

/* Called once; the feed has stopped. */
typedef void feed_ended(void *user, enum feed_end end, const struct failure *why);

/*
 * `first`: octets that were read before, the caller's and to stay where they are.  The descriptors stay the caller's;
 * `to` is the writing end of a pipe.  `name`: of the input, for messages.  NULL: see failure; what came first is not
 * valid, or there is no memory.
 */
struct feed *feed_start(struct event_base *base, const char *name, const void *first, size_t len, int from, int to,
                        feed_ended *ended, void *user, struct failure *failure);
/* Stop, if it runs still; NULL is fine. */
void feed_free(struct feed *feed);

#endif
