/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Fixed-width integers in byte streams, with the byte order named.
 *
 * Every function takes a pointer of any alignment and touches exactly the
 * bytes of its type. The readers that take a flag serve streams that say in
 * their header which order they use.
 */
#ifndef STREAM_FORMAT_BYTES_H
#define STREAM_FORMAT_BYTES_H

#include <stdbool.h>
#include <stdint.h>

static inline void stream_put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void stream_put_be32(uint8_t *p, uint32_t v)
{
    stream_put_be16(p, (uint16_t)(v >> 16));
    stream_put_be16(p + 2, (uint16_t)v);
}

static inline void stream_put_be64(uint8_t *p, uint64_t v)
{
    stream_put_be32(p, (uint32_t)(v >> 32));
    stream_put_be32(p + 4, (uint32_t)v);
}

static inline void stream_put_le16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void stream_put_le32(uint8_t *p, uint32_t v)
{
    stream_put_le16(p, (uint16_t)v);
    stream_put_le16(p + 2, (uint16_t)(v >> 16));
}

static inline void stream_put_le64(uint8_t *p, uint64_t v)
{
    stream_put_le32(p, (uint32_t)v);
    stream_put_le32(p + 4, (uint32_t)(v >> 32));
}

static inline uint16_t stream_get_be16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint32_t stream_get_be32(const uint8_t *p)
{
    return ((uint32_t)stream_get_be16(p) << 16) | stream_get_be16(p + 2);
}

static inline uint64_t stream_get_be64(const uint8_t *p)
{
    return ((uint64_t)stream_get_be32(p) << 32) | stream_get_be32(p + 4);
}

static inline uint16_t stream_get_le16(const uint8_t *p)
{
    return (uint16_t)((p[1] << 8) | p[0]);
}

static inline uint32_t stream_get_le32(const uint8_t *p)
{
    return ((uint32_t)stream_get_le16(p + 2) << 16) | stream_get_le16(p);
}

static inline uint64_t stream_get_le64(const uint8_t *p)
{
    return ((uint64_t)stream_get_le32(p + 4) << 32) | stream_get_le32(p);
}

static inline uint16_t stream_get_u16(const uint8_t *p, bool big_endian)
{
    return big_endian ? stream_get_be16(p) : stream_get_le16(p);
}

static inline uint32_t stream_get_u32(const uint8_t *p, bool big_endian)
{
    return big_endian ? stream_get_be32(p) : stream_get_le32(p);
}

static inline uint64_t stream_get_u64(const uint8_t *p, bool big_endian)
{
    return big_endian ? stream_get_be64(p) : stream_get_le64(p);
}

#endif
