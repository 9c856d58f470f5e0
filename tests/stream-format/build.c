/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "tests/stream-format/build.h"

#include "stream-format/hvm-context.h"

#include <stdlib.h>
#include <string.h>

void bytes_free(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){ 0 };
}

void put_raw(struct bytes *b, const void *data, size_t len)
{
    if (!len)
        return;
    b->data = realloc(b->data, b->len + len);
    if (!b->data)
        abort();
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void put_zeros(struct bytes *b, size_t len)
{
    static const uint8_t zeros[64];

    for (; len > sizeof(zeros); len -= sizeof(zeros))
        put_raw(b, zeros, sizeof(zeros));
    put_raw(b, zeros, len);
}

void put_u16(struct bytes *b, uint16_t v)
{
    uint8_t out[2];

    (b->big_endian ? stream_put_be16 : stream_put_le16)(out, v);
    put_raw(b, out, sizeof(out));
}

void put_u32(struct bytes *b, uint32_t v)
{
    uint8_t out[4];

    (b->big_endian ? stream_put_be32 : stream_put_le32)(out, v);
    put_raw(b, out, sizeof(out));
}

void put_u64(struct bytes *b, uint64_t v)
{
    uint8_t out[8];

    (b->big_endian ? stream_put_be64 : stream_put_le64)(out, v);
    put_raw(b, out, sizeof(out));
}

size_t begin_record(struct bytes *b, uint32_t type)
{
    put_u32(b, type);
    put_u32(b, 0);
    return b->len;
}

void end_record(struct bytes *b, size_t start)
{
    uint32_t len = (uint32_t)(b->len - start);

    (b->big_endian ? stream_put_be32 : stream_put_le32)(b->data + start - 4, len);
    put_zeros(b, stream_record_padded(len) - len);
}

void put_empty_record(struct bytes *b, uint32_t type)
{
    end_record(b, begin_record(b, type));
}

void put_xl_header(struct bytes *b, uint32_t flags, const char *config)
{
    uint32_t len = config ? (uint32_t)strlen(config) + 1 : 0;

    put_raw(b, STREAM_XL_MAGIC, STREAM_XL_MAGIC_LEN);
    put_u32(b, STREAM_XL_BYTEORDER);
    put_u32(b, flags);
    put_u32(b, 0);
    put_u32(b, config ? len + 4 : 0);
    if (!config)
        return;
    put_u32(b, len);
    put_raw(b, config, len);
}

void put_libxl_header(struct bytes *b, uint32_t options)
{
    uint8_t out[16];

    stream_encode_libxl_header(out);
    stream_put_be32(out + 12, options | b->big_endian);
    put_raw(b, out, sizeof(out));
}

void put_image_headers(struct bytes *b, uint32_t version, uint32_t guest)
{
    uint8_t image[24];

    stream_encode_image_header(image, version);
    stream_put_be16(image + 16, b->big_endian);
    put_raw(b, image, sizeof(image));
    put_u32(b, guest);
    put_u16(b, STREAM_PAGE_SHIFT);
    put_u16(b, 0);
    put_u32(b, 4);
    put_u32(b, 17);
}

void put_pages(struct bytes *b, uint64_t first_pfn, uint32_t count, unsigned int page_type)
{
    size_t start = begin_record(b, STREAM_REC_PAGE_DATA);

    put_u32(b, count);
    put_u32(b, 0);
    for (uint32_t i = 0; i < count; i++)
        put_u64(b, stream_pfn_entry(first_pfn + i, page_type));
    for (uint32_t i = 0; i < count && stream_page_type_has_data(page_type); i++) {
        uint8_t page[STREAM_PAGE_SIZE];

        memset(page, (int)(first_pfn + i), sizeof(page));
        put_raw(b, page, sizeof(page));
    }
    end_record(b, start);
}

void put_pv_info(struct bytes *b, uint8_t width, uint8_t levels)
{
    size_t start = begin_record(b, STREAM_REC_X86_PV_INFO);

    put_raw(b, &width, 1);
    put_raw(b, &levels, 1);
    put_zeros(b, 6);
    end_record(b, start);
}

void put_p2m_frames(struct bytes *b, uint32_t end_pfn, uint32_t per_frame)
{
    size_t start = begin_record(b, STREAM_REC_X86_PV_P2M_FRAMES);

    put_u32(b, 0);
    put_u32(b, end_pfn);
    for (uint32_t i = 0; i <= end_pfn / per_frame; i++)
        put_u64(b, i);
    end_record(b, start);
}

void put_vcpu(struct bytes *b, uint32_t type, uint32_t vcpu, uint32_t context_len)
{
    size_t start = begin_record(b, type);

    put_u32(b, vcpu);
    put_u32(b, 0);
    put_zeros(b, context_len);
    end_record(b, start);
}

void put_shared_info(struct bytes *b)
{
    size_t start = begin_record(b, STREAM_REC_SHARED_INFO);

    put_zeros(b, STREAM_PAGE_SIZE);
    end_record(b, start);
}

void put_tsc_info(struct bytes *b)
{
    size_t start = begin_record(b, STREAM_REC_X86_TSC_INFO);

    put_u32(b, 0);
    put_u32(b, 2400000);
    put_u64(b, 123456789);
    put_u32(b, 1);
    put_u32(b, 0);
    end_record(b, start);
}

void put_context_entry(struct bytes *b, uint16_t typecode, uint16_t instance, uint32_t len)
{
    put_u16(b, typecode);
    put_u16(b, instance);
    put_u32(b, len);
    put_zeros(b, len);
}

void put_hvm_context_header(struct bytes *b)
{
    put_u16(b, STREAM_HVM_TYPECODE_HEADER);
    put_u16(b, 0);
    put_u32(b, 24);
    put_u32(b, STREAM_HVM_MAGIC);
    put_u32(b, STREAM_HVM_VERSION);
    put_zeros(b, 16);
}

/* 8 + 24, 8 + 13, 8: a length that needs padding. */
void put_hvm_context(struct bytes *b)
{
    size_t start = begin_record(b, STREAM_REC_HVM_CONTEXT);

    put_hvm_context_header(b);
    put_context_entry(b, 21, 0, 13);
    put_context_entry(b, 0, 0, 0);
    end_record(b, start);
}

void put_hvm_params(struct bytes *b, uint32_t count)
{
    size_t start = begin_record(b, STREAM_REC_HVM_PARAMS);

    put_u32(b, count);
    put_u32(b, 0);
    for (uint32_t i = 0; i < count; i++) {
        put_u64(b, i + 1);
        put_u64(b, 0xfeffc000 + i);
    }
    end_record(b, start);
}

void put_cpuid_policy(struct bytes *b)
{
    size_t start = begin_record(b, STREAM_REC_X86_CPUID_POLICY);

    for (uint32_t leaf = 0; leaf < 2; leaf++) {
        put_u32(b, leaf);
        put_u32(b, UINT32_MAX);
        for (uint32_t i = 0; i < 4; i++)
            put_u32(b, 0x1000 * leaf + i);
    }
    end_record(b, start);
}

void put_msr_policy(struct bytes *b)
{
    size_t start = begin_record(b, STREAM_REC_X86_MSR_POLICY);

    put_u32(b, 0xce);
    put_u32(b, 0);
    put_u64(b, 0x80000000);
    end_record(b, start);
}

void put_emulator(struct bytes *b, uint32_t type, uint32_t id, const void *data, size_t len)
{
    size_t start = begin_record(b, type);

    put_u32(b, id);
    put_u32(b, 0);
    put_raw(b, data, len);
    end_record(b, start);
}

void put_pv_static(struct bytes *b, uint32_t version)
{
    put_image_headers(b, version, STREAM_GUEST_X86_PV);
    put_pv_info(b, 8, 4);
    if (version < 3)
        return;
    put_cpuid_policy(b);
    put_msr_policy(b);
    put_empty_record(b, STREAM_REC_STATIC_DATA_END);
}

void put_pv_memory(struct bytes *b)
{
    put_p2m_frames(b, 1023, 512);
    put_pages(b, 0, 2, STREAM_PAGE_NOTAB);
    put_pages(b, 2, 1, STREAM_PAGE_L4TAB | STREAM_PAGE_LPINNED);
    put_pages(b, 3, 5, STREAM_PAGE_XTAB);
    put_pages(b, 0, 1, STREAM_PAGE_NOTAB);
}

void put_pv_state(struct bytes *b)
{
    put_tsc_info(b);
    put_shared_info(b);
    for (uint32_t vcpu = 0; vcpu < 2; vcpu++) {
        put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, vcpu, STREAM_VCPU_BASIC_X86_64);
        put_vcpu(b, STREAM_REC_X86_PV_VCPU_EXTENDED, vcpu, 100);
        put_vcpu(b, STREAM_REC_X86_PV_VCPU_XSAVE, vcpu, 33);
        put_vcpu(b, STREAM_REC_X86_PV_VCPU_MSRS, vcpu, 32);
    }
}

void put_hvm_static(struct bytes *b, uint32_t version)
{
    put_image_headers(b, version, STREAM_GUEST_X86_HVM);
    if (version < 3)
        return;
    put_cpuid_policy(b);
    put_msr_policy(b);
    put_empty_record(b, STREAM_REC_STATIC_DATA_END);
}

void put_hvm_state(struct bytes *b)
{
    put_tsc_info(b);
    put_hvm_context(b);
    put_hvm_params(b, 3);
}

void put_pv_image(struct bytes *b, uint32_t version)
{
    put_pv_static(b, version);
    put_pv_memory(b);
    put_pv_state(b);
    put_empty_record(b, STREAM_REC_END);
}

void put_hvm_image(struct bytes *b, uint32_t version)
{
    put_hvm_static(b, version);
    put_pages(b, 0, 3, STREAM_PAGE_NOTAB);
    put_pages(b, 0xfeff8, 2, STREAM_PAGE_XALLOC);
    put_hvm_state(b);
    put_empty_record(b, STREAM_REC_END);
}

static void put_saved(struct bytes *b)
{
    put_xl_header(b, STREAM_XL_FLAG_JSON | STREAM_XL_FLAG_STREAMV2,
                  "{\n    \"c_info\": {\n        \"name\": \"guest\"\n    }\n}\n");
    put_libxl_header(b, 0);
    put_empty_record(b, STREAM_LIBXL_REC_LIBXC_CONTEXT);
}

void put_saved_pv(struct bytes *b)
{
    put_saved(b);
    put_pv_image(b, 3);
    put_empty_record(b, STREAM_LIBXL_REC_END);
}

void put_saved_hvm(struct bytes *b)
{
    static const char xenstore[] = "physmap/f0000000/start_addr\0f0000000\0physmap/f0000000/name\0vga.vram";

    put_saved(b);
    put_hvm_image(b, 3);
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_XENSTORE_DATA, STREAM_EMULATOR_QEMU_UPSTREAM,
                 xenstore, sizeof(xenstore));
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_CONTEXT, STREAM_EMULATOR_QEMU_UPSTREAM,
                 "QEVM\0\0\0\3 and so on", 19);
    put_empty_record(b, STREAM_LIBXL_REC_END);
}
