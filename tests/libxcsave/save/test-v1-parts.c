/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Parts of the engine that xlmig's image rests on: the choice of a codec, caches, workers. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "libxcsave/content-map.h"
#include "libxcsave/save/delta-cache.h"
#include "libxcsave/save/v1-encode.h"
#include "libxcsave/save/workers.h"
#include "tests/run-suite.h"

/* ---- codecs --------------------------------------------------------------- */

#define BOTH (IMAGE1_FEATURE_LZ4 | IMAGE1_FEATURE_ZSTD)

static const struct choice {
    const char *name;
    struct v1_codec_facts facts;
    enum image1_codec_id to_try, chosen;
} choices[] = {
    { "nothing is known of the way", { BOTH, 0, { { 0, 0, 0 } } }, IMAGE1_CODEC_NONE, IMAGE1_CODEC_NONE },
    { "a way faster than any codec", { BOTH, 0.3, { { 0, 0, 0 } } }, IMAGE1_CODEC_NONE, IMAGE1_CODEC_NONE },
    { "the first try", { BOTH, 5, { { 0, 0, 0 } } }, IMAGE1_CODEC_LZ4, IMAGE1_CODEC_NONE },
    { "the second try", { BOTH, 5, { [IMAGE1_CODEC_LZ4] = { 2, 0.5, 1 } } }, IMAGE1_CODEC_ZSTD, IMAGE1_CODEC_LZ4 },
    { "lz4 on a fast way", { BOTH, 5, { [IMAGE1_CODEC_LZ4] = { 2, 0.5, 1 }, [IMAGE1_CODEC_ZSTD] = { 4, 0.3, 1 } } },
      IMAGE1_CODEC_NONE, IMAGE1_CODEC_LZ4 },
    { "zstd on a slow one", { BOTH, 50, { [IMAGE1_CODEC_LZ4] = { 2, 0.5, 1 }, [IMAGE1_CODEC_ZSTD] = { 4, 0.3, 1 } } },
      IMAGE1_CODEC_NONE, IMAGE1_CODEC_ZSTD },
    { "content that does not shrink", { BOTH, 50, { [IMAGE1_CODEC_LZ4] = { 1, 1, 1 }, [IMAGE1_CODEC_ZSTD] = { 2, 1, 1 } } },
      IMAGE1_CODEC_NONE, IMAGE1_CODEC_NONE },
    { "it is looked at again", { BOTH, 50, { [IMAGE1_CODEC_LZ4] = { 1, 1, 16 }, [IMAGE1_CODEC_ZSTD] = { 2, 1, 1 } } },
      IMAGE1_CODEC_LZ4, IMAGE1_CODEC_NONE },
    { "compressing costs more than it saves", { BOTH, 2, { [IMAGE1_CODEC_LZ4] = { 2, 0.5, 1 },
                                                           [IMAGE1_CODEC_ZSTD] = { 4, 0.3, 1 } } },
      IMAGE1_CODEC_NONE, IMAGE1_CODEC_NONE },
    { "the reader has no lz4", { IMAGE1_FEATURE_ZSTD, 50, { { 0, 0, 0 } } }, IMAGE1_CODEC_ZSTD, IMAGE1_CODEC_NONE },
    { "the reader has no codec", { IMAGE1_FEATURE_DELTA, 50, { { 0, 0, 0 } } }, IMAGE1_CODEC_NONE, IMAGE1_CODEC_NONE },
};

START_TEST(the_codec_that_saves_time_is_chosen)
{
    const struct choice *c = &choices[_i];

    ck_assert_msg(v1_codec_to_try(&c->facts) == c->to_try, "%s", c->name);
    ck_assert_msg(v1_choose_codec(&c->facts) == c->chosen, "%s", c->name);
}
END_TEST

/* ---- what was sent --------------------------------------------------------- */

START_TEST(a_content_map_holds_any_pfn)
{
    static const uint64_t pfns[] = { 0, 1, 127, 128, 32767, 32768, 1u << 20, CONTENT_MAP_MAX_PFN };
    struct content_map *map = content_map_new();

    ck_assert_ptr_nonnull(map);
    for (unsigned i = 0; i < sizeof(pfns) / sizeof(pfns[0]); i++) {
        struct content *entry = content_map_get(map, pfns[i]);

        ck_assert_ptr_nonnull(entry);
        ck_assert_uint_eq(content_kind(entry->tag), CONTENT_NONE);
        entry->tag = CONTENT_TAG(CONTENT_HASHED, i);
    }
    for (unsigned i = 0; i < sizeof(pfns) / sizeof(pfns[0]); i++)
        ck_assert_uint_eq(content_type(content_map_find(map, pfns[i])->tag), i);
    ck_assert_ptr_null(content_map_find(map, 1u << 30));
    ck_assert_ptr_null(content_map_get(map, CONTENT_MAP_MAX_PFN + 1));
    ck_assert_ptr_null(content_map_find(map, UINT64_MAX));
    content_map_free(map);
    content_map_free(NULL);
}
END_TEST

START_TEST(a_digest_follows_what_is_replaced)
{
    struct image1_hasher *hasher = image1_hasher_new(NULL);
    const struct image1_hash a = { 1, 2 }, b = { 3, 4 };
    struct image1_digest digest = { 0 }, expected = { 0 };
    struct content entry = { 0 };

    content_replace(&entry, 7, 0, CONTENT_HASHED, STREAM_PAGE_NOTAB, a, hasher, &digest);
    content_replace(&entry, 7, CONTENT_TAG(CONTENT_HASHED, STREAM_PAGE_NOTAB), CONTENT_HASHED, STREAM_PAGE_L1TAB, b,
                    hasher, &digest);
    image1_digest_add(hasher, &expected, IMAGE1_DIGEST_TABLES, 7, b);
    ck_assert(image1_digest_equal(&digest, &expected));
    content_replace(&entry, 7, CONTENT_TAG(CONTENT_HASHED, STREAM_PAGE_L1TAB), CONTENT_ZERO, STREAM_PAGE_NOTAB, a,
                    hasher, &digest);
    ck_assert(image1_digest_equal(&digest, &(struct image1_digest){ 0 }));
    image1_hasher_free(hasher);
}
END_TEST

START_TEST(a_delta_cache_knows_what_it_was_given_and_nothing_else)
{
    const struct image1_hash hash = { 1, 2 }, other = { 1, 3 };
    struct delta_cache *cache = delta_cache_new(3 * 5000);
    uint8_t page[STREAM_PAGE_SIZE] = { 1 }, changed[STREAM_PAGE_SIZE] = { 2 }, out[IMAGE1_DELTA_MAX];

    ck_assert_ptr_nonnull(cache);
    delta_cache_put(cache, 5, hash, page, false);
    ck_assert_int_eq(delta_cache_encode(cache, 5, hash, changed, out, sizeof(out)), 10);
    ck_assert_int_eq(delta_cache_encode(cache, 5, hash, page, out, sizeof(out)), 0);
    ck_assert_int_eq(delta_cache_encode(cache, 5, other, changed, out, sizeof(out)), -1);
    ck_assert_int_eq(delta_cache_encode(cache, 8, hash, changed, out, sizeof(out)), -1);
    delta_cache_put(cache, 8, other, changed, false);
    ck_assert_int_eq(delta_cache_encode(cache, 5, hash, changed, out, sizeof(out)), 10); /* sent once: pushes out none */
    delta_cache_put(cache, 8, other, changed, true);
    ck_assert_int_eq(delta_cache_encode(cache, 5, hash, changed, out, sizeof(out)), -1);
    ck_assert_int_eq(delta_cache_encode(cache, 8, other, changed, out, sizeof(out)), 0);
    delta_cache_free(cache);
}
END_TEST

START_TEST(no_delta_cache_is_an_empty_one)
{
    uint8_t page[STREAM_PAGE_SIZE] = { 1 }, out[16];

    ck_assert_ptr_null(delta_cache_new(0));
    delta_cache_put(NULL, 5, (struct image1_hash){ 0 }, page, true);
    ck_assert_int_eq(delta_cache_encode(NULL, 5, (struct image1_hash){ 0 }, page, out, sizeof(out)), -1);
    delta_cache_free(NULL);
}
END_TEST

/* ---- workers ----------------------------------------------------------------- */

struct sum {
    _Atomic uint64_t sum;
    atomic_uint at_work[4], nr_done, nr_waits;
    uint64_t fail_at;           /* 0: never */
    bool slow;
    atomic_bool stop;
    volatile sig_atomic_t cancel;
};

static int add_up(void *user, unsigned number, void *job, struct xcsave_error *error)
{
    struct sum *s = user;
    uint64_t n = *(uint64_t *)job;
    const struct timespec a_while = { .tv_nsec = 120000000 };

    ck_assert_uint_eq(atomic_fetch_add(&s->at_work[number], 1), 0);
    if (s->slow)
        nanosleep(&a_while, NULL);
    s->sum += n;
    s->nr_done++;
    atomic_fetch_sub(&s->at_work[number], 1);
    return n && n == s->fail_at ? xcsave_fail(error, EIO, "job %llu", (unsigned long long)n) : 0;
}

static void count_waits(void *user)
{
    ((struct sum *)user)->nr_waits++;
}

static struct workers *start(struct sum *s, unsigned nr_threads)
{
    const struct workers_options options = {
        .nr_threads = nr_threads, .nr_slots = nr_threads ? 3 : 1, .job_bytes = sizeof(uint64_t), .work = add_up,
        .waiting = count_waits, .user = s, .stop = &s->stop, .cancel = &s->cancel,
    };
    struct xcsave_error error = { 0 };
    struct workers *w = workers_new(&options, &error);

    ck_assert_msg(w != NULL, "%s", error.text);
    return w;
}

static int give_all(struct workers *w, uint64_t nr, struct xcsave_error *error)
{
    for (uint64_t n = 1; n <= nr; n++) {
        uint64_t *job = workers_slot(w, error);

        if (!job)
            return -1;
        *job = n;
        if (workers_give(w, error))
            return -1;
    }
    return workers_drain(w, error);
}

START_TEST(each_job_is_done_once)
{
    struct sum s = { 0 };
    struct workers *w = start(&s, (unsigned)_i);
    struct xcsave_error error = { 0 };

    ck_assert_msg(!give_all(w, 1000, &error), "%s", error.text);
    ck_assert_uint_eq(s.sum, 500500);
    ck_assert_msg(!give_all(w, 10, &error), "%s", error.text);
    ck_assert_uint_eq(s.sum, 500555);
    workers_free(w);
}
END_TEST

START_TEST(the_first_failure_stops_all_and_is_told)
{
    struct sum s = { .fail_at = 100 };
    struct workers *w = start(&s, (unsigned)_i);
    struct xcsave_error error = { 0 };

    ck_assert_int_eq(give_all(w, 1000000, &error), -1);
    ck_assert_int_eq(error.errnum, EIO);
    ck_assert_ptr_nonnull(strstr(error.text, "job 100"));
    workers_free(w);
    ck_assert_uint_lt(s.nr_done, 1000);
}
END_TEST

START_TEST(who_waits_for_a_slow_worker_looks_up_and_hears_a_cancel)
{
    struct sum s = { .slow = true };
    struct workers *w = start(&s, 1);
    struct xcsave_error error = { 0 };

    ck_assert_int_eq(give_all(w, 2, &error), 0);
    ck_assert_uint_ge(s.nr_waits, 1);
    s.cancel = 1;
    ck_assert_int_eq(give_all(w, 100, &error), -1);
    ck_assert_int_eq(error.errnum, ECANCELED);
    workers_free(w);
    ck_assert_uint_lt(s.nr_done, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("v1 parts");
    TCase *tc = tcase_create("v1 parts");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, the_codec_that_saves_time_is_chosen, 0, (int)(sizeof(choices) / sizeof(choices[0])));
    tcase_add_test(tc, a_content_map_holds_any_pfn);
    tcase_add_test(tc, a_digest_follows_what_is_replaced);
    tcase_add_test(tc, a_delta_cache_knows_what_it_was_given_and_nothing_else);
    tcase_add_test(tc, no_delta_cache_is_an_empty_one);
    tcase_add_loop_test(tc, each_job_is_done_once, 0, 5);
    tcase_add_loop_test(tc, the_first_failure_stops_all_and_is_told, 0, 5);
    tcase_add_test(tc, who_waits_for_a_slow_worker_looks_up_and_hears_a_cancel);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
