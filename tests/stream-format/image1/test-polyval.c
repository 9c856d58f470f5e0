/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* POLYVAL, each way of it: by the RFC's vectors, and against what OpenSSL makes of the same octets. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "stream-format/bytes.h"
#include "stream-format/image1/polyval.h"
#include "tests/run-suite.h"

#define PAGE_OCTETS 4096u
#define MAX_BLOCKS (PAGE_OCTETS / POLYVAL_BLOCK_LEN + 2)

static struct polyval block(const uint8_t *octets)
{
    return (struct polyval){ .low = stream_get_le64(octets), .high = stream_get_le64(octets + 8) };
}

static void from_hex(uint8_t *out, const char *hex)
{
    for (size_t i = 0; hex[2 * i]; i++) {
        const char octet[3] = { hex[2 * i], hex[2 * i + 1], 0 };

        out[i] = (uint8_t)strtoul(octet, NULL, 16);
    }
}

/* The way at hand, or none on this CPU. */
static const struct polyval_ops *way(int i)
{
    return polyval_ways[i].is_usable() ? &polyval_ways[i] : NULL;
}

static struct polyval whole(const struct polyval_ops *ops, struct polyval h, const uint8_t *octets, unsigned int nr)
{
    _Alignas(32) struct polyval powers[MAX_BLOCKS];

    polyval_powers(ops, h, powers, nr);
    return ops->sum(octets, powers, nr);
}

static void assert_equal(struct polyval found, struct polyval expected)
{
    ck_assert_uint_eq(found.low, expected.low);
    ck_assert_uint_eq(found.high, expected.high);
}

/* RFC 8452, appendix A. */
START_TEST(the_vector_of_the_rfc)
{
    const struct polyval_ops *ops = way(_i);
    uint8_t h[16], blocks[32], result[16];

    if (!ops)
        return;
    from_hex(h, "25629347589242761d31f826ba4b757b");
    from_hex(blocks, "4f4f95668c83dfb6401762bb2d01a262d1a24ddd2721d006bbe45f20d3c9f362");
    from_hex(result, "f7a3b47b846119fae5b7866cf5e5b77e");
    assert_equal(whole(ops, block(h), blocks, 2), block(result));
    assert_equal(ops->dot(block(h), POLYVAL_ONE), block(h));
    assert_equal(ops->dot(POLYVAL_ONE, block(h)), block(h));
}
END_TEST

/* ---- OpenSSL's GHASH, which is inside GCM ------------------------------------------------- */

static void encrypt_block(const uint8_t key[16], const uint8_t in[16], uint8_t out[16])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len;

    ck_assert_int_eq(EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL), 1);
    ck_assert_int_eq(EVP_EncryptUpdate(ctx, out, &len, in, 16), 1);
    EVP_CIPHER_CTX_free(ctx);
}

/* The tag of a page that is authenticated only, without what the last step adds to it: GHASH(H, page, lengths). */
static void ghash(const uint8_t key[16], const uint8_t *page, uint8_t out[16])
{
    static const uint8_t iv[12] = { 7 };
    const uint8_t first_counter[16] = { [0] = 7, [15] = 1 };
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t mask[16];
    int len;

    ck_assert_int_eq(EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv), 1);
    ck_assert_int_eq(EVP_EncryptUpdate(ctx, NULL, &len, page, PAGE_OCTETS), 1);
    ck_assert_int_eq(EVP_EncryptFinal_ex(ctx, mask, &len), 1);
    ck_assert_int_eq(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out), 1);
    EVP_CIPHER_CTX_free(ctx);
    encrypt_block(key, first_counter, mask);
    for (unsigned int i = 0; i < 16; i++)
        out[i] ^= mask[i];
}

static void reverse(uint8_t *to, const uint8_t *from)
{
    for (unsigned int i = 0; i < 16; i++)
        to[i] = from[15 - i];
}

/* Times x: RFC 8452, appendix A. */
static struct polyval times_x(struct polyval a)
{
    const uint64_t carry = a.high >> 63;

    return (struct polyval){
        .low = a.low << 1 ^ carry, .high = (a.high << 1 | a.low >> 63) ^ carry << 63 ^ carry << 62 ^ carry << 57,
    };
}

START_TEST(pages_as_openssl_hashes_them)
{
    static const uint8_t zeros[16];
    const struct polyval_ops *ops = way(_i);
    uint8_t page[PAGE_OCTETS], blocks[PAGE_OCTETS + 32] = { 0 }, key[16], h[16], turned[16], tag[16];

    if (!ops)
        return;
    for (unsigned int n = 0; n < 50; n++) {
        for (unsigned int i = 0; i < PAGE_OCTETS; i++)
            page[i] = (uint8_t)rand();
        for (unsigned int i = 0; i < 16; i++)
            key[i] = (uint8_t)rand();
        ghash(key, page, tag);
        encrypt_block(key, zeros, h);
        reverse(turned, h);
        /* A block of zeros first, which changes nothing, so that there is an even number. */
        for (unsigned int i = 0; i < PAGE_OCTETS; i += 16)
            reverse(blocks + 16 + i, page + i);
        stream_put_le64(blocks + 16 + PAGE_OCTETS + 8, (uint64_t)PAGE_OCTETS * 8);
        reverse(h, tag);
        assert_equal(whole(ops, times_x(block(turned)), blocks, MAX_BLOCKS), block(h));
    }
}
END_TEST

START_TEST(all_ways_are_one)
{
    const struct polyval_ops *ops = way(_i), *portable = &polyval_ways[POLYVAL_NR_WAYS - 1];
    struct polyval a = { 1, 0 }, b = { UINT64_C(0x123456789abcdef0), UINT64_MAX };

    for (unsigned int i = 0; ops && i < 1000; i++) {
        assert_equal(ops->dot(a, b), portable->dot(a, b));
        assert_equal(ops->dot(b, a), portable->dot(a, b));
        a = polyval_add(portable->dot(a, b), (struct polyval){ i, UINT64_C(1) << (i % 64) });
        b = portable->dot(b, b);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("polyval");
    TCase *tcase = tcase_create("polyval");

    tcase_add_loop_test(tcase, the_vector_of_the_rfc, 0, POLYVAL_NR_WAYS);
    tcase_add_loop_test(tcase, pages_as_openssl_hashes_them, 0, POLYVAL_NR_WAYS);
    tcase_add_loop_test(tcase, all_ways_are_one, 0, POLYVAL_NR_WAYS);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
