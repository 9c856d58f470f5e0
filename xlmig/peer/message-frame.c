/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Frames: the header, and the JSON object that a payload is. */
#include "xlmig/peer/message-private.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x6c744358u /* "XCtl" */

void message_header_encode(unsigned char out[MESSAGE_HEADER_BYTES], enum message_type type, uint32_t len)
{
    const uint32_t words[] = { htole32(MAGIC), htole32((uint32_t)type), htole32(len) };

    _Static_assert(sizeof words == MESSAGE_HEADER_BYTES, "three words");
    memcpy(out, words, sizeof words);
}

int message_header_decode(const unsigned char in[MESSAGE_HEADER_BYTES], struct message_header *header)
{
    uint32_t words[3], type;

    memcpy(words, in, sizeof words);
    type = le32toh(words[1]);
    if (le32toh(words[0]) != MAGIC || type < MESSAGE_HELLO || type > MESSAGE_LAST_TYPE ||
        le32toh(words[2]) > MESSAGE_PAYLOAD_MAX)
        return -1;
    header->type = (enum message_type)type;
    header->len = le32toh(words[2]);
    return 0;
}

unsigned char *message_make_frame(enum message_type type, struct json_object *object, size_t *len)
{
    unsigned char *frame = NULL;
    const char *text;
    size_t text_len;

    text = object ? json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &text_len) : NULL;
    if (text && text_len <= MESSAGE_PAYLOAD_MAX)
        frame = malloc(MESSAGE_HEADER_BYTES + text_len);
    if (frame) {
        message_header_encode(frame, type, (uint32_t)text_len);
        memcpy(frame + MESSAGE_HEADER_BYTES, text, text_len);
        *len = MESSAGE_HEADER_BYTES + text_len;
    }
    json_object_put(object);
    return frame;
}

struct json_object *message_parse(const void *payload, size_t len)
{
    return len <= MESSAGE_PAYLOAD_MAX ? fields_parse(payload, len) : NULL;
}
