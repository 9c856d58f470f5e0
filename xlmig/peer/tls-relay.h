/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Between a TLS connection and a save helper, which knows descriptors only: a
 * pipe and a thread that carries its bytes.  Not needed for a direction in which
 * the kernel does TLS: there the socket itself is what the helper gets.
 */
#ifndef XLMIG_PEER_TLS_RELAY_H
#define XLMIG_PEER_TLS_RELAY_H

#include "xlmig/peer/tls.h"

struct tls_relay;

/*
 * Takes `ssl`, whose handshake is done; its socket stays the caller's and must
 * not be closed before tls_relay_stop().  *plain_fd, the caller's, is the
 * helper's end of the pipe.  NULL: see failure; `ssl` is freed.
 */
struct tls_relay *tls_relay_start(SSL *ssl, bool sending, int *plain_fd, struct failure *failure);

/* Why the connection was lost, or NULL while it was not.  The text is valid until tls_relay_stop(). */
const char *tls_relay_lost(struct tls_relay *relay);

/* Readable once it was lost. */
int tls_relay_lost_fd(const struct tls_relay *relay);

/* At once, whatever is still on its way.  NULL is fine. */
void tls_relay_stop(struct tls_relay *relay);

#endif
