/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* image1.h: what is encoded is decoded again, and what must be refused is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream-format/image1/polyval.h"
#include "tests/run-suite.h"
#include "tests/stream-format/image1/assert-image1.h"
#include "tests/stream-format/build-image1.h"
/* ---- headers ------------------------------------------------------------ */

static void reseal(uint8_t *header, size_t len)
{
    stream_put_le32(header + len - 4, crc32c(0, header, len - 4));
}

START_TEST(header_round_trip)
{
    uint8_t out[IMAGE1_HEADER_LEN];
    struct image1_header h;

    image1_encode_header(out, IMAGE1_FEATURE_CHANNELS | IMAGE1_FEATURE_LZ4, 64);
    ASSERT_OK(image1_decode_header(out, sizeof(out), &h, &fault));
    ck_assert_uint_eq(h.version, 1);
    ck_assert_uint_eq(h.min_reader, 1);
    ck_assert_uint_eq(h.features, 0x11);
    ck_assert_uint_eq(h.nr_channels, 64);
}
END_TEST

START_TEST(header_of_a_later_version_that_this_one_reads)
{
    uint8_t out[40] = { 0 };
    struct image1_header h;
    uint32_t len;

    image1_encode_header(out, IMAGE1_FEATURE_LZ4, 1);
    stream_put_le16(out + 8, 2);
    stream_put_le32(out + 12, sizeof(out));
    reseal(out, sizeof(out));
    ASSERT_OK(image1_header_len(out, &len, &fault));
    ck_assert_uint_eq(len, 40);
    ASSERT_OK(image1_decode_header(out, len, &h, &fault));
    ck_assert_uint_eq(h.version, 2);
}
END_TEST

/* { offset, octets, value, fault, offset of the fault } */
struct wrong {
    uint32_t offset, len;
    uint64_t value;
    enum stream_fault_code code;
    uint32_t at;
};

static void poke(uint8_t *p, const struct wrong *w)
{
    for (uint32_t i = 0; i < w->len; i++)
        p[w->offset + i] = (uint8_t)(w->value >> (8 * i));
}

static const struct wrong wrong_headers[] = {
    { 0, 1, 0x88, STREAM_FAULT_BAD_MAGIC, 0 },
    { 7, 1, 0x0d, STREAM_FAULT_BAD_MAGIC, 0 },
    { 8, 2, 0, STREAM_FAULT_BAD_VERSION, 8 },
    { 10, 2, 0, STREAM_FAULT_BAD_VERSION, 10 },
    { 10, 2, 2, STREAM_FAULT_BAD_VERSION, 10 },
    { 8, 4, 0x00020002, STREAM_FAULT_BAD_VERSION, 10 },
    { 12, 4, 40, STREAM_FAULT_BAD_LENGTH, 12 },
    { 12, 4, 0, STREAM_FAULT_BAD_LENGTH, 12 },
    { 16, 8, 0x100, STREAM_FAULT_BAD_FEATURE, 16 },
    { 16, 8, UINT64_C(1) << 63, STREAM_FAULT_BAD_FEATURE, 16 },
    { 24, 4, 0, STREAM_FAULT_BAD_COUNT, 24 },
    { 24, 4, 65, STREAM_FAULT_BAD_COUNT, 24 },
    { 24, 4, 2, STREAM_FAULT_BAD_FEATURE, 16 },                           /* without CHANNELS */
    { 16, 8, IMAGE1_FEATURE_INDEX | IMAGE1_FEATURE_DELTA, STREAM_FAULT_BAD_FEATURE, 16 },
};

START_TEST(wrong_header_is_refused)
{
    const struct wrong *w = &wrong_headers[_i];
    uint8_t out[IMAGE1_HEADER_LEN];
    struct image1_header h;

    image1_encode_header(out, IMAGE1_FEATURE_LZ4, 1);
    poke(out, w);
    reseal(out, sizeof(out));
    ck_assert_int_eq(image1_decode_header(out, sizeof(out), &h, &fault), -1);
    ck_assert_int_eq(fault.code, w->code);
    ck_assert_uint_eq(fault.at, w->at);
}
END_TEST

START_TEST(index_with_several_channels_is_refused)
{
    uint8_t out[IMAGE1_HEADER_LEN];
    struct image1_header h;

    image1_encode_header(out, IMAGE1_FEATURE_CHANNELS | IMAGE1_FEATURE_INDEX, 2);
    ASSERT_FAULT(image1_decode_header(out, sizeof(out), &h, &fault), BAD_FEATURE, 16);
}
END_TEST

START_TEST(header_with_a_flipped_bit_is_refused)
{
    uint8_t out[IMAGE1_HEADER_LEN];
    struct image1_header h;

    image1_encode_header(out, IMAGE1_FEATURE_LZ4, 1);
    for (unsigned int bit = 0; bit < sizeof(out) * 8; bit++) {
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_eq(image1_decode_header(out, sizeof(out), &h, &fault), -1);
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

START_TEST(channel_header_round_trip)
{
    static const uint8_t token[IMAGE1_TOKEN_LEN] = "0123456789abcde";
    uint8_t out[IMAGE1_CHANNEL_HEADER_LEN];
    struct image1_channel_header h;

    image1_encode_channel_header(out, 63, token);
    ASSERT_OK(image1_decode_channel_header(out, &h, &fault));
    ck_assert_uint_eq(h.channel, 63);
    ck_assert_mem_eq(h.token, token, sizeof(token));
}
END_TEST

static const struct wrong wrong_channel_headers[] = {
    { 4, 1, 'i', STREAM_FAULT_BAD_MAGIC, 0 },
    { 8, 2, 2, STREAM_FAULT_BAD_VERSION, 8 },
    { 10, 2, 0, STREAM_FAULT_BAD_CHANNEL, 10 },
    { 10, 2, 64, STREAM_FAULT_BAD_CHANNEL, 10 },
    { 12, 4, 48, STREAM_FAULT_BAD_LENGTH, 12 },
    { 32, 4, 1, STREAM_FAULT_RESERVED_NOT_ZERO, 32 },
};

START_TEST(wrong_channel_header_is_refused)
{
    static const uint8_t token[IMAGE1_TOKEN_LEN];
    const struct wrong *w = &wrong_channel_headers[_i];
    uint8_t out[IMAGE1_CHANNEL_HEADER_LEN];
    struct image1_channel_header h;

    image1_encode_channel_header(out, 1, token);
    poke(out, w);
    reseal(out, sizeof(out));
    ck_assert_int_eq(image1_decode_channel_header(out, &h, &fault), -1);
    ck_assert_int_eq(fault.code, w->code);
    ck_assert_uint_eq(fault.at, w->at);
}
END_TEST

START_TEST(trailer_round_trip)
{
    struct image1_trailer trailer = { .index_offset = 4096, .file_len = 5000, .image_offset = 76 }, back;
    uint8_t out[IMAGE1_TRAILER_LEN];

    image1_encode_trailer(out, &trailer);
    ASSERT_OK(image1_decode_trailer(out, &back, &fault));
    ck_assert_uint_eq(back.index_offset, 4096);
    ck_assert_uint_eq(back.file_len, 5000);
    ck_assert_uint_eq(back.image_offset, 76);
    out[9] ^= 1;
    ASSERT_FAULT(image1_decode_trailer(out, &back, &fault), BAD_CHECKSUM, 28);
    trailer.index_offset = 5000;
    image1_encode_trailer(out, &trailer);
    ASSERT_FAULT(image1_decode_trailer(out, &back, &fault), BAD_INDEX, 8);
}
END_TEST

/* ---- records ------------------------------------------------------------ */

START_TEST(small_record_round_trip)
{
    uint8_t out[64];
    struct image1_record record;
    size_t len = image1_encode_small(out, STREAM_REC_OPTIONAL | 5, "abcde", 5, 7);

    ck_assert_uint_eq(len, 24);
    ASSERT_OK(image1_decode_record(out, &record, &fault));
    ck_assert_uint_eq(record.length, 5);
    ck_assert_uint_eq(record.seq, 7);
    for (unsigned int bit = 0; bit < len * 8; bit++) {
        struct image1_record again;

        ck_assert(image1_record_intact(out, &record));
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        /* A length that was changed reaches beyond what is there. */
        if (bit / 8 < 4 || bit / 8 >= 8)
            ck_assert(image1_decode_record(out, &again, &fault) || !image1_record_intact(out, &again));
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

static const struct {
    uint32_t type, length;
    enum stream_fault_code code;
    uint32_t at;
} wrong_records[] = {
    { 0, 0, STREAM_FAULT_UNKNOWN_RECORD, 0 },
    { 8, 0, STREAM_FAULT_UNKNOWN_RECORD, 0 },
    { 0x10, 0, STREAM_FAULT_UNKNOWN_RECORD, 0 },
    { IMAGE1_REC_DOMAIN, 15, STREAM_FAULT_BAD_LENGTH, 4 },
    { IMAGE1_REC_LIBXC, 7, STREAM_FAULT_BAD_LENGTH, 4 },
    { IMAGE1_REC_LIBXC, IMAGE1_LENGTH_MAX + 1, STREAM_FAULT_RECORD_TOO_LONG, 4 },
    { IMAGE1_REC_MEMORY, 39, STREAM_FAULT_BAD_LENGTH, 4 },
    { IMAGE1_REC_MEMORY, 24 + 1024 * 16 + (4 << 20) + 1, STREAM_FAULT_BAD_LENGTH, 4 },
    { IMAGE1_REC_ROUND, 24, STREAM_FAULT_BAD_LENGTH, 4 },
    { IMAGE1_REC_DIGEST, 40, STREAM_FAULT_BAD_LENGTH, 4 },
    { IMAGE1_REC_INDEX, 8, STREAM_FAULT_BAD_LENGTH, 4 },
    { IMAGE1_REC_END, 1, STREAM_FAULT_BAD_LENGTH, 4 },
    { STREAM_REC_OPTIONAL | 1, UINT32_MAX, STREAM_FAULT_RECORD_TOO_LONG, 4 },
    { IMAGE1_REC_EXTENTS, 0, STREAM_FAULT_BAD_LENGTH, 4 },
    { IMAGE1_REC_EXTENTS, 24, STREAM_FAULT_BAD_LENGTH, 4 },
    { IMAGE1_REC_EXTENTS, 65536 + 16, STREAM_FAULT_BAD_LENGTH, 4 },
};

START_TEST(wrong_record_header_is_refused)
{
    uint8_t out[IMAGE1_RECORD_HEADER_LEN];
    struct image1_record record;

    image1_encode_record(out, wrong_records[_i].type, wrong_records[_i].length, 0);
    ck_assert_int_eq(image1_decode_record(out, &record, &fault), -1);
    ck_assert_int_eq(fault.code, wrong_records[_i].code);
    ck_assert_uint_eq(fault.at, wrong_records[_i].at);
}
END_TEST

/* ---- MEMORY ------------------------------------------------------------- */

START_TEST(memory_round_trip)
{
    struct image1_run runs[] = {
        { .pfn = 0x100, .count = 2, .kind = IMAGE1_KIND_DATA, .type = STREAM_PAGE_L1TAB },
        { .pfn = 0, .count = IMAGE1_PAGES_MAX - 5, .kind = IMAGE1_KIND_ZERO },
        { .pfn = IMAGE1_PFN_MAX, .count = 1, .kind = IMAGE1_KIND_ABSENT, .type = STREAM_PAGE_XTAB },
        { .pfn = 0x200, .count = 1, .kind = IMAGE1_KIND_DELTA },
        { .pfn = 0x300, .count = 1, .kind = IMAGE1_KIND_SAME },
    };
    struct image1_memory m = { .round = 3, .nr_runs = 5, .payload_len = 8202, .raw_len = 8202 }, back;
    struct image1_run runs_back[5];
    struct image1_tally tally;
    struct image1_record record;
    uint8_t out[IMAGE1_MEMORY_PREFIX_MAX];

    ck_assert_uint_eq(image1_encode_memory(out, &m, runs, 9), 16 + 24 + 5 * 16);
    ASSERT_OK(image1_decode_record(out, &record, &fault));
    ck_assert_uint_eq(record.length, 24 + 5 * 16 + 8202);
    ASSERT_OK(image1_decode_memory(out + 16, record.length, IMAGE1_FEATURES_KNOWN, &back, &fault));
    ck_assert(back.round == 3 && back.codec == 0 && back.nr_runs == 5);
    ck_assert(back.payload_len == 8202 && back.raw_len == 8202);
    ASSERT_OK(image1_decode_runs(out + 40, IMAGE1_FEATURES_KNOWN, &back, runs_back, &tally, &fault));
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(runs_back[i].pfn, runs[i].pfn);
        ck_assert_uint_eq(runs_back[i].count, runs[i].count);
        ck_assert_uint_eq(runs_back[i].kind, runs[i].kind);
        ck_assert_uint_eq(runs_back[i].type, runs[i].type);
    }
    ck_assert_uint_eq(tally.nr_pages, IMAGE1_PAGES_MAX);
    ck_assert_uint_eq(tally.nr_payload_pages, 4);
    ck_assert_uint_eq(tally.raw_min, 8202);
}
END_TEST

static const struct wrong wrong_memory_heads[] = {
    { 4, 2, 3, STREAM_FAULT_BAD_CODEC, 4 },
    { 6, 2, 1, STREAM_FAULT_RESERVED_NOT_ZERO, 6 },
    { 8, 4, 0, STREAM_FAULT_BAD_COUNT, 8 },
    { 8, 4, 1025, STREAM_FAULT_BAD_COUNT, 8 },
    { 8, 4, UINT32_MAX, STREAM_FAULT_BAD_COUNT, 8 },
    { 8, 4, 2, STREAM_FAULT_BAD_LENGTH, 12 },
    { 12, 4, 4095, STREAM_FAULT_BAD_LENGTH, 12 },
    { 16, 4, (4 << 20) + 1, STREAM_FAULT_RECORD_TOO_LONG, 16 },
    { 16, 4, 8192, STREAM_FAULT_BAD_LENGTH, 12 },
    { 4, 2, 1, STREAM_FAULT_BAD_LENGTH, 12 }, /* lz4 that is no shorter */
    { 20, 4, 1, STREAM_FAULT_RESERVED_NOT_ZERO, 20 },
};

START_TEST(wrong_memory_head_is_refused)
{
    struct image1_run run = { .count = 1, .kind = IMAGE1_KIND_DATA };
    struct image1_memory m = { .nr_runs = 1, .payload_len = 4096, .raw_len = 4096 };
    uint8_t out[IMAGE1_MEMORY_PREFIX_MAX];

    image1_encode_memory(out, &m, &run, 0);
    ASSERT_OK(image1_decode_memory(out + 16, 24 + 16 + 4096, IMAGE1_FEATURES_KNOWN, &m, &fault));
    poke(out + 16, &wrong_memory_heads[_i]);
    ck_assert_int_eq(image1_decode_memory(out + 16, 24 + 16 + 4096, IMAGE1_FEATURES_KNOWN, &m, &fault), -1);
    ck_assert_int_eq(fault.code, wrong_memory_heads[_i].code);
    ck_assert_uint_eq(fault.at, wrong_memory_heads[_i].at);
}
END_TEST

START_TEST(codec_without_its_feature_is_refused)
{
    struct image1_run run = { .count = 1, .kind = IMAGE1_KIND_DATA };
    struct image1_memory m = { .codec = IMAGE1_CODEC_LZ4, .nr_runs = 1, .payload_len = 96, .raw_len = 4096 };
    uint8_t out[IMAGE1_MEMORY_PREFIX_MAX];

    image1_encode_memory(out, &m, &run, 0);
    ASSERT_OK(image1_decode_memory(out + 16, 136, IMAGE1_FEATURE_LZ4, &m, &fault));
    ASSERT_FAULT(image1_decode_memory(out + 16, 136, IMAGE1_FEATURES_KNOWN & ~IMAGE1_FEATURE_LZ4, &m, &fault), BAD_FEATURE,
                 4);
    m.codec = IMAGE1_CODEC_ZSTD;
    image1_encode_memory(out, &m, &run, 0);
    ASSERT_FAULT(image1_decode_memory(out + 16, 136, IMAGE1_FEATURES_KNOWN & ~IMAGE1_FEATURE_ZSTD, &m, &fault), BAD_FEATURE,
                 4);
}
END_TEST

/* Two runs with a raw length that would fit, and where they are wrong. */
static const struct {
    struct image1_run runs[2];
    uint32_t raw_len;
    uint64_t features;
    enum stream_fault_code code;
    uint32_t at;
} wrong_runs[] = {
    { { { 0, 1, 5, 0 }, { 1, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_RUN, 12 },
    { { { 0, 0, 1, 0 }, { 1, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_COUNT, 8 },
    { { { 0, IMAGE1_PAGES_MAX + 1, 1, 0 }, { 1, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_COUNT, 8 },
    { { { 0, IMAGE1_PAGES_MAX, 1, 0 }, { 1 << 20, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_COUNT, 24 },
    { { { 0, 1, 1, 0 }, { UINT64_C(1) << 40, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_PFN_OUT_OF_RANGE, 16 },
    { { { 0, 1, 1, 0 }, { IMAGE1_PFN_MAX, 2, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_PFN_OUT_OF_RANGE, 16 },
    { { { 0, 1, 1, 0 }, { UINT64_MAX, 2, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_PFN_OUT_OF_RANGE, 16 },
    { { { 0, 1, 1, 5 }, { 1, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_PAGE_TYPE, 13 },
    { { { 0, 1, 1, 8 }, { 1, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_PAGE_TYPE, 13 },
    { { { 0, 1, 1, 16 }, { 1, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_PAGE_TYPE, 13 },
    { { { 0, 1, 0, 15 }, { 1, 1, 1, 0 } }, 4096, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_PAGE_TYPE, 13 },
    { { { 0, 1, 1, 14 }, { 1, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_PAGE_TYPE, 13 },
    { { { 0, 1, 2, 0 }, { 1, 1, 1, 0 } }, 0, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_PAGE_TYPE, 13 },
    { { { 0, 1, 3, 1 }, { 1, 1, 1, 0 } }, 100, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_PAGE_TYPE, 13 },
    { { { 0, 1, 4, 1 }, { 1, 1, 1, 0 } }, 8, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_PAGE_TYPE, 13 },
    { { { 0, 1, 3, 0 }, { 1, 1, 1, 0 } }, 100, IMAGE1_FEATURE_SAME, STREAM_FAULT_BAD_FEATURE, 12 },
    { { { 0, 1, 4, 0 }, { 1, 1, 1, 0 } }, 8, IMAGE1_FEATURE_DELTA, STREAM_FAULT_BAD_FEATURE, 12 },
    { { { 0, 1024, 0, 0 }, { 4096, 1, 4, 0 } }, 4 << 20, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_COUNT, 24 },
    { { { 0, 1, 0, 0 }, { 1, 1, 1, 0 } }, 4095, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_LENGTH, 0 },
    { { { 0, 1, 0, 0 }, { 1, 1, 1, 0 } }, 4097, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_LENGTH, 0 },
    { { { 0, 1, 3, 0 }, { 1, 1, 1, 0 } }, 1, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_LENGTH, 0 },
    { { { 0, 1, 3, 0 }, { 1, 1, 1, 0 } }, 4097, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_LENGTH, 0 },
    { { { 0, 1, 1, 0 }, { 1, 1, 1, 0 } }, 8, IMAGE1_FEATURES_KNOWN, STREAM_FAULT_BAD_LENGTH, 0 },
};

START_TEST(wrong_runs_are_refused)
{
    struct image1_memory m = { .nr_runs = 2, .payload_len = wrong_runs[_i].raw_len, .raw_len = wrong_runs[_i].raw_len };
    struct image1_run back[2];
    struct image1_tally tally;
    uint8_t out[IMAGE1_MEMORY_PREFIX_MAX];

    image1_encode_memory(out, &m, wrong_runs[_i].runs, 0);
    ck_assert_int_eq(image1_decode_runs(out + 40, wrong_runs[_i].features, &m, back, &tally, &fault), -1);
    ck_assert_str_eq(stream_fault_name(fault.code), stream_fault_name(wrong_runs[_i].code));
    ck_assert_uint_eq(fault.at, wrong_runs[_i].at);
}
END_TEST

START_TEST(run_with_a_reserved_field_is_refused)
{
    struct image1_run run = { .count = 1, .kind = IMAGE1_KIND_ZERO };
    struct image1_memory m = { .nr_runs = 1 };
    struct image1_tally tally;
    uint8_t out[IMAGE1_MEMORY_PREFIX_MAX];

    image1_encode_memory(out, &m, &run, 0);
    out[40 + 15] = 1;
    ASSERT_FAULT(image1_decode_runs(out + 40, IMAGE1_FEATURES_KNOWN, &m, &run, &tally, &fault), RESERVED_NOT_ZERO, 14);
}
END_TEST

START_TEST(walk_gives_every_page_that_has_payload)
{
    struct image1_run runs[] = {
        { .pfn = 5, .count = 2, .kind = IMAGE1_KIND_SAME },
        { .pfn = 9, .count = 2, .kind = IMAGE1_KIND_ZERO },
        { .pfn = 3, .count = 1, .kind = IMAGE1_KIND_DELTA },
        { .pfn = 1, .count = 1, .kind = IMAGE1_KIND_DATA },
    };
    static uint8_t raw[16 + 2 + 3 + 4096] = { 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0 };
    struct image1_memory m = { .nr_runs = 4, .raw_len = sizeof(raw) };
    struct image1_walk walk = image1_walk_begin(&m, runs, raw);
    static const uint64_t pfns[] = { 5, 6, 3, 1 };
    struct image1_page page;

    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(image1_walk_next(&walk, &page, &fault), 1);
        ck_assert_uint_eq(page.pfn, pfns[i]);
        if (page.kind == IMAGE1_KIND_SAME)
            ck_assert_uint_eq(page.source, i + 1);
        if (page.kind == IMAGE1_KIND_DELTA)
            ck_assert(page.data == raw + 18 && page.len == 3);
        if (page.kind == IMAGE1_KIND_DATA)
            ck_assert(page.data == raw + 21 && page.len == 4096);
    }
    ck_assert_int_eq(image1_walk_next(&walk, &page, &fault), 0);
}
END_TEST

static int walk_all(const struct image1_memory *m, const struct image1_run *runs, const uint8_t *raw)
{
    struct image1_walk walk = image1_walk_begin(m, runs, raw);
    struct image1_page page;
    int r;

    while ((r = image1_walk_next(&walk, &page, &fault)) > 0)
        ;
    return r;
}

START_TEST(payload_that_the_runs_do_not_use_up_is_refused)
{
    struct image1_run run = { .count = 1, .kind = IMAGE1_KIND_DELTA };
    struct image1_memory m = { .nr_runs = 1, .raw_len = 5 };

    ASSERT_FAULT(walk_all(&m, &run, (const uint8_t *)"\2\0aaa"), BAD_PAYLOAD, 4);
}
END_TEST

START_TEST(delta_beyond_the_payload_is_refused)
{
    struct image1_run run = { .count = 1, .kind = IMAGE1_KIND_DELTA };
    struct image1_memory m = { .nr_runs = 1, .raw_len = 4 };

    ASSERT_FAULT(walk_all(&m, &run, (const uint8_t *)"\3\0aaa"), BAD_PAYLOAD, 2);
    m.raw_len = 1;
    ASSERT_FAULT(walk_all(&m, &run, (const uint8_t *)"\0"), BAD_PAYLOAD, 0);
}
END_TEST

START_TEST(delta_as_long_as_a_page_is_refused)
{
    struct image1_run runs[] = { { .count = 2, .kind = IMAGE1_KIND_DELTA } };
    static const uint8_t raw[8192] = { 0xff, 0x0f };
    struct image1_memory m = { .nr_runs = 1, .raw_len = sizeof(raw) };

    ASSERT_FAULT(walk_all(&m, runs, raw), BAD_PAYLOAD, 0);
}
END_TEST

START_TEST(same_as_itself_or_as_a_page_out_of_range_is_refused)
{
    struct image1_run run = { .pfn = 7, .count = 1, .kind = IMAGE1_KIND_SAME };
    struct image1_memory m = { .nr_runs = 1, .raw_len = 8 };

    ASSERT_FAULT(walk_all(&m, &run, (const uint8_t *)"\7\0\0\0\0\0\0\0"), BAD_PAYLOAD, 0);
    ASSERT_FAULT(walk_all(&m, &run, (const uint8_t *)"\7\0\0\0\0\1\0\0"), PFN_OUT_OF_RANGE, 0);
}
END_TEST

/* ---- other bodies ------------------------------------------------------- */

START_TEST(domain_round_trip)
{
    struct image1_domain domain = { STREAM_GUEST_X86_PV, 4, 22 }, back;
    uint8_t out[IMAGE1_DOMAIN_LEN];

    image1_encode_domain(out, &domain);
    ASSERT_OK(image1_decode_domain(out, &back, &fault));
    ck_assert_mem_eq(&back, &domain, sizeof(back));
    out[0] = 3;
    ASSERT_FAULT(image1_decode_domain(out, &back, &fault), BAD_GUEST_TYPE, 0);
    out[0] = 2;
    out[4] = 13;
    ASSERT_FAULT(image1_decode_domain(out, &back, &fault), BAD_PAGE_SHIFT, 4);
    out[4] = 12;
    out[7] = 1;
    ASSERT_FAULT(image1_decode_domain(out, &back, &fault), RESERVED_NOT_ZERO, 6);
}
END_TEST

START_TEST(libxc_records_that_the_image_has_its_own_for_are_refused)
{
    static const uint32_t forbidden[] = {
        STREAM_REC_END, STREAM_REC_PAGE_DATA, STREAM_REC_VERIFY, STREAM_REC_CHECKPOINT, STREAM_REC_TOOLSTACK,
        STREAM_REC_CHECKPOINT_DIRTY_PFN_LIST,
    };
    uint8_t out[IMAGE1_LIBXC_HEAD_LEN];
    uint32_t type;

    for (unsigned int i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        image1_encode_libxc(out, forbidden[i]);
        ASSERT_FAULT(image1_decode_libxc(out, &type, &fault), FORBIDDEN_RECORD, 0);
    }
    image1_encode_libxc(out, 0x13);
    ASSERT_FAULT(image1_decode_libxc(out, &type, &fault), UNKNOWN_RECORD, 0);
    image1_encode_libxc(out, 0x80000013);
    ASSERT_OK(image1_decode_libxc(out, &type, &fault));
    image1_encode_libxc(out, STREAM_REC_HVM_CONTEXT);
    ASSERT_OK(image1_decode_libxc(out, &type, &fault));
    ck_assert_uint_eq(type, STREAM_REC_HVM_CONTEXT);
    out[7] = 1;
    ASSERT_FAULT(image1_decode_libxc(out, &type, &fault), RESERVED_NOT_ZERO, 4);
}
END_TEST

START_TEST(round_and_index_round_trip)
{
    struct image1_round round = { 9, IMAGE1_ROUND_LAST, 1234 }, round_back;
    struct image1_index_entry entry = { 5, 700, 4096 }, entry_back;
    uint8_t out[32];
    uint32_t count;

    image1_encode_round(out, &round);
    ASSERT_OK(image1_decode_round(out, &round_back, &fault));
    ck_assert_mem_eq(&round_back, &round, sizeof(round));
    out[4] = 2;
    ASSERT_FAULT(image1_decode_round(out, &round_back, &fault), BAD_FLAGS, 4);

    image1_encode_index(out, 2);
    ASSERT_OK(image1_decode_index(out, 8 + 48, &count, &fault));
    ck_assert_uint_eq(count, 2);
    ASSERT_FAULT(image1_decode_index(out, 8 + 24, &count, &fault), BAD_COUNT, 0);
    image1_encode_index_entry(out, &entry);
    ASSERT_OK(image1_decode_index_entry(out, &entry_back, &fault));
    ck_assert_mem_eq(&entry_back, &entry, sizeof(entry));
    out[0] = 0xff;
    out[1] = 0xff;
    ASSERT_FAULT(image1_decode_index_entry(out, &entry_back, &fault), BAD_INDEX, 0);
    out[13] = 1;
    ASSERT_FAULT(image1_decode_index_entry(out, &entry_back, &fault), PFN_OUT_OF_RANGE, 8);
}
END_TEST

START_TEST(digest_does_not_depend_on_the_order)
{
    static const struct image1_digest none;
    struct image1_digest a = none, b = none, part = none, back;
    uint8_t page[STREAM_PAGE_SIZE], out[IMAGE1_DIGEST_LEN];
    struct image1_hash hashes[3];

    for (unsigned int i = 0; i < 3; i++) {
        v1_fill(page, i);
        hashes[i] = image1_content_hash(v1_hasher(_i), page);
    }
    image1_digest_add(v1_hasher(_i), &a, IMAGE1_DIGEST_PLAIN, 0, hashes[0]);
    image1_digest_add(v1_hasher(_i), &a, IMAGE1_DIGEST_TABLES, 1, hashes[1]);
    image1_digest_add(v1_hasher(_i), &b, IMAGE1_DIGEST_PLAIN, 2, hashes[2]);
    image1_digest_add(v1_hasher(_i), &part, IMAGE1_DIGEST_TABLES, 1, hashes[1]);
    image1_digest_add(v1_hasher(_i), &part, IMAGE1_DIGEST_PLAIN, 0, hashes[0]);
    image1_digest_merge(v1_hasher(_i), &b, &part);
    ck_assert(!image1_digest_equal(&a, &b));
    image1_digest_remove(v1_hasher(_i), &b, IMAGE1_DIGEST_PLAIN, 2, hashes[2]);
    ck_assert(image1_digest_equal(&a, &b));
    image1_encode_digest(out, &a);
    image1_decode_digest(out, &back);
    ck_assert(image1_digest_equal(&a, &back));
}
END_TEST

START_TEST(digest_tells_where_a_page_is)
{
    static const struct image1_digest none;
    struct image1_digest a = none, b = none;
    struct image1_hash hashes[2];
    uint8_t page[STREAM_PAGE_SIZE];

    for (unsigned int i = 0; i < 2; i++) {
        v1_fill(page, i);
        hashes[i] = image1_content_hash(v1_hasher(_i), page);
        image1_digest_add(v1_hasher(_i), &a, IMAGE1_DIGEST_PLAIN, i, hashes[i]);
    }
    image1_digest_add(v1_hasher(_i), &b, IMAGE1_DIGEST_PLAIN, 0, hashes[1]);
    image1_digest_add(v1_hasher(_i), &b, IMAGE1_DIGEST_PLAIN, 1, hashes[0]);
    ck_assert(!image1_digest_equal(&a, &b));
}
END_TEST

/* POLYVAL by its definition, block after block. */
static struct polyval polyval(struct polyval h, struct polyval sum, const uint8_t *octets, unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++, octets += POLYVAL_BLOCK_LEN)
        sum = polyval_choose()->dot(polyval_add(sum, (struct polyval){ stream_get_le64(octets),
                                                                       stream_get_le64(octets + 8) }), h);
    return sum;
}

/* IMAGE-V1.md: the digest is POLYVAL over the tags of all pages, from the last to the first. */
START_TEST(digest_with_a_key_is_what_the_text_says)
{
    const struct polyval h = { stream_get_le64(v1_key), stream_get_le64(v1_key + 8) };
    const struct polyval r = { stream_get_le64(v1_key + 16), stream_get_le64(v1_key + 24) };
    static const uint64_t pfns[] = { 0, 1, 255, 256, 257, 65535, 65536, 70000 };
    struct image1_digest digest = { .pages = { 0 } };
    struct polyval expected = { 0 };
    uint8_t page[STREAM_PAGE_SIZE], tag[16];
    size_t left = LEN(pfns);

    for (uint64_t pfn = 70001; pfn-- > 0;) {
        memset(tag, 0, sizeof(tag));
        if (left && pfns[left - 1] == pfn) {
            struct polyval t;

            v1_fill(page, pfn);
            t = polyval(h, (struct polyval){ 0 }, page, STREAM_PAGE_SIZE / POLYVAL_BLOCK_LEN);
            stream_put_le64(tag, t.low);
            stream_put_le64(tag + 8, t.high);
            image1_digest_add(v1_hasher(true), &digest, IMAGE1_DIGEST_PLAIN, pfn,
                              image1_content_hash(v1_hasher(true), page));
            left--;
        }
        expected = polyval(r, expected, tag, 1);
    }
    ck_assert_uint_eq(digest.pages[0], LEN(pfns));
    ck_assert_uint_eq(digest.low[0], expected.low);
    ck_assert_uint_eq(digest.high[0], expected.high);
    ck_assert_uint_eq(digest.low[1] | digest.high[1], 0);
}
END_TEST

START_TEST(key_of_zeros_is_refused)
{
    uint8_t key[IMAGE1_KEY_LEN];

    memcpy(key, v1_key, sizeof(key));
    ASSERT_OK(image1_decode_key(key, &fault));
    memset(key + 16, 0, 16);
    ASSERT_FAULT(image1_decode_key(key, &fault), BAD_VALUE, 16);
    memset(key, 0, 16);
    ASSERT_FAULT(image1_decode_key(key, &fault), BAD_VALUE, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image1");
    TCase *tcase = tcase_create("encode and decode");

    tcase_add_test(tcase, header_round_trip);
    tcase_add_test(tcase, header_of_a_later_version_that_this_one_reads);
    tcase_add_loop_test(tcase, wrong_header_is_refused, 0, LEN(wrong_headers));
    tcase_add_test(tcase, index_with_several_channels_is_refused);
    tcase_add_test(tcase, header_with_a_flipped_bit_is_refused);
    tcase_add_test(tcase, channel_header_round_trip);
    tcase_add_loop_test(tcase, wrong_channel_header_is_refused, 0, LEN(wrong_channel_headers));
    tcase_add_test(tcase, trailer_round_trip);
    tcase_add_test(tcase, small_record_round_trip);
    tcase_add_loop_test(tcase, wrong_record_header_is_refused, 0, LEN(wrong_records));
    tcase_add_test(tcase, memory_round_trip);
    tcase_add_loop_test(tcase, wrong_memory_head_is_refused, 0, LEN(wrong_memory_heads));
    tcase_add_test(tcase, codec_without_its_feature_is_refused);
    tcase_add_loop_test(tcase, wrong_runs_are_refused, 0, LEN(wrong_runs));
    tcase_add_test(tcase, run_with_a_reserved_field_is_refused);
    tcase_add_test(tcase, walk_gives_every_page_that_has_payload);
    tcase_add_test(tcase, payload_that_the_runs_do_not_use_up_is_refused);
    tcase_add_test(tcase, delta_beyond_the_payload_is_refused);
    tcase_add_test(tcase, delta_as_long_as_a_page_is_refused);
    tcase_add_test(tcase, same_as_itself_or_as_a_page_out_of_range_is_refused);
    tcase_add_test(tcase, domain_round_trip);
    tcase_add_test(tcase, libxc_records_that_the_image_has_its_own_for_are_refused);
    tcase_add_test(tcase, round_and_index_round_trip);
    tcase_add_loop_test(tcase, digest_does_not_depend_on_the_order, 0, 2);
    tcase_add_loop_test(tcase, digest_tells_where_a_page_is, 0, 2);
    tcase_add_test(tcase, digest_with_a_key_is_what_the_text_says);
    tcase_add_test(tcase, key_of_zeros_is_refused);
    suite_add_tcase(suite, tcase);

    return run_suite(suite);
}
