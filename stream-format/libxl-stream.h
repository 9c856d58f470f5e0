/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The two outer layers: xl's save header and libxl's stream, version 2.
 *
 * A file of `xl save` and a stream of `xl migrate` begin with the save header,
 * which carries the domain's configuration; libxl's stream follows, and in
 * it, after its LIBXC_CONTEXT record, libxc's image (libxc-image.h).
 *
 * The encoders write into the caller's buffer, whose size is in the type.
 */
#ifndef STREAM_FORMAT_LIBXL_STREAM_H
#define STREAM_FORMAT_LIBXL_STREAM_H

#include <stdint.h>
#include <string.h>

#include "stream-format/bytes.h"
#include "stream-format/libxc-image.h"

/* ---- xl's save header -------------------------------------------------- */

#define STREAM_XL_MAGIC     "Xen saved domain, xl format\n \0 \r"
#define STREAM_XL_MAGIC_LEN 32

/* As the saving host writes it; the bytes tell the order of the header. */
#define STREAM_XL_BYTEORDER UINT32_C(0x01020304)

#define STREAM_XL_FLAG_JSON     UINT32_C(0x1) /* the configuration is JSON */
#define STREAM_XL_FLAG_STREAMV2 UINT32_C(0x2) /* libxl's stream v2 follows */
#define STREAM_XL_FLAGS_KNOWN   (STREAM_XL_FLAG_JSON | STREAM_XL_FLAG_STREAMV2)

/* xl knows no optional flags, and ignores them. */
#define STREAM_XL_OPT_PAUSED    UINT32_C(0x80000000) /* xlmig: the VM was paused, and is to be so again */
#define STREAM_XL_OPT_KNOWN     STREAM_XL_OPT_PAUSED

/* No configuration is near this; it bounds what a reader may be made to keep. */
#define STREAM_XL_DATA_MAX (UINT32_C(4) << 20)

struct stream_xl_header {
    uint8_t magic[STREAM_XL_MAGIC_LEN];
    uint32_t byteorder;
    uint32_t mandatory_flags;
    uint32_t optional_flags;
    uint32_t optional_data_len;
};
_Static_assert(sizeof(STREAM_XL_MAGIC) - 1 == STREAM_XL_MAGIC_LEN, "xl magic length");
_Static_assert(sizeof(struct stream_xl_header) == 48, "xl header size");
_Static_assert(offsetof(struct stream_xl_header, byteorder) == 32, "byteorder");
_Static_assert(offsetof(struct stream_xl_header, optional_data_len) == 44, "data length");

#define STREAM_XL_PREAMBLE_LEN 52

/*
 * Write what precedes a JSON configuration: the save header and the
 * configuration's length. The caller sends config_len bytes of configuration
 * after it; as xl does, config_len counts a terminating NUL.
 * optional_flags: STREAM_XL_OPT_...
 * config_len must be no more than STREAM_XL_DATA_MAX - 4.
 */
static inline void stream_encode_xl_preamble(uint8_t out[STREAM_XL_PREAMBLE_LEN], uint32_t optional_flags,
                                             uint32_t config_len)
{
    memcpy(out, STREAM_XL_MAGIC, STREAM_XL_MAGIC_LEN);
    stream_put_le32(out + 32, STREAM_XL_BYTEORDER);
    stream_put_le32(out + 36, STREAM_XL_FLAG_JSON | STREAM_XL_FLAG_STREAMV2);
    stream_put_le32(out + 40, optional_flags);
    stream_put_le32(out + 44, config_len + 4);
    stream_put_le32(out + 48, config_len);
}

/* ---- libxl's stream ---------------------------------------------------- */

#define STREAM_LIBXL_IDENT   UINT64_C(0x4c6962786c466d74) /* "LibxlFmt" */
#define STREAM_LIBXL_VERSION UINT32_C(2)

#define STREAM_LIBXL_OPT_BIG_ENDIAN UINT32_C(0x1)
#define STREAM_LIBXL_OPT_LEGACY     UINT32_C(0x2) /* converted from Xen <= 4.5 */
#define STREAM_LIBXL_OPT_RESERVED   UINT32_C(0xfffffffc)

/* All fields big-endian. */
struct stream_libxl_header {
    uint64_t ident;
    uint32_t version;
    uint32_t options;
};
_Static_assert(sizeof(struct stream_libxl_header) == 16, "libxl header size");
_Static_assert(offsetof(struct stream_libxl_header, version) == 8, "version");
_Static_assert(offsetof(struct stream_libxl_header, options) == 12, "options");

/* Records are framed as libxc's are: struct stream_record_header, zeros up to
 * a multiple of 8, the same bit for optional ones. */
#define STREAM_LIBXL_REC_END                    UINT32_C(0x00)
#define STREAM_LIBXL_REC_LIBXC_CONTEXT          UINT32_C(0x01)
#define STREAM_LIBXL_REC_EMULATOR_XENSTORE_DATA UINT32_C(0x02)
#define STREAM_LIBXL_REC_EMULATOR_CONTEXT       UINT32_C(0x03)
#define STREAM_LIBXL_REC_CHECKPOINT_END         UINT32_C(0x04)
#define STREAM_LIBXL_REC_CHECKPOINT_STATE       UINT32_C(0x05)

/* Both emulator records begin with this. */
struct stream_emulator_header {
    uint32_t emulator_id;
    uint32_t index;
};
_Static_assert(sizeof(struct stream_emulator_header) == 8, "emulator header size");

#define STREAM_EMULATOR_UNKNOWN          UINT32_C(0) /* legacy streams only */
#define STREAM_EMULATOR_QEMU_TRADITIONAL UINT32_C(1)
#define STREAM_EMULATOR_QEMU_UPSTREAM    UINT32_C(2)

#define STREAM_CHECKPOINT_NEW           UINT32_C(0) /* primary to secondary */
#define STREAM_CHECKPOINT_SVM_SUSPENDED UINT32_C(1) /* the others come back */
#define STREAM_CHECKPOINT_SVM_READY     UINT32_C(2)
#define STREAM_CHECKPOINT_SVM_RESUMED   UINT32_C(3)

/* Write the 16 bytes of the header of a little-endian libxl stream. */
static inline void stream_encode_libxl_header(uint8_t out[16])
{
    stream_put_be64(out, STREAM_LIBXL_IDENT);
    stream_put_be32(out + 8, STREAM_LIBXL_VERSION);
    stream_put_be32(out + 12, 0);
}

/*
 * Write the record header and emulator header before context_len bytes of an
 * EMULATOR_XENSTORE_DATA or EMULATOR_CONTEXT record. The caller sends those
 * and then zeros up to a multiple of 8. context_len must be no more than
 * STREAM_RECORD_LENGTH_MAX - 8.
 */
static inline void stream_encode_emulator_record(uint8_t out[16], uint32_t type,
                                                 uint32_t emulator_id, uint32_t index,
                                                 uint32_t context_len)
{
    stream_encode_record_header(out, type, context_len + 8);
    stream_put_le32(out + 8, emulator_id);
    stream_put_le32(out + 12, index);
}

#endif
