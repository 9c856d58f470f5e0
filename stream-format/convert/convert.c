/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A conversion begun and ended, and which way it goes. */
#include "stream-format/convert/internal.h"

#include <stdlib.h>

struct stream_convert *stream_convert_new(const struct stream_convert_config *config)
{
    struct stream_convert *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->config = *config;
    c->map = page_map_new(SIZE_MAX);
    c->hasher = image1_hasher_new(NULL);
    c->codec = image1_codec_new();
    c->pages = malloc(IMAGE1_RAW_MAX);
    c->payload = malloc(IMAGE1_RAW_MAX);
    c->raw = malloc(IMAGE1_RAW_MAX);
    if (c->map && c->hasher && c->codec && c->pages && c->payload && c->raw)
        return c;
    stream_convert_free(c);
    return NULL;
}

void stream_convert_free(struct stream_convert *c)
{
    if (!c)
        return;
    page_map_free(c->map);
    image1_hasher_free(c->hasher);
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
