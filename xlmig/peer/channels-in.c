/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/peer/channels-in.h"

#include "xlmig/base/loop.h"
#include "xlmig/peer/carrier.h"
#include "xlmig/peer/join.h"

#include <arpa/inet.h>
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

#define HALF_OPEN_MAX 256u
#define HALF_OPEN_OF_SOURCE_MAX MESSAGE_CHANNELS_MAX /* all of a sender's may come at once */
#define SHOW_TOKEN_US 10000000u
#define BACKLOG SOMAXCONN
#define REFUSALS_TOLD_MAX 100u /* a flood is not to fill the log, too */

/* Somebody who has connected and not yet shown the token. */
struct newcomer {
    struct receive_channels *channels;
    struct newcomer *next;
    int socket_fd, handed_fd;     /* handed_fd: of a join */
    unsigned char source[16];     /* where it comes from, as far as one who is there can choose among addresses */
    SSL *ssl;                     /* of tls */
    bool secured;
    bool has_key;                 /* of tls: its first message could only be made with this migration's key */
    struct event *event;
    uint64_t deadline_us;
    unsigned char hello[CHANNEL_HELLO_BYTES];
    size_t have;
    char who[NI_MAXHOST + NI_MAXSERV + 8];
};

struct channel {
    int socket_fd;                /* what it came over, or the joiner's socket; -1: its connections are the carrier's */
    struct carrier *carrier;      /* NULL: the save helper has the socket */
    uint32_t connection;          /* the number of its last one; where lost ones are replaced */
};

struct receive_channels {
    struct event_base *base;
    struct receive_channels_callbacks callbacks;
    struct message_begin begin;
    struct tls_context *tls;
    int listen_fd;
    char path[128];               /* of the socket for joins; "": none */
    struct message_channels where;
    struct event *acceptable;
    struct newcomer *newcomers; /* the oldest first */
    unsigned nr_newcomers, nr_missing, nr_turned_away;
    struct channel channels[MESSAGE_CHANNELS_MAX];
    int fds[MESSAGE_CHANNELS_MAX];
};

/* ---- newcomers ---- */

static void newcomer_free(struct newcomer *newcomer)
{
    struct receive_channels *channels = newcomer->channels;

    for (struct newcomer **at = &channels->newcomers; *at; at = &(*at)->next)
        if (*at == newcomer) {
            *at = newcomer->next;
            channels->nr_newcomers--;
            break;
        }
    if (newcomer->event)
        event_free(newcomer->event);
    SSL_free(newcomer->ssl);
    if (newcomer->socket_fd >= 0)
        close(newcomer->socket_fd);
    if (newcomer->handed_fd >= 0)
        close(newcomer->handed_fd);
    OPENSSL_cleanse(newcomer->hello, sizeof newcomer->hello);
    free(newcomer);
}

static void turn_away(struct newcomer *newcomer, const char *why)
{
    struct receive_channels *channels = newcomer->channels;
    char text[sizeof newcomer->who + 1100];

    snprintf(text, sizeof text, "turned away %s: %s", newcomer->who, why);
    newcomer_free(newcomer);
    if (channels->nr_turned_away++ < REFUSALS_TOLD_MAX)
        channels->callbacks.refused(channels->callbacks.user, text);
}

/* Of a flood. */
static void tell_the_rest(struct receive_channels *channels)
{
    char text[64];

    if (channels->nr_turned_away <= REFUSALS_TOLD_MAX)
        return;
    snprintf(text, sizeof text, "turned away %u others", channels->nr_turned_away - REFUSALS_TOLD_MAX);
    channels->callbacks.refused(channels->callbacks.user, text);
}

static void stop_listening(struct receive_channels *channels)
{
    while (channels->newcomers)
        newcomer_free(channels->newcomers);
    if (channels->acceptable)
        event_free(channels->acceptable);
    channels->acceptable = NULL;
    if (channels->listen_fd >= 0)
        close(channels->listen_fd);
    channels->listen_fd = -1;
    if (channels->path[0])
        unlink(channels->path);
    channels->path[0] = '\0';
}

/* NULL: see failure. */
static struct wire *wire_of(struct newcomer *newcomer, int socket_fd, struct failure *failure)
{
    SSL *ssl = newcomer->ssl;

    newcomer->ssl = NULL;
    return wire_new(socket_fd, ssl, failure);
}

/* Its socket stays the channel's, too, where its end is the channel's. */
static int carried_fd(struct newcomer *newcomer, struct channel *channel, struct failure *failure)
{
    const struct carrier_spec spec = { .lasting = newcomer->channels->begin.rejoin };
    int fd = newcomer->socket_fd;
    struct wire *wire;

    if (spec.lasting)
        newcomer->socket_fd = -1;
    else
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return failure_set(failure, "%s", strerror(errno));
    wire = wire_of(newcomer, fd, failure);
    channel->carrier = wire ? carrier_start(&spec, wire, &fd, failure) : NULL;
    return channel->carrier ? fd : -1;
}

/* What the save helper reads from.  -1: see failure. */
static int plain_fd(struct newcomer *newcomer, struct channel *channel, struct failure *failure)
{
    int fd = -1;

    if (newcomer->handed_fd >= 0) {
        fd = newcomer->handed_fd;
        newcomer->handed_fd = -1;
        return fd;
    }
    if (newcomer->channels->begin.rejoin || (newcomer->ssl && !BIO_get_ktls_recv(SSL_get_rbio(newcomer->ssl))))
        return carried_fd(newcomer, channel, failure);
    SSL_free(newcomer->ssl);
    newcomer->ssl = NULL;
    fcntl(newcomer->socket_fd, F_SETFL, 0);
    fd = fcntl(newcomer->socket_fd, F_DUPFD_CLOEXEC, 3);
    return fd >= 0 ? fd : failure_set(failure, "%s", strerror(errno));
}

static void drop(struct channel *channel, int *fd)
{
    carrier_stop(channel->carrier);
    channel->carrier = NULL;
    if (*fd >= 0) {
        /* What the restore left running (xl's daemon, the device model) holds copies, and closes none of them. */
        shutdown(*fd, SHUT_RDWR);
        close(*fd);
    }
    *fd = -1;
    if (channel->socket_fd >= 0)
        close(channel->socket_fd);
    channel->socket_fd = -1;
}

/*
 * Its sender hung up, or was cut off, before all channels were there: nothing but the hello came by it.  (One whose
 * connections are replaced waits for the next.)
 */
static bool is_dead(const struct channel *channel)
{
    struct pollfd p = { .fd = channel->socket_fd, .events = POLLRDHUP };

    return channel->socket_fd >= 0 && poll(&p, 1, 0) > 0;
}

static void drop_one(struct receive_channels *channels, unsigned number)
{
    drop(&channels->channels[number], &channels->fds[number]);
    channels->nr_missing++;
}

/* Their senders come again. */
static void drop_the_dead(struct receive_channels *channels)
{
    for (unsigned i = 0; i < MESSAGE_CHANNELS_MAX; i++)
        if (channels->fds[i] >= 0 && is_dead(&channels->channels[i]))
            drop_one(channels, i);
}

static void take(struct newcomer *newcomer, unsigned number, uint32_t connection)
{
    struct receive_channels *channels = newcomer->channels;
    struct channel *channel = &channels->channels[number];
    struct failure failure = { 0 };
    bool joined = newcomer->handed_fd >= 0;

    if (channels->fds[number] >= 0)
        drop_one(channels, number);
    channels->fds[number] = plain_fd(newcomer, channel, &failure);
    if (channels->fds[number] < 0) {
        turn_away(newcomer, failure.text);
        return;
    }
    channel->connection = connection;
    channel->socket_fd = newcomer->socket_fd;
    newcomer->socket_fd = -1;
    newcomer_free(newcomer);
    if (joined)
        join_accept(channel->socket_fd);
    channels->nr_missing--;
    drop_the_dead(channels);
    if (channels->nr_missing > 0)
        return;
    if (!channels->begin.rejoin)
        receive_channels_rest(channels);
    channels->callbacks.complete(channels->callbacks.user);
}

/* The sender has given up the one before, whatever it looks like from here. */
static void replace(struct newcomer *newcomer, struct channel *channel, uint32_t connection)
{
    struct failure failure = { 0 };
    struct wire *wire = wire_of(newcomer, newcomer->socket_fd, &failure);

    newcomer->socket_fd = -1;
    if (!wire) {
        turn_away(newcomer, failure.text);
        return;
    }
    channel->connection = connection;
    carrier_replace(channel->carrier, wire);
    newcomer_free(newcomer);
}

static void judge(struct newcomer *newcomer)
{
    struct receive_channels *channels = newcomer->channels;
    int first = channels->begin.data == MESSAGE_DATA_INLINE ? 1 : 0;
    uint32_t connection;
    int number = channel_hello_check(newcomer->hello, channels->begin.token, &connection);
    struct channel *channel = &channels->channels[number >= 0 && number < (int)MESSAGE_CHANNELS_MAX ? number : 0];

    if (number < 0 || (connection > 0 && !channels->begin.rejoin))
        turn_away(newcomer, "it does not know the token of this migration");
    else if (number < first || (unsigned)number >= channels->begin.nr_channels)
        turn_away(newcomer, "this migration has no channel of that number");
    else if (channels->fds[number] >= 0 && channel->carrier && connection > channel->connection)
        replace(newcomer, channel, connection);
    else if (channels->fds[number] >= 0 && !is_dead(channel))
        turn_away(newcomer, "that channel is there already");
    else if (channels->begin.data == MESSAGE_DATA_INLINE && newcomer->handed_fd < 0)
        turn_away(newcomer, "it hands over no descriptor");
    else
        take(newcomer, (unsigned)number, connection);
}

static void wait_for(struct newcomer *newcomer, short what)
{
    uint64_t now = now_us();
    struct timeval in = us_to_timeval(newcomer->deadline_us > now ? newcomer->deadline_us - now : 0);

    event_assign(newcomer->event, newcomer->channels->base, newcomer->socket_fd, what,
                 event_get_callback(newcomer->event), newcomer);
    event_add(newcomer->event, &in);
}

/* As tls_need(): how reading of the hello went on. */
static enum tls_need read_hello(struct newcomer *newcomer, struct failure *failure)
{
    unsigned char *to = newcomer->hello + newcomer->have;
    size_t lacks = sizeof newcomer->hello - newcomer->have, done = 0;
    ssize_t n;
    int r;

    if (newcomer->ssl) {
        errno = 0;
        r = SSL_read_ex(newcomer->ssl, to, lacks, &done);
        newcomer->have += done;
        return r == 1 ? TLS_DONE : tls_need(newcomer->ssl, r, failure);
    }
    if (newcomer->channels->begin.data == MESSAGE_DATA_INLINE)
        n = join_hear(newcomer->socket_fd, newcomer->hello, &newcomer->handed_fd);
    else
        n = recv(newcomer->socket_fd, to, lacks, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return TLS_NEEDS_READ;
    if (n <= 0 || (newcomer->channels->begin.data == MESSAGE_DATA_INLINE && n != (ssize_t)sizeof newcomer->hello)) {
        failure_set(failure, "it said no token");
        return TLS_FAILED;
    }
    newcomer->have += (size_t)n;
    return TLS_DONE;
}

static void on_newcomer(evutil_socket_t fd, short what, void *user)
{
    struct newcomer *newcomer = user;
    struct failure failure = { 0 };
    enum tls_need need = TLS_DONE;

    (void)fd;
    if (what & EV_TIMEOUT) {
        turn_away(newcomer, "it did not show the token in time");
        return;
    }
    if (newcomer->ssl && !newcomer->secured) {
        need = tls_handshake(newcomer->ssl, &failure);
        newcomer->secured = need == TLS_DONE;
        newcomer->has_key = SSL_session_reused(newcomer->ssl); /* the key is a session's, and the message is bound to it */
    }
    while (need == TLS_DONE && newcomer->have < sizeof newcomer->hello)
        need = read_hello(newcomer, &failure);
    if (need == TLS_DONE)
        judge(newcomer);
    else if (need >= TLS_LOST)
        turn_away(newcomer, failure.text);
    else
        wait_for(newcomer, need == TLS_NEEDS_WRITE ? EV_WRITE : EV_READ);
}

/* ---- who gives way where many connect ---- */

/* Whoever has a network of his own has addresses without number in it: of IPv6, one network counts as one source. */
static void name_source(struct newcomer *newcomer, const struct sockaddr_storage *from)
{
    if (from->ss_family == AF_INET)
        memcpy(newcomer->source + 8, &((const struct sockaddr_in *)from)->sin_addr, sizeof(struct in_addr));
    else if (from->ss_family == AF_INET6)
        memcpy(newcomer->source, &((const struct sockaddr_in6 *)from)->sin6_addr, 8);
}

static bool is_of_source(const struct newcomer *newcomer, const unsigned char source[16])
{
    return memcmp(newcomer->source, source, sizeof newcomer->source) == 0;
}

static unsigned count_of(const struct receive_channels *channels, const unsigned char source[16])
{
    unsigned n = 0;

    for (const struct newcomer *at = channels->newcomers; at; at = at->next)
        n += is_of_source(at, source);
    return n;
}

/* As many as this migration's sender may have on their way weigh nothing: among those, the oldest gives way. */
static unsigned weight_of(const struct receive_channels *channels, const struct newcomer *newcomer)
{
    const unsigned n = count_of(channels, newcomer->source);

    return n > channels->begin.nr_channels ? n : 0;
}

/*
 * The oldest of `source` that has shown nothing; NULL for `source`: of the one that most have come from.  NULL: all that
 * there are have shown that they know the key.
 */
static struct newcomer *who_gives_way(const struct receive_channels *channels, const unsigned char *source)
{
    struct newcomer *found = NULL;
    unsigned most = 0;

    for (struct newcomer *at = channels->newcomers; at; at = at->next) {
        const unsigned weight = source ? 0 : weight_of(channels, at);

        if (at->has_key || (source && !is_of_source(at, source)) || (found && weight <= most))
            continue;
        found = at;
        most = weight;
    }
    return found;
}

/* -1: this one has no place, and is gone. */
static int make_room_for(struct newcomer *newcomer)
{
    static const char why[] = "too many others connect, and it has not shown the token";
    struct receive_channels *channels = newcomer->channels;
    struct newcomer *yields;

    if (count_of(channels, newcomer->source) > HALF_OPEN_OF_SOURCE_MAX)
        yields = who_gives_way(channels, newcomer->source);
    else if (channels->nr_newcomers > HALF_OPEN_MAX)
        yields = who_gives_way(channels, NULL);
    else
        return 0;
    turn_away(yields, why); /* the newcomer is one of them that have shown nothing: there is one */
    return yields == newcomer ? -1 : 0;
}

/* ---- listening ---- */

static void name_newcomer(struct newcomer *newcomer, const struct sockaddr_storage *from, socklen_t len)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    snprintf(newcomer->who, sizeof newcomer->who, "a process on this host");
    if (from->ss_family != AF_UNIX && getnameinfo((const struct sockaddr *)from, len, host, sizeof host, port,
                                                  sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(newcomer->who, sizeof newcomer->who, "%s port %s", host, port);
}

static struct newcomer *newcomer_new(struct receive_channels *channels, int fd)
{
    struct newcomer *newcomer = calloc(1, sizeof *newcomer), **at = &channels->newcomers;

    if (!newcomer) {
        close(fd);
        return NULL;
    }
    *newcomer = (struct newcomer){
        .channels = channels, .socket_fd = fd, .handed_fd = -1, .deadline_us = now_us() + SHOW_TOKEN_US,
    };
    while (*at)
        at = &(*at)->next;
    *at = newcomer;
    channels->nr_newcomers++;
    newcomer->event = event_new(channels->base, fd, EV_READ, on_newcomer, newcomer);
    if (channels->tls)
        newcomer->ssl = tls_open(channels->tls, fd);
    if (!newcomer->event || (channels->tls && !newcomer->ssl)) {
        newcomer_free(newcomer);
        return NULL;
    }
    return newcomer;
}

static void on_acceptable(evutil_socket_t listen_fd, short what, void *user)
{
    struct receive_channels *channels = user;
    struct sockaddr_storage from = { 0 };
    socklen_t len = sizeof from;
    struct newcomer *newcomer;
    const int on = 1;
    int fd = accept4(listen_fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)what;
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    newcomer = newcomer_new(channels, fd);
    if (!newcomer)
        return;
    name_newcomer(newcomer, &from, len);
    name_source(newcomer, &from);
    if (make_room_for(newcomer) == 0)
        on_newcomer(fd, 0, newcomer); /* a sender's word comes right behind: it need not wait for its turn */
}

static void set_port(struct sockaddr *at, unsigned port)
{
    if (at->sa_family == AF_INET)
        ((struct sockaddr_in *)at)->sin_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in6 *)at)->sin6_port = htons((uint16_t)port);
}

/* With a range: at the first of its ports that nobody else has.  0: it listens; else an errno. */
static int listen_in(struct receive_channels *channels, struct addrinfo *info, const struct port_range *ports)
{
    const int on = 1;
    unsigned port = ports->first;
    int error;

    do {
        channels->listen_fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (channels->listen_fd < 0)
            return errno;
        set_port(info->ai_addr, port);
        if (port) /* connections of earlier moves that the kernel still remembers do not block it */
            (void)setsockopt(channels->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(channels->listen_fd, info->ai_addr, info->ai_addrlen) == 0 && listen(channels->listen_fd, BACKLOG) == 0)
            return 0;
        error = errno;
        close(channels->listen_fd);
        channels->listen_fd = -1;
    } while (error == EADDRINUSE && port++ < ports->last);
    return error;
}

static int tell_port(const struct receive_channels *channels, unsigned *port)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char text[NI_MAXSERV];

    if (getsockname(channels->listen_fd, (struct sockaddr *)&bound, &len) < 0 ||
        getnameinfo((struct sockaddr *)&bound, len, NULL, 0, text, sizeof text, NI_NUMERICSERV) != 0)
        return -1;
    *port = (unsigned)strtoul(text, NULL, 10);
    return 0;
}

/* Only a numeric address of this host's own will do: no name is resolved that a peer chose. */
static int listen_at(struct receive_channels *channels, const char *address, struct failure *failure)
{
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    const struct port_range *ports = &channels->begin.ports;
    struct addrinfo *info = NULL;
    int error;

    if (!address[0])
        return failure_set(failure, "it is not known at which address data should arrive; name it: --data-address");
    if (getaddrinfo(address, "0", &hints, &info) != 0)
        return failure_set(failure, "'%s' is no numeric address", address);
    error = listen_in(channels, info, ports);
    freeaddrinfo(info);
    if (error == EADDRINUSE && ports->first)
        return failure_set(failure, "each port from %u to %u at %s is taken; name more of them: --data-port", ports->first,
                           ports->last, address);
    if (error || tell_port(channels, &channels->where.port) < 0)
        return failure_set(failure, "cannot listen at %s: %s", address, strerror(error ? error : errno));
    snprintf(channels->where.address, sizeof channels->where.address, "%s", address);
    return 0;
}

static int start(struct receive_channels *channels, const char *address, struct failure *failure)
{
    const struct message_begin *begin = &channels->begin;

    if (begin->data == MESSAGE_DATA_INLINE) {
        channels->listen_fd = join_listen(begin->token, channels->path, sizeof channels->path, failure);
        if (channels->listen_fd < 0)
            return -1;
    } else if (listen_at(channels, begin->address[0] ? begin->address : address, failure) < 0) {
        return -1;
    }
    if (begin->data == MESSAGE_DATA_TLS) {
        channels->tls = tls_context_new(true, !begin->rejoin, begin->token, begin->key, failure);
        if (!channels->tls)
            return -1;
    }
    channels->acceptable = event_new(channels->base, channels->listen_fd, EV_READ | EV_PERSIST, on_acceptable, channels);
    if (!channels->acceptable || event_add(channels->acceptable, NULL) < 0)
        return failure_set(failure, "out of memory");
    return 0;
}

struct receive_channels *receive_channels_open(struct event_base *base, const struct message_begin *begin,
                                               const char *address, const struct receive_channels_callbacks *callbacks,
                                               struct failure *failure)
{
    struct receive_channels *channels = calloc(1, sizeof *channels);

    if (!channels) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    *channels = (struct receive_channels){ .base = base, .callbacks = *callbacks, .begin = *begin, .listen_fd = -1 };
    channels->nr_missing = begin->nr_channels - (begin->data == MESSAGE_DATA_INLINE ? 1 : 0);
    for (size_t i = 0; i < MESSAGE_CHANNELS_MAX; i++)
        channels->fds[i] = channels->channels[i].socket_fd = -1;
    if (start(channels, address, failure) == 0)
        return channels;
    receive_channels_close(channels);
    return NULL;
}

void receive_channels_where(const struct receive_channels *channels, struct message_channels *where)
{
    *where = channels->where;
}

const int *receive_channels_fds(const struct receive_channels *channels)
{
    return channels->fds;
}

void receive_channels_lost(struct receive_channels *channels, char *text, size_t size)
{
    text[0] = '\0';
    for (unsigned i = 0; i < channels->begin.nr_channels; i++) {
        struct carrier *carrier = channels->channels[i].carrier;
        struct failure why;
        uint64_t unused;

        if (carrier && carrier_look(carrier, &why, &unused) != CARRIER_GOES) {
            snprintf(text, size, "channel %u of %u was lost: %s", i + 1, channels->begin.nr_channels, why.text);
            return;
        }
    }
}

void receive_channels_rest(struct receive_channels *channels)
{
    if (!channels || channels->listen_fd < 0)
        return;
    stop_listening(channels);
    tell_the_rest(channels);
}

void receive_channels_close(struct receive_channels *channels)
{
    if (!channels)
        return;
    stop_listening(channels);
    for (size_t i = 0; i < MESSAGE_CHANNELS_MAX; i++)
        drop(&channels->channels[i], &channels->fds[i]);
    tls_context_free(channels->tls);
    OPENSSL_cleanse(&channels->begin, sizeof channels->begin);
    free(channels);
}
