/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The numbers of xlmig image v1: identifications, record types, lengths and
 * limits. IMAGE-V1.md beside this file is the text to it; the code of its octets
 * is the room image1/.
 */
#ifndef STREAM_FORMAT_IMAGE1_LAYOUT_H
#define STREAM_FORMAT_IMAGE1_LAYOUT_H

#include <stdint.h>

#include "stream-format/libxc-image.h"

#define IMAGE1_MAGIC         "\x89XLMIG\r\n" /* starts an image, channel 0 */
#define IMAGE1_CHANNEL_MAGIC "\x89XLMCH\r\n" /* starts each further channel */
#define IMAGE1_TRAILER_MAGIC "\x89XLMIX\r\n" /* starts a save file's trailer */
#define IMAGE1_SEAL_MAGIC    "\x89XLMSE\r\n" /* starts what is right before it */
#define IMAGE1_MAGIC_LEN 8

#define IMAGE1_VERSION 1

#define IMAGE1_HEADER_LEN         32
#define IMAGE1_CHANNEL_HEADER_LEN 40
#define IMAGE1_RECORD_HEADER_LEN  16
#define IMAGE1_TRAILER_LEN        32
#define IMAGE1_SEAL_LEN           32
#define IMAGE1_TOKEN_LEN          16

/* What a reader must be able to do. */
#define IMAGE1_FEATURE_LZ4      (UINT64_C(1) << 0)
#define IMAGE1_FEATURE_ZSTD     (UINT64_C(1) << 1)
#define IMAGE1_FEATURE_DELTA    (UINT64_C(1) << 2)
#define IMAGE1_FEATURE_SAME     (UINT64_C(1) << 3)
#define IMAGE1_FEATURE_CHANNELS (UINT64_C(1) << 4)
#define IMAGE1_FEATURE_INDEX    (UINT64_C(1) << 5)
#define IMAGE1_FEATURE_DIGEST   (UINT64_C(1) << 6)
#define IMAGE1_FEATURE_KEYED    (UINT64_C(1) << 7)
#define IMAGE1_FEATURE_SEAL     (UINT64_C(1) << 8)
#define IMAGE1_FEATURES_KNOWN   UINT64_C(0x1ff)

/* Record types; with STREAM_REC_OPTIONAL a reader skips what it does not know. */
#define IMAGE1_REC_DOMAIN UINT32_C(0x01)
#define IMAGE1_REC_LIBXC  UINT32_C(0x02)
#define IMAGE1_REC_MEMORY UINT32_C(0x03)
#define IMAGE1_REC_ROUND  UINT32_C(0x04)
#define IMAGE1_REC_DIGEST UINT32_C(0x05)
#define IMAGE1_REC_INDEX  UINT32_C(0x06)
#define IMAGE1_REC_END    UINT32_C(0x07)
#define IMAGE1_REC_KEY    UINT32_C(0x09)
#define IMAGE1_REC_EXTENTS (STREAM_REC_OPTIONAL | UINT32_C(0x08))
/* Reserved: 0x10-0x1f post-copy, 0x20-0x2f disks, 0x30-0x3f checkpoints. */

/* Limits. */
#define IMAGE1_CHANNELS_MAX     64u
#define IMAGE1_LENGTH_MAX       STREAM_RECORD_LENGTH_MAX /* of any body */
#define IMAGE1_RUNS_MAX         1024u                 /* in a record */
#define IMAGE1_PAGES_MAX        (UINT32_C(1) << 18)   /* in a record, of all kinds */
#define IMAGE1_PAYLOAD_PAGES_MAX 1024u                /* in a record, with payload */
#define IMAGE1_RAW_MAX          (UINT32_C(4) << 20)   /* a decoded payload */
#define IMAGE1_PFN_MAX          ((UINT64_C(1) << 40) - 1)
#define IMAGE1_DELTA_MAX        (STREAM_PAGE_SIZE - 2) /* octets of one delta */

#define IMAGE1_DOMAIN_LEN      16
#define IMAGE1_LIBXC_HEAD_LEN  8
#define IMAGE1_MEMORY_HEAD_LEN 24
#define IMAGE1_RUN_LEN         16
#define IMAGE1_ROUND_LEN       16
#define IMAGE1_DIGEST_LEN      48
#define IMAGE1_KEY_LEN         32
#define IMAGE1_INDEX_HEAD_LEN  8
#define IMAGE1_INDEX_ENTRY_LEN 24
#define IMAGE1_EXTENTS_LEN     16

/* Of EXTENTS. */
#define IMAGE1_EXTENT_PAGES     (UINT64_C(1) << 18) /* 1 GiB */
#define IMAGE1_EXTENTS_RUNS_MAX 4096u               /* in the record */

/* Room for a MEMORY record without its payload. */
#define IMAGE1_MEMORY_PREFIX_MAX \
    (IMAGE1_RECORD_HEADER_LEN + IMAGE1_MEMORY_HEAD_LEN + IMAGE1_RUNS_MAX * IMAGE1_RUN_LEN)

/* Of ROUND. */
#define IMAGE1_ROUND_LAST UINT32_C(1)

enum image1_codec_id {
    IMAGE1_CODEC_NONE,
    IMAGE1_CODEC_LZ4,  /* one lz4 block */
    IMAGE1_CODEC_ZSTD, /* one zstd frame */
    IMAGE1_NR_CODECS,
};

enum image1_kind {
    IMAGE1_KIND_DATA,   /* payload: the content */
    IMAGE1_KIND_ZERO,   /* all zeros */
    IMAGE1_KIND_ABSENT, /* of a type that has no content */
    IMAGE1_KIND_DELTA,  /* payload: what changed since an earlier round */
    IMAGE1_KIND_SAME,   /* payload: the pfn of a page with that content */
    IMAGE1_NR_KINDS,
};

#endif
