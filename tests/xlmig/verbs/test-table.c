/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The table of verbs. */
#include "tests/run-suite.h"
#include "xlmig/cli/verb.h"

#include <string.h>

START_TEST(every_verb_has_what_help_needs)
{
    for (size_t i = 0; verbs[i]; i++) {
        const struct verb *verb = verbs[i];

        ck_assert_ptr_eq(verb_find(verb->name), verb);
        ck_assert_ptr_nonnull(verb->arguments);
        ck_assert(verb->summary && *verb->summary && verb->run);
        ck_assert(!verb->options || verb->options_size > 0);
        for (const struct verb_option *o = verb->options; o && o->name; o++) {
            ck_assert_msg(o->help && *o->help, "--%s of %s says nothing of itself", o->name, verb->name);
            ck_assert_msg((o->kind == OPTION_FLAG) == (o->argument == NULL), "--%s of %s", o->name, verb->name);
            ck_assert_msg(o->offset < verb->options_size, "--%s of %s", o->name, verb->name);
            for (const struct verb_option *p = verb->options; p != o; p++) {
                ck_assert_msg(strcmp(p->name, o->name) != 0, "--%s of %s twice", o->name, verb->name);
                ck_assert_msg(!o->short_name || p->short_name != o->short_name, "-%c of %s twice", o->short_name,
                              verb->name);
            }
        }
    }
    ck_assert_ptr_null(verb_find("nothing"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("verbs");
    TCase *tcase = tcase_create("verbs");

    tcase_add_test(tcase, every_verb_has_what_help_needs);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
