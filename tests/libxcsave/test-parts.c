/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small parts of the engine: the pre-copy policy, sets of pfns, bitmaps. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/pfnset.h"
#include "libxcsave/xcsave.h"
#include "tests/run-suite.h"

struct policy_case {
    const char *name;
    unsigned rounds_done;
    uint64_t sent, dirty, bytes_per_s;
    struct xcsave_policy_limits limits;
    enum xcsave_decision expected;
    unsigned restart;
};

#define MIB_S (UINT64_C(1) << 20)

static const struct policy_case policy_cases[] = {
    { "an idle guest is stopped at once", 1, 32768, 20, 30 * MIB_S, { 0 }, XCSAVE_STOP_AND_COPY, 0 },
    { "a first round that helped is followed by another", 1, 32768, 4096, 30 * MIB_S, { 0 }, XCSAVE_CONTINUE, 0 },
    { "rounds that shrink go on", 3, 4096, 1000, 30 * MIB_S, { 0 }, XCSAVE_CONTINUE, 0 },
    { "a guest as fast as the link is not chased", 2, 4096, 4096, 30 * MIB_S, { 0 }, XCSAVE_STOP_AND_COPY, 0 },
    { "nor one that is slower by too little", 5, 4096, 3900, 30 * MIB_S, { 0 }, XCSAVE_STOP_AND_COPY, 0 },
    { "the first round never says that", 1, 4096, 4096, 1 * MIB_S, { 0 }, XCSAVE_CONTINUE, 0 },
    { "what fits the downtime is worth a round that halves it", 3, 4096, 1500, 100 * MIB_S, { 0 }, XCSAVE_CONTINUE, 0 },
    { "but none that does not", 3, 4096, 2500, 100 * MIB_S, { 0 }, XCSAVE_STOP_AND_COPY, 0 },
    { "a downtime set lower goes on", 3, 4096, 2500, 100 * MIB_S, { .max_downtime_us = 10000 }, XCSAVE_CONTINUE, 0 },
    { "the limit of rounds ends it", 4, 4096, 1000, 30 * MIB_S, { .max_rounds = 4 }, XCSAVE_STOP_AND_COPY, 0 },
    { "an unknown bandwidth promises nothing", 3, 4096, 2500, 0, { 0 }, XCSAVE_CONTINUE, 0 },
    { "a guest whose memory changed starts over", 2, 4096, 4096, 30 * MIB_S, { 0 }, XCSAVE_CONTINUE, 3 },
    { "but not for ever", 5, 4096, 4096, 30 * MIB_S, { 0 }, XCSAVE_STOP_AND_COPY, 4 },
    { "nor beyond the limit of rounds", 4, 9, 4096, 30 * MIB_S, { .max_rounds = 4 }, XCSAVE_STOP_AND_COPY, 1 },
};

START_TEST(policy)
{
    const struct policy_case *c = &policy_cases[_i];
    struct xcsave_policy_facts facts = {
        .rounds_done = c->rounds_done,
        .dirty_pages = c->dirty,
        .bytes_per_s = c->bytes_per_s,
        .restart = c->restart,
        .last = { .pages = c->sent, .dirtied = c->dirty },
    };

    ck_assert_msg(xcsave_precopy_decide(facts, c->limits) == c->expected, "%s", c->name);
}
END_TEST

START_TEST(a_pfnset_holds_what_was_added)
{
    struct pfnset set;

    ck_assert_int_eq(pfnset_init(&set), 0);
    ck_assert(!pfnset_has(&set, 5));
    ck_assert_int_eq(pfnset_add(&set, 5), 0);
    ck_assert_int_eq(pfnset_add(&set, 5), 0);
    ck_assert_int_eq(pfnset_add(&set, PFNSET_MAX_PFN), 0);
    ck_assert(pfnset_has(&set, 5) && pfnset_has(&set, PFNSET_MAX_PFN) && !pfnset_has(&set, 6));
    ck_assert_uint_eq(set.count, 2);
    pfnset_remove(&set, 5);
    pfnset_remove(&set, 6);
    ck_assert(!pfnset_has(&set, 5));
    ck_assert_uint_eq(set.count, 1);
    pfnset_dispose(&set);
    pfnset_dispose(&set);
}
END_TEST

START_TEST(a_pfnset_refuses_what_no_guest_has)
{
    struct pfnset set;

    ck_assert_int_eq(pfnset_init(&set), 0);
    ck_assert_int_eq(pfnset_add(&set, PFNSET_MAX_PFN + 1), -1);
    ck_assert_int_eq(errno, ERANGE);
    ck_assert(!pfnset_has(&set, UINT64_MAX));
    pfnset_remove(&set, UINT64_MAX);
    pfnset_dispose(&set);
}
END_TEST

START_TEST(bitmap_ranges_and_searches_meet_at_word_edges)
{
    for (uint64_t from = 0; from < 140; from += 3)
        for (uint64_t to = from; to < 200; to += 7) {
            uint64_t map[4] = { 0 };
            uint64_t seen = 0;

            bitmap_set_range(map, from, to);
            ck_assert_uint_eq(bitmap_count(map, 4), to - from);
            for (uint64_t bit = bitmap_next(map, 0, 200); bit < 200; bit = bitmap_next(map, bit + 1, 200), seen++)
                ck_assert(bit >= from && bit < to);
            ck_assert_uint_eq(seen, to - from);
        }
}
END_TEST

START_TEST(a_search_does_not_see_bits_behind_the_end)
{
    uint64_t map[2] = { 0, UINT64_C(1) << 10 };

    ck_assert_uint_eq(bitmap_next(map, 0, 74), 74);
    ck_assert_uint_eq(bitmap_next(map, 0, 75), 74);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("parts");
    TCase *tc = tcase_create("parts");

    tcase_add_loop_test(tc, policy, 0, (int)(sizeof(policy_cases) / sizeof(policy_cases[0])));
    tcase_add_test(tc, a_pfnset_holds_what_was_added);
    tcase_add_test(tc, a_pfnset_refuses_what_no_guest_has);
    tcase_add_test(tc, bitmap_ranges_and_searches_meet_at_word_edges);
    tcase_add_test(tc, a_search_does_not_see_bits_behind_the_end);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
