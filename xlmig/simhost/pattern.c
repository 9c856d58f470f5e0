/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "xlmig/simhost/pattern.h"

#include <string.h>

uint64_t pattern_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Sixteen words of eight letters: as compressible as a log file. */
static const char words[16][9] = {
    "error at", " running", "migrate ", "network\n", "the page", " address", "0000:00:", "/var/log",
    " is not ", "request ", "response", "memory: ", "timeout\n", "  guest ", "Nov 21 1", "kernel: ",
};

static void fill_text(uint64_t *page, uint64_t state)
{
    for (unsigned i = 0; i < PATTERN_PAGE_SIZE / 8; ) {
        uint64_t r = pattern_next(&state);
        for (unsigned n = 0; n < 16; n++, i++, r >>= 4)
            memcpy(&page[i], words[r & 15], 8);
    }
}

void pattern_fill(void *page, uint64_t seed, uint64_t pfn, uint32_t generation, enum pattern_content content)
{
    uint64_t *word = page;
    uint64_t state = seed ^ (pfn * UINT64_C(0xd6e8feb86659fd93));
    const uint64_t mix = pattern_next(&state);
    static const enum pattern_content mixed[4] = { PATTERN_ZERO, PATTERN_TEXT, PATTERN_TEXT, PATTERN_RANDOM };

    state += generation;
    switch (content == PATTERN_MIXED ? mixed[mix & 3] : content) {
    case PATTERN_TEXT:
        fill_text(word, state);
        break;
    case PATTERN_RANDOM:
        for (unsigned i = 0; i < PATTERN_PAGE_SIZE / 8; i++)
            word[i] = pattern_next(&state);
        break;
    default:
        memset(page, 0, PATTERN_PAGE_SIZE);
        if (generation == 0)
            return;
        break;
    }
    word[0] = pfn;
    word[1] = generation;
}

bool pattern_holds(const void *page, uint64_t seed, uint64_t pfn, uint32_t generation, enum pattern_content content)
{
    uint64_t expected[PATTERN_PAGE_SIZE / 8];

    pattern_fill(expected, seed, pfn, generation, content);
    return memcmp(page, expected, sizeof expected) == 0;
}
