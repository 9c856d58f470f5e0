/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Parts of the printer: what a PAGE_DATA record holds, the content of one page,
 * the summary. */
#ifndef STREAM_FORMAT_PRINT_PRINT_PAGE_H
#define STREAM_FORMAT_PRINT_PRINT_PAGE_H

#include "stream-format/print/out.h"
#include "stream-format/reader/reader.h"
#include "stream-format/print/summary.h"

/* Of one record. */
struct print_pages {
    uint64_t lowest, highest;
    uint32_t of_type[16];
    uint32_t count;
    uint32_t runs; /* of pfns that follow each other */
    uint64_t last;
};

void print_pages_begin(struct print_pages *pages);
void print_pages_add(struct print_pages *pages, uint64_t entry);
void print_pages_end(const struct print_pages *pages, struct out *out);

/* The page that was asked for, should it be in the record. */
struct print_dump {
    bool wanted;
    unsigned int page_type;
    uint64_t pfn;
    uint64_t nr_before;  /* pages with content before it, then all in the record */
    uint64_t skip;       /* bytes of content before it */
    uint32_t have;
    uint8_t content[STREAM_PAGE_SIZE];
};

void print_dump_begin(struct print_dump *dump);
void print_dump_entry(struct print_dump *dump, uint64_t entry, uint64_t pfn);
void print_dump_content(struct print_dump *dump, const uint8_t *data, size_t len);
void print_dump_end(const struct print_dump *dump, struct out *out,
                    const struct stream_event *event);

void print_summary(struct out *out, const struct stream_summary *summary);

#endif
