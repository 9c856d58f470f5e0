/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * POLYVAL of RFC 8452 (section 3): the polynomial hash of AES-GCM-SIV, which is GHASH of NIST SP 800-38D with the
 * octets and bits in the order of today's CPUs.
 *
 * A block is an element of GF(2^128), its octets in little-endian order.  With H^1 = H and H^(k+1) = H^k dot H,
 *
 *     POLYVAL(H, X_1, ..., X_n) = X_1 dot H^n + X_2 dot H^(n-1) + ... + X_n dot H^1
 *
 * Two different messages of n blocks have the same value for at most n of the 2^128 keys H, whatever the messages
 * are: their difference is a polynomial of degree n in H.  That holds for those who choose the messages without
 * having learnt anything of H; whoever sees values can compute H from them.
 *
 * Why not a library's: OpenSSL has GHASH inside GCM only.  To hash each page by it takes a context a thread and three
 * calls a page, which come to twice what this costs (docs/performance.md), and OpenSSL's first use reads files, which
 * the processes that read images may not do.  The test computes the same by OpenSSL and by the RFC's vectors.
 *
 * No branch and no address depends on a block or a key, so that time says nothing of either.
 */
#ifndef STREAM_FORMAT_IMAGE1_POLYVAL_H
#define STREAM_FORMAT_IMAGE1_POLYVAL_H

#include <stdbool.h>
#include <stdint.h>

#define POLYVAL_BLOCK_LEN 16

struct polyval {
    uint64_t low, high;         /* the coefficients of x^0 to x^63, and of x^64 to x^127 */
};

_Static_assert(sizeof(struct polyval) == POLYVAL_BLOCK_LEN, "blocks lie side by side");

/* a dot ONE is a: x^128. */
#define POLYVAL_ONE ((struct polyval){ .low = 1, .high = UINT64_C(0xc200000000000000) })

/* One way to compute it; all have the same results. */
struct polyval_ops {
    const char *name;
    bool (*is_usable)(void);    /* on this CPU */
    struct polyval (*dot)(struct polyval a, struct polyval b);
    /* The sum of nr blocks, each dot its factor; nr is even.  Octets of any alignment, factors of 32. */
    struct polyval (*sum)(const uint8_t *octets, const struct polyval *factors, unsigned int nr);
};

/* The last one is usable everywhere, and slow. */
#define POLYVAL_NR_WAYS 4
extern const struct polyval_ops polyval_ways[POLYVAL_NR_WAYS];

/* The fastest one here. */
const struct polyval_ops *polyval_choose(void);

/* factors[i] = H^(nr - i), so that the sum over them is POLYVAL(H, ...). */
void polyval_powers(const struct polyval_ops *ops, struct polyval h, struct polyval *factors, unsigned int nr);

static inline struct polyval polyval_add(struct polyval a, struct polyval b)
{
    return (struct polyval){ .low = a.low ^ b.low, .high = a.high ^ b.high };
}

#endif
