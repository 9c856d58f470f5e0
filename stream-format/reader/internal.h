/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What the two halves of the reader share: reader.c cuts the stream into
 * parts, the rules say whether a part may be there, and fail.c keeps the answer.
 * reader.c calls rules.c, rules.c those of the layers, and none calls back.
 *
 * A rule returns 0, or -1 after it called stream_fail(). Rules see the parts
 * in the order of the stream and never twice.
 */
#ifndef STREAM_FORMAT_READER_INTERNAL_H
#define STREAM_FORMAT_READER_INTERNAL_H

#include "stream-format/image1/image1.h"
#include "stream-format/reader/config-facts.h"
#include "stream-format/reader/p2m-frames.h"
#include "stream-format/reader/page-map.h"
#include "stream-format/reader/reader.h"

enum stage {
    STAGE_START,   /* the eight bytes that tell the outermost layer */
    STAGE_HEADER,
    STAGE_RECORD,  /* a record's header */
    STAGE_HEAD,
    STAGE_ELEMENT,
    STAGE_SKIP,    /* what an element says follows it */
    STAGE_BLOB,    /* the rest of the body */
    STAGE_PADDING,
    STAGE_DONE,
};

#define NR_VCPU_KINDS 4

/* What must be remembered of the past to judge the next part. */
struct rules {
    /* xl */
    bool json;
    uint32_t config_left;  /* bytes of the configuration still to come */
    bool config_ended;     /* its NUL was there */
    struct json_scan scan;
    struct config_facts config;

    /* libxl */
    bool legacy;           /* converted from an old stream */
    bool image_seen;
    bool emulator_seen;    /* there was an EMULATOR_CONTEXT */
    bool in_checkpoint;    /* the image handed over at a CHECKPOINT */
    bool checkpoint_ended; /* the last record was CHECKPOINT_END */
    bool string_open;      /* xenstore data: inside a string */
    bool value_next;       /* xenstore data: the next string is a value */

    /* libxc */
    uint32_t version;
    uint32_t guest;
    uint8_t guest_width;
    bool static_ended;
    uint32_t seen;         /* by record number, since the image began */
    uint32_t seen_state;   /* the same, since the last CHECKPOINT */
    bool vcpu0_seen;       /* vCPU 0 has its basic state, since CHECKPOINT */
    bool checkpointed;     /* there was a CHECKPOINT */
    uint64_t max_pfn;      /* PV: from X86_PV_P2M_FRAMES */
    uint64_t nr_pages;     /* with content, in this PAGE_DATA record */
    bool context_ended;    /* the HVM context's end mark was there */
    uint8_t context_header[8]; /* its first entry's magic and version */
    uint32_t context_header_have;
    struct p2m_frames *p2m; /* PV: where the guest keeps its p2m */
    uint64_t p2m_index;    /* the next frame's number */
    uint8_t vcpu_seen[NR_VCPU_KINDS][(STREAM_VCPU_ID_MAX + 1) / 8];
};

/* What a map of pages may take; that is enough for a guest of 240 GiB. */
#define MAP_BYTES_MAX (UINT64_C(1) << 30)

struct v1_buffer {
    uint8_t *data;
    uint32_t room;
};

/* An xlmig image that is being read. */
struct v1_reading {
    struct image1_header header;
    struct image1_channel channel;
    uint64_t image_offset;
    bool ended;

    /* The record at hand. */
    bool in_record; /* its octets count for the checksum */
    struct image1_record record;
    uint64_t record_offset;
    uint32_t crc;

    /* MEMORY */
    struct image1_memory memory;
    struct image1_tally tally;
    struct image1_run runs[IMAGE1_RUNS_MAX];
    uint8_t run_octets[IMAGE1_RUNS_MAX * IMAGE1_RUN_LEN];
    struct v1_buffer payload, raw;
    uint32_t payload_have;
    struct image1_codec *codec;
    struct page_map *map;
    struct image1_hasher *hasher;

    /* What the INDEX must say, and says: a hash over all entries, and their number. */
    uint64_t index_due, nr_index_due;
    uint64_t index_found;
    uint64_t index_offset;

    bool digest_checked;
};

struct stream_reader {
    struct stream_reader_config config;
    struct stream_fault fault;
    struct rules rules;
    struct v1_reading *v1; /* NULL: there is none so far */

    enum stage stage;
    enum stream_layer layer;
    bool has_libxl;
    bool big_endian[STREAM_NR_LAYERS];
    uint64_t offset; /* of the next byte of the stream */

    /* What was there of xl's and libxl's layers, before an xlmig image and after it. */
    uint64_t before_len, after_len;
    uint32_t outer_crc;

    /* A part that is kept until it is whole. */
    uint8_t part[IMAGE1_HEADER_LEN_MAX > STREAM_PART_MAX ? IMAGE1_HEADER_LEN_MAX : STREAM_PART_MAX];
    uint32_t part_have;
    uint32_t part_want;

    /* Bytes that pass through, in SKIP and BLOB. */
    uint32_t span_left;

    /* The header or record at hand. */
    const struct stream_record_info *info;
    uint32_t type;
    uint32_t length;
    uint32_t body_done;
    uint64_t record_offset;
    uint64_t record_index;
    uint64_t next_index[STREAM_NR_LAYERS];
    uint32_t elements_left; /* a rule may lower it */
    uint64_t element_index;
    bool reserved_in_element;
};

static inline uint32_t body_left(const struct stream_reader *r)
{
    return r->length - r->body_done;
}

/* Where the part at hand starts. */
static inline uint64_t part_offset(const struct stream_reader *r)
{
    return r->offset - r->part_have;
}

/* Where the body ends and its padding begins; for use when it was passed. */
static inline uint64_t body_end(const struct stream_reader *r)
{
    return r->offset - (r->stage == STAGE_PADDING ? r->part_have : 0);
}

static inline bool is_pv(const struct stream_reader *r)
{
    return r->rules.guest == STREAM_GUEST_X86_PV;
}

/* Record the fault. The format makes "what was expected|what was found". */
int stream_fail(struct stream_reader *r, enum stream_fault_code code, uint64_t offset,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

int stream_rules_header(struct stream_reader *r);
int stream_rules_record(struct stream_reader *r);
int stream_rules_head(struct stream_reader *r);
int stream_rules_element(struct stream_reader *r);
int stream_rules_blob(struct stream_reader *r, const uint8_t *data, size_t len);
int stream_rules_record_end(struct stream_reader *r);
/* Pages that came by another way than a PAGE_DATA record. */
int stream_rules_pages(struct stream_reader *r, uint64_t pfn, uint64_t count, unsigned int page_type);

/* Of an xlmig image: its state, the start and end of a record's checksum. */
int stream_v1_begin(struct stream_reader *r);
void stream_v1_free(struct v1_reading *v1);
void stream_v1_begin_record(struct stream_reader *r);
int stream_v1_check_crc(struct stream_reader *r);

#endif
