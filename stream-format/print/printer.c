/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "stream-format/print/printer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "stream-format/names.h"
#include "stream-format/print/out.h"
#include "stream-format/print/print-page.h"
#include "stream-format/print/summary.h"

struct stream_printer {
    struct stream_printer_config config;
    struct out out;
    struct stream_summary summary;
    bool selected[STREAM_NR_IDS];
    bool select_some;

    /* The record at hand. */
    const struct stream_record_info *info;
    bool showing;
    bool in_list;
    uint64_t blob_len;
    uint64_t first_value, last_value; /* of a list of pfns */
    struct print_pages pages;
    struct print_dump dump;

    /* Texts that come in pieces: a configuration, xenstore data. */
    bool config_open; /* JSON: its quotation mark is */
    bool text_open;   /* in a line or a string */
    uint32_t text_left;
    bool value_next;
};

struct stream_printer *stream_printer_new(const struct stream_printer_config *config)
{
    struct stream_printer *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->config = *config;
    p->out = (struct out){
        .json = config->json, .colour = config->colour, .write = config->write,
        .opaque = config->opaque,
    };
    if (stream_summary_init(&p->summary)) {
        stream_printer_free(p);
        return NULL;
    }
    return p;
}

void stream_printer_free(struct stream_printer *p)
{
    if (p)
        stream_summary_dispose(&p->summary);
    free(p);
}

int stream_printer_select(struct stream_printer *p, const char *name, size_t len)
{
    bool found = false;

    for (unsigned int i = 0; i < STREAM_NR_IDS; i++) {
        const char *known = stream_record_infos[i].name;

        if (strlen(known) == len && !strncasecmp(known, name, len))
            found = p->selected[i] = true;
    }
    p->select_some |= found;
    return found ? 0 : -1;
}

static bool is_shown(const struct stream_printer *p, const struct stream_event *event)
{
    if (p->config.summary_only)
        return false;
    return !p->select_some || (event->info && p->selected[event->info->id]);
}

/* ---- heads and fields --------------------------------------------------- */

static void print_head(struct stream_printer *p, const struct stream_event *event)
{
    const char *layer = stream_layer_name(event->layer);
    const char *name = event->info ? event->info->name : "(optional)";
    bool is_record = event->kind == STREAM_EVENT_RECORD && event->layer != STREAM_LAYER_XL;
    struct out *out = &p->out;

    out_begin(out);
    if (out->json) {
        out_dec(out, "offset", event->offset);
        out_text(out, "layer", layer, strlen(layer));
        out_text(out, "name", name, strlen(name));
        if (is_record) {
            out_dec(out, "record", event->record_index);
            out_hex(out, "type", event->type);
        }
        if (event->kind == STREAM_EVENT_RECORD)
            out_dec(out, "length", event->length);
        return;
    }
    out_raw(out, "%s0x%010" PRIx64 "%s %-5s ", out->colour ? "\033[2m" : "", event->offset,
            out->colour ? "\033[0m" : "", layer);
    if (is_record)
        out_raw(out, "%5" PRIu64, event->record_index);
    else
        out_raw(out, "    -");
    out_raw(out, " %s%s%s", out->colour ? "\033[1m" : "", name, out->colour ? "\033[0m" : "");
    if (!event->info)
        out_raw(out, " type=0x%08x", event->type);
    if (event->kind == STREAM_EVENT_RECORD)
        out_raw(out, " length=%u", event->length);
}

/* In JSON the record's own type is the object's "type" already. */
static const char *name_of(const struct out *out, const struct stream_field *field, const struct stream_event *event)
{
    return out->json && event->kind == STREAM_EVENT_HEAD && field->id == STREAM_ID_V1_DOMAIN &&
           !strcmp(field->name, "type") ? "guest_type" : field->name;
}

static void print_field(struct out *out, const struct stream_field *field,
                        const struct stream_event *event)
{
    uint64_t value;
    const char *name, *meaning;

    /* Reserved fields are zero, or there would be no event; and a header's
     * magic is what made it that header. */
    if (field->kind == STREAM_FIELD_RSVD || field->kind == STREAM_FIELD_TEXT)
        return;
    value = stream_field_value(field, event->data, event->big_endian);
    name = name_of(out, field, event);
    (field->kind == STREAM_FIELD_DEC ? out_dec : out_hex)(out, name, value);
    meaning = stream_value_name(field, value);
    if (meaning)
        out_meaning(out, name, meaning);
}

static void print_fields(struct out *out, const struct stream_event *event,
                         enum stream_part part)
{
    for (unsigned int i = 0; i < stream_nr_fields; i++) {
        if (stream_fields[i].id == event->info->id && stream_fields[i].part == part)
            print_field(out, &stream_fields[i], event);
    }
}

/* ---- texts in pieces ---------------------------------------------------- */

/* xl's JSON is laid out in lines; they are kept, below the record's line. */
static void print_config(struct stream_printer *p, const char *text, size_t len)
{
    size_t n = len < p->text_left ? len : p->text_left;
    struct out *out = &p->out;

    p->text_left -= (uint32_t)n;
    if (n && text[n - 1] == '\0')
        n--;
    if (out->json) {
        out_piece(out, text, n);
        return;
    }
    while (n) {
        const char *newline = memchr(text, '\n', n);
        size_t line = newline ? (size_t)(newline - text) : n;

        if (line && !p->text_open)
            out_raw(out, "\n    ");
        out_piece(out, text, line);
        p->text_open = !newline && (p->text_open || line);
        n -= line + (newline ? 1 : 0);
        text += line + (newline ? 1 : 0);
    }
}

/* Keys and values in turn, each ended by NUL; the reader checked that. */
static void print_xenstore(struct stream_printer *p, const char *text, size_t len)
{
    struct out *out = &p->out;

    while (len) {
        const char *nul = memchr(text, '\0', len);
        size_t n = nul ? (size_t)(nul - text) : len;

        if (!p->value_next && !p->text_open) {
            out_item_begin(out);
            out_raw(out, out->json ? "\"key\":\"" : " ");
        }
        p->text_open = true;
        out_piece(out, text, n);
        if (nul && !p->value_next) {
            out_raw(out, out->json ? "\",\"value\":\"" : " = ");
            p->value_next = true;
        } else if (nul) {
            out_raw(out, out->json ? "\"" : "");
            out_item_end(out);
            p->value_next = p->text_open = false;
        }
        n += nul != NULL;
        text += n;
        len -= n;
    }
}

/* Whatever is open, be it complete or cut short by a fault. */
static void close_texts(struct stream_printer *p)
{
    struct out *out = &p->out;

    if (p->config_open)
        out_raw(out, "\"");
    if (p->in_list && p->text_open && out->json) {
        out_raw(out, p->value_next ? "\"" : "\",\"value\":\"\"");
        out_item_end(out);
    }
    if (p->in_list)
        out_list_end(out);
}

/* ---- the parts of a record ---------------------------------------------- */

/* Types whose elements are so many that only their range is of use. */
static bool is_pfn_list(enum stream_id id)
{
    return id == STREAM_ID_LIBXC_PAGE_DATA || id == STREAM_ID_LIBXC_X86_PV_P2M_FRAMES;
}

static void begin_list(struct stream_printer *p, const char *name)
{
    if (!p->in_list)
        out_list_begin(&p->out, name);
    p->in_list = true;
}

static void begin_record(struct stream_printer *p, const struct stream_event *event)
{
    p->showing = is_shown(p, event);
    p->info = event->info;
    p->in_list = p->config_open = p->text_open = p->value_next = false;
    p->blob_len = 0;
    p->text_left = 0;
    print_pages_begin(&p->pages);
    print_dump_begin(&p->dump);
    if (p->showing)
        print_head(p, event);
}

static void show_head(struct stream_printer *p, const struct stream_event *event)
{
    print_fields(&p->out, event, STREAM_PART_HEAD);
    if (event->info->id == STREAM_ID_XL_CONFIG) {
        p->text_left = stream_get_u32(event->data, event->big_endian);
        out_raw(&p->out, p->out.json ? ",\"config\":\"" : "");
        p->config_open = p->out.json;
    }
    if (event->info->id == STREAM_ID_LIBXL_EMULATOR_XENSTORE_DATA)
        begin_list(p, "entries");
}

static void show_element(struct stream_printer *p, const struct stream_event *event)
{
    if (is_pfn_list(event->info->id)) {
        uint64_t value = stream_get_u64(event->data, event->big_endian);

        if (!event->index)
            p->first_value = value;
        p->last_value = value;
        return;
    }
    begin_list(p, "entries");
    out_item_begin(&p->out);
    print_fields(&p->out, event, STREAM_PART_ELEMENT);
    out_item_end(&p->out);
}

static void show_blob(struct stream_printer *p, const struct stream_event *event)
{
    p->blob_len += event->len;
    if (!event->info)
        return;
    if (event->info->id == STREAM_ID_XL_CONFIG)
        print_config(p, (const char *)event->data, event->len);
    if (event->info->id == STREAM_ID_LIBXL_EMULATOR_XENSTORE_DATA)
        print_xenstore(p, (const char *)event->data, event->len);
}

static void end_record(struct stream_printer *p)
{
    const struct stream_record_info *info = p->info;
    struct out *out = &p->out;

    close_texts(p);
    if (info && info->id == STREAM_ID_LIBXC_PAGE_DATA)
        print_pages_end(&p->pages, out);
    if (info && info->id == STREAM_ID_LIBXC_X86_PV_P2M_FRAMES) {
        out_hex(out, "first_p2m_pfn", p->first_value);
        out_hex(out, "last_p2m_pfn", p->last_value);
    }
    if (p->blob_len && !p->in_list && info && info->head_len && info->layer != STREAM_LAYER_XL &&
        info->id != STREAM_ID_LIBXC_PAGE_DATA)
        out_dec(out, "content_bytes", p->blob_len);
    out_end(out);
    p->showing = false;
}

static void show(struct stream_printer *p, const struct stream_event *event)
{
    switch (event->kind) {
    case STREAM_EVENT_HEAD:
        if (event->info)
            show_head(p, event);
        break;
    case STREAM_EVENT_ELEMENT:
        show_element(p, event);
        break;
    case STREAM_EVENT_BLOB:
        show_blob(p, event);
        break;
    case STREAM_EVENT_RECORD_END:
        end_record(p);
        break;
    default:
        break;
    }
}

static void show_header(struct stream_printer *p, const struct stream_event *event)
{
    if (!is_shown(p, event))
        return;
    print_head(p, event);
    print_fields(&p->out, event, STREAM_PART_HEAD);
    out_end(&p->out);
}

void stream_printer_event(struct stream_printer *p, const struct stream_event *event)
{
    bool page_data = event->info && event->info->id == STREAM_ID_LIBXC_PAGE_DATA;

    stream_summary_add(&p->summary, event);
    if (event->kind == STREAM_EVENT_HEADER) {
        show_header(p, event);
        return;
    }
    if (event->kind == STREAM_EVENT_RECORD)
        begin_record(p, event);
    if (page_data && event->kind == STREAM_EVENT_ELEMENT) {
        uint64_t entry = stream_get_u64(event->data, event->big_endian);

        print_pages_add(&p->pages, entry);
        if (p->config.dump_page)
            print_dump_entry(&p->dump, entry, p->config.page);
    }
    if (page_data && event->kind == STREAM_EVENT_BLOB)
        print_dump_content(&p->dump, event->data, event->len);
    if (p->showing)
        show(p, event);
    if (page_data && event->kind == STREAM_EVENT_RECORD_END)
        print_dump_end(&p->dump, &p->out, event);
}

/* ---- the end ------------------------------------------------------------ */

static void print_fault(struct out *out, const struct stream_fault *fault)
{
    const char *layer = stream_layer_name(fault->layer);
    const char *name = stream_fault_name(fault->code);

    out_begin(out);
    out_raw(out, "\"fault\":{");
    out_text(out, "name", name, strlen(name));
    out_dec(out, "offset", fault->offset);
    out_text(out, "layer", layer, strlen(layer));
    if (fault->record) {
        out_text(out, "record_name", fault->record, strlen(fault->record));
        out_dec(out, "record_offset", fault->record_offset);
        if (!fault->in_header)
            out_dec(out, "record", fault->record_index);
    }
    out_text(out, "expected", fault->expected, strlen(fault->expected));
    out_text(out, "found", fault->found, strlen(fault->found));
    out_raw(out, "}");
    out_end(out);
}

void stream_printer_end(struct stream_printer *p, const struct stream_fault *fault)
{
    struct out *out = &p->out;

    /* A fault leaves a record open. */
    if (p->showing) {
        close_texts(p);
        out_end(out);
        p->showing = false;
    }
    print_summary(out, &p->summary);
    if (fault && out->json)
        print_fault(out, fault);
}
