/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * One channel's octets, carried by a thread between the save helper, which has a
 * pipe and knows nothing of connections, and a connection: or, where both sides
 * agreed on that (`lasting`), several connections, one after another.  Then each
 * octet reaches the other helper once and in order, whatever becomes of a
 * connection.  docs/control-protocol.md, "One that is lost", has the octets:
 *
 *   the sender keeps what it was not told to have arrived, in a pipe of a fixed
 *     size (the window), and takes nothing from its helper while that is full;
 *   the receiver says, on the same connection, how many octets of the channel
 *     are in its helper's pipe: at once on each new connection, then as they
 *     come, and every two seconds, so that a connection that fell silent is
 *     known;
 *   the sender, on a new connection, goes on after as many.
 *
 * Who makes and judges connections is the loop's matter (channels-out.h,
 * channels-in.h): the thread says that it lacks one, and is given one.
 */
#ifndef XLMIG_PEER_CARRIER_H
#define XLMIG_PEER_CARRIER_H

#include "xlmig/peer/wire.h"

struct carrier;

struct carrier_spec {
    bool sending;
    bool lasting;
    unsigned window_bytes;        /* 0: CARRIER_WINDOW_BYTES; as near as the kernel allows */
    unsigned silence_us;          /* 0: CARRIER_SILENCE_US */
};

#define CARRIER_WINDOW_BYTES (4u << 20) /* of a user that is not root: 1 MiB */
#define CARRIER_SILENCE_US 10000000u    /* after so long without a word a connection counts as lost */

/*
 * Takes `wire`.  *helper_fd, the caller's, is the helper's end of the pipe.
 * NULL: see failure; `wire` is gone.
 */
struct carrier *carrier_start(const struct carrier_spec *spec, struct wire *wire, int *helper_fd,
                              struct failure *failure);

enum carrier_state {
    CARRIER_GOES,
    CARRIER_LACKS,                /* lasting: the connection ended, and something is to be sent, or may come */
    CARRIER_LOST,                 /* for good */
};
/* And why, unless it goes; and how many octets are known to have arrived (of a sender). */
enum carrier_state carrier_look(struct carrier *carrier, struct failure *why, uint64_t *nr_arrived);

/* An eventfd of the carrier's, readable after each change of its state. */
int carrier_news_fd(const struct carrier *carrier);

/* Lasting: takes `wire` in the place of what it has, whether that ended or not. */
void carrier_replace(struct carrier *carrier, struct wire *wire);

/* At once, whatever is still on its way.  NULL is fine. */
void carrier_stop(struct carrier *carrier);

#endif
