/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The table of records.def as data: what each header and record is called and
 * what it may look like.
 */
#ifndef STREAM_FORMAT_RECORDS_H
#define STREAM_FORMAT_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "stream-format/libxc-image.h"
#include "stream-format/libxl-stream.h"

/* Outermost first; of the last two, a stream has one. */
enum stream_layer {
    STREAM_LAYER_XL,
    STREAM_LAYER_LIBXL,
    STREAM_LAYER_LIBXC,
    STREAM_LAYER_V1, /* xlmig image v1 */
};
#define STREAM_NR_LAYERS 4

/* One for each row: STREAM_ID_LIBXC_PAGE_DATA and so on. */
enum stream_id {
#define STREAM_HEADER(layer, name, ...) STREAM_ID_##layer##_##name,
#define STREAM_RECORD(layer, name, ...) STREAM_ID_##layer##_##name,
#include "stream-format/records.def"
    STREAM_NR_IDS,
};

enum stream_guests { STREAM_GUESTS_ANY, STREAM_GUESTS_PV, STREAM_GUESTS_HVM };

enum stream_phase {
    STREAM_PHASE_STATIC,
    STREAM_PHASE_MEMORY,
    STREAM_PHASE_STATE,
    STREAM_PHASE_CONTROL,
    STREAM_PHASE_NEVER,
};

enum stream_repeat {
    STREAM_REPEAT_IMAGE,
    STREAM_REPEAT_CHECKPOINT,
    STREAM_REPEAT_VCPU,
    STREAM_REPEAT_MANY,
};

enum stream_field_kind {
    STREAM_FIELD_DEC,
    STREAM_FIELD_HEX,
    STREAM_FIELD_TEXT,
    STREAM_FIELD_RSVD,
};

enum stream_part { STREAM_PART_HEAD, STREAM_PART_ELEMENT };

struct stream_record_info {
    enum stream_id id;
    enum stream_layer layer;
    const char *name;
    bool is_header;  /* then only head_len says more */
    uint32_t number;
    enum stream_guests guests;
    uint32_t since;
    enum stream_phase phase;
    enum stream_repeat repeat;
    uint32_t min_len;
    uint32_t max_len;
    uint32_t head_len;
    uint32_t element_len;
};

struct stream_field {
    enum stream_id id;
    enum stream_part part;
    const char *name;
    uint32_t offset;
    uint32_t len;
    enum stream_field_kind kind;
};

/* The longest header, head or element of the table. */
#define STREAM_PART_MAX 48

extern const struct stream_record_info stream_record_infos[STREAM_NR_IDS];
extern const struct stream_field stream_fields[];
extern const unsigned int stream_nr_fields;

const char *stream_layer_name(enum stream_layer layer);

/* The row of a record type, or NULL where the table has none. */
const struct stream_record_info *stream_record_find(enum stream_layer layer, uint32_t type);

/* The value of a field of up to 8 bytes in a head or an element. */
uint64_t stream_field_value(const struct stream_field *field, const uint8_t *part,
                            bool big_endian);

/* Headers whose fields are big-endian whatever the layer's order. */
bool stream_id_always_big_endian(enum stream_id id);

#endif
