/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libxcsave/save/delta-cache.h"

struct place {
    atomic_flag busy;
    bool used;
    uint64_t pfn;
    struct image1_hash hash;
};

struct delta_cache {
    size_t nr_places;
    struct place *places;
    uint8_t *pages;
};

struct delta_cache *delta_cache_new(size_t bytes)
{
    struct delta_cache *cache;
    size_t nr = bytes / (STREAM_PAGE_SIZE + sizeof(struct place));
    void *pages;

    if (!nr)
        return NULL;
    cache = calloc(1, sizeof(*cache));
    if (!cache)
        return NULL;
    cache->nr_places = nr;
    cache->places = calloc(nr, sizeof(*cache->places));
    pages = mmap(NULL, nr * STREAM_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    cache->pages = pages == MAP_FAILED ? NULL : pages;
    if (cache->places && cache->pages)
        return cache;
    delta_cache_free(cache);
    return NULL;
}

void delta_cache_free(struct delta_cache *cache)
{
    if (!cache)
        return;
    if (cache->pages)
        (void)munmap(cache->pages, cache->nr_places * STREAM_PAGE_SIZE);
    free(cache->places);
    free(cache);
}

/* The pfn's only place, taken; NULL: busy, or no cache.  Neighbours do not push each other out. */
static struct place *take(struct delta_cache *cache, uint64_t pfn, uint8_t **page)
{
    size_t index;

    if (!cache)
        return NULL;
    index = (size_t)(pfn % cache->nr_places);
    if (atomic_flag_test_and_set_explicit(&cache->places[index].busy, memory_order_acquire))
        return NULL;
    *page = cache->pages + index * STREAM_PAGE_SIZE;
    return &cache->places[index];
}

static void release(struct place *place)
{
    atomic_flag_clear_explicit(&place->busy, memory_order_release);
}

int delta_cache_encode(struct delta_cache *cache, uint64_t pfn, struct image1_hash hash, const uint8_t *page,
                       uint8_t *out, uint32_t max)
{
    uint8_t *old;
    struct place *place = take(cache, pfn, &old);
    int len = -1;

    if (!place)
        return -1;
    if (place->used && place->pfn == pfn && image1_hash_equal(place->hash, hash))
        len = image1_delta_encode(old, page, out, max);
    release(place);
    return len;
}

void delta_cache_put(struct delta_cache *cache, uint64_t pfn, struct image1_hash hash, const uint8_t *page, bool again)
{
    uint8_t *old;
    struct place *place = take(cache, pfn, &old);

    if (!place)
        return;
    if (again || !place->used) {
        place->used = true;
        place->pfn = pfn;
        place->hash = hash;
        memcpy(old, page, STREAM_PAGE_SIZE);
    }
    release(place);
}
