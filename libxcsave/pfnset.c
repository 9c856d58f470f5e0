/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/pfnset.h"

#define CHUNK_BYTES 4096u
#define CHUNK_PFNS (CHUNK_BYTES * 8u)
/* 16 MiB of address space; the kernel backs only what is touched. */
#define CHUNKS_BYTES ((size_t)((PFNSET_MAX_PFN + 1) / CHUNK_PFNS) * sizeof(uint64_t *))

int pfnset_init(struct pfnset *set)
{
    void *chunks = mmap(NULL, CHUNKS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *set = (struct pfnset){ 0 };
    if (chunks == MAP_FAILED)
        return -1;
    set->chunks = chunks;
    return 0;
}

void pfnset_dispose(struct pfnset *set)
{
    if (!set->chunks)
        return;
    for (size_t i = 0; i < set->end_chunk; i++)
        free(set->chunks[i]);
    (void)munmap(set->chunks, CHUNKS_BYTES);
    *set = (struct pfnset){ 0 };
}

bool pfnset_has(const struct pfnset *set, uint64_t pfn)
{
    const uint64_t *chunk = pfn <= PFNSET_MAX_PFN ? set->chunks[pfn / CHUNK_PFNS] : NULL;

    return chunk && bitmap_test(chunk, pfn % CHUNK_PFNS);
}

int pfnset_add(struct pfnset *set, uint64_t pfn)
{
    uint64_t **chunk;

    if (pfn > PFNSET_MAX_PFN) {
        errno = ERANGE;
        return -1;
    }
    chunk = &set->chunks[pfn / CHUNK_PFNS];
    if (!*chunk && !(*chunk = calloc(1, CHUNK_BYTES)))
        return -1;
    if (pfn / CHUNK_PFNS >= set->end_chunk)
        set->end_chunk = (size_t)(pfn / CHUNK_PFNS) + 1;
    if (pfn / CHUNK_PFNS < set->low_chunk)
        set->low_chunk = (size_t)(pfn / CHUNK_PFNS);
    if (!bitmap_test(*chunk, pfn % CHUNK_PFNS)) {
        bitmap_set(*chunk, pfn % CHUNK_PFNS);
        set->count++;
    }
    return 0;
}

void pfnset_remove(struct pfnset *set, uint64_t pfn)
{
    if (pfnset_has(set, pfn)) {
        bitmap_clear(set->chunks[pfn / CHUNK_PFNS], pfn % CHUNK_PFNS);
        set->count--;
    }
}

unsigned pfnset_take(struct pfnset *set, uint64_t *pfns, unsigned max)
{
    unsigned n = 0;

    while (n < max && set->count) {
        uint64_t *chunk = set->chunks[set->low_chunk];
        uint64_t at = chunk ? bitmap_next(chunk, 0, CHUNK_PFNS) : CHUNK_PFNS;

        for (; n < max && at < CHUNK_PFNS; at = bitmap_next(chunk, at + 1, CHUNK_PFNS)) {
            pfns[n++] = set->low_chunk * CHUNK_PFNS + at;
            bitmap_clear(chunk, at);
            set->count--;
        }
        if (at >= CHUNK_PFNS)
            set->low_chunk++;
    }
    return n;
}
