/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A channel over several connections: a sender's carrier and a receiver's, and
 * between them a test that hands on as many octets as it likes, and cuts.
 */
#include "config.h"
#include "tests/run-suite.h"
#include "xlmig/base/loop.h"
#include "xlmig/peer/carrier.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 90000
#define SENT_MAX (4u << 20)

static const uint8_t token[MIGRATION_TOKEN_BYTES] = { 1 }, key[MESSAGE_KEY_BYTES] = { 2 };
static struct tls_context *client, *server; /* NULL: plain */
static struct carrier *sender, *receiver;
static int helper_in, helper_out;           /* where one helper writes, and the other reads */
static int near, far;                       /* the test's ends of the connections to either; -1 */
static unsigned char sent[SENT_MAX], received[SENT_MAX];

static void set_up(void)
{
    signal(SIGPIPE, SIG_IGN);
    sender = receiver = NULL;
    client = server = NULL;
    near = far = -1;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (unsigned char)(i * 31 + i / 251);
}

static void use_tls(void)
{
    struct failure failure = { 0 };

    client = tls_context_new(false, false, token, key, &failure);
    server = tls_context_new(true, false, token, key, &failure);
    ck_assert(client && server);
}

static void cut(void)
{
    close(near);
    close(far);
    near = far = -1;
}

static void tear_down(void)
{
    carrier_stop(sender);
    carrier_stop(receiver);
    close(helper_in);
    close(helper_out);
    cut();
    tls_context_free(client);
    tls_context_free(server);
}

static void await(int fd, short what)
{
    struct pollfd p = { .fd = fd, .events = what };

    ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "nothing came");
}

/* As many as there are and there is room for, `most` at the most, from one end to the other. */
static size_t hand_on(int from, int to, size_t most)
{
    unsigned char bytes[1 << 16];
    ssize_t n = recv(from, bytes, most < sizeof bytes ? most : sizeof bytes, MSG_DONTWAIT | MSG_PEEK);

    if (n > 0)
        n = send(to, bytes, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n > 0 ? (size_t)recv(from, bytes, (size_t)n, 0) : 0;
}

/* Both sides' sockets of one more connection; ours are `near` and `far`. */
static void connect_both(int *there, int *here)
{
    int a[2], b[2];

    cut();
    ck_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a) == 0 &&
              socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b) == 0);
    *here = a[0];
    near = a[1];
    far = b[1];
    *there = b[0];
}

static SSL *shake_hands(struct tls_context *context, int fd)
{
    SSL *ssl = tls_open(context, fd);

    ck_assert_ptr_nonnull(ssl);
    return ssl;
}

static void connect_wires(struct wire **of_sender, struct wire **of_receiver)
{
    struct failure failure = { 0 };
    SSL *out = NULL, *in = NULL;
    int here, there;

    connect_both(&there, &here);
    if (client) {
        enum tls_need one = TLS_NEEDS_READ, other = TLS_NEEDS_READ;

        out = shake_hands(client, here);
        in = shake_hands(server, there);
        while (one != TLS_DONE || other != TLS_DONE) {
            one = one == TLS_DONE ? one : tls_handshake(out, &failure);
            hand_on(near, far, SENT_MAX);
            other = other == TLS_DONE ? other : tls_handshake(in, &failure);
            hand_on(far, near, SENT_MAX);
            ck_assert_msg(one < TLS_LOST && other < TLS_LOST, "%s", failure.text);
        }
    }
    *of_sender = wire_new(here, out, &failure);
    *of_receiver = wire_new(there, in, &failure);
    ck_assert_msg(*of_sender && *of_receiver, "%s", failure.text);
}

static void start(unsigned window_bytes)
{
    const struct carrier_spec out = { .sending = true, .lasting = true, .window_bytes = window_bytes },
                              in = { .lasting = true };
    struct wire *of_sender, *of_receiver;
    struct failure failure = { 0 };

    connect_wires(&of_sender, &of_receiver);
    sender = carrier_start(&out, of_sender, &helper_in, &failure);
    receiver = carrier_start(&in, of_receiver, &helper_out, &failure);
    ck_assert_msg(sender && receiver, "%s", failure.text);
}

static void replace(void)
{
    struct wire *of_sender, *of_receiver;

    connect_wires(&of_sender, &of_receiver);
    carrier_replace(receiver, of_receiver);
    carrier_replace(sender, of_sender);
}

/* The receiver's first count, which lets the sender go. */
static void let_go(void)
{
    size_t len = client ? 8 + 22 : 8; /* a record of TLS */

    for (size_t n = 0; n < len; n += hand_on(far, near, len - n))
        await(far, POLLIN);
}

static void helper_writes(size_t at, size_t len)
{
    ck_assert_int_eq(write(helper_in, sent + at, len), (ssize_t)len);
}

/* What has come up to `len` is what was sent, and nothing follows. */
static void arrives(size_t have, size_t len)
{
    struct pollfd p = { .fd = helper_out, .events = POLLIN };
    uint64_t end = now_us() + PATIENCE_MS * 1000u;

    while (have < len && now_us() < end) {
        hand_on(near, far, SENT_MAX);
        hand_on(far, near, SENT_MAX);
        if (poll(&p, 1, 0) > 0) {
            ssize_t n = read(helper_out, received + have, len - have);

            ck_assert_int_gt(n, 0);
            have += (size_t)n;
        }
    }
    ck_assert_uint_eq(have, len);
    ck_assert(memcmp(sent, received, len) == 0);
    ck_assert_int_eq(poll(&p, 1, 0), 0);
}

#define SMALL 200u

/* Before the rest of what was written has come over. */
static void is_cut_after(size_t position, bool tls, bool counts_come_back)
{
    set_up();
    if (tls)
        use_tls();
    start(0);
    let_go();
    helper_writes(0, SMALL);
    for (size_t n = 0; n < position;) {
        await(near, POLLIN);
        n += hand_on(near, far, position - n);
    }
    if (counts_come_back)
        hand_on(far, near, SENT_MAX);
    replace();
    helper_writes(SMALL, SMALL);
    arrives(0, 2 * SMALL);
    tear_down();
}

START_TEST(a_cut_at_any_octet_loses_and_repeats_none)
{
    for (size_t position = 0; position <= SMALL; position++)
        is_cut_after(position, false, _i);
}
END_TEST

START_TEST(a_cut_at_any_octet_of_tls_loses_and_repeats_none)
{
    for (size_t position = 0; position <= SMALL + 22; position++)
        is_cut_after(position, true, _i);
}
END_TEST

/* Writes of any size, cuts anywhere, counts that come or do not; a helper that reads slowly. */
START_TEST(many_cuts_of_a_long_stream)
{
    const char *given = getenv("XLMIG_TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)now_us() ^ (unsigned)getpid(), cuts = 0;
    size_t written = 0, have = 0;
    uint64_t end = now_us() + PATIENCE_MS * 1000u;
    struct pollfd p[2];

    printf("# XLMIG_TEST_SEED=%u\n", seed);
    fflush(stdout);
    srand(seed);
    set_up();
    if (_i)
        use_tls();
    start(1u << 18);
    fcntl(helper_in, F_SETFL, O_NONBLOCK);
    while (have < sizeof sent) {
        ck_assert_msg(now_us() < end, "%zu of %zu after %u cuts", have, written, cuts);
        p[0] = (struct pollfd){ .fd = helper_in, .events = written < sizeof sent ? POLLOUT : 0 };
        p[1] = (struct pollfd){ .fd = helper_out, .events = POLLIN };
        (void)poll(p, 2, 0);
        if (p[0].revents & POLLOUT) {
            size_t len = (size_t)rand() % (rand() % 2 ? 100 : 100000) + 1, left = sizeof sent - written;
            ssize_t n = write(helper_in, sent + written, len < left ? len : left);

            written += n > 0 ? (size_t)n : 0;
        }
        if (p[1].revents & POLLIN && rand() % 4 == 0) {
            ssize_t n = read(helper_out, received + have, 100000 < sizeof sent - have ? 100000 : sizeof sent - have);

            ck_assert_int_gt(n, 0);
            have += (size_t)n;
        }
        hand_on(near, far, (size_t)rand() % 70000 + 1);
        if (rand() % 3 == 0)
            hand_on(far, near, (size_t)rand() % 64 + 1);
        if (rand() % 50 == 0 && cuts < 300) {
            cuts++;
            replace();
        }
    }
    ck_assert_uint_gt(cuts, 0);
    ck_assert(memcmp(sent, received, sizeof sent) == 0);
    tear_down();
}
END_TEST

/* ---- a receiver that is the test ---- */

/* A sender alone; what it says comes out at `far`. */
static void start_sender(unsigned window_bytes, unsigned silence_us)
{
    const struct carrier_spec spec = {
        .sending = true, .lasting = true, .window_bytes = window_bytes, .silence_us = silence_us,
    };
    struct failure failure = { 0 };
    int ends[2];

    set_up();
    helper_out = -1;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    far = ends[1];
    sender = carrier_start(&spec, wire_new(ends[0], NULL, &failure), &helper_in, &failure);
    ck_assert_msg(sender != NULL, "%s", failure.text);
}

static void replace_of_sender(void)
{
    struct failure failure = { 0 };
    int ends[2];

    close(far);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    far = ends[1];
    carrier_replace(sender, wire_new(ends[0], NULL, &failure));
}

static void say_count(uint64_t count)
{
    count = htole64(count);
    ck_assert_int_eq(send(far, &count, sizeof count, MSG_NOSIGNAL), sizeof count);
}

static enum carrier_state await_state(enum carrier_state state, struct failure *why)
{
    uint64_t end = now_us() + PATIENCE_MS * 1000u, unused;

    while (carrier_look(sender, why, &unused) != state && now_us() < end)
        usleep(200);
    return carrier_look(sender, why, &unused);
}

static void takes(size_t len)
{
    for (size_t n = 0; n < len;) {
        ssize_t some;

        await(far, POLLIN);
        some = recv(far, received, len - n < sizeof received ? len - n : sizeof received, 0);
        ck_assert_int_gt(some, 0);
        n += (size_t)some;
    }
}

START_TEST(nothing_is_sent_before_the_first_count)
{
    struct pollfd p;

    start_sender(0, 0);
    helper_writes(0, 1000);
    p = (struct pollfd){ .fd = far, .events = POLLIN };
    ck_assert_int_eq(poll(&p, 1, 50), 0);
    say_count(0);
    takes(1000);
    replace_of_sender();
    p.fd = far;
    ck_assert_int_eq(poll(&p, 1, 50), 0);
    say_count(900);
    takes(100);
    ck_assert_int_eq(poll(&p, 1, 50), 0);
    tear_down();
}
END_TEST

/* Of a receiver that takes all and acknowledges nothing. */
START_TEST(no_more_is_kept_than_the_window)
{
    const unsigned window = 1u << 16, pipe_bytes = 1u << 20;
    size_t written = 0, came = 0;
    struct pollfd p[2];

    start_sender(window, 0);
    fcntl(helper_in, F_SETFL, O_NONBLOCK);
    say_count(0);
    do {
        ssize_t n = write(helper_in, sent, 50000);

        written += n > 0 ? (size_t)n : 0;
        n = recv(far, received, sizeof received, MSG_DONTWAIT);
        came += n > 0 ? (size_t)n : 0;
        p[0] = (struct pollfd){ .fd = helper_in, .events = POLLOUT };
        p[1] = (struct pollfd){ .fd = far, .events = POLLIN };
    } while (poll(p, 2, 300) > 0);
    ck_assert_uint_le(came, window);
    ck_assert_uint_gt(came, 0);
    ck_assert_uint_le(written, window + pipe_bytes);
    say_count(came);
    await(helper_in, POLLOUT);
    await(far, POLLIN);
    tear_down();
}
END_TEST

START_TEST(negative_a_count_of_what_was_not_sent)
{
    struct failure why;

    start_sender(0, 0);
    helper_writes(0, 1000);
    say_count(0);
    takes(1000);
    say_count(1001);
    ck_assert_int_eq(await_state(CARRIER_LOST, &why), CARRIER_LOST);
    ck_assert_ptr_nonnull(strstr(why.text, "what it was not sent"));
    tear_down();
}
END_TEST

START_TEST(negative_a_count_that_goes_back)
{
    struct failure why;

    start_sender(0, 0);
    helper_writes(0, 1000);
    say_count(0);
    takes(1000);
    replace_of_sender();
    say_count(500);
    takes(500); /* it has heard that */
    replace_of_sender();
    say_count(499);
    ck_assert_int_eq(await_state(CARRIER_LOST, &why), CARRIER_LOST);
    tear_down();
}
END_TEST

START_TEST(a_connection_that_falls_silent_is_lost)
{
    struct failure why;

    start_sender(0, 50000);
    ck_assert_int_eq(await_state(CARRIER_LACKS, &why), CARRIER_LACKS);
    ck_assert_ptr_nonnull(strstr(why.text, "nothing was heard"));
    tear_down();
}
END_TEST

/* So a move that is over does not look for its receiver. */
START_TEST(a_connection_that_ends_when_all_has_arrived_is_not_missed_before_there_is_more)
{
    struct failure why;
    uint64_t nr_arrived, end = now_us() + PATIENCE_MS * 1000u;

    start_sender(0, 0);
    helper_writes(0, 1000);
    say_count(0);
    takes(1000);
    say_count(1000);
    shutdown(far, SHUT_WR);
    usleep(50000);
    ck_assert_int_eq(carrier_look(sender, &why, &nr_arrived), CARRIER_GOES);
    helper_writes(0, 1);
    while (carrier_look(sender, &why, &nr_arrived) != CARRIER_LACKS && now_us() < end)
        usleep(200);
    ck_assert_uint_eq(nr_arrived, 1000);
    replace_of_sender();
    say_count(1000);
    takes(1);
    ck_assert_int_eq(await_state(CARRIER_GOES, &why), CARRIER_GOES);
    tear_down();
}
END_TEST

/* ---- a sender that is the test ---- */

START_TEST(a_receiver_says_what_it_has_at_once_and_on_each_connection)
{
    const struct carrier_spec spec = { .lasting = true };
    struct failure failure = { 0 };
    uint64_t count, total = 0;

    set_up();
    helper_in = -1;
    for (unsigned n = 0; n < 3; n++) {
        struct wire *wire;
        int ends[2];

        if (far >= 0)
            close(far);
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
        far = ends[1];
        wire = wire_new(ends[0], NULL, &failure);
        if (receiver)
            carrier_replace(receiver, wire);
        else
            receiver = carrier_start(&spec, wire, &helper_out, &failure);
        await(far, POLLIN);
        ck_assert_int_eq(recv(far, &count, sizeof count, 0), sizeof count);
        ck_assert_uint_eq(le64toh(count), total);
        ck_assert_int_eq(send(far, sent, 77, 0), 77);
        total += 77;
        await(far, POLLIN); /* what came is said soon, however little */
        ck_assert_int_eq(recv(far, &count, sizeof count, 0), sizeof count);
        ck_assert_uint_eq(le64toh(count), total);
    }
    ck_assert_int_eq(read(helper_out, received, sizeof received), (ssize_t)total);
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("carrier");
    TCase *tcase = tcase_create("carrier");

    tcase_set_timeout(tcase, 180);
    tcase_add_loop_test(tcase, a_cut_at_any_octet_loses_and_repeats_none, 0, 2);
    tcase_add_loop_test(tcase, a_cut_at_any_octet_of_tls_loses_and_repeats_none, 0, 2);
    tcase_add_loop_test(tcase, many_cuts_of_a_long_stream, 0, 2);
    tcase_add_test(tcase, nothing_is_sent_before_the_first_count);
    tcase_add_test(tcase, no_more_is_kept_than_the_window);
    tcase_add_test(tcase, negative_a_count_of_what_was_not_sent);
    tcase_add_test(tcase, negative_a_count_that_goes_back);
    tcase_add_test(tcase, a_connection_that_falls_silent_is_lost);
    tcase_add_test(tcase, a_connection_that_ends_when_all_has_arrived_is_not_missed_before_there_is_more);
    tcase_add_test(tcase, a_receiver_says_what_it_has_at_once_and_on_each_connection);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
