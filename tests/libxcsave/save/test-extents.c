/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * In what pieces a restored guest gets its memory: 1 GiB where the image says that an extent
 * is whole, and never a page more or less than the guest has.
 *
 * The guests have 3 GiB, of which next to nothing is written to, and what is not is not backed.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/libxcsave/engine-case.h"
#include "libxcsave/save/extents.h"
#include "stream-format/image1/image1.h"
#include "tests/run-suite.h"
#include "tests/stream-format/build-image1.h"

#define EXTENT IMAGE1_EXTENT_PAGES
#define NR_EXTENTS 3u
#define HOLE 0xa0u
#define HOLE_END 0xc0u

static const enum engine_way ways[] = { WAY_V1_SERIAL, WAY_V1_THREADS, WAY_V1_CHANNELS };
#define NR_V1_WAYS 3

/* A PC's memory: whole but for the hole below 1 MiB; zeros but for a page here and there. */
static struct fake_guest *large_guest(void)
{
    struct fake_guest *g = fake_guest_new_sized(NR_EXTENTS * EXTENT);

    g->nr_pfns = g->max_pages;
    g->counts_pages = true;
    memset(g->types, STREAM_PAGE_NOTAB, g->max_pages);
    memset(g->types + HOLE, STREAM_PAGE_XTAB, HOLE_END - HOLE);
    for (uint64_t pfn = 0; pfn < g->max_pages; pfn += 0x3001)
        fake_guest_write(g, pfn, (uint32_t)pfn);
    return g;
}

static void prepare_clean(struct fake_guest *to)
{
    to->clean_memory = true;
}

static uint64_t nr_pages(const struct fake_guest *g)
{
    return fake_guest_count(g, g->max_pages);
}

/* Move it, and see that what it has is what it needs.  The case's `extents` says how it came. */
static struct fake_guest *move_large(struct save_case *c)
{
    struct fake_guest *to;

    if (!c->prepare)
        c->prepare = prepare_clean;
    to = move(c);
    ck_assert_uint_eq(to->nr_populated, nr_pages(c->guest));
    ck_assert_uint_eq(c->extents.nr_1g, to->extents_1g);
    ck_assert_uint_eq(c->extents.nr_2m, to->extents_2m);
    ck_assert_uint_le(c->extents.returned, to->given_back);
    return to;
}

static void end(struct save_case *c, struct fake_guest *to)
{
    fake_guest_free(to);
    fake_guest_free(c->guest);
}

/* ---- what comes in one piece --------------------------------------------- */

START_TEST(whole_extents_come_whole_and_one_with_a_hole_in_smaller_pieces)
{
    struct save_case c = { .guest = large_guest(), .way = ways[_i], .live = true };
    struct fake_guest *to = move_large(&c);

    ck_assert_uint_eq(c.extents.named_1g, 2);
    ck_assert_uint_eq(c.extents.nr_1g, 2);
    ck_assert_uint_eq(c.extents.nr_2m, 511);
    ck_assert_uint_eq(c.extents.nr_4k, 512 - (HOLE_END - HOLE));
    ck_assert_uint_eq(c.extents.returned, 0);
    ck_assert_uint_eq(to->most_populated, nr_pages(c.guest));
    end(&c, to);
}
END_TEST

START_TEST(a_libxc_image_says_nothing_beforehand)
{
    struct save_case c = { .guest = fake_guest_new_sized(EXTENT), .way = WAY_LIBXC, .live = true };
    struct fake_guest *to;

    c.guest->nr_pfns = EXTENT;
    c.guest->counts_pages = true;
    memset(c.guest->types + 1024, STREAM_PAGE_NOTAB, 8192);
    to = move_large(&c);
    ck_assert_uint_eq(c.extents.named_1g, 0);
    ck_assert_uint_eq(c.extents.nr_2m, 16);
    end(&c, to);
}
END_TEST

static void prepare_pv(struct fake_guest *to)
{
    to->clean_memory = true;
    to->superpages = false;
}

START_TEST(a_guest_without_superpages_gets_none)
{
    struct save_case c = { .guest = large_guest(), .way = WAY_V1_SERIAL, .prepare = prepare_pv };
    struct fake_guest *to = move_large(&c);

    ck_assert_uint_eq(c.extents.named_1g, 2);
    ck_assert_uint_eq(c.extents.nr_1g + c.extents.nr_2m, 0);
    ck_assert_uint_eq(c.extents.nr_4k, nr_pages(c.guest));
    fake_guest_free(to);
    c.guest->superpages = false;
    to = move_large(&c);
    ck_assert_uint_eq(c.extents.named_1g, 0);
    end(&c, to);
}
END_TEST

/* ---- what the host does not have ------------------------------------------ */

static void prepare_2m(struct fake_guest *to)
{
    to->clean_memory = true;
    to->max_order = GUEST_SUPERPAGE_ORDER;
}

static void prepare_4k(struct fake_guest *to)
{
    to->clean_memory = true;
    to->max_order = 0;
}

START_TEST(a_host_without_1_gib_gives_2_mib)
{
    struct save_case c = { .guest = large_guest(), .way = WAY_V1_CHANNELS, .live = true, .prepare = prepare_2m };
    struct fake_guest *to = move_large(&c);

    ck_assert_uint_eq(c.extents.named_1g, 2);
    ck_assert_uint_eq(c.extents.nr_1g, 0);
    ck_assert_uint_eq(c.extents.nr_2m, 511 + 2 * 512);
    end(&c, to);
}
END_TEST

START_TEST(a_host_without_2_mib_gives_4_kib)
{
    struct save_case c = { .guest = large_guest(), .way = WAY_V1_THREADS, .live = true, .prepare = prepare_4k };
    struct fake_guest *to = move_large(&c);

    ck_assert_uint_eq(c.extents.nr_1g + c.extents.nr_2m, 0);
    ck_assert_uint_eq(c.extents.nr_4k, nr_pages(c.guest));
    end(&c, to);
}
END_TEST

/* ---- what the guest does not have ----------------------------------------- */

START_TEST(a_ballooned_guest_gets_whole_what_it_has_whole)
{
    struct save_case c = { .guest = large_guest(), .way = WAY_V1_CHANNELS, .live = true };
    struct fake_guest *to;

    for (uint64_t pfn = EXTENT; pfn < 2 * EXTENT; pfn += 4096)
        memset(c.guest->types + pfn + 100, STREAM_PAGE_XTAB, EXTENTS_STEP);
    to = move_large(&c);
    ck_assert_uint_eq(c.extents.named_1g, 1);
    ck_assert_uint_eq(c.extents.nr_1g, 1);
    ck_assert_uint_eq(c.extents.returned, 0);
    ck_assert_uint_eq(to->most_populated, nr_pages(c.guest));
    end(&c, to);
}
END_TEST

/* Nobody looked at that page. */
START_TEST(a_hole_that_was_not_seen_has_no_memory_in_the_end)
{
    struct save_case c = { .guest = large_guest(), .way = ways[_i], .live = true };
    struct fake_guest *to;

    c.guest->types[EXTENT + 5] = STREAM_PAGE_XTAB;
    c.guest->types[3 * EXTENT - 1] = STREAM_PAGE_XTAB;
    to = move_large(&c);
    ck_assert_uint_eq(c.extents.nr_1g, 2);
    ck_assert_uint_eq(c.extents.returned, 2);
    end(&c, to);
}
END_TEST

/* Pages that the guest gave up after it was looked at, and before or after they were sent. */
static void give_up(struct fake_guest *g, unsigned batch)
{
    if (batch != 2)
        return;
    memset(g->types + 600, STREAM_PAGE_XTAB, 100);
    memset(g->types + EXTENT + 5000, STREAM_PAGE_XTAB, 3000);
}

START_TEST(what_the_guest_gives_up_under_way_has_no_memory_in_the_end)
{
    struct save_case c = { .guest = large_guest(), .way = WAY_V1_SERIAL, .live = true };
    struct fake_guest *to;

    memset(c.guest->types + HOLE, STREAM_PAGE_NOTAB, HOLE_END - HOLE);
    c.guest->between = give_up;
    to = move_large(&c);
    ck_assert_uint_eq(c.extents.nr_1g, 3);
    ck_assert_uint_eq(to->given_back, 3000 + 100);
    ck_assert_uint_eq(c.extents.returned, 3000);
    end(&c, to);
}
END_TEST

/* ---- the limit ------------------------------------------------------------- */

/* It gives up pages in one extent for as many in another, so that it never had more than it was announced with. */
static void move_balloon(struct fake_guest *g, unsigned batch)
{
    if (batch != 2)
        return;
    memset(g->types + 2 * EXTENT + 512, STREAM_PAGE_XTAB, 512);
    memset(g->types + EXTENT, STREAM_PAGE_NOTAB, 512);
}

static void prepare_full(struct fake_guest *to)
{
    to->clean_memory = true;
    to->max_populated = NR_EXTENTS * EXTENT - 512;
}

START_TEST(spare_pages_make_room_for_pages_that_came)
{
    struct save_case c = { .guest = large_guest(), .way = WAY_V1_SERIAL, .live = true, .prepare = prepare_full };
    struct fake_guest *to;

    memset(c.guest->types + HOLE, STREAM_PAGE_NOTAB, HOLE_END - HOLE);
    memset(c.guest->types + EXTENT, STREAM_PAGE_XTAB, 512);
    c.guest->between = move_balloon;
    to = move_large(&c);
    ck_assert_uint_eq(c.extents.nr_1g, 2);
    ck_assert_uint_eq(to->most_populated, NR_EXTENTS * EXTENT - 512);
    ck_assert_uint_ge(c.extents.returned, 512);
    end(&c, to);
}
END_TEST

static void prepare_too_small(struct fake_guest *to)
{
    to->clean_memory = true;
    to->max_populated = 2 * EXTENT;
}

START_TEST(a_guest_that_outgrows_its_limit_fails)
{
    struct save_case c = { .guest = large_guest(), .way = WAY_V1_SERIAL };
    struct restore_case to = { .guest = fake_guest_new_sized(c.guest->max_pages), .fd = memory_file() };

    ck_assert_int_eq(run_save(&c, to.fd), 0);
    lseek(to.fd, 0, SEEK_SET);
    prepare_too_small(to.guest);
    ck_assert_int_eq(run_restore(&to), -1);
    ck_assert_int_eq(to.error.errnum, ENOMEM);
    ck_assert(!to.guest->completed);
    close(to.fd);
    end(&c, to.guest);
}
END_TEST

/* ---- the same guest whatever the way --------------------------------------- */

START_TEST(one_thread_and_many_give_the_same_guest_in_the_same_pieces)
{
    struct save_case serial = { .guest = large_guest(), .way = WAY_V1_SERIAL, .live = true };
    struct fake_guest *first, *other;

    serial.guest->types[EXTENT + 5] = STREAM_PAGE_XTAB;
    first = move_large(&serial);
    for (unsigned i = 1; i < NR_V1_WAYS; i++) {
        struct save_case c = { .guest = serial.guest, .way = ways[i], .live = true };

        c.guest->suspended = false;
        other = move_large(&c);
        ck_assert(fake_guest_equal(first, other));
        ck_assert_int_eq(memcmp(&serial.extents, &c.extents, sizeof(c.extents)), 0);
        fake_guest_free(other);
    }
    end(&serial, first);
}
END_TEST

/* ---- what it costs the others ---------------------------------------------- */

START_TEST(a_small_guest_is_not_looked_at_twice)
{
    struct save_case c = { .guest = fake_guest_new(FAKE_MAX_PAGES), .way = WAY_V1_SERIAL };

    c.guest->counts_pages = true;
    fake_guest_free(move(&c));
    ck_assert_uint_eq(c.guest->nr_types_asked, FAKE_MAX_PAGES);
    ck_assert_uint_eq(c.extents.named_1g, 0);
    fake_guest_free(c.guest);
}
END_TEST

/* 16 MiB in a space of 3 GiB: no extent can be whole, and none is looked at. */
START_TEST(a_sparse_guest_is_not_looked_at_twice)
{
    struct save_case c = { .guest = fake_guest_new_sized(NR_EXTENTS * EXTENT), .way = WAY_V1_SERIAL };

    c.guest->nr_pfns = c.guest->max_pages;
    c.guest->counts_pages = true;
    memset(c.guest->types, STREAM_PAGE_NOTAB, 4096);
    fake_guest_free(move_large(&c));
    ck_assert_uint_eq(c.guest->nr_types_asked, 4096);
    fake_guest_free(c.guest);
}
END_TEST

/* ---- octets that are hostile ------------------------------------------------ */

static void restore_named(struct restore_case *to, const struct image1_extents *runs, unsigned n)
{
    struct bytes b = { 0 };
    struct v1 v = v1_begin(&b, IMAGE1_FEATURE_DIGEST, STREAM_GUEST_X86_HVM);
    uint8_t body[4 * IMAGE1_EXTENTS_LEN];

    for (unsigned i = 0; i < n; i++)
        image1_encode_extents(body + i * IMAGE1_EXTENTS_LEN, &runs[i]);
    v1_libxc(&v, STREAM_REC_STATIC_DATA_END, NULL, 0);
    v1_record(&v, IMAGE1_REC_EXTENTS, body, n * IMAGE1_EXTENTS_LEN);
    v1_round(&v, false);
    v1_pages(&v, IMAGE1_CODEC_NONE, &(struct image1_run){ .pfn = 7, .count = 1, .kind = IMAGE1_KIND_ZERO }, 1, NULL, 0);
    v1_round(&v, true);
    v1_libxc(&v, STREAM_REC_HVM_CONTEXT, fake_state, FAKE_STATE_BYTES);
    v1_digest(&v);
    v1_record(&v, IMAGE1_REC_END, NULL, 0);
    to->guest = fake_guest_new_sized(NR_EXTENTS * EXTENT);
    prepare_clean(to->guest);
    to->fd = memory_file();
    ck_assert_int_eq((int)write(to->fd, b.data, b.len), (int)b.len);
    lseek(to->fd, 0, SEEK_SET);
    free(b.data);
    run_restore(to);
    close(to->fd);
}

START_TEST(extents_that_are_named_and_never_come_are_all_given_back)
{
    struct restore_case to = { 0 };

    restore_named(&to, (const struct image1_extents[]){ { 0, 2 }, { EXTENT, 2 } }, 2);
    ck_assert_msg(!to.rc, "%s", to.error.text);
    ck_assert_uint_eq(to.report.extents.nr_1g, 3);
    ck_assert_uint_eq(to.guest->nr_populated, 1);
    ck_assert_uint_eq(to.report.extents.returned, 3 * EXTENT - 1);
    fake_guest_free(to.guest);
}
END_TEST

START_TEST(negative_extents_beyond_the_guest_are_refused)
{
    struct restore_case to = { 0 };

    restore_named(&to, &(struct image1_extents){ EXTENT, 3 }, 1);
    ck_assert_int_eq(to.rc, -1);
    ck_assert_ptr_nonnull(strstr(to.error.text, "beyond the guest"));
    ck_assert_uint_eq(to.guest->nr_populated, 0);
    fake_guest_free(to.guest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("extents");
    TCase *t = tcase_create("extents");

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, whole_extents_come_whole_and_one_with_a_hole_in_smaller_pieces, 0, NR_V1_WAYS);
    tcase_add_test(t, a_libxc_image_says_nothing_beforehand);
    tcase_add_test(t, a_guest_without_superpages_gets_none);
    tcase_add_test(t, a_host_without_1_gib_gives_2_mib);
    tcase_add_test(t, a_host_without_2_mib_gives_4_kib);
    tcase_add_test(t, a_ballooned_guest_gets_whole_what_it_has_whole);
    tcase_add_loop_test(t, a_hole_that_was_not_seen_has_no_memory_in_the_end, 0, NR_V1_WAYS);
    tcase_add_test(t, what_the_guest_gives_up_under_way_has_no_memory_in_the_end);
    tcase_add_test(t, spare_pages_make_room_for_pages_that_came);
    tcase_add_test(t, a_guest_that_outgrows_its_limit_fails);
    tcase_add_test(t, one_thread_and_many_give_the_same_guest_in_the_same_pieces);
    tcase_add_test(t, a_small_guest_is_not_looked_at_twice);
    tcase_add_test(t, a_sparse_guest_is_not_looked_at_twice);
    tcase_add_test(t, extents_that_are_named_and_never_come_are_all_given_back);
    tcase_add_test(t, negative_extents_beyond_the_guest_are_refused);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
