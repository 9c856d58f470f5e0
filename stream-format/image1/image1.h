/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig image v1: encoding, decoding. stream-format/IMAGE-V1.md is the text to
 * it, with every rule; image1-layout.h beside that text has the numbers.
 *
 * Everything here is pure: no I/O, no global state, no allocation but in the
 * constructors of the codec and the hasher; the caller owns every buffer, so that many threads
 * may use it at once. All integers in the image are little-endian; the structs
 * below are not wire structs, they hold what was or will be in the octets.
 *
 * Writing a MEMORY record without copying pages:
 *
 *     len = image1_encode_memory(head, &memory, runs, seq);
 *     crc = image1_crc_begin(head, len);
 *     for each piece of payload, in order: crc = crc32c(crc, piece, its length);
 *     nr_padding = image1_seal(head, crc);
 *     writev(head of len octets, the pieces, nr_padding zeros);
 *
 * Reading one into guest memory:
 *
 *     image1_decode_record(octets, &record, &fault);
 *     image1_decode_memory(octets, features, &memory, &fault);
 *     image1_decode_runs(octets, &memory, runs, &tally, &fault);
 *     crc = crc32c(...) over what was read so far, then over each piece of
 *     the payload and the padding, wherever they were read to;
 *     crc must be record.crc before anything relies on the record.
 */
#ifndef STREAM_FORMAT_IMAGE1_IMAGE1_H
#define STREAM_FORMAT_IMAGE1_IMAGE1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream-format/bytes.h"
#include "stream-format/crc32c.h"
#include "stream-format/faults.h"
#include "stream-format/image1-layout.h"
#include "stream-format/libxc-image.h"

/* ---- errors ------------------------------------------------------------- */

/* Why octets were refused: the first reason, and nothing else. */
struct image1_fault {
    enum stream_fault_code code;
    uint32_t at;          /* offset of the field in the octets that were given */
    const char *expected; /* static text: what should have been there */
    uint64_t found;
};

/* The decoders return 0, or -1 with *fault filled and the output undefined. */

/* ---- headers ------------------------------------------------------------ */

struct image1_header {
    uint16_t version;
    uint16_t min_reader; /* the oldest version of a reader that can read it */
    uint32_t length;     /* of the header */
    uint64_t features;
    uint32_t nr_channels;
};

/* What a writer of this version writes. nr_channels from 1 to the maximum. */
void image1_encode_header(uint8_t out[IMAGE1_HEADER_LEN], uint64_t features,
                          uint32_t nr_channels);

/*
 * The header's length, from its first 16 octets. 32 in this version; a later
 * one may add fields, up to IMAGE1_HEADER_LEN_MAX.
 */
#define IMAGE1_HEADER_LEN_MAX 1024u
int image1_header_len(const uint8_t in[16], uint32_t *len, struct image1_fault *fault);

/* The whole header, of the length that image1_header_len() gave. */
int image1_decode_header(const uint8_t *in, uint32_t len, struct image1_header *header,
                         struct image1_fault *fault);

struct image1_channel_header {
    uint16_t version;
    uint16_t channel; /* from 1 to the image's nr_channels - 1 */
    uint8_t token[IMAGE1_TOKEN_LEN];
};

void image1_encode_channel_header(uint8_t out[IMAGE1_CHANNEL_HEADER_LEN], uint16_t channel,
                                  const uint8_t token[IMAGE1_TOKEN_LEN]);
/* The caller compares the token, in constant time, and the channel's number. */
int image1_decode_channel_header(const uint8_t in[IMAGE1_CHANNEL_HEADER_LEN],
                                 struct image1_channel_header *header,
                                 struct image1_fault *fault);

/* The last octets of a save file. */
struct image1_trailer {
    uint64_t index_offset; /* of the INDEX record, in the file */
    uint64_t file_len;     /* trailer included */
    uint32_t image_offset; /* of the image header, in the file */
};

void image1_encode_trailer(uint8_t out[IMAGE1_TRAILER_LEN], const struct image1_trailer *trailer);
int image1_decode_trailer(const uint8_t in[IMAGE1_TRAILER_LEN], struct image1_trailer *trailer,
                          struct image1_fault *fault);

/* Right before the trailer: a checksum over what a file has around its image. */
struct image1_seal {
    uint64_t before_len; /* octets before the image header */
    uint64_t after_len;  /* octets from the image's END to the seal */
    uint32_t outer_crc;  /* CRC-32C of the former and, going on, the latter */
};

void image1_encode_seal(uint8_t out[IMAGE1_SEAL_LEN], const struct image1_seal *seal);
/* The caller compares what it says with the file. */
int image1_decode_seal(const uint8_t in[IMAGE1_SEAL_LEN], struct image1_seal *seal, struct image1_fault *fault);

/* ---- records ------------------------------------------------------------ */

struct image1_record {
    uint32_t type;
    uint32_t length; /* of the body, without padding */
    uint32_t seq;    /* from 0 in each channel, modulo 2^32 */
    uint32_t crc;
};

/* Name of a record type; NULL: not known. */
const char *image1_record_name(uint32_t type);

/* The header with a checksum of 0, for image1_seal() to fill in. */
void image1_encode_record(uint8_t out[IMAGE1_RECORD_HEADER_LEN], uint32_t type, uint32_t length,
                          uint32_t seq);

/* Refuses types that are not known and not optional, and lengths that the
 * type does not have. Order and seq are image1_channel_take()'s to judge. */
int image1_decode_record(const uint8_t in[IMAGE1_RECORD_HEADER_LEN], struct image1_record *record,
                         struct image1_fault *fault);

/* Zeros after a body of that length, so that the next record is aligned. */
static inline uint32_t image1_padding(uint32_t length)
{
    return (uint32_t)-length & 7;
}

/* The checksum of a record's first len octets, its header among them; the
 * header's own checksum field is passed over. Go on with crc32c(). */
uint32_t image1_crc_begin(const uint8_t *record, size_t len);

/* Add the padding's octets to the checksum, write it into the record's header;
 * returns how many octets of padding to write after the body. */
uint32_t image1_seal(uint8_t record[IMAGE1_RECORD_HEADER_LEN], uint32_t crc);

/* A whole record at once: header, body, padding. `out` has room for
 * 16 + length + 7 octets; returns the record's length with its padding. */
size_t image1_encode_small(uint8_t *out, uint32_t type, const void *body, uint32_t length,
                           uint32_t seq);

/* Is the checksum of a record right, that lies whole in memory, with padding? */
bool image1_record_intact(const uint8_t *record, const struct image1_record *decoded);

/* ---- MEMORY ------------------------------------------------------------- */

struct image1_run {
    uint64_t pfn;
    uint32_t count;
    uint8_t kind; /* enum image1_kind */
    uint8_t type; /* libxc's page type */
};

struct image1_memory {
    uint32_t round;
    uint16_t codec; /* enum image1_codec_id */
    uint32_t nr_runs;
    uint32_t payload_len; /* as it is in the record */
    uint32_t raw_len;     /* as it is when decoded */
};

/* What a run table adds up to. */
struct image1_tally {
    uint32_t pages[IMAGE1_NR_KINDS];
    uint32_t nr_pages;         /* all of them */
    uint32_t nr_payload_pages; /* DATA, DELTA and SAME */
    uint32_t raw_min, raw_max; /* what raw_len may be */
};

/*
 * Record header, head and runs into `out`, which has room for
 * IMAGE1_MEMORY_PREFIX_MAX; returns their length. The payload of
 * memory->payload_len octets follows it. The caller sees to it that the
 * runs keep the rules; image1_check_runs() tells.
 */
size_t image1_encode_memory(uint8_t *out, const struct image1_memory *memory,
                            const struct image1_run *runs, uint32_t seq);

/* The head, for a body of that length: all but the runs is then known good.
 * Refuses codecs that the image's features do not have. */
int image1_decode_memory(const uint8_t in[IMAGE1_MEMORY_HEAD_LEN], uint32_t length,
                         uint64_t features, struct image1_memory *memory,
                         struct image1_fault *fault);

/* memory->nr_runs runs, from as many times 16 octets. fault->at counts from
 * the first run. */
int image1_decode_runs(const uint8_t *in, uint64_t features, const struct image1_memory *memory,
                       struct image1_run *runs, struct image1_tally *tally,
                       struct image1_fault *fault);

/* The same rules over runs that are to be written. */
int image1_check_runs(const struct image1_run *runs, uint64_t features,
                      const struct image1_memory *memory, struct image1_tally *tally,
                      struct image1_fault *fault);

/* Octets of raw payload of a page at least and at most, by kind. */
static inline uint32_t image1_kind_raw_min(unsigned int kind)
{
    return kind == IMAGE1_KIND_DATA ? STREAM_PAGE_SIZE :
           kind == IMAGE1_KIND_DELTA ? 2 : kind == IMAGE1_KIND_SAME ? 8 : 0;
}

static inline uint32_t image1_kind_raw_max(unsigned int kind)
{
    return kind == IMAGE1_KIND_DELTA ? STREAM_PAGE_SIZE : image1_kind_raw_min(kind);
}

static inline bool image1_kind_has_payload(unsigned int kind)
{
    return kind == IMAGE1_KIND_DATA || kind == IMAGE1_KIND_DELTA || kind == IMAGE1_KIND_SAME;
}

/*
 * Walk over a decoded payload, page by page in the order of the runs; runs
 * without payload, ZERO and ABSENT, are passed over.
 *
 *     struct image1_walk walk = image1_walk_begin(&memory, runs, raw);
 *     while ((r = image1_walk_next(&walk, &page, &fault)) > 0) ...
 *
 * Returns 1 with a page, 0 when all are done and the payload is used up exactly,
 * -1 for a fault, whose `at` counts from the payload's start.
 */
struct image1_page {
    uint64_t pfn;
    uint8_t kind;
    uint8_t type;
    const uint8_t *data; /* DATA: the content; DELTA: the delta */
    uint32_t len;        /* of data */
    uint64_t source;     /* SAME: the pfn whose content it is */
};

struct image1_walk {
    const struct image1_run *runs;
    uint32_t nr_runs;
    uint32_t run, page;
    const uint8_t *raw;
    uint32_t raw_len, at;
};

struct image1_walk image1_walk_begin(const struct image1_memory *memory,
                                     const struct image1_run *runs, const uint8_t *raw);
int image1_walk_next(struct image1_walk *walk, struct image1_page *page,
                     struct image1_fault *fault);

/* ---- page content: zero, delta ------------------------------------------ */

/* All zeros? Looks at whole words, leaves early. Any alignment, 4096 octets. */
bool image1_page_is_zero(const uint8_t *page);

/*
 * What changed from `old` to `page`, both of 4096 octets, into `out`, which has
 * room for IMAGE1_DELTA_MAX octets. Returns the delta's length, 0 when nothing
 * changed; -1 when it would be longer than max, which is at most
 * IMAGE1_DELTA_MAX. Any alignment.
 */
int image1_delta_encode(const uint8_t *old, const uint8_t *page, uint8_t *out, uint32_t max);

/* Apply a delta to a page in place. Checked whole before the page is touched:
 * -1 leaves it as it was. */
int image1_delta_apply(uint8_t *page, const uint8_t *delta, uint32_t len,
                       struct image1_fault *fault);

/* The check alone. fault->at counts from the delta's start. */
int image1_delta_check(const uint8_t *delta, uint32_t len, struct image1_fault *fault);

/* ---- codecs ------------------------------------------------------------- */

/* The working memory of a compressor and a decompressor; one for each thread. */
struct image1_codec;

struct image1_codec *image1_codec_new(void); /* NULL: no memory */
void image1_codec_free(struct image1_codec *codec);

/* Room that compressing raw_len octets may need; raw_len at most IMAGE1_RAW_MAX. */
uint32_t image1_compress_bound(enum image1_codec_id id, uint32_t raw_len);

/*
 * Compress raw octets that lie in pieces (guest pages, deltas); level is zstd's
 * level, or lz4's acceleration, 0 for the default. Returns the payload's length;
 * 0 when it would not be smaller than the raw octets, or failed: then send them
 * as they are, with IMAGE1_CODEC_NONE.
 */
struct image1_piece {
    const void *data;
    size_t len;
};
uint32_t image1_compress(struct image1_codec *codec, enum image1_codec_id id, int level,
                         const struct image1_piece *pieces, unsigned int nr_pieces, uint8_t *out,
                         uint32_t out_room);

/*
 * Exactly memory->raw_len octets into `raw`, from exactly memory->payload_len
 * octets; anything else is refused, and nothing is ever written beyond raw_len.
 * The checksum should have been compared before: the decoders are robust, but
 * there is no reason to show them garbage. Not for IMAGE1_CODEC_NONE.
 */
int image1_decompress(struct image1_codec *codec, const struct image1_memory *memory,
                      const uint8_t *payload, uint8_t *raw, struct image1_fault *fault);

/* ---- DOMAIN, LIBXC, ROUND, INDEX ---------------------------------------- */

struct image1_domain {
    uint32_t guest; /* STREAM_GUEST_* */
    uint32_t xen_major, xen_minor;
};

void image1_encode_domain(uint8_t out[IMAGE1_DOMAIN_LEN], const struct image1_domain *domain);
int image1_decode_domain(const uint8_t in[IMAGE1_DOMAIN_LEN], struct image1_domain *domain,
                         struct image1_fault *fault);

/* A libxc record's type; its body follows. Which types may come, and when, is
 * libxc's business and IMAGE-V1.md's; this refuses those that never may. */
void image1_encode_libxc(uint8_t out[IMAGE1_LIBXC_HEAD_LEN], uint32_t libxc_type);
int image1_decode_libxc(const uint8_t in[IMAGE1_LIBXC_HEAD_LEN], uint32_t *libxc_type,
                        struct image1_fault *fault);

struct image1_round {
    uint32_t round;
    uint32_t flags;
    uint64_t pages; /* that this round had on this channel, of all kinds */
};

void image1_encode_round(uint8_t out[IMAGE1_ROUND_LEN], const struct image1_round *round);
int image1_decode_round(const uint8_t in[IMAGE1_ROUND_LEN], struct image1_round *round,
                        struct image1_fault *fault);

struct image1_index_entry {
    uint64_t first, last; /* the lowest and the highest pfn of a MEMORY record */
    uint64_t offset;      /* of the record, from the image's first octet */
};

/* Head of an INDEX record with so many entries; its body is
 * IMAGE1_INDEX_HEAD_LEN + count * IMAGE1_INDEX_ENTRY_LEN octets. */
void image1_encode_index(uint8_t out[IMAGE1_INDEX_HEAD_LEN], uint32_t count);
int image1_decode_index(const uint8_t in[IMAGE1_INDEX_HEAD_LEN], uint32_t length, uint32_t *count,
                        struct image1_fault *fault);
void image1_encode_index_entry(uint8_t out[IMAGE1_INDEX_ENTRY_LEN],
                               const struct image1_index_entry *entry);
int image1_decode_index_entry(const uint8_t in[IMAGE1_INDEX_ENTRY_LEN],
                              struct image1_index_entry *entry, struct image1_fault *fault);

/* ---- EXTENTS ------------------------------------------------------------ */

/* 1 GiB extents, one after the other, of which every page is said to have memory. */
struct image1_extents {
    uint64_t pfn;   /* a multiple of IMAGE1_EXTENT_PAGES */
    uint32_t count; /* extents, at least 1 */
};

void image1_encode_extents(uint8_t out[IMAGE1_EXTENTS_LEN], const struct image1_extents *extents);
int image1_decode_extents(const uint8_t in[IMAGE1_EXTENTS_LEN], struct image1_extents *extents,
                          struct image1_fault *fault);

/* ---- KEY, the identity of content, and DIGEST ------------------------------- */

/* The key of an image with KEYED, as it is in the record.  Refuses one of which a half is zero: no random key is. */
int image1_decode_key(const uint8_t in[IMAGE1_KEY_LEN], struct image1_fault *fault);

/* What stands for a page's content: in the digest, and where a writer looks for equal pages. */
struct image1_hash {
    uint64_t low, high;
};

static inline bool image1_hash_equal(struct image1_hash a, struct image1_hash b)
{
    return a.low == b.low && a.high == b.high;
}

/*
 * How it is made in one image: with the image's key (POLYVAL), or, where the image has none, by XXH3 of 128 bits.
 * With a key that those who chose the contents know nothing of, equal hashes are equal contents (IMAGE-V1.md, "What
 * equality rests on").  Without a key anybody can make two contents that have one hash: good against
 * accidents, and for nothing else.
 *
 * Does not change once it is made: any thread may use it.
 */
struct image1_hasher;

/* `key` NULL: an image without KEYED.  NULL: no memory. */
struct image1_hasher *image1_hasher_new(const uint8_t key[IMAGE1_KEY_LEN]);
/* The key is wiped.  NULL is fine. */
void image1_hasher_free(struct image1_hasher *hasher);

/* Of 4096 octets. */
struct image1_hash image1_content_hash(const struct image1_hasher *hasher, const uint8_t *page);

/* Plain pages, and page tables as they are in the stream (normalised). */
enum image1_digest_class { IMAGE1_DIGEST_PLAIN, IMAGE1_DIGEST_TABLES };

/*
 * The sum over all pages whose content is not all zeros, each once, with the
 * content that it has in the end. Sums of parts may be added, pages come and
 * go in any order: whoever replaces a page's content removes the old one.
 * All of one image is done with one hasher.
 */
struct image1_digest {
    uint64_t pages[2]; /* by enum image1_digest_class */
    uint64_t low[2];
    uint64_t high[2];
};

/* By a libxc page type that has content. */
enum image1_digest_class image1_digest_class(unsigned int page_type);
/* A page whose content has that hash, and is not all zeros, comes or goes. */
void image1_digest_add(const struct image1_hasher *hasher, struct image1_digest *digest,
                       enum image1_digest_class class, uint64_t pfn, struct image1_hash hash);
void image1_digest_remove(const struct image1_hasher *hasher, struct image1_digest *digest,
                          enum image1_digest_class class, uint64_t pfn, struct image1_hash hash);
void image1_digest_merge(const struct image1_hasher *hasher, struct image1_digest *digest,
                         const struct image1_digest *part);
bool image1_digest_equal(const struct image1_digest *a, const struct image1_digest *b);

void image1_encode_digest(uint8_t out[IMAGE1_DIGEST_LEN], const struct image1_digest *digest);
void image1_decode_digest(const uint8_t in[IMAGE1_DIGEST_LEN], struct image1_digest *digest);

/* ---- the order of a channel's records ----------------------------------- */

/*
 * The state machine of one channel; IMAGE-V1.md, "Order". A reader takes each
 * record's header, then what its body says, and stops at the first -1. What
 * concerns all channels at once, the barriers, is the reader's own: it compares
 * `round` of the channels.
 */
enum image1_phase {
    IMAGE1_PHASE_OPENING, /* round 0: static records, no memory */
    IMAGE1_PHASE_MEMORY,
    IMAGE1_PHASE_CLOSING, /* after the last ROUND */
    IMAGE1_PHASE_ENDED,
};

struct image1_channel {
    uint16_t channel;
    uint64_t features;
    enum image1_phase phase;
    uint32_t next_seq;
    uint32_t round;       /* that the channel's records belong to */
    uint64_t round_pages; /* so far */
    bool domain_seen, key_seen, static_ended, extents_seen, digest_seen, index_seen;
};

void image1_channel_init(struct image1_channel *c, uint16_t channel, uint64_t features);

/* May this record come now? fault->at is in the record's header. */
int image1_channel_take(struct image1_channel *c, const struct image1_record *record,
                        struct image1_fault *fault);
/* After image1_channel_take(), once the body's head is decoded; fault->at
 * counts from the body's start. */
int image1_channel_libxc(struct image1_channel *c, uint32_t libxc_type,
                         struct image1_fault *fault);
int image1_channel_memory(struct image1_channel *c, const struct image1_memory *memory,
                          const struct image1_tally *tally, struct image1_fault *fault);
int image1_channel_round(struct image1_channel *c, const struct image1_round *round,
                         struct image1_fault *fault);

#endif
