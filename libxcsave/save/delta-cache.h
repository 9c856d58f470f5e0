/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What was last sent of some pages, so that a page that changed a little can
 * travel as what changed.  Bounded; a page pushes out whichever is in its place.
 *
 * Any thread may use it.  A place that another thread is busy with counts as empty:
 * nobody waits.
 */
#ifndef LIBXCSAVE_SAVE_DELTA_CACHE_H
#define LIBXCSAVE_SAVE_DELTA_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "stream-format/image1/image1.h"

struct delta_cache;

/* NULL: no memory, or none wanted (less than a page): every function below takes it for an empty cache. */
struct delta_cache *delta_cache_new(size_t bytes);
void delta_cache_free(struct delta_cache *cache);

/*
 * The delta from the content with `hash`, which the reader has, to `page`; as
 * image1_delta_encode().  -1: that content is not here, or the delta is too long.
 */
int delta_cache_encode(struct delta_cache *cache, uint64_t pfn, struct image1_hash hash, const uint8_t *page,
                       uint8_t *out, uint32_t max);
/* The page was sent.  Unless it was sent `again` it pushes out no other. */
void delta_cache_put(struct delta_cache *cache, uint64_t pfn, struct image1_hash hash, const uint8_t *page,
                     bool again);

#endif
