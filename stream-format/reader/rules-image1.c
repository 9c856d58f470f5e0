/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Rules of an xlmig image, IMAGE-V1.md, for one channel.
 *
 * Most are those of image1.h, applied as the parts come. A record's checksum is
 * compared when its last octet is there; only then its payload is decoded, and
 * what its pages demand of each other is looked at. What a LIBXC record holds
 * is judged by rules-libxc.c.
 */
#include "stream-format/reader/rules.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Say no with what a decoder of image1.h said, of octets that began at `base`. */
static int fail_at(struct stream_reader *r, uint64_t base, const struct image1_fault *fault)
{
    return stream_fail(r, fault->code, base + fault->at, "%s|%" PRIu64 " (0x%" PRIx64 ")", fault->expected,
                       fault->found, fault->found);
}

static uint64_t body_offset(const struct stream_reader *r)
{
    return r->v1->record_offset + IMAGE1_RECORD_HEADER_LEN;
}

/* ---- the image, and the frame of its records ----------------------------- */

int stream_v1_begin(struct stream_reader *r)
{
    r->v1 = calloc(1, sizeof(*r->v1));
    if (r->v1) {
        r->v1->image_offset = part_offset(r);
        r->v1->map = page_map_new(MAP_BYTES_MAX);
        r->v1->codec = image1_codec_new();
        r->v1->hasher = image1_hasher_new(NULL);
    }
    if (!r->v1 || !r->v1->map || !r->v1->codec || !r->v1->hasher)
        return stream_fail(r, STREAM_FAULT_NO_MEMORY, part_offset(r), "memory for an image|none");
    return 0;
}

void stream_v1_free(struct v1_reading *v1)
{
    if (!v1)
        return;
    page_map_free(v1->map);
    image1_hasher_free(v1->hasher);
    image1_codec_free(v1->codec);
    free(v1->payload.data);
    free(v1->raw.data);
    free(v1);
}

static int check_trailer(struct stream_reader *r)
{
    uint64_t at = part_offset(r);
    struct image1_trailer trailer;
    struct image1_fault fault;

    if (image1_decode_trailer(r->part, &trailer, &fault))
        return fail_at(r, at, &fault);
    if (trailer.index_offset != r->v1->index_offset)
        return stream_fail(r, STREAM_FAULT_BAD_INDEX, at + 8, "%" PRIu64 ", where INDEX is|%" PRIu64,
                           r->v1->index_offset, trailer.index_offset);
    if (trailer.file_len != r->offset)
        return stream_fail(r, STREAM_FAULT_BAD_INDEX, at + 16, "a file of %" PRIu64 " bytes|%" PRIu64, r->offset,
                           trailer.file_len);
    if (trailer.image_offset != r->v1->image_offset)
        return stream_fail(r, STREAM_FAULT_BAD_INDEX, at + 24, "%" PRIu64 ", where the image is|%u",
                           r->v1->image_offset, trailer.image_offset);
    return 0;
}

static int check_seal(struct stream_reader *r)
{
    uint64_t at = part_offset(r);
    struct image1_seal seal;
    struct image1_fault fault;

    if (image1_decode_seal(r->part, &seal, &fault))
        return fail_at(r, at, &fault);
    if (seal.before_len != r->before_len || seal.after_len != r->after_len)
        return stream_fail(r, STREAM_FAULT_BAD_LENGTH, at + (seal.before_len == r->before_len ? 16 : 8),
                           "%" PRIu64 " bytes before the image and %" PRIu64 " behind it|%" PRIu64 " and %" PRIu64,
                           seal.before_len, seal.after_len, r->before_len, r->after_len);
    if (seal.outer_crc != r->outer_crc)
        return stream_fail(r, STREAM_FAULT_BAD_CHECKSUM, at + 24,
                           "0x%08x for what is around the image|0x%08x", seal.outer_crc, r->outer_crc);
    return 0;
}

int stream_rules_header_v1(struct stream_reader *r)
{
    struct image1_fault fault;

    if (r->info->id == STREAM_ID_V1_TRAILER)
        return check_trailer(r);
    if (r->info->id == STREAM_ID_V1_SEAL)
        return check_seal(r);
    if (image1_decode_header(r->part, r->part_want, &r->v1->header, &fault))
        return fail_at(r, part_offset(r), &fault);
    if (r->v1->header.nr_channels > 1)
        return stream_fail(r, STREAM_FAULT_BAD_CHANNEL, part_offset(r) + 24, "all in one channel|%u channels",
                           r->v1->header.nr_channels);
    image1_channel_init(&r->v1->channel, 0, r->v1->header.features);
    r->rules.version = STREAM_IMAGE_VERSION; /* of libxc's records in it */
    return 0;
}

void stream_v1_begin_record(struct stream_reader *r)
{
    struct v1_reading *v1 = r->v1;

    v1->record = (struct image1_record){
        .type = r->type, .length = r->length, .seq = stream_get_le32(r->part + 8),
        .crc = stream_get_le32(r->part + 12),
    };
    v1->record_offset = part_offset(r);
    v1->crc = crc32c(0, r->part, IMAGE1_RECORD_HEADER_LEN - 4);
    v1->in_record = true;
}

int stream_v1_check_crc(struct stream_reader *r)
{
    struct v1_reading *v1 = r->v1;

    v1->in_record = false;
    if (v1->crc == v1->record.crc)
        return 0;
    return stream_fail(r, STREAM_FAULT_BAD_CHECKSUM, v1->record_offset + 12, "0x%08x|0x%08x", v1->crc,
                       v1->record.crc);
}

int stream_rules_order_v1(struct stream_reader *r)
{
    struct image1_fault fault;

    if (image1_channel_take(&r->v1->channel, &r->v1->record, &fault))
        return fail_at(r, r->record_offset, &fault);
    r->v1->payload_have = 0;
    if (r->type == IMAGE1_REC_INDEX)
        r->v1->index_offset = r->record_offset;
    if (r->type == IMAGE1_REC_END)
        return stream_rules_complete_libxc(r);
    return 0;
}

/* ---- heads --------------------------------------------------------------- */

static int check_memory_head(struct stream_reader *r, struct image1_fault *fault)
{
    struct v1_reading *v1 = r->v1;

    if (image1_decode_memory(r->part, r->length, v1->header.features, &v1->memory, fault))
        return fail_at(r, part_offset(r), fault);
    if (is_pv(r) && !(r->rules.seen & UINT32_C(1) << STREAM_REC_X86_PV_P2M_FRAMES))
        return stream_fail(r, STREAM_FAULT_MISSING_RECORD, r->record_offset, "X86_PV_P2M_FRAMES before it|MEMORY");
    r->elements_left = v1->memory.nr_runs;
    return 0;
}

static int check_round(struct stream_reader *r, struct image1_fault *fault)
{
    struct image1_round round;

    if (image1_decode_round(r->part, &round, fault) || image1_channel_round(&r->v1->channel, &round, fault))
        return fail_at(r, part_offset(r), fault);
    page_map_next_round(r->v1->map);
    return 0;
}

/* The record's checksum is compared later; no page comes before that. */
static int take_key(struct stream_reader *r)
{
    struct image1_fault fault;

    if (image1_decode_key(r->part, &fault))
        return fail_at(r, part_offset(r), &fault);
    image1_hasher_free(r->v1->hasher);
    r->v1->hasher = image1_hasher_new(r->part);
    if (!r->v1->hasher)
        return stream_fail(r, STREAM_FAULT_NO_MEMORY, part_offset(r), "memory for an image|none");
    return 0;
}

static int check_digest(struct stream_reader *r)
{
    struct image1_digest given, found;

    image1_decode_digest(r->part, &given);
    r->v1->digest_checked = page_map_digest(r->v1->map, r->v1->hasher, &found);
    if (!r->v1->digest_checked || image1_digest_equal(&given, &found))
        return 0;
    return stream_fail(r, STREAM_FAULT_BAD_DIGEST, part_offset(r),
                       "%" PRIu64 " and %" PRIu64 " pages, sum 0x%016" PRIx64 "|%" PRIu64 " and %" PRIu64
                       " pages, sum 0x%016" PRIx64, given.pages[0], given.pages[1], given.low[0] ^ given.low[1],
                       found.pages[0], found.pages[1], found.low[0] ^ found.low[1]);
}

int stream_rules_head_v1(struct stream_reader *r)
{
    struct image1_fault fault;
    struct image1_domain domain;
    uint32_t number;
    int rc = 0;

    switch (r->info->id) {
    case STREAM_ID_V1_DOMAIN:
        if (image1_decode_domain(r->part, &domain, &fault))
            return fail_at(r, part_offset(r), &fault);
        r->rules.guest = domain.guest;
        return stream_rules_config_guest(r, part_offset(r));
    case STREAM_ID_V1_LIBXC:
        rc = image1_decode_libxc(r->part, &number, &fault);
        if (!rc)
            rc = image1_channel_libxc(&r->v1->channel, number, &fault);
        break;
    case STREAM_ID_V1_KEY:
        return take_key(r);
    case STREAM_ID_V1_MEMORY:
        return check_memory_head(r, &fault);
    case STREAM_ID_V1_ROUND:
        return check_round(r, &fault);
    case STREAM_ID_V1_INDEX:
        rc = image1_decode_index(r->part, r->length, &number, &fault);
        break;
    default:
        return check_digest(r);
    }
    return rc ? fail_at(r, part_offset(r), &fault) : 0;
}

/* ---- runs and index entries ----------------------------------------------- */

/* Can this guest have such pages? `at` is the run's offset. */
static int check_run(struct stream_reader *r, const struct image1_run *run, uint64_t at)
{
    uint64_t claimed;

    if (stream_rules_page_type(r, run->type, at + 13))
        return -1;
    if (is_pv(r) && run->pfn + run->count - 1 > r->rules.max_pfn)
        return stream_fail(r, STREAM_FAULT_PFN_OUT_OF_RANGE, at, "pfns up to 0x%" PRIx64 "|%u from 0x%" PRIx64 " on",
                           r->rules.max_pfn, run->count, run->pfn);
    if (is_pv(r))
        p2m_frames_pages(r->rules.p2m, run->pfn, run->count, run->type == STREAM_PAGE_NOTAB);
    claimed = page_map_claim(r->v1->map, run->pfn, run->count);
    if (claimed < run->count)
        return stream_fail(r, STREAM_FAULT_DUPLICATE_PAGE, at, "pages that did not come in round %u|pfn 0x%" PRIx64,
                           r->v1->memory.round, run->pfn + claimed);
    return 0;
}

static uint64_t hash_index_entry(uint64_t hash, const struct image1_index_entry *entry)
{
    uint8_t octets[IMAGE1_INDEX_ENTRY_LEN];

    image1_encode_index_entry(octets, entry);
    return XXH3_64bits_withSeed(octets, sizeof(octets), hash);
}

/* Remember what the index will have to say of this record. */
static void note_index_entry(struct v1_reading *v1)
{
    struct image1_index_entry entry = {
        .first = UINT64_MAX, .last = 0, .offset = v1->record_offset - v1->image_offset,
    };

    for (uint32_t i = 0; i < v1->memory.nr_runs; i++) {
        uint64_t last = v1->runs[i].pfn + v1->runs[i].count - 1;

        entry.first = v1->runs[i].pfn < entry.first ? v1->runs[i].pfn : entry.first;
        entry.last = last > entry.last ? last : entry.last;
    }
    v1->index_due = hash_index_entry(v1->index_due, &entry);
    v1->nr_index_due++;
}

/* The table is judged as a whole, when its last run is there. */
static int check_runs(struct stream_reader *r)
{
    struct v1_reading *v1 = r->v1;
    uint64_t base = body_offset(r) + IMAGE1_MEMORY_HEAD_LEN;
    struct image1_fault fault;

    if (image1_decode_runs(v1->run_octets, v1->header.features, &v1->memory, v1->runs, &v1->tally, &fault))
        return fail_at(r, base, &fault);
    if (image1_channel_memory(&v1->channel, &v1->memory, &v1->tally, &fault))
        return fail_at(r, body_offset(r), &fault);
    for (uint32_t i = 0; i < v1->memory.nr_runs; i++) {
        if (check_run(r, &v1->runs[i], base + i * IMAGE1_RUN_LEN))
            return -1;
    }
    note_index_entry(v1);
    return 0;
}

static int check_index_entry(struct stream_reader *r)
{
    struct image1_index_entry entry;
    struct image1_fault fault;

    if (image1_decode_index_entry(r->part, &entry, &fault))
        return fail_at(r, part_offset(r), &fault);
    r->v1->index_found = hash_index_entry(r->v1->index_found, &entry);
    return 0;
}

static int check_extents(struct stream_reader *r)
{
    struct image1_extents extents;
    struct image1_fault fault;

    return image1_decode_extents(r->part, &extents, &fault) ? fail_at(r, part_offset(r), &fault) : 0;
}

int stream_rules_element_v1(struct stream_reader *r)
{
    if (r->info->id == STREAM_ID_V1_INDEX)
        return check_index_entry(r);
    if (r->info->id == STREAM_ID_V1_EXTENTS)
        return check_extents(r);
    memcpy(r->v1->run_octets + r->element_index * IMAGE1_RUN_LEN, r->part, IMAGE1_RUN_LEN);
    return r->elements_left ? 0 : check_runs(r);
}

/* ---- payloads -------------------------------------------------------------- */

/* Room for len octets, whose content need not stay; len is at most IMAGE1_RAW_MAX. */
static int make_room(struct stream_reader *r, struct v1_buffer *buffer, uint32_t len)
{
    if (len <= buffer->room)
        return 0;
    free(buffer->data);
    buffer->data = malloc(len);
    buffer->room = buffer->data ? len : 0;
    if (!buffer->data)
        return stream_fail(r, STREAM_FAULT_NO_MEMORY, r->offset, "memory for a payload|none");
    return 0;
}

int stream_rules_blob_v1(struct stream_reader *r, const uint8_t *data, size_t len)
{
    struct v1_reading *v1 = r->v1;

    if (r->info->id != STREAM_ID_V1_MEMORY)
        return 0;
    if (make_room(r, &v1->payload, v1->memory.payload_len))
        return -1;
    memcpy(v1->payload.data + v1->payload_have, data, len);
    v1->payload_have += (uint32_t)len;
    return 0;
}

static int bad_page(struct image1_fault *fault, const char *expected, uint64_t found)
{
    *fault = (struct image1_fault){ .code = STREAM_FAULT_BAD_PAYLOAD, .expected = expected, .found = found };
    return -1;
}

static int take_delta(struct v1_reading *v1, const struct image1_page *page, struct image1_fault *fault)
{
    struct page_state state = page_map_get(v1->map, page->pfn);

    if (image1_delta_check(page->data, page->len, fault))
        return -1;
    if (page_map_knows(v1->map) && (state.content == PAGE_NONE || !state.plain))
        return bad_page(fault, "a delta to a page that was sent", page->pfn);
    if (page->len)
        state.content = PAGE_UNKNOWN;
    state.is_source = true;
    page_map_set(v1->map, page->pfn, &state);
    return 0;
}

static int take_same(struct v1_reading *v1, const struct image1_page *page, struct image1_fault *fault)
{
    struct page_state state = page_map_get(v1->map, page->source);

    if (page_map_knows(v1->map) && !state.is_source)
        return bad_page(fault, "a page that came in this round as DATA or DELTA", page->source);
    state.is_source = false;
    page_map_set(v1->map, page->pfn, &state);
    return 0;
}

static int take_page(struct v1_reading *v1, const struct image1_page *page, struct image1_fault *fault)
{
    bool plain = page->type == STREAM_PAGE_NOTAB;
    struct page_state state = { .content = PAGE_ZERO, .plain = plain, .is_source = plain };

    if (page->kind == IMAGE1_KIND_DELTA)
        return take_delta(v1, page, fault);
    if (page->kind == IMAGE1_KIND_SAME)
        return take_same(v1, page, fault);
    if (!image1_page_is_zero(page->data)) {
        state.content = PAGE_HASHED;
        state.hash = image1_content_hash(v1->hasher, page->data);
    }
    page_map_set(v1->map, page->pfn, &state);
    return 0;
}

static int take_payload(struct stream_reader *r, const uint8_t *raw)
{
    struct v1_reading *v1 = r->v1;
    uint64_t base = body_offset(r) + IMAGE1_MEMORY_HEAD_LEN + v1->memory.nr_runs * IMAGE1_RUN_LEN;
    struct image1_walk walk = image1_walk_begin(&v1->memory, v1->runs, raw);
    struct image1_page page;
    struct image1_fault fault;
    int rc;

    while ((rc = image1_walk_next(&walk, &page, &fault)) > 0) {
        if (take_page(v1, &page, &fault)) {
            rc = -1;
            break;
        }
    }
    if (rc && v1->memory.codec != IMAGE1_CODEC_NONE)
        fault.at = 0; /* where in the compressed payload it is, nobody can tell */
    return rc ? fail_at(r, base, &fault) : 0;
}

static void take_runs_without_payload(struct v1_reading *v1)
{
    for (uint32_t i = 0; i < v1->memory.nr_runs; i++) {
        const struct image1_run *run = &v1->runs[i];
        struct page_state state = {
            .content = run->kind == IMAGE1_KIND_ZERO ? PAGE_ZERO : PAGE_NONE,
            .plain = run->type == STREAM_PAGE_NOTAB,
        };

        if (!image1_kind_has_payload(run->kind))
            page_map_set_run(v1->map, run->pfn, run->count, &state);
    }
}

static int end_memory(struct stream_reader *r)
{
    struct v1_reading *v1 = r->v1;
    const uint8_t *raw = v1->payload.data;
    struct image1_fault fault;

    r->rules.seen |= UINT32_C(1) << STREAM_REC_PAGE_DATA;
    if (v1->memory.codec != IMAGE1_CODEC_NONE) {
        if (make_room(r, &v1->raw, v1->memory.raw_len))
            return -1;
        if (image1_decompress(v1->codec, &v1->memory, v1->payload.data, v1->raw.data, &fault))
            return fail_at(r, body_offset(r) + IMAGE1_MEMORY_HEAD_LEN + v1->memory.nr_runs * IMAGE1_RUN_LEN, &fault);
        raw = v1->raw.data;
    }
    take_runs_without_payload(v1);
    return take_payload(r, raw);
}

int stream_rules_end_v1(struct stream_reader *r)
{
    struct v1_reading *v1 = r->v1;

    switch (r->info->id) {
    case STREAM_ID_V1_MEMORY:
        return end_memory(r);
    case STREAM_ID_V1_INDEX:
        if (r->element_index != v1->nr_index_due || v1->index_found != v1->index_due)
            return stream_fail(r, STREAM_FAULT_BAD_INDEX, v1->index_offset,
                               "an entry for each of %" PRIu64 " MEMORY records|%" PRIu64 " entries, not all right",
                               v1->nr_index_due, r->element_index);
        return 0;
    case STREAM_ID_V1_END:
        v1->ended = true;
        return 0;
    default:
        return 0;
    }
}
