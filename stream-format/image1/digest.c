/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xlmig image v1: the digest of a guest's memory. */
#include "config.h"

#if HAVE_XXH_X86DISPATCH_H
/* The same functions by the widest registers that the CPU has: plain xxhash.h has those of the oldest x86-64, which
 * come to a fifth of the speed, and every page goes through here on both sides. */
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

#include "stream-format/image1/image1.h"

struct image1_hash image1_content_hash(const uint8_t *page)
{
    XXH128_hash_t hash = XXH3_128bits(page, STREAM_PAGE_SIZE);

    return (struct image1_hash){ .low = hash.low64, .high = hash.high64 };
}

/* What a page adds: the hash of its content's hash, seeded with where it is. */
static XXH128_hash_t place(uint64_t pfn, struct image1_hash hash)
{
    uint8_t octets[16];

    stream_put_le64(octets, hash.low);
    stream_put_le64(octets + 8, hash.high);
    return XXH3_128bits_withSeed(octets, sizeof(octets), pfn);
}

enum image1_digest_class image1_digest_class(unsigned int page_type)
{
    return page_type == STREAM_PAGE_NOTAB ? IMAGE1_DIGEST_PLAIN : IMAGE1_DIGEST_TABLES;
}

void image1_digest_add(struct image1_digest *digest, enum image1_digest_class class, uint64_t pfn,
                         struct image1_hash hash)
{
    XXH128_hash_t item = place(pfn, hash);

    digest->pages[class]++;
    digest->low[class] += item.low64;
    digest->high[class] += item.high64;
}

void image1_digest_remove(struct image1_digest *digest, enum image1_digest_class class, uint64_t pfn,
                            struct image1_hash hash)
{
    XXH128_hash_t item = place(pfn, hash);

    digest->pages[class]--;
    digest->low[class] -= item.low64;
    digest->high[class] -= item.high64;
}

void image1_digest_merge(struct image1_digest *digest, const struct image1_digest *part)
{
    for (int class = 0; class < 2; class++) {
        digest->pages[class] += part->pages[class];
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
