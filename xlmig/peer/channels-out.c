/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/peer/channels-out.h"

#include "xlmig/base/loop.h"
#include "xlmig/peer/carrier.h"
#include "xlmig/peer/channel-hello.h"

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
#define AT_ONCE 4u      /* commands that have not greeted yet: sshd's defaults bear nine, of all that connect (MaxStartups) */
#define PAUSE_US 50000u /* before the second try, twice as long before each one after it, */
#define PAUSE_MAX_US 1000000u
#define CONNECT_US 5000000u /* of one try among several: what is lost on its way is tried anew before TCP would */
#define HURRY_US 5000000u

struct channel {
    struct send_channels *channels;
    unsigned number;              /* by which the receiver knows it; those that are left out have none */
    bool used;
    bool ready;
    struct peer *peer;            /* inline */
    bool greeted;
    int socket_fd;                /* tcp and tls */
    SSL *ssl;                     /* until it is ready */
    struct carrier *carrier;      /* NULL: the save helper has the socket */
    struct event *event;          /* of the socket; once ready, of its end */
    struct event *again;          /* tcp and tls: when it is opened anew */
    unsigned nr_tries;
    struct channel_loss {         /* where lost connections are replaced */
        uint32_t connection;      /* the number of the one at hand, from 0 */
        struct event *news;       /* of the carrier */
        struct event *limit;      /* when another one must be there */
        bool open;                /* one was lost, and no other one is there yet */
        uint64_t limit_us, nr_arrived;
        struct failure why, last; /* it was lost; the last try failed */
    } loss;
};

struct send_channels {
    struct event_base *base;
    struct send_channels_callbacks callbacks;
    struct send_channels_spec spec;
    struct tls_context *tls;
    char way[300];
    bool gathered, invited, told_ready, told_lost, settled;
    uint64_t rejoin_us;
    uint64_t until_us;            /* inline: for `gathered` */
    struct event *sweep;          /* inline: hangs up on those that are left out, from the loop */
    struct sockaddr_storage to;   /* tcp and tls */
    socklen_t to_len;
    unsigned nr_missing;
    struct channel channels[MESSAGE_CHANNELS_MAX];
    int fds[MESSAGE_CHANNELS_MAX];
};

static bool is_inline(const struct send_channels *channels)
{
    return channels->spec.begin.data == MESSAGE_DATA_INLINE;
}

static unsigned first_of(const struct send_channels *channels)
{
    return is_inline(channels) ? 1 : 0;
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

/* ---- joined connections: gathered ---- */

/* Those of the channels that have greeted get the numbers from 1 on. */
static void now_gathered(struct send_channels *channels)
{
    unsigned n = 1;

    if (channels->gathered || channels->told_lost)
        return;
    channels->gathered = true;
    for (unsigned i = 1; i < MESSAGE_CHANNELS_MAX; i++)
        if (channels->channels[i].used)
            channels->channels[i].number = n++;
    channels->nr_missing = n - 1;
    channels->spec.begin.nr_channels = n;
    channels->callbacks.gathered(channels->callbacks.user);
}

static void leave_out(struct channel *channel, const char *why)
{
    struct send_channels *channels = channel->channels;
    char text[2048];

    say_lost(channel, why, text, sizeof text);
    channel->used = false;
    event_active(channels->sweep, EV_TIMEOUT, 1);
    channels->callbacks.note(channels->callbacks.user, text);
}

static void on_sweep(evutil_socket_t fd, short what, void *user)
{
    struct send_channels *channels = user;

    (void)fd;
    (void)what;
    for (unsigned i = 1; i < MESSAGE_CHANNELS_MAX; i++) {
        if (channels->channels[i].used)
            continue;
        peer_close_soon(channels->channels[i].peer);
        channels->channels[i].peer = NULL;
    }
}

static int open_joined(struct channel *channel, struct failure *failure);

/* Open as many as may be on their way at once; if none is any more, all are there. */
static void open_more(struct send_channels *channels)
{
    struct failure failure = { 0 };
    unsigned nr_coming = 0;

    for (unsigned i = 1; i < MESSAGE_CHANNELS_MAX && nr_coming < AT_ONCE && !channels->told_lost; i++) {
        struct channel *channel = &channels->channels[i];

        if (!channel->used || channel->greeted)
            continue;
        nr_coming++;
        if (!channel->peer && open_joined(channel, &failure) < 0)
            lose(channel, failure.text);
    }
    if (nr_coming == 0)
        now_gathered(channels);
}

/* Before the receiver was told of it, it may be done without. */
static void failed_joined(struct channel *channel, const char *why)
{
    struct send_channels *channels = channel->channels;

    if (channels->gathered || !channels->spec.may_be_fewer) {
        lose(channel, why);
        return;
    }
    leave_out(channel, why);
    open_more(channels);
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

    if (!channel->used)
        return;
    switch (event->kind) {
    case PEER_GREETED:
        if (peer_dialect(channel->peer) != PEER_XLMIG) {
            lose(channel, "stock xl answered in place of xlmig");
            return;
        }
        channel->greeted = true;
        open_more(channels);
        return;
    case PEER_LISTENING:
        if (!channel->ready)
            now_ready(channel, peer_data_fd(channel->peer));
        return;
    case PEER_FAILED:
    case PEER_LOST:
        failed_joined(channel, event->text);
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
    struct transport_spec command = channels->spec.commands[channel->number];
    uint64_t now = now_us();

    if (command.retry_us)
        command.retry_us = channels->until_us > now ? channels->until_us - now : 1;
    channel->peer = peer_open(channels->base, &command, &channels->spec.own_hello, &callbacks, failure);
    return channel->peer ? 0 : -1;
}

/* ---- TCP and TLS ---- */

static bool is_replaced(const struct channel *channel)
{
    return channel->carrier && channel->channels->spec.begin.rejoin;
}

static void watch(struct channel *channel, int fd, short what, event_callback_fn fn)
{
    struct timeval in = us_to_timeval(CONNECT_US);

    if (channel->event)
        event_free(channel->event);
    channel->event = event_new(channel->channels->base, fd, what, fn, channel);
    if (!channel->event || event_add(channel->event, is_replaced(channel) ? &in : NULL) < 0)
        lose(channel, "out of memory");
}

static void forget_socket(struct channel *channel)
{
    if (channel->event)
        event_free(channel->event);
    channel->event = NULL;
    SSL_free(channel->ssl);
    channel->ssl = NULL;
    if (channel->socket_fd >= 0)
        close(channel->socket_fd);
    channel->socket_fd = -1;
}

static void end_carrier(struct channel *channel)
{
    struct event **const events[] = { &channel->loss.news, &channel->loss.limit };

    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (*events[i])
            event_free(*events[i]);
        *events[i] = NULL;
    }
    carrier_stop(channel->carrier);
    channel->carrier = NULL;
}

/* Nothing was written to it but the hello. */
static void forget_connection(struct channel *channel)
{
    struct send_channels *channels = channel->channels;
    int *fd = &channels->fds[channel->number];

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    end_carrier(channel);
    forget_socket(channel);
    channels->nr_missing += channel->ready;
    channel->ready = false;
}

/* Of a connection that is to take a lost one's place. */
static void try_again(struct channel *channel)
{
    uint64_t pause = (uint64_t)PAUSE_US << channel->nr_tries;
    struct timeval in = us_to_timeval(pause < PAUSE_MAX_US ? pause : PAUSE_MAX_US);

    forget_socket(channel);
    channel->nr_tries += pause < PAUSE_MAX_US;
    channel->loss.connection++;
    if (!channel->channels->told_lost && evtimer_add(channel->again, &in) < 0)
        lose(channel, "out of memory");
}

/* It ended: open it anew, as long as the receiver can still take another one in its place. */
static void ended(struct channel *channel, const char *why)
{
    struct send_channels *channels = channel->channels;
    struct timeval in = us_to_timeval((uint64_t)PAUSE_US << channel->nr_tries);

    if (is_replaced(channel)) {
        snprintf(channel->loss.last.text, sizeof channel->loss.last.text, "%s", why);
        try_again(channel);
        return;
    }
    if (channels->settled || channels->told_lost || ++channel->nr_tries == TRIES_MAX) {
        lose(channel, why);
        return;
    }
    forget_connection(channel);
    channel->loss.connection += channels->spec.begin.rejoin;
    if (evtimer_add(channel->again, &in) < 0)
        lose(channel, "out of memory");
}

/* It cannot be made. */
static void failed(struct channel *channel, const char *why)
{
    if (is_replaced(channel))
        ended(channel, why);
    else
        lose(channel, why);
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
    const char *why = why_socket_ended(channel->socket_fd);

    (void)fd;
    (void)what;
    if (why)
        ended(channel, why);
}

/* ---- one that is lost, and replaced ---- */

static void arm_limit(struct channel *channel)
{
    uint64_t now = now_us(), limit = channel->loss.limit_us;
    struct timeval in = us_to_timeval(limit > now ? limit - now : 0);

    if (evtimer_add(channel->loss.limit, &in) < 0)
        lose(channel, "out of memory");
}

static void on_limit(evutil_socket_t fd, short what, void *user)
{
    struct channel *channel = user;
    const struct channel_loss *loss = &channel->loss;
    char why[2 * sizeof loss->why.text + 80];

    (void)fd;
    (void)what;
    event_del(channel->again);
    forget_socket(channel);
    snprintf(why, sizeof why, "%s; no other connection could take its place%s%s", loss->why.text,
             loss->last.text[0] ? ": " : "", loss->last.text);
    lose(channel, why);
}

/* The time for another one begins anew only where something arrived since the last one was lost. */
static void replace(struct channel *channel, const struct failure *why, uint64_t nr_arrived)
{
    struct channel_loss *loss = &channel->loss;
    uint64_t now = now_us();

    if (!loss->open && (nr_arrived > loss->nr_arrived || now >= loss->limit_us)) {
        loss->limit_us = now + channel->channels->rejoin_us;
        channel->nr_tries = 0;
    }
    if (loss->open)
        loss->last = *why;
    else
        *loss = (struct channel_loss){ .connection = loss->connection, .news = loss->news, .limit = loss->limit,
                                       .limit_us = loss->limit_us, .why = *why };
    loss->nr_arrived = nr_arrived;
    loss->open = true;
    arm_limit(channel);
    try_again(channel);
}

static void on_replaced(struct channel *channel)
{
    struct send_channels *channels = channel->channels;
    char name[sizeof channels->way + 64], text[sizeof name + sizeof channel->loss.why.text + 64];

    if (!channel->loss.open)
        return;
    channel->loss.open = false;
    event_del(channel->loss.limit);
    name_channel(channels, channel->number, name, sizeof name);
    snprintf(text, sizeof text, "%s was lost and replaced: %s", name, channel->loss.why.text);
    channels->callbacks.replaced(channels->callbacks.user, text);
}

static void on_news(evutil_socket_t fd, short what, void *user)
{
    struct channel *channel = user;
    struct failure why;
    uint64_t nr_arrived;

    (void)what;
    (void)!read(fd, &nr_arrived, sizeof nr_arrived);
    if (channel->channels->told_lost)
        return;
    switch (carrier_look(channel->carrier, &why, &nr_arrived)) {
    case CARRIER_GOES:
        on_replaced(channel);
        return;
    case CARRIER_LACKS:
        replace(channel, &why, nr_arrived);
        return;
    case CARRIER_LOST:
        if (is_replaced(channel))
            lose(channel, why.text);
        else
            ended(channel, why.text);
    }
}

static void watch_carrier(struct channel *channel)
{
    struct event_base *base = channel->channels->base;
    struct channel_loss *loss = &channel->loss;

    loss->news = event_new(base, carrier_news_fd(channel->carrier), EV_READ | EV_PERSIST, on_news, channel);
    loss->limit = evtimer_new(base, on_limit, channel);
    if (!loss->news || !loss->limit || event_add(loss->news, NULL) < 0)
        lose(channel, "out of memory");
}

void send_channels_hurry(struct send_channels *channels)
{
    const uint64_t limit = now_us() + HURRY_US;

    if (channels->rejoin_us > HURRY_US)
        channels->rejoin_us = HURRY_US;
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX; i++) {
        struct channel *channel = &channels->channels[i];

        if (channel->loss.limit_us > limit)
            channel->loss.limit_us = limit;
        if (channel->loss.open)
            arm_limit(channel);
    }
}

/* ---- a connection ---- */

static void carry(struct channel *channel)
{
    const struct carrier_spec spec = { .sending = true, .lasting = channel->channels->spec.begin.rejoin };
    struct failure failure = { 0 };
    struct wire *wire = wire_new(channel->socket_fd, channel->ssl, &failure);
    int fd;

    channel->socket_fd = -1;
    channel->ssl = NULL;
    forget_socket(channel);
    if (wire && channel->carrier) {
        carrier_replace(channel->carrier, wire);
        return;
    }
    if (wire)
        channel->carrier = carrier_start(&spec, wire, &fd, &failure);
    if (!channel->carrier) {
        lose(channel, failure.text);
        return;
    }
    watch_carrier(channel);
    now_ready(channel, fd);
}

/* The hello is out: what the save helper writes to is the socket, or a pipe to a thread. */
static void established(struct channel *channel)
{
    SSL *ssl = channel->ssl;
    int fd = channel->socket_fd;

    if (channel->channels->spec.begin.rejoin || (ssl && !BIO_get_ktls_send(SSL_get_wbio(ssl)))) {
        carry(channel);
        return;
    }
    SSL_free(ssl);
    channel->ssl = NULL;
    fcntl(fd, F_SETFL, 0);
    watch(channel, fd, EV_READ, on_socket_end);
    now_ready(channel, fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

/* Fits what the kernel holds for a new connection: all of it or nothing. */
static int say_hello(struct channel *channel, struct failure *failure)
{
    unsigned char hello[CHANNEL_HELLO_BYTES];
    size_t done = 0;
    int rc = 0;

    channel_hello_encode(hello, channel->channels->spec.begin.token, channel->number, channel->loss.connection);
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

    if (what & EV_TIMEOUT) {
        ended(channel, "no answer");
        return;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
        errnum = errno;
    if (errnum == ECONNRESET) { /* it was connected */
        ended(channel, strerror(errnum));
        return;
    }
    if (errnum) {
        failed(channel, strerror(errnum));
        return;
    }
    if (channel->channels->tls)
        need = secure(channel, &failure);
    if (need == TLS_DONE && say_hello(channel, &failure) == 0)
        established(channel);
    else if (need == TLS_DONE || need == TLS_LOST)
        ended(channel, failure.text);
    else if (need == TLS_FAILED)
        failed(channel, failure.text);
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
        failed(channel, strerror(errno));
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    watch(channel, fd, EV_WRITE, on_connecting);
}

static void on_again(evutil_socket_t fd, short what, void *user)
{
    const struct channel *channel = user;

    (void)fd;
    (void)what;
    if (!channel->channels->told_lost)
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
    const uint64_t now = now_us();

    for (unsigned i = first_of(channels); i < begin->nr_channels; i++)
        channels->channels[i].used = true;
    if (begin->data == MESSAGE_DATA_TLS) {
        channels->tls = tls_context_new(false, !begin->rejoin, begin->token, begin->key, failure);
        return channels->tls ? 0 : -1;
    }
    if (!is_inline(channels))
        return 0;
    channels->until_us = now + (channels->spec.patience_us < UINT64_MAX - now ? channels->spec.patience_us : 0);
    channels->sweep = evtimer_new(channels->base, on_sweep, channels);
    if (!channels->sweep)
        return failure_set(failure, "out of memory");
    for (unsigned i = 1; i < begin->nr_channels && i <= AT_ONCE; i++)
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
    *channels = (struct send_channels){
        .base = base, .callbacks = *callbacks, .spec = *spec, .rejoin_us = spec->rejoin_us,
    };
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

unsigned send_channels_count(const struct send_channels *channels)
{
    return channels->spec.begin.nr_channels;
}

bool send_channels_go_on(struct send_channels *channels)
{
    if (!is_inline(channels) || channels->gathered || !channels->spec.may_be_fewer)
        return false;
    for (unsigned i = 1; i < MESSAGE_CHANNELS_MAX; i++)
        if (channels->channels[i].used && !channels->channels[i].greeted)
            leave_out(&channels->channels[i], "it did not come in time");
    now_gathered(channels);
    return true;
}

void send_channels_name(struct send_channels *channels, const struct message_begin *begin)
{
    channels->spec.begin = *begin;
}

void send_channels_invite(struct send_channels *channels, const struct message_channels *where)
{
    if (channels->invited)
        return;
    channels->invited = true;
    if (!is_inline(channels)) {
        connect_all(channels, where);
        return;
    }
    for (unsigned i = 1; i < MESSAGE_CHANNELS_MAX; i++)
        if (channels->channels[i].used)
            join(&channels->channels[i]);
}

bool send_channels_settle(struct send_channels *channels)
{
    channels->settled = true;
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX; i++)
        if (channels->channels[i].used && !channels->channels[i].ready)
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
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX && !text[0]; i++) {
        const struct channel *channel = &channels->channels[i];
        bool there = is_inline(channels) && !channels->gathered ? channel->greeted : channel->ready;

        if (channel->used && !there)
            name_channel(channels, channel->number, text, size);
    }
}

void send_channels_describe(const struct send_channels *channels, char *text, size_t size)
{
    unsigned n = channels->spec.begin.nr_channels;

    snprintf(text, size, "%u channel%s (%s%s)", n, n == 1 ? "" : "s", channels->way,
             channels->tls && !channels->channels[0].carrier ? ", by the kernel" : "");
}

static const char *why_lost(struct channel *channel, struct failure *why)
{
    uint64_t unused;

    if (channel->peer)
        return peer_lost(channel->peer);
    if (channel->carrier)
        return carrier_look(channel->carrier, why, &unused) != CARRIER_GOES ? why->text : NULL;
    return channel->socket_fd >= 0 ? why_socket_ended(channel->socket_fd) : NULL;
}

bool send_channels_lost(struct send_channels *channels, char *text, size_t size)
{
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX; i++) {
        struct failure failure;
        const char *why = !channels->channels[i].used ? NULL : why_lost(&channels->channels[i], &failure);

        if (!why)
            continue;
        say_lost(&channels->channels[i], why, text, size);
        return true;
    }
    return false;
}

/* Nothing more comes of it. */
static void rest(struct channel *channel)
{
    if (channel->again)
        event_free(channel->again);
    channel->again = NULL;
    end_carrier(channel);
}

void send_channels_hang_up(struct send_channels *channels)
{
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX; i++) {
        struct channel *channel = &channels->channels[i];

        if (channel->peer) {
            peer_hang_up(channel->peer);
        } else if (!is_inline(channels) && channels->fds[i] >= 0) { /* else they are the peers' */
            if (channel->event)
                event_del(channel->event);
            rest(channel);
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
        channel->peer = NULL;
        rest(channel);
        forget_socket(channel);
    }
    if (channels->sweep)
        event_free(channels->sweep);
    tls_context_free(channels->tls);
    OPENSSL_cleanse(&channels->spec.begin, sizeof channels->spec.begin);
    free(channels);
}
