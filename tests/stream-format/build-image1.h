/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Building xlmig images for the tests, right or wrong. */
#ifndef TESTS_STREAM_FORMAT_BUILD_IMAGE1_H
#define TESTS_STREAM_FORMAT_BUILD_IMAGE1_H

#include "stream-format/image1/image1.h"
#include "tests/stream-format/build.h"

struct v1 {
    struct bytes *b;
    uint64_t features;
    size_t start; /* of the image in b */
    uint32_t seq;
    uint32_t round;
    uint64_t round_pages;
    const struct image1_hasher *hasher;
    struct image1_digest digest;
    struct image1_index_entry index[64];
    uint32_t nr_index;
};

/* The key of the images that have one. */
extern const uint8_t v1_key[IMAGE1_KEY_LEN];
/* With that key, or without any; nobody frees it. */
const struct image1_hasher *v1_hasher(bool keyed);
/* Image header and, on channel 0, DOMAIN; with KEYED, KEY. */
struct v1 v1_begin(struct bytes *b, uint64_t features, uint32_t guest);
/* A record of any kind; returns where it starts in b. */
size_t v1_record(struct v1 *v, uint32_t type, const void *body, uint32_t len);
/* A record of libxc, its body padded with nothing. */
size_t v1_libxc(struct v1 *v, uint32_t type, const void *body, uint32_t len);
/* The libxc records that `put` puts, in the same order. */
void v1_libxc_records(struct v1 *v, void (*put)(struct bytes *b));
/* One MEMORY record; the payload is not compressed by this. */
size_t v1_memory(struct v1 *v, const struct image1_memory *memory, const struct image1_run *runs,
                 const void *payload);
/* The same, with what is needed found out: codec, then runs with their raw payload. */
size_t v1_pages(struct v1 *v, enum image1_codec_id codec, const struct image1_run *runs, uint32_t nr_runs,
                const void *raw, uint32_t raw_len);
size_t v1_round(struct v1 *v, bool last);
size_t v1_digest(struct v1 *v);
size_t v1_index(struct v1 *v);
void v1_trailer(struct v1 *v, size_t index_at);
/* Over all that is in b before the image, and from `end` on. */
void v1_seal(struct v1 *v, size_t end);

/* Change an octet of a record's body and make its checksum right again. */
void v1_poke(struct bytes *b, size_t record, size_t at, const void *data, size_t len);
/* Make the checksum of a record right again, after its header was changed. */
void v1_reseal(struct bytes *b, size_t record);

/* The page that the tests use for a pfn: not zero, compresses. */
void v1_fill(uint8_t *page, uint64_t pfn);

/* Whole images. */
#define V1_FEATURES_FILE (IMAGE1_FEATURE_INDEX | IMAGE1_FEATURE_DIGEST | IMAGE1_FEATURE_LZ4 | \
                          IMAGE1_FEATURE_ZSTD | IMAGE1_FEATURE_SAME)
#define V1_FEATURES_LIVE (IMAGE1_FEATURE_DIGEST | IMAGE1_FEATURE_LZ4 | IMAGE1_FEATURE_ZSTD | \
                          IMAGE1_FEATURE_SAME | IMAGE1_FEATURE_DELTA | IMAGE1_FEATURE_KEYED)
void put_v1_file_image(struct bytes *b);  /* HVM: all kinds and codecs but DELTA, INDEX, trailer */
void put_v1_live_image(struct bytes *b);  /* HVM: three rounds, with deltas; EXTENTS */
void put_v1_pv_image(struct bytes *b);    /* PV: page tables */
void put_v1_saved_hvm(struct bytes *b);   /* the first, in the layers of a save file */
void put_v1_sealed_hvm(struct bytes *b);  /* as `convert` writes it: the same with a seal */
/* As releases before keys wrote them. */
void put_v1_live_image_without_key(struct bytes *b);
void put_v1_small_image_without_key(struct bytes *b);
void put_v1_small_image(struct bytes *b); /* IMAGE-V1.md's example */

#endif
