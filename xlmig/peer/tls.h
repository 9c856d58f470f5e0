/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * TLS 1.3 between two xlmigs with a key that was made for one migration and
 * came over the connection that both trust.  There are no certificates: who has
 * the key is the other side, and nobody else is answered.
 */
#ifndef XLMIG_PEER_TLS_H
#define XLMIG_PEER_TLS_H

#include "xlmig/peer/channel-hello.h"
#include "xlmig/base/failure.h"

#include <openssl/ssl.h>

struct tls_context;

/* `kernel`: let the kernel do it, for a direction in which it can.  NULL: see failure. */
struct tls_context *tls_context_new(bool server, bool kernel, const uint8_t token[MIGRATION_TOKEN_BYTES],
                                    const uint8_t key[MESSAGE_KEY_BYTES], struct failure *failure);
/* NULL is fine.  The key is wiped. */
void tls_context_free(struct tls_context *context);

/* A connection on a socket that does not block and stays the caller's.  NULL: out of memory. */
SSL *tls_open(struct tls_context *context, int socket_fd);

enum tls_need {
    TLS_DONE, TLS_NEEDS_READ, TLS_NEEDS_WRITE,
    TLS_LOST,      /* the connection ended */
    TLS_FAILED,    /* the other side refused, or what it says makes no sense; and all that is ours */
};

/* Go on with the handshake as far as it goes. */
enum tls_need tls_handshake(SSL *ssl, struct failure *failure);

/* What a return value of SSL_read() or SSL_write() asks for. */
enum tls_need tls_need(SSL *ssl, int r, struct failure *failure);

#endif
