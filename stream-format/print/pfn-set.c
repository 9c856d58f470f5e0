/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Bitmaps of 2^15 pfns each, in a hash table that is never more than half full. */
#include "stream-format/print/pfn-set.h"

#include <stdlib.h>

#define CHUNK_SHIFT 15
#define NR_CHUNKS_MAX 16384u
#define NR_SLOTS (2 * NR_CHUNKS_MAX)

struct chunk {
    uint64_t number; /* pfn >> CHUNK_SHIFT */
    uint64_t bits[(1u << CHUNK_SHIFT) / 64];
};

struct pfn_set {
    struct chunk *slots[NR_SLOTS];
    struct chunk *last; /* pfns come in order, mostly */
    unsigned int nr_chunks;
    uint64_t count;
    bool full;
};

struct pfn_set *pfn_set_new(void)
{
    return calloc(1, sizeof(struct pfn_set));
}

void pfn_set_free(struct pfn_set *set)
{
    if (!set)
        return;
    for (unsigned int i = 0; i < NR_SLOTS; i++)
        free(set->slots[i]);
    free(set);
}

static struct chunk **find_slot(struct pfn_set *set, uint64_t number)
{
    unsigned int i = (unsigned int)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 49) % NR_SLOTS;

    while (set->slots[i] && set->slots[i]->number != number)
        i = (i + 1) % NR_SLOTS;
    return &set->slots[i];
}

static struct chunk *get_chunk(struct pfn_set *set, uint64_t number)
{
    struct chunk **slot;

    if (set->last && set->last->number == number)
        return set->last;
    slot = find_slot(set, number);
    if (!*slot && set->nr_chunks < NR_CHUNKS_MAX) {
        *slot = calloc(1, sizeof(**slot));
        if (*slot) {
            (*slot)->number = number;
            set->nr_chunks++;
        }
    }
    if (*slot)
        set->last = *slot;
    return *slot;
}

void pfn_set_add(struct pfn_set *set, uint64_t pfn)
{
    unsigned int bit = (unsigned int)(pfn % (UINT64_C(1) << CHUNK_SHIFT));
    struct chunk *chunk = get_chunk(set, pfn >> CHUNK_SHIFT);
    uint64_t mask = UINT64_C(1) << (bit % 64);

    if (!chunk) {
        set->full = true;
        return;
    }
    set->count += !(chunk->bits[bit / 64] & mask);
    chunk->bits[bit / 64] |= mask;
}

bool pfn_set_count(const struct pfn_set *set, uint64_t *count)
{
    *count = set->count;
    return !set->full;
}
