/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/peer/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define CIPHER "TLS_AES_128_GCM_SHA256" /* the fastest by far where there are AES instructions */

struct tls_context {
    SSL_CTX *ctx;
    char identity[CHANNEL_NAME_BYTES]; /* goes over the wire in the clear: not the token */
    uint8_t key[MESSAGE_KEY_BYTES];
};

static const struct tls_context *context_of(const SSL *ssl)
{
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* The key as what OpenSSL takes for a session of TLS 1.3.  NULL: out of memory. */
static SSL_SESSION *session_of(SSL *ssl, const struct tls_context *context)
{
    static const unsigned char suite[] = { 0x13, 0x01 }; /* RFC 8446, B.4: that of CIPHER */
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
    SSL_SESSION *session = SSL_SESSION_new();

    if (session && cipher && SSL_SESSION_set1_master_key(session, context->key, sizeof context->key) &&
        SSL_SESSION_set_cipher(session, cipher) && SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
        return session;
    SSL_SESSION_free(session);
    return NULL;
}

static int offer_key(SSL *ssl, const EVP_MD *md, const unsigned char **identity, size_t *len, SSL_SESSION **session)
{
    const struct tls_context *context = context_of(ssl);

    (void)md; /* one cipher suite, one digest */
    *session = session_of(ssl, context);
    *identity = (const unsigned char *)context->identity;
    *len = strlen(context->identity);
    return *session != NULL;
}

static int find_key(SSL *ssl, const unsigned char *identity, size_t len, SSL_SESSION **session)
{
    const struct tls_context *context = context_of(ssl);

    *session = NULL; /* of another migration: no key, and without one no cipher suite in common */
    if (len != strlen(context->identity) || memcmp(identity, context->identity, len) != 0)
        return 1;
    *session = session_of(ssl, context);
    return *session != NULL;
}

static int configure(SSL_CTX *ctx, bool server, bool kernel)
{
    SSL_CTX_set_options(ctx, (kernel ? SSL_OP_ENABLE_KTLS : 0) | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    if (server)
        SSL_CTX_set_psk_find_session_callback(ctx, find_key);
    else
        SSL_CTX_set_psk_use_session_callback(ctx, offer_key);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) && SSL_CTX_set_ciphersuites(ctx, CIPHER) &&
                   SSL_CTX_set_num_tickets(ctx, 0)
               ? 0 : -1;
}

struct tls_context *tls_context_new(bool server, bool kernel, const uint8_t token[MIGRATION_TOKEN_BYTES],
                                    const uint8_t key[MESSAGE_KEY_BYTES], struct failure *failure)
{
    struct tls_context *context = calloc(1, sizeof *context);

    if (context)
        context->ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (!context || !context->ctx || configure(context->ctx, server, kernel) < 0) {
        failure_set(failure, "OpenSSL cannot be set up for TLS 1.3 with a shared key");
        tls_context_free(context);
        return NULL;
    }
    channel_public_name(token, context->identity);
    memcpy(context->key, key, sizeof context->key);
    SSL_CTX_set_app_data(context->ctx, context);
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ctx);
    OPENSSL_cleanse(context->key, sizeof context->key);
    free(context);
}

SSL *tls_open(struct tls_context *context, int socket_fd)
{
    SSL *ssl = SSL_new(context->ctx);

    if (ssl && SSL_set_fd(ssl, socket_fd) == 1) {
        if (SSL_is_server(ssl))
            SSL_set_accept_state(ssl);
        else
            SSL_set_connect_state(ssl);
        return ssl;
    }
    SSL_free(ssl);
    return NULL;
}

enum tls_need tls_need(SSL *ssl, int r, struct failure *failure)
{
    enum tls_need need = TLS_FAILED;
    int errnum = errno;
    unsigned long error;

    switch (SSL_get_error(ssl, r)) {
    case SSL_ERROR_NONE:
        return TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return TLS_NEEDS_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_NEEDS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        failure_set(failure, "the other side ended it");
        need = TLS_LOST;
        break;
    case SSL_ERROR_SYSCALL:
        failure_set(failure, "%s", errnum ? strerror(errnum) : "the other side hung up");
        need = TLS_LOST;
        break;
    default:
        error = ERR_peek_error();
        if (ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            need = TLS_LOST;
        failure_set(failure, "TLS: %s", error && ERR_reason_error_string(error) ? ERR_reason_error_string(error)
                                                                                : "protocol error");
    }
    ERR_clear_error();
    return need;
}

enum tls_need tls_handshake(SSL *ssl, struct failure *failure)
{
    ERR_clear_error();
    errno = 0;
    return tls_need(ssl, SSL_do_handshake(ssl), failure);
}
