/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Which guests may go from one release of Xen to another. */
#include "tests/run-suite.h"
#include "xlmig/vm/release.h"

static const struct {
    const char *from, *to;
    bool older;
} pairs[] = {
    { "Xen 4.20.4", "Xen 4.17.5", true },
    { "Xen 4.17.5", "Xen 4.20.4", false },
    { "Xen 4.17.7", "Xen 4.17.5", false }, /* what a release mends changes no stream */
    { "Xen 4.20.4", "Xen 4.20", false },
    { "Xen 5.0", "Xen 4.21", true },
    { "Xen 4.21", "Xen 5.0", false },
    { "Xen 4.9", "Xen 4.10", false },      /* numbers, not texts */
    { "simulated", "Xen 4.17", false },
    { "Xen 4.17", "simulated", false },
    { "Xen 4", "Xen 3.4", false },
    { "", "", false },
};

START_TEST(only_an_older_release_stands_in_the_way)
{
    const bool older = pairs[_i].older;

    ck_assert_int_eq(release_is_older(pairs[_i].to, pairs[_i].from), older);
    ck_assert_int_eq(release_judge(VM_TYPE_PVH, pairs[_i].from, pairs[_i].to), older ? CHECK_REFUSED : CHECK_OK);
    ck_assert_int_eq(release_judge(VM_TYPE_HVM, pairs[_i].from, pairs[_i].to), older ? CHECK_REFUSED : CHECK_OK);
    ck_assert_int_eq(release_judge(VM_TYPE_PV, pairs[_i].from, pairs[_i].to), older ? CHECK_WARNING : CHECK_OK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("release");
    TCase *tcase = tcase_create("releases");

    tcase_add_loop_test(tcase, only_an_older_release_stands_in_the_way, 0, sizeof pairs / sizeof pairs[0]);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
