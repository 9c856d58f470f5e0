/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A stream for people, or for jq: each header and record on a line of its own
 * with where it is, what it is and what is in it, then a summary.
 *
 * Fed with a reader's events. Writes through a function of the caller's; keeps
 * nothing that grows with the stream but the set of pfns (pfn-set.h).
 *
 * JSON is one object a line: headers and records have "offset", "layer" and
 * "name"; the summary is under "summary", a fault under "fault".
 */
#ifndef STREAM_FORMAT_PRINT_PRINTER_H
#define STREAM_FORMAT_PRINT_PRINTER_H

#include "stream-format/reader/reader.h"

struct stream_printer_config {
    bool json;
    bool colour;       /* escape sequences of a terminal */
    bool summary_only; /* no lines for headers and records */
    bool dump_page;    /* print the content of a page, each time that it comes */
    uint64_t page;     /* its pfn */
    void (*write)(void *opaque, const char *text, size_t len);
    void *opaque;
};

struct stream_printer;

/* NULL: no memory. The configuration is copied. */
struct stream_printer *stream_printer_new(const struct stream_printer_config *config);
void stream_printer_free(struct stream_printer *printer);

/*
 * Print only headers and records of that name, of whatever layer. May be
 * called again for more. -1: nothing has that name.
 */
int stream_printer_select(struct stream_printer *printer, const char *name, size_t len);

void stream_printer_event(struct stream_printer *printer, const struct stream_event *event);

/* After the last event: finish the line at hand, the summary, and what is
 * wrong with the stream, if anything (fault may be NULL). */
void stream_printer_end(struct stream_printer *printer, const struct stream_fault *fault);

#endif
