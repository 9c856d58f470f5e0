/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Connections that carry data: both ends in one loop, and strangers who meddle. */
#include "config.h"
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
static unsigned nr_refused;
static char refusal[1500], loss[2048];
static char directory[] = "/tmp/xlmig-test-XXXXXX";

static void on_complete(void *user)
{
    (void)user;
    complete = true;
}

static void on_refused(void *user, const char *text)
{
    (void)user;
    nr_refused++;
    snprintf(refusal, sizeof refusal, "%s", text);
}

static void on_ready(void *user)
{
    (void)user;
    ready = true;
}

static void on_lost(void *user, const char *text)
{
    (void)user;
    snprintf(loss, sizeof loss, "%s", text);
}

static void on_note(void *user, const char *line)
{
    (void)user;
    (void)line;
}

static bool loop_until(const bool *done)
{
    uint64_t end = now_us() + PATIENCE_US;

    while (!*done && now_us() < end) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(500);
    }
    return *done;
}

static bool loop_until_refused(unsigned times)
{
    uint64_t end = now_us() + PATIENCE_US;

    while (nr_refused < times && now_us() < end) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(500);
    }
    return nr_refused >= times;
}

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    setenv("XLMIG_RUNTIME_DIR", directory, 1);
    base = loop_new();
}

static void tear_down(void)
{
    send_channels_close(sender);
    receive_channels_close(receiver);
    event_base_free(base);
    ck_assert_msg(rmdir(directory) == 0, "something was left in the runtime directory");
}

static struct message_begin begin_of(enum message_data data)
{
    return (struct message_begin){
        .image_v1 = true, .nr_channels = NR_CHANNELS, .data = data, .token = { 1, 2, 3 }, .key = { 4, 5, 6 },
    };
}

static struct message_channels listen_for(const struct message_begin *begin)
{
    const struct receive_channels_callbacks callbacks = { .complete = on_complete, .refused = on_refused };
    struct message_channels where;
    struct failure failure = { 0 };

    receiver = receive_channels_open(base, begin, "127.0.0.1", &callbacks, &failure);
    ck_assert_msg(receiver != NULL, "%s", failure.text);
    receive_channels_where(receiver, &where);
    return where;
}

static void connect_with(const struct message_begin *begin, const struct message_channels *where)
{
    const struct send_channels_callbacks callbacks = { .ready = on_ready, .lost = on_lost, .note = on_note };
    const struct send_channels_spec spec = { .begin = *begin, .way = "test" };
    struct failure failure = { 0 };

    sender = send_channels_open(base, &spec, &callbacks, &failure);
    ck_assert_msg(sender != NULL, "%s", failure.text);
    send_channels_invite(sender, where);
}

/* A connection of a stranger's, from 127.0.0.N or, above 255, 127.0.1.N. */
static int stranger_from(unsigned n, const struct message_channels *where)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)where->port) },
                       from = { .sin_family = AF_INET, .sin_addr = { htonl(0x7f000000 + n) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    inet_pton(AF_INET, where->address, &address.sin_addr);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static int stranger(const struct message_channels *where)
{
    return stranger_from(1, where);
}

static void say_hello(int fd, const uint8_t token[MIGRATION_TOKEN_BYTES], unsigned channel)
{
    unsigned char hello[CHANNEL_HELLO_BYTES];

    channel_hello_encode(hello, token, channel);
    ck_assert_int_eq(send(fd, hello, sizeof hello, 0), sizeof hello);
}

/* It was hung up on, without a byte. */
static bool got_nothing(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char byte;

    return poll(&p, 1, 2000) > 0 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
}

static bool is_hung_up(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, 0) > 0;
}

static void everybody_arrives(const struct message_begin *begin, const struct message_channels *where)
{
    connect_with(begin, where);
    ck_assert_msg(loop_until(&ready) && loop_until(&complete), "%s %s", loss, refusal);
}

/* `len` bytes from each channel's writer to its reader; another process writes. */
static void carries(size_t len)
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

START_TEST(each_channel_carries_its_bytes)
{
    const struct message_begin begin = begin_of(ways[_i]);
    struct message_channels where = listen_for(&begin);

    everybody_arrives(&begin, &where);
    carries(1 << 20);
    ck_assert_str_eq(loss, "");
    ck_assert_uint_eq(nr_refused, 0);
}
END_TEST

START_TEST(nobody_is_listened_to_once_all_are_there)
{
    const struct message_begin begin = begin_of(ways[_i]);
    struct message_channels where = listen_for(&begin);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)where.port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    everybody_arrives(&begin, &where);
    inet_pton(AF_INET, where.address, &address.sin_addr);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
    close(fd);
}
END_TEST

START_TEST(negative_wrong_token)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TCP);
    const uint8_t wrong[MIGRATION_TOKEN_BYTES] = { 1, 2, 4 };
    struct message_channels where = listen_for(&begin);
    int fd = stranger(&where);

    say_hello(fd, wrong, 1);
    ck_assert(loop_until_refused(1));
    ck_assert_ptr_nonnull(strstr(refusal, "127.0.0.1"));
    ck_assert_ptr_nonnull(strstr(refusal, "does not know the token"));
    ck_assert(got_nothing(fd));
    close(fd);
    everybody_arrives(&begin, &where);
}
END_TEST

START_TEST(negative_same_channel_twice)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TCP);
    struct message_channels where = listen_for(&begin);
    int first = stranger(&where), second = stranger(&where);

    say_hello(first, begin.token, 1);
    while (receive_channels_fds(receiver)[1] < 0)
        event_base_loop(base, EVLOOP_ONCE);
    say_hello(second, begin.token, 1);
    ck_assert(loop_until_refused(1));
    ck_assert_ptr_nonnull(strstr(refusal, "there already"));
    ck_assert(got_nothing(second));
    close(first);
    close(second);
}
END_TEST

START_TEST(negative_no_such_channel)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TCP);
    struct message_channels where = listen_for(&begin);
    int fd = stranger(&where);

    say_hello(fd, begin.token, NR_CHANNELS);
    ck_assert(loop_until_refused(1));
    ck_assert_ptr_nonnull(strstr(refusal, "no channel of that number"));
    ck_assert(got_nothing(fd));
    close(fd);
}
END_TEST

/* TLS to one who has another key, then to one who has the right one. */
START_TEST(negative_wrong_key)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TLS);
    struct message_begin wrong = begin;
    struct message_channels where = listen_for(&begin);

    wrong.key[31] ^= 1;
    connect_with(&wrong, &where);
    ck_assert(loop_until_refused(NR_CHANNELS));
    ck_assert_ptr_nonnull(strstr(refusal, "TLS: "));
    ck_assert(!ready && !complete);
    ck_assert_ptr_nonnull(strstr(loss, "was lost: TLS: "));
    send_channels_close(sender);
    everybody_arrives(&begin, &where);
}
END_TEST

START_TEST(negative_key_of_another_migration)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TLS);
    struct message_begin other = begin;
    struct message_channels where = listen_for(&begin);

    other.token[0] ^= 1;
    connect_with(&other, &where);
    ck_assert(loop_until_refused(NR_CHANNELS));
    ck_assert_msg(strstr(refusal, "TLS: ") != NULL, "%s", refusal);
    ck_assert(!ready && !complete);
}
END_TEST

START_TEST(negative_no_tls_where_there_should_be)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TLS);
    struct message_channels where = listen_for(&begin);
    int fd = stranger(&where);

    say_hello(fd, begin.token, 1);
    ck_assert(loop_until_refused(1));
    ck_assert(!complete && receive_channels_fds(receiver)[1] < 0);
    close(fd);
}
END_TEST

/* All that a good connection said to a receiver, said once more to one with the same token and key. */
START_TEST(negative_replayed)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TLS);
    struct message_channels where = listen_for(&begin), middle = { .address = "127.0.0.1" };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof address;
    int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), in[NR_CHANNELS], out[NR_CHANNELS], fd;
    unsigned char said[65536], bytes[16384];
    size_t nr_said = 0;
    unsigned n = 0;

    ck_assert(bind(listen_fd, (struct sockaddr *)&address, len) == 0 && listen(listen_fd, 5) == 0 &&
              getsockname(listen_fd, (struct sockaddr *)&address, &len) == 0);
    middle.port = ntohs(address.sin_port);
    connect_with(&begin, &middle);
    while (!complete) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
        if (fd >= 0) {
            in[n] = fd;
            out[n++] = stranger(&where);
        }
        for (unsigned i = 0; i < n; i++) {
            ssize_t r = recv(in[i], bytes, sizeof bytes, MSG_DONTWAIT);

            if (r > 0 && i == 0) {
                memcpy(said + nr_said, bytes, (size_t)r);
                nr_said += (size_t)r;
            }
            if (r > 0)
                ck_assert_int_eq(send(out[i], bytes, (size_t)r, 0), r);
            r = recv(out[i], bytes, sizeof bytes, MSG_DONTWAIT);
            if (r > 0)
                ck_assert_int_eq(send(in[i], bytes, (size_t)r, 0), r);
        }
    }
    ck_assert_uint_gt(nr_said, 200);
    send_channels_close(sender);
    sender = NULL;
    receive_channels_close(receiver);
    complete = false;
    where = listen_for(&begin);
    fd = stranger(&where);
    ck_assert_int_eq(send(fd, said, nr_said, 0), (ssize_t)nr_said);
    ck_assert(loop_until_refused(1));
    ck_assert_msg(strstr(refusal, "TLS: ") != NULL, "%s", refusal);
    ck_assert(!complete);
    for (unsigned i = 0; i < n; i++) {
        close(in[i]);
        close(out[i]);
    }
    close(fd);
    close(listen_fd);
}
END_TEST

START_TEST(those_who_only_connect_give_way)
{
    const struct message_begin begin = begin_of(ways[_i]);
    struct message_channels where = listen_for(&begin);
    int fds[70];

    for (size_t i = 0; i < 70; i++) {
        fds[i] = stranger(&where);
        event_base_loop(base, EVLOOP_ONCE);
    }
    ck_assert(loop_until_refused(6));
    ck_assert_ptr_nonnull(strstr(refusal, "too many others"));
    ck_assert(got_nothing(fds[0]));
    everybody_arrives(&begin, &where);
    for (size_t i = 0; i < 70; i++)
        close(fds[i]);
}
END_TEST

#define FLOOD 300u

/* So many strangers connect, one from each address or all from one, and say nothing; each is accepted. */
static void flood(const struct message_channels *where, unsigned from, bool each, int fds[FLOOD], unsigned begin, unsigned end)
{
    for (unsigned i = begin; i < end; i++) {
        fds[i] = stranger_from(each ? from + i : from, where);
        event_base_loop(base, EVLOOP_ONCE);
    }
}

static void let_go(int fds[FLOOD])
{
    for (unsigned i = 0; i < FLOOD; i++)
        close(fds[i]);
}

static bool is_taken(unsigned number)
{
    uint64_t end = now_us() + PATIENCE_US;

    while (receive_channels_fds(receiver)[number] < 0 && now_us() < end)
        event_base_loop(base, EVLOOP_NONBLOCK);
    return receive_channels_fds(receiver)[number] >= 0;
}

/* They have all their places from one address: who was there before them, from another one, keeps his. */
START_TEST(a_flood_from_one_source_takes_no_other_ones_place)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TCP);
    struct message_channels where = listen_for(&begin);
    int slow = stranger(&where), fds[FLOOD];

    flood(&where, 2, false, fds, 0, FLOOD);
    ck_assert(loop_until_refused(100));
    say_hello(slow, begin.token, 1);
    ck_assert_msg(is_taken(1), "%s", refusal);
    ck_assert_ptr_nonnull(strstr(refusal, "127.0.0.2"));
    close(slow);
    let_go(fds);
}
END_TEST

/* As many as the sender of this move may have weigh no more than one. */
START_TEST(a_flood_from_many_sources_takes_the_oldest_places)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TCP);
    struct message_channels where = listen_for(&begin);
    int slow[NR_CHANNELS], fds[FLOOD];

    flood(&where, 2, true, fds, 0, FLOOD / 2);
    for (unsigned i = 0; i < NR_CHANNELS; i++)
        slow[i] = stranger(&where);
    flood(&where, 2, true, fds, FLOOD / 2, FLOOD);
    ck_assert(loop_until_refused(FLOOD + NR_CHANNELS - 256));
    for (unsigned i = 0; i < NR_CHANNELS; i++)
        say_hello(slow[i], begin.token, i);
    ck_assert_msg(loop_until(&complete), "%s", refusal);
    ck_assert(got_nothing(fds[0]));
    for (unsigned i = 0; i < NR_CHANNELS; i++)
        close(slow[i]);
    let_go(fds);
}
END_TEST

/* From the sender's own address, too: whose first message can only be made with the key is not one of them. */
START_TEST(a_flood_does_not_take_the_place_of_one_with_the_key)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TLS);
    struct message_channels where = listen_for(&begin), middle = { .address = "127.0.0.1" };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof address;
    int listen_fd = socket(AF_INET, SOCK_STREAM, 0), in[NR_CHANNELS], out[NR_CHANNELS], fds[FLOOD];
    char bytes[16384];
    ssize_t n;

    ck_assert(bind(listen_fd, (struct sockaddr *)&address, len) == 0 && listen(listen_fd, 5) == 0 &&
              getsockname(listen_fd, (struct sockaddr *)&address, &len) == 0);
    middle.port = ntohs(address.sin_port);
    connect_with(&begin, &middle);
    for (unsigned i = 0; i < NR_CHANNELS; i++) {
        struct pollfd p;

        in[i] = accept(listen_fd, NULL, NULL);
        out[i] = stranger(&where);
        p = (struct pollfd){ .fd = in[i], .events = POLLIN };
        while (poll(&p, 1, 0) == 0)
            event_base_loop(base, EVLOOP_NONBLOCK);
        n = recv(in[i], bytes, sizeof bytes, 0);
        ck_assert_int_eq(send(out[i], bytes, (size_t)n, 0), n);
        p = (struct pollfd){ .fd = out[i], .events = POLLIN };
        while (poll(&p, 1, 0) == 0)
            event_base_loop(base, EVLOOP_NONBLOCK);
    }
    flood(&where, 1, false, fds, 0, FLOOD);
    ck_assert(loop_until_refused(100));
    while (!complete && !loss[0]) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        for (unsigned i = 0; i < NR_CHANNELS; i++) {
            if ((n = recv(out[i], bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
                ck_assert_int_eq(send(in[i], bytes, (size_t)n, 0), n);
            else if (n == 0)
                close(in[i]);
            if ((n = recv(in[i], bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
                ck_assert_int_eq(send(out[i], bytes, (size_t)n, 0), n);
        }
    }
    ck_assert_msg(complete, "%s", loss);
    for (unsigned i = 0; i < NR_CHANNELS; i++) {
        close(in[i]);
        close(out[i]);
    }
    close(listen_fd);
    let_go(fds);
}
END_TEST

START_TEST(a_flood_does_not_fill_the_log)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TCP);
    const uint8_t wrong[MIGRATION_TOKEN_BYTES] = { 1, 2, 4 };
    struct message_channels where = listen_for(&begin);

    for (unsigned i = 0; i < 120; i++) {
        int fd = stranger(&where);

        say_hello(fd, wrong, 1);
        while (!is_hung_up(fd))
            event_base_loop(base, EVLOOP_NONBLOCK);
        close(fd);
    }
    ck_assert_uint_eq(nr_refused, 100);
    everybody_arrives(&begin, &where);
    ck_assert_uint_eq(nr_refused, 101);
    ck_assert_str_eq(refusal, "turned away 20 others");
}
END_TEST

/* ---- a connection that ends before the first byte ---- */

/* Between a sender and the receiver: hands on what comes, or cuts. */
static struct {
    int listen_fd, in[32], out[32];
    unsigned n;
} middle;

static struct message_channels middle_listens(void)
{
    struct message_channels where = { .address = "127.0.0.1" };
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof address;

    middle.listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    middle.n = 0;
    ck_assert(bind(middle.listen_fd, (struct sockaddr *)&address, len) == 0 && listen(middle.listen_fd, 9) == 0 &&
              getsockname(middle.listen_fd, (struct sockaddr *)&address, &len) == 0);
    where.port = ntohs(address.sin_port);
    return where;
}

/* The next one that connects; false: nobody does. */
static bool middle_accepts(const struct message_channels *where)
{
    int fd = accept4(middle.listen_fd, NULL, NULL, SOCK_NONBLOCK);

    if (fd < 0)
        return false;
    ck_assert_uint_lt(middle.n, 32);
    middle.in[middle.n] = fd;
    middle.out[middle.n++] = stranger(where);
    return true;
}

static void middle_cuts(unsigned i)
{
    close(middle.in[i]);
    close(middle.out[i]);
    middle.in[i] = middle.out[i] = -1;
}

static void middle_hands_on(void)
{
    char bytes[16384];
    ssize_t n;

    for (unsigned i = 0; i < middle.n; i++) {
        if (middle.in[i] < 0)
            continue;
        if ((n = recv(middle.in[i], bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
            ck_assert_int_eq(send(middle.out[i], bytes, (size_t)n, MSG_NOSIGNAL), n);
        if ((n = recv(middle.out[i], bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
            ck_assert_int_eq(send(middle.in[i], bytes, (size_t)n, MSG_NOSIGNAL), n);
    }
    event_base_loop(base, EVLOOP_NONBLOCK);
    usleep(200);
}

static void middle_ends(void)
{
    for (unsigned i = 0; i < middle.n; i++)
        if (middle.in[i] >= 0)
            middle_cuts(i);
    close(middle.listen_fd);
}

static unsigned nr_taken(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < NR_CHANNELS; i++)
        n += receive_channels_fds(receiver)[i] >= 0;
    return n;
}

/* Cut before a byte of it was handed on, and once the receiver has taken it. */
START_TEST(what_ends_before_all_are_there_is_opened_anew)
{
    const struct message_begin begin = begin_of(ways[_i % 2]);
    struct message_channels where = listen_for(&begin), there = middle_listens();
    uint64_t end = now_us() + 2 * PATIENCE_US;

    connect_with(&begin, &there);
    while (!middle_accepts(&where))
        event_base_loop(base, EVLOOP_NONBLOCK);
    while (_i >= 2 && nr_taken() == 0 && now_us() < end)
        middle_hands_on();
    middle_cuts(0);
    while (!complete && !loss[0] && now_us() < end) {
        middle_accepts(&where);
        middle_hands_on();
    }
    ck_assert_msg(complete && ready && !loss[0], "%s %s", loss, refusal);
    ck_assert_uint_eq(middle.n, NR_CHANNELS + 1);
    ck_assert_uint_eq(nr_taken(), NR_CHANNELS);
    ck_assert(send_channels_settle(sender));
    if (ways[_i % 2] == MESSAGE_DATA_TCP) {
        /* What is written now comes out at the other end of the new one. */
        for (unsigned i = 0; i < NR_CHANNELS; i++) {
            char byte = (char)('a' + i), came = 0;
            struct pollfd p = { .fd = receive_channels_fds(receiver)[i], .events = POLLIN };

            ck_assert_int_eq(write(send_channels_fds(sender)[i], &byte, 1), 1);
            while (poll(&p, 1, 0) == 0 && now_us() < end)
                middle_hands_on();
            ck_assert_int_eq(read(p.fd, &came, 1), 1);
            ck_assert_int_eq(came, byte);
        }
    }
    middle_ends();
}
END_TEST

START_TEST(what_ends_each_time_is_lost_in_the_end)
{
    const struct message_begin begin = begin_of(ways[_i]);
    struct message_channels where = listen_for(&begin), there = middle_listens();
    uint64_t end = now_us() + 2 * PATIENCE_US;

    connect_with(&begin, &there);
    while (!loss[0] && now_us() < end) {
        if (middle_accepts(&where))
            middle_cuts(middle.n - 1);
        middle_hands_on();
    }
    ck_assert_ptr_nonnull(strstr(loss, " was lost: "));
    ck_assert_msg(middle.n >= 5, "%u: %s", middle.n, loss);
    ck_assert_uint_le(middle.n, 5 * NR_CHANNELS);
    ck_assert(!complete);
    middle_ends();
}
END_TEST

START_TEST(what_ends_after_the_first_byte_may_follow_is_lost)
{
    const struct message_begin begin = begin_of(ways[_i]);
    struct message_channels where = listen_for(&begin), there = middle_listens();
    uint64_t end = now_us() + PATIENCE_US;

    connect_with(&begin, &there);
    while (!(complete && ready) && now_us() < end) {
        middle_accepts(&where);
        middle_hands_on();
    }
    ck_assert(send_channels_settle(sender));
    middle_cuts(0);
    while (!loss[0] && now_us() < end)
        middle_hands_on();
    ck_assert_ptr_nonnull(strstr(loss, " was lost: "));
    ck_assert(!middle_accepts(&where));
    middle_ends();
}
END_TEST

/* One says nothing, another a part of it. */
START_TEST(those_who_do_not_show_the_token_in_time_are_turned_away)
{
    const struct message_begin begin = begin_of(ways[_i]);
    struct message_channels where = listen_for(&begin);
    int silent = stranger(&where), slow = stranger(&where);
    uint64_t started = now_us();

    while (nr_refused < 2 && now_us() < started + 15000000) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        (void)!send(slow, "\x16", nr_refused == 0 && now_us() % 2000000 < 1000, MSG_NOSIGNAL);
        usleep(1000);
    }
    ck_assert_uint_eq(nr_refused, 2);
    ck_assert_uint_ge(now_us() - started, 9000000);
    ck_assert_ptr_nonnull(strstr(refusal, "in time"));
    close(silent);
    close(slow);
}
END_TEST

START_TEST(a_sender_names_the_channel_that_was_lost)
{
    const struct message_begin begin = begin_of(ways[_i]);
    struct message_channels where = listen_for(&begin);
    uint64_t end = now_us() + PATIENCE_US;
    char text[1000];

    everybody_arrives(&begin, &where);
    ck_assert(!send_channels_lost(sender, text, sizeof text));
    receive_channels_close(receiver);
    receiver = NULL;
    while (!send_channels_lost(sender, text, sizeof text) && now_us() < end)
        usleep(1000);
    ck_assert_msg(strstr(text, " of 3 (") && strstr(text, "127.0.0.1 port ") && strstr(text, ") was lost: "), "%s", text);
    while (!loss[0] && now_us() < end)
        event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_ptr_nonnull(strstr(loss, " was lost: "));
}
END_TEST

/* What the restore started, and what lives as long as the VM, has inherited them. */
START_TEST(copies_of_a_descriptor_do_not_keep_a_channel_open)
{
    const struct message_begin begin = begin_of(ways[_i]);
    struct message_channels where = listen_for(&begin);
    struct pollfd p = { .events = POLLIN };
    char byte;

    everybody_arrives(&begin, &where);
    p.fd = dup(receive_channels_fds(receiver)[1]);
    receive_channels_close(receiver);
    receiver = NULL;
    ck_assert_int_eq(poll(&p, 1, 1000), 1);
    ck_assert_int_eq(read(p.fd, &byte, 1), 0);
    close(p.fd);
}
END_TEST

START_TEST(a_receiver_tells_of_the_channel_that_was_lost)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TLS);
    struct message_channels where = listen_for(&begin);
    uint64_t end = now_us() + PATIENCE_US;
    char text[1000], byte;

    everybody_arrives(&begin, &where);
    send_channels_close(sender);
    sender = NULL;
    ck_assert_int_eq(read(receive_channels_fds(receiver)[0], &byte, 1), 0); /* what the save helper meets */
    do
        receive_channels_lost(receiver, text, sizeof text);
    while (!text[0] && now_us() < end);
    ck_assert_msg(strstr(text, " of 3 was lost: "), "%s", text);
}
END_TEST

START_TEST(an_address_is_needed_and_one_of_this_host)
{
    static const char *const addresses[] = { "", "localhost", "192.0.2.1", "1.2.3.4.5" };
    const struct message_begin begin = begin_of(MESSAGE_DATA_TCP);
    const struct receive_channels_callbacks callbacks = { .complete = on_complete, .refused = on_refused };
    struct failure failure = { 0 };

    ck_assert_ptr_null(receive_channels_open(base, &begin, addresses[_i], &callbacks, &failure));
    ck_assert_str_ne(failure.text, "");
}
END_TEST

/* ---- joins ---- */

/* Another process hands over a pipe as `channel`, says "taken" or why not into it, and ends when it is let go. */
static pid_t joiner(const struct message_begin *begin, unsigned channel)
{
    struct message_join join = { .channel = channel };
    struct failure failure = { 0 };
    int ends[2], fd;
    pid_t pid = fork();
    char byte;

    if (pid != 0)
        return pid;
    memcpy(join.token, begin->token, sizeof join.token);
    if (pipe(ends) < 0)
        _exit(9);
    fd = join_hand_over(&join, ends[0], &failure);
    close(ends[0]);
    if (fd < 0)
        _exit(strstr(failure.text, "no migration") ? 2 : 3);
    (void)!write(ends[1], &channel, sizeof channel);
    _exit(read(fd, &byte, 1) == 0 ? 0 : 4);
}

static int status_of(pid_t pid)
{
    uint64_t end = now_us() + PATIENCE_US;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        ck_assert(now_us() < end);
        if (base)
            event_base_loop(base, EVLOOP_NONBLOCK);
        usleep(500);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(joined_connections_are_handed_over_and_let_go)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_INLINE);
    pid_t one, two;

    listen_for(&begin);
    one = joiner(&begin, 1);
    two = joiner(&begin, 2);
    ck_assert(loop_until(&complete));
    for (unsigned i = 1; i < NR_CHANNELS; i++) {
        unsigned said = 0;

        ck_assert_int_eq(read(receive_channels_fds(receiver)[i], &said, sizeof said), sizeof said);
        ck_assert_uint_eq(said, i);
    }
    ck_assert_int_eq(waitpid(one, NULL, WNOHANG), 0);
    receive_channels_close(receiver);
    receiver = NULL;
    ck_assert_int_eq(status_of(one), 0);
    ck_assert_int_eq(status_of(two), 0);
}
END_TEST

START_TEST(negative_join_twice)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_INLINE);
    pid_t first;

    listen_for(&begin);
    first = joiner(&begin, 1);
    while (receive_channels_fds(receiver)[1] < 0)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert_int_eq(status_of(joiner(&begin, 1)), 3);
    ck_assert_ptr_nonnull(strstr(refusal, "there already"));
    receive_channels_close(receiver);
    receiver = NULL;
    ck_assert_int_eq(status_of(first), 0);
}
END_TEST

START_TEST(negative_join_of_the_connection_that_is_there)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_INLINE);

    listen_for(&begin);
    ck_assert_int_eq(status_of(joiner(&begin, 0)), 3);
    ck_assert_ptr_nonnull(strstr(refusal, "no channel of that number"));
}
END_TEST

START_TEST(negative_join_late_or_with_another_token)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_INLINE);
    struct message_begin other = begin;

    other.token[15] ^= 1;
    listen_for(&begin);
    ck_assert_int_eq(status_of(joiner(&other, 1)), 2);
    receive_channels_close(receiver);
    receiver = NULL;
    ck_assert_int_eq(status_of(joiner(&begin, 1)), 2);
}
END_TEST

START_TEST(a_directory_that_others_may_enter_is_refused)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_INLINE);
    const struct receive_channels_callbacks callbacks = { .complete = on_complete, .refused = on_refused };
    struct failure failure = { 0 };

    ck_assert_int_eq(chmod(directory, 0755), 0);
    ck_assert_ptr_null(receive_channels_open(base, &begin, "", &callbacks, &failure));
    ck_assert_ptr_nonnull(strstr(failure.text, "no directory of this user's alone"));
}
END_TEST

/* ---- the hello ---- */

START_TEST(a_hello_with_any_bit_flipped_is_another_channel_or_none)
{
    const uint8_t token[MIGRATION_TOKEN_BYTES] = { 7, [15] = 9 };
    unsigned char hello[CHANNEL_HELLO_BYTES];

    channel_hello_encode(hello, token, 5);
    ck_assert_int_eq(channel_hello_check(hello, token), 5);
    for (size_t bit = 0; bit < sizeof hello * 8; bit++) {
        hello[bit / 8] ^= (unsigned char)(1u << bit % 8);
        if (bit / 8 == 24 || bit / 8 == 25)
            ck_assert_int_ne(channel_hello_check(hello, token), 5);
        else
            ck_assert_int_eq(channel_hello_check(hello, token), -1);
        hello[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("channels");
    TCase *tcase = tcase_create("channels");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, each_channel_carries_its_bytes, 0, 2);
    tcase_add_loop_test(tcase, nobody_is_listened_to_once_all_are_there, 0, 2);
    tcase_add_test(tcase, negative_wrong_token);
    tcase_add_test(tcase, negative_same_channel_twice);
    tcase_add_test(tcase, negative_no_such_channel);
    tcase_add_test(tcase, negative_wrong_key);
    tcase_add_test(tcase, negative_key_of_another_migration);
    tcase_add_test(tcase, negative_no_tls_where_there_should_be);
    tcase_add_test(tcase, negative_replayed);
    tcase_add_loop_test(tcase, those_who_only_connect_give_way, 0, 2);
    tcase_add_test(tcase, a_flood_from_one_source_takes_no_other_ones_place);
    tcase_add_test(tcase, a_flood_from_many_sources_takes_the_oldest_places);
    tcase_add_test(tcase, a_flood_does_not_take_the_place_of_one_with_the_key);
    tcase_add_test(tcase, a_flood_does_not_fill_the_log);
    tcase_add_loop_test(tcase, what_ends_before_all_are_there_is_opened_anew, 0, 4);
    tcase_add_loop_test(tcase, what_ends_each_time_is_lost_in_the_end, 0, 2);
    tcase_add_loop_test(tcase, what_ends_after_the_first_byte_may_follow_is_lost, 0, 2);
    tcase_add_loop_test(tcase, those_who_do_not_show_the_token_in_time_are_turned_away, 0, 2);
    tcase_add_loop_test(tcase, a_sender_names_the_channel_that_was_lost, 0, 2);
    tcase_add_loop_test(tcase, copies_of_a_descriptor_do_not_keep_a_channel_open, 0, 2);
    tcase_add_test(tcase, a_receiver_tells_of_the_channel_that_was_lost);
    tcase_add_loop_test(tcase, an_address_is_needed_and_one_of_this_host, 0, 4);
    tcase_add_test(tcase, joined_connections_are_handed_over_and_let_go);
    tcase_add_test(tcase, negative_join_twice);
    tcase_add_test(tcase, negative_join_of_the_connection_that_is_there);
    tcase_add_test(tcase, negative_join_late_or_with_another_token);
    tcase_add_test(tcase, a_directory_that_others_may_enter_is_refused);
    tcase_add_test(tcase, a_hello_with_any_bit_flipped_is_another_channel_or_none);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
