/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What the parts of the conversion share: convert.c knows which way it goes,
 * to-v1.c and to-libxc.c make the images, out.c writes for them and passes on
 * what does not change.
 *
 * A function that returns int returns 0, or -1 after it called convert_fail()
 * or the caller's function failed.
 */
#ifndef STREAM_FORMAT_CONVERT_INTERNAL_H
#define STREAM_FORMAT_CONVERT_INTERNAL_H

#include "stream-format/convert/convert.h"
#include "stream-format/image1/image1.h"
#include "stream-format/reader/page-map.h"

struct octets {
    uint8_t *data;
    size_t len, room;
};

struct stream_convert {
    struct stream_convert_config config;
    enum stream_convert_target target; /* OTHER: not known yet */
    bool failed;
    char error[160];
    uint64_t offset; /* of the output */
    uint64_t outer_len[2]; /* what was copied before the image, and behind it */
    uint32_t outer_crc;    /* of both */

    struct page_map *map;
    struct image1_hasher *hasher;
    struct image1_codec *codec;

    /* Pages of the record that is being made. */
    uint8_t *pages; /* IMAGE1_RAW_MAX */
    uint32_t nr_pages;

    /* To an xlmig image. */
    uint64_t image_offset;
    uint32_t seq;
    uint32_t round;
    uint64_t round_pages;
    struct octets body;     /* of the libxc record at hand */
    struct octets held;     /* state records: type, length, body */
    struct octets entries;  /* of the PAGE_DATA record at hand */
    bool entries_judged;    /* a round was ended before them, if one had to be */
    uint32_t next_entry;    /* the first that is not in a run yet */
    uint32_t page_have;     /* octets of the next page */
    struct image1_run runs[IMAGE1_RUNS_MAX];
    uint32_t nr_runs, nr_run_pages;
    uint8_t *payload;
    struct octets index;    /* entries as they will be written */
    uint64_t index_offset;

    /* To a libxc image. */
    struct image1_memory memory;
    struct image1_run in_runs[IMAGE1_RUNS_MAX];
    uint32_t nr_in_runs;
    uint32_t payload_have;
    uint8_t *raw;
    uint64_t out_entries[IMAGE1_PAYLOAD_PAGES_MAX];
    uint32_t nr_out_entries;
};

int convert_fail(struct stream_convert *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
int convert_write(struct stream_convert *c, const void *data, size_t len);
/* Make room for len more octets and count them in; NULL: no memory. */
uint8_t *octets_add(struct octets *octets, size_t len);

/* Events of the image itself. */
int convert_to_v1_event(struct stream_convert *c, const struct stream_event *event);
int convert_to_libxc_event(struct stream_convert *c, const struct stream_event *event);
int convert_to_v1_end(struct stream_convert *c);

/* A header or record as it came, a piece at a time. */
int convert_copy(struct stream_convert *c, const struct stream_event *event);

#endif
