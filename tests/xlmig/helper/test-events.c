/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The engine's events, from a pipe and from hostile hands. */
#include "libxcsave/xcsave.h"
#include "tests/run-suite.h"
#include "xlmig/helper/events.h"
#include "xlmig/base/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct counts {
    unsigned events, last_round;
};

static void count(void *user, const struct helper_event *event)
{
    struct counts *counts = user;

    counts->events++;
    counts->last_round = event->round;
}

START_TEST(an_event_is_read)
{
    static const char line[] = "{\"event\":\"progress\",\"phase\":\"precopy\",\"round\":2,\"done\":5,\"total\":9,"
                               "\"bytes\":1048576,\"pages_sent\":7,\"pages_skipped\":1,\"elapsed_us\":12}";
    struct helper_event e;

    ck_assert_int_eq(helper_event_parse(line, strlen(line), &e), 0);
    ck_assert_int_eq(e.kind, HELPER_PROGRESS);
    ck_assert_str_eq(e.phase, "precopy");
    ck_assert_uint_eq(e.round, 2);
    ck_assert_uint_eq(e.done, 5);
    ck_assert_uint_eq(e.total, 9);
    ck_assert_uint_eq(e.bytes, 1048576);
    ck_assert_uint_eq(e.us, 12);
}
END_TEST

START_TEST(progress_carries_kinds_and_what_is_expected)
{
    static const char line[] = "{\"event\":\"progress\",\"dirty\":300,\"dirty_per_s\":2000,\"predicted_us\":90000,"
                               "\"throttle\":40,\"kinds\":{\"data\":[7,28672],\"delta\":[2,90],\"strange\":[1,1],"
                               "\"zero\":[-1,\"x\"],\"same\":{}}}";
    struct helper_event e;

    ck_assert_int_eq(helper_event_parse(line, strlen(line), &e), 0);
    ck_assert_uint_eq(e.dirty, 300);
    ck_assert_uint_eq(e.dirty_per_s, 2000);
    ck_assert_uint_eq(e.predicted_us, 90000);
    ck_assert_uint_eq(e.throttle, 40);
    ck_assert_uint_eq(e.kinds[HELPER_KIND_DATA].pages, 7);
    ck_assert_uint_eq(e.kinds[HELPER_KIND_DATA].bytes, 28672);
    ck_assert_uint_eq(e.kinds[HELPER_KIND_DELTA].bytes, 90);
    ck_assert_uint_eq(e.kinds[HELPER_KIND_ZERO].pages, 0);
    ck_assert_uint_eq(e.kinds[HELPER_KIND_SAME].pages, 0);
}
END_TEST

START_TEST(kinds_have_the_names_that_the_engine_gives_them)
{
    ck_assert_int_eq((int)HELPER_NR_KINDS, (int)XCSAVE_NR_KINDS);
    for (unsigned k = 0; k < HELPER_NR_KINDS; k++)
        ck_assert_str_eq(helper_kind_name((enum helper_kind)k), xcsave_kind_name((enum xcsave_kind)k));
}
END_TEST

START_TEST(a_decision_carries_its_reason)
{
    static const char line[] = "{\"event\":\"decision\",\"reason\":\"outrun\",\"stop\":true,\"predicted_us\":6,"
                               "\"predicted_suspend_us\":1,\"predicted_copy_us\":2,\"predicted_state_us\":3,"
                               "\"needed_bytes_per_s\":7}";
    struct helper_event e;

    ck_assert_int_eq(helper_event_parse(line, strlen(line), &e), 0);
    ck_assert_int_eq(e.kind, HELPER_DECISION);
    ck_assert_str_eq(e.reason, "outrun");
    ck_assert(e.stop);
    ck_assert_uint_eq(e.predicted_us, 6);
    ck_assert_uint_eq(e.predicted_suspend_us, 1);
    ck_assert_uint_eq(e.predicted_copy_us, 2);
    ck_assert_uint_eq(e.predicted_state_us, 3);
    ck_assert_uint_eq(e.needed_bytes_per_s, 7);
}
END_TEST

START_TEST(more_channels_than_there_can_be_are_dropped)
{
    char line[2048] = "{\"event\":\"end\",\"channels\":[1";
    struct helper_event e;

    for (int i = 0; i < 200; i++)
        strcat(line, ",2");
    strcat(line, "]}");
    ck_assert_int_eq(helper_event_parse(line, strlen(line), &e), 0);
    ck_assert_uint_eq(e.nr_channels, HELPER_CHANNELS_MAX);
    ck_assert_uint_eq(e.channels[0], 1);
    ck_assert_uint_eq(e.channels[HELPER_CHANNELS_MAX - 1], 2);
}
END_TEST

START_TEST(the_helper_hears_what_it_is_told)
{
    const struct helper_command command = { HELPER_SET_MAX_BANDWIDTH, 1000000 };
    struct event_base *base = loop_new();
    struct counts counts = { 0, 0 };
    struct failure failure = { 0 };
    struct helper_events *events;
    char line[HELPER_COMMAND_LINE_MAX] = "";
    int fd, sent = 0;

    events = helper_events_open(base, &fd, count, &counts);
    ck_assert_int_eq(helper_events_send(events, command, &failure), 0);
    ck_assert_int_gt(read(fd, line, sizeof line - 1), 0);
    ck_assert_str_eq(line, "{\"set\":\"max-bandwidth\",\"value\":1000000}\n");
    /* One that never listens does not block anybody. */
    while (sent < 1000000 && helper_events_send(events, command, &failure) == 0)
        sent++;
    ck_assert_int_lt(sent, 1000000);
    ck_assert_ptr_nonnull(strstr(failure.text, "does not listen"));
    helper_events_close(events);
    close(fd);
    event_base_free(base);
}
END_TEST

START_TEST(an_end_of_a_restore_carries_the_pieces_that_memory_came_in)
{
    static const char line[] = "{\"event\":\"end\",\"ok\":true,\"extents_1g\":1,\"extents_1g_named\":2,"
                               "\"extents_2m\":3,\"extents_4k\":4,\"pages_returned\":5}";
    struct helper_event e;

    ck_assert_int_eq(helper_event_parse(line, strlen(line), &e), 0);
    ck_assert_uint_eq(e.extents.nr_1g, 1);
    ck_assert_uint_eq(e.extents.named_1g, 2);
    ck_assert_uint_eq(e.extents.nr_2m, 3);
    ck_assert_uint_eq(e.extents.nr_4k, 4);
    ck_assert_uint_eq(e.extents.returned, 5);
}
END_TEST

START_TEST(an_end_carries_its_error_and_its_times)
{
    static const char line[] = "{\"event\":\"end\",\"ok\":false,\"error\":\"no \\u001b[1mway\",\"rounds\":3,"
                               "\"total_us\":4,\"suspend_us\":5,\"suspended_at_us\":7,\"stopped_us\":6}";
    struct helper_event e;

    ck_assert_int_eq(helper_event_parse(line, strlen(line), &e), 0);
    ck_assert_int_eq(e.kind, HELPER_END);
    ck_assert(!e.ok);
    ck_assert_str_eq(e.text, "no  [1mway");
    ck_assert_uint_eq(e.round, 3);
    ck_assert_uint_eq(e.us, 4);
    ck_assert_uint_eq(e.stopped_us, 6);
    ck_assert_uint_eq(e.suspended_at_us, 7);
}
END_TEST

static const char *const dropped[] = {
    "", "x", "{", "[]", "{}", "{\"event\":7}", "{\"event\":\"surprise\"}", "null", "{\"event\":{\"a\":{\"b\":{\"c\":{}}}}}",
};

START_TEST(negative_lines_are_dropped)
{
    struct helper_event e;

    ck_assert_msg(helper_event_parse(dropped[_i], strlen(dropped[_i]), &e) == -1, "taken: %s", dropped[_i]);
}
END_TEST

START_TEST(fields_that_make_no_sense_are_zero)
{
    static const char line[] = "{\"event\":\"round\",\"round\":-1,\"pages\":\"many\",\"bytes\":1e3,\"stopped\":1,"
                               "\"us\":99999999999999999999999}";
    struct helper_event e;

    ck_assert_int_eq(helper_event_parse(line, strlen(line), &e), 0);
    ck_assert_uint_eq(e.round, 0);
    ck_assert_uint_eq(e.pages, 0);
    ck_assert_uint_eq(e.bytes, 0);
    ck_assert(!e.stopped);
}
END_TEST

static void write_text(int fd, const char *text)
{
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

START_TEST(lines_come_through_the_pipe_whole)
{
    struct event_base *base = loop_new();
    struct counts counts = { 0, 0 };
    struct helper_events *events;
    int fd;

    events = helper_events_open(base, &fd, count, &counts);
    ck_assert_ptr_nonnull(events);
    write_text(fd, "{\"event\":\"round\",\"rou");
    event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(counts.events, 0);
    write_text(fd, "nd\":4}\nrubbish\n{\"event\":\"round\",\"round\":5}\n");
    event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(counts.events, 2);
    write_text(fd, "{\"event\":\"round\",\"round\":6}\n");
    helper_events_close(events);
    ck_assert_uint_eq(counts.events, 3);
    ck_assert_uint_eq(counts.last_round, 6);
    close(fd);
    event_base_free(base);
}
END_TEST

START_TEST(a_line_without_end_is_dropped_and_the_next_one_is_not)
{
    struct event_base *base = loop_new();
    struct counts counts = { 0, 0 };
    struct helper_events *events;
    char block[8192];
    int fd;

    memset(block, 'x', sizeof block);
    block[sizeof block - 1] = '\0';
    events = helper_events_open(base, &fd, count, &counts);
    for (int i = 0; i < 40; i++) {
        write_text(fd, block);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    write_text(fd, "{\"event\":\"round\",\"round\":1}\n{\"event\":\"round\",\"round\":2}\n");
    event_base_loop(base, EVLOOP_NONBLOCK);
    ck_assert_uint_eq(counts.events, 1);
    ck_assert_uint_eq(counts.last_round, 2);
    helper_events_close(events);
    close(fd);
    event_base_free(base);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("helper-events");
    TCase *tcase = tcase_create("events");

    tcase_add_test(tcase, an_event_is_read);
    tcase_add_test(tcase, progress_carries_kinds_and_what_is_expected);
    tcase_add_test(tcase, kinds_have_the_names_that_the_engine_gives_them);
    tcase_add_test(tcase, a_decision_carries_its_reason);
    tcase_add_test(tcase, more_channels_than_there_can_be_are_dropped);
    tcase_add_test(tcase, the_helper_hears_what_it_is_told);
    tcase_add_test(tcase, an_end_carries_its_error_and_its_times);
    tcase_add_test(tcase, an_end_of_a_restore_carries_the_pieces_that_memory_came_in);
    tcase_add_loop_test(tcase, negative_lines_are_dropped, 0, (int)(sizeof dropped / sizeof dropped[0]));
    tcase_add_test(tcase, fields_that_make_no_sense_are_zero);
    tcase_add_test(tcase, lines_come_through_the_pipe_whole);
    tcase_add_test(tcase, a_line_without_end_is_dropped_and_the_next_one_is_not);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
