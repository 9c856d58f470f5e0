/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig image v1: headers, and every body but MEMORY's. */
#include "stream-format/image1/image1.h"

#include <string.h>

#include "stream-format/image1/fail.h"
#include "stream-format/records.h"

const char *image1_record_name(uint32_t type)
{
    static const char *const names[] = {
        [IMAGE1_REC_DOMAIN] = "DOMAIN", [IMAGE1_REC_LIBXC] = "LIBXC", [IMAGE1_REC_MEMORY] = "MEMORY",
        [IMAGE1_REC_ROUND] = "ROUND",   [IMAGE1_REC_DIGEST] = "DIGEST", [IMAGE1_REC_INDEX] = "INDEX",
        [IMAGE1_REC_END] = "END",       [IMAGE1_REC_KEY] = "KEY",
    };

    if (type == IMAGE1_REC_EXTENTS)
        return "EXTENTS";
    return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

/* ---- headers ------------------------------------------------------------ */

/* Put the checksum of what precedes it into the last four octets. */
static void seal_header(uint8_t *header, uint32_t len)
{
    stream_put_le32(header + len - 4, crc32c(0, header, len - 4));
}

static int check_header_crc(const uint8_t *in, uint32_t len, struct image1_fault *fault)
{
    uint32_t crc = stream_get_le32(in + len - 4);

    return crc == crc32c(0, in, len - 4)
               ? 0 : image1_fail(fault, STREAM_FAULT_BAD_CHECKSUM, len - 4, "the octets' checksum", crc);
}

void image1_encode_header(uint8_t out[IMAGE1_HEADER_LEN], uint64_t features, uint32_t nr_channels)
{
    memcpy(out, IMAGE1_MAGIC, IMAGE1_MAGIC_LEN);
    stream_put_le16(out + 8, IMAGE1_VERSION);
    stream_put_le16(out + 10, IMAGE1_VERSION);
    stream_put_le32(out + 12, IMAGE1_HEADER_LEN);
    stream_put_le64(out + 16, features);
    stream_put_le32(out + 24, nr_channels);
    seal_header(out, IMAGE1_HEADER_LEN);
}

int image1_header_len(const uint8_t in[16], uint32_t *len, struct image1_fault *fault)
{
    uint16_t version = stream_get_le16(in + 8), min_reader = stream_get_le16(in + 10);

    *len = stream_get_le32(in + 12);
    if (memcmp(in, IMAGE1_MAGIC, IMAGE1_MAGIC_LEN))
        return image1_fail(fault, STREAM_FAULT_BAD_MAGIC, 0, "89 58 4c 4d 49 47 0d 0a", stream_get_be64(in));
    if (version < IMAGE1_VERSION)
        return image1_fail(fault, STREAM_FAULT_BAD_VERSION, 8, "version 1 or later", version);
    if (min_reader < 1 || min_reader > version)
        return image1_fail(fault, STREAM_FAULT_BAD_VERSION, 10, "from 1 to the image's version", min_reader);
    if (min_reader > IMAGE1_VERSION)
        return image1_fail(fault, STREAM_FAULT_BAD_VERSION, 10, "an image that version 1 can read", min_reader);
    if (version == IMAGE1_VERSION && *len != IMAGE1_HEADER_LEN)
        return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 12, "32 octets", *len);
    if (*len < IMAGE1_HEADER_LEN || *len > IMAGE1_HEADER_LEN_MAX || *len % 8)
        return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 12, "32 to 1024 octets, a multiple of 8", *len);
    return 0;
}

static int check_features(uint64_t features, uint32_t nr_channels, struct image1_fault *fault)
{
    if (features & ~IMAGE1_FEATURES_KNOWN)
        return image1_fail(fault, STREAM_FAULT_BAD_FEATURE, 16, "no features but bits 0 to 8", features);
    if (!nr_channels || nr_channels > IMAGE1_CHANNELS_MAX)
        return image1_fail(fault, STREAM_FAULT_BAD_COUNT, 24, "1 to 64 channels", nr_channels);
    if (nr_channels > 1 && !(features & IMAGE1_FEATURE_CHANNELS))
        return image1_fail(fault, STREAM_FAULT_BAD_FEATURE, 16, "CHANNELS with several channels", features);
    if ((features & IMAGE1_FEATURE_INDEX) && nr_channels > 1)
        return image1_fail(fault, STREAM_FAULT_BAD_FEATURE, 16, "no INDEX with several channels", features);
    if ((features & IMAGE1_FEATURE_INDEX) && (features & IMAGE1_FEATURE_DELTA))
        return image1_fail(fault, STREAM_FAULT_BAD_FEATURE, 16, "no INDEX together with DELTA", features);
    if ((features & IMAGE1_FEATURE_SEAL) && !(features & IMAGE1_FEATURE_INDEX))
        return image1_fail(fault, STREAM_FAULT_BAD_FEATURE, 16, "no SEAL without INDEX", features);
    return 0;
}

int image1_decode_header(const uint8_t *in, uint32_t len, struct image1_header *header,
                         struct image1_fault *fault)
{
    uint32_t own_len;

    if (image1_header_len(in, &own_len, fault))
        return -1;
    if (own_len != len)
        return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 12, "the length that was read", own_len);
    if (check_header_crc(in, len, fault))
        return -1;
    *header = (struct image1_header){
        .version = stream_get_le16(in + 8),
        .min_reader = stream_get_le16(in + 10),
        .length = len,
        .features = stream_get_le64(in + 16),
        .nr_channels = stream_get_le32(in + 24),
    };
    return check_features(header->features, header->nr_channels, fault);
}

void image1_encode_channel_header(uint8_t out[IMAGE1_CHANNEL_HEADER_LEN], uint16_t channel,
                                  const uint8_t token[IMAGE1_TOKEN_LEN])
{
    memcpy(out, IMAGE1_CHANNEL_MAGIC, IMAGE1_MAGIC_LEN);
    stream_put_le16(out + 8, IMAGE1_VERSION);
    stream_put_le16(out + 10, channel);
    stream_put_le32(out + 12, IMAGE1_CHANNEL_HEADER_LEN);
    memcpy(out + 16, token, IMAGE1_TOKEN_LEN);
    stream_put_le32(out + 32, 0);
    seal_header(out, IMAGE1_CHANNEL_HEADER_LEN);
}

int image1_decode_channel_header(const uint8_t in[IMAGE1_CHANNEL_HEADER_LEN],
                                 struct image1_channel_header *header, struct image1_fault *fault)
{
    uint32_t len = stream_get_le32(in + 12);

    header->version = stream_get_le16(in + 8);
    header->channel = stream_get_le16(in + 10);
    memcpy(header->token, in + 16, IMAGE1_TOKEN_LEN);
    if (memcmp(in, IMAGE1_CHANNEL_MAGIC, IMAGE1_MAGIC_LEN))
        return image1_fail(fault, STREAM_FAULT_BAD_MAGIC, 0, "89 58 4c 4d 43 48 0d 0a", stream_get_be64(in));
    if (header->version != IMAGE1_VERSION)
        return image1_fail(fault, STREAM_FAULT_BAD_VERSION, 8, "version 1", header->version);
    if (len != IMAGE1_CHANNEL_HEADER_LEN)
        return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 12, "40 octets", len);
    if (check_header_crc(in, IMAGE1_CHANNEL_HEADER_LEN, fault))
        return -1;
    if (stream_get_le32(in + 32))
        return image1_fail(fault, STREAM_FAULT_RESERVED_NOT_ZERO, 32, "zero", stream_get_le32(in + 32));
    if (!header->channel || header->channel >= IMAGE1_CHANNELS_MAX)
        return image1_fail(fault, STREAM_FAULT_BAD_CHANNEL, 10, "a channel from 1 to 63", header->channel);
    return 0;
}

void image1_encode_trailer(uint8_t out[IMAGE1_TRAILER_LEN], const struct image1_trailer *trailer)
{
    memcpy(out, IMAGE1_TRAILER_MAGIC, IMAGE1_MAGIC_LEN);
    stream_put_le64(out + 8, trailer->index_offset);
    stream_put_le64(out + 16, trailer->file_len);
    stream_put_le32(out + 24, trailer->image_offset);
    seal_header(out, IMAGE1_TRAILER_LEN);
}

int image1_decode_trailer(const uint8_t in[IMAGE1_TRAILER_LEN], struct image1_trailer *trailer,
                          struct image1_fault *fault)
{
    *trailer = (struct image1_trailer){
        .index_offset = stream_get_le64(in + 8),
        .file_len = stream_get_le64(in + 16),
        .image_offset = stream_get_le32(in + 24),
    };
    if (memcmp(in, IMAGE1_TRAILER_MAGIC, IMAGE1_MAGIC_LEN))
        return image1_fail(fault, STREAM_FAULT_BAD_MAGIC, 0, "89 58 4c 4d 49 58 0d 0a", stream_get_be64(in));
    if (check_header_crc(in, IMAGE1_TRAILER_LEN, fault))
        return -1;
    if (trailer->index_offset >= trailer->file_len || trailer->index_offset < trailer->image_offset)
        return image1_fail(fault, STREAM_FAULT_BAD_INDEX, 8, "an offset inside the image", trailer->index_offset);
    return 0;
}

void image1_encode_seal(uint8_t out[IMAGE1_SEAL_LEN], const struct image1_seal *seal)
{
    memcpy(out, IMAGE1_SEAL_MAGIC, IMAGE1_MAGIC_LEN);
    stream_put_le64(out + 8, seal->before_len);
    stream_put_le64(out + 16, seal->after_len);
    stream_put_le32(out + 24, seal->outer_crc);
    seal_header(out, IMAGE1_SEAL_LEN);
}

int image1_decode_seal(const uint8_t in[IMAGE1_SEAL_LEN], struct image1_seal *seal, struct image1_fault *fault)
{
    *seal = (struct image1_seal){
        .before_len = stream_get_le64(in + 8),
        .after_len = stream_get_le64(in + 16),
        .outer_crc = stream_get_le32(in + 24),
    };
    if (memcmp(in, IMAGE1_SEAL_MAGIC, IMAGE1_MAGIC_LEN))
        return image1_fail(fault, STREAM_FAULT_BAD_MAGIC, 0, "89 58 4c 4d 53 45 0d 0a", stream_get_be64(in));
    return check_header_crc(in, IMAGE1_SEAL_LEN, fault);
}

/* ---- records ------------------------------------------------------------ */

void image1_encode_record(uint8_t out[IMAGE1_RECORD_HEADER_LEN], uint32_t type, uint32_t length,
                          uint32_t seq)
{
    stream_put_le32(out, type);
    stream_put_le32(out + 4, length);
    stream_put_le32(out + 8, seq);
    stream_put_le32(out + 12, 0);
}

static int check_extents_length(uint32_t length, struct image1_fault *fault)
{
    if (length && length <= IMAGE1_EXTENTS_RUNS_MAX * IMAGE1_EXTENTS_LEN && length % IMAGE1_EXTENTS_LEN == 0)
        return 0;
    return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 4, "16 to 65536 octets, a multiple of 16", length);
}

static int check_length(const struct image1_record *record, struct image1_fault *fault)
{
    static const struct {
        uint32_t min, max;
        const char *expected;
    } bounds[] = {
        [IMAGE1_REC_DOMAIN] = { IMAGE1_DOMAIN_LEN, IMAGE1_DOMAIN_LEN, "16 octets" },
        [IMAGE1_REC_LIBXC] = { IMAGE1_LIBXC_HEAD_LEN, IMAGE1_LENGTH_MAX, "at least 8 octets" },
        [IMAGE1_REC_MEMORY] = { IMAGE1_MEMORY_HEAD_LEN + IMAGE1_RUN_LEN,
                                IMAGE1_MEMORY_PREFIX_MAX - IMAGE1_RECORD_HEADER_LEN + IMAGE1_RAW_MAX,
                                "40 to 4210712 octets" },
        [IMAGE1_REC_ROUND] = { IMAGE1_ROUND_LEN, IMAGE1_ROUND_LEN, "16 octets" },
        [IMAGE1_REC_DIGEST] = { IMAGE1_DIGEST_LEN, IMAGE1_DIGEST_LEN, "48 octets" },
        [IMAGE1_REC_INDEX] = { IMAGE1_INDEX_HEAD_LEN + IMAGE1_INDEX_ENTRY_LEN, IMAGE1_LENGTH_MAX,
                               "at least 32 octets" },
        [IMAGE1_REC_END] = { 0, 0, "no body" },
        [IMAGE1_REC_KEY] = { IMAGE1_KEY_LEN, IMAGE1_KEY_LEN, "32 octets" },
    };

    if (record->length > IMAGE1_LENGTH_MAX)
        return image1_fail(fault, STREAM_FAULT_RECORD_TOO_LONG, 4, "at most 134217728 octets", record->length);
    if (record->type == IMAGE1_REC_EXTENTS)
        return check_extents_length(record->length, fault);
    if (record->type & STREAM_REC_OPTIONAL)
        return 0;
    if (record->length < bounds[record->type].min || record->length > bounds[record->type].max)
        return image1_fail(fault, STREAM_FAULT_BAD_LENGTH, 4, bounds[record->type].expected, record->length);
    return 0;
}

int image1_decode_record(const uint8_t in[IMAGE1_RECORD_HEADER_LEN], struct image1_record *record,
                         struct image1_fault *fault)
{
    *record = (struct image1_record){
        .type = stream_get_le32(in),
        .length = stream_get_le32(in + 4),
        .seq = stream_get_le32(in + 8),
        .crc = stream_get_le32(in + 12),
    };
    if (!(record->type & STREAM_REC_OPTIONAL) && !image1_record_name(record->type))
        return image1_fail(fault, STREAM_FAULT_UNKNOWN_RECORD, 0, "a known record, or an optional one",
                           record->type);
    return check_length(record, fault);
}

uint32_t image1_crc_begin(const uint8_t *record, size_t len)
{
    uint32_t crc = crc32c(0, record, IMAGE1_RECORD_HEADER_LEN - 4);

    return crc32c(crc, record + IMAGE1_RECORD_HEADER_LEN, len - IMAGE1_RECORD_HEADER_LEN);
}

uint32_t image1_seal(uint8_t record[IMAGE1_RECORD_HEADER_LEN], uint32_t crc)
{
    static const uint8_t zeros[8];
    uint32_t padding = image1_padding(stream_get_le32(record + 4));

    stream_put_le32(record + 12, crc32c(crc, zeros, padding));
    return padding;
}

size_t image1_encode_small(uint8_t *out, uint32_t type, const void *body, uint32_t length,
                           uint32_t seq)
{
    size_t len = IMAGE1_RECORD_HEADER_LEN + (size_t)length;
    uint32_t padding;

    image1_encode_record(out, type, length, seq);
    if (length)
        memcpy(out + IMAGE1_RECORD_HEADER_LEN, body, length);
    padding = image1_seal(out, image1_crc_begin(out, len));
    memset(out + len, 0, padding);
    return len + padding;
}

bool image1_record_intact(const uint8_t *record, const struct image1_record *decoded)
{
    size_t len = IMAGE1_RECORD_HEADER_LEN + (size_t)decoded->length + image1_padding(decoded->length);

    return image1_crc_begin(record, len) == decoded->crc;
}

/* ---- DOMAIN, LIBXC, ROUND ----------------------------------------------- */

void image1_encode_domain(uint8_t out[IMAGE1_DOMAIN_LEN], const struct image1_domain *domain)
{
    stream_encode_domain_header(out, domain->guest, domain->xen_major, domain->xen_minor);
}

int image1_decode_domain(const uint8_t in[IMAGE1_DOMAIN_LEN], struct image1_domain *domain,
                         struct image1_fault *fault)
{
    uint16_t shift = stream_get_le16(in + 4), rsvd = stream_get_le16(in + 6);

    *domain = (struct image1_domain){
        .guest = stream_get_le32(in),
        .xen_major = stream_get_le32(in + 8),
        .xen_minor = stream_get_le32(in + 12),
    };
    if (domain->guest != STREAM_GUEST_X86_PV && domain->guest != STREAM_GUEST_X86_HVM)
        return image1_fail(fault, STREAM_FAULT_BAD_GUEST_TYPE, 0, "1 (x86 PV) or 2 (x86 HVM)", domain->guest);
    if (shift != STREAM_PAGE_SHIFT)
        return image1_fail(fault, STREAM_FAULT_BAD_PAGE_SHIFT, 4, "12", shift);
    if (rsvd)
        return image1_fail(fault, STREAM_FAULT_RESERVED_NOT_ZERO, 6, "zero", rsvd);
    return 0;
}

void image1_encode_libxc(uint8_t out[IMAGE1_LIBXC_HEAD_LEN], uint32_t libxc_type)
{
    stream_put_le32(out, libxc_type);
    stream_put_le32(out + 4, 0);
}

int image1_decode_libxc(const uint8_t in[IMAGE1_LIBXC_HEAD_LEN], uint32_t *libxc_type,
                        struct image1_fault *fault)
{
    const struct stream_record_info *info;

    *libxc_type = stream_get_le32(in);
    if (stream_get_le32(in + 4))
        return image1_fail(fault, STREAM_FAULT_RESERVED_NOT_ZERO, 4, "zero", stream_get_le32(in + 4));
    if (*libxc_type & STREAM_REC_OPTIONAL)
        return 0;
    info = stream_record_find(STREAM_LAYER_LIBXC, *libxc_type);
    if (!info)
        return image1_fail(fault, STREAM_FAULT_UNKNOWN_RECORD, 0, "a known record of libxc, or an optional one",
                           *libxc_type);
    /* What these say, the image says in its own records. */
    if (info->phase == STREAM_PHASE_NEVER || info->phase == STREAM_PHASE_CONTROL ||
        *libxc_type == STREAM_REC_PAGE_DATA)
        return image1_fail(fault, STREAM_FAULT_FORBIDDEN_RECORD, 0, "static data, P2M frames or state", *libxc_type);
    return 0;
}

void image1_encode_round(uint8_t out[IMAGE1_ROUND_LEN], const struct image1_round *round)
{
    stream_put_le32(out, round->round);
    stream_put_le32(out + 4, round->flags);
    stream_put_le64(out + 8, round->pages);
}

int image1_decode_round(const uint8_t in[IMAGE1_ROUND_LEN], struct image1_round *round,
                        struct image1_fault *fault)
{
    *round = (struct image1_round){
        .round = stream_get_le32(in),
        .flags = stream_get_le32(in + 4),
        .pages = stream_get_le64(in + 8),
    };
    if (round->flags & ~IMAGE1_ROUND_LAST)
        return image1_fail(fault, STREAM_FAULT_BAD_FLAGS, 4, "no flags but bit 0", round->flags);
    return 0;
}

/* ---- INDEX -------------------------------------------------------------- */

void image1_encode_index(uint8_t out[IMAGE1_INDEX_HEAD_LEN], uint32_t count)
{
    stream_put_le32(out, count);
    stream_put_le32(out + 4, 0);
}

int image1_decode_index(const uint8_t in[IMAGE1_INDEX_HEAD_LEN], uint32_t length, uint32_t *count,
                        struct image1_fault *fault)
{
    *count = stream_get_le32(in);
    if (stream_get_le32(in + 4))
        return image1_fail(fault, STREAM_FAULT_RESERVED_NOT_ZERO, 4, "zero", stream_get_le32(in + 4));
    if (!*count || length != IMAGE1_INDEX_HEAD_LEN + (uint64_t)*count * IMAGE1_INDEX_ENTRY_LEN)
        return image1_fail(fault, STREAM_FAULT_BAD_COUNT, 0, "as many entries as the length has", *count);
    return 0;
}

void image1_encode_index_entry(uint8_t out[IMAGE1_INDEX_ENTRY_LEN],
                               const struct image1_index_entry *entry)
{
    stream_put_le64(out, entry->first);
    stream_put_le64(out + 8, entry->last);
    stream_put_le64(out + 16, entry->offset);
}

int image1_decode_index_entry(const uint8_t in[IMAGE1_INDEX_ENTRY_LEN],
                              struct image1_index_entry *entry, struct image1_fault *fault)
{
    *entry = (struct image1_index_entry){
        .first = stream_get_le64(in),
        .last = stream_get_le64(in + 8),
        .offset = stream_get_le64(in + 16),
    };
    if (entry->last > IMAGE1_PFN_MAX)
        return image1_fail(fault, STREAM_FAULT_PFN_OUT_OF_RANGE, 8, "a pfn below 2^40", entry->last);
    if (entry->first > entry->last)
        return image1_fail(fault, STREAM_FAULT_BAD_INDEX, 0, "a first pfn of at most the last", entry->first);
    if (entry->offset % 8)
        return image1_fail(fault, STREAM_FAULT_BAD_INDEX, 16, "a multiple of 8", entry->offset);
    return 0;
}

/* ---- EXTENTS ------------------------------------------------------------ */

void image1_encode_extents(uint8_t out[IMAGE1_EXTENTS_LEN], const struct image1_extents *extents)
{
    stream_put_le64(out, extents->pfn);
    stream_put_le32(out + 8, extents->count);
    stream_put_le32(out + 12, 0);
}

int image1_decode_extents(const uint8_t in[IMAGE1_EXTENTS_LEN], struct image1_extents *extents,
                          struct image1_fault *fault)
{
    *extents = (struct image1_extents){ .pfn = stream_get_le64(in), .count = stream_get_le32(in + 8) };
    if (stream_get_le32(in + 12))
        return image1_fail(fault, STREAM_FAULT_RESERVED_NOT_ZERO, 12, "zero", stream_get_le32(in + 12));
    if (!extents->count)
        return image1_fail(fault, STREAM_FAULT_BAD_COUNT, 8, "at least one extent", extents->count);
    if (extents->pfn % IMAGE1_EXTENT_PAGES)
        return image1_fail(fault, STREAM_FAULT_BAD_RUN, 0, "a multiple of 2^18", extents->pfn);
    if (extents->pfn > IMAGE1_PFN_MAX || extents->count > (IMAGE1_PFN_MAX + 1 - extents->pfn) / IMAGE1_EXTENT_PAGES)
        return image1_fail(fault, STREAM_FAULT_PFN_OUT_OF_RANGE, 0, "pfns below 2^40", extents->pfn);
    return 0;
}
