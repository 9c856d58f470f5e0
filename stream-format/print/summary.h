/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What a stream holds, counted from a reader's events. */
#ifndef STREAM_FORMAT_PRINT_SUMMARY_H
#define STREAM_FORMAT_PRINT_SUMMARY_H

#include "stream-format/image1/image1.h"
#include "stream-format/print/pfn-set.h"
#include "stream-format/reader/reader.h"

struct stream_summary {
    bool layers[STREAM_NR_LAYERS];
    uint32_t image_version; /* 0: no image so far */
    uint32_t guest;
    uint32_t xen_major, xen_minor;
    uint64_t vcpus;         /* PV: with a basic state, in the last checkpoint */

    uint64_t records[STREAM_NR_IDS];
    uint64_t bytes[STREAM_NR_IDS]; /* of bodies */
    uint64_t optional_records;     /* of unknown type */
    uint64_t optional_bytes;

    uint64_t entries;               /* of all PAGE_DATA records */
    uint64_t entries_of_type[16];
    uint64_t pages;                 /* entries with content */
    uint64_t zero_pages;            /* of these, all zeros */
    uint64_t highest_pfn;
    uint64_t passes;                /* how often the pfns began again from below */
    uint64_t distinct_pfns;
    bool distinct_known;            /* false: too many to tell */

    /* Of an xlmig image. */
    bool is_v1;
    uint64_t v1_rounds;
    uint64_t v1_pages[IMAGE1_NR_KINDS];
    uint64_t v1_payload[IMAGE1_NR_CODECS]; /* octets in the records */
    uint64_t v1_raw[IMAGE1_NR_CODECS];     /* octets when decoded */

    /* Private. */
    struct pfn_set *pfns;
    uint64_t last_pfn;
    uint32_t page_done; /* bytes of the page at hand */
    bool page_is_zero;
};

/* Returns 0, or -1 for want of memory. Dispose also what failed to init. */
int stream_summary_init(struct stream_summary *summary);
void stream_summary_dispose(struct stream_summary *summary);
void stream_summary_add(struct stream_summary *summary, const struct stream_event *event);

#endif
