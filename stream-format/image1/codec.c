/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig image v1: compressed payloads, by liblz4 and libzstd.
 *
 * Pages to compress lie in pieces, and both libraries want them in one, so
 * they are gathered first: a copy that costs little beside the compression.
 */
#include "stream-format/image1/image1.h"

#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "stream-format/image1/fail.h"

struct image1_codec {
    ZSTD_CCtx *zstd_c; /* made when first wanted */
    ZSTD_DCtx *zstd_d;
    void *lz4;
    uint8_t *gather;
};

struct image1_codec *image1_codec_new(void)
{
    return calloc(1, sizeof(struct image1_codec));
}

void image1_codec_free(struct image1_codec *codec)
{
    if (!codec)
        return;
    ZSTD_freeCCtx(codec->zstd_c);
    ZSTD_freeDCtx(codec->zstd_d);
    free(codec->lz4);
    free(codec->gather);
    free(codec);
}

uint32_t image1_compress_bound(enum image1_codec_id id, uint32_t raw_len)
{
    switch (id) {
    case IMAGE1_CODEC_LZ4:
        return (uint32_t)LZ4_compressBound((int)raw_len);
    case IMAGE1_CODEC_ZSTD:
        return (uint32_t)ZSTD_compressBound(raw_len);
    default:
        return raw_len;
    }
}

/* ---- compression -------------------------------------------------------- */

/* The pieces as one; NULL: no memory, or too many. */
static const uint8_t *gather(struct image1_codec *codec, const struct image1_piece *pieces, unsigned int nr_pieces,
                             uint32_t *len)
{
    size_t sum = 0;

    for (unsigned int i = 0; i < nr_pieces; i++)
        sum += pieces[i].len;
    if (sum > IMAGE1_RAW_MAX)
        return NULL;
    *len = (uint32_t)sum;
    if (nr_pieces == 1)
        return pieces[0].data;
    if (!codec->gather && !(codec->gather = malloc(IMAGE1_RAW_MAX)))
        return NULL;
    sum = 0;
    for (unsigned int i = 0; i < nr_pieces; i++) {
        memcpy(codec->gather + sum, pieces[i].data, pieces[i].len);
        sum += pieces[i].len;
    }
    return codec->gather;
}

static uint32_t compress_lz4(struct image1_codec *codec, int level, const uint8_t *raw, uint32_t len, uint8_t *out,
                             uint32_t room)
{
    if (!codec->lz4 && !(codec->lz4 = malloc((size_t)LZ4_sizeofState())))
        return 0;
    return (uint32_t)LZ4_compress_fast_extState(codec->lz4, (const char *)raw, (char *)out, (int)len, (int)room,
                                                level ? level : 1);
}

static uint32_t compress_zstd(struct image1_codec *codec, int level, const uint8_t *raw, uint32_t len, uint8_t *out,
                              uint32_t room)
{
    size_t n;

    if (!codec->zstd_c && !(codec->zstd_c = ZSTD_createCCtx()))
        return 0;
    n = ZSTD_compressCCtx(codec->zstd_c, out, room, raw, len, level ? level : 1);
    return ZSTD_isError(n) ? 0 : (uint32_t)n;
}

uint32_t image1_compress(struct image1_codec *codec, enum image1_codec_id id, int level,
                         const struct image1_piece *pieces, unsigned int nr_pieces, uint8_t *out, uint32_t room)
{
    uint32_t len, n = 0;
    const uint8_t *raw = gather(codec, pieces, nr_pieces, &len);

    if (!raw || !len)
        return 0;
    /* What would not be smaller need not be finished. */
    if (room > len - 1)
        room = len - 1;
    if (id == IMAGE1_CODEC_LZ4)
        n = compress_lz4(codec, level, raw, len, out, room);
    else if (id == IMAGE1_CODEC_ZSTD)
        n = compress_zstd(codec, level, raw, len, out, room);
    return n < len ? n : 0;
}

/* ---- decompression ------------------------------------------------------ */

static int decompress_lz4(const struct image1_memory *m, const uint8_t *payload, uint8_t *raw,
                          struct image1_fault *fault)
{
    int n = LZ4_decompress_safe((const char *)payload, (char *)raw, (int)m->payload_len, (int)m->raw_len);

    if (n < 0)
        return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, 0, "an lz4 block of the raw length", m->payload_len);
    if ((uint32_t)n != m->raw_len)
        return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, 0, "an lz4 block of the raw length", (uint32_t)n);
    return 0;
}

/* One frame, as long as the payload, that needs no dictionary. */
static bool is_one_frame(const struct image1_memory *m, const uint8_t *payload)
{
    size_t len = ZSTD_findFrameCompressedSize(payload, m->payload_len);
    unsigned long long content;

    if (ZSTD_isError(len) || len != m->payload_len)
        return false;
    content = ZSTD_getFrameContentSize(payload, m->payload_len);
    return content == m->raw_len || content == ZSTD_CONTENTSIZE_UNKNOWN;
}

static int decompress_zstd(struct image1_codec *codec, const struct image1_memory *m, const uint8_t *payload,
                           uint8_t *raw, struct image1_fault *fault)
{
    size_t n;

    if (!is_one_frame(m, payload))
        return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, 0, "one zstd frame of the raw length", m->payload_len);
    if (!codec->zstd_d && !(codec->zstd_d = ZSTD_createDCtx()))
        return image1_fail(fault, STREAM_FAULT_NO_MEMORY, 0, "memory to decompress", 0);
    n = ZSTD_decompressDCtx(codec->zstd_d, raw, m->raw_len, payload, m->payload_len);
    if (ZSTD_isError(n))
        return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, 0, "one zstd frame of the raw length", m->payload_len);
    if (n != m->raw_len)
        return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, 0, "one zstd frame of the raw length", n);
    return 0;
}

int image1_decompress(struct image1_codec *codec, const struct image1_memory *memory, const uint8_t *payload,
                      uint8_t *raw, struct image1_fault *fault)
{
    switch (memory->codec) {
    case IMAGE1_CODEC_LZ4:
        return decompress_lz4(memory, payload, raw, fault);
    case IMAGE1_CODEC_ZSTD:
        return decompress_zstd(codec, memory, payload, raw, fault);
    default:
        return image1_fail(fault, STREAM_FAULT_BAD_CODEC, 0, "1 (lz4) or 2 (zstd)", memory->codec);
    }
}
