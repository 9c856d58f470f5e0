/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What others wrote: what may be shown is, what a terminal would obey or a reader would be misled by is not. */
#include "tests/run-suite.h"
#include "xlmig/base/text.h"

#include <stdio.h>
#include <string.h>

static const char *const fit[] = {
    "", "web1", "web 1 ~", "h\xc3\xb6st", "\xe4\xb8\xad\xe6\x96\x87", "\xd0\xb2\xd0\xb5\xd0\xb1", "\xf0\x9f\x90\xa7", "\xef\xbf\xbd",
};

static const struct { const char *text, *shown; } unfit[] = {
    { "a\x1b[31m", "a [31m" },                      /* C0 */
    { "a\nb\t\x7f", "a b  " },
    { "a\xc2\x9b" "31m", "a??31m" },                /* C1, as UTF-8: CSI */
    { "a\xc2\x80\xc2\x9f", "a????" },
    { "a\x9b" "31m", "a?31m" },                     /* and as an octet */
    { "gpj.\xe2\x80\xae" "exe", "gpj.???exe" },     /* turned around */
    { "\xe2\x81\xa6x\xe2\x81\xa9", "???x???" },
    { "\xd8\x9c", "??" },
    { "we\xe2\x80\x8b" "b1", "we???b1" },           /* nothing to be seen */
    { "\xef\xbb\xbfweb1", "???web1" },
    { "a\xe2\x80\xa8" "b", "a???b" },               /* another line */
    { "\xc0\xaf", "??" },                           /* overlong */
    { "\xe0\x80\xaf", "???" },
    { "\xed\xa0\x80", "???" },                      /* half a pair */
    { "\xf4\x90\x80\x80", "????" },                 /* beyond the last */
    { "a\xe4\xb8", "a??" },                         /* cut */
    { "\xff\xfe", "??" },
    { "\xf3\xa0\x81\x81", "????" },                 /* tags */
};

START_TEST(what_may_be_shown_stays)
{
    char text[64];

    for (size_t i = 0; i < sizeof fit / sizeof fit[0]; i++) {
        snprintf(text, sizeof text, "%s", fit[i]);
        ck_assert_msg(text_is_fit(text), "%zu", i);
        make_text_fit(text);
        ck_assert_str_eq(text, fit[i]);
    }
}
END_TEST

START_TEST(what_may_not_is_replaced)
{
    char text[64];

    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
        snprintf(text, sizeof text, "%s", unfit[i].text);
        ck_assert_msg(!text_is_fit(text), "%zu", i);
        make_text_fit(text);
        ck_assert_str_eq(text, unfit[i].shown);
        ck_assert(text_is_fit(text));
    }
}
END_TEST

START_TEST(a_word_for_a_shell)
{
    static const struct {
        const char *text, *word;
    } of[] = {
        { "web1", "web1" }, { "/var/lib/xen/web1", "/var/lib/xen/web1" }, { "", "''" }, { "my vm", "'my vm'" },
        { "it's", "'it'\\''s'" }, { "$(reboot)", "'$(reboot)'" }, { "a;b", "'a;b'" }, { "m\xc3\xbcller", "'m\xc3\xbcller'" },
    };
    char word[SHELL_WORD_SIZE], small[8];

    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        ck_assert_str_eq(shell_word(of[i].text, word, sizeof word), of[i].word);
    ck_assert_uint_lt(strlen(shell_word("'", small, sizeof small)), sizeof small);
}
END_TEST

START_TEST(a_sentence_ends_where_no_command_does)
{
    static const struct {
        const char *text, *stop;
    } of[] = {
        { "there is none", "." }, { "look with: xl list", "" }, { "first: xl rename 5 NAME", "" },
        { "Start one: xlmig-simhost start /tmp/a", "" }, { "take it: scp a b:c", "" }, { "leave out --channels", "" },
        { "to do it nevertheless: --force", "" }, { "xl says: no", "." }, { "first: xl list; then it is gone", "." },
        { "to see it: xl list. Then it goes", "." }, { "Rename one of them (xl rename)", "." },
        { "the --force of the law", "." }, { "", "." },
    };

    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        ck_assert_msg(strcmp(text_stop(of[i].text), of[i].stop) == 0, "%s", of[i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tcase = tcase_create("fit");

    tcase_add_test(tcase, what_may_be_shown_stays);
    tcase_add_test(tcase, what_may_not_is_replaced);
    tcase_add_test(tcase, a_word_for_a_shell);
    tcase_add_test(tcase, a_sentence_ends_where_no_command_does);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
