/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * From a MEMORY record to guest memory: check, populate, map, write, hash.
 *
 * One decoder a channel, in the thread that reads it; everything that decoders
 * share may be used by all of them at once.  The octets are hostile: lengths and
 * runs are checked before memory is asked for, and a pfn that comes twice in a
 * round is found by its tag, whichever channels it comes on.
 *
 * Content without a codec, and without page tables, deltas and references, is
 * read to where it belongs and checked there.  All other is checked and decoded
 * first.  Of each page the hash of what is in the guest's memory is kept, so
 * that the digest can be compared without reading memory again with the guest stopped:
 * that costs 24 octets a page here instead of a pass over memory in the downtime.
 */
#ifndef LIBXCSAVE_RESTORE_V1_DECODE_H
#define LIBXCSAVE_RESTORE_V1_DECODE_H

#include "libxcsave/content-map.h"
#include "libxcsave/imageio.h"
#include "libxcsave/restore/judge.h"
#include "libxcsave/restore/populate.h"

/* What the decoders of an image share. */
struct v1_reading {
    struct xcsave_guest *guest;
    struct populate *memory;
    struct content_map *content;
    uint64_t features;          /* of the image */
    const struct image1_hasher *hasher;
    struct judge *judge;
};

struct v1_decoder;

/* NULL: no memory. */
struct v1_decoder *v1_decoder_new(const struct v1_reading *shared, struct imageio *io);
void v1_decoder_free(struct v1_decoder *d);

/*
 * A MEMORY record, of which only the header was read.  `order` is the channel's
 * and has taken that header.
 */
int v1_decode_memory(struct v1_decoder *d, struct image1_channel *order,
                     const uint8_t header[IMAGE1_RECORD_HEADER_LEN], const struct image1_record *record,
                     struct xcsave_error *error);

/* What this channel's pages add to the digest. */
const struct image1_digest *v1_decoder_digest(const struct v1_decoder *d);
/* Add this channel's counts.  From any thread. */
void v1_decoder_count(struct v1_decoder *d, struct xcsave_kind_count kinds[XCSAVE_NR_KINDS]);

/* "MEMORY: runs that ... expected, 7 found".  Returns -1. */
int v1_refuse(struct xcsave_error *error, const char *what, const struct image1_fault *fault);

#endif
