/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/peer/channels-out.h"

#include "xlmig/base/loop.h"
#include "xlmig/peer/channel-hello.h"
#include "xlmig/peer/tls-relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRIES_MAX 5u
#define PAUSE_US 50000u /* before the second try, twice as long before each one after it */

struct channel {
    struct send_channels *channels;
    unsigned number;
    bool ready;
    struct peer *peer;            /* inline */
    bool greeted;
    int socket_fd;                /* tcp and tls */
    SSL *ssl;                     /* until it is ready */
    struct tls_relay *relay;
    struct event *event;          /* of the socket; once ready, of its end */
    struct event *again;          /* tcp and tls: when it is opened anew */
    unsigned nr_tries;
};

struct send_channels {
    struct event_base *base;
    struct send_channels_callbacks callbacks;
    struct send_channels_spec spec;
    struct tls_context *tls;
    char way[300];
    bool invited, told_ready, told_lost, settled;
    struct sockaddr_storage to;   /* tcp and tls */
    socklen_t to_len;
    unsigned nr_missing;
    struct channel channels[MESSAGE_CHANNELS_MAX];
    int fds[MESSAGE_CHANNELS_MAX];
};

static unsigned first_of(const struct send_channels *channels)
{
    return channels->spec.begin.data == MESSAGE_DATA_INLINE ? 1 : 0;
}

/* As messages name it: people count from 1. */
static void name_channel(const struct send_channels *channels, unsigned number, char *text, size_t size)
{
    snprintf(text, size, "channel %u of %u (%s)", number + 1, channels->spec.begin.nr_channels, channels->way);
}

static void say_lost(const struct channel *channel, const char *why, char *text, size_t size)
{
    char name[sizeof channel->channels->way + 64];

    name_channel(channel->channels, channel->number, name, sizeof name);
    snprintf(text, size, "%s was lost: %s", name, why);
}

static void lose(struct channel *channel, const char *why)
{
    struct send_channels *channels = channel->channels;
    char text[2048];

    if (channels->told_lost)
        return;
    channels->told_lost = true;
    say_lost(channel, why, text, sizeof text);
    channels->callbacks.lost(channels->callbacks.user, text);
}

static void now_ready(struct channel *channel, int fd)
{
    struct send_channels *channels = channel->channels;

    channel->ready = true;
    channels->fds[channel->number] = fd;
    if (--channels->nr_missing > 0 || channels->told_ready)
        return;
    channels->told_ready = true;
    channels->callbacks.ready(channels->callbacks.user);
}

/* ---- joined connections ---- */

static void join(struct channel *channel)
{
    struct message_join message = { .channel = channel->number };

    memcpy(message.token, channel->channels->spec.begin.token, sizeof message.token);
    peer_join(channel->peer, &message);
}

static void on_peer_event(void *user, const struct peer_event *event)
{
    struct channel *channel = user;
    struct send_channels *channels = channel->channels;

    switch (event->kind) {
    case PEER_GREETED:
        if (peer_dialect(channel->peer) != PEER_XLMIG) {
            lose(channel, "stock xl answered in place of xlmig");
            return;
        }
        channel->greeted = true;
        if (channels->invited)
            join(channel);
        return;
    case PEER_LISTENING:
        if (!channel->ready)
            now_ready(channel, peer_data_fd(channel->peer));
        return;
    case PEER_FAILED:
    case PEER_LOST:
        lose(channel, event->text);
        return;
    case PEER_NOTE:
        channels->callbacks.note(channels->callbacks.user, event->text);
        return;
    default:
        lose(channel, "the receiver over there does not keep to the control protocol");
    }
}

static int open_joined(struct channel *channel, struct failure *failure)
{
    struct send_channels *channels = channel->channels;
    const struct peer_callbacks callbacks = { .user = channel, .event = on_peer_event };

    channel->peer = peer_open(channels->base, &channels->spec.commands[channel->number], &channels->spec.own_hello,
                              &callbacks, failure);
    return channel->peer ? 0 : -1;
}

/* ---- TCP and TLS ---- */

static void watch(struct channel *channel, int fd, short what, event_callback_fn fn)
{
    if (channel->event)
        event_free(channel->event);
    channel->event = event_new(channel->channels->base, fd, what, fn, channel);
    if (!channel->event || event_add(channel->event, NULL) < 0)
        lose(channel, "out of memory");
}

/* Nothing was written to it but the hello. */
static void forget_connection(struct channel *channel)
{
    struct send_channels *channels = channel->channels;
    int *fd = &channels->fds[channel->number];

    if (channel->event)
        event_free(channel->event);
    channel->event = NULL;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    tls_relay_stop(channel->relay);
    channel->relay = NULL;
    SSL_free(channel->ssl);
    channel->ssl = NULL;
    if (channel->socket_fd >= 0)
        close(channel->socket_fd);
    channel->socket_fd = -1;
    channels->nr_missing += channel->ready;
    channel->ready = false;
}

/* It ended: open it anew, as long as the receiver can still take another one in its place. */
static void ended(struct channel *channel, const char *why)
{
    struct send_channels *channels = channel->channels;
    struct timeval in = us_to_timeval((uint64_t)PAUSE_US << channel->nr_tries);

    if (channels->settled || channels->told_lost || ++channel->nr_tries == TRIES_MAX) {
        lose(channel, why);
        return;
    }
    forget_connection(channel);
    if (evtimer_add(channel->again, &in) < 0)
        lose(channel, "out of memory");
}

/* Why a socket that is only written to cannot be any more; NULL: it can. */
static const char *why_socket_ended(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char byte;
    ssize_t n;

    if (poll(&p, 1, 0) <= 0)
        return NULL;
    n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    if (n < 0)
        return errno == EAGAIN ? NULL : strerror(errno);
    return "the other side hung up";
}

static void on_socket_end(evutil_socket_t fd, short what, void *user)
{
    struct channel *channel = user;
    const char *why = channel->relay ? tls_relay_lost(channel->relay) : why_socket_ended(channel->socket_fd);

    (void)fd;
    (void)what;
    if (why)
        ended(channel, why);
}

/* The hello is out: what the save helper writes to is the socket, or a pipe to the thread that does TLS. */
static void established(struct channel *channel)
{
    struct failure failure = { 0 };
    SSL *ssl = channel->ssl;
    int fd = channel->socket_fd;

    channel->ssl = NULL;
    if (ssl && !BIO_get_ktls_send(SSL_get_wbio(ssl))) {
        channel->relay = tls_relay_start(ssl, true, &fd, &failure);
        if (!channel->relay) {
            lose(channel, failure.text);
            return;
        }
        watch(channel, tls_relay_lost_fd(channel->relay), EV_READ, on_socket_end);
    } else {
        SSL_free(ssl);
        fcntl(fd, F_SETFL, 0);
        watch(channel, fd, EV_READ, on_socket_end);
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    }
    now_ready(channel, fd);
}

/* Fits what the kernel holds for a new connection: all of it or nothing. */
static int say_hello(struct channel *channel, struct failure *failure)
{
    unsigned char hello[CHANNEL_HELLO_BYTES];
    size_t done = 0;
    int rc = 0;

    channel_hello_encode(hello, channel->channels->spec.begin.token, channel->number);
    if (channel->ssl ? SSL_write_ex(channel->ssl, hello, sizeof hello, &done) != 1 || done != sizeof hello
                     : send(channel->socket_fd, hello, sizeof hello, MSG_NOSIGNAL) != (ssize_t)sizeof hello)
        rc = failure_set(failure, "the connection ended as soon as it was made");
    OPENSSL_cleanse(hello, sizeof hello);
    return rc;
}

static enum tls_need secure(struct channel *channel, struct failure *failure)
{
    /* Not before it is connected: such a socket the kernel does not take for TLS. */
    if (!channel->ssl)
        channel->ssl = tls_open(channel->channels->tls, channel->socket_fd);
    if (channel->ssl)
        return tls_handshake(channel->ssl, failure);
    failure_set(failure, "out of memory");
    return TLS_FAILED;
}

static void on_connecting(evutil_socket_t fd, short what, void *user)
{
    struct channel *channel = user;
    struct failure failure = { 0 };
    enum tls_need need = TLS_DONE;
    socklen_t len = sizeof(int);
    int errnum = 0;

    (void)what;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
        errnum = errno;
    if (errnum == ECONNRESET) { /* it was connected */
        ended(channel, strerror(errnum));
        return;
    }
    if (errnum) {
        lose(channel, strerror(errnum));
        return;
    }
    if (channel->channels->tls)
        need = secure(channel, &failure);
    if (need == TLS_DONE && say_hello(channel, &failure) == 0)
        established(channel);
    else if (need == TLS_DONE || need == TLS_LOST)
        ended(channel, failure.text);
    else if (need == TLS_FAILED)
        lose(channel, failure.text);
    else
        watch(channel, fd, need == TLS_NEEDS_WRITE ? EV_WRITE : EV_READ, on_connecting);
}

static void connect_one(struct channel *channel)
{
    const struct send_channels *channels = channel->channels;
    const int on = 1;
    int fd = socket(channels->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    channel->socket_fd = fd;
    if (fd < 0 ||
        (connect(fd, (const struct sockaddr *)&channels->to, channels->to_len) < 0 && errno != EINPROGRESS)) {
        lose(channel, strerror(errno));
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    watch(channel, fd, EV_WRITE, on_connecting);
}

static void on_again(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    connect_one(user);
}

static void connect_all(struct send_channels *channels, const struct message_channels *where)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *info = NULL;
    char port[16];

    snprintf(port, sizeof port, "%u", where->port);
    snprintf(channels->way, sizeof channels->way, "%s %s port %s", message_data_name(channels->spec.begin.data),
             where->address, port);
    if (getaddrinfo(where->address, port, &hints, &info) != 0) {
        lose(&channels->channels[0], "the receiver over there names no address");
        return;
    }
    memcpy(&channels->to, info->ai_addr, info->ai_addrlen);
    channels->to_len = info->ai_addrlen;
    freeaddrinfo(info);
    for (unsigned i = 0; i < channels->spec.begin.nr_channels && !channels->told_lost; i++) {
        struct channel *channel = &channels->channels[i];

        channel->again = evtimer_new(channels->base, on_again, channel);
        if (channel->again)
            connect_one(channel);
        else
            lose(channel, "out of memory");
    }
}

/* ---- all of them ---- */

static int start(struct send_channels *channels, struct failure *failure)
{
    const struct message_begin *begin = &channels->spec.begin;

    if (begin->data == MESSAGE_DATA_TLS) {
        channels->tls = tls_context_new(false, begin->token, begin->key, failure);
        return channels->tls ? 0 : -1;
    }
    for (unsigned i = 1; begin->data == MESSAGE_DATA_INLINE && i < begin->nr_channels; i++)
        if (open_joined(&channels->channels[i], failure) < 0)
            return -1;
    return 0;
}

struct send_channels *send_channels_open(struct event_base *base, const struct send_channels_spec *spec,
                                         const struct send_channels_callbacks *callbacks, struct failure *failure)
{
    struct send_channels *channels = calloc(1, sizeof *channels);

    if (!channels) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    *channels = (struct send_channels){ .base = base, .callbacks = *callbacks, .spec = *spec };
    snprintf(channels->way, sizeof channels->way, "%s", spec->way);
    channels->nr_missing = spec->begin.nr_channels - first_of(channels);
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX; i++) {
        channels->channels[i] = (struct channel){ .channels = channels, .number = i, .socket_fd = -1 };
        channels->fds[i] = -1;
    }
    if (start(channels, failure) == 0)
        return channels;
    send_channels_close(channels);
    return NULL;
}

void send_channels_invite(struct send_channels *channels, const struct message_channels *where)
{
    if (channels->invited)
        return;
    channels->invited = true;
    if (channels->spec.begin.data != MESSAGE_DATA_INLINE) {
        connect_all(channels, where);
        return;
    }
    for (unsigned i = 1; i < channels->spec.begin.nr_channels; i++)
        if (channels->channels[i].greeted)
            join(&channels->channels[i]);
}

bool send_channels_settle(struct send_channels *channels)
{
    channels->settled = true;
    for (unsigned i = first_of(channels); i < channels->spec.begin.nr_channels; i++)
        if (!channels->channels[i].ready)
            lose(&channels->channels[i], "it ended just before the first byte");
    return !channels->told_lost;
}

const int *send_channels_fds(const struct send_channels *channels)
{
    return channels->fds;
}

void send_channels_missing(const struct send_channels *channels, char *text, size_t size)
{
    text[0] = '\0';
    for (unsigned i = first_of(channels); i < channels->spec.begin.nr_channels && !text[0]; i++)
        if (!channels->channels[i].ready)
            name_channel(channels, i, text, size);
}

void send_channels_describe(const struct send_channels *channels, char *text, size_t size)
{
    unsigned n = channels->spec.begin.nr_channels;

    snprintf(text, size, "%u channel%s (%s%s)", n, n == 1 ? "" : "s", channels->way,
             channels->tls && !channels->channels[0].relay ? ", by the kernel" : "");
}

static const char *why_lost(struct channel *channel)
{
    if (channel->peer)
        return peer_lost(channel->peer);
    if (channel->relay)
        return tls_relay_lost(channel->relay);
    return channel->socket_fd >= 0 ? why_socket_ended(channel->socket_fd) : NULL;
}

bool send_channels_lost(struct send_channels *channels, char *text, size_t size)
{
    for (unsigned i = first_of(channels); i < channels->spec.begin.nr_channels; i++) {
        const char *why = why_lost(&channels->channels[i]);

        if (!why)
            continue;
        say_lost(&channels->channels[i], why, text, size);
        return true;
    }
    return false;
}

void send_channels_hang_up(struct send_channels *channels)
{
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX; i++) {
        struct channel *channel = &channels->channels[i];

        if (channel->peer) {
            peer_hang_up(channel->peer);
        } else if (channels->fds[i] >= 0) {
            if (channel->event)
                event_del(channel->event);
            shutdown(channels->fds[i], SHUT_RDWR);
            close(channels->fds[i]);
        }
        channels->fds[i] = -1;
    }
}

void send_channels_close(struct send_channels *channels)
{
    if (!channels)
        return;
    send_channels_hang_up(channels);
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX; i++) {
        struct channel *channel = &channels->channels[i];

        peer_close_soon(channel->peer);
        if (channel->event)
            event_free(channel->event);
        if (channel->again)
            event_free(channel->again);
        tls_relay_stop(channel->relay);
        SSL_free(channel->ssl);
        if (channel->socket_fd >= 0)
            close(channel->socket_fd);
    }
    tls_context_free(channels->tls);
    OPENSSL_cleanse(&channels->spec.begin, sizeof channels->spec.begin);
    free(channels);
}
