/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* One VM after the other: who has the turn, who waits, and for how long. */
#include "tests/run-suite.h"
#include "tests/scratch.h"
#include "xlmig/toolstack/libxl/libxl.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[SCRATCH_SIZE];
static struct libxl_turn one, other;

static void set_up(void)
{
    char dir[SCRATCH_SIZE + 8];

    scratch_make(root);
    snprintf(dir, sizeof dir, "%s/run", root);
    setenv("XLMIG_RUNTIME_DIR", dir, 1);
    libxl_turn_init(&one, "devices");
    libxl_turn_init(&other, "devices");
}

static void tear_down(void)
{
    libxl_turn_give(&one);
    libxl_turn_give(&other);
    scratch_remove(root);
}

START_TEST(the_second_waits_for_the_first)
{
    ck_assert(libxl_turn_take(&one));
    ck_assert(libxl_turn_take(&one));
    ck_assert(!libxl_turn_take(&other));
    libxl_turn_give(&one);
    ck_assert(!libxl_turn_take(&other)); /* what it had opened is gone */
    ck_assert(libxl_turn_take(&other));
    ck_assert(!libxl_turn_take(&one));
}
END_TEST

START_TEST(nothing_is_left)
{
    ck_assert(libxl_turn_take(&one));
    ck_assert(!libxl_turn_take(&other));
    libxl_turn_give(&one);
    libxl_turn_give(&other); /* which never had it, and removes nothing of others */
    ck_assert(libxl_turn_take(&one));
    libxl_turn_give(&other);
    ck_assert(!libxl_turn_take(&other));
    libxl_turn_give(&other);
    libxl_turn_give(&one);
    scratch_do(root, "test -z \"$(ls run)\"");
}
END_TEST

START_TEST(another_matter_has_turns_of_its_own)
{
    libxl_turn_init(&other, "matter");
    ck_assert(libxl_turn_take(&one));
    ck_assert(libxl_turn_take(&other));
}
END_TEST

START_TEST(nobody_waits_for_ever)
{
    unsigned looks = 1;

    ck_assert(libxl_turn_take(&one));
    while (!libxl_turn_take(&other))
        looks++;
    ck_assert_uint_eq(looks, TURN_WAIT_MS / TURN_LOOK_MS + 1);
    libxl_turn_give(&other);
    ck_assert(!libxl_turn_take(&other)); /* and waits again, the next time */
}
END_TEST

START_TEST(it_ends_with_its_process)
{
    pid_t child = fork();

    if (child == 0)
        _exit(libxl_turn_take(&one) ? 0 : 1); /* as if it were killed: nothing is given back */
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert(libxl_turn_take(&other));
}
END_TEST

START_TEST(without_a_place_for_the_file_nobody_waits)
{
    setenv("XLMIG_RUNTIME_DIR", "/proc/none/here", 1);
    ck_assert(libxl_turn_take(&one));
    ck_assert(libxl_turn_take(&other));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("libxl-turn");
    TCase *tcase = tcase_create("turns");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_second_waits_for_the_first);
    tcase_add_test(tcase, nothing_is_left);
    tcase_add_test(tcase, another_matter_has_turns_of_its_own);
    tcase_add_test(tcase, nobody_waits_for_ever);
    tcase_add_test(tcase, it_ends_with_its_process);
    tcase_add_test(tcase, without_a_place_for_the_file_nobody_waits);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
