/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * guest-memory MIB CONTENT: what a simulated guest has in its memory, as a file for another program's guest.
 *
 * The file is descriptor 3 of this process, which others open as /proc/PID/fd/3. It says "ready" once the file is
 * filled and ends, and the file with it, when its standard input does. CONTENT is zero, text, random or mixed.
 */
#include "config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xlmig/simhost/memory-file.h"
#include "xlmig/simhost/pattern.h"

#define FILE_FD 3
#define SEED 1u
#define MAX_MIB (1ul << 20)

static bool parse_content(const char *name, enum pattern_content *content)
{
    static const char *const names[PATTERN_NR_CONTENTS] = { "mixed", "zero", "text", "random" };

    for (int i = 0; i < PATTERN_NR_CONTENTS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *content = (enum pattern_content)i;
            return true;
        }
    }
    return false;
}

static int fill(size_t bytes, enum pattern_content content)
{
    const int fd = simhost_memory_file(bytes);

    if (fd < 0)
        return -1;
    if (fd != FILE_FD && dup2(fd, FILE_FD) < 0)
        return -1;
    uint8_t *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, FILE_FD, 0);
    if (memory == MAP_FAILED)
        return -1;
    madvise(memory, bytes, MADV_HUGEPAGE);
    for (size_t pfn = 0; pfn < bytes / PATTERN_PAGE_SIZE; pfn++)
        pattern_fill(memory + pfn * PATTERN_PAGE_SIZE, SEED, pfn, 0, content);
    return munmap(memory, bytes);
}

int main(int argc, char **argv)
{
    enum pattern_content content;
    char *end = NULL;
    const unsigned long mib = argc == 3 ? strtoul(argv[1], &end, 10) : 0;

    if (!end || *end || mib < 1 || mib > MAX_MIB || !parse_content(argv[2], &content)) {
        fprintf(stderr, "Usage: guest-memory MIB zero|text|random|mixed\n");
        return 2;
    }
    if (fill((size_t)mib << 20, content)) {
        perror("guest-memory");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
