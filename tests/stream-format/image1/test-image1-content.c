/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What image1.h does with octets: checksums, zeros, deltas, codecs. */
#include <stdlib.h>
#include <string.h>

#include "tests/run-suite.h"
#include "tests/stream-format/build-image1.h"

#define PAGE STREAM_PAGE_SIZE

static struct image1_fault fault;

/* A generator whose numbers are the same each time. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill_random(uint8_t *p, size_t len, uint64_t *state)
{
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(next(state) >> 32);
}

/* ---- checksum ----------------------------------------------------------- */

/* By its definition, a bit at a time. */
static uint32_t crc32c_by_bits(uint32_t crc, const uint8_t *p, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

/* RFC 3720, B.4. */
START_TEST(crc_of_known_octets)
{
    uint8_t octets[32] = { 0 };

    ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
    ck_assert_uint_eq(crc32c(0, octets, 32), 0x8a9136aa);
    memset(octets, 0xff, 32);
    ck_assert_uint_eq(crc32c(0, octets, 32), 0x62a8ab43);
    for (unsigned int i = 0; i < 32; i++)
        octets[i] = (uint8_t)i;
    ck_assert_uint_eq(crc32c(0, octets, 32), 0x46dd794e);
    ck_assert_uint_eq(crc32c(0, octets, 0), 0);
}
END_TEST

START_TEST(crc_of_every_length_and_alignment)
{
    static uint8_t octets[8192 + 16];
    uint64_t state = 1;

    fill_random(octets, sizeof(octets), &state);
    for (size_t len = 0; len < 8192; len += len < 300 ? 1 : 131) {
        const uint8_t *p = octets + len % 16;

        ck_assert_uint_eq(crc32c(0, p, len), crc32c_by_bits(0, p, len));
    }
}
END_TEST

START_TEST(crc_in_pieces)
{
    static uint8_t octets[3 * PAGE];
    uint64_t state = 2;

    fill_random(octets, sizeof(octets), &state);
    for (size_t cut = 0; cut <= sizeof(octets); cut += 97)
        ck_assert_uint_eq(crc32c(crc32c(0, octets, cut), octets + cut, sizeof(octets) - cut),
                          crc32c(0, octets, sizeof(octets)));
}
END_TEST

/* ---- zeros -------------------------------------------------------------- */

START_TEST(zero_page_and_no_other)
{
    static uint8_t memory[PAGE + 32];

    for (unsigned int align = 0; align < 32; align += 7) {
        uint8_t *page = memory + align;

        ck_assert(image1_page_is_zero(page));
        for (unsigned int i = 0; i < PAGE; i++) {
            page[i] = 0x10;
            ck_assert_msg(!image1_page_is_zero(page), "octet %u", i);
            page[i] = 0;
        }
    }
}
END_TEST

/* ---- deltas ------------------------------------------------------------- */

static void check_delta(const uint8_t *old, const uint8_t *page)
{
    uint8_t delta[IMAGE1_DELTA_MAX], work[PAGE];
    int len = image1_delta_encode(old, page, delta, IMAGE1_DELTA_MAX);

    ck_assert_int_ge(len, 0);
    memcpy(work, old, PAGE);
    ck_assert_int_eq(image1_delta_apply(work, delta, (uint32_t)len, &fault), 0);
    ck_assert_mem_eq(work, page, PAGE);
    /* It is its own inverse. */
    ck_assert_int_eq(image1_delta_apply(work, delta, (uint32_t)len, &fault), 0);
    ck_assert_mem_eq(work, old, PAGE);
    if (len)
        ck_assert_int_eq(image1_delta_encode(old, page, delta, (uint32_t)len - 1), -1);
}

START_TEST(delta_of_one_octet_anywhere)
{
    uint8_t old[PAGE], page[PAGE], delta[IMAGE1_DELTA_MAX];
    uint64_t state = 3;

    fill_random(old, PAGE, &state);
    memcpy(page, old, PAGE);
    ck_assert_int_eq(image1_delta_encode(old, page, delta, IMAGE1_DELTA_MAX), 0);
    for (unsigned int i = 0; i < PAGE; i++) {
        page[i] ^= 0x80;
        ck_assert_int_eq(image1_delta_encode(old, page, delta, IMAGE1_DELTA_MAX), 10);
        check_delta(old, page);
        page[i] ^= 0x80;
    }
}
END_TEST

START_TEST(delta_of_random_changes)
{
    static uint8_t memory[2 * PAGE + 8];
    uint8_t *old = memory + 1, *page = memory + 5 + PAGE; /* of no alignment */
    uint64_t state = 4;

    fill_random(old, PAGE, &state);
    for (unsigned int round = 0; round < 2000; round++) {
        memcpy(page, old, PAGE);
        for (unsigned int n = (unsigned int)(next(&state) % 40); n; n--) {
            unsigned int at = (unsigned int)(next(&state) % PAGE);
            unsigned int len = (unsigned int)(next(&state) % 60);

            fill_random(page + at, len < PAGE - at ? len : PAGE - at, &state);
        }
        check_delta(old, page);
    }
}
END_TEST

START_TEST(delta_of_long_runs)
{
    uint8_t old[PAGE] = { 0 }, page[PAGE] = { 0 }, delta[IMAGE1_DELTA_MAX];

    memset(page, 1, 128 * 8);
    ck_assert_int_eq(image1_delta_encode(old, page, delta, IMAGE1_DELTA_MAX), 2 + 128 * 8);
    check_delta(old, page);
    memset(page, 1, 129 * 8);
    ck_assert_int_eq(image1_delta_encode(old, page, delta, IMAGE1_DELTA_MAX), 4 + 129 * 8);
    check_delta(old, page);
    memset(page, 0, PAGE);
    memset(page + 3000, 1, PAGE - 3000);
    check_delta(old, page);
    memset(page, 0, PAGE);
    memset(page, 1, 510 * 8);
    ck_assert_int_eq(image1_delta_encode(old, page, delta, IMAGE1_DELTA_MAX), 8 + 510 * 8);
    memset(page, 1, PAGE);
    ck_assert_int_eq(image1_delta_encode(old, page, delta, IMAGE1_DELTA_MAX), -1);
}
END_TEST

/* head: words skipped, words changed */
#define HEAD(skip, words) (uint8_t)(skip), (uint8_t)(((words) - 1) << 1 | (skip) >> 8)

static void refuse_delta(const uint8_t *delta, uint32_t len, uint32_t at)
{
    uint8_t page[PAGE], before[PAGE];

    v1_fill(before, 1);
    memcpy(page, before, PAGE);
    fault.code = STREAM_FAULT_NONE;
    ck_assert_int_eq(image1_delta_apply(page, delta, len, &fault), -1);
    ck_assert_int_eq(fault.code, STREAM_FAULT_BAD_PAYLOAD);
    ck_assert_uint_eq(fault.at, at);
    ck_assert_mem_eq(page, before, PAGE);
}

START_TEST(delta_that_is_cut_off_is_refused)
{
    static const uint8_t delta[24] = { HEAD(0, 1), 1, 2, 3, 4, 5, 6, 7, 8, HEAD(1, 1) };

    refuse_delta(delta, 1, 0);
    refuse_delta(delta, 2, 0);
    refuse_delta(delta, 9, 0);
    refuse_delta(delta, 11, 10);
    refuse_delta(delta, 19, 10);
    ck_assert_int_eq(image1_delta_check(delta, 20, &fault), 0);
}
END_TEST

START_TEST(delta_beyond_the_page_is_refused)
{
    static const uint8_t last[10] = { HEAD(511, 1) }, beyond[18] = { HEAD(511, 2) };
    static const uint8_t twice[20] = { HEAD(300, 1), 0, 0, 0, 0, 0, 0, 0, 0, HEAD(211, 1) };

    ck_assert_int_eq(image1_delta_check(last, 10, &fault), 0);
    refuse_delta(beyond, 18, 0);
    refuse_delta(twice, 20, 10);
}
END_TEST

START_TEST(delta_longer_than_its_limit_is_refused)
{
    static const uint8_t delta[PAGE];

    refuse_delta(delta, IMAGE1_DELTA_MAX + 1, 0);
}
END_TEST

/* ---- codecs ------------------------------------------------------------- */

static uint8_t raw[IMAGE1_RAW_MAX], back[IMAGE1_RAW_MAX + 64], packed[IMAGE1_RAW_MAX + (1 << 20)];

static void fill_text(uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p[i] = "the quick brown fox "[(i / 3 + i / 1000) % 20];
}

static uint32_t compress(struct image1_codec *codec, enum image1_codec_id id, uint32_t len)
{
    struct image1_piece pieces[] = { { raw, len / 3 }, { raw + len / 3, len - len / 3 } };

    return image1_compress(codec, id, 0, pieces, 2, packed, image1_compress_bound(id, len));
}

START_TEST(codec_round_trip)
{
    static const uint32_t lens[] = { 100, 4096, 8192, 4096 * 37, IMAGE1_RAW_MAX };
    enum image1_codec_id id = (enum image1_codec_id)_i;
    struct image1_codec *codec = image1_codec_new();

    fill_text(raw, sizeof(raw));
    for (unsigned int i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct image1_memory m = { .codec = (uint16_t)id, .raw_len = lens[i] };

        m.payload_len = compress(codec, id, lens[i]);
        ck_assert_uint_gt(m.payload_len, 0);
        ck_assert_uint_lt(m.payload_len, lens[i]);
        memset(back, 0xee, sizeof(back));
        ck_assert_int_eq(image1_decompress(codec, &m, packed, back, &fault), 0);
        ck_assert_mem_eq(back, raw, lens[i]);
        ck_assert_uint_eq(back[lens[i]], 0xee);
    }
    image1_codec_free(codec);
}
END_TEST

START_TEST(what_does_not_become_smaller_is_not_compressed)
{
    struct image1_codec *codec = image1_codec_new();
    uint64_t state = 5;

    fill_random(raw, 8192, &state);
    ck_assert_uint_eq(compress(codec, (enum image1_codec_id)_i, 8192), 0);
    ck_assert_uint_eq(compress(codec, IMAGE1_CODEC_NONE, 8192), 0);
    image1_codec_free(codec);
}
END_TEST

/* Whatever the payload says, nothing is written beyond raw_len, and it is refused. */
START_TEST(decompression_bomb_is_refused)
{
    enum image1_codec_id id = (enum image1_codec_id)_i;
    struct image1_codec *codec = image1_codec_new();
    struct image1_memory m = { .codec = (uint16_t)id };

    memset(raw, 0, sizeof(raw));
    m.payload_len = compress(codec, id, IMAGE1_RAW_MAX);
    ck_assert_uint_gt(m.payload_len, 0);
    ck_assert_uint_lt(m.payload_len, 20000);
    m.raw_len = 8192;
    memset(back, 0xee, sizeof(back));
    ck_assert_int_eq(image1_decompress(codec, &m, packed, back, &fault), -1);
    ck_assert_int_eq(fault.code, STREAM_FAULT_BAD_PAYLOAD);
    for (unsigned int i = 8192; i < sizeof(back); i++)
        ck_assert_uint_eq(back[i], 0xee);
    image1_codec_free(codec);
}
END_TEST

START_TEST(payload_that_yields_too_little_is_refused)
{
    enum image1_codec_id id = (enum image1_codec_id)_i;
    struct image1_codec *codec = image1_codec_new();
    struct image1_memory m = { .codec = (uint16_t)id, .raw_len = 8193 };

    fill_text(raw, 8192);
    m.payload_len = compress(codec, id, 8192);
    ck_assert_int_eq(image1_decompress(codec, &m, packed, back, &fault), -1);
    ck_assert_int_eq(fault.code, STREAM_FAULT_BAD_PAYLOAD);
    m.raw_len = 8192;
    m.payload_len--;
    ck_assert_int_eq(image1_decompress(codec, &m, packed, back, &fault), -1);
    ck_assert_int_eq(fault.code, STREAM_FAULT_BAD_PAYLOAD);
    image1_codec_free(codec);
}
END_TEST

START_TEST(zstd_with_more_than_one_frame_is_refused)
{
    struct image1_codec *codec = image1_codec_new();
    struct image1_memory m = { .codec = IMAGE1_CODEC_ZSTD, .raw_len = 16384 };
    static const uint8_t skippable[12] = { 0x50, 0x2a, 0x4d, 0x18, 4 };

    fill_text(raw, 16384);
    m.payload_len = compress(codec, IMAGE1_CODEC_ZSTD, 8192);
    memcpy(packed + m.payload_len, packed, m.payload_len);
    m.payload_len *= 2;
    ck_assert_int_eq(image1_decompress(codec, &m, packed, back, &fault), -1);
    m.payload_len = compress(codec, IMAGE1_CODEC_ZSTD, 16384);
    memcpy(packed + m.payload_len, skippable, sizeof(skippable));
    m.payload_len += sizeof(skippable);
    ck_assert_int_eq(image1_decompress(codec, &m, packed, back, &fault), -1);
    image1_codec_free(codec);
}
END_TEST

START_TEST(garbage_is_refused)
{
    enum image1_codec_id id = (enum image1_codec_id)_i;
    struct image1_codec *codec = image1_codec_new();
    struct image1_memory m = { .codec = (uint16_t)id, .raw_len = 65536, .payload_len = 500 };
    uint64_t state = 6;

    for (unsigned int i = 0; i < 200; i++) {
        fill_random(packed, 500, &state);
        ck_assert_int_eq(image1_decompress(codec, &m, packed, back, &fault), -1);
    }
    image1_codec_free(codec);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image1 content");
    TCase *tcase = tcase_create("content");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, crc_of_known_octets);
    tcase_add_test(tcase, crc_of_every_length_and_alignment);
    tcase_add_test(tcase, crc_in_pieces);
    tcase_add_test(tcase, zero_page_and_no_other);
    tcase_add_test(tcase, delta_of_one_octet_anywhere);
    tcase_add_test(tcase, delta_of_random_changes);
    tcase_add_test(tcase, delta_of_long_runs);
    tcase_add_test(tcase, delta_that_is_cut_off_is_refused);
    tcase_add_test(tcase, delta_beyond_the_page_is_refused);
    tcase_add_test(tcase, delta_longer_than_its_limit_is_refused);
    tcase_add_loop_test(tcase, codec_round_trip, IMAGE1_CODEC_LZ4, IMAGE1_NR_CODECS);
    tcase_add_loop_test(tcase, what_does_not_become_smaller_is_not_compressed, IMAGE1_CODEC_LZ4, IMAGE1_NR_CODECS);
    tcase_add_loop_test(tcase, decompression_bomb_is_refused, IMAGE1_CODEC_LZ4, IMAGE1_NR_CODECS);
    tcase_add_loop_test(tcase, payload_that_yields_too_little_is_refused, IMAGE1_CODEC_LZ4, IMAGE1_NR_CODECS);
    tcase_add_test(tcase, zstd_with_more_than_one_frame_is_refused);
    tcase_add_loop_test(tcase, garbage_is_refused, IMAGE1_CODEC_LZ4, IMAGE1_NR_CODECS);
    suite_add_tcase(suite, tcase);

    return run_suite(suite);
}
