/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The figures of a move, from the engine's events to the display and the report. */
#include "config.h"

#include "tests/run-suite.h"
#include "xlmig/watch/display.h"
#include "xlmig/watch/progress.h"
#include "xlmig/watch/move.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)
#define START_US (1000 * SECOND_US)

static struct move move;

static void begin(void)
{
    move_init(&move, START_US);
    strcpy(move.vm, "web1");
    strcpy(move.to, "hostb");
}

static void progress(uint64_t at_us, unsigned round, uint64_t done, uint64_t total, uint64_t bytes)
{
    struct helper_event e = {
        .kind = HELPER_PROGRESS, .phase = "precopy", .round = round, .done = done, .total = total, .bytes = bytes,
        .dirty_per_s = 1000, .predicted_us = 150000, .kinds[HELPER_KIND_DATA] = { bytes / 4096, bytes },
    };

    move_event(&move, &e, START_US + at_us);
}

static struct json_object *get(struct json_object *object, const char *name)
{
    struct json_object *field = NULL;

    ck_assert_msg(json_object_object_get_ex(object, name, &field), "no %s", name);
    return field;
}

static uint64_t number(struct json_object *object, const char *name)
{
    return (uint64_t)json_object_get_int64(get(object, name));
}

START_TEST(rates_are_those_of_late)
{
    begin();
    for (unsigned i = 0; i <= 50; i++)
        progress(i * SECOND_US / 5, 1, i * 1000, 100000, i * 1000 * 4096);
    ck_assert_uint_ge(move.bytes_per_s, 5000 * 4096 - 4096);
    ck_assert_uint_le(move.bytes_per_s, 5000 * 4096 + 4096);
    /* 50000 pages of this round at 5000 a second, and the downtime */
    ck_assert_uint_ge(move_eta_us(&move), 10 * SECOND_US);
    ck_assert_uint_le(move_eta_us(&move), 10 * SECOND_US + 200000);
    for (unsigned i = 1; i <= 50; i++)
        progress((50 + i) * SECOND_US / 5, 1, 50000 + i * 100, 100000, (50000 + i * 100) * 4096);
    ck_assert_uint_le(move.bytes_per_s, 550 * 4096);
}
END_TEST

START_TEST(events_that_come_at_once_make_no_rate)
{
    begin();
    progress(0, 1, 0, 100, 0);
    progress(SECOND_US, 1, 10, 100, 1000000);
    progress(SECOND_US + 1, 1, 50, 100, 50000000);
    ck_assert_uint_eq(move.bytes_per_s, 1000000);
}
END_TEST

START_TEST(a_counter_that_goes_back_makes_no_rate)
{
    begin();
    progress(0, 1, 0, 100, 5000);
    progress(SECOND_US, 1, 10, 100, 1000);
    progress(2 * SECOND_US, 2, 0, 100, 500);
    ck_assert_uint_eq(move.bytes_per_s, 0);
    progress(3 * SECOND_US, 2, 200, 100, 600); /* more than there were to be */
    ck_assert_uint_eq(move_eta_us(&move), 0);
}
END_TEST

START_TEST(samples_of_a_long_move_become_sparser)
{
    unsigned seconds = 3 * 3600;

    begin();
    for (unsigned i = 0; i <= 5 * seconds; i++)
        progress(i * SECOND_US / 5, 1, i, 5 * seconds, i * UINT64_C(1000));
    ck_assert_uint_le(move.nr_samples, RUN_SAMPLES_MAX);
    ck_assert_uint_gt(move.nr_samples, RUN_SAMPLES_MAX / 3);
    ck_assert_uint_eq(move.samples[0].at_us, 0);
    ck_assert_uint_gt(move.samples[move.nr_samples - 1].at_us, (seconds - 300) * SECOND_US);
    for (unsigned i = 1; i < move.nr_samples; i++) {
        ck_assert_uint_eq(move.samples[i].at_us - move.samples[i - 1].at_us, move.sample_every_us);
        ck_assert_uint_eq(move.samples[i].bytes_per_s, 5000);
    }
}
END_TEST

static void end_of_round(unsigned n, bool stop, const char *reason)
{
    struct helper_event round = { .kind = HELPER_ROUND, .round = n, .pages = 100 * n, .bytes = 1, .us = 7, .dirtied = n };
    struct helper_event decision = { .kind = HELPER_DECISION, .stop = stop, .predicted_us = 900000,
                                     .predicted_suspend_us = 1, .predicted_copy_us = 2, .predicted_state_us = 3,
                                     .needed_bytes_per_s = 300 << 20 };

    strcpy(decision.reason, reason);
    move_event(&move, &round, START_US + n * SECOND_US);
    move_event(&move, &decision, START_US + n * SECOND_US);
}

START_TEST(a_report_holds_what_happened)
{
    const struct move_result result = { .outcome = "moved", .text = "web1 \"runs\" on hostb", .ok = true,
                                       .total_us = 5, .downtime_us = 4 };
    struct helper_event end = { .kind = HELPER_END, .ok = true, .round = 3, .bytes = 77, .pages_sent = 8, .suspend_us = 1,
                                .stopped_us = 2, .copy_us = 1, .kinds[HELPER_KIND_ZERO] = { 5, 16 }, .nr_channels = 2,
                                .channels = { 40, 37 } };
    struct json_object *o, *rounds;

    begin();
    progress(SECOND_US, 1, 10, 100, 4096);
    end_of_round(1, false, "shrinks");
    end_of_round(2, true, "outrun");
    move_event(&move, &end, START_US + 3 * SECOND_US);
    o = move_report_json(&move, &result, true);
    ck_assert_str_eq(json_object_get_string(get(o, "event")), "report");
    ck_assert_str_eq(json_object_get_string(get(o, "text")), "web1 \"runs\" on hostb");
    ck_assert_str_eq(json_object_get_string(get(o, "reason")), "outrun");
    ck_assert(json_object_get_boolean(get(o, "ok")));
    ck_assert_uint_eq(number(o, "total_us"), 5);
    ck_assert_uint_eq(number(o, "downtime_us"), 4);
    ck_assert_uint_eq(number(o, "rounds"), 3);
    ck_assert_uint_eq(number(o, "needed_bytes_per_s"), 300 << 20);
    ck_assert_uint_eq(number(get(o, "predicted"), "downtime_us"), 900000);
    ck_assert_int_eq(json_object_array_length(get(o, "channels")), 2);
    ck_assert_uint_eq((uint64_t)json_object_get_int64(json_object_array_get_idx(get(get(o, "kinds"), "zero"), 0)), 5);
    rounds = get(o, "history_rounds");
    ck_assert_int_eq(json_object_array_length(rounds), 2);
    ck_assert_str_eq(json_object_get_string(get(json_object_array_get_idx(rounds, 0), "reason")), "shrinks");
    ck_assert_int_eq(json_object_array_length(get(o, "history_samples")), 1);
    ck_assert_ptr_nonnull(strstr(json_object_get_string(get(o, "verdict")), "with 300.0 MiB/s"));
    json_object_put(o);
    o = move_report_json(&move, &result, false);
    ck_assert(!json_object_object_get_ex(o, "history_samples", &rounds));
    json_object_put(o);
}
END_TEST

START_TEST(of_many_rounds_the_last_are_kept)
{
    const struct move_result result = { .text = "" };
    struct json_object *o, *rounds;

    begin();
    for (unsigned n = 1; n <= 300; n++)
        end_of_round(n, false, "waits");
    o = move_report_json(&move, &result, true);
    rounds = get(o, "history_rounds");
    ck_assert_uint_eq(json_object_array_length(rounds), RUN_ROUNDS_MAX);
    ck_assert_uint_eq(number(json_object_array_get_idx(rounds, 0), "round"), 300 - RUN_ROUNDS_MAX + 1);
    ck_assert_uint_eq(number(json_object_array_get_idx(rounds, RUN_ROUNDS_MAX - 1), "round"), 300);
    json_object_put(o);
}
END_TEST

START_TEST(what_fits_needs_no_verdict)
{
    char text[512];

    begin();
    move_verdict(&move, text, sizeof text);
    ck_assert_str_eq(text, "");
    move.limits.max_downtime_us = SECOND_US;
    end_of_round(1, true, "rounds");
    move_verdict(&move, text, sizeof text);
    ck_assert_str_eq(text, "");
    move.limits.max_downtime_us = SECOND_US / 2;
    move_verdict(&move, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "--max-downtime 901ms"));
}
END_TEST

START_TEST(the_view_fits_the_terminal)
{
    struct display_line lines[DISPLAY_LINES_MAX];

    begin();
    ck_assert_uint_eq(display_render(&move, START_US, 80, lines), 1);
    progress(0, 1, 0, 100, 0);
    progress(SECOND_US, 1, 50, 100, UINT64_C(3) << 40);
    move.throttle = 40;
    for (unsigned columns = 1; columns < 300; columns++) {
        unsigned n = display_render(&move, START_US + SECOND_US, columns, lines);

        ck_assert_uint_ge(n, 4);
        ck_assert_uint_le(n, DISPLAY_LINES_MAX);
        for (unsigned i = 0; i < n; i++)
            ck_assert_uint_le(strlen(lines[i].text), columns);
    }
    ck_assert_ptr_nonnull(strstr(lines[0].text, "web1 to hostb  round 1  00:01"));
    ck_assert_ptr_nonnull(strstr(lines[1].text, "[###############...............]  50%"));
    ck_assert_ptr_nonnull(strstr(lines[2].text, "slowed by 40%"));
    ck_assert_ptr_nonnull(strstr(lines[3].text, "data 3.0 TiB"));
}
END_TEST

/* All of it, on more lines, where a terminal is narrow. */
START_TEST(a_narrow_terminal_loses_nothing)
{
    static const char *const pieces[] = {
        "web1 to hostb", "round 1", "00:01", "left", "  50%", "sent 3.0 TiB", "/s", "VM writes 3.9 MiB/s",
        "downtime if stopped now 150.0 ms, allowed 300.0 ms", "slowed by 40%", "data 3.0 TiB",
    };
    struct display_line lines[DISPLAY_LINES_MAX];

    begin();
    progress(0, 1, 0, 100, 0);
    progress(SECOND_US, 1, 50, 100, UINT64_C(3) << 40);
    move.throttle = 40;
    for (unsigned columns = 56; columns <= 80; columns += 4) {
        char all[DISPLAY_LINES_MAX * sizeof lines[0].text] = "";
        unsigned n = display_render(&move, START_US + SECOND_US, columns, lines);

        for (unsigned i = 0; i < n; i++)
            strcat(strcat(all, lines[i].text), "\n");
        for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
            ck_assert_msg(strstr(all, pieces[i]), "%u columns, no %s in:\n%s", columns, pieces[i], all);
    }
}
END_TEST

START_TEST(what_is_waited_for_is_shown)
{
    struct display_line lines[DISPLAY_LINES_MAX];

    begin();
    strcpy(move.waits, "waiting for hostb to answer");
    ck_assert_uint_eq(display_render(&move, START_US + 3 * SECOND_US, 80, lines), 1);
    ck_assert_str_eq(lines[0].text, "web1 to hostb  waiting for hostb to answer  00:03");
}
END_TEST

/* Rounds go on, and the last page of each is never the end. */
START_TEST(a_move_that_is_held_has_no_time_left)
{
    struct display_line lines[DISPLAY_LINES_MAX];
    struct helper_event held = { .kind = HELPER_DECISION, .reason = "held" };

    begin();
    progress(0, 1, 0, 100, 0);
    progress(SECOND_US, 1, 99, 100, 4096);
    display_render(&move, START_US + SECOND_US, 80, lines);
    ck_assert_str_eq(lines[0].text, "web1 to hostb  round 1  00:01  00:01 left");
    move_event(&move, &held, START_US + SECOND_US);
    display_render(&move, START_US + SECOND_US, 80, lines);
    ck_assert_ptr_nonnull(strstr(lines[0].text, "waiting for its devices over there"));
    ck_assert_ptr_null(strstr(lines[0].text, "left"));
    ck_assert_uint_eq(move_eta_us(&move), 0);
}
END_TEST

START_TEST(of_a_file_it_is_known_how_much_is_read)
{
    struct display_line lines[DISPLAY_LINES_MAX];
    struct helper_event e = { .kind = HELPER_PROGRESS, .phase = "static", .bytes = 0 };

    begin();
    move.way = MOVE_READ;
    move_event(&move, &e, START_US);
    e.bytes = 1 << 20;
    move_event(&move, &e, START_US + SECOND_US);
    ck_assert_uint_eq(display_render(&move, START_US + SECOND_US, 80, lines), 2);
    ck_assert_str_eq(lines[1].text, "  read 1.0 MiB  1.0 MiB/s"); /* from a pipe: of how much, nobody knows */
    move.all_bytes = 4 << 20;
    display_render(&move, START_US + SECOND_US, 80, lines);
    ck_assert_ptr_nonnull(strstr(lines[0].text, "00:03 left"));
    ck_assert_str_eq(lines[1].text, "  [#######.......................]  25%  read 1.0 MiB  1.0 MiB/s");
}
END_TEST

START_TEST(a_name_is_not_cut_within_a_character)
{
    struct display_line lines[DISPLAY_LINES_MAX];

    begin();
    strcpy(move.vm, "f\xc3\xbcrth");
    display_render(&move, START_US, 2, lines);
    ck_assert_str_eq(lines[0].text, "f");
    display_render(&move, START_US, 3, lines);
    ck_assert_str_eq(lines[0].text, "f\xc3\xbc");
}
END_TEST

START_TEST(a_prediction_that_is_too_long_stands_out)
{
    struct display_line lines[DISPLAY_LINES_MAX];

    begin();
    move.limits.max_downtime_us = 100000;
    progress(SECOND_US, 1, 50, 100, 4096);
    ck_assert_uint_ge(display_render(&move, START_US, 80, lines), 3);
    ck_assert_int_eq(lines[2].mood, DISPLAY_BAD);
    move.limits.max_downtime_us = 200000;
    display_render(&move, START_US, 80, lines);
    ck_assert_int_eq(lines[2].mood, DISPLAY_PLAIN);
}
END_TEST

START_TEST(clocks)
{
    char text[16];

    ck_assert_str_eq(display_clock(0, text, sizeof text), "00:00");
    ck_assert_str_eq(display_clock(61 * SECOND_US, text, sizeof text), "01:01");
    ck_assert_str_eq(display_clock(3723 * SECOND_US, text, sizeof text), "1:02:03");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("run");
    TCase *tcase = tcase_create("run");

    tcase_add_test(tcase, rates_are_those_of_late);
    tcase_add_test(tcase, events_that_come_at_once_make_no_rate);
    tcase_add_test(tcase, a_counter_that_goes_back_makes_no_rate);
    tcase_add_test(tcase, samples_of_a_long_move_become_sparser);
    tcase_add_test(tcase, a_report_holds_what_happened);
    tcase_add_test(tcase, of_many_rounds_the_last_are_kept);
    tcase_add_test(tcase, what_fits_needs_no_verdict);
    tcase_add_test(tcase, the_view_fits_the_terminal);
    tcase_add_test(tcase, a_narrow_terminal_loses_nothing);
    tcase_add_test(tcase, what_is_waited_for_is_shown);
    tcase_add_test(tcase, a_move_that_is_held_has_no_time_left);
    tcase_add_test(tcase, of_a_file_it_is_known_how_much_is_read);
    tcase_add_test(tcase, a_name_is_not_cut_within_a_character);
    tcase_add_test(tcase, a_prediction_that_is_too_long_stands_out);
    tcase_add_test(tcase, clocks);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
