/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The thread owns `ssl` and its end of the pipe from start to end.  What it
 * shares with the caller: `failure`, written before `lost` is set and read only
 * after that; `lost_fd`, which wakes the caller; `stop_fd`, which wakes the thread.
 *
 * It waits without a bound of its own for the helper, which has one, and is
 * stopped by whoever started it.
 */
#include "config.h"
#include "xlmig/peer/tls-relay.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)
#define BUFFER_BYTES (1u << 18) /* many records of TLS a system call: each wakes the other side */

struct tls_relay {
    SSL *ssl;
    BIO *to_ssl, *from_ssl;    /* what of TLS comes from and goes to the socket; ssl's */
    int socket_fd;
    int pipe_fd;               /* the thread's end */
    int stop_fd, lost_fd;      /* eventfds */
    bool sending;
    bool started;
    atomic_bool lost;
    pthread_t thread;
    struct failure failure;
    unsigned char plain[BUFFER_BYTES], raw[BUFFER_BYTES];
};

static void signal_fd(int fd)
{
    const uint64_t one = 1;

    (void)!write(fd, &one, sizeof one); /* an eventfd that is full is signalled already */
}

/* Wait until one of two descriptors (-1: none) is ready.  false: told to stop. */
static bool wait_for(struct tls_relay *relay, int socket_fd, short socket_events, int pipe_fd, short pipe_events)
{
    struct pollfd p[] = {
        { .fd = relay->stop_fd, .events = POLLIN },
        { .fd = socket_fd, .events = socket_events },
        { .fd = pipe_fd, .events = pipe_events },
    };

    while (poll(p, 3, -1) < 0)
        if (errno != EINTR)
            return false;
    return p[0].revents == 0;
}

/* What the socket has of TLS goes to OpenSSL.  0: it had something, or nothing yet; -1: it ended. */
static int read_socket(struct tls_relay *relay)
{
    ssize_t n = recv(relay->socket_fd, relay->raw, sizeof relay->raw, MSG_DONTWAIT);

    if (n > 0)
        return BIO_write(relay->to_ssl, relay->raw, (int)n) == n ? 0 : failure_set(&relay->failure, "out of memory");
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return failure_set(&relay->failure, "%s", n < 0 ? strerror(errno) : "the other side hung up");
}

/* ---- to the network ---- */

/* What OpenSSL made goes to the socket. */
static int write_socket(struct tls_relay *relay)
{
    char *bytes;
    long len = BIO_get_mem_data(relay->from_ssl, &bytes);

    while (len > 0) {
        ssize_t n = send(relay->socket_fd, bytes, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n > 0) {
            bytes += n;
            len -= n;
        } else if (errno != EAGAIN && errno != EINTR) {
            return failure_set(&relay->failure, "%s", strerror(errno));
        } else if (!wait_for(relay, relay->socket_fd, POLLOUT, -1, 0)) {
            return -1;
        }
    }
    (void)BIO_reset(relay->from_ssl);
    return 0;
}

static int encrypt(struct tls_relay *relay, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t done = 0;

        ERR_clear_error();
        if (SSL_write_ex(relay->ssl, relay->plain + at, len - at, &done) != 1)
            return failure_set(&relay->failure, "TLS: encryption failed");
        at += done;
    }
    return write_socket(relay);
}

/* The reader says nothing: what comes from it is its end, or a message of TLS's own. */
static int look_at_reader(struct tls_relay *relay)
{
    size_t done;
    int r;

    if (read_socket(relay) < 0)
        return -1;
    ERR_clear_error();
    r = SSL_read_ex(relay->ssl, relay->raw, 1, &done);
    if (r == 1)
        return failure_set(&relay->failure, "the other side says what it should not");
    return tls_need(relay->ssl, r, &relay->failure) >= TLS_LOST ? -1 : 0;
}

static void send_all(struct tls_relay *relay)
{
    for (;;) {
        ssize_t n = read(relay->pipe_fd, relay->plain, sizeof relay->plain);

        if (n == 0) {
            SSL_shutdown(relay->ssl);
            (void)write_socket(relay);
            return;
        }
        if (n > 0 ? encrypt(relay, (size_t)n) < 0
                  : !wait_for(relay, relay->socket_fd, POLLIN, relay->pipe_fd, POLLIN) || look_at_reader(relay) < 0)
            return;
    }
}

/* ---- from the network ---- */

static int pass_on(struct tls_relay *relay, size_t len)
{
    size_t at = 0;

    while (at < len) {
        ssize_t n = write(relay->pipe_fd, relay->plain + at, len - at);

        if (n > 0)
            at += (size_t)n;
        else if (errno != EAGAIN && errno != EINTR)
            return -1; /* the helper is gone, and says why itself */
        else if (!wait_for(relay, -1, 0, relay->pipe_fd, POLLOUT))
            return -1;
    }
    return 0;
}

/* As many whole records as have come, in one piece. */
static int decrypt(struct tls_relay *relay, size_t *len)
{
    enum tls_need need = TLS_DONE;

    *len = 0;
    while (need == TLS_DONE && *len < sizeof relay->plain) {
        size_t done = 0;
        int r;

        ERR_clear_error();
        errno = 0;
        r = SSL_read_ex(relay->ssl, relay->plain + *len, sizeof relay->plain - *len, &done);
        *len += done;
        need = r == 1 ? TLS_DONE : tls_need(relay->ssl, r, &relay->failure);
    }
    return need >= TLS_LOST ? -1 : 0;
}

static void receive_all(struct tls_relay *relay)
{
    size_t len;
    int rc;

    do {
        rc = decrypt(relay, &len);
        if (pass_on(relay, len) < 0)
            return;
        if (rc == 0 && len == 0 && (!wait_for(relay, relay->socket_fd, POLLIN, -1, 0) || read_socket(relay) < 0))
            return;
    } while (rc == 0);
}

/* ---- the thread ---- */

static void *run(void *user)
{
    struct tls_relay *relay = user;

    if (relay->sending)
        send_all(relay);
    else
        receive_all(relay);
    if (relay->failure.text[0])
        atomic_store(&relay->lost, true); /* before the helper can tell */
    close(relay->pipe_fd); /* the helper meets the end of its stream, or nobody who reads it */
    if (relay->failure.text[0])
        signal_fd(relay->lost_fd);
    return NULL;
}

/* From now on the thread reads and writes the socket, OpenSSL only memory. */
static int detach_from_socket(struct tls_relay *relay)
{
    relay->to_ssl = BIO_new(BIO_s_mem());
    relay->from_ssl = BIO_new(BIO_s_mem());
    if (!relay->to_ssl || !relay->from_ssl) {
        BIO_free(relay->to_ssl);
        BIO_free(relay->from_ssl);
        errno = ENOMEM;
        return -1;
    }
    SSL_set_bio(relay->ssl, relay->to_ssl, relay->from_ssl);
    return 0;
}

/* Signals are for the loop's thread. */
static int start_thread(struct tls_relay *relay)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&relay->thread, NULL, run, relay);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

struct tls_relay *tls_relay_start(SSL *ssl, bool sending, int *plain_fd, struct failure *failure)
{
    struct tls_relay *relay = calloc(1, sizeof *relay);
    int ends[2] = { -1, -1 };

    if (!relay) {
        SSL_free(ssl);
        failure_set(failure, "out of memory");
        return NULL;
    }
    *relay = (struct tls_relay){ .ssl = ssl, .socket_fd = SSL_get_fd(ssl), .sending = sending, .pipe_fd = -1 };
    relay->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    relay->lost_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (relay->stop_fd >= 0 && relay->lost_fd >= 0 && detach_from_socket(relay) == 0 &&
        pipe2(ends, O_CLOEXEC) == 0) {
        relay->pipe_fd = ends[sending ? 0 : 1];
        *plain_fd = ends[sending ? 1 : 0];
        fcntl(relay->pipe_fd, F_SETPIPE_SZ, PIPE_BYTES); /* fewer wake-ups; any size will do */
        fcntl(relay->pipe_fd, F_SETFL, O_NONBLOCK);
        relay->started = start_thread(relay) == 0;
    }
    if (relay->started)
        return relay;
    failure_set(failure, "cannot start a thread for TLS: %s", strerror(errno));
    if (ends[0] >= 0) {
        close(ends[0]);
        close(ends[1]);
    }
    tls_relay_stop(relay);
    return NULL;
}

const char *tls_relay_lost(struct tls_relay *relay)
{
    return atomic_load(&relay->lost) ? relay->failure.text : NULL;
}

int tls_relay_lost_fd(const struct tls_relay *relay)
{
    return relay->lost_fd;
}

void tls_relay_stop(struct tls_relay *relay)
{
    if (!relay)
        return;
    if (relay->started) {
        signal_fd(relay->stop_fd);
        pthread_join(relay->thread, NULL);
    }
    SSL_free(relay->ssl);
    if (relay->stop_fd >= 0)
        close(relay->stop_fd);
    if (relay->lost_fd >= 0)
        close(relay->lost_fd);
    free(relay);
}
