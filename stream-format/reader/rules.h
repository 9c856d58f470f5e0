/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The rules of each layer's records, called by rules.c once the table's own
 * demands are met.
 */
#ifndef STREAM_FORMAT_READER_RULES_H
#define STREAM_FORMAT_READER_RULES_H

#include "stream-format/reader/internal.h"

/* A field of the part at hand, in the layer's order. */
static inline uint32_t stream_part_u32(const struct stream_reader *r, uint32_t at)
{
    return stream_get_u32(r->part + at, r->big_endian[r->layer]);
}

/* May the record come now? */
int stream_rules_order_libxl(struct stream_reader *r);
int stream_rules_order_libxc(struct stream_reader *r);

/* Its head, its elements, its other bytes, its end. libxl covers xl too. */
int stream_rules_head_libxl(struct stream_reader *r);
int stream_rules_head_libxc(struct stream_reader *r);
int stream_rules_element_libxc(struct stream_reader *r);
int stream_rules_blob_libxl(struct stream_reader *r, const uint8_t *data, size_t len);
int stream_rules_blob_libxc(struct stream_reader *r, const uint8_t *data, size_t len);
int stream_rules_end_libxl(struct stream_reader *r);
int stream_rules_end_libxc(struct stream_reader *r);

/* The configuration (rules-config.c). Its text: begun, octets of it, its NUL at an offset. */
void stream_rules_begin_config(struct stream_reader *r);
int stream_rules_config_text(struct stream_reader *r, const uint8_t *data, size_t len);
int stream_rules_end_config(struct stream_reader *r, uint64_t at);
/* May the image be of this guest, whose type is at that offset? May it have that vCPU? (If not, that is `code`.) */
int stream_rules_config_guest(struct stream_reader *r, uint64_t at);
int stream_rules_config_vcpu(struct stream_reader *r, enum stream_fault_code code, uint32_t vcpu, uint64_t at);
/* May it have a device model; at the end: has it one if it must? */
int stream_rules_config_emulator(struct stream_reader *r);
int stream_rules_config_complete(struct stream_reader *r);

/* An xlmig image (V1). */
int stream_rules_header_v1(struct stream_reader *r);
int stream_rules_order_v1(struct stream_reader *r);
int stream_rules_head_v1(struct stream_reader *r);
int stream_rules_element_v1(struct stream_reader *r);
int stream_rules_blob_v1(struct stream_reader *r, const uint8_t *data, size_t len);
int stream_rules_end_v1(struct stream_reader *r);
/* Can this guest have pages of that type? The type is at that offset. */
int stream_rules_page_type(struct stream_reader *r, unsigned int type, uint64_t at);
/* libxc's demands of what must be there at an image's end. */
int stream_rules_complete_libxc(struct stream_reader *r);

#endif
