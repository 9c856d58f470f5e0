/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig image v1: what stands for the content of a page, and the digest of a guest's memory.
 *
 * With a key, of which H and R are the halves, a page's tag is T = POLYVAL(H, its 256 blocks), and the digest is
 * POLYVAL(R, ..., T of page 1, T of page 0): the sum of T dot R^(pfn + 1) over the pages that count, taken page by
 * page in any order.  Addition is exclusive or, and so is subtraction.
 *
 * R^(pfn + 1) is a product of one factor for each octet of the pfn, of which there is a table.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#if HAVE_XXH_X86DISPATCH_H
/* The same functions by the widest registers that the CPU has: plain xxhash.h has those of the oldest x86-64, which
 * come to a fifth of the speed, and every page goes through here on both sides. */
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include "stream-format/image1/fail.h"
#include "stream-format/image1/image1.h"
#include "stream-format/image1/polyval.h"

#define PAGE_BLOCKS (STREAM_PAGE_SIZE / POLYVAL_BLOCK_LEN)
#define PFN_OCTETS 5u
_Static_assert(IMAGE1_PFN_MAX < UINT64_C(1) << (8 * PFN_OCTETS), "a pfn has so many octets");
_Static_assert(IMAGE1_KEY_LEN == 2 * POLYVAL_BLOCK_LEN, "two keys of a block");

struct image1_hasher {
    const struct polyval_ops *ops;                      /* NULL: no key */
    _Alignas(32) struct polyval powers[PAGE_BLOCKS];    /* H^256 to H^1 */
    struct polyval places[PFN_OCTETS][256];             /* R^1 to R^256; then, of octet k, R^(i * 256^k) */
};

/* ---- keys --------------------------------------------------------------------- */

static struct polyval load(const uint8_t octets[POLYVAL_BLOCK_LEN])
{
    return (struct polyval){ .low = stream_get_le64(octets), .high = stream_get_le64(octets + 8) };
}

/* first, first dot factor, ... */
static void fill(const struct polyval_ops *ops, struct polyval table[256], struct polyval first, struct polyval factor)
{
    table[0] = first;
    for (unsigned int i = 1; i < 256; i++)
        table[i] = ops->dot(table[i - 1], factor);
}

static void set_key(struct image1_hasher *hasher, const uint8_t key[IMAGE1_KEY_LEN])
{
    const struct polyval_ops *ops = polyval_choose();
    struct polyval r = load(key + POLYVAL_BLOCK_LEN);

    hasher->ops = ops;
    polyval_powers(ops, load(key), hasher->powers, PAGE_BLOCKS);
    fill(ops, hasher->places[0], r, r);
    for (unsigned int octet = 1; octet < PFN_OCTETS; octet++) {
        /* What one more in this octet is worth: 256 in the one below. */
        r = octet == 1 ? hasher->places[0][255] : ops->dot(hasher->places[octet - 1][255], r);
        fill(ops, hasher->places[octet], POLYVAL_ONE, r);
    }
}

struct image1_hasher *image1_hasher_new(const uint8_t key[IMAGE1_KEY_LEN])
{
    struct image1_hasher *hasher = aligned_alloc(_Alignof(struct image1_hasher), sizeof(*hasher));

    if (!hasher)
        return NULL;
    hasher->ops = NULL;
    if (key)
        set_key(hasher, key);
    return hasher;
}

void image1_hasher_free(struct image1_hasher *hasher)
{
    if (hasher)
        explicit_bzero(hasher, sizeof(*hasher));
    free(hasher);
}

int image1_decode_key(const uint8_t in[IMAGE1_KEY_LEN], struct image1_fault *fault)
{
    for (uint32_t at = 0; at < IMAGE1_KEY_LEN; at += POLYVAL_BLOCK_LEN) {
        struct polyval half = load(in + at);

        if (!(half.low | half.high))
            return image1_fail(fault, STREAM_FAULT_BAD_VALUE, at, "a key", 0);
    }
    return 0;
}

/* ---- pages --------------------------------------------------------------------- */

struct image1_hash image1_content_hash(const struct image1_hasher *hasher, const uint8_t *page)
{
    if (hasher->ops) {
        struct polyval tag = hasher->ops->sum(page, hasher->powers, PAGE_BLOCKS);

        return (struct image1_hash){ .low = tag.low, .high = tag.high };
    }

    XXH128_hash_t hash = XXH3_128bits(page, STREAM_PAGE_SIZE);

    return (struct image1_hash){ .low = hash.low64, .high = hash.high64 };
}

/* Without a key: the hash of the content's hash, seeded with where it is. */
static struct image1_hash place_by_seed(uint64_t pfn, struct image1_hash hash)
{
    uint8_t octets[16];

    stream_put_le64(octets, hash.low);
    stream_put_le64(octets + 8, hash.high);

    XXH128_hash_t placed = XXH3_128bits_withSeed(octets, sizeof(octets), pfn);

    return (struct image1_hash){ .low = placed.low64, .high = placed.high64 };
}

static struct image1_hash place_by_key(const struct image1_hasher *hasher, uint64_t pfn, struct image1_hash hash)
{
    struct polyval item = { .low = hash.low, .high = hash.high };

    item = hasher->ops->dot(item, hasher->places[0][pfn & 0xff]);
    for (unsigned int octet = 1; octet < PFN_OCTETS && pfn >> (8 * octet); octet++)
        item = hasher->ops->dot(item, hasher->places[octet][pfn >> (8 * octet) & 0xff]);
    return (struct image1_hash){ .low = item.low, .high = item.high };
}

/* ---- the digest ------------------------------------------------------------------ */

enum image1_digest_class image1_digest_class(unsigned int page_type)
{
    return page_type == STREAM_PAGE_NOTAB ? IMAGE1_DIGEST_PLAIN : IMAGE1_DIGEST_TABLES;
}

static void add_keyed(struct image1_digest *digest, int class, uint64_t low, uint64_t high)
{
    digest->low[class] ^= low;
    digest->high[class] ^= high;
}

void image1_digest_add(const struct image1_hasher *hasher, struct image1_digest *digest,
                       enum image1_digest_class class, uint64_t pfn, struct image1_hash hash)
{
    struct image1_hash item = hasher->ops ? place_by_key(hasher, pfn, hash) : place_by_seed(pfn, hash);

    digest->pages[class]++;
    if (hasher->ops) {
        add_keyed(digest, class, item.low, item.high);
        return;
    }
    digest->low[class] += item.low;
    digest->high[class] += item.high;
}

void image1_digest_remove(const struct image1_hasher *hasher, struct image1_digest *digest,
                          enum image1_digest_class class, uint64_t pfn, struct image1_hash hash)
{
    struct image1_hash item = hasher->ops ? place_by_key(hasher, pfn, hash) : place_by_seed(pfn, hash);

    digest->pages[class]--;
    if (hasher->ops) {
        add_keyed(digest, class, item.low, item.high);
        return;
    }
    digest->low[class] -= item.low;
    digest->high[class] -= item.high;
}

void image1_digest_merge(const struct image1_hasher *hasher, struct image1_digest *digest,
                         const struct image1_digest *part)
{
    for (int class = 0; class < 2; class++) {
        digest->pages[class] += part->pages[class];
        if (hasher->ops) {
            add_keyed(digest, class, part->low[class], part->high[class]);
            continue;
        }
        digest->low[class] += part->low[class];
        digest->high[class] += part->high[class];
    }
}

bool image1_digest_equal(const struct image1_digest *a, const struct image1_digest *b)
{
    for (int class = 0; class < 2; class++) {
        if (a->pages[class] != b->pages[class] || a->low[class] != b->low[class] ||
            a->high[class] != b->high[class])
            return false;
    }
    return true;
}

void image1_encode_digest(uint8_t out[IMAGE1_DIGEST_LEN], const struct image1_digest *digest)
{
    for (int class = 0; class < 2; class++, out += IMAGE1_DIGEST_LEN / 2) {
        stream_put_le64(out, digest->pages[class]);
        stream_put_le64(out + 8, digest->low[class]);
        stream_put_le64(out + 16, digest->high[class]);
    }
}

void image1_decode_digest(const uint8_t in[IMAGE1_DIGEST_LEN], struct image1_digest *digest)
{
    for (int class = 0; class < 2; class++, in += IMAGE1_DIGEST_LEN / 2) {
        digest->pages[class] = stream_get_le64(in);
        digest->low[class] = stream_get_le64(in + 8);
        digest->high[class] = stream_get_le64(in + 16);
    }
}
