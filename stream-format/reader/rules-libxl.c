/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Rules of the two outer layers: the order of libxl's records, xl's
 * configuration, the emulator records.
 */
#include "stream-format/reader/rules.h"

#include <string.h>

static int out_of_order(struct stream_reader *r, const char *expected)
{
    return stream_fail(r, STREAM_FAULT_OUT_OF_ORDER, r->record_offset, "%s|%s", expected,
                       r->info->name);
}

int stream_rules_order_libxl(struct stream_reader *r)
{
    const struct rules *rules = &r->rules;

    switch (r->info->id) {
    case STREAM_ID_LIBXL_LIBXC_CONTEXT:
        if (rules->image_seen)
            return stream_fail(r, STREAM_FAULT_DUPLICATE_RECORD, r->record_offset,
                               "one LIBXC_CONTEXT|another one");
        return 0;
    case STREAM_ID_LIBXL_EMULATOR_XENSTORE_DATA:
    case STREAM_ID_LIBXL_EMULATOR_CONTEXT:
        /* Only the image tells whether the guest can have an emulator. */
        return rules->image_seen ? stream_rules_config_emulator(r) : out_of_order(r, "LIBXC_CONTEXT first");
    case STREAM_ID_LIBXL_CHECKPOINT_END:
        return rules->in_checkpoint ? stream_rules_config_complete(r)
                                    : out_of_order(r, "CHECKPOINT in the image first");
    case STREAM_ID_LIBXL_CHECKPOINT_STATE:
        return rules->checkpoint_ended ? 0 : out_of_order(r, "CHECKPOINT_END right before it");
    default:
        if (!rules->image_seen)
            return stream_fail(r, STREAM_FAULT_MISSING_RECORD, r->record_offset,
                               "LIBXC_CONTEXT before END|END");
        return rules->in_checkpoint ? out_of_order(r, "CHECKPOINT_END first") : stream_rules_config_complete(r);
    }
}

static int check_config_head(struct stream_reader *r)
{
    uint32_t len = stream_part_u32(r, 0);

    if (len > r->length - 4)
        return stream_fail(r, STREAM_FAULT_BAD_LENGTH, part_offset(r),
                           "a configuration of at most %u bytes|%u", r->length - 4, len);
    r->rules.config_left = len;
    r->rules.config_ended = false;
    stream_rules_begin_config(r);
    return 0;
}

static int check_emulator_head(struct stream_reader *r)
{
    uint32_t id = stream_part_u32(r, 0);

    if (id > STREAM_EMULATOR_QEMU_UPSTREAM)
        return stream_fail(r, STREAM_FAULT_BAD_VALUE, part_offset(r), "an emulator id up to %u|%u",
                           STREAM_EMULATOR_QEMU_UPSTREAM, id);
    if (id == STREAM_EMULATOR_UNKNOWN && !r->rules.legacy)
        return stream_fail(r, STREAM_FAULT_BAD_VALUE, part_offset(r),
                           "an emulator id that is not 0, for the stream was not converted|0");
    r->rules.string_open = false;
    r->rules.value_next = false;
    return 0;
}

int stream_rules_head_libxl(struct stream_reader *r)
{
    uint32_t control;

    switch (r->info->id) {
    case STREAM_ID_XL_CONFIG:
        return check_config_head(r);
    case STREAM_ID_LIBXL_CHECKPOINT_STATE:
        control = stream_part_u32(r, 0);
        if (control != STREAM_CHECKPOINT_NEW)
            return stream_fail(r, STREAM_FAULT_BAD_VALUE, part_offset(r),
                               "control id 0, as the others go backwards|%u", control);
        return 0;
    default:
        return check_emulator_head(r);
    }
}

/* A JSON configuration is one C string: a NUL at its end and no other. */
static int check_config(struct stream_reader *r, const uint8_t *data, size_t len)
{
    struct rules *rules = &r->rules;
    size_t n = len < rules->config_left ? len : rules->config_left;
    const uint8_t *nul = n ? memchr(data, '\0', n) : NULL;

    rules->config_left -= (uint32_t)n;
    if (!rules->json)
        return 0;
    if (stream_rules_config_text(r, data, nul ? (size_t)(nul - data) : n))
        return -1;
    if (nul && (nul != data + n - 1 || rules->config_left))
        return stream_fail(r, STREAM_FAULT_BAD_TEXT, r->offset + (uint64_t)(nul - data),
                           "no NUL before the configuration's end|NUL");
    if (!nul)
        return 0;
    rules->config_ended = true;
    return stream_rules_end_config(r, r->offset + (uint64_t)(nul - data));
}

static bool is_key_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-/_@", c));
}

/* Keys and values in turn, each ended by NUL. */
static int check_xenstore_data(struct stream_reader *r, const uint8_t *data, size_t len)
{
    struct rules *rules = &r->rules;

    for (size_t i = 0; i < len; i++) {
        uint64_t at = r->offset + i;

        if (data[i] == '\0') {
            if (!rules->value_next && !rules->string_open)
                return stream_fail(r, STREAM_FAULT_BAD_TEXT, at, "a key|an empty one");
            rules->value_next = !rules->value_next;
            rules->string_open = false;
            continue;
        }
        if (!rules->value_next && !is_key_char(data[i]))
            return stream_fail(r, STREAM_FAULT_BAD_TEXT, at,
                               "letters, digits and -/_@ in a key|0x%02x", data[i]);
        if (!rules->value_next && !rules->string_open && data[i] == '/')
            return stream_fail(r, STREAM_FAULT_BAD_TEXT, at, "a relative key|/ at its start");
        rules->string_open = true;
    }
    return 0;
}

int stream_rules_blob_libxl(struct stream_reader *r, const uint8_t *data, size_t len)
{
    switch (r->info->id) {
    case STREAM_ID_XL_CONFIG:
        return check_config(r, data, len);
    case STREAM_ID_LIBXL_EMULATOR_XENSTORE_DATA:
        return check_xenstore_data(r, data, len);
    default:
        return 0;
    }
}

int stream_rules_end_libxl(struct stream_reader *r)
{
    struct rules *rules = &r->rules;

    switch (r->info->id) {
    case STREAM_ID_XL_CONFIG:
        if (rules->json && !rules->config_ended)
            return stream_fail(r, STREAM_FAULT_BAD_TEXT, body_end(r),
                               "NUL at the configuration's end|none");
        return 0;
    case STREAM_ID_LIBXL_EMULATOR_XENSTORE_DATA:
        if (rules->string_open)
            return stream_fail(r, STREAM_FAULT_BAD_TEXT, body_end(r), "NUL at the end|none");
        if (rules->value_next)
            return stream_fail(r, STREAM_FAULT_BAD_TEXT, body_end(r),
                               "a value for the last key|the end of the record");
        return 0;
    case STREAM_ID_LIBXL_LIBXC_CONTEXT:
        rules->image_seen = true;
        return 0;
    case STREAM_ID_LIBXL_EMULATOR_CONTEXT:
        rules->emulator_seen = true;
        return 0;
    case STREAM_ID_LIBXL_CHECKPOINT_END:
        rules->in_checkpoint = false;
        rules->checkpoint_ended = true;
        return 0;
    default:
        return 0;
    }
}
