/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the save helper is told: written, read, and turned into the engine's knobs. */
#include "config.h"

#include "libxcsave/knobs.h"
#include "tests/run-suite.h"
#include "xlmig/helper/command.h"
#include "xlmig/helper/listener.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const struct helper_command commands[] = {
    { HELPER_SET_MAX_BANDWIDTH, 104857600 }, { HELPER_SET_MAX_BANDWIDTH, 0 }, { HELPER_SET_MAX_BANDWIDTH, INT64_MAX },
    { HELPER_SET_MAX_DOWNTIME, 300000 },     { HELPER_FINISH, 0 },
    { HELPER_RELEASE, 0 },
};

START_TEST(what_is_written_is_read)
{
    char line[HELPER_COMMAND_LINE_MAX];
    struct helper_command got;
    size_t len = helper_command_write(commands[_i], line);

    ck_assert_uint_lt(len, sizeof line);
    ck_assert_int_eq(line[len - 1], '\n');
    ck_assert_int_eq(helper_command_parse(line, len - 1, &got), 0);
    ck_assert_int_eq(got.kind, commands[_i].kind);
    ck_assert_uint_eq(got.value, commands[_i].value);
}
END_TEST

static const char *const dropped[] = {
    "", "x", "[]", "{}", "null", "{\"do\":\"dance\"}", "{\"do\":7}", "{\"set\":\"max-bandwidth\"}",
    "{\"set\":\"max-bandwidth\",\"value\":-1}", "{\"set\":\"max-bandwidth\",\"value\":\"1\"}",
    "{\"set\":\"max-bandwidth\",\"value\":1.5}", "{\"set\":\"min-bandwidth\",\"value\":1}",
    "{\"value\":1}", "{\"set\":{\"a\":{\"b\":{}}},\"value\":1}",
};

START_TEST(negative_lines_are_dropped)
{
    struct helper_command command;

    ck_assert_msg(helper_command_parse(dropped[_i], strlen(dropped[_i]), &command) == -1, "taken: %s", dropped[_i]);
}
END_TEST

static void say(int fd, const char *text)
{
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void wait_for_finish(struct xcsave_knobs *knobs)
{
    const struct timespec ms = { .tv_nsec = 1000000 };

    for (int i = 0; i < 5000 && !knobs_finish_asked(knobs); i++)
        nanosleep(&ms, NULL);
    ck_assert(knobs_finish_asked(knobs));
}

START_TEST(the_knobs_turn)
{
    struct xcsave_knobs *knobs = xcsave_knobs_new(0, 300000);
    struct helper_listener *listener;
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    listener = helper_listener_start(ends[1], knobs);
    ck_assert_ptr_nonnull(listener);
    ck_assert(!ratelimit_holds(&knobs->bandwidth));
    xcsave_knobs_hold(knobs);
    say(ends[0], "{\"set\":\"max-band");
    say(ends[0], "width\",\"value\":65536}\nrubbish\n{\"set\":\"max-downtime\",\"value\":5}\n"
                 "{\"do\":\"release\"}\n{\"do\":\"finish\"}\n");
    wait_for_finish(knobs);
    ck_assert(!knobs_is_held(knobs));
    ck_assert(ratelimit_holds(&knobs->bandwidth));
    ck_assert_uint_eq(knobs->bandwidth.bytes_per_s, 65536);
    ck_assert_uint_eq(knobs_max_downtime_us(knobs), 5);
    helper_listener_stop(listener);
    close(ends[0]);
    close(ends[1]);
    xcsave_knobs_free(knobs);
}
END_TEST

START_TEST(a_line_without_end_is_dropped_and_the_next_one_is_not)
{
    struct xcsave_knobs *knobs = xcsave_knobs_new(0, 7);
    struct helper_listener *listener;
    char block[1024];
    int ends[2];

    memset(block, ' ', sizeof block - 1); /* the rest of it, taken for a line, would be one */
    block[sizeof block - 1] = '\0';
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    listener = helper_listener_start(ends[1], knobs);
    for (int i = 0; i < 20; i++)
        say(ends[0], block);
    say(ends[0], "{\"set\":\"max-downtime\",\"value\":5}\n{\"do\":\"finish\"}\n");
    wait_for_finish(knobs);
    ck_assert_uint_eq(knobs_max_downtime_us(knobs), 7);
    helper_listener_stop(listener);
    close(ends[0]);
    close(ends[1]);
    xcsave_knobs_free(knobs);
}
END_TEST

/* The guest stands still then. */
START_TEST(it_stops_at_once)
{
    struct xcsave_knobs *knobs = xcsave_knobs_new(0, 7);
    struct timespec before, after;
    int ends[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 20; i++)
        helper_listener_stop(helper_listener_start(ends[1], knobs));
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_int_le(after.tv_sec - before.tv_sec, 1);
    close(ends[0]);
    close(ends[1]);
    xcsave_knobs_free(knobs);
}
END_TEST

START_TEST(nobody_to_listen_to_is_no_failure)
{
    struct xcsave_knobs *knobs = xcsave_knobs_new(0, 7);
    int ends[2];

    helper_listener_stop(helper_listener_start(-1, knobs));
    ck_assert_int_eq(pipe(ends), 0);
    struct helper_listener *listener = helper_listener_start(ends[1], knobs); /* cannot be read from */
    ck_assert_ptr_nonnull(listener);
    helper_listener_stop(listener);
    close(ends[0]);
    close(ends[1]);
    xcsave_knobs_free(knobs);
}
END_TEST

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("helper-command");
    TCase *tcase = tcase_create("commands");

    tcase_add_loop_test(tcase, what_is_written_is_read, 0, LENGTH(commands));
    tcase_add_loop_test(tcase, negative_lines_are_dropped, 0, LENGTH(dropped));
    tcase_add_test(tcase, the_knobs_turn);
    tcase_add_test(tcase, a_line_without_end_is_dropped_and_the_next_one_is_not);
    tcase_add_test(tcase, it_stops_at_once);
    tcase_add_test(tcase, nobody_to_listen_to_is_no_failure);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
