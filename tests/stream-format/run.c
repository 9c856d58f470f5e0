/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "tests/stream-format/run.h"

#include <stdlib.h>

static uint64_t mix(uint64_t digest, uint64_t value)
{
    return (digest ^ value) * UINT64_C(0x100000001b3);
}

static void note(void *opaque, const struct stream_event *event)
{
    struct outcome *out = opaque;

    /* Passing bytes may be cut anywhere: only they count, not the cuts. */
    if (event->kind != STREAM_EVENT_BLOB) {
        out->events[event->kind]++;
        out->digest = mix(out->digest, event->kind);
        out->digest = mix(out->digest, event->offset);
        out->digest = mix(out->digest, event->record_index);
        out->digest = mix(out->digest, event->length);
        out->digest = mix(out->digest, event->index);
    }
    for (size_t i = 0; i < event->len; i++)
        out->digest = mix(out->digest, event->data[i]);
}

struct outcome run(const uint8_t *data, size_t len, size_t piece)
{
    struct outcome out = { .digest = 1 };
    struct stream_reader_config config = { .event = note, .opaque = &out };
    struct stream_reader *reader = stream_reader_new(&config);
    const struct stream_fault *fault;

    if (!reader)
        abort();
    for (size_t at = 0; at < len;) {
        size_t n = piece && piece < len - at ? piece : len - at;

        if (stream_reader_push(reader, data + at, n))
            break;
        at += n;
    }
    stream_reader_end(reader);
    fault = stream_reader_fault(reader);
    if (fault)
        out.fault = *fault;
    stream_reader_free(reader);
    return out;
}
