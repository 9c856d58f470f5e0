/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A set of pfns whose memory follows what is in it, not the largest pfn: the
 * restore side learns pfns from the stream, and a hostile one names any.
 */
#ifndef LIBXCSAVE_PFNSET_H
#define LIBXCSAVE_PFNSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 48 bits of guest-physical address, more than Xen gives any guest. */
#define PFNSET_MAX_PFN ((UINT64_C(1) << 36) - 1)

struct pfnset {
    uint64_t **chunks;          /* 4 KiB each, allocated when first needed */
    size_t end_chunk;           /* none is allocated from here on */
    size_t low_chunk;           /* no pfn of the set is below it */
    uint64_t count;
};

/* 0, or -1 with errno ENOMEM. */
int pfnset_init(struct pfnset *set);
/* Idempotent. */
void pfnset_dispose(struct pfnset *set);
bool pfnset_has(const struct pfnset *set, uint64_t pfn);
/* 0, or -1 with errno ENOMEM, or ERANGE for a pfn above PFNSET_MAX_PFN. */
int pfnset_add(struct pfnset *set, uint64_t pfn);
void pfnset_remove(struct pfnset *set, uint64_t pfn);
/* Take the lowest pfns, at most `max`, out of the set.  Returns how many. */
unsigned pfnset_take(struct pfnset *set, uint64_t *pfns, unsigned max);

#endif
