/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "tests/stream-format/build-image1.h"

#include <stdlib.h>
#include <string.h>

const uint8_t v1_key[IMAGE1_KEY_LEN] = {
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
    0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
};

const struct image1_hasher *v1_hasher(bool keyed)
{
    static struct image1_hasher *hashers[2];

    if (!hashers[keyed])
        hashers[keyed] = image1_hasher_new(keyed ? v1_key : NULL);
    if (!hashers[keyed])
        abort();
    return hashers[keyed];
}

struct v1 v1_begin(struct bytes *b, uint64_t features, uint32_t guest)
{
    struct v1 v = {
        .b = b, .features = features, .start = b->len, .hasher = v1_hasher(features & IMAGE1_FEATURE_KEYED),
    };
    struct image1_domain domain = { .guest = guest, .xen_major = 4, .xen_minor = 17 };
    uint8_t header[IMAGE1_HEADER_LEN], body[IMAGE1_DOMAIN_LEN];

    image1_encode_header(header, features, 1);
    put_raw(b, header, sizeof(header));
    image1_encode_domain(body, &domain);
    v1_record(&v, IMAGE1_REC_DOMAIN, body, sizeof(body));
    if (features & IMAGE1_FEATURE_KEYED)
        v1_record(&v, IMAGE1_REC_KEY, v1_key, sizeof(v1_key));
    return v;
}

size_t v1_record(struct v1 *v, uint32_t type, const void *body, uint32_t len)
{
    uint8_t *out = malloc(IMAGE1_RECORD_HEADER_LEN + (size_t)len + 8);
    size_t at = v->b->len;

    if (!out)
        abort();
    put_raw(v->b, out, image1_encode_small(out, type, body, len, v->seq++));
    free(out);
    return at;
}

size_t v1_libxc(struct v1 *v, uint32_t type, const void *body, uint32_t len)
{
    uint8_t *whole = malloc(IMAGE1_LIBXC_HEAD_LEN + (size_t)len);
    size_t at;

    if (!whole)
        abort();
    image1_encode_libxc(whole, type);
    if (len)
        memcpy(whole + IMAGE1_LIBXC_HEAD_LEN, body, len);
    at = v1_record(v, IMAGE1_REC_LIBXC, whole, IMAGE1_LIBXC_HEAD_LEN + len);
    free(whole);
    return at;
}

void v1_libxc_records(struct v1 *v, void (*put)(struct bytes *b))
{
    struct bytes records = { 0 };

    put(&records);
    for (size_t at = 0; at < records.len;) {
        uint32_t type = stream_get_le32(records.data + at), len = stream_get_le32(records.data + at + 4);

        v1_libxc(v, type, records.data + at + 8, len);
        at += 8 + stream_record_padded(len);
    }
    bytes_free(&records);
}

static void note_pages(struct v1 *v, const struct image1_memory *m, const struct image1_run *runs)
{
    uint64_t first = UINT64_MAX, last = 0;

    for (uint32_t i = 0; i < m->nr_runs; i++) {
        v->round_pages += runs[i].count;
        first = runs[i].pfn < first ? runs[i].pfn : first;
        last = runs[i].pfn + runs[i].count - 1 > last ? runs[i].pfn + runs[i].count - 1 : last;
    }
    if (v->nr_index < sizeof(v->index) / sizeof(v->index[0]))
        v->index[v->nr_index++] = (struct image1_index_entry){ first, last, v->b->len - v->start };
}

size_t v1_memory(struct v1 *v, const struct image1_memory *m, const struct image1_run *runs, const void *payload)
{
    static const uint8_t zeros[8];
    uint8_t prefix[IMAGE1_MEMORY_PREFIX_MAX];
    size_t len = image1_encode_memory(prefix, m, runs, v->seq++), at = v->b->len;
    uint32_t crc = crc32c(image1_crc_begin(prefix, len), payload, m->payload_len);
    uint32_t padding = image1_seal(prefix, crc);

    note_pages(v, m, runs);
    put_raw(v->b, prefix, len);
    put_raw(v->b, payload, m->payload_len);
    put_raw(v->b, zeros, padding);
    return at;
}

size_t v1_pages(struct v1 *v, enum image1_codec_id id, const struct image1_run *runs, uint32_t nr_runs,
                const void *raw, uint32_t raw_len)
{
    struct image1_codec *codec = image1_codec_new();
    struct image1_piece piece = { raw, raw_len };
    uint32_t room = image1_compress_bound(id, raw_len), n = 0;
    uint8_t *payload = malloc(room + 1);
    struct image1_memory m = { .round = v->round, .nr_runs = nr_runs, .raw_len = raw_len };
    size_t at;

    if (!codec || !payload)
        abort();
    if (id != IMAGE1_CODEC_NONE)
        n = image1_compress(codec, id, 0, &piece, 1, payload, room);
    m.codec = n ? id : IMAGE1_CODEC_NONE;
    m.payload_len = n ? n : raw_len;
    at = v1_memory(v, &m, runs, n ? payload : raw);
    free(payload);
    image1_codec_free(codec);
    return at;
}

size_t v1_round(struct v1 *v, bool last)
{
    struct image1_round round = {
        .round = v->round, .flags = last ? IMAGE1_ROUND_LAST : 0, .pages = v->round_pages,
    };
    uint8_t body[IMAGE1_ROUND_LEN];

    image1_encode_round(body, &round);
    v->round++;
    v->round_pages = 0;
    return v1_record(v, IMAGE1_REC_ROUND, body, sizeof(body));
}

size_t v1_digest(struct v1 *v)
{
    uint8_t body[IMAGE1_DIGEST_LEN];

    image1_encode_digest(body, &v->digest);
    return v1_record(v, IMAGE1_REC_DIGEST, body, sizeof(body));
}

size_t v1_index(struct v1 *v)
{
    uint8_t body[IMAGE1_INDEX_HEAD_LEN + 64 * IMAGE1_INDEX_ENTRY_LEN];

    image1_encode_index(body, v->nr_index);
    for (uint32_t i = 0; i < v->nr_index; i++)
        image1_encode_index_entry(body + IMAGE1_INDEX_HEAD_LEN + i * IMAGE1_INDEX_ENTRY_LEN, &v->index[i]);
    return v1_record(v, IMAGE1_REC_INDEX, body, IMAGE1_INDEX_HEAD_LEN + v->nr_index * IMAGE1_INDEX_ENTRY_LEN);
}

void v1_trailer(struct v1 *v, size_t index_at)
{
    struct image1_trailer trailer = {
        .index_offset = index_at, .image_offset = (uint32_t)v->start, .file_len = v->b->len + IMAGE1_TRAILER_LEN,
    };
    uint8_t out[IMAGE1_TRAILER_LEN];

    image1_encode_trailer(out, &trailer);
    put_raw(v->b, out, sizeof(out));
}

void v1_seal(struct v1 *v, size_t end)
{
    struct image1_seal seal = {
        .before_len = v->start, .after_len = v->b->len - end,
        .outer_crc = crc32c(crc32c(0, v->b->data, v->start), v->b->data + end, v->b->len - end),
    };
    uint8_t out[IMAGE1_SEAL_LEN];

    image1_encode_seal(out, &seal);
    put_raw(v->b, out, sizeof(out));
}

void v1_reseal(struct bytes *b, size_t record)
{
    uint8_t *p = b->data + record;
    uint32_t len = stream_get_le32(p + 4);

    image1_seal(p, image1_crc_begin(p, IMAGE1_RECORD_HEADER_LEN + (size_t)len));
}

void v1_poke(struct bytes *b, size_t record, size_t at, const void *data, size_t len)
{
    memcpy(b->data + record + IMAGE1_RECORD_HEADER_LEN + at, data, len);
    v1_reseal(b, record);
}

void v1_fill(uint8_t *page, uint64_t pfn)
{
    for (unsigned int i = 0; i < STREAM_PAGE_SIZE; i += 8)
        stream_put_le64(page + i, i % 64 ? pfn : pfn * 0x9e3779b97f4a7c15 + i);
}

/* ---- whole images ------------------------------------------------------- */

static void put_hvm_static_records(struct bytes *b)
{
    put_cpuid_policy(b);
    put_msr_policy(b);
    put_empty_record(b, STREAM_REC_STATIC_DATA_END);
}

static void put_pv_static_records(struct bytes *b)
{
    put_pv_info(b, 8, 4);
    put_hvm_static_records(b);
    put_p2m_frames(b, 1023, 512);
}

static void add_to_digest(struct v1 *v, uint64_t pfn, const uint8_t *page, unsigned int type)
{
    image1_digest_add(v->hasher, &v->digest, image1_digest_class(type), pfn, image1_content_hash(v->hasher, page));
}

/* nr pages from pfn on, in one run. */
static void put_v1_data(struct v1 *v, enum image1_codec_id codec, uint64_t pfn, uint32_t nr, uint8_t type)
{
    struct image1_run run = { .pfn = pfn, .count = nr, .kind = IMAGE1_KIND_DATA, .type = type };
    uint8_t *raw = malloc((size_t)nr * STREAM_PAGE_SIZE);

    if (!raw)
        abort();
    for (uint32_t i = 0; i < nr; i++) {
        v1_fill(raw + (size_t)i * STREAM_PAGE_SIZE, pfn + i);
        add_to_digest(v, pfn + i, raw + (size_t)i * STREAM_PAGE_SIZE, type);
    }
    v1_pages(v, codec, &run, 1, raw, nr * STREAM_PAGE_SIZE);
    free(raw);
}

static void put_v1_same(struct v1 *v, uint64_t pfn, uint64_t source)
{
    struct image1_run runs[] = {
        { .pfn = 0x1000, .count = 512, .kind = IMAGE1_KIND_ZERO },
        { .pfn = pfn, .count = 1, .kind = IMAGE1_KIND_SAME },
        { .pfn = 0xfeff8, .count = 2, .kind = IMAGE1_KIND_ABSENT, .type = STREAM_PAGE_XALLOC },
    };
    uint8_t raw[8], page[STREAM_PAGE_SIZE];

    stream_put_le64(raw, source);
    v1_fill(page, source);
    add_to_digest(v, pfn, page, STREAM_PAGE_NOTAB);
    v1_pages(v, IMAGE1_CODEC_NONE, runs, 3, raw, sizeof(raw));
}

/* Without what is behind it in a file; returns where INDEX is in b. */
static size_t put_file_image(struct v1 *v)
{
    size_t index;

    v1_libxc_records(v, put_hvm_static_records);
    v1_round(v, false);
    put_v1_data(v, IMAGE1_CODEC_NONE, 0, 2, STREAM_PAGE_NOTAB);
    put_v1_data(v, IMAGE1_CODEC_LZ4, 2, 3, STREAM_PAGE_NOTAB);
    put_v1_data(v, IMAGE1_CODEC_ZSTD, 5, 2, STREAM_PAGE_NOTAB);
    put_v1_same(v, 9, 3);
    v1_round(v, true);
    v1_libxc_records(v, put_hvm_state);
    v1_digest(v);
    index = v1_index(v);
    v1_record(v, IMAGE1_REC_END, NULL, 0);
    return index;
}

void put_v1_file_image(struct bytes *b)
{
    struct v1 v = v1_begin(b, V1_FEATURES_FILE, STREAM_GUEST_X86_HVM);

    v1_trailer(&v, put_file_image(&v));
}

/* Pages 1 and 2 change in the second round; 2 by so much as a word. */
static void put_live(struct bytes *b, uint64_t features)
{
    struct v1 v = v1_begin(b, features, STREAM_GUEST_X86_HVM);
    struct image1_run runs[] = {
        { .pfn = 2, .count = 1, .kind = IMAGE1_KIND_DELTA },
        { .pfn = 1, .count = 1, .kind = IMAGE1_KIND_ZERO },
    };
    uint8_t old[STREAM_PAGE_SIZE], page[STREAM_PAGE_SIZE], raw[2 + IMAGE1_DELTA_MAX], extents[IMAGE1_EXTENTS_LEN];
    int len;

    v1_libxc_records(&v, put_hvm_static_records);
    image1_encode_extents(extents, &(struct image1_extents){ 0, 1 });
    v1_record(&v, IMAGE1_REC_EXTENTS, extents, sizeof(extents));
    v1_round(&v, false);
    put_v1_data(&v, IMAGE1_CODEC_LZ4, 0, 4, STREAM_PAGE_NOTAB);
    v1_round(&v, false);

    v1_fill(old, 2);
    memcpy(page, old, sizeof(page));
    page[100] ^= 1;
    len = image1_delta_encode(old, page, raw + 2, IMAGE1_DELTA_MAX);
    stream_put_le16(raw, (uint16_t)len);
    v1_pages(&v, IMAGE1_CODEC_NONE, runs, 2, raw, 2 + (uint32_t)len);
    image1_digest_remove(v.hasher, &v.digest, IMAGE1_DIGEST_PLAIN, 2, image1_content_hash(v.hasher, old));
    add_to_digest(&v, 2, page, STREAM_PAGE_NOTAB);
    v1_fill(old, 1);
    image1_digest_remove(v.hasher, &v.digest, IMAGE1_DIGEST_PLAIN, 1, image1_content_hash(v.hasher, old));
    v1_round(&v, false);
    v1_round(&v, true);
    v1_libxc_records(&v, put_hvm_state);
    v1_digest(&v);
    v1_record(&v, IMAGE1_REC_END, NULL, 0);
}

void put_v1_live_image(struct bytes *b)
{
    put_live(b, V1_FEATURES_LIVE);
}

void put_v1_live_image_without_key(struct bytes *b)
{
    put_live(b, V1_FEATURES_LIVE & ~IMAGE1_FEATURE_KEYED);
}

void put_v1_pv_image(struct bytes *b)
{
    struct v1 v = v1_begin(b, V1_FEATURES_FILE, STREAM_GUEST_X86_PV);
    size_t index;

    v1_libxc_records(&v, put_pv_static_records);
    v1_round(&v, false);
    put_v1_data(&v, IMAGE1_CODEC_LZ4, 0, 2, STREAM_PAGE_NOTAB);
    put_v1_data(&v, IMAGE1_CODEC_NONE, 2, 1, STREAM_PAGE_L4TAB | STREAM_PAGE_LPINNED);
    v1_round(&v, true);
    v1_libxc_records(&v, put_pv_state);
    v1_digest(&v);
    index = v1_index(&v);
    v1_record(&v, IMAGE1_REC_END, NULL, 0);
    v1_trailer(&v, index);
}

/* The image in the layers of a save file, with such features. */
static void put_saved_image(struct bytes *b, uint64_t features)
{
    size_t index, end;
    struct v1 v;

    put_xl_header(b, STREAM_XL_FLAG_JSON | STREAM_XL_FLAG_STREAMV2, "{ }");
    put_libxl_header(b, 0);
    put_empty_record(b, STREAM_LIBXL_REC_LIBXC_CONTEXT);
    v = v1_begin(b, features, STREAM_GUEST_X86_HVM);
    index = put_file_image(&v);
    end = b->len;
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_CONTEXT, STREAM_EMULATOR_QEMU_UPSTREAM, "QEVM", 4);
    put_empty_record(b, STREAM_LIBXL_REC_END);
    if (features & IMAGE1_FEATURE_SEAL)
        v1_seal(&v, end);
    v1_trailer(&v, index);
}

void put_v1_saved_hvm(struct bytes *b)
{
    put_saved_image(b, V1_FEATURES_FILE);
}

void put_v1_sealed_hvm(struct bytes *b)
{
    put_saved_image(b, V1_FEATURES_FILE | IMAGE1_FEATURE_SEAL);
}

/* One page of zeros, one page with a word in it. */
static void put_small(struct bytes *b, uint64_t key_feature)
{
    struct v1 v = v1_begin(b, IMAGE1_FEATURE_LZ4 | IMAGE1_FEATURE_DELTA | IMAGE1_FEATURE_DIGEST | key_feature,
                           STREAM_GUEST_X86_HVM);
    struct image1_run zeros[] = {
        { .pfn = 0, .count = 2, .kind = IMAGE1_KIND_ZERO },
        { .pfn = 0xff000, .count = 1, .kind = IMAGE1_KIND_ABSENT, .type = STREAM_PAGE_XALLOC },
    };
    struct image1_run delta = { .pfn = 1, .count = 1, .kind = IMAGE1_KIND_DELTA };
    static const uint8_t zero_page[STREAM_PAGE_SIZE];
    struct bytes context = { 0 };
    uint8_t page[STREAM_PAGE_SIZE] = { 0 }, raw[2 + IMAGE1_DELTA_MAX];
    int len;

    page[24] = 0x2a;
    v1_libxc(&v, STREAM_REC_STATIC_DATA_END, NULL, 0);
    v1_round(&v, false);
    v1_pages(&v, IMAGE1_CODEC_NONE, zeros, 2, NULL, 0);
    v1_round(&v, false);
    len = image1_delta_encode(zero_page, page, raw + 2, IMAGE1_DELTA_MAX);
    stream_put_le16(raw, (uint16_t)len);
    v1_pages(&v, IMAGE1_CODEC_NONE, &delta, 1, raw, 2 + (uint32_t)len);
    add_to_digest(&v, 1, page, STREAM_PAGE_NOTAB);
    v1_round(&v, true);
    put_hvm_context_header(&context);
    put_context_entry(&context, 0, 0, 0);
    v1_libxc(&v, STREAM_REC_HVM_CONTEXT, context.data, (uint32_t)context.len);
    bytes_free(&context);
    v1_digest(&v);
    v1_record(&v, IMAGE1_REC_END, NULL, 0);
}

void put_v1_small_image(struct bytes *b)
{
    put_small(b, IMAGE1_FEATURE_KEYED);
}

void put_v1_small_image_without_key(struct bytes *b)
{
    put_small(b, 0);
}
