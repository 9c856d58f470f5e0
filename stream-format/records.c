/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The table of records.def, and looking things up in it. */
#include "stream-format/records.h"

#include <stddef.h>

#include "stream-format/image1-layout.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

const struct stream_record_info stream_record_infos[STREAM_NR_IDS] = {
#define STREAM_HEADER(layer_, name_, length_)                                               \
    [STREAM_ID_##layer_##_##name_] = {                                                      \
        .id = STREAM_ID_##layer_##_##name_, .layer = STREAM_LAYER_##layer_, .name = #name_, \
        .is_header = true, .head_len = (length_) },
#define STREAM_RECORD(layer_, name_, number_, guests_, since_, phase_, repeat_, min_, max_, \
                      head_, element_)                                                      \
    [STREAM_ID_##layer_##_##name_] = {                                                      \
        .id = STREAM_ID_##layer_##_##name_, .layer = STREAM_LAYER_##layer_, .name = #name_, \
        .number = (number_), .guests = STREAM_GUESTS_##guests_, .since = (since_),          \
        .phase = STREAM_PHASE_##phase_, .repeat = STREAM_REPEAT_##repeat_,                  \
        .min_len = (min_), .max_len = (max_), .head_len = (head_),                          \
        .element_len = (element_) },
#include "stream-format/records.def"
};

const struct stream_field stream_fields[] = {
#define STREAM_FIELD(layer_, name_, part_, field_, offset_, bytes_, kind_)            \
    { .id = STREAM_ID_##layer_##_##name_, .part = STREAM_PART_##part_, .name = #field_, \
      .offset = (offset_), .len = (bytes_), .kind = STREAM_FIELD_##kind_ },
#include "stream-format/records.def"
};

const unsigned int stream_nr_fields = LEN(stream_fields);

/* The constants for writers and the table must be one. */
#define STREAM_RECORD(layer_, name_, number_, guests_, since_, phase_, repeat_, min_, max_, \
                      head_, element_)                                                      \
    _Static_assert((head_) <= STREAM_PART_MAX && (element_) <= STREAM_PART_MAX, #name_);    \
    _Static_assert((head_) <= (min_) && (min_) <= (max_), #name_);                          \
    enum { NUMBER_##layer_##_##name_ = (number_) };
#define STREAM_HEADER(layer_, name_, length_) \
    _Static_assert((length_) <= STREAM_PART_MAX, #name_);
#include "stream-format/records.def"

#define SAME(name) _Static_assert(NUMBER_LIBXC_##name == STREAM_REC_##name, #name)
SAME(END);
SAME(PAGE_DATA);
SAME(X86_PV_INFO);
SAME(X86_PV_P2M_FRAMES);
SAME(X86_PV_VCPU_BASIC);
SAME(X86_PV_VCPU_EXTENDED);
SAME(X86_PV_VCPU_XSAVE);
SAME(SHARED_INFO);
SAME(X86_TSC_INFO);
SAME(HVM_CONTEXT);
SAME(HVM_PARAMS);
SAME(TOOLSTACK);
SAME(X86_PV_VCPU_MSRS);
SAME(VERIFY);
SAME(CHECKPOINT);
SAME(CHECKPOINT_DIRTY_PFN_LIST);
SAME(STATIC_DATA_END);
SAME(X86_CPUID_POLICY);
SAME(X86_MSR_POLICY);
#undef SAME
#define SAME(name) _Static_assert(NUMBER_LIBXL_##name == STREAM_LIBXL_REC_##name, #name)
SAME(END);
SAME(LIBXC_CONTEXT);
SAME(EMULATOR_XENSTORE_DATA);
SAME(EMULATOR_CONTEXT);
SAME(CHECKPOINT_END);
SAME(CHECKPOINT_STATE);
#undef SAME
#define SAME(name) _Static_assert(NUMBER_V1_##name == IMAGE1_REC_##name, #name)
SAME(DOMAIN);
SAME(LIBXC);
SAME(MEMORY);
SAME(ROUND);
SAME(DIGEST);
SAME(INDEX);
SAME(END);
SAME(EXTENTS);
#undef SAME

const char *stream_layer_name(enum stream_layer layer)
{
    static const char *const names[] = {
        [STREAM_LAYER_XL] = "xl",
        [STREAM_LAYER_LIBXL] = "libxl",
        [STREAM_LAYER_LIBXC] = "libxc",
        [STREAM_LAYER_V1] = "v1",
    };

    return names[layer];
}

const struct stream_record_info *stream_record_find(enum stream_layer layer, uint32_t type)
{
    for (unsigned int i = 0; i < STREAM_NR_IDS; i++) {
        const struct stream_record_info *info = &stream_record_infos[i];

        if (info->layer == layer && !info->is_header && info->number == type)
            return info;
    }
    return NULL;
}

uint64_t stream_field_value(const struct stream_field *field, const uint8_t *part,
                            bool big_endian)
{
    const uint8_t *p = part + field->offset;

    switch (field->len) {
    case 1:
        return *p;
    case 2:
        return stream_get_u16(p, big_endian);
    case 4:
        return stream_get_u32(p, big_endian);
    default:
        return stream_get_u64(p, big_endian);
    }
}

bool stream_id_always_big_endian(enum stream_id id)
{
    return id == STREAM_ID_LIBXL_STREAM_HEADER || id == STREAM_ID_LIBXC_IMAGE_HEADER;
}
