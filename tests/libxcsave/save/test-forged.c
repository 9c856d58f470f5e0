/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A guest that fills its memory with pages which have one XXH3 and are not one: each arrives as it is.
 *
 * XXH3 of a page is a sum, over lanes of 8 octets, of the lane d and of the product of the halves of d ^ s, where s is
 * of a secret that everybody knows.  Where the upper half of d ^ s is zero, so is the product, whatever the lower half
 * is; and what one lane has more and another one of the same kilobyte less is the same sum.
 */
#include "config.h"

#define XXH_INLINE_ALL /* for the secret */
#include <xxhash.h>

#include <stdlib.h>
#include <string.h>

#include "stream-format/image1/image1.h"
#include "tests/libxcsave/engine-case.h"
#include "tests/run-suite.h"

#define STRIPE_LEN 64u
#define LANE_LEN 8u
#define STRIPES_A_BLOCK ((XXH_SECRET_DEFAULT_SIZE - STRIPE_LEN) / LANE_LEN)

/* A lane of the page's first block, its product zero and its lower half as wanted. */
static void put_lane(uint8_t *page, unsigned stripe, unsigned lane, uint32_t lower)
{
    const uint64_t secret = stream_get_le64(XXH3_kSecret + stripe * LANE_LEN + lane * LANE_LEN);

    stream_put_le64(page + stripe * STRIPE_LEN + lane * LANE_LEN, (secret & ~(uint64_t)UINT32_MAX) | lower);
}

/* Pages of one hash, with other words of the guest's choice in half a kilobyte. */
static void forge(uint8_t page[STREAM_PAGE_SIZE], const char *text)
{
    const size_t len = strlen(text);

    memset(page, 0x5a, STREAM_PAGE_SIZE);
    for (unsigned stripe = 0; stripe < STRIPES_A_BLOCK; stripe += 2)
        for (unsigned lane = 0; lane < STRIPE_LEN / LANE_LEN; lane++) {
            const uint32_t word = (uint8_t)text[(stripe * 4 + lane) % len];

            put_lane(page, stripe, lane, word);
            put_lane(page, stripe + 1, lane, 0x10000 - word);
        }
}

static uint8_t page_of_the_guest[STREAM_PAGE_SIZE], page_of_the_attacker[STREAM_PAGE_SIZE];

static void forge_both(void)
{
    forge(page_of_the_guest, "what the guest's program is");
    forge(page_of_the_attacker, "what somebody else wants it to be");
}

START_TEST(without_a_key_both_are_one)
{
    struct image1_hasher *hasher = image1_hasher_new(NULL);

    forge_both();
    ck_assert_mem_ne(page_of_the_guest, page_of_the_attacker, STREAM_PAGE_SIZE);
    ck_assert(image1_hash_equal(image1_content_hash(hasher, page_of_the_guest),
                                image1_content_hash(hasher, page_of_the_attacker)));
    image1_hasher_free(hasher);
}
END_TEST

START_TEST(with_a_key_they_are_two)
{
    static const uint8_t key[IMAGE1_KEY_LEN] = { 1, [16] = 2 };
    struct image1_hasher *hasher = image1_hasher_new(key);

    forge_both();
    ck_assert(!image1_hash_equal(image1_content_hash(hasher, page_of_the_guest),
                                 image1_content_hash(hasher, page_of_the_attacker)));
    image1_hasher_free(hasher);
}
END_TEST

static void write_page(struct fake_guest *g, uint64_t pfn, const uint8_t *page)
{
    memcpy(g->memory + pfn * GUEST_PAGE_SIZE, page, GUEST_PAGE_SIZE);
    g->dirty[pfn / 64] |= UINT64_C(1) << (pfn % 64);
}

/* In each round the page that was not there, beside one that is the other's twin. */
static void exchange(struct fake_guest *g, unsigned round)
{
    if (round > 4)
        return;
    write_page(g, 7, round % 2 ? page_of_the_attacker : page_of_the_guest);
    write_page(g, 9, round % 2 ? page_of_the_guest : page_of_the_attacker);
}

static const uint64_t readers[] = {
    0, /* this release */
    IMAGE1_FEATURES_KNOWN & ~IMAGE1_FEATURE_INDEX & ~IMAGE1_FEATURE_KEYED, /* one from before keys */
};
#define NR_READERS ((int)(sizeof(readers) / sizeof(readers[0])))

static struct save_case forged_case(int i)
{
    struct save_case c = {
        .guest = fake_guest_new(1024), .way = (enum engine_way)(i / NR_READERS), .live = true,
        .features = readers[i % NR_READERS],
    };

    forge_both();
    return c;
}

/* move() compares the guests octet by octet. */
START_TEST(a_page_that_is_said_to_be_another_is_not_delivered)
{
    struct save_case c = forged_case(_i);

    for (uint64_t pfn = 0; pfn < 100; pfn++)
        write_page(c.guest, pfn, pfn % 2 ? page_of_the_attacker : page_of_the_guest);
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_page_that_changed_is_not_taken_for_unchanged)
{
    struct save_case c = forged_case(_i);

    exchange(c.guest, 0);
    c.guest->script = exchange;
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
}
END_TEST

static void touch_all(struct fake_guest *g, unsigned round)
{
    if (round == 1)
        memset(g->dirty, 0xff, g->nr_pfns / 8);
}

START_TEST(nothing_rests_on_a_hash_without_a_key)
{
    struct save_case c = forged_case(2 * _i + 1);

    memset(c.guest->memory, 0x33, 1024 * GUEST_PAGE_SIZE);
    c.guest->script = touch_all;
    fake_guest_free(move(&c));
    ck_assert_uint_eq(c.report.end.kinds[XCSAVE_KIND_SAME].pages, 0);
    ck_assert_uint_eq(c.report.end.kinds[XCSAVE_KIND_UNCHANGED].pages, 0);
    ck_assert_uint_eq(c.report.end.kinds[XCSAVE_KIND_DELTA].pages, 0);
    fake_guest_free(c.guest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("forged");
    TCase *tcase = tcase_create("pages of one hash");
    const int from = WAY_V1_SERIAL * NR_READERS, to = NR_WAYS * NR_READERS;

    tcase_add_test(tcase, without_a_key_both_are_one);
    tcase_add_test(tcase, with_a_key_they_are_two);
    tcase_add_loop_test(tcase, a_page_that_is_said_to_be_another_is_not_delivered, from, to);
    tcase_add_loop_test(tcase, a_page_that_changed_is_not_taken_for_unchanged, from, to);
    tcase_add_loop_test(tcase, nothing_rests_on_a_hash_without_a_key, WAY_V1_SERIAL, NR_WAYS);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
