/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Which pfns were seen: a sparse set in bounded memory (64 MiB; that is 512 Mi
 * pfns, a guest of 2 TiB, when they lie together). A set that would grow
 * beyond says so and counts no more.
 */
#ifndef STREAM_FORMAT_PRINT_PFN_SET_H
#define STREAM_FORMAT_PRINT_PFN_SET_H

#include <stdbool.h>
#include <stdint.h>

struct pfn_set;

struct pfn_set *pfn_set_new(void); /* NULL: no memory */
void pfn_set_free(struct pfn_set *set);
void pfn_set_add(struct pfn_set *set, uint64_t pfn);

/* How many different pfns were added; false: more than the set can hold. */
bool pfn_set_count(const struct pfn_set *set, uint64_t *count);

#endif
