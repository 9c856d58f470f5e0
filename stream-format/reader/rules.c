/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The reader's judging half: what the table says of any header or record, and
 * the headers. What is special to one layer's records is in rules-libxl.c and
 * rules-libxc.c.
 */
#include "stream-format/reader/rules.h"

#include <inttypes.h>
#include <string.h>

/* "Padding and reserved fields are zero": checked wherever the table has one. */
static int check_reserved(struct stream_reader *r, enum stream_part part)
{
    bool big_endian = r->big_endian[r->layer] || stream_id_always_big_endian(r->info->id);

    for (unsigned int i = 0; i < stream_nr_fields; i++) {
        const struct stream_field *field = &stream_fields[i];
        uint64_t value;

        if (field->id != r->info->id || field->part != part || field->kind != STREAM_FIELD_RSVD)
            continue;
        value = stream_field_value(field, r->part, big_endian);
        if (value)
            return stream_fail(r, STREAM_FAULT_RESERVED_NOT_ZERO, part_offset(r) + field->offset,
                               "zero in the reserved field %s|0x%" PRIx64, field->name, value);
    }
    return 0;
}

static int check_save_header(struct stream_reader *r)
{
    uint64_t at = part_offset(r);
    uint32_t mark = stream_get_le32(r->part + 32);
    uint32_t flags, optional, len;

    if (memcmp(r->part, STREAM_XL_MAGIC, STREAM_XL_MAGIC_LEN))
        return stream_fail(r, STREAM_FAULT_BAD_MAGIC, at,
                           "\"Xen saved domain, xl format\"|something else");
    if (mark != STREAM_XL_BYTEORDER && mark != UINT32_C(0x04030201))
        return stream_fail(r, STREAM_FAULT_BAD_BYTE_ORDER, at + 32,
                           "the bytes 04 03 02 01 or 01 02 03 04|%02x %02x %02x %02x",
                           r->part[32], r->part[33], r->part[34], r->part[35]);
    r->big_endian[STREAM_LAYER_XL] = mark != STREAM_XL_BYTEORDER;

    flags = stream_part_u32(r, 36);
    optional = stream_part_u32(r, 40);
    len = stream_part_u32(r, 44);
    if (flags & ~STREAM_XL_FLAGS_KNOWN)
        return stream_fail(r, STREAM_FAULT_BAD_FLAGS, at + 36,
                           "no mandatory flags but 0x%x|0x%x", STREAM_XL_FLAGS_KNOWN, flags);
    if (!(flags & STREAM_XL_FLAG_STREAMV2))
        return stream_fail(r, STREAM_FAULT_LEGACY_STREAM, at + 36,
                           "the flag 0x%x of a version 2 stream|0x%x",
                           STREAM_XL_FLAG_STREAMV2, flags);
    if (optional & ~STREAM_XL_OPT_KNOWN)
        return stream_fail(r, STREAM_FAULT_BAD_FLAGS, at + 40, "no optional flags but 0x%x|0x%x", STREAM_XL_OPT_KNOWN,
                           optional);
    if (len > STREAM_XL_DATA_MAX)
        return stream_fail(r, STREAM_FAULT_RECORD_TOO_LONG, at + 44,
                           "at most %u bytes of optional data|%u", STREAM_XL_DATA_MAX, len);
    r->rules.json = flags & STREAM_XL_FLAG_JSON;
    return 0;
}

static int check_libxl_header(struct stream_reader *r)
{
    uint64_t at = part_offset(r);
    uint64_t ident = stream_get_be64(r->part);
    uint32_t version = stream_get_be32(r->part + 8);
    uint32_t options = stream_get_be32(r->part + 12);

    if (ident != STREAM_LIBXL_IDENT)
        return stream_fail(r, STREAM_FAULT_BAD_MAGIC, at, "0x%016" PRIx64 "|0x%016" PRIx64,
                           STREAM_LIBXL_IDENT, ident);
    if (version != STREAM_LIBXL_VERSION)
        return stream_fail(r, STREAM_FAULT_BAD_VERSION, at + 8, "libxl stream version %u|%u",
                           STREAM_LIBXL_VERSION, version);
    if (options & STREAM_LIBXL_OPT_RESERVED)
        return stream_fail(r, STREAM_FAULT_BAD_FLAGS, at + 12, "no options but 0x3|0x%x",
                           options);
    r->big_endian[STREAM_LAYER_LIBXL] = options & STREAM_LIBXL_OPT_BIG_ENDIAN;
    r->rules.legacy = options & STREAM_LIBXL_OPT_LEGACY;
    return 0;
}

static int check_image_header(struct stream_reader *r)
{
    uint64_t at = part_offset(r);
    uint64_t marker = stream_get_be64(r->part);
    uint32_t id = stream_get_be32(r->part + 8);
    uint32_t version = stream_get_be32(r->part + 12);
    uint16_t options = stream_get_be16(r->part + 16);

    if (marker != STREAM_IMAGE_MARKER)
        return stream_fail(r, STREAM_FAULT_BAD_MAGIC, at, "eight bytes 0xff|0x%016" PRIx64,
                           marker);
    if (id != STREAM_IMAGE_ID)
        return stream_fail(r, STREAM_FAULT_BAD_MAGIC, at + 8, "0x%08x|0x%08x", STREAM_IMAGE_ID,
                           id);
    if (version < STREAM_IMAGE_VERSION_MIN || version > STREAM_IMAGE_VERSION)
        return stream_fail(r, STREAM_FAULT_BAD_VERSION, at + 12, "image version %u to %u|%u",
                           STREAM_IMAGE_VERSION_MIN, STREAM_IMAGE_VERSION, version);
    if (options & STREAM_IMAGE_OPT_RESERVED)
        return stream_fail(r, STREAM_FAULT_BAD_FLAGS, at + 16, "no options but 0x1|0x%x",
                           options);
    r->rules.version = version;
    r->big_endian[STREAM_LAYER_LIBXC] = options & STREAM_IMAGE_OPT_BIG_ENDIAN;
    return 0;
}

static int check_domain_header(struct stream_reader *r)
{
    uint64_t at = part_offset(r);
    uint32_t guest = stream_part_u32(r, 0);
    uint16_t shift = stream_get_u16(r->part + 4, r->big_endian[STREAM_LAYER_LIBXC]);

    if (guest != STREAM_GUEST_X86_PV && guest != STREAM_GUEST_X86_HVM)
        return stream_fail(r, STREAM_FAULT_BAD_GUEST_TYPE, at, "1 (x86 PV) or 2 (x86 HVM)|%u",
                           guest);
    if (shift != STREAM_PAGE_SHIFT)
        return stream_fail(r, STREAM_FAULT_BAD_PAGE_SHIFT, at + 4, "a page shift of %u|%u",
                           STREAM_PAGE_SHIFT, shift);
    r->rules.guest = guest;
    return stream_rules_config_guest(r, at);
}

int stream_rules_header(struct stream_reader *r)
{
    int rc;

    switch (r->info->id) {
    case STREAM_ID_XL_SAVE_HEADER:
        rc = check_save_header(r);
        break;
    case STREAM_ID_LIBXL_STREAM_HEADER:
        rc = check_libxl_header(r);
        break;
    case STREAM_ID_LIBXC_IMAGE_HEADER:
        rc = check_image_header(r);
        break;
    case STREAM_ID_V1_IMAGE_HEADER:
    case STREAM_ID_V1_SEAL:
    case STREAM_ID_V1_TRAILER:
        return stream_rules_header_v1(r);
    default:
        rc = check_domain_header(r);
        break;
    }
    return rc ? rc : check_reserved(r, STREAM_PART_HEAD);
}

/* Types whose element count or end is in the body have rules of their own. */
static bool elements_fill_body(const struct stream_record_info *info)
{
    return info->element_len && info->id != STREAM_ID_LIBXC_PAGE_DATA &&
           info->id != STREAM_ID_LIBXC_HVM_CONTEXT && info->id != STREAM_ID_V1_MEMORY;
}

static int check_length(struct stream_reader *r)
{
    const struct stream_record_info *info = r->info;
    uint64_t at = r->record_offset + 4;
    uint32_t max = info ? info->max_len : STREAM_RECORD_LENGTH_MAX;

    if (r->layer == STREAM_LAYER_XL)
        at = r->record_offset - 4; /* the save header's last field */
    if (r->length > STREAM_RECORD_LENGTH_MAX)
        return stream_fail(r, STREAM_FAULT_RECORD_TOO_LONG, at, "at most %u bytes|%u",
                           STREAM_RECORD_LENGTH_MAX, r->length);
    if (!info)
        return 0;
    if (r->length < info->min_len || r->length > max) {
        if (info->min_len == max)
            return stream_fail(r, STREAM_FAULT_BAD_LENGTH, at, "a length of %u|%u", max,
                               r->length);
        return stream_fail(r, STREAM_FAULT_BAD_LENGTH, at, "a length from %u to %u|%u",
                           info->min_len, max, r->length);
    }
    if (elements_fill_body(info) && (r->length - info->head_len) % info->element_len)
        return stream_fail(r, STREAM_FAULT_BAD_LENGTH, at, "%u and a multiple of %u|%u",
                           info->head_len, info->element_len, r->length);
    return 0;
}

static int check_guest(struct stream_reader *r)
{
    enum stream_guests guests = r->info->guests;

    if (!r->rules.guest || guests == STREAM_GUESTS_ANY || (guests == STREAM_GUESTS_PV) == is_pv(r))
        return 0;
    return stream_fail(r, STREAM_FAULT_WRONG_GUEST, r->record_offset, "records of %s guests|%s",
                       is_pv(r) ? "PV" : "HVM", r->info->name);
}

int stream_rules_record(struct stream_reader *r)
{
    const struct stream_record_info *info = r->info;
    bool checkpoint_ended = r->rules.checkpoint_ended;
    int rc;

    if (!info && !(r->type & STREAM_REC_OPTIONAL))
        return stream_fail(r, STREAM_FAULT_UNKNOWN_RECORD, r->record_offset,
                           "a known record, or an optional one|type 0x%08x", r->type);
    if (info && info->phase == STREAM_PHASE_NEVER)
        return stream_fail(r, STREAM_FAULT_FORBIDDEN_RECORD, r->record_offset,
                           "any other record|%s", info->name);
    if (check_length(r))
        return -1;
    if (r->layer == STREAM_LAYER_V1)
        return stream_rules_order_v1(r);
    if (!info || r->layer == STREAM_LAYER_XL)
        return 0;
    if (check_guest(r))
        return -1;
    rc = r->layer == STREAM_LAYER_LIBXL ? stream_rules_order_libxl(r)
                                        : stream_rules_order_libxc(r);
    if (checkpoint_ended)
        r->rules.checkpoint_ended = false;
    return rc;
}

int stream_rules_head(struct stream_reader *r)
{
    if (check_reserved(r, STREAM_PART_HEAD))
        return -1;
    if (r->layer == STREAM_LAYER_V1)
        return stream_rules_head_v1(r);
    return r->layer == STREAM_LAYER_LIBXC ? stream_rules_head_libxc(r)
                                          : stream_rules_head_libxl(r);
}

int stream_rules_element(struct stream_reader *r)
{
    if (r->reserved_in_element && check_reserved(r, STREAM_PART_ELEMENT))
        return -1;
    return r->layer == STREAM_LAYER_V1 ? stream_rules_element_v1(r) : stream_rules_element_libxc(r);
}

int stream_rules_blob(struct stream_reader *r, const uint8_t *data, size_t len)
{
    if (!r->info)
        return 0;
    if (r->layer == STREAM_LAYER_V1)
        return stream_rules_blob_v1(r, data, len);
    return r->layer == STREAM_LAYER_LIBXC ? stream_rules_blob_libxc(r, data, len)
                                          : stream_rules_blob_libxl(r, data, len);
}

int stream_rules_record_end(struct stream_reader *r)
{
    if (!r->info)
        return 0;
    if (r->layer == STREAM_LAYER_V1)
        return stream_rules_end_v1(r);
    return r->layer == STREAM_LAYER_LIBXC ? stream_rules_end_libxc(r)
                                          : stream_rules_end_libxl(r);
}
