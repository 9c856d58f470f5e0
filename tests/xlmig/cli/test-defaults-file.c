/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The host's file of defaults: what it says arrives, and every mistake is named with file, line and the way out. */
#include "config.h"

#include "tests/run-suite.h"
#include "tests/scratch.h"
#include "xlmig/cli/defaults-file.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct values {
    const char *way;
    unsigned threads;
    uint64_t room, wait;
    bool late, quiet;
};

static bool fits_way(const char *text)
{
    return strcmp(text, "tls") == 0 || strcmp(text, "ssh") == 0;
}

static const struct verb_option options[] = {
    { .name = "way", .kind = OPTION_STRING, .in_file = true, .fits = fits_way, .wants = "tls or ssh",
      OPTION_INTO(struct values, way) },
    { .name = "threads", .kind = OPTION_NUMBER, .in_file = true, OPTION_INTO(struct values, threads) },
    { .name = "max-room", .kind = OPTION_BYTES, .in_file = true, OPTION_INTO(struct values, room) },
    { .name = "wait", .kind = OPTION_DURATION, .in_file = true, OPTION_INTO(struct values, wait) },
    { .name = "late", .kind = OPTION_FLAG, .in_file = true, OPTION_INTO(struct values, late) },
    { .name = "quiet", .kind = OPTION_FLAG, OPTION_INTO(struct values, quiet) },
    OPTIONS_END,
};
static const struct verb_option others[] = {
    { .name = "listen", .kind = OPTION_NUMBER, .in_file = true, .offset = 0 },
    OPTIONS_END,
};
static const struct verb move = { .name = "move", .options = options, .options_size = sizeof(struct values) };
static const struct verb take = { .name = "take", .options = others, .options_size = sizeof(unsigned) };
static const struct verb bare = { .name = "bare" };
static const struct verb *const all[] = { &move, &take, &bare, NULL };

static char folder[SCRATCH_SIZE], path[SCRATCH_SIZE + 16];
static struct defaults_file file;
static struct values values;
static struct failure failure;

static void set_up(void)
{
    scratch_make(folder);
    snprintf(path, sizeof path, "%s/xlmig.conf", folder);
    values = (struct values){ .way = "ssh", .threads = 1 };
    failure = (struct failure){ 0 };
}

static void tear_down(void)
{
    defaults_file_dispose(&file);
    scratch_remove(folder);
}

static int read_text(const char *text, size_t len)
{
    FILE *to = fopen(path, "we");

    ck_assert_ptr_nonnull(to);
    fwrite(text, 1, len, to);
    fclose(to);
    chmod(path, 0644);
    return defaults_file_read(&file, path, all, &move, &values, &failure);
}

START_TEST(what_it_says_arrives)
{
    const char text[] = "# a comment\nway: tls\nthreads: 3   # another\n\nmax-room: 1.5G\nwait: '2m'\nlate: yes\nlisten: 4\n";

    ck_assert_msg(read_text(text, strlen(text)) == 0, "%s", failure.text);
    ck_assert_str_eq(values.way, "tls");
    ck_assert_uint_eq(values.threads, 3);
    ck_assert_uint_eq(values.room, UINT64_C(3) << 29);
    ck_assert_uint_eq(values.wait, 120000000);
    ck_assert(values.late);
}
END_TEST

START_TEST(nothing_in_it_changes_nothing)
{
    ck_assert_int_eq(read_text("", 0), 0);
    ck_assert_int_eq(read_text("# nothing\n", 10), 0);
    ck_assert_str_eq(values.way, "ssh");
    ck_assert_uint_eq(values.threads, 1);
}
END_TEST

static const struct {
    const char *text, *line, *words;
} mistakes[] = {
    { "way: tls\nthread: 3\n", "line 2", "there is no key 'thread'; is 'threads' meant" },
    { "colour: red\n", "line 1", "there is no key 'colour'; xlmig.conf(5) has those" },
    { "\n\nquiet: yes\n", "line 3", "'quiet' is for the command line only; take it out" },
    { "way: tls\n# and\nway: ssh\n", "line 3", "'way' is on line 1 already" },
    { "way: carrier pigeon\n", "line 1", "way is tls or ssh, not 'carrier pigeon'" },
    { "threads: many\n", "line 1", "threads takes a number, not 'many'" },
    { "threads:\n", "line 1", "threads takes a number, not ''" },
    { "max-room: 10Mbit\n", "line 1", "max-room takes a size such as 512K or 1.5G, not '10Mbit'" },
    { "wait: soon\n", "line 1", "wait takes a time such as 300ms or 2s, not 'soon'" },
    { "late: maybe\n", "line 1", "late is yes or no, not 'maybe'" },
    { "listen: here\n", "line 1", "listen takes a number, not 'here'" }, /* of another verb */
    { "way: [tls, ssh]\n", "line 1", "way has one value; write: way: VALUE" },
    { "way:\n  first: tls\n", "line 1", "way has one value" },
    { "- way: tls\n", "line 1", "no list of keys; write on each line: KEY: VALUE" },
    { "way = tls\n", "line 1", "no list of keys" },
    { "? [a]\n: b\n", "line 1", "a key is one word" },
    { "way: tls\n\tthreads: 3\n", "line 2", "write on each line: KEY: VALUE" },
    { "way: \"tls\n", "line", "write on each line" },
    { "way: \"tls\\0x\"\n", "line 1", "cannot have that value" },
    { "way: *unknown\n", "line", "write on each line" },
    { "way: \xff\xfe\n", "line", "write on each line" },
};

START_TEST(a_mistake_is_named_with_its_line)
{
    ck_assert_int_eq(read_text(mistakes[_i].text, strlen(mistakes[_i].text)), -1);
    ck_assert_msg(strncmp(failure.text, path, strlen(path)) == 0, "%s", failure.text);
    ck_assert_msg(strstr(failure.text, mistakes[_i].line) != NULL, "%s", failure.text);
    ck_assert_msg(strstr(failure.text, mistakes[_i].words) != NULL, "%s", failure.text);
}
END_TEST

START_TEST(one_that_anybody_can_write_is_refused)
{
    ck_assert_int_eq(read_text("way: tls\n", 9), 0);
    chmod(path, 0666);
    ck_assert_int_eq(defaults_file_read(&file, path, all, &move, &values, &failure), -1);
    ck_assert_ptr_nonnull(strstr(failure.text, "type: chmod o-w"));
}
END_TEST

START_TEST(one_that_is_named_must_be_there)
{
    ck_assert_int_eq(defaults_file_read(&file, path, all, &move, &values, &failure), -1);
    ck_assert_ptr_nonnull(strstr(failure.text, "No such file"));
    failure = (struct failure){ 0 };
    ck_assert_int_eq(defaults_file_read(&file, folder, all, &move, &values, &failure), -1);
    ck_assert_ptr_nonnull(strstr(failure.text, "Is a directory"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("defaults-file");
    TCase *tcase = tcase_create("files");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_it_says_arrives);
    tcase_add_test(tcase, nothing_in_it_changes_nothing);
    tcase_add_loop_test(tcase, a_mistake_is_named_with_its_line, 0, sizeof mistakes / sizeof mistakes[0]);
    tcase_add_test(tcase, one_that_anybody_can_write_is_refused);
    tcase_add_test(tcase, one_that_is_named_must_be_there);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
