/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fuzz target of xlmig images. Checksums and record numbers would stop
 * nearly every change at once, so they are made right again, and what is left
 * reaches the rules, the codecs and the deltas. The last byte chooses: bit 0,
 * whether they are; bit 1, whether the input is one delta instead.
 *
 * There must be no crash, the pieces must not matter, and a delta that is taken
 * must be undone by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "stream-format/image1.h"
#include "tests/stream-format/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *header, size_t len)
{
    stream_put_le32(header + len - 4, crc32c(0, header, len - 4));
}

/* Where the record at `at` ends, or 0 if it is not there as a whole. */
static size_t record_end(const uint8_t *data, size_t size, size_t at)
{
    uint32_t len;

    if (size - at < IMAGE1_RECORD_HEADER_LEN)
        return 0;
    len = stream_get_le32(data + at + 4);
    if (len > size - at - IMAGE1_RECORD_HEADER_LEN ||
        image1_padding(len) > size - at - IMAGE1_RECORD_HEADER_LEN - len)
        return 0;
    return at + IMAGE1_RECORD_HEADER_LEN + len + image1_padding(len);
}

static void mend(uint8_t *data, size_t size)
{
    size_t at = IMAGE1_HEADER_LEN, end;
    uint32_t type = 0;

    if (size < IMAGE1_HEADER_LEN || memcmp(data, IMAGE1_MAGIC, IMAGE1_MAGIC_LEN))
        return;
    seal(data, IMAGE1_HEADER_LEN);
    for (uint32_t seq = 0; type != IMAGE1_REC_END && (end = record_end(data, size, at)); seq++, at = end) {
        uint32_t len = stream_get_le32(data + at + 4);

        type = stream_get_le32(data + at);
        stream_put_le32(data + at + 8, seq);
        memset(data + at + IMAGE1_RECORD_HEADER_LEN + len, 0, image1_padding(len));
        image1_seal(data + at, image1_crc_begin(data + at, IMAGE1_RECORD_HEADER_LEN + (size_t)len));
    }
    if (type == IMAGE1_REC_END && size - at == IMAGE1_TRAILER_LEN)
        seal(data + at, IMAGE1_TRAILER_LEN);
}

static void try_image(const uint8_t *data, size_t size)
{
    struct outcome whole = run(data, size, 0);
    struct outcome cut = run(data, size, 1 + size % 97);

    if (memcmp(&whole.fault, &cut.fault, sizeof(whole.fault)))
        abort();
    if (!whole.fault.code && whole.digest != cut.digest)
        abort();
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
        mend(copy, size);
    try_image(copy, size);
    free(copy);
    return 0;
}
