/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What a validating reader remembers of an image's pages, in bounded memory:
 * which came in the round at hand, which have plain content, and the hash of
 * each. A map that would grow beyond its bound says so, and knows nothing from
 * then on.
 */
#ifndef STREAM_FORMAT_READER_PAGE_MAP_H
#define STREAM_FORMAT_READER_PAGE_MAP_H

#include "stream-format/image1/image1.h"

struct page_map;

/* max_bytes bounds what the map itself may allocate. NULL: no memory. */
struct page_map *page_map_new(size_t max_bytes);
void page_map_free(struct page_map *map);

/* Does it still know? False once it was full. */
bool page_map_knows(const struct page_map *map);

/* A new round: nothing came in it so far. */
void page_map_next_round(struct page_map *map);

/* count pages from pfn on come in this round. Returns how many of them, from the
 * first on, had not come in it before: count when all is well. */
uint64_t page_map_claim(struct page_map *map, uint64_t pfn, uint64_t count);

/* Did it come in this round? */
bool page_map_came(const struct page_map *map, uint64_t pfn);

enum page_content {
    PAGE_NONE,    /* no content, or never sent */
    PAGE_ZERO,
    PAGE_HASHED,
    PAGE_UNKNOWN, /* content, of which the hash is not known */
};

struct page_state {
    enum page_content content;
    bool plain;            /* of type NOTAB */
    bool is_source;        /* came as DATA or DELTA in this round */
    struct image1_hash hash; /* PAGE_HASHED */
};

/* The page's state now; before page_map_set() in its round, that of the last. */
struct page_state page_map_get(const struct page_map *map, uint64_t pfn);
void page_map_set(struct page_map *map, uint64_t pfn, const struct page_state *state);

/* The same for count pages; not PAGE_HASHED. */
void page_map_set_run(struct page_map *map, uint64_t pfn, uint64_t count, const struct page_state *state);

/* Over all pages; false when some hash is not known, or the map is full. */
bool page_map_digest(const struct page_map *map, const struct image1_hasher *hasher, struct image1_digest *digest);

#endif
