/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The receiver at the other end of a transport, as the sender sees it: xlmig's
 * control protocol or xl's own, told apart by the banner.
 */
#ifndef XLMIG_PEER_PEER_H
#define XLMIG_PEER_PEER_H

#include "xlmig/peer/messages.h"
#include "xlmig/peer/transport.h"

struct peer;

enum peer_dialect {
    PEER_UNKNOWN,           /* no banner yet */
    PEER_XLMIG,
    PEER_XL,                /* `xl migrate-receive`, or our own receiver in its place */
};

enum peer_event_kind {
    PEER_GREETED,           /* dialect is known; xlmig: after the exchange of hellos */
    PEER_ANSWERED,          /* to the preflight: `answer` */
    PEER_CHANNELS,          /* the other connections may come: `where` */
    PEER_LISTENING,         /* data may flow */
    PEER_DEVICES,           /* those that can be set up early are */
    PEER_READY,             /* everything has arrived */
    PEER_STARTED,
    PEER_NOT_STARTED,       /* `text` */
    PEER_RELEASED,          /* it never ran there, and never will */
    PEER_CLOSED,            /* nothing of it is there (any more) */
    PEER_FAILED,            /* before GO; `text` */
    PEER_TROUBLE,           /* it cannot do now what it was told; `text` */
    PEER_GONE,              /* it was its own, and is gone there: nobody can tell whether it ran; `text` */
    PEER_NOTE,              /* `text`: a line for the administrator */
    PEER_LOST,              /* the connection ended or makes no sense; `text`; the last event */
};

struct peer_event {
    enum peer_event_kind kind;
    const char *text;
    const struct candidate_answer *answer;
    const struct message_channels *where;
};

struct peer_callbacks {
    void *user;
    /* Never called from within a function of this header.  The peer may not be closed from within. */
    void (*event)(void *user, const struct peer_event *event);
};

struct peer *peer_open(struct event_base *base, const struct transport_spec *spec, const struct message_hello *hello,
                       const struct peer_callbacks *callbacks, struct failure *failure);
/* Both: NULL is fine.  The receiver has some seconds to clean up before what leads to it is stopped ... */
void peer_close(struct peer *peer);
/* ... or a moment, where it has nothing to clean up. */
void peer_close_soon(struct peer *peer);

enum peer_dialect peer_dialect(const struct peer *peer);
/* After PEER_LOST without a banner: the other host has no such command. */
bool peer_command_not_found(const struct peer *peer);
/* xlmig: who the other end says it is; else empty. */
const struct message_hello *peer_hello(const struct peer *peer);

/* xlmig only; -1 when it cannot be sent (PEER_LOST follows). */
int peer_ask_preflight(struct peer *peer, const struct candidate *preflight);
int peer_begin(struct peer *peer, const struct message_begin *begin);
/* Be a channel of a migration that another connection began. */
int peer_join(struct peer *peer, const struct message_join *join);

/* Why the connection was lost, when nothing can be written any more; else NULL.  Not only what the loop heard of. */
const char *peer_lost(struct peer *peer);

/* Where data goes, once it listens (xl: once it greeted). */
int peer_data_fd(const struct peer *peer);

/* -1: it cannot have arrived, not even in part.  1: nobody can tell.  xl is told nothing but GO. */
int peer_go(struct peer *peer, const struct message_word *word);
/* xlmig only: any of message_is_word(); -1 when it cannot be sent. */
int peer_say(struct peer *peer, enum message_type type, const struct message_word *word);
void peer_hang_up(struct peer *peer);

#endif
