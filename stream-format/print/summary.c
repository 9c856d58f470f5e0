/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "stream-format/print/summary.h"

#include <string.h>

int stream_summary_init(struct stream_summary *s)
{
    *s = (struct stream_summary){ .distinct_known = true };
    s->pfns = pfn_set_new();
    return s->pfns ? 0 : -1;
}

void stream_summary_dispose(struct stream_summary *s)
{
    pfn_set_free(s->pfns);
    s->pfns = NULL;
}

static void add_domain(struct stream_summary *s, const struct stream_event *event)
{
    s->guest = stream_get_u32(event->data, event->big_endian);
    s->xen_major = stream_get_u32(event->data + 8, event->big_endian);
    s->xen_minor = stream_get_u32(event->data + 12, event->big_endian);
}

/* What the head of an xlmig image's record says. */
static void add_v1_head(struct stream_summary *s, const struct stream_event *event)
{
    unsigned int codec;

    switch (event->info->id) {
    case STREAM_ID_V1_DOMAIN:
        add_domain(s, event);
        break;
    case STREAM_ID_V1_ROUND:
        s->v1_rounds++;
        s->passes += stream_get_le64(event->data + 8) != 0;
        break;
    case STREAM_ID_V1_MEMORY:
        codec = stream_get_le16(event->data + 4);
        s->v1_payload[codec] += stream_get_le32(event->data + 12);
        s->v1_raw[codec] += stream_get_le32(event->data + 16);
        break;
    default:
        break;
    }
}

/* The reader judges runs together, after this event: nothing is right yet. */
static void add_v1_run(struct stream_summary *s, const struct stream_event *event)
{
    uint64_t first = stream_get_le64(event->data), count = stream_get_le32(event->data + 8);
    unsigned int kind = event->data[12];

    if (kind >= IMAGE1_NR_KINDS || !count)
        return;
    s->v1_pages[kind] += count;
    s->entries += count;
    s->entries_of_type[event->data[13] & 15] += count;
    s->pages += kind == IMAGE1_KIND_ABSENT ? 0 : count;
    s->zero_pages += kind == IMAGE1_KIND_ZERO ? count : 0;
    if (first + count - 1 > s->highest_pfn)
        s->highest_pfn = first + count - 1;
}

static void add_header(struct stream_summary *s, const struct stream_event *event)
{
    s->layers[event->layer] = true;
    if (event->info->id == STREAM_ID_LIBXC_IMAGE_HEADER)
        s->image_version = stream_get_be32(event->data + 12);
    if (event->info->id == STREAM_ID_LIBXC_DOMAIN_HEADER)
        add_domain(s, event);
    if (event->info->id == STREAM_ID_V1_IMAGE_HEADER) {
        s->is_v1 = true;
        s->image_version = stream_get_le16(event->data + 8);
        s->distinct_known = false;
    }
}

static void add_record(struct stream_summary *s, const struct stream_event *event)
{
    if (!event->info) {
        s->optional_records++;
        s->optional_bytes += event->length;
        return;
    }
    s->records[event->info->id]++;
    s->bytes[event->info->id] += event->length;
    switch (event->info->id) {
    case STREAM_ID_LIBXC_CHECKPOINT:
        s->vcpus = 0;
        break;
    case STREAM_ID_LIBXC_X86_PV_VCPU_BASIC:
        s->vcpus += event->length > 8;
        break;
    case STREAM_ID_LIBXC_PAGE_DATA:
        s->page_done = 0;
        s->page_is_zero = true;
        break;
    default:
        break;
    }
}

static void add_page(struct stream_summary *s, const struct stream_event *event)
{
    uint64_t entry = stream_get_u64(event->data, event->big_endian);
    uint64_t pfn = stream_entry_pfn(entry);
    unsigned int type = stream_entry_type(entry);

    if (!s->entries || pfn <= s->last_pfn)
        s->passes++;
    s->last_pfn = pfn;
    if (s->highest_pfn < pfn)
        s->highest_pfn = pfn;
    s->entries++;
    s->entries_of_type[type]++;
    s->pages += stream_page_type_has_data(type);
    pfn_set_add(s->pfns, pfn);
    s->distinct_known = pfn_set_count(s->pfns, &s->distinct_pfns);
}

static void add_content(struct stream_summary *s, const uint8_t *data, size_t len)
{
    static const uint8_t zeros[STREAM_PAGE_SIZE];

    while (len) {
        size_t n = STREAM_PAGE_SIZE - s->page_done;

        if (n > len)
            n = len;
        s->page_is_zero = s->page_is_zero && !memcmp(data, zeros, n);
        s->page_done += (uint32_t)n;
        data += n;
        len -= n;
        if (s->page_done == STREAM_PAGE_SIZE) {
            s->zero_pages += s->page_is_zero;
            s->page_done = 0;
            s->page_is_zero = true;
        }
    }
}

void stream_summary_add(struct stream_summary *s, const struct stream_event *event)
{
    bool page_data = event->info && event->info->id == STREAM_ID_LIBXC_PAGE_DATA;

    switch (event->kind) {
    case STREAM_EVENT_HEADER:
        add_header(s, event);
        break;
    case STREAM_EVENT_RECORD:
        add_record(s, event);
        break;
    case STREAM_EVENT_HEAD:
        if (event->layer == STREAM_LAYER_V1)
            add_v1_head(s, event);
        break;
    case STREAM_EVENT_ELEMENT:
        if (page_data)
            add_page(s, event);
        if (event->info->id == STREAM_ID_V1_MEMORY)
            add_v1_run(s, event);
        break;
    case STREAM_EVENT_BLOB:
        if (page_data)
            add_content(s, event->data, event->len);
        break;
    default:
        break;
    }
}
