/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * With TLS the socket is read and written here, many records a system call, and
 * OpenSSL has memory only: each call wakes the other side.
 */
#include "config.h"
#include "xlmig/peer/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPLICE_BYTES (1u << 20)
#define BUFFER_BYTES (1u << 18)
#define UNSENT_WORDS_MAX (1u << 16)

struct wire {
    int fd;
    SSL *ssl;                  /* NULL: no TLS; and nothing of this: */
    BIO *to_ssl, *from_ssl;    /* what of TLS comes from and goes to the socket; ssl's */
    bool broken;               /* said already why */
    size_t nr_sent;            /* of from_ssl */
    size_t at, len;            /* of `plain`: received, and not yet in the pipe */
    unsigned char *plain, *raw;
};

static int detach_from_socket(struct wire *wire)
{
    wire->to_ssl = BIO_new(BIO_s_mem());
    wire->from_ssl = BIO_new(BIO_s_mem());
    wire->plain = malloc(2 * BUFFER_BYTES);
    if (!wire->to_ssl || !wire->from_ssl || !wire->plain) {
        BIO_free(wire->to_ssl);
        BIO_free(wire->from_ssl);
        return -1;
    }
    wire->raw = wire->plain + BUFFER_BYTES;
    SSL_set_bio(wire->ssl, wire->to_ssl, wire->from_ssl);
    return 0;
}

struct wire *wire_new(int socket_fd, SSL *ssl, struct failure *failure)
{
    struct wire *wire = calloc(1, sizeof *wire);

    if (!wire) {
        SSL_free(ssl);
        close(socket_fd);
    } else {
        *wire = (struct wire){ .fd = socket_fd, .ssl = ssl };
        if (!ssl || detach_from_socket(wire) == 0)
            return wire;
        wire_free(wire);
    }
    failure_set(failure, "out of memory");
    return NULL;
}

void wire_free(struct wire *wire)
{
    if (!wire)
        return;
    SSL_free(wire->ssl);
    close(wire->fd);
    free(wire->plain);
    free(wire);
}

int wire_fd(const struct wire *wire)
{
    return wire->fd;
}

static bool would_block(int errnum)
{
    return errnum == EAGAIN || errnum == EINTR;
}

static int ended(ssize_t n, struct failure *failure)
{
    return failure_set(failure, "%s", n < 0 ? strerror(errno) : "the other side hung up");
}

/* ---- TLS ---- */

static size_t unsent(const struct wire *wire)
{
    return wire->ssl ? BIO_ctrl_pending(wire->from_ssl) - wire->nr_sent : 0;
}

bool wire_is_behind(const struct wire *wire)
{
    return unsent(wire) > 0;
}

int wire_flush(struct wire *wire, struct failure *failure)
{
    char *bytes;

    if (wire->broken)
        return failure_set(failure, "it ended");
    while (unsent(wire) > 0) {
        ssize_t n;

        BIO_get_mem_data(wire->from_ssl, &bytes);
        n = send(wire->fd, bytes + wire->nr_sent, unsent(wire), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0)
            return would_block(errno) ? 0 : ended(n, failure);
        wire->nr_sent += (size_t)n;
    }
    if (wire->nr_sent)
        (void)BIO_reset(wire->from_ssl);
    wire->nr_sent = 0;
    return 1;
}

static int encrypt(struct wire *wire, const unsigned char *bytes, size_t len, struct failure *failure)
{
    for (size_t at = 0; at < len;) {
        size_t done = 0;

        ERR_clear_error();
        if (SSL_write_ex(wire->ssl, bytes + at, len - at, &done) != 1)
            return failure_set(failure, "TLS: encryption failed");
        at += done;
    }
    return wire_flush(wire, failure);
}

/* What the socket has of TLS goes to OpenSSL.  0: it has nothing now; -1: it ended. */
static ssize_t read_socket(struct wire *wire, struct failure *failure)
{
    ssize_t n = recv(wire->fd, wire->raw, BUFFER_BYTES, MSG_DONTWAIT);

    if (n > 0)
        return BIO_write(wire->to_ssl, wire->raw, (int)n) == n ? n : failure_set(failure, "out of memory");
    return n < 0 && would_block(errno) ? 0 : ended(n, failure);
}

/* As many whole records as have come, in one piece. */
static int decrypt(struct wire *wire, unsigned char *to, size_t size, size_t *len, struct failure *failure)
{
    enum tls_need need = TLS_DONE;

    *len = 0;
    while (need == TLS_DONE && *len < size) {
        size_t done = 0;
        int r;

        ERR_clear_error();
        errno = 0;
        r = SSL_read_ex(wire->ssl, to + *len, size - *len, &done);
        *len += done;
        need = r == 1 ? TLS_DONE : tls_need(wire->ssl, r, failure);
    }
    return need >= TLS_LOST ? -1 : 0;
}

/* ---- from a pipe ---- */

static ssize_t splice_some(int from, int to)
{
    return splice(from, NULL, to, NULL, SPLICE_BYTES, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
}

ssize_t wire_send(struct wire *wire, int pipe_fd, struct failure *failure)
{
    int rc = wire_flush(wire, failure);
    ssize_t n;

    if (rc <= 0)
        return rc;
    n = wire->ssl ? read(pipe_fd, wire->plain, BUFFER_BYTES) : splice_some(pipe_fd, wire->fd);
    if (n < 0)
        return would_block(errno) ? 0 : ended(n, failure);
    wire->broken = wire->ssl && encrypt(wire, wire->plain, (size_t)n, failure) < 0; /* they may have gone nevertheless */
    return n;
}

void wire_end(struct wire *wire)
{
    struct failure failure = { 0 };

    if (!wire->ssl)
        return;
    SSL_shutdown(wire->ssl);
    wire_flush(wire, &failure);
}

/* ---- into a pipe ---- */

static bool has_room(int pipe_fd)
{
    struct pollfd p = { .fd = pipe_fd, .events = POLLOUT };

    return poll(&p, 1, 0) > 0;
}

static enum wire_wait splice_in(struct wire *wire, int pipe_fd, size_t *moved, struct failure *failure)
{
    ssize_t n = splice_some(wire->fd, pipe_fd);

    if (n > 0) {
        *moved = (size_t)n;
        return WIRE_MOVED;
    }
    if (n < 0 && errno == EPIPE)
        return WIRE_UNREAD;
    if (n < 0 && would_block(errno))
        return has_room(pipe_fd) ? WIRE_WAITS_SOCKET : WIRE_WAITS_PIPE;
    ended(n, failure);
    return WIRE_ENDED;
}

static enum wire_wait pass_on(struct wire *wire, int pipe_fd, size_t *moved)
{
    ssize_t n = write(pipe_fd, wire->plain + wire->at, wire->len - wire->at);

    if (n < 0)
        return would_block(errno) ? WIRE_WAITS_PIPE : WIRE_UNREAD;
    wire->at += (size_t)n;
    *moved = (size_t)n;
    return WIRE_MOVED;
}

static enum wire_wait decrypt_in(struct wire *wire, int pipe_fd, size_t *moved, struct failure *failure)
{
    int rc;

    if (wire->at < wire->len)
        return pass_on(wire, pipe_fd, moved);
    wire->at = 0;
    rc = decrypt(wire, wire->plain, BUFFER_BYTES, &wire->len, failure);
    if (wire->len > 0)
        return pass_on(wire, pipe_fd, moved);
    if (rc == 0) {
        ssize_t n = read_socket(wire, failure);

        if (n >= 0)
            return n > 0 ? WIRE_MOVED : WIRE_WAITS_SOCKET;
    }
    return WIRE_ENDED;
}

enum wire_wait wire_receive(struct wire *wire, int pipe_fd, size_t *moved, struct failure *failure)
{
    *moved = 0;
    return wire->ssl ? decrypt_in(wire, pipe_fd, moved, failure) : splice_in(wire, pipe_fd, moved, failure);
}

/* ---- words ---- */

int wire_say(struct wire *wire, const void *word, size_t len, struct failure *failure)
{
    ssize_t n;

    if (unsent(wire) > UNSENT_WORDS_MAX)
        return failure_set(failure, "the other side does not read what it is told");
    if (wire->ssl)
        return encrypt(wire, word, len, failure) < 0 ? -1 : 0;
    n = send(wire->fd, word, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n == (ssize_t)len ? 0 : ended(n, failure);
}

ssize_t wire_hear(struct wire *wire, void *words, size_t size, struct failure *failure)
{
    ssize_t n;
    size_t len;

    if (!wire->ssl) {
        n = recv(wire->fd, words, size, MSG_DONTWAIT);
        return n > 0 ? n : n < 0 && would_block(errno) ? 0 : ended(n, failure);
    }
    do {
        n = read_socket(wire, failure);
        if (n < 0 || decrypt(wire, words, size, &len, failure) < 0)
            return -1;
    } while (n > 0 && len == 0);
    return (ssize_t)len;
}
