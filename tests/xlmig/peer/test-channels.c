/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Connections that carry data: both ends in one loop, and strangers who meddle. */
#include "config.h"
#include "tests/xlmig/peer/channels-world.h"

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

START_TEST(a_hello_with_any_bit_flipped_is_another_channel_another_connection_or_none)
{
    const uint8_t token[MIGRATION_TOKEN_BYTES] = { 7, [15] = 9 };
    unsigned char hello[CHANNEL_HELLO_BYTES];
    uint32_t connection;

    channel_hello_encode(hello, token, 5, 0x01020304);
    ck_assert_int_eq(channel_hello_check(hello, token, &connection), 5);
    ck_assert_uint_eq(connection, 0x01020304);
    for (size_t bit = 0; bit < sizeof hello * 8; bit++) {
        int channel;

        hello[bit / 8] ^= (unsigned char)(1u << bit % 8);
        channel = channel_hello_check(hello, token, &connection);
        if (bit / 8 == 24 || bit / 8 == 25)
            ck_assert_int_ne(channel, 5);
        else if (bit / 8 >= 26 && bit / 8 < 30)
            ck_assert(channel == 5 && connection == (0x01020304 ^ 1u << (bit - 26 * 8)));
        else
            ck_assert_int_eq(channel, -1);
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
    tcase_add_test(tcase, a_hello_with_any_bit_flipped_is_another_channel_another_connection_or_none);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
