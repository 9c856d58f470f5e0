/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A list of results: a refusal never gets lost, and what is shown is fit to be shown. */
#include "tests/run-suite.h"
#include "xlmig/vm/check-list.h"

#include <stdio.h>
#include <string.h>

static struct check_list list;

static void dispose(void)
{
    check_list_dispose(&list);
}

START_TEST(an_empty_list_refuses_nothing)
{
    char text[64];

    ck_assert(!check_refuses(&list));
    check_refusals(&list, text, sizeof text);
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(all_refusals_become_one_text)
{
    char text[256];

    check_add(&list, CHECK_OK, "name", "free");
    check_remedy(check_add(&list, CHECK_REFUSED, "memory", "too %s", "little"), "Buy some");
    check_remedy(check_add(&list, CHECK_WARNING, "kernel", "not there"), "Put it there");
    check_add(&list, CHECK_REFUSED, "cpu", "no avx");
    ck_assert(check_refuses(&list));
    ck_assert_uint_eq(check_count(&list, CHECK_REFUSED), 2);
    check_refusals(&list, text, sizeof text);
    ck_assert_str_eq(text, "too little. Buy some;\n  no avx");
    check_refusals(&list, text, 8); /* cut to the room there is */
    ck_assert_str_eq(text, "too lit");
}
END_TEST

START_TEST(a_refusal_finds_room_in_a_full_list)
{
    for (unsigned i = 0; i < CHECKS_MAX; i++)
        ck_assert_ptr_nonnull(check_add(&list, CHECK_WARNING, "disk", "%u", i));
    ck_assert_ptr_null(check_add(&list, CHECK_OK, "disk", "fine"));
    ck_assert_ptr_null(check_add(&list, CHECK_WARNING, "disk", "one more"));
    ck_assert(!check_refuses(&list));
    check_remedy(NULL, "of what got lost");
    check_add(&list, CHECK_REFUSED, "disk", "gone");
    ck_assert(check_refuses(&list));
    ck_assert_uint_eq(list.nr, CHECKS_MAX);
    ck_assert_str_eq(list.checks[CHECKS_MAX - 1].text, "gone");
}
END_TEST

START_TEST(what_could_not_be_noted_refuses)
{
    char text[64];

    list.incomplete = true;
    ck_assert(check_refuses(&list));
    check_refusals(&list, text, sizeof text);
    ck_assert_str_eq(text, "out of memory");
}
END_TEST

START_TEST(what_is_shown_is_cut_and_clean)
{
    char longer[CHECK_TEXT_MAX + 10];
    struct check *check;

    memset(longer, 'x', sizeof longer);
    longer[0] = '\033';
    longer[1] = '\n';
    longer[sizeof longer - 1] = '\0';
    check = check_add(&list, CHECK_OK, longer, "%s", longer);
    check_remedy(check, "%s", longer);
    ck_assert_uint_eq(strlen(check->subject), CHECK_SUBJECT_MAX - 1);
    ck_assert_uint_eq(strlen(check->text), CHECK_TEXT_MAX - 1);
    ck_assert_uint_eq(strlen(check->remedy), CHECK_TEXT_MAX - 1);
    ck_assert_int_eq(strncmp(check->subject, "  x", 3), 0);
    ck_assert_int_eq(strncmp(check->text, "  x", 3), 0);
    ck_assert_int_eq(strncmp(check->remedy, "  x", 3), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("check-list");
    TCase *tcase = tcase_create("lists");

    tcase_add_checked_fixture(tcase, NULL, dispose);
    tcase_add_test(tcase, an_empty_list_refuses_nothing);
    tcase_add_test(tcase, all_refusals_become_one_text);
    tcase_add_test(tcase, a_refusal_finds_room_in_a_full_list);
    tcase_add_test(tcase, what_could_not_be_noted_refuses);
    tcase_add_test(tcase, what_is_shown_is_cut_and_clean);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
