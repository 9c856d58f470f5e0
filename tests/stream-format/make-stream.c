/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * make-stream NAME: write a stream of the tests to standard output. NAME is a
 * sample or a row of negatives.def; `make-stream --list` prints both, samples
 * with "valid", negatives with the fault that they have.
 */
#include <stdio.h>
#include <string.h>

#include "tests/stream-format/build-image1.h"
#include "tests/stream-format/negatives.h"

static void make_pv2(struct bytes *b)
{
    put_pv_image(b, 2);
}

static void make_pv3(struct bytes *b)
{
    put_pv_image(b, 3);
}

static void make_hvm2(struct bytes *b)
{
    put_hvm_image(b, 2);
}

static void make_hvm3(struct bytes *b)
{
    put_hvm_image(b, 3);
}

static void make_big_endian(struct bytes *b)
{
    b->big_endian = true;
    put_saved_pv(b);
}

/* A second round, whose first record has a page that came and one that did not. */
static void make_live(struct bytes *b)
{
    put_hvm_static(b, 3);
    put_pages(b, 0, 3, STREAM_PAGE_NOTAB);
    put_pages(b, 5, 2, STREAM_PAGE_NOTAB);
    put_pages(b, 3, 3, STREAM_PAGE_NOTAB);
    put_pages(b, 2, 1, STREAM_PAGE_XTAB);
    put_pages(b, 2, 1, STREAM_PAGE_NOTAB);
    put_hvm_state(b);
    put_empty_record(b, STREAM_REC_END);
}

/* The reader alone cannot know: its configuration is not JSON. */
static void make_config_not_json(struct bytes *b)
{
    put_saved_pv(b);
    b->data[52] = '[';
}

static const struct {
    const char *name;
    void (*make)(struct bytes *b);
    const char *verdict;
} samples[] = {
    { "saved-pv", put_saved_pv, "valid" },
    { "saved-hvm", put_saved_hvm, "valid" },
    { "image-pv-2", make_pv2, "valid" },
    { "image-pv-3", make_pv3, "valid" },
    { "image-hvm-2", make_hvm2, "valid" },
    { "image-hvm-3", make_hvm3, "valid" },
    { "image-live", make_live, "valid" },
    { "saved-big-endian", make_big_endian, "valid" },
    { "v1-file", put_v1_file_image, "valid" },
    { "v1-live", put_v1_live_image, "valid" },
    { "v1-live-no-key", put_v1_live_image_without_key, "valid" },
    { "v1-small-no-key", put_v1_small_image_without_key, "valid" },
    { "v1-pv", put_v1_pv_image, "valid" },
    { "v1-saved-hvm", put_v1_saved_hvm, "valid" },
    { "v1-sealed-hvm", put_v1_sealed_hvm, "valid" },
    { "v1-small", put_v1_small_image, "valid" },
    { "saved-config-not-json", make_config_not_json, "BAD_TEXT" },
};

#define NR_SAMPLES (sizeof(samples) / sizeof(samples[0]))

static int list(void)
{
    for (size_t i = 0; i < NR_SAMPLES; i++)
        printf("%s %s\n", samples[i].name, samples[i].verdict);
    for (unsigned int i = 0; i < nr_negatives; i++)
        printf("%s %s\n", negatives[i].name, stream_fault_name(negatives[i].code));
    return 0;
}

int main(int argc, char **argv)
{
    void (*make)(struct bytes *b) = NULL;
    struct bytes b = { 0 };

    if (argc == 2 && !strcmp(argv[1], "--list"))
        return list();
    for (size_t i = 0; argc == 2 && i < NR_SAMPLES; i++) {
        if (!strcmp(samples[i].name, argv[1]))
            make = samples[i].make;
    }
    for (unsigned int i = 0; argc == 2 && i < nr_negatives; i++) {
        if (!strcmp(negatives[i].name, argv[1]))
            make = negatives[i].make;
    }
    if (!make) {
        fprintf(stderr, "usage: make-stream NAME|--list\n");
        return 2;
    }
    make(&b);
    fwrite(b.data, 1, b.len, stdout);
    bytes_free(&b);
    return fflush(stdout) ? 1 : 0;
}
