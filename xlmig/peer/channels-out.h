/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The further connections of one migration, at its sender: the same command
 * again for each (ssh, exec), which is told JOIN; or TCP or TLS to where the
 * receiver listens.
 *
 *   open -> gathered -> name -> invite (the receiver waits for them) -> ready -> close
 *
 * Commands are run few at a time: sshd turns away who comes when too many others have not logged in yet. TCP and TLS
 * are connected after the invitation; there `gathered` does not come, and is not to be waited for.
 *
 * A connection that fails is told by `lost`, as soon as the loop hears of it; the
 * save helper, which writes to it, may notice first: then send_channels_lost()
 * looks at once.
 */
#ifndef XLMIG_PEER_CHANNELS_OUT_H
#define XLMIG_PEER_CHANNELS_OUT_H

#include "xlmig/peer/peer.h"

struct send_channels;

struct send_channels_spec {
    struct message_begin begin;          /* what the receiver is to be told; inline: as far as send_channels_name() */
    const struct transport_spec *commands; /* inline: by channel, what leads there; there until `gathered` */
    bool may_be_fewer;                   /* inline: a channel that cannot be had is done without */
    uint64_t patience_us;                /* inline: until `gathered`, or `lost` */
    struct message_hello own_hello;
    const char *way;                     /* for messages: "ssh hostb" */
    uint64_t rejoin_us;                  /* where `begin` has lost connections replaced: how long that may take */
};

/* From the loop, or from within send_channels_invite().  The channels may not be closed from within. */
struct send_channels_callbacks {
    void *user;
    void (*gathered)(void *user);               /* inline: all have greeted that are to; once */
    void (*ready)(void *user);                  /* all are taken; once */
    void (*lost)(void *user, const char *text); /* once: "channel 3 of 4 (ssh hostb) was lost: ..." */
    void (*replaced)(void *user, const char *text); /* "channel 3 of 4 (...) was lost and replaced: ..." */
    void (*note)(void *user, const char *line); /* what a command said */
};

/* NULL: see failure. */
struct send_channels *send_channels_open(struct event_base *base, const struct send_channels_spec *spec,
                                         const struct send_channels_callbacks *callbacks, struct failure *failure);

/* Inline: how many channels there are by now, the first one among them. */
unsigned send_channels_count(const struct send_channels *channels);
/* Inline, while not `gathered`: it is, with those that have greeted, if it may be fewer.  false: it may not. */
bool send_channels_go_on(struct send_channels *channels);
/* Inline, once `gathered`: what the receiver is told. */
void send_channels_name(struct send_channels *channels, const struct message_begin *begin);

/* The receiver waits, and there.  A connection (tcp, tls) that ends before the receiver has all is opened anew, a few times. */
void send_channels_invite(struct send_channels *channels, const struct message_channels *where);

/*
 * The receiver has all, and the first octet follows: from now on none is opened anew, unless `begin` has lost ones
 * replaced.  false: one was lost just now; `lost` has been called.
 */
bool send_channels_settle(struct send_channels *channels);

/* The guest stands still: from now on a lost connection is replaced within five seconds, or not at all. */
void send_channels_hurry(struct send_channels *channels);

/* Descriptors by channel, to write to; channel 0 of an inline migration is -1. */
const int *send_channels_fds(const struct send_channels *channels);

/* The first that is not there yet: "channel 3 of 4 (ssh hostb)".  Empty: all are. */
void send_channels_missing(const struct send_channels *channels, char *text, size_t size);

/* "4 channels (tls 192.0.2.2 port 4711, by the kernel)" */
void send_channels_describe(const struct send_channels *channels, char *text, size_t size);

/* Was one lost?  The text is as for `lost`. */
bool send_channels_lost(struct send_channels *channels, char *text, size_t size);

/* No more will be written: the receiver sees the end of each. */
void send_channels_hang_up(struct send_channels *channels);
/* NULL is fine. */
void send_channels_close(struct send_channels *channels);

#endif
