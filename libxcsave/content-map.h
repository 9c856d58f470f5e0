/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What each pfn of an xlmig image has: its last content, by hash.
 *
 * The writer keeps it to know what did not change and to take what is replaced
 * out of the digest; the reader keeps it for the digest and for the rules
 * that say which page may refer to which.  24 octets a page that came.
 *
 * Any thread may use any entry, provided that no two use one at a time: a pfn
 * comes once a round, and rounds are apart.  What may be hostile in that
 * goes through the tag, which is atomic.
 */
#ifndef LIBXCSAVE_CONTENT_MAP_H
#define LIBXCSAVE_CONTENT_MAP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "stream-format/image1/image1.h"

enum content_kind {
    CONTENT_NONE,               /* never came, or has none now */
    CONTENT_ZERO,
    CONTENT_HASHED,
};

/* The tag: round 63-32, channel 23-16, is_source 8, page type 7-4, enum content_kind 1-0. */
#define CONTENT_TAG(kind, type) ((uint64_t)(kind) | (uint64_t)(type) << 4)
#define CONTENT_TAG_SOURCE (UINT64_C(1) << 8)
#define CONTENT_TAG_CAME(round, channel) ((uint64_t)(round) << 32 | (uint64_t)(channel) << 16)

static inline enum content_kind content_kind(uint64_t tag)
{
    return (enum content_kind)(tag & 3);
}

static inline unsigned content_type(uint64_t tag)
{
    return (unsigned)(tag >> 4 & 15);
}

static inline uint32_t content_round(uint64_t tag)
{
    return (uint32_t)(tag >> 32);
}

struct content {
    _Atomic uint64_t tag;
    struct image1_hash hash;    /* CONTENT_HASHED */
};

struct content_map;

#define CONTENT_MAP_MAX_PFN ((UINT64_C(1) << 36) - 1)

/* NULL: no memory. */
struct content_map *content_map_new(void);
/* NULL is fine. */
void content_map_free(struct content_map *map);
/* The entry, made if there is none; NULL: no memory, or a pfn above the largest. */
struct content *content_map_get(struct content_map *map, uint64_t pfn);
/* The entry, if there is one. */
struct content *content_map_find(const struct content_map *map, uint64_t pfn);

/* The content of a page is replaced: `digest` is told.  old_tag is what the tag was, entry->hash is still of it. */
void content_replace(struct content *entry, uint64_t pfn, uint64_t old_tag, enum content_kind kind, unsigned type,
                     struct image1_hash hash, const struct image1_hasher *hasher, struct image1_digest *digest);

#endif
