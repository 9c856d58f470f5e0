/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Chunks of 512 pages in a hash table that grows. A chunk has a bit of each
 * kind for each page; room for hashes only once it needs one.
 */
#include "stream-format/reader/page-map.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_PAGES 512u
#define WORDS (CHUNK_PAGES / 64)

enum bit { SEEN, SOURCE, ZERO, HASHED, UNKNOWN, PLAIN, NR_BITS };

struct chunk {
    uint64_t number; /* pfn / CHUNK_PAGES */
    uint64_t round;  /* that SEEN and SOURCE are of */
    uint64_t bits[NR_BITS][WORDS];
    struct image1_hash *hashes;
};

struct page_map {
    struct chunk **slots;
    size_t nr_slots; /* a power of two */
    size_t nr_chunks;
    struct chunk *last;
    uint64_t round;
    size_t bytes, max_bytes;
    bool full;
};

struct page_map *page_map_new(size_t max_bytes)
{
    struct page_map *map = calloc(1, sizeof(*map));

    if (!map)
        return NULL;
    map->max_bytes = max_bytes;
    map->nr_slots = 64;
    map->slots = calloc(map->nr_slots, sizeof(struct chunk *));
    if (map->slots)
        return map;
    free(map);
    return NULL;
}

static void free_chunks(struct page_map *map)
{
    for (size_t i = 0; i < map->nr_slots; i++) {
        if (map->slots[i])
            free(map->slots[i]->hashes);
        free(map->slots[i]);
    }
    free(map->slots);
    map->slots = NULL;
    map->last = NULL;
    map->nr_slots = map->nr_chunks = 0;
}

void page_map_free(struct page_map *map)
{
    if (map)
        free_chunks(map);
    free(map);
}

bool page_map_knows(const struct page_map *map)
{
    return !map->full;
}

void page_map_next_round(struct page_map *map)
{
    map->round++;
}

/* It would be too much: forget everything. */
static void *give_up(struct page_map *map)
{
    map->full = true;
    free_chunks(map);
    return NULL;
}

static void *allocate(struct page_map *map, size_t nr, size_t len)
{
    void *p = nr * len <= map->max_bytes - map->bytes ? calloc(nr, len) : NULL;

    if (!p)
        return give_up(map);
    map->bytes += nr * len;
    return p;
}

static size_t find_slot(struct chunk *const *slots, size_t nr_slots, uint64_t number)
{
    size_t i = (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (nr_slots - 1);

    while (slots[i] && slots[i]->number != number)
        i = (i + 1) & (nr_slots - 1);
    return i;
}

static int grow(struct page_map *map)
{
    size_t nr_slots = 4 * map->nr_slots;
    struct chunk **slots = allocate(map, nr_slots, sizeof(struct chunk *));

    if (!slots)
        return -1;
    for (size_t i = 0; i < map->nr_slots; i++) {
        if (map->slots[i])
            slots[find_slot(slots, nr_slots, map->slots[i]->number)] = map->slots[i];
    }
    map->bytes -= map->nr_slots * sizeof(struct chunk *);
    free(map->slots);
    map->slots = slots;
    map->nr_slots = nr_slots;
    return 0;
}

static struct chunk *find_chunk(const struct page_map *map, uint64_t pfn)
{
    uint64_t number = pfn / CHUNK_PAGES;

    if (map->full)
        return NULL;
    if (map->last && map->last->number == number)
        return map->last;
    return map->slots[find_slot(map->slots, map->nr_slots, number)];
}

static struct chunk *get_chunk(struct page_map *map, uint64_t pfn)
{
    struct chunk *chunk = find_chunk(map, pfn);

    if (!chunk && !map->full) {
        if (2 * map->nr_chunks >= map->nr_slots && grow(map))
            return NULL;
        chunk = allocate(map, 1, sizeof(*chunk));
        if (!chunk)
            return NULL;
        chunk->number = pfn / CHUNK_PAGES;
        chunk->round = map->round;
        map->slots[find_slot(map->slots, map->nr_slots, chunk->number)] = chunk;
        map->nr_chunks++;
    }
    if (!chunk)
        return NULL;
    if (chunk->round != map->round) {
        memset(chunk->bits[SEEN], 0, sizeof(chunk->bits[SEEN]));
        memset(chunk->bits[SOURCE], 0, sizeof(chunk->bits[SOURCE]));
        chunk->round = map->round;
    }
    return map->last = chunk;
}

static bool get_bit(const struct chunk *chunk, enum bit bit, unsigned int i)
{
    return chunk->bits[bit][i / 64] >> (i % 64) & 1;
}

static void set_bit(struct chunk *chunk, enum bit bit, unsigned int i, bool value)
{
    uint64_t mask = UINT64_C(1) << (i % 64);

    chunk->bits[bit][i / 64] = (chunk->bits[bit][i / 64] & ~mask) | (value ? mask : 0);
}

/* A part of a run that lies in one word of a chunk. */
struct span {
    struct chunk *chunk;
    unsigned int word;
    uint64_t mask;
    unsigned int nr;
};

/* The first part of count pages from pfn on; false: the map is full. */
static bool get_span(struct page_map *map, uint64_t pfn, uint64_t count, struct span *span)
{
    unsigned int bit = (unsigned int)(pfn % 64);

    span->chunk = get_chunk(map, pfn);
    span->word = (unsigned int)(pfn % CHUNK_PAGES / 64);
    span->nr = count < 64 - bit ? (unsigned int)count : 64 - bit;
    span->mask = UINT64_MAX >> (64 - span->nr) << bit;
    return span->chunk;
}

uint64_t page_map_claim(struct page_map *map, uint64_t pfn, uint64_t count)
{
    struct span span;

    for (uint64_t done = 0; done < count; done += span.nr) {
        uint64_t *seen, again;

        if (!get_span(map, pfn + done, count - done, &span))
            return count;
        seen = &span.chunk->bits[SEEN][span.word];
        again = *seen & span.mask;
        if (again)
            return done + (unsigned int)__builtin_ctzll(again) - (pfn + done) % 64;
        *seen |= span.mask;
    }
    return count;
}

bool page_map_came(const struct page_map *map, uint64_t pfn)
{
    const struct chunk *chunk = find_chunk(map, pfn);

    return chunk && chunk->round == map->round && get_bit(chunk, SEEN, (unsigned int)(pfn % CHUNK_PAGES));
}

void page_map_set_run(struct page_map *map, uint64_t pfn, uint64_t count, const struct page_state *state)
{
    const bool values[NR_BITS] = {
        [SEEN] = true, [SOURCE] = state->is_source, [ZERO] = state->content == PAGE_ZERO,
        [UNKNOWN] = state->content == PAGE_UNKNOWN, [PLAIN] = state->plain,
    };
    struct span span;

    for (uint64_t done = 0; done < count; done += span.nr) {
        if (!get_span(map, pfn + done, count - done, &span))
            return;
        for (unsigned int bit = SEEN + 1; bit < NR_BITS; bit++) {
            uint64_t *word = &span.chunk->bits[bit][span.word];

            *word = (*word & ~span.mask) | (values[bit] ? span.mask : 0);
        }
    }
}

struct page_state page_map_get(const struct page_map *map, uint64_t pfn)
{
    const struct chunk *chunk = find_chunk(map, pfn);
    struct page_state state = { .content = PAGE_NONE };
    unsigned int i = (unsigned int)(pfn % CHUNK_PAGES);

    if (!chunk)
        return state;
    state.plain = get_bit(chunk, PLAIN, i);
    state.is_source = chunk->round == map->round && get_bit(chunk, SOURCE, i);
    if (get_bit(chunk, ZERO, i))
        state.content = PAGE_ZERO;
    else if (get_bit(chunk, UNKNOWN, i))
        state.content = PAGE_UNKNOWN;
    if (get_bit(chunk, HASHED, i)) {
        state.content = PAGE_HASHED;
        state.hash = chunk->hashes[i];
    }
    return state;
}

void page_map_set(struct page_map *map, uint64_t pfn, const struct page_state *state)
{
    struct chunk *chunk = get_chunk(map, pfn);
    unsigned int i = (unsigned int)(pfn % CHUNK_PAGES);

    if (!chunk)
        return;
    if (state->content == PAGE_HASHED) {
        if (!chunk->hashes && !(chunk->hashes = allocate(map, CHUNK_PAGES, sizeof(struct image1_hash))))
            return;
        chunk->hashes[i] = state->hash;
    }
    set_bit(chunk, PLAIN, i, state->plain);
    set_bit(chunk, SOURCE, i, state->is_source);
    set_bit(chunk, ZERO, i, state->content == PAGE_ZERO);
    set_bit(chunk, UNKNOWN, i, state->content == PAGE_UNKNOWN);
    set_bit(chunk, HASHED, i, state->content == PAGE_HASHED);
}

static bool add_chunk(const struct chunk *chunk, const struct image1_hasher *hasher, struct image1_digest *digest)
{
    for (unsigned int i = 0; i < CHUNK_PAGES; i++) {
        if (get_bit(chunk, UNKNOWN, i))
            return false;
        if (get_bit(chunk, HASHED, i))
            image1_digest_add(hasher, digest, get_bit(chunk, PLAIN, i) ? IMAGE1_DIGEST_PLAIN : IMAGE1_DIGEST_TABLES,
                              chunk->number * CHUNK_PAGES + i, chunk->hashes[i]);
    }
    return true;
}

bool page_map_digest(const struct page_map *map, const struct image1_hasher *hasher, struct image1_digest *digest)
{
    *digest = (struct image1_digest){ .pages = { 0 } };
    for (size_t i = 0; !map->full && i < map->nr_slots; i++) {
        if (map->slots[i] && !add_chunk(map->slots[i], hasher, digest))
            return false;
    }
    return !map->full;
}
