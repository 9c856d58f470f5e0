/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * An xlmig image becomes a libxc image.
 *
 *   image header, DOMAIN   image header, domain header
 *   LIBXC                  the record in it
 *   MEMORY                 PAGE_DATA, of at most 1024 pages each
 *   END                    END
 *   all others             nothing: what they say is of use to a reader only
 *
 * Where a page refers to another, or to what it was, that content is read back
 * from the output; the map of pages keeps where it is.
 */
#include "stream-format/convert/internal.h"

#include <inttypes.h>
#include <string.h>

/* ---- PAGE_DATA ----------------------------------------------------------- */

/* Remember where the content of the record's pages will be. */
static int note_pages(struct stream_convert *c, uint64_t content_offset)
{
    for (uint32_t i = 0; i < c->nr_out_entries; i++) {
        unsigned int type = stream_entry_type(c->out_entries[i]);
        struct page_state state = { .content = PAGE_NONE };

        if (stream_page_type_has_data(type)) {
            state = (struct page_state){ .content = PAGE_HASHED, .hash = { .low = content_offset } };
            content_offset += STREAM_PAGE_SIZE;
        }
        page_map_set(c->map, stream_entry_pfn(c->out_entries[i]), &state);
    }
    return page_map_knows(c->map) ? 0 : convert_fail(c, "there is no memory for it");
}

static int flush_entries(struct stream_convert *c)
{
    uint8_t head[sizeof(struct stream_record_header) + sizeof(struct stream_page_data) +
                 IMAGE1_PAYLOAD_PAGES_MAX * 8];
    size_t head_len = 16 + (size_t)c->nr_out_entries * 8, content = (size_t)c->nr_pages * STREAM_PAGE_SIZE;

    if (!c->nr_out_entries)
        return 0;
    stream_encode_record_header(head, STREAM_REC_PAGE_DATA, (uint32_t)(head_len - 8 + content));
    stream_put_le32(head + 8, c->nr_out_entries);
    stream_put_le32(head + 12, 0);
    for (uint32_t i = 0; i < c->nr_out_entries; i++)
        stream_put_le64(head + 16 + (size_t)i * 8, c->out_entries[i]);
    if (note_pages(c, c->offset + head_len) || convert_write(c, head, head_len) || convert_write(c, c->pages, content))
        return -1;
    c->nr_out_entries = c->nr_pages = 0;
    return 0;
}

/* An entry, and where its content goes; NULL: failed. */
static uint8_t *add_entry(struct stream_convert *c, uint64_t pfn, unsigned int type)
{
    if (c->nr_out_entries == IMAGE1_PAYLOAD_PAGES_MAX && flush_entries(c))
        return NULL;
    c->out_entries[c->nr_out_entries++] = stream_pfn_entry(pfn, type);
    return c->pages + (size_t)c->nr_pages * STREAM_PAGE_SIZE;
}

/* ---- content ------------------------------------------------------------- */

/* The content that the page has in the record at hand, which is not written yet. */
static const uint8_t *find_here(const struct stream_convert *c, uint64_t pfn)
{
    const uint8_t *content = c->pages;

    for (uint32_t i = 0; i < c->nr_out_entries; i++) {
        bool has_data = stream_page_type_has_data(stream_entry_type(c->out_entries[i]));

        if (has_data && stream_entry_pfn(c->out_entries[i]) == pfn)
            return content;
        content += has_data ? STREAM_PAGE_SIZE : 0;
    }
    return NULL;
}

static int fetch(struct stream_convert *c, uint64_t pfn, uint8_t *page)
{
    const uint8_t *here = find_here(c, pfn);
    struct page_state state;

    if (here) {
        memcpy(page, here, STREAM_PAGE_SIZE);
        return 0;
    }
    state = page_map_get(c->map, pfn);
    if (state.content != PAGE_HASHED)
        return convert_fail(c, "pfn 0x%" PRIx64 " is referred to and was not sent", pfn);
    if (!c->config.read_back)
        return convert_fail(c, "its pages refer to others, and the output cannot be read back");
    if (c->config.read_back(c->config.opaque, state.hash.low, page, STREAM_PAGE_SIZE)) {
        c->failed = true;
        return -1;
    }
    return 0;
}

static int add_payload_page(struct stream_convert *c, const struct image1_page *page)
{
    struct image1_fault fault;
    uint8_t content[STREAM_PAGE_SIZE], *out;
    int rc = 0;

    if (page->kind == IMAGE1_KIND_DATA)
        memcpy(content, page->data, sizeof(content));
    else
        rc = fetch(c, page->kind == IMAGE1_KIND_SAME ? page->source : page->pfn, content);
    if (!rc && page->kind == IMAGE1_KIND_DELTA && image1_delta_apply(content, page->data, page->len, &fault))
        rc = convert_fail(c, "the delta of pfn 0x%" PRIx64 " is broken", page->pfn);
    if (rc)
        return -1;
    out = add_entry(c, page->pfn, page->type);
    if (!out)
        return -1;
    memcpy(out, content, sizeof(content));
    c->nr_pages++;
    return 0;
}

static int add_run_without_payload(struct stream_convert *c, const struct image1_run *run)
{
    for (uint32_t i = 0; i < run->count; i++) {
        uint8_t *out = add_entry(c, run->pfn + i, run->type);

        if (!out)
            return -1;
        if (run->kind == IMAGE1_KIND_ZERO) {
            memset(out, 0, STREAM_PAGE_SIZE);
            c->nr_pages++;
        }
    }
    return 0;
}

/* The runs in their order; the walk gives those with payload. */
static int add_runs(struct stream_convert *c, const uint8_t *raw)
{
    struct image1_walk walk = image1_walk_begin(&c->memory, c->in_runs, raw);
    struct image1_fault fault;
    struct image1_page page;

    for (uint32_t i = 0; i < c->memory.nr_runs; i++) {
        const struct image1_run *run = &c->in_runs[i];

        if (!image1_kind_has_payload(run->kind) && add_run_without_payload(c, run))
            return -1;
        for (uint32_t n = 0; image1_kind_has_payload(run->kind) && n < run->count; n++) {
            if (image1_walk_next(&walk, &page, &fault) <= 0)
                return convert_fail(c, "a payload is broken");
            if (add_payload_page(c, &page))
                return -1;
        }
    }
    return flush_entries(c);
}

static int end_memory(struct stream_convert *c)
{
    struct image1_fault fault;

    if (c->memory.codec == IMAGE1_CODEC_NONE)
        return add_runs(c, c->payload);
    if (image1_decompress(c->codec, &c->memory, c->payload, c->raw, &fault))
        return convert_fail(c, "a payload is broken");
    return add_runs(c, c->raw);
}

static int memory_event(struct stream_convert *c, const struct stream_event *event)
{
    struct image1_fault fault;
    const uint8_t *p = event->data;

    switch (event->kind) {
    case STREAM_EVENT_HEAD:
        c->nr_in_runs = c->payload_have = 0;
        /* The reader has judged it, features included. */
        return image1_decode_memory(p, event->length, IMAGE1_FEATURES_KNOWN, &c->memory, &fault)
                   ? convert_fail(c, "a record is broken") : 0;
    case STREAM_EVENT_ELEMENT:
        c->in_runs[c->nr_in_runs++] = (struct image1_run){
            .pfn = stream_get_le64(p), .count = stream_get_le32(p + 8), .kind = p[12], .type = p[13],
        };
        return 0;
    case STREAM_EVENT_BLOB:
        memcpy(c->payload + c->payload_have, p, event->len);
        c->payload_have += (uint32_t)event->len;
        return 0;
    case STREAM_EVENT_RECORD_END:
        return end_memory(c);
    default:
        return 0;
    }
}

/* ---- the rest ------------------------------------------------------------ */

static int write_image_header(struct stream_convert *c)
{
    uint8_t out[sizeof(struct stream_image_header)];

    stream_encode_image_header(out, STREAM_IMAGE_VERSION);
    return convert_write(c, out, sizeof(out));
}

static int write_end(struct stream_convert *c)
{
    uint8_t out[sizeof(struct stream_record_header)];

    stream_encode_record_header(out, STREAM_REC_END, 0);
    return convert_write(c, out, sizeof(out));
}

int convert_to_libxc_event(struct stream_convert *c, const struct stream_event *event)
{
    if (event->layer == STREAM_LAYER_LIBXC)
        return convert_copy(c, event);
    switch (event->info ? event->info->id : STREAM_NR_IDS) {
    case STREAM_ID_V1_IMAGE_HEADER:
        return write_image_header(c);
    case STREAM_ID_V1_DOMAIN:
        return event->kind == STREAM_EVENT_HEAD ? convert_write(c, event->data, event->len) : 0;
    case STREAM_ID_V1_MEMORY:
        return memory_event(c, event);
    case STREAM_ID_V1_END:
        return event->kind == STREAM_EVENT_RECORD_END ? write_end(c) : 0;
    default:
        return 0;
    }
}
