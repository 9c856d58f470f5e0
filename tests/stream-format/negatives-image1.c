/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* One wrong xlmig image for each row of negatives.def that begins with v1_. */
#include "tests/stream-format/negatives-image1.h"

#include <string.h>

#include "tests/stream-format/build-image1.h"

#define ALL (V1_FEATURES_LIVE & ~IMAGE1_FEATURE_KEYED)

/* ---- beginnings and ends ------------------------------------------------- */

/* An HVM guest that is about to get memory. */
static struct v1 opened(struct bytes *b, uint64_t features)
{
    struct v1 v = v1_begin(b, features, STREAM_GUEST_X86_HVM);

    v1_libxc(&v, STREAM_REC_STATIC_DATA_END, NULL, 0);
    v1_round(&v, false);
    return v;
}

static const struct image1_run zero_run = { .pfn = 0, .count = 4, .kind = IMAGE1_KIND_ZERO };

static size_t one_run(struct v1 *v, struct image1_run run, const void *raw, uint32_t len)
{
    return v1_pages(v, IMAGE1_CODEC_NONE, &run, 1, raw, len);
}

/* All of its memory is there. */
static struct v1 filled(struct bytes *b, uint64_t features)
{
    struct v1 v = opened(b, features);

    one_run(&v, zero_run, NULL, 0);
    v1_round(&v, true);
    return v;
}

static struct v1 stateful(struct bytes *b, uint64_t features)
{
    struct v1 v = filled(b, features);

    v1_libxc_records(&v, put_hvm_state);
    return v;
}

static void end(struct v1 *v)
{
    v1_record(v, IMAGE1_REC_END, NULL, 0);
}

static size_t data_page(struct v1 *v, uint64_t pfn)
{
    uint8_t page[STREAM_PAGE_SIZE];

    v1_fill(page, pfn);
    return one_run(v, (struct image1_run){ .pfn = pfn, .count = 1, .kind = IMAGE1_KIND_DATA }, page, sizeof(page));
}

static void same_page(struct v1 *v, uint64_t pfn, uint64_t source)
{
    uint8_t raw[8];

    stream_put_le64(raw, source);
    one_run(v, (struct image1_run){ .pfn = pfn, .count = 1, .kind = IMAGE1_KIND_SAME }, raw, sizeof(raw));
}

/* A record of one page, of which octets of the body are changed before its checksum is made. */
static void poked(struct bytes *b, size_t at, uint32_t value, size_t len)
{
    struct v1 v = opened(b, ALL);
    size_t record = data_page(&v, 1);
    uint8_t octets[4];

    stream_put_le32(octets, value);
    v1_poke(b, record, at, octets, len);
}

static void poke_run(struct bytes *b, size_t at, uint32_t value, size_t len)
{
    poked(b, IMAGE1_MEMORY_HEAD_LEN + at, value, len);
}

#define MAKE(name) void make_##name(struct bytes *b)

/* ---- headers and frames -------------------------------------------------- */

static void poke_header(struct bytes *b, size_t at, uint32_t value)
{
    opened(b, ALL);
    stream_put_le32(b->data + at, value);
    stream_put_le32(b->data + 28, crc32c(0, b->data, 28));
}

MAKE(v1_version) { poke_header(b, 8, 0x00020002); }
MAKE(v1_header_checksum) { opened(b, ALL); b->data[20] ^= 0x80; }
MAKE(v1_feature_unknown) { poke_header(b, 16, 0x100); }

MAKE(v1_channels_in_a_file)
{
    opened(b, ALL);
    image1_encode_header(b->data, IMAGE1_FEATURE_CHANNELS, 2);
}

MAKE(v1_record_checksum) { struct v1 v = opened(b, ALL); size_t at = data_page(&v, 1); b->data[at + 1000] ^= 1; }
MAKE(v1_record_unknown) { struct v1 v = opened(b, ALL); v1_record(&v, 0x10, NULL, 0); }
MAKE(v1_record_lost) { struct v1 v = opened(b, ALL); v.seq++; data_page(&v, 1); }
MAKE(v1_record_twice) { struct v1 v = opened(b, ALL); data_page(&v, 1); v.seq--; data_page(&v, 2); }

MAKE(v1_record_padding)
{
    struct v1 v = opened(b, ALL);
    size_t record;

    data_page(&v, 1);
    v1_round(&v, false);
    /* a delta of 10 octets leaves 4 of padding */
    record = one_run(&v, (struct image1_run){ .pfn = 1, .count = 1, .kind = IMAGE1_KIND_DELTA },
                     "\12\0\0\0aaaaaaaa", 12);
    b->data[record + 68] = 1;
}

MAKE(v1_record_too_long)
{
    struct v1 v = opened(b, ALL);
    size_t record = v1_record(&v, STREAM_REC_OPTIONAL | 1, NULL, 0);

    stream_put_le32(b->data + record + 4, IMAGE1_LENGTH_MAX + 1);
}

MAKE(v1_optional_checksum)
{
    struct v1 v = opened(b, ALL);
    size_t at = v1_record(&v, STREAM_REC_OPTIONAL | 1, "abcdefgh", 8);

    b->data[at + 20] ^= 1;
}

/* ---- EXTENTS -------------------------------------------------------------- */

/* After a run that is right, one that may not be; returns where the record starts. */
static size_t extents(struct v1 *v, uint64_t pfn, uint32_t count)
{
    uint8_t body[2 * IMAGE1_EXTENTS_LEN];

    image1_encode_extents(body, &(struct image1_extents){ 0, 1 });
    image1_encode_extents(body + IMAGE1_EXTENTS_LEN, &(struct image1_extents){ pfn, count });
    return v1_record(v, IMAGE1_REC_EXTENTS, body, sizeof(body));
}

static struct v1 before_round_0(struct bytes *b)
{
    struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_HVM);

    v1_libxc(&v, STREAM_REC_STATIC_DATA_END, NULL, 0);
    return v;
}

static void poke_extents(struct bytes *b, size_t at, const void *octets, size_t len)
{
    struct v1 v = before_round_0(b);

    v1_poke(b, extents(&v, IMAGE1_EXTENT_PAGES, 1), at, octets, len);
}

MAKE(v1_extents_length) { struct v1 v = before_round_0(b); v1_record(&v, IMAGE1_REC_EXTENTS, "12345678", 8); }
MAKE(v1_extents_unaligned) { poke_extents(b, 0, "\1", 1); }
MAKE(v1_extents_empty) { poke_extents(b, 8, "\0", 1); }
MAKE(v1_extents_reserved) { poke_extents(b, 12, "\1", 1); }
MAKE(v1_extents_after_memory) { struct v1 v = opened(b, ALL); extents(&v, IMAGE1_EXTENT_PAGES, 1); }

MAKE(v1_extents_beyond_limit)
{
    struct v1 v = before_round_0(b);

    extents(&v, IMAGE1_PFN_MAX + 1 - 2 * IMAGE1_EXTENT_PAGES, 3);
}

MAKE(v1_extents_before_static_data_end)
{
    struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_HVM);

    extents(&v, IMAGE1_EXTENT_PAGES, 1);
}

MAKE(v1_extents_twice)
{
    struct v1 v = before_round_0(b);

    extents(&v, IMAGE1_EXTENT_PAGES, 1);
    extents(&v, 2 * IMAGE1_EXTENT_PAGES, 1);
}

/* ---- DOMAIN and LIBXC ----------------------------------------------------- */

MAKE(v1_domain_missing)
{
    struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_HVM);

    b->len = IMAGE1_HEADER_LEN;
    v.seq = 0;
    v1_libxc(&v, STREAM_REC_STATIC_DATA_END, NULL, 0);
}

MAKE(v1_domain_twice)
{
    struct v1 v = opened(b, ALL);

    v1_record(&v, IMAGE1_REC_DOMAIN, b->data + IMAGE1_HEADER_LEN + IMAGE1_RECORD_HEADER_LEN, IMAGE1_DOMAIN_LEN);
}

MAKE(v1_domain_guest) { v1_begin(b, ALL, 3); }
MAKE(v1_libxc_page_data) { struct v1 v = opened(b, ALL); v1_libxc(&v, STREAM_REC_PAGE_DATA, "12345678", 8); }
MAKE(v1_libxc_unknown) { struct v1 v = opened(b, ALL); v1_libxc(&v, 0x20, NULL, 0); }
MAKE(v1_libxc_wrong_guest) { struct v1 v = filled(b, ALL); v1_libxc_records(&v, put_shared_info); }

MAKE(v1_libxc_reserved)
{
    struct v1 v = filled(b, ALL);

    v1_poke(b, v1_libxc(&v, STREAM_REC_X86_TSC_INFO, "012345670123456701234567", 24), 4, "\1", 1);
}

MAKE(v1_libxc_body)
{
    struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_PV);

    v1_libxc(&v, STREAM_REC_X86_PV_INFO, "\10\3\0\0\0\0\0", 8);
}

MAKE(v1_libxc_length) { struct v1 v = filled(b, ALL); v1_libxc(&v, STREAM_REC_X86_TSC_INFO, "12345678", 8); }
MAKE(v1_state_before_memory) { struct v1 v = opened(b, ALL); v1_libxc_records(&v, put_tsc_info); }
MAKE(v1_state_twice) { struct v1 v = stateful(b, ALL); v1_libxc_records(&v, put_tsc_info); }
MAKE(v1_state_missing) { struct v1 v = filled(b, 0); v1_libxc_records(&v, put_tsc_info); end(&v); }
MAKE(v1_static_after_memory) { struct v1 v = filled(b, ALL); v1_libxc_records(&v, put_msr_policy); }
MAKE(v1_static_data_end_missing) { struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_HVM); v1_round(&v, false); }

/* ---- MEMORY --------------------------------------------------------------- */

MAKE(v1_memory_in_round_0) { struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_HVM); data_page(&v, 1); }

MAKE(v1_memory_missing)
{
    struct v1 v = opened(b, 0);

    v1_round(&v, true);
    v1_libxc_records(&v, put_hvm_state);
    end(&v);
}

MAKE(v1_memory_after_last_round) { struct v1 v = filled(b, ALL); data_page(&v, 1); }
MAKE(v1_memory_of_other_round) { poked(b, 0, 2, 4); }

MAKE(v1_memory_without_p2m)
{
    struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_PV);

    v1_libxc(&v, STREAM_REC_X86_PV_INFO, "\10\4\0\0\0\0\0", 8);
    v1_libxc(&v, STREAM_REC_STATIC_DATA_END, NULL, 0);
    v1_round(&v, false);
    data_page(&v, 1);
}

MAKE(v1_codec_unknown) { poked(b, 4, 3, 2); }
MAKE(v1_runs_none) { poked(b, 8, 0, 4); }
MAKE(v1_raw_too_long) { poked(b, 16, IMAGE1_RAW_MAX + 1, 4); }
MAKE(v1_payload_length) { poked(b, 12, 4095, 4); }

MAKE(v1_codec_not_announced)
{
    static const uint8_t zeros[STREAM_PAGE_SIZE];
    struct v1 v = opened(b, IMAGE1_FEATURE_LZ4);
    struct image1_run run = { .pfn = 1, .count = 1, .kind = IMAGE1_KIND_DATA };

    v1_pages(&v, IMAGE1_CODEC_ZSTD, &run, 1, zeros, sizeof(zeros));
}

MAKE(v1_run_kind) { poke_run(b, 12, 5, 1); }
MAKE(v1_run_reserved) { poke_run(b, 14, 1, 1); }
MAKE(v1_run_empty) { poke_run(b, 8, 0, 4); }
MAKE(v1_run_beyond_limit) { poke_run(b, 4, 0x100, 4); }
MAKE(v1_run_page_table_in_hvm) { poke_run(b, 13, STREAM_PAGE_L1TAB, 1); }
MAKE(v1_run_kind_of_other_type) { poke_run(b, 13, STREAM_PAGE_XTAB, 1); }

MAKE(v1_run_beyond_guest)
{
    struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_PV);

    v1_libxc(&v, STREAM_REC_X86_PV_INFO, "\10\4\0\0\0\0\0", 8);
    v1_libxc(&v, STREAM_REC_STATIC_DATA_END, NULL, 0);
    v1_libxc(&v, STREAM_REC_X86_PV_P2M_FRAMES, "\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0", 16);
    v1_round(&v, false);
    one_run(&v, zero_run, NULL, 0);
}

MAKE(v1_run_delta_not_announced)
{
    struct v1 v = opened(b, 0);

    one_run(&v, (struct image1_run){ .pfn = 1, .count = 1, .kind = IMAGE1_KIND_DELTA }, "\0\0", 2);
}

MAKE(v1_page_twice_in_a_round) { struct v1 v = opened(b, ALL); one_run(&v, zero_run, NULL, 0); data_page(&v, 3); }

MAKE(v1_page_twice_in_a_record)
{
    struct v1 v = opened(b, ALL);
    struct image1_run runs[] = { zero_run, { .pfn = 3, .count = 1, .kind = IMAGE1_KIND_ZERO } };

    v1_pages(&v, IMAGE1_CODEC_NONE, runs, 2, NULL, 0);
}

static void delta_page(struct v1 *v, uint64_t pfn, const char *raw, uint32_t len)
{
    one_run(v, (struct image1_run){ .pfn = pfn, .count = 1, .kind = IMAGE1_KIND_DELTA }, raw, len);
}

MAKE(v1_delta_of_nothing) { struct v1 v = opened(b, ALL); delta_page(&v, 1, "\0\0", 2); }

MAKE(v1_delta_of_a_page_given_up)
{
    struct v1 v = opened(b, ALL);

    data_page(&v, 1);
    v1_round(&v, false);
    one_run(&v, (struct image1_run){ .pfn = 1, .count = 1, .kind = IMAGE1_KIND_ABSENT, .type = STREAM_PAGE_XTAB },
            NULL, 0);
    v1_round(&v, false);
    delta_page(&v, 1, "\0\0", 2);
}

MAKE(v1_delta_cut_off)
{
    struct v1 v = opened(b, ALL);

    data_page(&v, 1);
    v1_round(&v, false);
    delta_page(&v, 1, "\5\0\0\0abc", 7);
}

MAKE(v1_same_as_nothing) { struct v1 v = opened(b, ALL); same_page(&v, 1, 2); }
MAKE(v1_same_as_a_page_of_an_earlier_round) { struct v1 v = opened(b, ALL); data_page(&v, 2); v1_round(&v, false); same_page(&v, 1, 2); }
MAKE(v1_same_as_a_same_page) { struct v1 v = opened(b, ALL); data_page(&v, 3); same_page(&v, 2, 3); same_page(&v, 1, 2); }
MAKE(v1_same_as_a_zero_page) { struct v1 v = opened(b, ALL); one_run(&v, zero_run, NULL, 0); same_page(&v, 9, 2); }

MAKE(v1_payload_garbage)
{
    struct image1_memory m = { .round = 1, .codec = IMAGE1_CODEC_ZSTD, .nr_runs = 1, .payload_len = 16, .raw_len = 4096 };
    struct image1_run run = { .pfn = 1, .count = 1, .kind = IMAGE1_KIND_DATA };
    struct v1 v = opened(b, ALL);

    v1_memory(&v, &m, &run, "0123456789abcdef");
}

/* lz4 of 4 MiB of zeros, said to be a page. */
MAKE(v1_payload_bomb)
{
    static uint8_t zeros[IMAGE1_RAW_MAX], payload[IMAGE1_RAW_MAX];
    struct image1_codec *codec = image1_codec_new();
    struct image1_piece piece = { zeros, sizeof(zeros) };
    struct image1_memory m = { .round = 1, .codec = IMAGE1_CODEC_ZSTD, .nr_runs = 1, .raw_len = 4096 };
    struct image1_run run = { .pfn = 1, .count = 1, .kind = IMAGE1_KIND_DATA };
    struct v1 v = opened(b, ALL);

    m.payload_len = image1_compress(codec, IMAGE1_CODEC_ZSTD, 0, &piece, 1, payload, sizeof(payload));
    image1_codec_free(codec);
    v1_memory(&v, &m, &run, payload);
}

/* ---- ROUND, DIGEST, INDEX, END -------------------------------------------- */

MAKE(v1_round_pages) { struct v1 v = opened(b, ALL); data_page(&v, 1); v.round_pages++; v1_round(&v, true); }
MAKE(v1_round_number) { struct v1 v = opened(b, ALL); v.round++; v1_round(&v, true); }
MAKE(v1_round_flags) { struct v1 v = opened(b, ALL); v1_poke(b, v1_round(&v, true), 4, "\3", 1); }

MAKE(v1_round_0_last)
{
    struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_HVM);

    v1_libxc(&v, STREAM_REC_STATIC_DATA_END, NULL, 0);
    v1_round(&v, true);
}

MAKE(v1_round_after_last) { struct v1 v = filled(b, ALL); v1_round(&v, true); }

MAKE(v1_digest_of_other_pages)
{
    struct v1 v = stateful(b, ALL);

    v.digest.pages[0]++;
    v1_digest(&v);
}

/* ---- the key ---------------------------------------------------------------- */

/* After the key of an image with KEYED. */
static struct v1 keyed(struct bytes *b)
{
    return v1_begin(b, V1_FEATURES_LIVE, STREAM_GUEST_X86_HVM);
}

static size_t key(struct v1 *v)
{
    return v1_record(v, IMAGE1_REC_KEY, v1_key, sizeof(v1_key));
}

/* What is announced does not come. */
MAKE(v1_key_missing)
{
    opened(b, ALL);
    image1_encode_header(b->data, V1_FEATURES_LIVE, 1);
}

MAKE(v1_key_twice) { struct v1 v = keyed(b); key(&v); }
MAKE(v1_key_not_announced) { struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_HVM); key(&v); }
MAKE(v1_key_after_memory) { struct v1 v = opened(b, V1_FEATURES_LIVE); data_page(&v, 1); key(&v); }
MAKE(v1_key_of_zeros)
{
    static const uint8_t zeros[16];

    keyed(b);
    v1_poke(b, b->len - IMAGE1_RECORD_HEADER_LEN - IMAGE1_KEY_LEN, 16, zeros, sizeof(zeros));
}

MAKE(v1_key_length) { struct v1 v = v1_begin(b, ALL, STREAM_GUEST_X86_HVM); v1_record(&v, IMAGE1_REC_KEY, v1_key, 16); }

MAKE(v1_digest_of_another_key)
{
    struct v1 v = opened(b, V1_FEATURES_LIVE);

    data_page(&v, 1);
    v1_round(&v, true);
    v1_libxc_records(&v, put_hvm_state);
    v.digest.pages[IMAGE1_DIGEST_PLAIN] = 1;
    v.digest.low[IMAGE1_DIGEST_PLAIN] = 1;
    v1_digest(&v);
}

MAKE(v1_digest_not_announced) { struct v1 v = stateful(b, 0); v1_digest(&v); }
MAKE(v1_digest_missing) { struct v1 v = stateful(b, ALL); end(&v); }
MAKE(v1_digest_before_last_round) { struct v1 v = opened(b, ALL); v1_digest(&v); }
MAKE(v1_index_missing) { struct v1 v = stateful(b, IMAGE1_FEATURE_INDEX); end(&v); }
MAKE(v1_index_of_other_offset) { struct v1 v = stateful(b, IMAGE1_FEATURE_INDEX); v.index[0].offset += 8; v1_index(&v); }

MAKE(v1_index_entry_lost)
{
    struct v1 v = opened(b, IMAGE1_FEATURE_INDEX);

    data_page(&v, 1);
    data_page(&v, 2);
    v1_round(&v, true);
    v.nr_index = 1;
    v1_index(&v);
}

MAKE(v1_index_count) { struct v1 v = stateful(b, IMAGE1_FEATURE_INDEX); v1_poke(b, v1_index(&v), 0, "\2", 1); }
MAKE(v1_end_before_last_round) { struct v1 v = opened(b, 0); end(&v); }

/* ---- the trailer ----------------------------------------------------------- */

/* Up to the trailer. */
static struct v1 indexed(struct bytes *b, size_t *index)
{
    struct v1 v = stateful(b, IMAGE1_FEATURE_INDEX);

    *index = v1_index(&v);
    end(&v);
    return v;
}

MAKE(v1_trailer_missing) { size_t index; indexed(b, &index); }
MAKE(v1_trailer_magic) { size_t index; struct v1 v = indexed(b, &index); v1_trailer(&v, index); b->data[b->len - 32] ^= 1; }
MAKE(v1_trailer_checksum) { size_t index; struct v1 v = indexed(b, &index); v1_trailer(&v, index); b->data[b->len - 20] ^= 1; }
MAKE(v1_trailer_offset) { size_t index; struct v1 v = indexed(b, &index); v1_trailer(&v, index - 8); }

MAKE(v1_trailer_of_other_file)
{
    size_t index;
    struct v1 v = indexed(b, &index);
    struct image1_trailer trailer = { .index_offset = index, .file_len = v.b->len + 40 };
    uint8_t out[IMAGE1_TRAILER_LEN];

    image1_encode_trailer(out, &trailer);
    put_raw(b, out, sizeof(out));
}

/* The seal is before the trailer. */
#define SEAL_AT(b) ((b)->len - IMAGE1_TRAILER_LEN - IMAGE1_SEAL_LEN)

static void reseal(struct bytes *b)
{
    uint8_t *seal = b->data + SEAL_AT(b);

    stream_put_le32(seal + 28, crc32c(0, seal, 28));
}

MAKE(v1_seal_missing)
{
    put_v1_sealed_hvm(b);
    memmove(b->data + SEAL_AT(b), b->data + b->len - IMAGE1_TRAILER_LEN, IMAGE1_TRAILER_LEN);
    b->len -= IMAGE1_SEAL_LEN;
}

MAKE(v1_seal_magic) { put_v1_sealed_hvm(b); b->data[SEAL_AT(b) + 4] ^= 1; }
MAKE(v1_seal_checksum) { put_v1_sealed_hvm(b); b->data[SEAL_AT(b) + 24] ^= 1; }
MAKE(v1_seal_before) { put_v1_sealed_hvm(b); b->data[SEAL_AT(b) + 8] ^= 1; reseal(b); }
MAKE(v1_seal_after) { put_v1_sealed_hvm(b); b->data[SEAL_AT(b) + 16] ^= 1; reseal(b); }
MAKE(v1_seal_outer) { put_v1_sealed_hvm(b); b->data[SEAL_AT(b) + 24] ^= 1; reseal(b); }
/* A blank of the configuration; an octet of the device model's state. */
MAKE(v1_sealed_config) { put_v1_sealed_hvm(b); b->data[53] = '\t'; }
MAKE(v1_sealed_device_model) { put_v1_sealed_hvm(b); b->data[SEAL_AT(b) - 16] ^= 1; }
MAKE(v1_seal_without_index) { v1_begin(b, IMAGE1_FEATURE_SEAL, STREAM_GUEST_X86_HVM); }

MAKE(v1_trailing_data) { size_t index; struct v1 v = indexed(b, &index); v1_trailer(&v, index); put_raw(b, "x", 1); }
