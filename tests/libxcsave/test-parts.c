/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Small parts of the engine: sets of pfns, bitmaps. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/pfnset.h"
#include "tests/run-suite.h"

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

START_TEST(the_lowest_of_a_pfnset_are_taken_first)
{
    static const uint64_t pfns[] = { 70000, 3, 1 << 20, 64, 32767, 32768 };
    struct pfnset set;
    uint64_t taken[8];

    ck_assert_int_eq(pfnset_init(&set), 0);
    ck_assert_uint_eq(pfnset_take(&set, taken, 8), 0);
    for (size_t i = 0; i < sizeof(pfns) / sizeof(pfns[0]); i++)
        ck_assert_int_eq(pfnset_add(&set, pfns[i]), 0);
    ck_assert_uint_eq(pfnset_take(&set, taken, 3), 3);
    ck_assert(taken[0] == 3 && taken[1] == 64 && taken[2] == 32767);
    ck_assert(!pfnset_has(&set, 64) && pfnset_has(&set, 32768));
    ck_assert_uint_eq(pfnset_take(&set, taken, 1), 1);
    ck_assert_uint_eq(taken[0], 32768);
    ck_assert_int_eq(pfnset_add(&set, 5), 0);
    ck_assert_uint_eq(pfnset_take(&set, taken, 8), 3);
    ck_assert(taken[0] == 5 && taken[1] == 70000 && taken[2] == 1 << 20);
    ck_assert_uint_eq(set.count, 0);
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

START_TEST(bits_are_cleared_up_to_and_no_further)
{
    for (uint64_t to = 0; to <= 192; to++) {
        uint64_t map[3] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };

        bitmap_clear_up_to(map, to);
        ck_assert_uint_eq(bitmap_count(map, 3), 192 - to);
        ck_assert_uint_eq(bitmap_next(map, 0, 192), to);
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

    tcase_add_test(tc, a_pfnset_holds_what_was_added);
    tcase_add_test(tc, the_lowest_of_a_pfnset_are_taken_first);
    tcase_add_test(tc, a_pfnset_refuses_what_no_guest_has);
    tcase_add_test(tc, bitmap_ranges_and_searches_meet_at_word_edges);
    tcase_add_test(tc, bits_are_cleared_up_to_and_no_further);
    tcase_add_test(tc, a_search_does_not_see_bits_behind_the_end);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
