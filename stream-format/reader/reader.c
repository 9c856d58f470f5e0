/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The reader's cutting half: bytes in, parts out.
 *
 * Where the stream is, and what comes next:
 *
 *   START    -> HEADER        of the layer that the first bytes name
 *   HEADER   -> HEADER        image header, then domain header; seal, then trailer
 *            -> HEAD          save header with optional data
 *            -> RECORD
 *   RECORD   -> HEAD -> ELEMENT (-> SKIP -> ELEMENT)* -> BLOB -> PADDING
 *   HEAD     -> RECORD        of an xlmig image's LIBXC: what follows is one of
 *                             libxc's, which ends with the outer one's padding
 *   PADDING  -> RECORD        of this layer; of the inner one after
 *                             CHECKPOINT_END; of the outer one after the
 *                             image's END or CHECKPOINT
 *            -> HEADER        after CONFIG, LIBXC_CONTEXT
 *            -> DONE          after the END of the outermost layer with records
 *
 * Parts of no length are passed over at once, so that a reader which has been
 * given all bytes of a record has also finished it. Each turn of a loop takes
 * a byte or goes forward in the list of stages.
 */
#include "stream-format/reader/internal.h"

#include <stdlib.h>
#include <string.h>

static void emit(struct stream_reader *r, enum stream_event_kind kind, uint64_t offset,
                 const uint8_t *data, size_t len)
{
    struct stream_event event = {
        .kind = kind,
        .layer = r->layer,
        .big_endian = r->big_endian[r->layer],
        .info = r->info,
        .type = r->type,
        .length = r->length,
        .record_index = r->record_index,
        .offset = offset,
        .data = data,
        .len = len,
        .index = r->element_index,
    };

    if (!r->config.event)
        return;
    if (r->info && stream_id_always_big_endian(r->info->id))
        event.big_endian = true;
    r->config.event(r->config.opaque, &event);
}

static void expect_part(struct stream_reader *r, enum stage stage, uint32_t len)
{
    r->stage = stage;
    r->part_have = 0;
    r->part_want = len;
}

static void expect_header(struct stream_reader *r, enum stream_id id)
{
    r->info = &stream_record_infos[id];
    r->layer = r->info->layer;
    r->record_offset = r->offset;
    expect_part(r, STAGE_HEADER, r->info->head_len);
}

static void expect_record(struct stream_reader *r, enum stream_layer layer)
{
    r->layer = layer;
    r->info = NULL;
    r->record_offset = r->offset;
    r->record_index = r->next_index[layer];
    expect_part(r, STAGE_RECORD, layer == STREAM_LAYER_V1 ? IMAGE1_RECORD_HEADER_LEN
                                                          : sizeof(struct stream_record_header));
}

/* The outermost END was there. What follows is nothing, or what an xlmig image has behind it. */
static void expect_nothing(struct stream_reader *r)
{
    if (r->v1 && r->v1->header.features & IMAGE1_FEATURE_SEAL)
        expect_header(r, STREAM_ID_V1_SEAL);
    else if (r->v1 && r->v1->header.features & IMAGE1_FEATURE_INDEX)
        expect_header(r, STREAM_ID_V1_TRAILER);
    else
        r->stage = STAGE_DONE;
}

static bool in_v1(const struct stream_reader *r)
{
    return r->v1 && !r->v1->ended;
}

/* A record that is complete: what follows it? */
static void finish_record(struct stream_reader *r)
{
    const struct stream_record_info *info = r->info;
    enum stream_layer after_image = r->has_libxl ? STREAM_LAYER_LIBXL : STREAM_LAYER_LIBXC;

    switch (info ? info->id : STREAM_NR_IDS) {
    case STREAM_ID_XL_CONFIG:
        expect_header(r, STREAM_ID_LIBXL_STREAM_HEADER);
        break;
    case STREAM_ID_LIBXL_LIBXC_CONTEXT:
        expect_header(r, STREAM_ID_LIBXC_IMAGE_HEADER);
        break;
    case STREAM_ID_LIBXL_CHECKPOINT_END:
    case STREAM_ID_LIBXL_CHECKPOINT_STATE:
        expect_record(r, STREAM_LAYER_LIBXC);
        break;
    case STREAM_ID_LIBXC_CHECKPOINT:
        expect_record(r, after_image);
        break;
    case STREAM_ID_LIBXC_END:
    case STREAM_ID_V1_END:
        if (r->has_libxl) {
            expect_record(r, STREAM_LAYER_LIBXL);
            break;
        }
        /* fall through */
    case STREAM_ID_LIBXL_END:
        expect_nothing(r);
        break;
    default:
        expect_record(r, in_v1(r) ? STREAM_LAYER_V1 : r->layer);
        break;
    }
}

static int end_record(struct stream_reader *r)
{
    if (in_v1(r) && stream_v1_check_crc(r))
        return -1;
    if (stream_rules_record_end(r))
        return -1;
    emit(r, STREAM_EVENT_RECORD_END, r->offset, NULL, 0);
    finish_record(r);
    return 0;
}

static uint32_t padding_len(const struct stream_reader *r)
{
    /* xl's optional data is no record and is not padded. */
    return r->layer == STREAM_LAYER_XL ? 0 : stream_record_padded(r->length) - r->length;
}

/* Go to the next stage that wants bytes. */
static int settle(struct stream_reader *r)
{
    for (;;) {
        switch (r->stage) {
        case STAGE_HEAD:
            if (r->part_want)
                return 0;
            r->stage = STAGE_ELEMENT;
            break;
        case STAGE_SKIP:
            if (r->span_left)
                return 0;
            r->stage = STAGE_ELEMENT;
            break;
        case STAGE_ELEMENT:
            if (r->elements_left && body_left(r) >= r->info->element_len) {
                expect_part(r, STAGE_ELEMENT, r->info->element_len);
                return 0;
            }
            r->stage = STAGE_BLOB;
            r->span_left = body_left(r);
            break;
        case STAGE_BLOB:
            if (r->span_left)
                return 0;
            expect_part(r, STAGE_PADDING, padding_len(r));
            break;
        case STAGE_PADDING:
            return r->part_want ? 0 : end_record(r);
        default:
            return 0;
        }
    }
}

/* The record's type and length are known: begin its body. */
static int begin_record(struct stream_reader *r, uint64_t offset)
{
    const struct stream_record_info *info = r->info;

    r->record_offset = offset;
    r->record_index = r->next_index[r->layer]++;
    r->body_done = 0;
    r->element_index = 0;
    r->elements_left = info && info->element_len ? UINT32_MAX : 0;
    r->reserved_in_element = false;
    for (unsigned int i = 0; info && i < stream_nr_fields; i++) {
        const struct stream_field *field = &stream_fields[i];

        r->reserved_in_element |= field->id == info->id && field->kind == STREAM_FIELD_RSVD &&
                                  field->part == STREAM_PART_ELEMENT;
    }
    if (stream_rules_record(r))
        return -1;
    emit(r, STREAM_EVENT_RECORD, offset, NULL, 0);
    expect_part(r, STAGE_HEAD, info ? info->head_len : 0);
    return settle(r);
}

static int complete_record_header(struct stream_reader *r)
{
    bool big_endian = r->big_endian[r->layer];

    r->type = stream_get_u32(r->part, big_endian);
    r->length = stream_get_u32(r->part + 4, big_endian);
    if (r->layer == STREAM_LAYER_V1)
        stream_v1_begin_record(r);

    /*
     * After a checkpoint, the image goes on, or libxl says first that a new
     * one begins. Both layers have a record of type 5, but the image's is
     * never as short.
     */
    if (r->layer == STREAM_LAYER_LIBXC && r->rules.checkpoint_ended &&
        r->type == STREAM_LIBXL_REC_CHECKPOINT_STATE && r->length == 4)
        r->layer = STREAM_LAYER_LIBXL;

    r->info = stream_record_find(r->layer, r->type);
    return begin_record(r, part_offset(r));
}

/* Where an image may start: is it an xlmig image after all, and how long is its header? */
static int look_at_image_header(struct stream_reader *r)
{
    uint32_t len;

    if (r->info->id == STREAM_ID_LIBXC_IMAGE_HEADER && !memcmp(r->part, IMAGE1_MAGIC, IMAGE1_MAGIC_LEN)) {
        r->info = &stream_record_infos[STREAM_ID_V1_IMAGE_HEADER];
        r->layer = STREAM_LAYER_V1;
        r->part_want = r->info->head_len;
    } else if (r->info->id == STREAM_ID_V1_IMAGE_HEADER && r->part_want == IMAGE1_HEADER_LEN) {
        struct image1_fault fault;

        if (!image1_header_len(r->part, &len, &fault))
            r->part_want = len;
    }
    return r->part_have < r->part_want;
}

static int complete_header(struct stream_reader *r)
{
    if (look_at_image_header(r))
        return 0;
    if (r->info->id == STREAM_ID_V1_IMAGE_HEADER && stream_v1_begin(r))
        return -1;
    if (stream_rules_header(r))
        return -1;
    emit(r, STREAM_EVENT_HEADER, part_offset(r), r->part, r->part_want);

    switch (r->info->id) {
    case STREAM_ID_XL_SAVE_HEADER:
        r->type = 0;
        r->length = stream_get_u32(r->part + 44, r->big_endian[STREAM_LAYER_XL]);
        if (!r->length) {
            expect_header(r, STREAM_ID_LIBXL_STREAM_HEADER);
            return 0;
        }
        r->info = &stream_record_infos[STREAM_ID_XL_CONFIG];
        return begin_record(r, r->offset);
    case STREAM_ID_LIBXC_IMAGE_HEADER:
        expect_header(r, STREAM_ID_LIBXC_DOMAIN_HEADER);
        return 0;
    case STREAM_ID_V1_SEAL:
        expect_header(r, STREAM_ID_V1_TRAILER);
        return 0;
    case STREAM_ID_V1_TRAILER:
        r->stage = STAGE_DONE;
        return 0;
    case STREAM_ID_LIBXL_STREAM_HEADER:
        r->has_libxl = true;
        /* fall through */
    default:
        expect_record(r, r->layer);
        return 0;
    }
}

/* What is around an image, for the seal behind it: the layers of xl and libxl, in their order. */
static void add_to_outer(struct stream_reader *r, const uint8_t *data, size_t len)
{
    r->outer_crc = crc32c(r->outer_crc, data, len);
    *(r->v1 ? &r->after_len : &r->before_len) += len;
}

static int start_at(struct stream_reader *r, enum stream_id id)
{
    expect_header(r, id);
    r->record_offset = 0;
    r->part_have = 8;
    if (r->layer == STREAM_LAYER_XL || r->layer == STREAM_LAYER_LIBXL)
        add_to_outer(r, r->part, 8);
    return 0;
}

/* The first eight bytes: which layer is the outermost? */
static int complete_start(struct stream_reader *r)
{
    if (!memcmp(r->part, STREAM_XL_MAGIC, 8))
        return start_at(r, STREAM_ID_XL_SAVE_HEADER);
    if (stream_get_be64(r->part) == STREAM_LIBXL_IDENT)
        return start_at(r, STREAM_ID_LIBXL_STREAM_HEADER);
    if (stream_get_be64(r->part) == STREAM_IMAGE_MARKER)
        return start_at(r, STREAM_ID_LIBXC_IMAGE_HEADER);
    if (!memcmp(r->part, IMAGE1_MAGIC, IMAGE1_MAGIC_LEN))
        return start_at(r, STREAM_ID_V1_IMAGE_HEADER);
    return stream_fail(r, STREAM_FAULT_UNRECOGNISED, 0,
                       "an xl save header, a libxl stream or an image|"
                       "%02x %02x %02x %02x %02x %02x %02x %02x",
                       r->part[0], r->part[1], r->part[2], r->part[3], r->part[4],
                       r->part[5], r->part[6], r->part[7]);
}

static int complete_element(struct stream_reader *r)
{
    r->elements_left--;
    r->body_done += r->part_want;
    r->span_left = 0;
    if (stream_rules_element(r))
        return -1;
    emit(r, STREAM_EVENT_ELEMENT, part_offset(r), r->part, r->part_want);
    r->element_index++;
    r->stage = STAGE_SKIP;
    return settle(r);
}

static int complete_padding(struct stream_reader *r)
{
    for (uint32_t i = 0; i < r->part_want; i++) {
        if (r->part[i])
            return stream_fail(r, STREAM_FAULT_PADDING_NOT_ZERO, part_offset(r) + i,
                               "zero|0x%02x", r->part[i]);
    }
    return end_record(r);
}

/* An xlmig image's LIBXC: its body goes on as a record of libxc's. */
static int begin_inner_record(struct stream_reader *r)
{
    uint64_t offset = part_offset(r);

    emit(r, STREAM_EVENT_RECORD_END, r->offset, NULL, 0);
    r->type = stream_get_le32(r->part);
    r->length -= IMAGE1_LIBXC_HEAD_LEN;
    r->layer = STREAM_LAYER_LIBXC;
    r->info = stream_record_find(STREAM_LAYER_LIBXC, r->type);
    return begin_record(r, offset);
}

static int complete_part(struct stream_reader *r)
{
    switch (r->stage) {
    case STAGE_START:
        return complete_start(r);
    case STAGE_HEADER:
        return complete_header(r);
    case STAGE_RECORD:
        return complete_record_header(r);
    case STAGE_HEAD:
        r->body_done += r->part_want;
        if (stream_rules_head(r))
            return -1;
        emit(r, STREAM_EVENT_HEAD, part_offset(r), r->part, r->part_want);
        if (r->info->id == STREAM_ID_V1_LIBXC)
            return begin_inner_record(r);
        r->stage = STAGE_ELEMENT;
        return settle(r);
    case STAGE_ELEMENT:
        return complete_element(r);
    default:
        return complete_padding(r);
    }
}

static void add_to_crc(struct stream_reader *r, const uint8_t *data, size_t len)
{
    if (r->stage != STAGE_START && (r->layer == STREAM_LAYER_XL || r->layer == STREAM_LAYER_LIBXL))
        add_to_outer(r, data, len);
    if (r->v1 && r->v1->in_record)
        r->v1->crc = crc32c(r->v1->crc, data, len);
}

/* Take some of the bytes, at least one; returns how many, 0 on a fault. */
static size_t take(struct stream_reader *r, const uint8_t *data, size_t len)
{
    size_t n;

    if (r->stage == STAGE_SKIP || r->stage == STAGE_BLOB) {
        n = len < r->span_left ? len : r->span_left;
        add_to_crc(r, data, n);
        if (stream_rules_blob(r, data, n))
            return 0;
        emit(r, STREAM_EVENT_BLOB, r->offset, data, n);
        r->offset += n;
        r->body_done += (uint32_t)n;
        r->span_left -= (uint32_t)n;
        return settle(r) ? 0 : n;
    }

    n = r->part_want - r->part_have;
    if (n > len)
        n = len;
    add_to_crc(r, data, n);
    memcpy(r->part + r->part_have, data, n);
    r->part_have += (uint32_t)n;
    r->offset += n;
    if (r->part_have == r->part_want && complete_part(r))
        return 0;
    return n;
}

int stream_reader_push(struct stream_reader *r, const void *data, size_t len)
{
    const uint8_t *p = data;

    while (len && !r->fault.code && r->stage != STAGE_DONE) {
        size_t n = take(r, p, len);

        p += n;
        len -= n;
    }
    if (len && !r->fault.code) {
        r->info = NULL;
        r->record_index = r->next_index[r->layer];
        r->record_offset = r->offset;
        stream_fail(r, STREAM_FAULT_TRAILING_DATA, r->offset,
                    "the end of the file|more bytes, the first 0x%02x", *p);
    }
    return r->fault.code ? -1 : 0;
}

int stream_reader_pass(struct stream_reader *r, size_t len)
{
    if (r->fault.code)
        return -1;
    if (!len)
        return 0;
    if (r->stage != STAGE_BLOB || len > r->span_left)
        return stream_fail(r, STREAM_FAULT_BAD_LENGTH, r->offset, "at most %u bytes of content|%zu",
                           r->stage == STAGE_BLOB ? r->span_left : 0, len);
    r->offset += len;
    r->body_done += (uint32_t)len;
    r->span_left -= (uint32_t)len;
    return settle(r);
}

int stream_reader_note_pages(struct stream_reader *r, uint64_t pfn, uint64_t count, unsigned int page_type)
{
    return r->fault.code ? -1 : stream_rules_pages(r, pfn, count, page_type);
}

int stream_reader_end(struct stream_reader *r)
{
    static const char *const parts[] = {
        [STAGE_START] = "the start of a stream",
        [STAGE_HEADER] = "a header",
        [STAGE_RECORD] = "a record header",
        [STAGE_HEAD] = "the record's body",
        [STAGE_ELEMENT] = "the record's body",
        [STAGE_SKIP] = "the record's body",
        [STAGE_BLOB] = "the record's body",
        [STAGE_PADDING] = "the record's padding",
    };
    uint32_t missing = r->part_want - r->part_have;

    if (r->fault.code)
        return -1;
    if (r->stage == STAGE_DONE)
        return 0;
    if (r->stage == STAGE_HEAD || r->stage == STAGE_ELEMENT)
        missing = body_left(r) - r->part_have;
    else if (r->stage == STAGE_SKIP || r->stage == STAGE_BLOB)
        missing = body_left(r);
    return stream_fail(r, STREAM_FAULT_TRUNCATED, r->offset,
                       "%u more byte%s of %s|the end of the file%s", missing,
                       missing == 1 ? "" : "s", parts[r->stage],
                       r->rules.checkpointed ? ", after a complete checkpoint" : "");
}

struct stream_reader *stream_reader_new(const struct stream_reader_config *config)
{
    struct stream_reader *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->config = *config;
    switch (config->start) {
    case STREAM_START_AUTO:
        expect_part(r, STAGE_START, 8);
        break;
    case STREAM_START_XL:
        expect_header(r, STREAM_ID_XL_SAVE_HEADER);
        break;
    case STREAM_START_LIBXL:
        expect_header(r, STREAM_ID_LIBXL_STREAM_HEADER);
        break;
    case STREAM_START_LIBXC:
        expect_header(r, STREAM_ID_LIBXC_IMAGE_HEADER);
        break;
    }
    return r;
}

void stream_reader_free(struct stream_reader *r)
{
    if (r) {
        stream_v1_free(r->v1);
        p2m_frames_free(r->rules.p2m);
    }
    free(r);
}

bool stream_reader_digest_checked(const struct stream_reader *r)
{
    return r->v1 && r->v1->digest_checked;
}

uint64_t stream_reader_offset(const struct stream_reader *r)
{
    return r->offset;
}

const struct stream_fault *stream_reader_fault(const struct stream_reader *r)
{
    return r->fault.code ? &r->fault : NULL;
}
