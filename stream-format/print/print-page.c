/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "stream-format/print/print-page.h"

#include <inttypes.h>
#include <string.h>

#include "stream-format/names.h"

#define BYTES_PER_LINE 16u

/* ---- a record's pages --------------------------------------------------- */

void print_pages_begin(struct print_pages *pages)
{
    *pages = (struct print_pages){ .lowest = UINT64_MAX };
}

void print_pages_add(struct print_pages *pages, uint64_t entry)
{
    uint64_t pfn = stream_entry_pfn(entry);

    if (pages->lowest > pfn)
        pages->lowest = pfn;
    if (pages->highest < pfn)
        pages->highest = pfn;
    if (!pages->count || pfn != pages->last + 1)
        pages->runs++;
    pages->last = pfn;
    pages->count++;
    pages->of_type[stream_entry_type(entry)]++;
}

void print_pages_end(const struct print_pages *pages, struct out *out)
{
    uint32_t with_content = 0;

    out_hex(out, "lowest_pfn", pages->lowest);
    out_hex(out, "highest_pfn", pages->highest);
    out_dec(out, "runs", pages->runs);
    for (unsigned int type = 0; type < 16; type++)
        with_content += stream_page_type_has_data(type) ? pages->of_type[type] : 0;
    out_dec(out, "pages", with_content);
    out_list_begin(out, "types");
    for (unsigned int type = 0; type < 16; type++) {
        const char *name = stream_page_type_name(type);

        if (!pages->of_type[type] || !name)
            continue;
        if (!out->json) {
            out_raw(out, " [%s: %u]", name, pages->of_type[type]);
            continue;
        }
        out_item_begin(out);
        out_text(out, "type", name, strlen(name));
        out_dec(out, "count", pages->of_type[type]);
        out_item_end(out);
    }
    out_list_end(out);
}

/* ---- one page's content ------------------------------------------------- */

void print_dump_begin(struct print_dump *dump)
{
    dump->wanted = false;
    dump->nr_before = 0;
    dump->have = 0;
}

/* Of a pfn that is there twice, the later is what the guest gets. */
void print_dump_entry(struct print_dump *dump, uint64_t entry, uint64_t pfn)
{
    unsigned int type = stream_entry_type(entry);

    if (stream_entry_pfn(entry) == pfn) {
        dump->wanted = true;
        dump->page_type = type;
        dump->pfn = pfn;
        dump->skip = dump->nr_before * STREAM_PAGE_SIZE;
    }
    dump->nr_before += stream_page_type_has_data(type);
}

void print_dump_content(struct print_dump *dump, const uint8_t *data, size_t len)
{
    size_t n;

    if (!dump->wanted || !stream_page_type_has_data(dump->page_type))
        return;
    if (dump->skip >= len) {
        dump->skip -= len;
        return;
    }
    data += dump->skip;
    len -= (size_t)dump->skip;
    dump->skip = 0;
    n = STREAM_PAGE_SIZE - dump->have;
    if (n > len)
        n = len;
    memcpy(dump->content + dump->have, data, n);
    dump->have += (uint32_t)n;
}

static void put_hex_line(struct out *out, const uint8_t *line, uint32_t at)
{
    char text[BYTES_PER_LINE];

    out_raw(out, "  %03x ", at);
    for (unsigned int i = 0; i < BYTES_PER_LINE; i++) {
        out_raw(out, " %02x", line[i]);
        text[i] = line[i] >= 0x20 && line[i] < 0x7f ? (char)line[i] : '.';
    }
    out_raw(out, "  |%.*s|\n", (int)BYTES_PER_LINE, text);
}

static void put_hex(struct out *out, const uint8_t *data)
{
    for (uint32_t i = 0; i < STREAM_PAGE_SIZE; i++)
        out_raw(out, "%02x", data[i]);
}

void print_dump_end(const struct print_dump *dump, struct out *out,
                    const struct stream_event *event)
{
    const char *type;

    if (!dump->wanted)
        return;
    type = stream_page_type_name(dump->page_type);
    if (out->json) {
        out_begin(out);
        out_hex(out, "pfn", dump->pfn);
        out_dec(out, "record", event->record_index);
        out_text(out, "type", type, strlen(type));
        out_raw(out, ",\"content\":\"");
        if (dump->have)
            put_hex(out, dump->content);
        out_raw(out, "\"");
        out_end(out);
        return;
    }
    out_raw(out, "pfn 0x%" PRIx64 " in libxc record %" PRIu64 ": %s%s\n", dump->pfn,
            event->record_index, type, dump->have ? "" : ", without content");
    for (uint32_t at = 0; at < dump->have; at += BYTES_PER_LINE)
        put_hex_line(out, dump->content + at, at);
}

/* ---- the summary -------------------------------------------------------- */

static void put_layers(struct out *out, const struct stream_summary *s)
{
    const char *separator = "";

    out_raw(out, out->json ? "\"layers\":[" : "layers       ");
    for (unsigned int i = 0; i < STREAM_NR_LAYERS; i++) {
        if (!s->layers[i])
            continue;
        out_raw(out, out->json ? "%s\"%s\"" : "%s%s", separator,
                stream_layer_name((enum stream_layer)i));
        separator = out->json ? "," : ", ";
    }
    out_raw(out, out->json ? "]" : *separator ? "\n" : "none\n");
    out->comma = true;
}

static void put_guest(struct out *out, const struct stream_summary *s)
{
    const char *guest = stream_guest_name(s->guest);

    if (!s->image_version || !guest)
        return;
    if (out->json) {
        out_dec(out, "image_version", s->image_version);
        out_text(out, "guest", guest, strlen(guest));
        out_dec(out, "xen_major", s->xen_major);
        out_dec(out, "xen_minor", s->xen_minor);
        if (s->guest == STREAM_GUEST_X86_PV)
            out_dec(out, "vcpus", s->vcpus);
        return;
    }
    out_raw(out, "image        version %u, %s", s->image_version, guest);
    if (s->guest == STREAM_GUEST_X86_PV)
        out_raw(out, ", %" PRIu64 " vCPU%s", s->vcpus, s->vcpus == 1 ? "" : "s");
    if (s->xen_major)
        out_raw(out, ", from Xen %u.%u\n", s->xen_major, s->xen_minor);
    else
        out_raw(out, ", converted from a legacy image\n");
}

static void put_memory(struct out *out, const struct stream_summary *s)
{
    if (!s->entries)
        return;
    if (!out->json) {
        out_raw(out, "memory       %" PRIu64 " pages sent (%" PRIu64 " MiB), %" PRIu64 " of them zero\n",
                s->pages, s->pages * STREAM_PAGE_SIZE >> 20, s->zero_pages);
        out_raw(out, "pfns         %" PRIu64 " entries in %" PRIu64 " pass%s, ", s->entries,
                s->passes, s->passes == 1 ? "" : "es");
        if (s->distinct_known)
            out_raw(out, "%" PRIu64 " different, %" PRIu64 " sent again, ", s->distinct_pfns,
                    s->entries - s->distinct_pfns);
        out_raw(out, "highest 0x%" PRIx64 "\n", s->highest_pfn);
        return;
    }
    out_dec(out, "pages", s->pages);
    out_dec(out, "zero_pages", s->zero_pages);
    out_dec(out, "entries", s->entries);
    out_dec(out, "passes", s->passes);
    if (s->distinct_known)
        out_dec(out, "distinct_pfns", s->distinct_pfns);
    out_hex(out, "highest_pfn", s->highest_pfn);
}

static void put_count(struct out *out, const char *key, const char *name, uint64_t count,
                      uint64_t bytes)
{
    if (!out->json) {
        out_raw(out, "  %-32s %10" PRIu64, name, count);
        if (bytes)
            out_raw(out, " %16" PRIu64 " bytes", bytes);
        out_raw(out, "\n");
        return;
    }
    out_item_begin(out);
    out_text(out, key, name, strlen(name));
    out_dec(out, "count", count);
    if (bytes)
        out_dec(out, "bytes", bytes);
    out_item_end(out);
}

static void put_page_types(struct out *out, const struct stream_summary *s)
{
    out_list_begin(out, "page_types");
    if (!out->json && s->entries)
        out_raw(out, "page types\n");
    for (unsigned int type = 0; type < 16; type++) {
        if (s->entries_of_type[type])
            put_count(out, "type", stream_page_type_name(type), s->entries_of_type[type], 0);
    }
    out_list_end(out);
}

static void put_records(struct out *out, const struct stream_summary *s)
{
    out_list_begin(out, "records");
    if (!out->json)
        out_raw(out, "records\n");
    for (unsigned int id = 0; id < STREAM_NR_IDS; id++) {
        char name[64];

        if (!s->records[id])
            continue;
        strcpy(name, stream_layer_name(stream_record_infos[id].layer));
        strcat(name, " ");
        strcat(name, stream_record_infos[id].name);
        put_count(out, "name", name, s->records[id], s->bytes[id]);
    }
    if (s->optional_records)
        put_count(out, "name", "unknown optional", s->optional_records, s->optional_bytes);
    out_list_end(out);
}

static void put_v1(struct out *out, const struct stream_summary *s)
{
    out_list_begin(out, "kinds");
    if (!out->json)
        out_raw(out, "kinds of pages, in %" PRIu64 " rounds\n", s->v1_rounds);
    for (unsigned int kind = 0; kind < IMAGE1_NR_KINDS; kind++) {
        if (s->v1_pages[kind])
            put_count(out, "kind", image1_kind_name(kind), s->v1_pages[kind], 0);
    }
    out_list_end(out);
    out_list_begin(out, "payloads");
    if (!out->json)
        out_raw(out, "payloads, raw and as they are\n");
    for (unsigned int codec = 0; codec < IMAGE1_NR_CODECS; codec++) {
        if (s->v1_raw[codec])
            put_count(out, "codec", image1_codec_name(codec), s->v1_raw[codec], s->v1_payload[codec]);
    }
    out_list_end(out);
}

void print_summary(struct out *out, const struct stream_summary *s)
{
    out_begin(out);
    out_raw(out, out->json ? "\"summary\":{" : "\n");
    put_layers(out, s);
    put_guest(out, s);
    put_memory(out, s);
    put_page_types(out, s);
    if (s->is_v1)
        put_v1(out, s);
    put_records(out, s);
    if (out->json)
        out_raw(out, "}}\n");
}
