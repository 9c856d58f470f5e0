/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Dense bitmaps of pfns in 64-bit words. */
#ifndef LIBXCSAVE_BITMAP_H
#define LIBXCSAVE_BITMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t bitmap_words(uint64_t nr_bits)
{
    return (size_t)((nr_bits + 63) / 64);
}

static inline bool bitmap_test(const uint64_t *map, uint64_t bit)
{
    return map[bit / 64] >> (bit % 64) & 1;
}

static inline void bitmap_set(uint64_t *map, uint64_t bit)
{
    map[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void bitmap_clear(uint64_t *map, uint64_t bit)
{
    map[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

/* Set bits [from, to). */
static inline void bitmap_set_range(uint64_t *map, uint64_t from, uint64_t to)
{
    for (; from < to && from % 64; from++)
        bitmap_set(map, from);
    for (; from + 64 <= to; from += 64)
        map[from / 64] = UINT64_MAX;
    for (; from < to; from++)
        bitmap_set(map, from);
}

/* Clear bits [0, to). */
static inline void bitmap_clear_up_to(uint64_t *map, uint64_t to)
{
    for (uint64_t word = 0; word < to / 64; word++)
        map[word] = 0;
    if (to % 64)
        map[to / 64] &= UINT64_MAX << (to % 64);
}

static inline void bitmap_or(uint64_t *into, const uint64_t *from, size_t words)
{
    for (size_t i = 0; i < words; i++)
        into[i] |= from[i];
}

static inline uint64_t bitmap_count(const uint64_t *map, size_t words)
{
    uint64_t count = 0;

    for (size_t i = 0; i < words; i++)
        count += (uint64_t)__builtin_popcountll(map[i]);
    return count;
}

/* The first set bit at or after `from`, or nr_bits when there is none. */
static inline uint64_t bitmap_next(const uint64_t *map, uint64_t from, uint64_t nr_bits)
{
    size_t words = bitmap_words(nr_bits);

    if (from >= nr_bits)
        return nr_bits;
    uint64_t word = map[from / 64] & (UINT64_MAX << (from % 64));
    for (size_t i = (size_t)(from / 64);; word = map[i]) {
        if (word) {
            uint64_t bit = (uint64_t)i * 64 + (uint64_t)__builtin_ctzll(word);
            return bit < nr_bits ? bit : nr_bits;
        }
        if (++i >= words)
            return nr_bits;
    }
}

#endif
