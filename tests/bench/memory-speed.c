/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * memory-speed MIB RUNS THREADS: how fast the engine's scans go through memory, and how fast memory can be read at all.
 *
 * Prints one JSON object: {"mib":M,"runs":R,"threads":T,"gb_per_s":{NAME:[RUN, ...], ...}}. GB are of memory that was
 * read: a change scan reads two pages for each that it looks at, memcpy counts what it reads, not what it writes. All
 * names are measured once before any is measured again, so that what disturbs the machine disturbs all of them.
 */
#include "config.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "stream-format/image1/image1.h"
#include "xlmig/simhost/pattern.h"

#define PAGE ((size_t)STREAM_PAGE_SIZE)
#define MAX_THREADS 256u
#define MAX_RUNS 100u
#define MAX_MIB (1u << 20)

/* What one thread goes through. All buffers are of so many pages, and lie apart from those of other threads. */
struct part {
    uint8_t *zeros;     /* all pages are zeros */
    uint8_t *content;   /* no page is */
    uint8_t *twin;      /* the same content, but for a word of each eighth page */
    uint8_t *target;    /* of copies */
    size_t nr_pages;
    uint64_t result;    /* so that nothing is optimised away */
    bool wrong;
};

/* ---- plain reading, as fast as it goes ---- */

static uint64_t sum_portable(const uint8_t *at, size_t bytes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < bytes; i += sizeof sum) {
        uint64_t word;
        memcpy(&word, at + i, sizeof word);
        sum += word;
    }
    return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint64_t sum_avx2(const uint8_t *at, size_t bytes)
{
    __m256i sum[4] = { _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256() };

    for (const uint8_t *end = at + bytes; at < end; at += 128)
        for (unsigned i = 0; i < 4; i++)
            sum[i] = _mm256_add_epi64(sum[i], _mm256_load_si256((const __m256i *)(const void *)(at + 32 * i)));
    const __m256i all = _mm256_add_epi64(_mm256_add_epi64(sum[0], sum[1]), _mm256_add_epi64(sum[2], sum[3]));
    return (uint64_t)_mm256_extract_epi64(all, 0) + (uint64_t)_mm256_extract_epi64(all, 1) +
           (uint64_t)_mm256_extract_epi64(all, 2) + (uint64_t)_mm256_extract_epi64(all, 3);
}
#endif

static uint64_t sum(const uint8_t *at, size_t bytes)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return sum_avx2(at, bytes);
#endif
    return sum_portable(at, bytes);
}

static size_t read_plainly(struct part *p)
{
    p->result += sum(p->content, p->nr_pages * PAGE);
    return p->nr_pages * PAGE;
}

static size_t copy(struct part *p)
{
    memcpy(p->target, p->content, p->nr_pages * PAGE);
    return p->nr_pages * PAGE;
}

/* ---- the engine's own scans ---- */

static size_t scan_zeros(struct part *p)
{
    size_t found = 0;

    for (size_t i = 0; i < p->nr_pages; i++)
        found += image1_page_is_zero(p->zeros + i * PAGE);
    p->wrong |= found != p->nr_pages;
    return p->nr_pages * PAGE;
}

static size_t scan_changes(struct part *p)
{
    uint8_t delta[IMAGE1_DELTA_MAX];
    size_t changed = 0;

    for (size_t i = 0; i < p->nr_pages; i++)
        changed += image1_delta_encode(p->twin + i * PAGE, p->content + i * PAGE, delta, IMAGE1_DELTA_MAX) == 10;
    p->wrong |= changed != (p->nr_pages + 7) / 8;
    return 2 * p->nr_pages * PAGE;
}

static size_t checksum(struct part *p)
{
    for (size_t i = 0; i < p->nr_pages; i++)
        p->result += crc32c(0, p->content + i * PAGE, PAGE);
    return p->nr_pages * PAGE;
}

static size_t hash_by(struct part *p, const uint8_t *key)
{
    struct image1_hasher *hasher = image1_hasher_new(key);

    if (!hasher)
        abort();
    for (size_t i = 0; i < p->nr_pages; i++)
        p->result += image1_content_hash(hasher, p->content + i * PAGE).low;
    image1_hasher_free(hasher);
    return p->nr_pages * PAGE;
}

static size_t hash(struct part *p)
{
    static const uint8_t key[IMAGE1_KEY_LEN] = { 1, [16] = 2 };

    return hash_by(p, key);
}

static size_t hash_without_key(struct part *p)
{
    return hash_by(p, NULL);
}

/* What a copy leaves to be written back would slow down the next: that is the one which memory does not limit. */
static const struct work {
    const char *name;
    size_t (*run)(struct part *p);
} works[] = {
    { "read", read_plainly },
    { "zero scan", scan_zeros },
    { "change scan", scan_changes },
    { "CRC-32C", checksum },
    { "memcpy", copy },
    { "content hash", hash },
    { "without a key", hash_without_key },
};
#define NR_WORKS (sizeof works / sizeof works[0])

/* ---- threads ---- */

struct crew {
    struct part parts[MAX_THREADS];
    unsigned nr_threads, nr_runs;
    pthread_barrier_t barrier;
    double gb_per_s[NR_WORKS][MAX_RUNS];
    _Atomic uint64_t bytes;
};

struct member {
    struct crew *crew;
    unsigned id;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* From the moment when all begin until the last has ended. */
static void measure(struct crew *c, unsigned id, size_t work, unsigned run)
{
    struct part *p = &c->parts[id];
    double started = 0;

    if (id == 0)
        c->bytes = 0;
    pthread_barrier_wait(&c->barrier);
    if (id == 0)
        started = now_s();
    c->bytes += works[work].run(p);
    pthread_barrier_wait(&c->barrier);
    if (id == 0)
        c->gb_per_s[work][run] = (double)c->bytes / 1e9 / (now_s() - started);
}

/* Two buffers at a distance that is a large power of two are in each other's way in the memory's banks. */
static uint8_t *map(size_t bytes)
{
    const size_t apart = (size_t)8 << 20;
    uint8_t *p = mmap(NULL, bytes + apart, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        perror("memory-speed");
        exit(1);
    }
    madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

/* All of it is written, so that it is memory of its own and not the kernel's one page of zeros. */
static void prepare(struct part *p, unsigned id)
{
    const size_t bytes = p->nr_pages * PAGE;

    p->zeros = map(bytes);
    p->content = map(bytes);
    p->twin = map(bytes);
    p->target = map(bytes);
    memset(p->zeros, 0, bytes);
    memset(p->target, 1, bytes);
    for (size_t i = 0; i < p->nr_pages; i++)
        pattern_fill(p->content + i * PAGE, 1, i, id, PATTERN_RANDOM);
    memcpy(p->twin, p->content, bytes);
    for (size_t i = 0; i < p->nr_pages; i += 8)
        p->twin[i * PAGE + i / 8 % PAGE] ^= 1;
}

static void *work_through(void *user)
{
    const struct member *m = user;
    struct crew *c = m->crew;
    struct part *p = &c->parts[m->id];

    prepare(p, m->id);
    for (unsigned run = 0; run < c->nr_runs; run++)
        for (size_t work = 0; work < NR_WORKS; work++)
            measure(c, m->id, work, run);
    return NULL;
}

static void print(const struct crew *c, unsigned mib)
{
    printf("{\"mib\":%u,\"runs\":%u,\"threads\":%u,\"gb_per_s\":{", mib, c->nr_runs, c->nr_threads);
    for (size_t work = 0; work < NR_WORKS; work++) {
        printf("%s\"%s\":[", work ? "," : "", works[work].name);
        for (unsigned run = 0; run < c->nr_runs; run++)
            printf("%s%.3f", run ? "," : "", c->gb_per_s[work][run]);
        printf("]");
    }
    printf("}}\n");
}

static unsigned number(const char *text, unsigned max)
{
    char *end;
    const unsigned long n = strtoul(text, &end, 10);

    if (end == text || *end || n < 1 || n > max) {
        fprintf(stderr, "memory-speed: `%s' is no number from 1 to %u\n", text, max);
        exit(2);
    }
    return (unsigned)n;
}

int main(int argc, char **argv)
{
    static struct crew crew;
    static struct member members[MAX_THREADS];
    pthread_t threads[MAX_THREADS];
    bool wrong = false;

    if (argc != 4) {
        fprintf(stderr, "Usage: memory-speed MIB RUNS THREADS\n");
        return 2;
    }
    const unsigned mib = number(argv[1], MAX_MIB);
    crew.nr_runs = number(argv[2], MAX_RUNS);
    crew.nr_threads = number(argv[3], MAX_THREADS);
    pthread_barrier_init(&crew.barrier, NULL, crew.nr_threads);
    for (unsigned i = 0; i < crew.nr_threads; i++) {
        crew.parts[i].nr_pages = ((size_t)mib << 20) / PAGE / crew.nr_threads;
        members[i] = (struct member){ &crew, i };
        if (pthread_create(&threads[i], NULL, work_through, &members[i])) {
            perror("memory-speed");
            return 1;
        }
    }
    for (unsigned i = 0; i < crew.nr_threads; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < crew.nr_threads; i++)
        wrong |= crew.parts[i].wrong;
    if (wrong) {
        fprintf(stderr, "memory-speed: a scan gave a wrong answer\n");
        return 1;
    }
    print(&crew, mib);
    return 0;
}
