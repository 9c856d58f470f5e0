/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A small builder of streams for the tests: bytes are appended, record by
 * record. It writes what it is told to, right or wrong. Running out of memory
 * ends the test.
 */
#ifndef TESTS_STREAM_FORMAT_BUILD_H
#define TESTS_STREAM_FORMAT_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream-format/records.h"

struct bytes {
    uint8_t *data;
    size_t len;
    bool big_endian; /* of everything but the headers that are always so */
};

void bytes_free(struct bytes *b);
void put_raw(struct bytes *b, const void *data, size_t len);
void put_zeros(struct bytes *b, size_t len);
void put_u16(struct bytes *b, uint16_t v);
void put_u32(struct bytes *b, uint32_t v);
void put_u64(struct bytes *b, uint64_t v);

/* A record: its header, the body that is put in between, its padding. */
size_t begin_record(struct bytes *b, uint32_t type);
void end_record(struct bytes *b, size_t start);
void put_empty_record(struct bytes *b, uint32_t type);

/* Headers. */
void put_xl_header(struct bytes *b, uint32_t flags, const char *config);
void put_libxl_header(struct bytes *b, uint32_t options);
void put_image_headers(struct bytes *b, uint32_t version, uint32_t guest);

/* Records of the image. */
void put_pages(struct bytes *b, uint64_t first_pfn, uint32_t count, unsigned int page_type);
void put_pv_info(struct bytes *b, uint8_t width, uint8_t levels);
void put_p2m_frames(struct bytes *b, uint32_t end_pfn, uint32_t per_frame);
void put_vcpu(struct bytes *b, uint32_t type, uint32_t vcpu, uint32_t context_len);
void put_shared_info(struct bytes *b);
void put_tsc_info(struct bytes *b);
void put_context_entry(struct bytes *b, uint16_t typecode, uint16_t instance, uint32_t len);
void put_hvm_context_header(struct bytes *b);
void put_hvm_context(struct bytes *b);
void put_hvm_params(struct bytes *b, uint32_t count);
void put_cpuid_policy(struct bytes *b);
void put_msr_policy(struct bytes *b);

/* libxl's emulator records, with the given data after their header. */
void put_emulator(struct bytes *b, uint32_t type, uint32_t id, const void *data, size_t len);

/* Images, whole but for the END record, and whole. */
void put_pv_static(struct bytes *b, uint32_t version);
void put_pv_memory(struct bytes *b);
void put_pv_state(struct bytes *b);
void put_hvm_static(struct bytes *b, uint32_t version);
void put_hvm_state(struct bytes *b);
void put_pv_image(struct bytes *b, uint32_t version);
void put_hvm_image(struct bytes *b, uint32_t version);

/* All three layers around an image. */
void put_saved_pv(struct bytes *b);
void put_saved_hvm(struct bytes *b);

#endif
