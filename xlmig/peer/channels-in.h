/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The channels of one migration, as they come to its receiver: over TCP or TLS
 * to a port that is open for this alone, or handed over by another `xlmig
 * receive` that was told JOIN, through a socket in this user's runtime directory.
 *
 * Whoever connects has ten seconds to show the token; only so many may be at
 * that at a time, in all and from one source.  Where there are too many, the
 * source that most have come from loses its oldest one, but never one that has
 * shown that it knows the key (tls).  One that does not show the token gets no
 * answer, and a line is logged, of the first hundred.  Nobody is listened to any
 * more once all channels are there; or, where `begin` has lost connections
 * replaced, once receive_channels_rest() says so.
 */
#ifndef XLMIG_PEER_CHANNELS_IN_H
#define XLMIG_PEER_CHANNELS_IN_H

#include "xlmig/base/failure.h"
#include "xlmig/peer/messages.h"

#include <event2/event.h>

struct receive_channels;

struct receive_channels_callbacks {
    void *user;
    /* All are there.  Called once, from the loop. */
    void (*complete)(void *user);
    /* Somebody was turned away: a line for the log. */
    void (*refused)(void *user, const char *text);
};

/*
 * What `begin` names; its address, where it is empty, is `address`.  NULL: see
 * failure.
 */
struct receive_channels *receive_channels_open(struct event_base *base, const struct message_begin *begin,
                                               const char *address, const struct receive_channels_callbacks *callbacks,
                                               struct failure *failure);

/* Where they are to come to. */
void receive_channels_where(const struct receive_channels *channels, struct message_channels *where);

/* Descriptors by channel, to read from; -1: not there, or channel 0 of an inline migration. */
const int *receive_channels_fds(const struct receive_channels *channels);

/* Which channel was lost on its way, and why; "": none that is known of. */
void receive_channels_lost(struct receive_channels *channels, char *text, size_t size);

/* All has come: nobody is listened to any more.  Idempotent; NULL is fine. */
void receive_channels_rest(struct receive_channels *channels);

/* Hang up, on whoever holds a copy of a descriptor too.  NULL is fine. */
void receive_channels_close(struct receive_channels *channels);

#endif
