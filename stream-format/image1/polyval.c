/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Products are without carry, of 128 by 128 bits into 256; they are added up, and the sum is reduced once
 * (Gueron and Kounavis, "Intel Carry-Less Multiplication Instruction and its Usage for Computing the GCM Mode";
 * RFC 8452, appendix A, for the reduction in this order of bits).
 */
#include "stream-format/image1/polyval.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "stream-format/bytes.h"

void polyval_powers(const struct polyval_ops *ops, struct polyval h, struct polyval *factors, unsigned int nr)
{
    factors[nr - 1] = h;
    for (unsigned int i = nr - 1; i-- > 0;)
        factors[i] = ops->dot(factors[i + 1], h);
}

/* ---- any CPU -------------------------------------------------------------- */

struct wide {
    uint64_t words[4];
};

/*
 * The lower half of the product.  Ordinary multiplication, of every fourth bit at a time: sums of at most 16 ones
 * stay below the next bit that is looked at (Pornin, BearSSL, ghash_ctmul64).
 */
static uint64_t multiply_low(uint64_t x, uint64_t y)
{
    static const uint64_t every_fourth = UINT64_C(0x1111111111111111);
    uint64_t sum = 0;

    for (unsigned int to = 0; to < 4; to++) {
        uint64_t part = 0;

        for (unsigned int i = 0; i < 4; i++)
            part ^= (x & every_fourth << i) * (y & every_fourth << ((to - i) & 3));
        sum |= part & every_fourth << to;
    }
    return sum;
}

static uint64_t reverse(uint64_t x)
{
    x = (x & UINT64_C(0x5555555555555555)) << 1 | (x >> 1 & UINT64_C(0x5555555555555555));
    x = (x & UINT64_C(0x3333333333333333)) << 2 | (x >> 2 & UINT64_C(0x3333333333333333));
    x = (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4 | (x >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f));
    return __builtin_bswap64(x);
}

static void add_product(struct wide *sum, unsigned int at, uint64_t x, uint64_t y)
{
    sum->words[at] ^= multiply_low(x, y);
    sum->words[at + 1] ^= reverse(multiply_low(reverse(x), reverse(y))) >> 1;
}

static void multiply_add(struct wide *sum, struct polyval a, struct polyval b)
{
    add_product(sum, 0, a.low, b.low);
    add_product(sum, 1, a.low, b.high);
    add_product(sum, 1, a.high, b.low);
    add_product(sum, 2, a.high, b.high);
}

/* Times x^-128: twice, the lowest word goes and comes back as what it is modulo x^128 + x^127 + x^126 + x^121 + 1. */
static struct polyval reduce(const struct wide *sum)
{
    uint64_t a = sum->words[0], b = sum->words[1], c;

    for (unsigned int i = 0; i < 2; i++) {
        c = b ^ a << 63 ^ a << 62 ^ a << 57;
        b = a ^ a >> 1 ^ a >> 2 ^ a >> 7;
        a = c;
    }
    return (struct polyval){ .low = a ^ sum->words[2], .high = b ^ sum->words[3] };
}

static bool is_usable_portable(void)
{
    return true;
}

static struct polyval dot_portable(struct polyval a, struct polyval b)
{
    struct wide sum = { { 0 } };

    multiply_add(&sum, a, b);
    return reduce(&sum);
}

static struct polyval sum_portable(const uint8_t *octets, const struct polyval *factors, unsigned int nr)
{
    struct wide sum = { { 0 } };

    for (unsigned int i = 0; i < nr; i++, octets += POLYVAL_BLOCK_LEN)
        multiply_add(&sum, (struct polyval){ stream_get_le64(octets), stream_get_le64(octets + 8) }, factors[i]);
    return reduce(&sum);
}

/* ---- x86 with carry-less multiplication --------------------------------------- */

#if defined(__x86_64__)
#define WITH_CLMUL  __attribute__((target("pclmul,avx")))
#define WITH_VCLMUL __attribute__((target("vpclmulqdq,pclmul,avx2")))
#define WITH_WCLMUL __attribute__((target("vpclmulqdq,pclmul,avx512f")))

static bool is_usable_clmul(void)
{
    return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("avx");
}

static bool is_usable_vclmul(void)
{
    return is_usable_clmul() && __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2");
}

static bool is_usable_wclmul(void)
{
    return is_usable_vclmul() && __builtin_cpu_supports("avx512f");
}

/* From the products of the lower halves, of the upper ones, and the sum of the two mixed ones. */
WITH_CLMUL static inline __m128i reduce_clmul(__m128i low, __m128i mixed, __m128i high)
{
    const __m128i modulus = _mm_set_epi64x((long long)UINT64_C(0xc200000000000000), 0);

    low = _mm_xor_si128(low, _mm_slli_si128(mixed, 8));
    high = _mm_xor_si128(high, _mm_srli_si128(mixed, 8));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, modulus, 0x10));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, modulus, 0x10));
    return _mm_xor_si128(low, high);
}

WITH_CLMUL static inline struct polyval from_register(__m128i x)
{
    struct polyval value;

    _mm_storeu_si128((__m128i *)(void *)&value, x);
    return value;
}

WITH_CLMUL static struct polyval dot_clmul(struct polyval a, struct polyval b)
{
    const __m128i x = _mm_set_epi64x((long long)a.high, (long long)a.low);
    const __m128i y = _mm_set_epi64x((long long)b.high, (long long)b.low);
    const __m128i mixed = _mm_xor_si128(_mm_clmulepi64_si128(x, y, 0x01), _mm_clmulepi64_si128(x, y, 0x10));

    return from_register(reduce_clmul(_mm_clmulepi64_si128(x, y, 0x00), mixed, _mm_clmulepi64_si128(x, y, 0x11)));
}

WITH_CLMUL static struct polyval sum_clmul(const uint8_t *octets, const struct polyval *factors, unsigned int nr)
{
    __m128i low = _mm_setzero_si128(), high = low, mixed = low, mixed2 = low;

    for (unsigned int i = 0; i < nr; i++) {
        const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(octets + i * POLYVAL_BLOCK_LEN));
        const __m128i y = _mm_load_si128((const __m128i *)(const void *)&factors[i]);

        low = _mm_xor_si128(low, _mm_clmulepi64_si128(x, y, 0x00));
        high = _mm_xor_si128(high, _mm_clmulepi64_si128(x, y, 0x11));
        mixed = _mm_xor_si128(mixed, _mm_clmulepi64_si128(x, y, 0x01));
        mixed2 = _mm_xor_si128(mixed2, _mm_clmulepi64_si128(x, y, 0x10));
    }
    return from_register(reduce_clmul(low, _mm_xor_si128(mixed, mixed2), high));
}

WITH_VCLMUL static inline __m128i fold(__m256i x)
{
    return _mm_xor_si128(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}

/* Two blocks at a time. */
WITH_VCLMUL static struct polyval sum_vclmul(const uint8_t *octets, const struct polyval *factors, unsigned int nr)
{
    __m256i low = _mm256_setzero_si256(), high = low, mixed = low, mixed2 = low;

    for (unsigned int i = 0; i < nr; i += 2) {
        const __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)(octets + i * POLYVAL_BLOCK_LEN));
        const __m256i y = _mm256_load_si256((const __m256i *)(const void *)&factors[i]);

        low = _mm256_xor_si256(low, _mm256_clmulepi64_epi128(x, y, 0x00));
        high = _mm256_xor_si256(high, _mm256_clmulepi64_epi128(x, y, 0x11));
        mixed = _mm256_xor_si256(mixed, _mm256_clmulepi64_epi128(x, y, 0x01));
        mixed2 = _mm256_xor_si256(mixed2, _mm256_clmulepi64_epi128(x, y, 0x10));
    }
    return from_register(reduce_clmul(fold(low), fold(_mm256_xor_si256(mixed, mixed2)), fold(high)));
}
WITH_WCLMUL static inline __m128i fold_wide(__m512i x)
{
    return fold(_mm256_xor_si256(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1)));
}

/* Four at a time. */
WITH_WCLMUL static struct polyval sum_wclmul(const uint8_t *octets, const struct polyval *factors, unsigned int nr)
{
    __m512i low = _mm512_setzero_si512(), high = low, mixed = low, mixed2 = low;

    for (unsigned int i = 0; i < nr; i += 4) {
        const __mmask8 mask = nr - i == 2 ? 0x0f : 0xff;
        const __m512i x = _mm512_maskz_loadu_epi64(mask, octets + i * POLYVAL_BLOCK_LEN);
        const __m512i y = _mm512_maskz_loadu_epi64(mask, &factors[i]);

        low = _mm512_xor_si512(low, _mm512_clmulepi64_epi128(x, y, 0x00));
        high = _mm512_xor_si512(high, _mm512_clmulepi64_epi128(x, y, 0x11));
        mixed = _mm512_xor_si512(mixed, _mm512_clmulepi64_epi128(x, y, 0x01));
        mixed2 = _mm512_xor_si512(mixed2, _mm512_clmulepi64_epi128(x, y, 0x10));
    }
    return from_register(reduce_clmul(fold_wide(low), fold_wide(_mm512_xor_si512(mixed, mixed2)), fold_wide(high)));
}
#else
static bool is_not_usable(void)
{
    return false;
}
#define is_usable_clmul  is_not_usable
#define is_usable_vclmul is_not_usable
#define is_usable_wclmul is_not_usable
#define dot_clmul        dot_portable
#define sum_clmul        sum_portable
#define sum_vclmul       sum_portable
#define sum_wclmul       sum_portable
#endif

const struct polyval_ops polyval_ways[POLYVAL_NR_WAYS] = {
    { "vpclmulqdq, AVX-512", is_usable_wclmul, dot_clmul, sum_wclmul },
    { "vpclmulqdq", is_usable_vclmul, dot_clmul, sum_vclmul },
    { "pclmulqdq", is_usable_clmul, dot_clmul, sum_clmul },
    { "portable", is_usable_portable, dot_portable, sum_portable },
};

const struct polyval_ops *polyval_choose(void)
{
    const struct polyval_ops *ops = polyval_ways;

    while (!ops->is_usable())
        ops++;
    return ops;
}
