/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Journals in a hostile directory: what is no whole record of this user's alone is named, not believed, not removed. */
#include "tests/run-suite.h"
#include "tests/xlmig/handover/journal-case.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t read_file(char bytes[JOURNAL_RECORD_MAX])
{
    int fd = open(in_dir(FILE_OF_BEGIN), O_RDONLY);
    ssize_t n = read(fd, bytes, JOURNAL_RECORD_MAX);

    close(fd);
    ck_assert_int_gt(n, 0);
    return (size_t)n;
}

static void write_file(const char *file, const char *bytes, size_t len)
{
    int fd = open(in_dir(file), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

static void rename_to(const char *file)
{
    char to[400];

    snprintf(to, sizeof to, "%s/%s", dir, file);
    ck_assert_int_eq(rename(in_dir(FILE_OF_BEGIN), to), 0);
}

/* The one file there is named, not believed, not taken, and still there. */
static void check_named(const char *problem)
{
    struct journal *journal;
    struct journal_entry entry = listed(0, 1);

    ck_assert_msg(strstr(entry.problem, problem) != NULL, "'%s', not '%s'", entry.problem, problem);
    ck_assert_str_eq(entry.record.name, "");
    ck_assert_int_eq(take(&journal), JOURNAL_TROUBLE);
    ck_assert_ptr_null(journal);
    ck_assert_str_ne(failure.text, "");
    ck_assert_ptr_null(journal_create(dir, &begin, NULL, &failure));
    listed(0, 1);
}

START_TEST(one_torn_at_any_octet_is_named)
{
    char bytes[JOURNAL_RECORD_MAX];
    size_t len;

    journal_release(create(&begin));
    len = read_file(bytes);
    for (size_t at = 0; at < len; at++) {
        write_file(FILE_OF_BEGIN, bytes, at);
        ck_assert_str_ne(listed(0, 1).problem, "");
    }
    check_named("torn");
}
END_TEST

START_TEST(one_with_any_bit_flipped_is_named)
{
    char bytes[JOURNAL_RECORD_MAX];
    size_t len;

    journal_release(create(&begin));
    len = read_file(bytes);
    for (size_t at = 0; at < len; at++) {
        bytes[at] ^= (char)(1 << at % 8);
        write_file(FILE_OF_BEGIN, bytes, len);
        ck_assert_str_ne(listed(0, 1).problem, "");
        bytes[at] ^= (char)(1 << at % 8);
    }
    write_file(FILE_OF_BEGIN, bytes, len);
    ck_assert_str_eq(listed(0, 1).problem, "");
}
END_TEST

START_TEST(a_symbolic_link_is_not_followed)
{
    journal_release(create(&begin));
    snprintf(path, sizeof path, "mv '%s/" FILE_OF_BEGIN "' '%s/x' && ln -s '%s/x' '%s/" FILE_OF_BEGIN "'", dir, base,
             base, dir);
    ck_assert_int_eq(system(path), 0);
    check_named("symbolic link");
}
END_TEST

START_TEST(a_link_where_a_lock_should_be_is_not_followed)
{
    struct journal *journal;

    journal_release(create(&begin));
    unlink(in_dir(LOCK_OF_BEGIN));
    ck_assert_int_eq(symlink("/tmp/test-journal-no-such-file", path), 0);
    ck_assert_int_eq(take(&journal), JOURNAL_TROUBLE);
    ck_assert_int_lt(access("/tmp/test-journal-no-such-file", F_OK), 0);
}
END_TEST

START_TEST(a_pipe_is_not_waited_for)
{
    journal_release(create(&begin));
    unlink(in_dir(FILE_OF_BEGIN));
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    check_named("no regular file");
}
END_TEST

START_TEST(one_that_others_could_have_written_is_named)
{
    journal_release(create(&begin));
    chmod(in_dir(FILE_OF_BEGIN), 0620);
    check_named("others");
}
END_TEST

START_TEST(one_of_another_users_is_named)
{
    journal_release(create(&begin));
    if (chown(in_dir(FILE_OF_BEGIN), 65534, (gid_t)-1) == 0) /* root can */
        check_named("others");
}
END_TEST

START_TEST(one_with_a_second_name_is_named)
{
    char elsewhere[100];

    journal_release(create(&begin));
    snprintf(elsewhere, sizeof elsewhere, "%s/x", base);
    ck_assert_int_eq(link(in_dir(FILE_OF_BEGIN), elsewhere), 0);
    check_named("other names");
}
END_TEST

START_TEST(one_that_is_too_long_is_named)
{
    journal_release(create(&begin));
    ck_assert_int_eq(truncate(in_dir(FILE_OF_BEGIN), 1 << 30), 0);
    check_named("too long");
}
END_TEST

START_TEST(the_journal_of_another_migration_is_named)
{
    journal_release(create(&begin));
    rename_to("ab010200000000000000000000000001-send");
    ck_assert_ptr_nonnull(strstr(listed(0, 1).problem, "another migration"));
}
END_TEST

START_TEST(a_stray_file_is_named)
{
    journal_release(create(&begin));
    rename_to("notes\033.txt");
    ck_assert_ptr_nonnull(strstr(listed(0, 1).problem, "no journal has such a name"));
    ck_assert_str_eq(listed(0, 1).file, "notes .txt");
}
END_TEST

START_TEST(a_directory_that_is_not_ours_alone_is_refused)
{
    struct journal_entry *entries;
    struct journal *journal;
    size_t nr_entries;

    journal_release(create(&begin));
    chmod(dir, 0770);
    ck_assert_int_eq(journal_list(dir, &entries, &nr_entries, &failure), -1);
    ck_assert_ptr_nonnull(strstr(failure.text, "this user's alone"));
    ck_assert_int_eq(take(&journal), JOURNAL_TROUBLE);
    ck_assert_ptr_null(journal_create(dir, &begin, NULL, &failure));
}
END_TEST

START_TEST(a_link_to_a_directory_is_refused)
{
    struct journal_entry *entries;
    size_t nr_entries;

    journal_release(create(&begin));
    snprintf(path, sizeof path, "mv '%s' '%s/x' && ln -s '%s/x' '%s'", dir, base, base, dir);
    ck_assert_int_eq(system(path), 0);
    ck_assert_int_eq(journal_list(dir, &entries, &nr_entries, &failure), -1);
    ck_assert_ptr_null(journal_create(dir, &begin, NULL, &failure));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal-hostile");
    TCase *hostile = tcase_create("hostile");

    tcase_add_checked_fixture(hostile, make_base, remove_base);
    tcase_set_timeout(hostile, 60);
    tcase_add_test(hostile, one_torn_at_any_octet_is_named);
    tcase_add_test(hostile, one_with_any_bit_flipped_is_named);
    tcase_add_test(hostile, a_symbolic_link_is_not_followed);
    tcase_add_test(hostile, a_link_where_a_lock_should_be_is_not_followed);
    tcase_add_test(hostile, a_pipe_is_not_waited_for);
    tcase_add_test(hostile, one_that_others_could_have_written_is_named);
    tcase_add_test(hostile, one_of_another_users_is_named);
    tcase_add_test(hostile, one_with_a_second_name_is_named);
    tcase_add_test(hostile, one_that_is_too_long_is_named);
    tcase_add_test(hostile, the_journal_of_another_migration_is_named);
    tcase_add_test(hostile, a_stray_file_is_named);
    tcase_add_test(hostile, a_directory_that_is_not_ours_alone_is_refused);
    tcase_add_test(hostile, a_link_to_a_directory_is_refused);
    suite_add_tcase(suite, hostile);
    return run_suite(suite);
}
