/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * engine-speed MIB RUNS THREADS: how fast the engine saves by itself, without a guest's or a connection's cost.
 *
 * A null guest of MIB (tests/libxcsave/null-guest.h) is saved to /dev/null.  Prints one JSON object:
 * {"mib":M,"runs":R,"threads":T,"gb_per_s":{NAME:[RUN, ...], ...}}, GB of guest memory.  All names are measured once
 * before any is measured again, so that what disturbs the machine disturbs all of them.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/libxcsave/null-guest.h"

#define MAX_RUNS 100u
#define MAX_MIB (1u << 20)
#define MAX_THREADS 256u

static const struct {
    const char *name;
    enum xcsave_image image;
    enum xcsave_compress compress;
} ways[] = {
    { "null: libxc image", XCSAVE_IMAGE_LIBXC, XCSAVE_COMPRESS_NONE },
    { "null: image v1, no codec", XCSAVE_IMAGE_V1, XCSAVE_COMPRESS_NONE },
    { "null: image v1, lz4", XCSAVE_IMAGE_V1, XCSAVE_COMPRESS_LZ4 },
};
#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

static unsigned number(const char *text, unsigned max)
{
    unsigned long value = strtoul(text, NULL, 10);

    if (value < 1 || value > max) {
        fprintf(stderr, "engine-speed: '%s' is not a number from 1 to %u\n", text, max);
        exit(2);
    }
    return (unsigned)value;
}

static double gb_per_s(struct null_guest *g, unsigned way, unsigned threads)
{
    struct xcsave_report report;
    struct xcsave_error error;

    if (null_guest_save(g, ways[way].image, ways[way].compress, threads, &report, &error)) {
        fprintf(stderr, "engine-speed: %s: %s\n", ways[way].name, error.text);
        exit(1);
    }
    return (double)(g->nr_pages * GUEST_PAGE_SIZE) / 1e3 / (double)(report.total_us ? report.total_us : 1);
}

static void print(double results[NR_WAYS][MAX_RUNS], unsigned mib, unsigned runs, unsigned threads)
{
    printf("{\"mib\":%u,\"runs\":%u,\"threads\":%u,\"gb_per_s\":{", mib, runs, threads);
    for (unsigned way = 0; way < NR_WAYS; way++) {
        printf("%s\"%s\":[", way ? "," : "", ways[way].name);
        for (unsigned run = 0; run < runs; run++)
            printf("%s%.3f", run ? "," : "", results[way][run]);
        printf("]");
    }
    printf("}}\n");
}

int main(int argc, char **argv)
{
    static double results[NR_WAYS][MAX_RUNS];
    unsigned mib, runs, threads;
    struct null_guest *g;

    if (argc != 4) {
        fprintf(stderr, "usage: engine-speed MIB RUNS THREADS\n");
        return 2;
    }
    mib = number(argv[1], MAX_MIB);
    runs = number(argv[2], MAX_RUNS);
    threads = number(argv[3], MAX_THREADS);
    g = null_guest_new((uint64_t)mib << 8);
    if (!g)
        return 1;
    for (unsigned run = 0; run < runs; run++)
        for (unsigned way = 0; way < NR_WAYS; way++)
            results[way][run] = gb_per_s(g, way, threads);
    null_guest_free(g);
    print(results, mib, runs, threads);
    return 0;
}
