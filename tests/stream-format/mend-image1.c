/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "tests/stream-format/mend-image1.h"

#include <string.h>

#include "stream-format/image1/image1.h"

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

void mend_image1(uint8_t *data, size_t size)
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
    if (type == IMAGE1_REC_END && size - at == IMAGE1_SEAL_LEN + IMAGE1_TRAILER_LEN) {
        seal(data + at, IMAGE1_SEAL_LEN);
        at += IMAGE1_SEAL_LEN;
    }
    if (type == IMAGE1_REC_END && size - at == IMAGE1_TRAILER_LEN)
        seal(data + at, IMAGE1_TRAILER_LEN);
}
