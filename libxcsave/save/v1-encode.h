/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * From pfns to one MEMORY record: map, look, copy, hash, compare, compress, write.
 *
 * A worker has an encoder of its own, with all the buffers that it needs, and
 * one channel for the whole of the image; several may share a channel.
 *
 * Content is copied out of the guest before anything is computed of it: the
 * guest may be running, and what is under the checksum must be what is hashed
 * and sent.  A page that is written to after that is in the dirty log.
 *
 * Windows.  A page is mapped for the length of its job, and anew in every round.
 * A mapping refers to a frame, not to a pfn.  A frame that the guest gave up,
 * exchanged or had paged out is held by the mapping and stays readable in it, with
 * the content that it had; and Xen before 4.22 marks no such change in the dirty
 * log.  So there is no proof that what is read through a window that was kept over
 * rounds is the guest's: a page exchanged and then written to would be logged, and read
 * again from the frame that is not the guest's any more.  Mapped anew, it is
 * read from what the pfn has then, and one job is so short that save.c's looks at the
 * guest's size, after each batch and before the log is cleaned, come between.  A
 * larger window would gain little: Xen maps page by page, and what is paid for is
 * the page, not the call.
 */
#ifndef LIBXCSAVE_SAVE_V1_ENCODE_H
#define LIBXCSAVE_SAVE_V1_ENCODE_H

#include "libxcsave/content-map.h"
#include "libxcsave/save/delta-cache.h"
#include "libxcsave/save/page-sink.h"
#include "libxcsave/save/v1-channel.h"

/* A 2 MiB extent: what the reader needs whole to give it a superpage. */
#define V1_JOB_PAGES (1u << GUEST_SUPERPAGE_ORDER)

struct v1_job {
    unsigned n;
    bool suspended;
    uint64_t pfns[V1_JOB_PAGES];        /* ascending */
    uint8_t types[V1_JOB_PAGES];
};

/* What all encoders of an image share.  Changed between rounds only. */
struct v1_shared {
    struct page_sink *sink;
    uint64_t features;
    enum xcsave_compress compress;
    int level;
    uint32_t round;
    const struct image1_hasher *hasher;
    struct content_map *sent;
    struct delta_cache *cache;  /* NULL: none */
};

struct v1_encoder;

/* NULL: no memory. */
struct v1_encoder *v1_encoder_new(const struct v1_shared *shared, struct v1_channel *channel);
void v1_encoder_free(struct v1_encoder *e);

/* Write one job's record.  Its counts are then in `kinds`. */
int v1_encode_job(struct v1_encoder *e, const struct v1_job *job, struct xcsave_kind_count kinds[XCSAVE_NR_KINDS],
                  struct xcsave_error *error);
/* What this encoder's pages add to the image's digest. */
const struct image1_digest *v1_encoder_digest(const struct v1_encoder *e);

/* ---- which codec (pure) ---- */

/* What compressing was like of late, in this encoder.  All 0: nothing known. */
struct v1_codec_trial {
    double ns_a_byte;           /* to compress a byte of content */
    double ratio;               /* of what came out to what went in */
    unsigned age;               /* records since it was tried */
};

struct v1_codec_facts {
    uint64_t features;          /* codecs that the reader has */
    double write_ns_a_byte;     /* that a byte on the wire takes, waiting included; 0: unknown */
    struct v1_codec_trial trials[IMAGE1_NR_CODECS];
};

/* A codec that was not tried of late; NONE: all were, or writing is so fast that no codec could ever win. */
enum image1_codec_id v1_codec_to_try(const struct v1_codec_facts *facts);

/* The codec with which, as far as was tried, a byte of content takes the least time to be compressed and written. */
enum image1_codec_id v1_choose_codec(const struct v1_codec_facts *facts);

#endif
