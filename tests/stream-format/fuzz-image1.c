/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The fuzz target of xlmig images. Checksums and record numbers would stop
 * nearly every change at once, so they are made right again, and what is left
 * reaches the rules, the codecs and the deltas. The last byte chooses: bit 0,
 * whether they are; bit 1, whether the input is one delta instead.
 *
 * There must be no crash, the pieces must not matter, a delta that is taken must
 * be undone by itself, and an image that is valid must be so when converted, and
 * converted back.
 */
#include <stdlib.h>
#include <string.h>

#include "stream-format/convert/convert.h"
#include "stream-format/image1/image1.h"
#include "tests/stream-format/mend-image1.h"
#include "tests/stream-format/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- conversion ---------------------------------------------------------- */

/* Zero pages are cheap in an xlmig image, and dear elsewhere. */
#define OUTPUT_MAX (8u << 20)

static int put_output(void *opaque, const void *data, size_t len)
{
    struct bytes *out = opaque;

    if (out->len + len > OUTPUT_MAX)
        return -1;
    put_raw(out, data, len);
    return 0;
}

static int get_output(void *opaque, uint64_t offset, void *data, size_t len)
{
    struct bytes *out = opaque;

    if (offset > out->len || len > out->len - offset)
        abort();
    memcpy(data, out->data + offset, len);
    return 0;
}

/* The other format; empty when there is none. The input is valid. */
static struct bytes convert(const uint8_t *data, size_t size)
{
    struct bytes out = { 0 };
    struct stream_convert_config how = {
        .codec = IMAGE1_CODEC_LZ4, .write = put_output, .read_back = get_output, .opaque = &out,
    };
    struct stream_convert *converter = stream_convert_new(&how);
    struct stream_reader_config config = { .event = stream_convert_event, .opaque = converter };
    struct stream_reader *reader = stream_reader_new(&config);

    if (!converter || !reader || stream_reader_push(reader, data, size))
        abort();
    if (stream_convert_end(converter))
        bytes_free(&out);
    else if (run(out.data, out.len, 0).fault.code)
        abort();
    stream_reader_free(reader);
    stream_convert_free(converter);
    return out;
}

static void try_conversion(const uint8_t *data, size_t size)
{
    struct bytes there = convert(data, size), back;

    if (!there.len)
        return;
    back = convert(there.data, there.len);
    if (!back.len)
        abort();
    bytes_free(&there);
    bytes_free(&back);
}

static void try_image(const uint8_t *data, size_t size)
{
    struct outcome whole = run(data, size, 0);
    struct outcome cut = run(data, size, 1 + size % 97);

    if (memcmp(&whole.fault, &cut.fault, sizeof(whole.fault)))
        abort();
    if (!whole.fault.code && whole.digest != cut.digest)
        abort();
    if (!whole.fault.code && size)
        try_conversion(data, size);
}

static void try_delta(const uint8_t *delta, size_t size)
{
    uint32_t len = size < STREAM_PAGE_SIZE ? (uint32_t)size : STREAM_PAGE_SIZE;
    uint8_t old[STREAM_PAGE_SIZE], page[STREAM_PAGE_SIZE], again[IMAGE1_DELTA_MAX];
    struct image1_fault fault;
    int n;

    for (unsigned int i = 0; i < STREAM_PAGE_SIZE; i++)
        old[i] = (uint8_t)(i * 7 + i / 256);
    memcpy(page, old, sizeof(page));
    if (image1_delta_apply(page, delta, len, &fault)) {
        if (memcmp(page, old, sizeof(page)))
            abort();
        return;
    }
    n = image1_delta_encode(old, page, again, sizeof(again));
    /* What one delta brought about, ours brings about in no more octets. */
    if (n < 0 || (uint32_t)n > len || image1_delta_apply(page, again, (uint32_t)n, &fault) ||
        memcmp(page, old, sizeof(page)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t how = size ? data[size - 1] : 0;
    uint8_t *copy;

    if (how & 2) {
        try_delta(data, size - 1);
        return 0;
    }
    copy = malloc(size + 1);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    if (how & 1)
        mend_image1(copy, size);
    try_image(copy, size);
    free(copy);
    return 0;
}
