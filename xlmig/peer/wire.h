/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * One connection of a channel, as the thread of a carrier uses it: octets from a
 * pipe, octets to a pipe, and short words the other way.  Without TLS they are
 * spliced, and no octet is copied; with TLS they go through OpenSSL.
 *
 * Nothing here waits.
 */
#ifndef XLMIG_PEER_WIRE_H
#define XLMIG_PEER_WIRE_H

#include "xlmig/peer/tls.h"

#include <sys/types.h>

struct wire;

/* Takes the socket and `ssl`, whose handshake is done, or NULL: no TLS.  NULL: see failure; both are gone all the same. */
struct wire *wire_new(int socket_fd, SSL *ssl, struct failure *failure);
/* Hangs up.  NULL is fine. */
void wire_free(struct wire *wire);

/* To wait for. */
int wire_fd(const struct wire *wire);
/* Something that was sent still waits for the socket to be writable. */
bool wire_is_behind(const struct wire *wire);

/*
 * As many octets as go at once, from a pipe that holds some, into the
 * connection.  Returns how many left the pipe; 0: wait for the socket to be
 * writable; -1: the connection ended, see failure.
 */
ssize_t wire_send(struct wire *wire, int pipe_fd, struct failure *failure);

/* 1: all that was sent is the kernel's; 0: wait for the socket to be writable; -1: ended, see failure. */
int wire_flush(struct wire *wire, struct failure *failure);

/* From the connection into a pipe; *moved says how many octets. */
enum wire_wait {
    WIRE_MOVED,
    WIRE_WAITS_SOCKET,  /* for it to be readable */
    WIRE_WAITS_PIPE,    /* for room */
    WIRE_ENDED,         /* see failure; what it had brought whole has been moved */
    WIRE_UNREAD,        /* nobody reads the pipe any more */
};
enum wire_wait wire_receive(struct wire *wire, int pipe_fd, size_t *moved, struct failure *failure);

/* A word of a few octets, whole.  -1: the connection ended, or the other side reads none; see failure. */
int wire_say(struct wire *wire, const void *word, size_t len, struct failure *failure);
/* What has come of words.  0: nothing now; -1: the connection ended, see failure. */
ssize_t wire_hear(struct wire *wire, void *words, size_t size, struct failure *failure);

/* No more will be sent: TLS says so. */
void wire_end(struct wire *wire);

#endif
