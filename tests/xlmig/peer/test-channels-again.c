/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A connection that ends before the first byte is opened anew; one that ends later is lost, or, where both know how, replaced. */
#include "config.h"
#include "tests/xlmig/peer/channels-world.h"

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

/* ---- where lost ones are replaced ---- */

static void everybody_arrives_through(const struct message_begin *begin, const struct message_channels *where,
                                      const struct message_channels *there)
{
    uint64_t end = now_us() + PATIENCE_US;

    connect_with(begin, there);
    while (!(complete && ready) && now_us() < end) {
        middle_accepts(where);
        middle_hands_on();
    }
    ck_assert_msg(complete && ready && send_channels_settle(sender), "%s %s", loss, refusal);
}

/* A byte into each channel, out of each. */
static void each_carries(const struct message_channels *where, char byte)
{
    uint64_t end = now_us() + 2 * PATIENCE_US;

    for (unsigned i = 0; i < NR_CHANNELS; i++)
        ck_assert_int_eq(write(send_channels_fds(sender)[i], &byte, 1), 1);
    for (unsigned i = 0; i < NR_CHANNELS; i++) {
        struct pollfd p = { .fd = receive_channels_fds(receiver)[i], .events = POLLIN };
        char came = 0;

        while (poll(&p, 1, 0) == 0 && !loss[0] && now_us() < end) {
            middle_accepts(where);
            middle_hands_on();
        }
        ck_assert_msg(!loss[0], "%s", loss);
        ck_assert_int_eq(read(p.fd, &came, 1), 1);
        ck_assert_int_eq(came, byte);
    }
}

START_TEST(what_ends_later_is_replaced)
{
    const struct message_begin begin = lasting_begin_of(ways[_i]);
    struct message_channels where = listen_for(&begin), there = middle_listens();

    everybody_arrives_through(&begin, &where, &there);
    each_carries(&where, 'a');
    for (unsigned i = 0; i < NR_CHANNELS; i++)
        middle_cuts(i);
    each_carries(&where, 'b');
    ck_assert_uint_eq(middle.n, 2 * NR_CHANNELS);
    ck_assert_uint_eq(nr_replaced, NR_CHANNELS);
    ck_assert_uint_eq(nr_refused, 0);
    receive_channels_rest(receiver);
    each_carries(&where, 'c');
    middle_ends();
}
END_TEST

START_TEST(what_is_not_replaced_in_time_is_lost)
{
    const struct message_begin begin = lasting_begin_of(ways[_i / 2]);
    struct message_channels where = listen_for(&begin), there = middle_listens();
    uint64_t started, end;

    rejoin_us = _i % 2 ? 600000000 : 300000;
    everybody_arrives_through(&begin, &where, &there);
    if (_i % 2)
        send_channels_hurry(sender);
    each_carries(&where, 'a');
    started = now_us();
    end = started + 12 * PATIENCE_US;
    middle_ends();
    ck_assert_int_eq(write(send_channels_fds(sender)[0], "b", 1), 1);
    while (!loss[0] && now_us() < end)
        event_base_loop(base, EVLOOP_ONCE);
    ck_assert_msg(strstr(loss, " of 3 (") && strstr(loss, "; no other connection could take its place: "), "%s", loss);
    ck_assert_uint_ge(now_us() - started, _i % 2 ? 4900000 : 200000); /* the clock of the loop is no exact one */
    ck_assert_uint_eq(nr_replaced, 0);
}
END_TEST

/* All that is right but the number, and all but the token. */
START_TEST(negative_who_may_not_take_a_place)
{
    const struct message_begin begin = lasting_begin_of(MESSAGE_DATA_TCP);
    const uint8_t wrong[MIGRATION_TOKEN_BYTES] = { 1, 2, 4 };
    struct message_channels where = listen_for(&begin), there = middle_listens();
    int fds[4];

    everybody_arrives_through(&begin, &where, &there);
    middle_cuts(1);
    each_carries(&where, 'a'); /* now channel 1 of them has had two */
    for (unsigned i = 0; i < 4; i++)
        fds[i] = stranger(&where);
    say_hello_of(fds[0], begin.token, 1, 0);
    say_hello_of(fds[1], begin.token, 0, 0);
    say_hello_of(fds[2], wrong, 1, 1000);
    say_hello_of(fds[3], begin.token, NR_CHANNELS, 1000);
    ck_assert(loop_until_refused(4));
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(got_nothing(fds[i]));
        close(fds[i]);
    }
    each_carries(&where, 'b');
    middle_ends();
}
END_TEST

/* Where it was not agreed on, no number but 0 is one. */
START_TEST(negative_a_number_where_none_is_replaced)
{
    const struct message_begin begin = begin_of(MESSAGE_DATA_TCP);
    struct message_channels where = listen_for(&begin);
    int fd = stranger(&where);

    say_hello_of(fd, begin.token, 1, 1);
    ck_assert(loop_until_refused(1));
    ck_assert(got_nothing(fd));
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("channels-again");
    TCase *tcase = tcase_create("channels-again");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_ends_before_all_are_there_is_opened_anew, 0, 4);
    tcase_add_loop_test(tcase, what_ends_each_time_is_lost_in_the_end, 0, 2);
    tcase_add_loop_test(tcase, what_ends_after_the_first_byte_may_follow_is_lost, 0, 2);
    tcase_add_loop_test(tcase, what_ends_later_is_replaced, 0, 2);
    tcase_add_loop_test(tcase, what_is_not_replaced_in_time_is_lost, 0, 3);
    tcase_add_test(tcase, negative_who_may_not_take_a_place);
    tcase_add_test(tcase, negative_a_number_where_none_is_replaced);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
