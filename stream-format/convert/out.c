/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What both ways write with: octets out, octets kept, a failure, and whatever does not change. */
#include "stream-format/convert/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

int convert_fail(struct stream_convert *c, const char *format, ...)
{
    va_list args;

    if (c->failed)
        return -1;
    va_start(args, format);
    vsnprintf(c->error, sizeof(c->error), format, args);
    va_end(args);
    c->failed = true;
    return -1;
}

int convert_write(struct stream_convert *c, const void *data, size_t len)
{
    if (len && c->config.write(c->config.opaque, data, len)) {
        c->failed = true;
        return -1;
    }
    c->offset += len;
    return 0;
}

uint8_t *octets_add(struct octets *octets, size_t len)
{
    size_t want = octets->len + len, room = octets->room ? octets->room : 4096;
    uint8_t *data;

    while (room < want)
        room *= 2;
    if (room > octets->room) {
        data = realloc(octets->data, room);
        if (!data)
            return NULL;
        octets->data = data;
        octets->room = room;
    }
    octets->len = want;
    return octets->data + want - len;
}

/* ---- what does not change ------------------------------------------------ */

/* To an xlmig image, what stays as it is around it is sealed; inside it, nothing is copied. */
static int copy(struct stream_convert *c, const void *data, size_t len)
{
    if (convert_write(c, data, len))
        return -1;
    c->outer_crc = crc32c(c->outer_crc, data, len);
    c->outer_len[c->target != STREAM_CONVERT_OTHER] += len;
    return 0;
}

static int copy_record_header(struct stream_convert *c, const struct stream_event *event)
{
    uint8_t header[sizeof(struct stream_record_header)];

    /* xl's configuration has none: its length is in the header before it. */
    if (event->layer == STREAM_LAYER_XL)
        return 0;
    if (event->big_endian) {
        stream_put_be32(header, event->type);
        stream_put_be32(header + 4, event->length);
    } else {
        stream_encode_record_header(header, event->type, event->length);
    }
    return copy(c, header, sizeof(header));
}

int convert_copy(struct stream_convert *c, const struct stream_event *event)
{
    static const uint8_t zeros[STREAM_RECORD_ALIGN];

    switch (event->kind) {
    case STREAM_EVENT_RECORD:
        return copy_record_header(c, event);
    case STREAM_EVENT_RECORD_END:
        return event->layer == STREAM_LAYER_XL
                   ? 0 : copy(c, zeros, stream_record_padded(event->length) - event->length);
    default:
        return copy(c, event->data, event->len);
    }
}
