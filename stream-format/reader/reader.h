/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Reading a stream: every layer taken apart, every rule of SPECIFICATION.md
 * checked, in one pass over bytes that somebody else fetches.
 *
 * The caller pushes what it has, in pieces of any size, and gets events. The
 * reader does no I/O, allocates itself once, keeps no body (at most
 * STREAM_PART_MAX bytes of one), and takes time linear in what is pushed. It
 * stops at the first fault.
 *
 * For an xlmig image it needs more: two buffers of up to 4 MiB for a payload, and
 * about one 240th of the guest's memory to know its pages by, up to 1 GiB.
 * Beyond that it no longer looks for pages that come twice, nor at the digest.
 *
 *     reader = stream_reader_new(&config);
 *     while (there is more)
 *         if (stream_reader_push(reader, bytes, len)) break;
 *     stream_reader_end(reader);
 *     fault = stream_reader_fault(reader);
 *     stream_reader_free(reader);
 */
#ifndef STREAM_FORMAT_READER_READER_H
#define STREAM_FORMAT_READER_READER_H

#include <stddef.h>

#include "stream-format/faults.h"
#include "stream-format/records.h"

struct stream_fault {
    enum stream_fault_code code;
    uint64_t offset;  /* of the byte, field or record that is wrong */
    enum stream_layer layer;
    const char *record;     /* the name of the header or record, or NULL between them */
    uint64_t record_index;  /* counted from 0 in its layer; nothing in a header */
    uint64_t record_offset; /* where the header or record starts */
    bool in_header;
    char expected[96];
    char found[96];
};

/* One after the other: HEADER for a header; for a record RECORD, HEAD, any
 * number of ELEMENT and BLOB, RECORD_END. */
enum stream_event_kind {
    STREAM_EVENT_HEADER,
    STREAM_EVENT_RECORD,
    STREAM_EVENT_HEAD,
    STREAM_EVENT_ELEMENT,
    STREAM_EVENT_BLOB, /* bytes that are neither head nor element, in any pieces */
    STREAM_EVENT_RECORD_END,
};

/* Valid during the call. What an event shows was checked as far as it can be
 * by then, but a fault may still follow in the same record. */
struct stream_event {
    enum stream_event_kind kind;
    enum stream_layer layer;
    bool big_endian; /* of the fields in data */
    const struct stream_record_info *info; /* NULL: an optional record, skipped */
    uint32_t type;
    uint32_t length;
    uint64_t record_index;
    uint64_t offset; /* of data; of the record in RECORD; its end in RECORD_END */
    const uint8_t *data;
    size_t len;
    uint64_t index; /* of the element */
};

/* Where a stream starts. */
enum stream_start {
    STREAM_START_AUTO, /* the first eight bytes tell */
    STREAM_START_XL,
    STREAM_START_LIBXL,
    STREAM_START_LIBXC,
};

struct stream_reader_config {
    enum stream_start start;
    void (*event)(void *opaque, const struct stream_event *event); /* may be NULL */
    void *opaque;
};

struct stream_reader;

/* NULL when there is no memory. The configuration is copied. */
struct stream_reader *stream_reader_new(const struct stream_reader_config *config);
void stream_reader_free(struct stream_reader *reader);

/* Returns 0, or -1 at and after the first fault. */
int stream_reader_push(struct stream_reader *reader, const void *data, size_t len);

/*
 * For those who have the content of a libxc image's pages where it belongs, and no copy to show: that many octets of it,
 * which must be due, and at most to its end. No rule is about them, and no event tells of them.
 */
int stream_reader_pass(struct stream_reader *reader, size_t len);

/*
 * For those who read an xlmig image on many channels, and push what of it is libxc's: pages came, of a type that this
 * guest can have.
 */
int stream_reader_note_pages(struct stream_reader *reader, uint64_t pfn, uint64_t count, unsigned int page_type);

/* The stream is over: 0 if it was complete, or -1. */
int stream_reader_end(struct stream_reader *reader);

/* How many bytes were taken, up to a fault. */
uint64_t stream_reader_offset(const struct stream_reader *reader);

/* Was there a digest, and could it be compared with the pages? (Not where there
 * were deltas, or more pages than can be kept in mind.) */
bool stream_reader_digest_checked(const struct stream_reader *reader);

/* What is wrong, or NULL. It lives as long as the reader. */
const struct stream_fault *stream_reader_fault(const struct stream_reader *reader);

#endif
