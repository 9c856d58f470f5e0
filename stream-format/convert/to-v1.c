/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A libxc image becomes an xlmig image.
 *
 *   image header, domain header   image header, DOMAIN
 *   static data, P2M frames       LIBXC, where they are
 *   PAGE_DATA                     MEMORY; ROUND before a page that comes again
 *   state                         LIBXC, held back until the memory is over
 *   END                           ROUND (last), what was held, DIGEST, INDEX, END
 *   the end of the file           seal over what is around the image, trailer
 */
#include "stream-format/convert/internal.h"

#include <inttypes.h>
#include <string.h>

#define ENTRY_LEN 8u

/* A type, a length, the body. */
#define HELD_HEAD_LEN 8u
#define HELD_MAX (UINT64_C(256) << 20)

static int no_memory(struct stream_convert *c)
{
    return convert_fail(c, "there is no memory for it");
}

/* ---- records ------------------------------------------------------------- */

static int write_padding(struct stream_convert *c, uint32_t nr)
{
    static const uint8_t zeros[8];

    return convert_write(c, zeros, nr);
}

/* A record whose body is in two parts. */
static int write_record(struct stream_convert *c, uint32_t type, const void *head, uint32_t head_len,
                        const void *body, uint32_t len)
{
    uint8_t prefix[IMAGE1_RECORD_HEADER_LEN + IMAGE1_DIGEST_LEN];
    uint32_t padding;

    image1_encode_record(prefix, type, head_len + len, c->seq++);
    if (head_len)
        memcpy(prefix + IMAGE1_RECORD_HEADER_LEN, head, head_len);
    padding = image1_seal(prefix, crc32c(image1_crc_begin(prefix, IMAGE1_RECORD_HEADER_LEN + head_len), body, len));
    return convert_write(c, prefix, IMAGE1_RECORD_HEADER_LEN + head_len) || convert_write(c, body, len) ||
                   write_padding(c, padding)
               ? -1 : 0;
}

static int write_libxc(struct stream_convert *c, uint32_t type, const void *body, uint32_t len)
{
    uint8_t head[IMAGE1_LIBXC_HEAD_LEN];

    if (len > IMAGE1_LENGTH_MAX - IMAGE1_LIBXC_HEAD_LEN)
        return convert_fail(c, "a record of %u bytes is too long for an xlmig image", len);
    image1_encode_libxc(head, type);
    return write_record(c, IMAGE1_REC_LIBXC, head, sizeof(head), body, len);
}

static int write_round(struct stream_convert *c, bool last)
{
    struct image1_round round = {
        .round = c->round, .flags = last ? IMAGE1_ROUND_LAST : 0, .pages = c->round_pages,
    };
    uint8_t body[IMAGE1_ROUND_LEN];

    image1_encode_round(body, &round);
    c->round++;
    c->round_pages = 0;
    page_map_next_round(c->map);
    return write_record(c, IMAGE1_REC_ROUND, body, sizeof(body), NULL, 0);
}

/* ---- headers ------------------------------------------------------------- */

static int take_image_header(struct stream_convert *c, const struct stream_event *event)
{
    static const uint64_t codec_features[IMAGE1_NR_CODECS] = {
        [IMAGE1_CODEC_LZ4] = IMAGE1_FEATURE_LZ4, [IMAGE1_CODEC_ZSTD] = IMAGE1_FEATURE_ZSTD,
    };
    uint8_t header[IMAGE1_HEADER_LEN];

    if (stream_get_be32(event->data + 12) != STREAM_IMAGE_VERSION)
        return convert_fail(c, "its image is of version %u, made by Xen 4.13 or older, and has no static data",
                            stream_get_be32(event->data + 12));
    if (stream_get_be16(event->data + 16) & STREAM_IMAGE_OPT_BIG_ENDIAN)
        return convert_fail(c, "its image is big-endian");
    c->image_offset = c->offset;
    if (c->image_offset > UINT32_MAX)
        return convert_fail(c, "too much precedes its image");
    image1_encode_header(header, codec_features[c->config.codec] | IMAGE1_FEATURE_DIGEST | IMAGE1_FEATURE_INDEX |
                                     IMAGE1_FEATURE_SEAL, 1);
    return convert_write(c, header, sizeof(header));
}

/* ---- pages --------------------------------------------------------------- */

static int note_index_entry(struct stream_convert *c)
{
    struct image1_index_entry entry = { .first = UINT64_MAX, .offset = c->offset - c->image_offset };
    uint8_t *out = octets_add(&c->index, IMAGE1_INDEX_ENTRY_LEN);

    if (!out)
        return no_memory(c);
    for (uint32_t i = 0; i < c->nr_runs; i++) {
        uint64_t last = c->runs[i].pfn + c->runs[i].count - 1;

        entry.first = c->runs[i].pfn < entry.first ? c->runs[i].pfn : entry.first;
        entry.last = last > entry.last ? last : entry.last;
    }
    image1_encode_index_entry(out, &entry);
    return 0;
}

/* The runs so far, and their pages, as a MEMORY record. */
static int flush_pages(struct stream_convert *c)
{
    struct image1_piece piece = { c->pages, (size_t)c->nr_pages * STREAM_PAGE_SIZE };
    struct image1_memory m = {
        .round = c->round, .nr_runs = c->nr_runs, .raw_len = c->nr_pages * STREAM_PAGE_SIZE,
    };
    uint8_t prefix[IMAGE1_MEMORY_PREFIX_MAX];
    const uint8_t *payload = c->pages;
    size_t len;
    uint32_t packed, padding;

    if (!c->nr_runs)
        return 0;
    packed = image1_compress(c->codec, c->config.codec, c->config.level, &piece, 1, c->payload, IMAGE1_RAW_MAX);
    m.codec = packed ? (uint16_t)c->config.codec : IMAGE1_CODEC_NONE;
    m.payload_len = packed ? packed : m.raw_len;
    if (packed)
        payload = c->payload;
    if (note_index_entry(c))
        return -1;
    len = image1_encode_memory(prefix, &m, c->runs, c->seq++);
    padding = image1_seal(prefix, crc32c(image1_crc_begin(prefix, len), payload, m.payload_len));
    c->round_pages += c->nr_run_pages;
    c->nr_runs = c->nr_run_pages = c->nr_pages = 0;
    return convert_write(c, prefix, len) || convert_write(c, payload, m.payload_len) || write_padding(c, padding)
               ? -1 : 0;
}

static void add_to_run(struct stream_convert *c, uint64_t pfn, uint8_t kind, uint8_t type)
{
    struct image1_run *run = c->nr_runs ? &c->runs[c->nr_runs - 1] : NULL;

    c->nr_run_pages++;
    if (run && run->kind == kind && run->type == type && run->pfn + run->count == pfn) {
        run->count++;
        return;
    }
    c->runs[c->nr_runs++] = (struct image1_run){ .pfn = pfn, .count = 1, .kind = kind, .type = type };
}

/* The page at hand is whole, its content (if its type has one) at the end of c->pages. */
static int add_page(struct stream_convert *c, uint64_t entry)
{
    uint64_t pfn = stream_entry_pfn(entry);
    uint8_t type = (uint8_t)stream_entry_type(entry);
    uint8_t *content = c->pages + (size_t)c->nr_pages * STREAM_PAGE_SIZE;
    struct page_state state = { .content = PAGE_NONE, .plain = type == STREAM_PAGE_NOTAB };
    uint8_t kind = IMAGE1_KIND_ABSENT;

    if (pfn > IMAGE1_PFN_MAX)
        return convert_fail(c, "pfn 0x%" PRIx64 " is beyond what an xlmig image has", pfn);
    if (page_map_claim(c->map, pfn, 1) != 1) {
        uint8_t keep[STREAM_PAGE_SIZE];

        /* Twice in one record: a round ends in between. */
        memcpy(keep, content, sizeof(keep));
        if (flush_pages(c) || write_round(c, false))
            return -1;
        content = c->pages;
        memcpy(content, keep, sizeof(keep));
        page_map_claim(c->map, pfn, 1);
    }
    if (stream_page_type_has_data(type)) {
        kind = image1_page_is_zero(content) ? IMAGE1_KIND_ZERO : IMAGE1_KIND_DATA;
        state.content = kind == IMAGE1_KIND_ZERO ? PAGE_ZERO : PAGE_HASHED;
        if (kind == IMAGE1_KIND_DATA) {
            state.hash = image1_content_hash(c->hasher, content);
            c->nr_pages++;
        }
    }
    page_map_set(c->map, pfn, &state);
    if (!page_map_knows(c->map))
        return no_memory(c);
    add_to_run(c, pfn, kind, type);
    if (c->nr_runs == IMAGE1_RUNS_MAX || c->nr_pages == IMAGE1_PAYLOAD_PAGES_MAX || c->nr_run_pages == IMAGE1_PAGES_MAX)
        return flush_pages(c);
    return 0;
}

static uint64_t entry_at(const struct stream_convert *c, uint32_t i)
{
    return stream_get_le64(c->entries.data + (size_t)i * ENTRY_LEN);
}

/* Entries up to the next that waits for its content. */
static int take_entries(struct stream_convert *c)
{
    uint32_t nr = (uint32_t)(c->entries.len / ENTRY_LEN);

    while (c->next_entry < nr && !stream_page_type_has_data(stream_entry_type(entry_at(c, c->next_entry)))) {
        if (add_page(c, entry_at(c, c->next_entry++)))
            return -1;
    }
    return 0;
}

/*
 * All entries are known before the first content. If one of them comes again,
 * a round ends before the record: so records stay whole, and come out of the
 * way back as they were.
 */
static int judge_entries(struct stream_convert *c)
{
    uint32_t nr = (uint32_t)(c->entries.len / ENTRY_LEN);

    if (c->entries_judged)
        return 0;
    c->entries_judged = true;
    for (uint32_t i = 0; i < nr; i++) {
        if (page_map_came(c->map, stream_entry_pfn(entry_at(c, i))))
            return write_round(c, false);
    }
    return 0;
}

static int take_content(struct stream_convert *c, const uint8_t *data, size_t len)
{
    if (judge_entries(c))
        return -1;
    while (len) {
        size_t n = STREAM_PAGE_SIZE - c->page_have < len ? STREAM_PAGE_SIZE - c->page_have : len;

        if (!c->page_have && take_entries(c))
            return -1;
        memcpy(c->pages + (size_t)c->nr_pages * STREAM_PAGE_SIZE + c->page_have, data, n);
        c->page_have += (uint32_t)n;
        data += n;
        len -= n;
        if (c->page_have < STREAM_PAGE_SIZE)
            continue;
        c->page_have = 0;
        if (add_page(c, entry_at(c, c->next_entry++)))
            return -1;
    }
    return 0;
}

static int page_data_event(struct stream_convert *c, const struct stream_event *event)
{
    uint8_t *out;

    switch (event->kind) {
    case STREAM_EVENT_RECORD:
        c->entries.len = c->next_entry = c->page_have = 0;
        c->entries_judged = false;
        return c->round ? 0 : write_round(c, false);
    case STREAM_EVENT_ELEMENT:
        out = octets_add(&c->entries, ENTRY_LEN);
        if (!out)
            return no_memory(c);
        memcpy(out, event->data, ENTRY_LEN);
        return 0;
    case STREAM_EVENT_BLOB:
        return take_content(c, event->data, event->len);
    case STREAM_EVENT_RECORD_END:
        return judge_entries(c) || take_entries(c) || flush_pages(c) ? -1 : 0;
    default:
        return 0;
    }
}

/* ---- other records -------------------------------------------------------- */

static int hold(struct stream_convert *c, uint32_t type)
{
    uint8_t *out;

    if (c->held.len + c->body.len > HELD_MAX)
        return convert_fail(c, "its state takes more than 256 MiB");
    out = octets_add(&c->held, HELD_HEAD_LEN + c->body.len);
    if (!out)
        return no_memory(c);
    stream_put_le32(out, type);
    stream_put_le32(out + 4, (uint32_t)c->body.len);
    if (c->body.len)
        memcpy(out + HELD_HEAD_LEN, c->body.data, c->body.len);
    return 0;
}

static int write_held(struct stream_convert *c)
{
    for (size_t at = 0; at < c->held.len;) {
        uint32_t type = stream_get_le32(c->held.data + at), len = stream_get_le32(c->held.data + at + 4);

        if (write_libxc(c, type, c->held.data + at + HELD_HEAD_LEN, len))
            return -1;
        at += HELD_HEAD_LEN + len;
    }
    return 0;
}

static int write_closing(struct stream_convert *c)
{
    uint8_t digest_body[IMAGE1_DIGEST_LEN], index_head[IMAGE1_INDEX_HEAD_LEN];
    struct image1_digest digest;

    if (!page_map_digest(c->map, c->hasher, &digest))
        return no_memory(c);
    image1_encode_digest(digest_body, &digest);
    if (write_round(c, true) || write_held(c) ||
        write_record(c, IMAGE1_REC_DIGEST, digest_body, sizeof(digest_body), NULL, 0))
        return -1;
    if (c->index.len > IMAGE1_LENGTH_MAX - IMAGE1_INDEX_HEAD_LEN)
        return convert_fail(c, "it has too many records for an index");
    c->index_offset = c->offset;
    image1_encode_index(index_head, (uint32_t)(c->index.len / IMAGE1_INDEX_ENTRY_LEN));
    return write_record(c, IMAGE1_REC_INDEX, index_head, sizeof(index_head), c->index.data, (uint32_t)c->index.len) ||
                   write_record(c, IMAGE1_REC_END, NULL, 0, NULL, 0)
               ? -1 : 0;
}

static int end_other(struct stream_convert *c, const struct stream_event *event)
{
    if (event->info && event->info->id == STREAM_ID_LIBXC_END)
        return write_closing(c);
    if (event->info ? event->info->phase == STREAM_PHASE_STATE : c->held.len > 0)
        return hold(c, event->type);
    return write_libxc(c, event->type, c->body.data, (uint32_t)c->body.len);
}

static int other_event(struct stream_convert *c, const struct stream_event *event)
{
    uint8_t *out;

    switch (event->kind) {
    case STREAM_EVENT_RECORD:
        c->body.len = 0;
        return 0;
    case STREAM_EVENT_RECORD_END:
        return end_other(c, event);
    default:
        out = octets_add(&c->body, event->len);
        if (!out)
            return no_memory(c);
        memcpy(out, event->data, event->len);
        return 0;
    }
}

int convert_to_v1_event(struct stream_convert *c, const struct stream_event *event)
{
    switch (event->info ? event->info->id : STREAM_NR_IDS) {
    case STREAM_ID_LIBXC_IMAGE_HEADER:
        return take_image_header(c, event);
    case STREAM_ID_LIBXC_DOMAIN_HEADER:
        return write_record(c, IMAGE1_REC_DOMAIN, event->data, IMAGE1_DOMAIN_LEN, NULL, 0);
    case STREAM_ID_LIBXC_PAGE_DATA:
        return page_data_event(c, event);
    case STREAM_ID_LIBXC_VERIFY:
    case STREAM_ID_LIBXC_CHECKPOINT:
        return convert_fail(c, "it has a %s record, for which an xlmig image has no equal", event->info->name);
    default:
        return other_event(c, event);
    }
}

static int write_seal(struct stream_convert *c)
{
    struct image1_seal seal = {
        .before_len = c->outer_len[0], .after_len = c->outer_len[1], .outer_crc = c->outer_crc,
    };
    uint8_t out[IMAGE1_SEAL_LEN];

    image1_encode_seal(out, &seal);
    return convert_write(c, out, sizeof(out));
}

static int write_trailer(struct stream_convert *c)
{
    struct image1_trailer trailer = {
        .index_offset = c->index_offset, .image_offset = (uint32_t)c->image_offset,
        .file_len = c->offset + IMAGE1_TRAILER_LEN,
    };
    uint8_t out[IMAGE1_TRAILER_LEN];

    image1_encode_trailer(out, &trailer);
    return convert_write(c, out, sizeof(out));
}

int convert_to_v1_end(struct stream_convert *c)
{
    return write_seal(c) || write_trailer(c) ? -1 : 0;
}
