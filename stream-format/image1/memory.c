/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig image v1: MEMORY records.
 *
 * What a hostile record may cost is bounded before its payload is read: runs,
 * pages, pages with payload and the decoded length are each limited, and the
 * run table has to account for the decoded length.
 */
#include "stream-format/image1/image1.h"

#include <string.h>

#include "stream-format/image1/fail.h"

/* ---- the head ----------------------------------------------------------- */

size_t image1_encode_memory(uint8_t *out, const struct image1_memory *memory,
                            const struct image1_run *runs, uint32_t seq)
{
    uint8_t *p = out + IMAGE1_RECORD_HEADER_LEN;
    size_t prefix = IMAGE1_MEMORY_HEAD_LEN + (size_t)memory->nr_runs * IMAGE1_RUN_LEN;

    image1_encode_record(out, IMAGE1_REC_MEMORY, (uint32_t)(prefix + memory->payload_len), seq);
    stream_put_le32(p, memory->round);
    stream_put_le16(p + 4, memory->codec);
    stream_put_le16(p + 6, 0);
    stream_put_le32(p + 8, memory->nr_runs);
    stream_put_le32(p + 12, memory->payload_len);
    stream_put_le32(p + 16, memory->raw_len);
    stream_put_le32(p + 20, 0);
    p += IMAGE1_MEMORY_HEAD_LEN;
    for (uint32_t i = 0; i < memory->nr_runs; i++, p += IMAGE1_RUN_LEN) {
        stream_put_le64(p, runs[i].pfn);
        stream_put_le32(p + 8, runs[i].count);
        p[12] = runs[i].kind;
        p[13] = runs[i].type;
        stream_put_le16(p + 14, 0);
    }
    return IMAGE1_RECORD_HEADER_LEN + prefix;
}

static int check_codec(const struct image1_memory *m, uint64_t features, struct image1_fault *fault)
{
    if (m->codec >= IMAGE1_NR_CODECS)
        return image1_fail(fault, STREAM_FAULT_BAD_CODEC, 4, "0 (none), 1 (lz4) or 2 (zstd)", m->codec);
    if ((m->codec == IMAGE1_CODEC_LZ4 && !(features & IMAGE1_FEATURE_LZ4)) ||
        (m->codec == IMAGE1_CODEC_ZSTD && !(features & IMAGE1_FEATURE_ZSTD)))
        return image1_fail(fault, STREAM_FAULT_BAD_FEATURE, 4, "a codec of the image's features", m->codec);
    if (m->codec == IMAGE1_CODEC_NONE && m->payload_len != m->raw_len)
        return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 12, "the raw length, without a codec", m->payload_len);
    if (m->codec != IMAGE1_CODEC_NONE && (!m->payload_len || m->payload_len >= m->raw_len))
        return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 12, "less than the raw length, with a codec",
                           m->payload_len);
    return 0;
}

int image1_decode_memory(const uint8_t in[IMAGE1_MEMORY_HEAD_LEN], uint32_t length,
                         uint64_t features, struct image1_memory *m, struct image1_fault *fault)
{
    *m = (struct image1_memory){
        .round = stream_get_le32(in),
        .codec = stream_get_le16(in + 4),
        .nr_runs = stream_get_le32(in + 8),
        .payload_len = stream_get_le32(in + 12),
        .raw_len = stream_get_le32(in + 16),
    };
    if (stream_get_le16(in + 6))
        return image1_fail(fault, STREAM_FAULT_RESERVED_NOT_ZERO, 6, "zero", stream_get_le16(in + 6));
    if (stream_get_le32(in + 20))
        return image1_fail(fault, STREAM_FAULT_RESERVED_NOT_ZERO, 20, "zero", stream_get_le32(in + 20));
    if (!m->nr_runs || m->nr_runs > IMAGE1_RUNS_MAX)
        return image1_fail(fault, STREAM_FAULT_BAD_COUNT, 8, "1 to 1024 runs", m->nr_runs);
    if (m->raw_len > IMAGE1_RAW_MAX)
        return image1_fail(fault, STREAM_FAULT_RECORD_TOO_LONG, 16, "at most 4194304 octets", m->raw_len);
    if (check_codec(m, features, fault))
        return -1;
    if (length != IMAGE1_MEMORY_HEAD_LEN + m->nr_runs * IMAGE1_RUN_LEN + (uint64_t)m->payload_len)
        return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 12, "what the record's length leaves", m->payload_len);
    return 0;
}

/* ---- runs --------------------------------------------------------------- */

static int check_run_type(const struct image1_run *run, uint32_t at, struct image1_fault *fault)
{
    if (!stream_page_type_valid(run->type))
        return image1_fail(fault, STREAM_FAULT_BAD_PAGE_TYPE, at + 13, "page type 0x0-0x4 or 0x9-0xf", run->type);
    switch (run->kind) {
    case IMAGE1_KIND_DATA:
    case IMAGE1_KIND_ZERO:
        if (!stream_page_type_has_data(run->type))
            return image1_fail(fault, STREAM_FAULT_BAD_PAGE_TYPE, at + 13, "a type with content", run->type);
        return 0;
    case IMAGE1_KIND_ABSENT:
        if (stream_page_type_has_data(run->type))
            return image1_fail(fault, STREAM_FAULT_BAD_PAGE_TYPE, at + 13, "a type without content", run->type);
        return 0;
    default:
        if (run->type != STREAM_PAGE_NOTAB)
            return image1_fail(fault, STREAM_FAULT_BAD_PAGE_TYPE, at + 13, "a plain page (type 0)", run->type);
        return 0;
    }
}

static int check_run(const struct image1_run *run, uint64_t features, uint32_t at,
                     struct image1_fault *fault)
{
    if (run->kind >= IMAGE1_NR_KINDS)
        return image1_fail(fault, STREAM_FAULT_BAD_RUN, at + 12, "kind 0 to 4", run->kind);
    if ((run->kind == IMAGE1_KIND_DELTA && !(features & IMAGE1_FEATURE_DELTA)) ||
        (run->kind == IMAGE1_KIND_SAME && !(features & IMAGE1_FEATURE_SAME)))
        return image1_fail(fault, STREAM_FAULT_BAD_FEATURE, at + 12, "a kind of the image's features", run->kind);
    if (!run->count || run->count > IMAGE1_PAGES_MAX)
        return image1_fail(fault, STREAM_FAULT_BAD_COUNT, at + 8, "1 to 262144 pages", run->count);
    if (run->pfn > IMAGE1_PFN_MAX || run->count - 1 > IMAGE1_PFN_MAX - run->pfn)
        return image1_fail(fault, STREAM_FAULT_PFN_OUT_OF_RANGE, at, "pfns below 2^40", run->pfn);
    return check_run_type(run, at, fault);
}

/* count is at most IMAGE1_PAGES_MAX, and so is what was added before: nothing overflows. */
static int add_to_tally(struct image1_tally *tally, const struct image1_run *run, uint32_t at,
                        struct image1_fault *fault)
{
    tally->nr_pages += run->count;
    if (tally->nr_pages > IMAGE1_PAGES_MAX)
        return image1_fail(fault, STREAM_FAULT_BAD_COUNT, at + 8, "at most 262144 pages in the record",
                           tally->nr_pages);
    tally->pages[run->kind] += run->count;
    if (!image1_kind_has_payload(run->kind))
        return 0;
    tally->nr_payload_pages += run->count;
    if (tally->nr_payload_pages > IMAGE1_PAYLOAD_PAGES_MAX)
        return image1_fail(fault, STREAM_FAULT_BAD_COUNT, at + 8, "at most 1024 pages with payload",
                           tally->nr_payload_pages);
    tally->raw_min += run->count * image1_kind_raw_min(run->kind);
    tally->raw_max += run->count * image1_kind_raw_max(run->kind);
    return 0;
}

int image1_check_runs(const struct image1_run *runs, uint64_t features,
                      const struct image1_memory *memory, struct image1_tally *tally,
                      struct image1_fault *fault)
{
    *tally = (struct image1_tally){ .nr_pages = 0 };
    for (uint32_t i = 0; i < memory->nr_runs; i++) {
        uint32_t at = i * IMAGE1_RUN_LEN;

        if (check_run(&runs[i], features, at, fault) || add_to_tally(tally, &runs[i], at, fault))
            return -1;
    }
    if (memory->raw_len < tally->raw_min || memory->raw_len > tally->raw_max)
        return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 0, "runs that make up the raw length", memory->raw_len);
    return 0;
}

int image1_decode_runs(const uint8_t *in, uint64_t features, const struct image1_memory *memory,
                       struct image1_run *runs, struct image1_tally *tally,
                       struct image1_fault *fault)
{
    for (uint32_t i = 0; i < memory->nr_runs; i++) {
        const uint8_t *p = in + (size_t)i * IMAGE1_RUN_LEN;

        runs[i] = (struct image1_run){
            .pfn = stream_get_le64(p), .count = stream_get_le32(p + 8), .kind = p[12], .type = p[13],
        };
        if (stream_get_le16(p + 14))
            return image1_fail(fault, STREAM_FAULT_RESERVED_NOT_ZERO, i * IMAGE1_RUN_LEN + 14, "zero",
                               stream_get_le16(p + 14));
    }
    return image1_check_runs(runs, features, memory, tally, fault);
}

/* ---- the payload -------------------------------------------------------- */

struct image1_walk image1_walk_begin(const struct image1_memory *memory,
                                     const struct image1_run *runs, const uint8_t *raw)
{
    return (struct image1_walk){
        .runs = runs, .nr_runs = memory->nr_runs, .raw = raw, .raw_len = memory->raw_len,
    };
}

static int too_short(const struct image1_walk *walk, struct image1_fault *fault)
{
    return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, walk->at, "more of the payload",
                       walk->raw_len - walk->at);
}

static int take_delta(struct image1_walk *walk, struct image1_page *page, struct image1_fault *fault)
{
    if (walk->raw_len - walk->at < 2)
        return too_short(walk, fault);
    page->len = stream_get_le16(walk->raw + walk->at);
    if (page->len > IMAGE1_DELTA_MAX)
        return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, walk->at, "a delta of at most 4094 octets", page->len);
    walk->at += 2;
    if (walk->raw_len - walk->at < page->len)
        return too_short(walk, fault);
    page->data = walk->raw + walk->at;
    walk->at += page->len;
    return 1;
}

static int take_content(struct image1_walk *walk, struct image1_page *page,
                        struct image1_fault *fault)
{
    uint32_t len = image1_kind_raw_min(page->kind);

    if (page->kind == IMAGE1_KIND_DELTA)
        return take_delta(walk, page, fault);
    if (walk->raw_len - walk->at < len)
        return too_short(walk, fault);
    if (page->kind == IMAGE1_KIND_DATA) {
        page->data = walk->raw + walk->at;
        page->len = len;
    } else if (page->kind == IMAGE1_KIND_SAME) {
        page->source = stream_get_le64(walk->raw + walk->at);
        if (page->source > IMAGE1_PFN_MAX)
            return image1_fail(fault, STREAM_FAULT_PFN_OUT_OF_RANGE, walk->at, "a pfn below 2^40", page->source);
        if (page->source == page->pfn)
            return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, walk->at, "another page", page->source);
    }
    walk->at += len;
    return 1;
}

int image1_walk_next(struct image1_walk *walk, struct image1_page *page,
                     struct image1_fault *fault)
{
    const struct image1_run *run;

    while (walk->run < walk->nr_runs && !image1_kind_has_payload(walk->runs[walk->run].kind))
        walk->run++;
    if (walk->run == walk->nr_runs) {
        if (walk->at != walk->raw_len)
            return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, walk->at, "the end of the payload",
                               walk->raw_len - walk->at);
        return 0;
    }
    run = &walk->runs[walk->run];
    *page = (struct image1_page){ .pfn = run->pfn + walk->page, .kind = run->kind, .type = run->type };
    if (++walk->page == run->count) {
        walk->page = 0;
        walk->run++;
    }
    return take_content(walk, page, fault);
}
