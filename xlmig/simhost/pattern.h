/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What a page of a simulated guest holds: a pure function of the guest's seed,
 * the page's pfn, and how often the page was written (its generation).
 */
#ifndef XLMIG_SIMHOST_PATTERN_H
#define XLMIG_SIMHOST_PATTERN_H

#include <stdbool.h>
#include <stdint.h>

#define PATTERN_PAGE_SIZE 4096

enum pattern_content {
    PATTERN_MIXED,          /* a quarter zeros until written, half text, a quarter random */
    PATTERN_ZERO,           /* zeros until written, then zeros with a mark */
    PATTERN_TEXT,
    PATTERN_RANDOM,
    PATTERN_NR_CONTENTS,
};

/* A generator whose whole state is one word (splitmix64). */
uint64_t pattern_next(uint64_t *state);

void pattern_fill(void *page, uint64_t seed, uint64_t pfn, uint32_t generation, enum pattern_content content);
bool pattern_holds(const void *page, uint64_t seed, uint64_t pfn, uint32_t generation, enum pattern_content content);

#endif
