/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Options and numbers as people type them. */
#include "tests/run-suite.h"
#include "xlmig/cli/verb.h"

#include <stdlib.h>
#include <string.h>

struct values {
    bool flag;
    const char *string;
    unsigned number;
    uint64_t bytes, duration;
};

static const struct verb_option options[] = {
    { .name = "flag", .short_name = 'f', .kind = OPTION_FLAG, .help = "", OPTION_INTO(struct values, flag) },
    { .name = "string", .short_name = 's', .kind = OPTION_STRING, .argument = "S", .help = "",
      OPTION_INTO(struct values, string) },
    { .name = "number", .kind = OPTION_NUMBER, .argument = "N", .help = "", OPTION_INTO(struct values, number) },
    { .name = "bytes", .kind = OPTION_BYTES, .argument = "B", .help = "", OPTION_INTO(struct values, bytes) },
    { .name = "duration", .kind = OPTION_DURATION, .argument = "T", .help = "",
      OPTION_INTO(struct values, duration) },
    OPTIONS_END,
};

/* A line of words, separated by blanks, after the verb. */
static int read_line(const char *line, bool stop_early, struct values *values, bool *help)
{
    static char copy[256];
    static char *argv[32];
    int argc = 0;

    snprintf(copy, sizeof copy, "verb %s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    *values = (struct values){ .string = "default" };
    *help = false;
    return options_read("test", options, argc, argv, stop_early, values, help);
}

START_TEST(values_arrive_and_arguments_stay)
{
    struct values v;
    bool help;

    ck_assert_int_eq(read_line("-f --string=x --number 7 --bytes 1.5K a --duration 300ms b", false, &v, &help), 9);
    ck_assert(v.flag);
    ck_assert_str_eq(v.string, "x");
    ck_assert_uint_eq(v.number, 7);
    ck_assert_uint_eq(v.bytes, 1536);
    ck_assert_uint_eq(v.duration, 300000);
}
END_TEST

START_TEST(defaults_stay_where_nothing_was_said)
{
    struct values v;
    bool help;

    ck_assert_int_eq(read_line("a", false, &v, &help), 1);
    ck_assert(!v.flag);
    ck_assert_str_eq(v.string, "default");
}
END_TEST

START_TEST(global_options_stop_at_the_verb)
{
    struct values v;
    bool help;

    ck_assert_int_eq(read_line("-s x send --no-such-option", true, &v, &help), 3);
    ck_assert_int_eq(read_line("send -f", true, &v, &help), 1);
    ck_assert(!v.flag);
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
    struct values v;
    bool help;

    ck_assert_int_eq(read_line("-- -f", false, &v, &help), 2);
    ck_assert(!v.flag);
}
END_TEST

START_TEST(help_is_found_wherever_it_stands)
{
    struct values v;
    bool help;

    ck_assert_int_eq(read_line("a --help", false, &v, &help), 0);
    ck_assert(help);
    ck_assert_int_eq(read_line("-h", false, &v, &help), 0);
    ck_assert(help);
}
END_TEST

static const char *const misuses[] = {
    "--nothing", "-x", "--flag=yes", "--string", "-s", "--number x", "--number -1", "--number 4294967296",
    "--bytes 5X", "--duration 3parsecs", "--number=", "--bytes=",
};

START_TEST(negative_options)
{
    struct values v;
    bool help;

    ck_assert_msg(read_line(misuses[_i], false, &v, &help) == -1, "taken: %s", misuses[_i]);
}
END_TEST

static const struct {
    const char *text;
    uint64_t bytes;
} sizes[] = {
    { "0", 0 }, { "1", 1 }, { "64K", 65536 }, { "1.5G", 1610612736 }, { "2T", 2199023255552 }, { "0.5K", 512 },
    { "100m", 104857600 }, { "1k", 1024 }, { "2MiB", 2097152 }, { "1.5g", 1610612736 },
};

START_TEST(sizes_are_read)
{
    uint64_t value;

    ck_assert_int_eq(parse_bytes(sizes[_i].text, &value), 0);
    ck_assert_uint_eq(value, sizes[_i].bytes);
}
END_TEST

static const struct {
    const char *text;
    uint64_t us;
} durations[] = {
    { "0", 0 }, { "2", 2000000 }, { "300ms", 300000 }, { "1.5s", 1500000 }, { "250us", 250 }, { "1.5m", 90000000 },
    { "1h", 3600000000 }, { "5min", 300000000 }, { "30sec", 30000000 },
};

START_TEST(durations_are_read)
{
    uint64_t value;

    ck_assert_int_eq(parse_duration_us(durations[_i].text, &value), 0);
    ck_assert_uint_eq(value, durations[_i].us);
}
END_TEST

static const char *const no_numbers[] = {
    "", "-1", "+1", " 1", "1 ", "1.", ".5", "1..5", "1,5", "0x10", "1e3", "nan", "inf", "99999999999999999999T",
    "1Kx", "1kB", "1MB", "1mins",
};

START_TEST(negative_numbers)
{
    uint64_t value;

    ck_assert_msg(parse_bytes(no_numbers[_i], &value) == -1, "a size: %s", no_numbers[_i]);
    ck_assert_msg(parse_duration_us(no_numbers[_i], &value) == -1, "a time: %s", no_numbers[_i]);
}
END_TEST
#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("options");
    TCase *tcase = tcase_create("options");

    tcase_add_test(tcase, values_arrive_and_arguments_stay);
    tcase_add_test(tcase, defaults_stay_where_nothing_was_said);
    tcase_add_test(tcase, global_options_stop_at_the_verb);
    tcase_add_test(tcase, two_dashes_end_the_options);
    tcase_add_test(tcase, help_is_found_wherever_it_stands);
    tcase_add_loop_test(tcase, negative_options, 0, LENGTH(misuses));
    tcase_add_loop_test(tcase, sizes_are_read, 0, LENGTH(sizes));
    tcase_add_loop_test(tcase, durations_are_read, 0, LENGTH(durations));
    tcase_add_loop_test(tcase, negative_numbers, 0, LENGTH(no_numbers));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
