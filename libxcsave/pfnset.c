/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/pfnset.h"

#define CHUNK_BYTES 4096u
#define CHUNK_PFNS (CHUNK_BYTES * 8u)
#define NR_CHUNKS ((size_t)((PFNSET_MAX_PFN + 1) / CHUNK_PFNS))

int pfnset_init(struct pfnset *set)
{
    set->count = 0;
    /* 16 MiB of address space; the kernel backs only what is touched. */
    set->chunks = calloc(NR_CHUNKS, sizeof(*set->chunks));
    return set->chunks ? 0 : -1;
}

void pfnset_dispose(struct pfnset *set)
{
    for (size_t i = 0; set->chunks && i < NR_CHUNKS; i++)
        free(set->chunks[i]);
    free(set->chunks);
    set->chunks = NULL;
    set->count = 0;
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
