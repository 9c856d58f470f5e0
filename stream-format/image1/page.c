/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig image v1: what a page's content says: zeros, and deltas.
 *
 * A delta is a list of segments, each a 16-bit word and then octets: bits 0-8
 * are the number of 8-octet words that did not change, bits 9-15 one less than
 * the number of those that did and whose exclusive or of old and new follows.
 * What comes after the last segment did not change.
 *
 * Both tests go through memory once, with the widest registers that the CPU
 * has; only the words that changed are then looked at one by one. For zeros that
 * is ISA-L's: a loop of our own with AVX2 came to six sevenths of its speed.
 */
#include "stream-format/image1/image1.h"

#include <isa-l/mem_routines.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "stream-format/image1/fail.h"

#define WORD 8u
#define NR_WORDS (STREAM_PAGE_SIZE / WORD)
#define NR_MASKS (NR_WORDS / 64)

#define SEGMENT_SKIP_BITS 9
#define SEGMENT_SKIP_MASK ((1u << SEGMENT_SKIP_BITS) - 1)
#define SEGMENT_WORDS_MAX 128u

static inline uint64_t load(const uint8_t *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

/* ---- zeros -------------------------------------------------------------- */

bool image1_page_is_zero(const uint8_t *page)
{
    /* Most pages that are not zero show it at once. It takes a pointer to what could be changed, and changes nothing. */
    return !load(page) && !isal_zero_detect((uint8_t *)(uintptr_t)page, STREAM_PAGE_SIZE);
}

/* ---- which words changed ------------------------------------------------ */

/* A bit for each word; returns how many are set. */
static unsigned int changed_portable(const uint8_t *old, const uint8_t *page, uint64_t *masks)
{
    unsigned int nr = 0;

    for (unsigned int m = 0; m < NR_MASKS; m++, old += 64 * WORD, page += 64 * WORD) {
        masks[m] = 0;
        for (unsigned int i = 0; i < 64; i += 8) {
            uint64_t any = 0;

            for (unsigned int j = i; j < i + 8; j++)
                any |= load(old + j * WORD) ^ load(page + j * WORD);
            for (unsigned int j = i; any && j < i + 8; j++)
                masks[m] |= (uint64_t)(load(old + j * WORD) != load(page + j * WORD)) << j;
        }
        nr += (unsigned int)__builtin_popcountll(masks[m]);
    }
    return nr;
}

#if defined(__x86_64__)
__attribute__((target("avx2,popcnt"))) static unsigned int changed_avx2(const uint8_t *old, const uint8_t *page,
                                                                        uint64_t *masks)
{
    const __m256i *a = (const __m256i *)(const void *)old;
    const __m256i *b = (const __m256i *)(const void *)page;
    unsigned int nr = 0;

    for (unsigned int m = 0; m < NR_MASKS; m++) {
        uint64_t same = 0;

        for (unsigned int i = 0; i < 16; i++, a++, b++) {
            __m256i equal = _mm256_cmpeq_epi64(_mm256_loadu_si256(a), _mm256_loadu_si256(b));

            same |= (uint64_t)(unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(equal)) << (4 * i);
        }
        masks[m] = ~same;
        nr += (unsigned int)__builtin_popcountll(masks[m]);
    }
    return nr;
}
#endif

static unsigned int find_changed(const uint8_t *old, const uint8_t *page, uint64_t *masks)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return changed_avx2(old, page, masks);
#endif
    return changed_portable(old, page, masks);
}

/* The first word from `at` on whose bit is `set`; NR_WORDS: none. */
static unsigned int find_word(const uint64_t *masks, unsigned int at, bool set)
{
    uint64_t flip = set ? 0 : UINT64_MAX;

    while (at < NR_WORDS) {
        uint64_t bits = (masks[at / 64] ^ flip) >> (at % 64);

        if (bits)
            return at + (unsigned int)__builtin_ctzll(bits);
        at = (at / 64 + 1) * 64;
    }
    return NR_WORDS;
}

/* ---- deltas ------------------------------------------------------------- */

static uint8_t *put_segment(uint8_t *out, unsigned int skip, const uint8_t *old, const uint8_t *page,
                            unsigned int at, unsigned int nr)
{
    stream_put_le16(out, (uint16_t)((nr - 1) << SEGMENT_SKIP_BITS | skip));
    out += 2;
    for (unsigned int i = at; i < at + nr; i++, out += WORD) {
        uint64_t word = load(old + i * WORD) ^ load(page + i * WORD);

        memcpy(out, &word, sizeof(word));
    }
    return out;
}

int image1_delta_encode(const uint8_t *old, const uint8_t *page, uint8_t *out, uint32_t max)
{
    uint64_t masks[NR_MASKS];
    uint8_t *p = out;
    unsigned int nr = find_changed(old, page, masks), done = 0, at;

    if (!nr)
        return 0;
    if (nr * WORD + 2 > max)
        return -1;
    for (at = find_word(masks, 0, true); at < NR_WORDS; at = find_word(masks, at, true)) {
        unsigned int end = find_word(masks, at, false);

        for (; at < end; done = at) {
            unsigned int len = end - at < SEGMENT_WORDS_MAX ? end - at : SEGMENT_WORDS_MAX;

            if ((size_t)(p - out) + 2 + len * WORD > max)
                return -1;
            p = put_segment(p, at - done, old, page, at, len);
            at += len;
        }
    }
    return (int)(p - out);
}

/* The words of the segment at *delta that begins after word `at`: where they start, and how many. */
static unsigned int get_segment(const uint8_t *delta, unsigned int *at)
{
    uint16_t head = stream_get_le16(delta);

    *at += head & SEGMENT_SKIP_MASK;
    return (unsigned int)(head >> SEGMENT_SKIP_BITS) + 1;
}

int image1_delta_check(const uint8_t *delta, uint32_t len, struct image1_fault *fault)
{
    unsigned int at = 0;
    uint32_t i = 0;

    if (len > IMAGE1_DELTA_MAX)
        return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, 0, "a delta of at most 4094 octets", len);
    while (i < len) {
        unsigned int nr;

        if (len - i < 2)
            return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, i, "a whole segment", len - i);
        nr = get_segment(delta + i, &at);
        if (at + nr > NR_WORDS)
            return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, i, "words inside the page", at + nr);
        if (len - i - 2 < nr * WORD)
            return image1_fail(fault, STREAM_FAULT_BAD_PAYLOAD, i, "a whole segment", len - i);
        at += nr;
        i += 2 + nr * WORD;
    }
    return 0;
}

int image1_delta_apply(uint8_t *page, const uint8_t *delta, uint32_t len, struct image1_fault *fault)
{
    unsigned int at = 0;

    if (image1_delta_check(delta, len, fault))
        return -1;
    for (uint32_t i = 0; i < len;) {
        unsigned int nr = get_segment(delta + i, &at);

        i += 2;
        for (unsigned int end = at + nr; at < end; at++, i += WORD) {
            uint64_t word = load(page + at * WORD) ^ load(delta + i);

            memcpy(page + at * WORD, &word, sizeof(word));
        }
    }
    return 0;
}
