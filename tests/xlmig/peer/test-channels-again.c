/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A connection that ends before the first byte is opened anew; one that ends later is lost. */
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

int main(void)
{
    Suite *suite = suite_create("channels-again");
    TCase *tcase = tcase_create("channels-again");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, what_ends_before_all_are_there_is_opened_anew, 0, 4);
    tcase_add_loop_test(tcase, what_ends_each_time_is_lost_in_the_end, 0, 2);
    tcase_add_loop_test(tcase, what_ends_after_the_first_byte_may_follow_is_lost, 0, 2);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
