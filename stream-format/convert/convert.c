/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "stream-format/convert/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct stream_convert *stream_convert_new(const struct stream_convert_config *config)
{
    struct stream_convert *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->config = *config;
    c->map = page_map_new(SIZE_MAX);
    c->codec = image1_codec_new();
    c->pages = malloc(IMAGE1_RAW_MAX);
    c->payload = malloc(IMAGE1_RAW_MAX);
    c->raw = malloc(IMAGE1_RAW_MAX);
    if (c->map && c->codec && c->pages && c->payload && c->raw)
        return c;
    stream_convert_free(c);
    return NULL;
}

void stream_convert_free(struct stream_convert *c)
{
    if (!c)
        return;
    page_map_free(c->map);
    image1_codec_free(c->codec);
    free(c->pages);
    free(c->payload);
    free(c->raw);
    free(c->body.data);
    free(c->held.data);
    free(c->entries.data);
    free(c->index.data);
    free(c);
}

/* ---- what does not change ------------------------------------------------ */

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
    return convert_write(c, header, sizeof(header));
}

int convert_copy(struct stream_convert *c, const struct stream_event *event)
{
    static const uint8_t zeros[STREAM_RECORD_ALIGN];

    switch (event->kind) {
    case STREAM_EVENT_RECORD:
        return copy_record_header(c, event);
    case STREAM_EVENT_RECORD_END:
        return event->layer == STREAM_LAYER_XL
                   ? 0 : convert_write(c, zeros, stream_record_padded(event->length) - event->length);
    default:
        return convert_write(c, event->data, event->len);
    }
}

/* ---- which way ----------------------------------------------------------- */

static int begin_image(struct stream_convert *c, enum stream_convert_target target)
{
    if (c->config.target != STREAM_CONVERT_OTHER && c->config.target != target)
        return convert_fail(c, "it holds %s image already",
                            target == STREAM_CONVERT_TO_V1 ? "a libxc" : "an xlmig");
    c->target = target;
    return 0;
}

static int take_event(struct stream_convert *c, const struct stream_event *event)
{
    if (event->kind == STREAM_EVENT_HEADER && event->info->id == STREAM_ID_LIBXC_IMAGE_HEADER &&
        begin_image(c, STREAM_CONVERT_TO_V1))
        return -1;
    if (event->kind == STREAM_EVENT_HEADER && event->info->id == STREAM_ID_V1_IMAGE_HEADER &&
        begin_image(c, STREAM_CONVERT_TO_LIBXC))
        return -1;
    if (event->layer == STREAM_LAYER_XL || event->layer == STREAM_LAYER_LIBXL)
        return convert_copy(c, event);
    return c->target == STREAM_CONVERT_TO_V1 ? convert_to_v1_event(c, event) : convert_to_libxc_event(c, event);
}

void stream_convert_event(void *opaque, const struct stream_event *event)
{
    struct stream_convert *c = opaque;

    if (!c->failed && take_event(c, event))
        c->failed = true;
}

int stream_convert_end(struct stream_convert *c)
{
    if (!c->failed && c->target == STREAM_CONVERT_TO_V1)
        convert_to_v1_end(c);
    return c->failed ? -1 : 0;
}

const char *stream_convert_error(const struct stream_convert *c)
{
    return c->failed ? c->error : NULL;
}

enum stream_convert_target stream_convert_target(const struct stream_convert *c)
{
    return c->target;
}
