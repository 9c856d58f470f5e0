/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Both ends of the connections that carry data, in one loop, and strangers: for the tests of them. */
#ifndef TESTS_XLMIG_PEER_CHANNELS_WORLD_H
#define TESTS_XLMIG_PEER_CHANNELS_WORLD_H

#include "tests/run-suite.h"
#include "xlmig/peer/join.h"
#include "xlmig/base/loop.h"
#include "xlmig/peer/channels-in.h"
#include "xlmig/peer/channels-out.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_CHANNELS 3u
#define PATIENCE_US 5000000u

static struct event_base *base;
static struct receive_channels *receiver;
static struct send_channels *sender;
static bool complete, ready;
static unsigned nr_refused, nr_replaced;
static uint64_t rejoin_us = PATIENCE_US;
static char refusal[1500], loss[2048];
static char directory[] = "/tmp/xlmig-test-XXXXXX";

static inline void on_complete(void *user)
{
    (void)user;
    complete = true;
}

static inline void on_refused(void *user, const char *text)
{
    (void)user;
    nr_refused++;
    snprintf(refusal, sizeof refusal, "%s", text);
}

static inline void on_ready(void *user)
{
    (void)user;
    ready = true;
}

static inline void on_lost(void *user, const char *text)
{
    (void)user;
    snprintf(loss, sizeof loss, "%s", text);
}

static inline void on_replaced(void *user, const char *text)
{
    (void)user;
    ck_assert_ptr_nonnull(strstr(text, " was lost and replaced: "));
    nr_replaced++;
}

static inline void on_note(void *user, const char *line)
{
    (void)user;
    (void)line;
}

static inline bool loop_until(const bool *done)
{
    uint64_t end = now_us() + PATIENCE_US;

    while (!*done && now_us() < end) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(500);
    }
    return *done;
}

static inline bool loop_until_refused(unsigned times)
{
    uint64_t end = now_us() + PATIENCE_US;

    while (nr_refused < times && now_us() < end) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(500);
    }
    return nr_refused >= times;
}

static inline void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    setenv("XLMIG_RUNTIME_DIR", directory, 1);
    base = loop_new();
}

static inline void tear_down(void)
{
    send_channels_close(sender);
    receive_channels_close(receiver);
    event_base_free(base);
    ck_assert_msg(rmdir(directory) == 0, "something was left in the runtime directory");
}

static inline struct message_begin begin_of(enum message_data data)
{
    return (struct message_begin){
        .image_v1 = true, .nr_channels = NR_CHANNELS, .data = data, .token = { 1, 2, 3 }, .key = { 4, 5, 6 },
    };
}

static inline struct message_channels listen_for(const struct message_begin *begin)
{
    const struct receive_channels_callbacks callbacks = { .complete = on_complete, .refused = on_refused };
    struct message_channels where;
    struct failure failure = { 0 };

    receiver = receive_channels_open(base, begin, "127.0.0.1", &callbacks, &failure);
    ck_assert_msg(receiver != NULL, "%s", failure.text);
    receive_channels_where(receiver, &where);
    return where;
}

static inline void connect_with(const struct message_begin *begin, const struct message_channels *where)
{
    const struct send_channels_callbacks callbacks = {
        .ready = on_ready, .lost = on_lost, .replaced = on_replaced, .note = on_note,
    };
    const struct send_channels_spec spec = { .begin = *begin, .way = "test", .rejoin_us = rejoin_us };
    struct failure failure = { 0 };

    sender = send_channels_open(base, &spec, &callbacks, &failure);
    ck_assert_msg(sender != NULL, "%s", failure.text);
    send_channels_invite(sender, where);
}

/* Where lost connections are replaced. */
static inline struct message_begin lasting_begin_of(enum message_data data)
{
    struct message_begin begin = begin_of(data);

    begin.rejoin = true;
    return begin;
}

/* A connection of a stranger's, from 127.0.0.N or, above 255, 127.0.1.N. */
static inline int stranger_from(unsigned n, const struct message_channels *where)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)where->port) },
                       from = { .sin_family = AF_INET, .sin_addr = { htonl(0x7f000000 + n) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    inet_pton(AF_INET, where->address, &address.sin_addr);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline int stranger(const struct message_channels *where)
{
    return stranger_from(1, where);
}

static inline void say_hello_of(int fd, const uint8_t token[MIGRATION_TOKEN_BYTES], unsigned channel, uint32_t connection)
{
    unsigned char hello[CHANNEL_HELLO_BYTES];

    channel_hello_encode(hello, token, channel, connection);
    ck_assert_int_eq(send(fd, hello, sizeof hello, 0), sizeof hello);
}

static inline void say_hello(int fd, const uint8_t token[MIGRATION_TOKEN_BYTES], unsigned channel)
{
    say_hello_of(fd, token, channel, 0);
}

/* It was hung up on, without a byte. */
static inline bool got_nothing(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char byte;

    return poll(&p, 1, 2000) > 0 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

static inline bool is_hung_up(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, 0) > 0;
}

static inline void everybody_arrives(const struct message_begin *begin, const struct message_channels *where)
{
    connect_with(begin, where);
    ck_assert_msg(loop_until(&ready) && loop_until(&complete), "%s %s", loss, refusal);
}

/* `len` bytes from each channel's writer to its reader; another process writes. */
static inline void carries(size_t len)
{
    static unsigned char sent[1 << 20], received[1 << 20];

    for (unsigned i = 0; i < NR_CHANNELS; i++) {
        size_t have = 0;
        pid_t pid;

        for (size_t at = 0; at < len; at++)
            sent[at] = (unsigned char)(at * 7 + at / 4096 + i);
        pid = fork();
        if (pid == 0)
            _exit(write(send_channels_fds(sender)[i], sent, len) == (ssize_t)len ? 0 : 1);
        while (have < len) {
            struct pollfd p = { .fd = receive_channels_fds(receiver)[i], .events = POLLIN };
            ssize_t n;

            ck_assert_int_gt(poll(&p, 1, 5000), 0);
            n = read(p.fd, received + have, len - have);
            ck_assert_int_gt(n, 0);
            have += (size_t)n;
        }
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert(memcmp(sent, received, len) == 0);
    }
}

static const enum message_data ways[] = { MESSAGE_DATA_TCP, MESSAGE_DATA_TLS };

#endif
