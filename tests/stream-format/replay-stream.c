/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * replay-stream DIRECTORY...: what the fuzz target gets without a fuzzer: the
 * streams of the tests, cut at some places, and each file of the directories.
 * One TAP line for each source.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stream-format/negatives.h"

#define MAX_SEED (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int nr_tests;

static void done(const char *name)
{
    printf("ok %u - %s\n", ++nr_tests, name);
    fflush(stdout);
}

static void replay_made(const char *name, void (*make)(struct bytes *b))
{
    struct bytes b = { 0 };

    make(&b);
    for (size_t len = 0; len < b.len; len += 1 + b.len / 16)
        LLVMFuzzerTestOneInput(b.data, len);
    LLVMFuzzerTestOneInput(b.data, b.len);
    bytes_free(&b);
    done(name);
}

static void replay_file(const char *directory, const char *name)
{
    static uint8_t data[MAX_SEED];
    char path[4096];
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "r");
    if (!file) {
        printf("not ok %u - cannot open %s\n", ++nr_tests, path);
        return;
    }
    len = fread(data, 1, sizeof(data), file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, len);
    done(name);
}

static int replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    struct dirent *entry;

    if (!directory) {
        fprintf(stderr, "replay-stream: cannot open %s\n", path);
        return -1;
    }
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != '.')
            replay_file(path, entry->d_name);
    }
    closedir(directory);
    return 0;
}

int main(int argc, char **argv)
{
    replay_made("saved-pv", put_saved_pv);
    replay_made("saved-hvm", put_saved_hvm);
    for (unsigned int i = 0; i < nr_negatives; i++)
        replay_made(negatives[i].name, negatives[i].make);
    for (int i = 1; i < argc; i++) {
        if (replay_directory(argv[i]))
            return EXIT_FAILURE;
    }
    printf("1..%u\n", nr_tests);
    return EXIT_SUCCESS;
}
