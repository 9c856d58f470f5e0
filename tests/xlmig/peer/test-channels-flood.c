/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Many strangers connect while a sender is on its way: whose place is taken. */
#include "config.h"
#include "tests/xlmig/peer/channels-world.h"

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

int main(void)
{
    Suite *suite = suite_create("channels-flood");
    TCase *tcase = tcase_create("channels-flood");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, those_who_only_connect_give_way, 0, 2);
    tcase_add_test(tcase, a_flood_from_one_source_takes_no_other_ones_place);
    tcase_add_test(tcase, a_flood_from_many_sources_takes_the_oldest_places);
    tcase_add_test(tcase, a_flood_does_not_take_the_place_of_one_with_the_key);
    tcase_add_test(tcase, a_flood_does_not_fill_the_log);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
