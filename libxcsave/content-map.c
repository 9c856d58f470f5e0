/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Three levels, so that the memory follows the pfns that came and not the
 * largest: a reader learns pfns from a stream that may be hostile.  A lone pfn
 * costs less than three pages.
 */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "libxcsave/content-map.h"

#define LEAF_PFNS 128u
#define BRANCH_LEAVES 256u
#define NR_BRANCHES ((size_t)((CONTENT_MAP_MAX_PFN + 1) / (LEAF_PFNS * BRANCH_LEAVES)))
/* 16 MiB of address space; the kernel backs only what is touched. */
#define BRANCHES_BYTES (NR_BRANCHES * sizeof(void *))

struct branch {
    struct content *_Atomic leaves[BRANCH_LEAVES];
};

struct content_map {
    struct branch *_Atomic *branches;
    _Atomic size_t end_branch;  /* none is made from here on */
};

struct content_map *content_map_new(void)
{
    struct content_map *map = calloc(1, sizeof(*map));
    void *branches = mmap(NULL, BRANCHES_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                          -1, 0);

    if (!map || branches == MAP_FAILED) {
        if (branches != MAP_FAILED)
            (void)munmap(branches, BRANCHES_BYTES);
        free(map);
        return NULL;
    }
    map->branches = branches;
    return map;
}

void content_map_free(struct content_map *map)
{
    if (!map)
        return;
    for (size_t i = 0; i < map->end_branch; i++) {
        struct branch *branch = map->branches[i];

        for (unsigned j = 0; branch && j < BRANCH_LEAVES; j++)
            free(branch->leaves[j]);
        free(branch);
    }
    (void)munmap((void *)map->branches, BRANCHES_BYTES);
    free(map);
}

static void raise_end(struct content_map *map, size_t end)
{
    size_t seen = atomic_load(&map->end_branch);

    while (seen < end && !atomic_compare_exchange_weak(&map->end_branch, &seen, end))
        ;
}

/* Two threads may make the same one: the first wins, the other's goes. */
static struct branch *get_branch(struct content_map *map, size_t index)
{
    struct branch *branch = atomic_load(&map->branches[index]), *made;

    if (branch || !(made = calloc(1, sizeof(*made))))
        return branch;
    if (!atomic_compare_exchange_strong(&map->branches[index], &branch, made)) {
        free(made);
        return branch;
    }
    raise_end(map, index + 1);
    return made;
}

static struct content *get_leaf(struct branch *branch, unsigned index)
{
    struct content *leaf = atomic_load(&branch->leaves[index]), *made;

    if (leaf || !(made = calloc(LEAF_PFNS, sizeof(*made))))
        return leaf;
    if (!atomic_compare_exchange_strong(&branch->leaves[index], &leaf, made)) {
        free(made);
        return leaf;
    }
    return made;
}

struct content *content_map_get(struct content_map *map, uint64_t pfn)
{
    struct branch *branch;
    struct content *leaf;

    if (pfn > CONTENT_MAP_MAX_PFN)
        return NULL;
    branch = get_branch(map, (size_t)(pfn / LEAF_PFNS / BRANCH_LEAVES));
    leaf = branch ? get_leaf(branch, (unsigned)(pfn / LEAF_PFNS % BRANCH_LEAVES)) : NULL;
    return leaf ? &leaf[pfn % LEAF_PFNS] : NULL;
}

struct content *content_map_find(const struct content_map *map, uint64_t pfn)
{
    struct branch *branch;
    struct content *leaf;

    if (pfn > CONTENT_MAP_MAX_PFN)
        return NULL;
    branch = atomic_load(&map->branches[pfn / LEAF_PFNS / BRANCH_LEAVES]);
    leaf = branch ? atomic_load(&branch->leaves[pfn / LEAF_PFNS % BRANCH_LEAVES]) : NULL;
    return leaf ? &leaf[pfn % LEAF_PFNS] : NULL;
}

void content_replace(struct content *entry, uint64_t pfn, uint64_t old_tag, enum content_kind kind, unsigned type,
                     struct image1_hash hash, const struct image1_hasher *hasher, struct image1_digest *digest)
{
    if (content_kind(old_tag) == CONTENT_HASHED)
        image1_digest_remove(hasher, digest, image1_digest_class(content_type(old_tag)), pfn, entry->hash);
    if (kind != CONTENT_HASHED)
        return;
    image1_digest_add(hasher, digest, image1_digest_class(type), pfn, hash);
    entry->hash = hash;
}
