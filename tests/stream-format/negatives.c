/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * One wrong stream for each row of negatives.def. Each is right up to the one
 * fault that its name tells.
 */
#include "tests/stream-format/negatives.h"
#include "tests/stream-format/negatives-image1.h"

#include <string.h>

#define JSON2 (STREAM_XL_FLAG_JSON | STREAM_XL_FLAG_STREAMV2)

/* ---- changing what was put -------------------------------------------- */

static void poke32(struct bytes *b, size_t at, uint32_t v)
{
    stream_put_le32(b->data + at, v);
}

static void poke32_be(struct bytes *b, size_t at, uint32_t v)
{
    stream_put_be32(b->data + at, v);
}

/* ---- beginnings -------------------------------------------------------- */

static void libxl(struct bytes *b)
{
    put_libxl_header(b, 0);
    put_empty_record(b, STREAM_LIBXL_REC_LIBXC_CONTEXT);
}

static void libxl_hvm(struct bytes *b)
{
    libxl(b);
    put_hvm_image(b, 3);
}

/* libxl, and an image that stands at its first checkpoint. */
static void libxl_checkpoint(struct bytes *b)
{
    libxl(b);
    put_hvm_static(b, 3);
    put_pages(b, 0, 1, STREAM_PAGE_NOTAB);
    put_hvm_state(b);
    put_empty_record(b, STREAM_REC_CHECKPOINT);
}

static void hvm_memory(struct bytes *b)
{
    put_hvm_static(b, 3);
    put_pages(b, 0, 1, STREAM_PAGE_NOTAB);
}

static void pv_memory(struct bytes *b)
{
    put_pv_static(b, 3);
    put_pv_memory(b);
}

/* A PAGE_DATA record that goes wrong in its body; returns where it starts. */
static size_t bad_pages(struct bytes *b, uint64_t pfn, uint32_t count, unsigned int page_type)
{
    size_t at;

    put_hvm_static(b, 3);
    at = b->len;
    put_pages(b, pfn, count, page_type);
    return at;
}

/* A context of a header entry, then whatever; to be closed with end_record(). */
static size_t begin_context(struct bytes *b)
{
    size_t start;

    hvm_memory(b);
    start = begin_record(b, STREAM_REC_HVM_CONTEXT);
    put_hvm_context_header(b);
    return start;
}

static void put_sized(struct bytes *b, uint32_t type, uint32_t len)
{
    size_t start = begin_record(b, type);

    put_zeros(b, len);
    end_record(b, start);
}

static void put_xenstore(struct bytes *b, const char *data, size_t len)
{
    libxl_hvm(b);
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_XENSTORE_DATA, STREAM_EMULATOR_QEMU_UPSTREAM, data,
                 len);
}

/* ---- the makers -------------------------------------------------------- */

#define MAKE(name) static void make_##name(struct bytes *b)

MAKE(text_file) { put_raw(b, "builder = \"hvm\"\n", 16); }
MAKE(xl_magic_wrong_late) { put_xl_header(b, JSON2, "{}"); b->data[30] = 'x'; }
MAKE(xl_byteorder) { put_xl_header(b, JSON2, "{}"); poke32(b, 32, 0x01020305); }
MAKE(xl_unknown_mandatory_flag) { put_xl_header(b, JSON2 | 4, "{}"); }
MAKE(xl_unknown_optional_flag) { put_xl_header(b, JSON2, "{}"); poke32(b, 40, 1); }
MAKE(xl_legacy_stream) { put_xl_header(b, STREAM_XL_FLAG_JSON, "{}"); }
MAKE(xl_too_much_data) { put_xl_header(b, JSON2, "{}"); poke32(b, 44, STREAM_XL_DATA_MAX + 1); }
MAKE(xl_data_too_short) { put_xl_header(b, JSON2, NULL); poke32(b, 44, 3); }
MAKE(xl_config_beyond_data) { put_xl_header(b, JSON2, "{}"); poke32(b, 48, 4); }
MAKE(xl_config_not_terminated) { put_xl_header(b, JSON2, "{}"); b->data[54] = ' '; }
MAKE(xl_config_empty) { put_xl_header(b, JSON2, NULL); poke32(b, 44, 4); put_u32(b, 0); }
MAKE(xl_config_terminated_early) { put_xl_header(b, JSON2, "{}"); b->data[53] = '\0'; }

MAKE(config_control_character) { put_xl_header(b, JSON2, "{\"a\":\"\tb\"}"); }
MAKE(config_octet_ff) { put_xl_header(b, JSON2, "{\"a\":\"\xff\"}"); }
MAKE(config_nan) { put_xl_header(b, JSON2, "{\"a\":NaN}"); }
MAKE(config_single_quotes) { put_xl_header(b, JSON2, "{'a':1}"); }
MAKE(config_no_object) { put_xl_header(b, JSON2, "[]"); }
MAKE(config_cut_off) { put_xl_header(b, JSON2, "{\"a\":1"); }
MAKE(config_too_many_vcpus) { put_xl_header(b, JSON2, "{\"b_info\":{\"max_vcpus\":2,\"avail_vcpus\":[0,1,2]}}"); }
MAKE(config_vcpu_beyond_max) { put_xl_header(b, JSON2, "{\"b_info\":{\"avail_vcpus\":[0,3],\"max_vcpus\":2}}"); }

#define CONFIG(type) "{\"c_info\":{\"type\":\"" type "\"},\"b_info\":{\"max_vcpus\":2}}"

/* Up to the image, of a VM that is configured so. */
static void configured(struct bytes *b, const char *config)
{
    put_xl_header(b, JSON2, config);
    libxl(b);
}

MAKE(config_of_pv_image_of_hvm) { configured(b, CONFIG("pv")); put_hvm_static(b, 3); }
MAKE(config_of_pvh_image_of_pv) { configured(b, CONFIG("pvh")); put_pv_static(b, 3); }

MAKE(config_of_pvh_with_emulator)
{
    configured(b, CONFIG("pvh"));
    put_hvm_image(b, 3);
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_CONTEXT, STREAM_EMULATOR_QEMU_UPSTREAM, "QEVM", 4);
}

MAKE(config_of_hvm_without_emulator) { configured(b, CONFIG("hvm")); put_hvm_image(b, 3); put_empty_record(b, 0); }

MAKE(config_with_fewer_vcpus)
{
    configured(b, CONFIG("pv"));
    put_pv_static(b, 3);
    put_pv_memory(b);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, 1, STREAM_VCPU_BASIC_X86_64);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, 2, STREAM_VCPU_BASIC_X86_64);
}

MAKE(config_with_fewer_vcpus_than_the_context)
{
    size_t start;

    configured(b, CONFIG("hvm"));
    hvm_memory(b);
    start = begin_record(b, STREAM_REC_HVM_CONTEXT);
    put_hvm_context_header(b);
    put_context_entry(b, 19, 2, 8);
    put_context_entry(b, 0, 0, 0);
    end_record(b, start);
}


MAKE(libxl_ident) { put_xl_header(b, JSON2, "{}"); libxl(b); b->data[56] = 'l'; }
MAKE(libxl_version) { put_libxl_header(b, 0); poke32_be(b, 8, 3); }
MAKE(libxl_options) { put_libxl_header(b, 4); }
MAKE(libxl_unknown_record) { libxl_hvm(b); put_empty_record(b, 6); }
MAKE(libxl_end_without_image) { put_libxl_header(b, 0); put_empty_record(b, 0); }
MAKE(libxl_two_images) { libxl_hvm(b); put_empty_record(b, STREAM_LIBXL_REC_LIBXC_CONTEXT); }
MAKE(libxl_context_with_body) { put_libxl_header(b, 0); put_sized(b, 1, 8); }

MAKE(libxl_emulator_before_image)
{
    put_libxl_header(b, 0);
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_CONTEXT, 2, "x", 1);
}

MAKE(libxl_emulator_of_pv_guest)
{
    libxl(b);
    put_pv_image(b, 3);
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_CONTEXT, 2, "x", 1);
}

MAKE(libxl_emulator_id_unknown)
{
    libxl_hvm(b);
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_CONTEXT, 3, "x", 1);
}

MAKE(libxl_emulator_id_of_legacy)
{
    libxl_hvm(b);
    put_emulator(b, STREAM_LIBXL_REC_EMULATOR_CONTEXT, 0, "x", 1);
}

MAKE(libxl_emulator_too_short) { libxl_hvm(b); put_sized(b, 3, 7); }
MAKE(libxl_xenstore_no_nul) { put_xenstore(b, "a\0b\0c", 5); }
MAKE(libxl_xenstore_no_value) { put_xenstore(b, "a\0\0c", 5); }
MAKE(libxl_xenstore_bad_key) { put_xenstore(b, "a b\0c", 6); }
MAKE(libxl_xenstore_empty_key) { put_xenstore(b, "a\0b\0\0c", 7); }
MAKE(libxl_xenstore_absolute_key) { put_xenstore(b, "/a\0b", 5); }
MAKE(libxl_checkpoint_end_alone) { libxl_hvm(b); put_empty_record(b, 4); }
MAKE(libxl_checkpoint_state_alone) { libxl_hvm(b); put_sized(b, 5, 4); }

MAKE(libxl_checkpoint_state_value)
{
    size_t at;

    libxl_checkpoint(b);
    put_empty_record(b, STREAM_LIBXL_REC_CHECKPOINT_END);
    at = b->len;
    put_sized(b, STREAM_LIBXL_REC_CHECKPOINT_STATE, 4);
    poke32(b, at + 8, STREAM_CHECKPOINT_SVM_READY);
}

MAKE(libxl_end_in_checkpoint) { libxl_checkpoint(b); put_empty_record(b, 0); }
MAKE(libxl_trailing_data) { libxl_hvm(b); put_empty_record(b, 0); put_raw(b, "x", 1); }

MAKE(image_id) { put_hvm_image(b, 3); b->data[8] = 0; }
MAKE(image_marker) { libxl_hvm(b); b->data[24 + 3] = 0; }
MAKE(image_version_1) { put_hvm_image(b, 1); }
MAKE(image_version_4) { put_hvm_image(b, 4); }
MAKE(image_options) { put_hvm_image(b, 3); b->data[17] = 2; }
MAKE(image_reserved) { put_hvm_image(b, 3); b->data[23] = 1; }
MAKE(domain_type) { put_image_headers(b, 3, 3); }
MAKE(domain_page_shift) { put_hvm_image(b, 3); b->data[28] = 14; }
MAKE(domain_reserved) { put_hvm_image(b, 3); b->data[31] = 1; }

MAKE(record_unknown) { hvm_memory(b); put_empty_record(b, 0x13); }

MAKE(record_too_long)
{
    put_hvm_static(b, 3);
    put_u32(b, STREAM_REC_PAGE_DATA);
    put_u32(b, STREAM_RECORD_LENGTH_MAX + 1);
}

MAKE(record_optional_too_long)
{
    put_hvm_static(b, 3);
    put_u32(b, STREAM_REC_OPTIONAL | 1);
    put_u32(b, UINT32_MAX);
}

MAKE(record_padding) { hvm_memory(b); put_hvm_context(b); b->data[b->len - 1] = 1; }
MAKE(toolstack) { hvm_memory(b); put_sized(b, STREAM_REC_TOOLSTACK, 8); }
MAKE(dirty_pfn_list) { hvm_memory(b); put_sized(b, STREAM_REC_CHECKPOINT_DIRTY_PFN_LIST, 8); }
MAKE(static_data_end_in_v2) { put_hvm_static(b, 2); put_empty_record(b, 0x10); }
MAKE(cpuid_policy_in_v2) { put_hvm_static(b, 2); put_cpuid_policy(b); }
MAKE(msr_policy_in_v2) { put_hvm_static(b, 2); put_msr_policy(b); }
MAKE(pv_record_in_hvm) { put_image_headers(b, 3, STREAM_GUEST_X86_HVM); put_pv_info(b, 8, 4); }
MAKE(hvm_record_in_pv) { pv_memory(b); put_hvm_params(b, 1); }

MAKE(memory_before_static_data_end)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_HVM);
    put_pages(b, 0, 1, STREAM_PAGE_NOTAB);
}

MAKE(state_before_static_data_end)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_HVM);
    put_tsc_info(b);
}

MAKE(static_after_static_data_end)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_HVM);
    put_empty_record(b, STREAM_REC_STATIC_DATA_END);
    put_msr_policy(b);
}

MAKE(static_data_end_twice) { put_hvm_static(b, 3); put_empty_record(b, 0x10); }

MAKE(static_data_end_without_pv_info)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_PV);
    put_empty_record(b, STREAM_REC_STATIC_DATA_END);
}

MAKE(end_without_static_data_end)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_HVM);
    put_empty_record(b, STREAM_REC_END);
}

MAKE(end_with_body) { hvm_memory(b); put_sized(b, STREAM_REC_END, 8); }

MAKE(pv_info_twice)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_PV);
    put_pv_info(b, 8, 4);
    put_pv_info(b, 8, 4);
}

MAKE(pv_info_width_and_levels)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_PV);
    put_pv_info(b, 8, 3);
}

MAKE(pv_info_length) { put_image_headers(b, 3, STREAM_GUEST_X86_PV); put_sized(b, 2, 16); }
MAKE(pv_info_reserved) { put_pv_static(b, 3); b->data[40 + 12] = 1; }

MAKE(p2m_without_pv_info)
{
    put_image_headers(b, 2, STREAM_GUEST_X86_PV);
    put_p2m_frames(b, 511, 512);
}

MAKE(p2m_start_beyond_end)
{
    size_t at;

    put_pv_static(b, 3);
    at = b->len;
    put_p2m_frames(b, 511, 512);
    poke32(b, at + 8, 512);
}

MAKE(p2m_frames_missing)
{
    size_t at;

    put_pv_static(b, 3);
    at = b->len;
    put_p2m_frames(b, 511, 512);
    poke32(b, at + 12, 512);
}

MAKE(p2m_frames_of_other_width) { put_pv_static(b, 3); put_p2m_frames(b, 2047, 1024); }
MAKE(p2m_length_uneven) { put_pv_static(b, 3); put_sized(b, 3, 20); }

MAKE(p2m_pfn_beyond_end)
{
    size_t at;

    put_pv_static(b, 3);
    at = b->len;
    put_p2m_frames(b, 511, 512);
    poke32(b, at + 16, 512);
}

MAKE(pages_without_p2m) { put_pv_static(b, 3); put_pages(b, 0, 1, STREAM_PAGE_NOTAB); }
MAKE(pages_none) { size_t at = bad_pages(b, 0, 1, STREAM_PAGE_NOTAB); poke32(b, at + 8, 0); }

MAKE(pages_more_than_length)
{
    size_t at = bad_pages(b, 0, 1, STREAM_PAGE_XTAB);

    poke32(b, at + 8, 2);
}

MAKE(pages_reserved) { size_t at = bad_pages(b, 0, 1, STREAM_PAGE_NOTAB); b->data[at + 12] = 1; }

MAKE(pages_one_too_few)
{
    size_t at = bad_pages(b, 0, 2, STREAM_PAGE_NOTAB);

    poke32(b, at + 4, 8 + 16 + 4096);
    b->len -= 4096;
}

MAKE(pages_one_too_many)
{
    size_t at = bad_pages(b, 0, 2, STREAM_PAGE_NOTAB);

    poke32(b, at + 4, 8 + 16 + 3 * 4096);
    put_zeros(b, 4096);
}

MAKE(pages_content_of_hole)
{
    size_t at = bad_pages(b, 0, 1, STREAM_PAGE_NOTAB);

    b->data[at + 16 + 7] = 0xf0;
}

MAKE(page_type_5) { bad_pages(b, 0, 1, 5); }
MAKE(page_type_8) { bad_pages(b, 0, 1, 8); }
MAKE(page_table_in_hvm) { bad_pages(b, 0, 1, STREAM_PAGE_L1TAB); }

MAKE(page_table_l4_in_32bit)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_PV);
    put_pv_info(b, 4, 3);
    put_empty_record(b, STREAM_REC_STATIC_DATA_END);
    put_p2m_frames(b, 1023, 1024);
    put_pages(b, 0, 1, STREAM_PAGE_L4TAB | STREAM_PAGE_LPINNED);
}

MAKE(pfn_reserved_bits)
{
    size_t at = bad_pages(b, 0, 1, STREAM_PAGE_NOTAB);

    b->data[at + 16 + 6] = 0x10;
}

MAKE(pfn_beyond_p2m)
{
    put_pv_static(b, 3);
    put_p2m_frames(b, 511, 512);
    put_pages(b, 511, 2, STREAM_PAGE_NOTAB);
}

MAKE(pfn_beyond_x86) { bad_pages(b, UINT64_C(1) << 40, 1, STREAM_PAGE_NOTAB); }

MAKE(pages_after_vcpu)
{
    pv_memory(b);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, 0, STREAM_VCPU_BASIC_X86_64);
    put_pages(b, 0, 1, STREAM_PAGE_NOTAB);
}

MAKE(vcpu_before_pages)
{
    put_pv_static(b, 3);
    put_p2m_frames(b, 511, 512);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, 0, STREAM_VCPU_BASIC_X86_64);
}

MAKE(vcpu_id)
{
    pv_memory(b);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, STREAM_VCPU_ID_MAX + 1, STREAM_VCPU_BASIC_X86_64);
}

MAKE(vcpu_reserved)
{
    size_t at;

    pv_memory(b);
    at = b->len;
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_MSRS, 0, 16);
    b->data[at + 12] = 1;
}

MAKE(vcpu_twice)
{
    pv_memory(b);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_XSAVE, 3, 64);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_XSAVE, 2, 64);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_XSAVE, 3, 64);
}

MAKE(vcpu_basic_length)
{
    pv_memory(b);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, 0, STREAM_VCPU_BASIC_X86_32);
}

MAKE(vcpu_extended_length) { pv_memory(b); put_vcpu(b, STREAM_REC_X86_PV_VCPU_EXTENDED, 0, 129); }
MAKE(vcpu_xsave_length) { pv_memory(b); put_vcpu(b, STREAM_REC_X86_PV_VCPU_XSAVE, 0, 15); }
MAKE(vcpu_msrs_length) { pv_memory(b); put_vcpu(b, STREAM_REC_X86_PV_VCPU_MSRS, 0, 24); }

MAKE(vcpu_msrs_reserved)
{
    size_t at;

    pv_memory(b);
    at = b->len;
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_MSRS, 0, 16);
    b->data[at + 20] = 1;
}

MAKE(vcpu_0_missing)
{
    pv_memory(b);
    put_shared_info(b);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, 1, STREAM_VCPU_BASIC_X86_64);
    put_empty_record(b, STREAM_REC_END);
}

MAKE(vcpu_0_empty)
{
    pv_memory(b);
    put_shared_info(b);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, 0, 0);
    put_empty_record(b, STREAM_REC_END);
}

MAKE(shared_info_length) { pv_memory(b); put_sized(b, STREAM_REC_SHARED_INFO, 4088); }

MAKE(shared_info_missing)
{
    pv_memory(b);
    put_vcpu(b, STREAM_REC_X86_PV_VCPU_BASIC, 0, STREAM_VCPU_BASIC_X86_64);
    put_empty_record(b, STREAM_REC_END);
}

MAKE(shared_info_without_pv_info)
{
    put_image_headers(b, 2, STREAM_GUEST_X86_PV);
    put_shared_info(b);
}

MAKE(tsc_info_length) { hvm_memory(b); put_sized(b, STREAM_REC_X86_TSC_INFO, 16); }
MAKE(tsc_info_twice) { hvm_memory(b); put_tsc_info(b); put_tsc_info(b); }

MAKE(tsc_info_reserved)
{
    hvm_memory(b);
    put_tsc_info(b);
    b->data[b->len - 4] = 1;
}

MAKE(pv_p2m_frame_missing)
{
    put_pv_static(b, 3);
    put_p2m_frames(b, 1535, 512);
    put_pages(b, 0, 2, STREAM_PAGE_NOTAB);
    put_pv_state(b);
    put_empty_record(b, 0);
}

MAKE(pv_p2m_frame_given_up)
{
    pv_memory(b);
    put_pages(b, 1, 1, STREAM_PAGE_XTAB);
    put_pv_state(b);
    put_empty_record(b, 0);
}

MAKE(pv_p2m_frame_is_a_table)
{
    pv_memory(b);
    put_pages(b, 1, 1, STREAM_PAGE_L1TAB);
    put_pv_state(b);
    put_empty_record(b, 0);
}

MAKE(hvm_context_missing) { hvm_memory(b); put_tsc_info(b); put_empty_record(b, 0); }
MAKE(hvm_context_empty) { hvm_memory(b); put_empty_record(b, STREAM_REC_HVM_CONTEXT); }

MAKE(hvm_context_no_header)
{
    size_t at;

    hvm_memory(b);
    at = b->len;
    put_hvm_context(b);
    b->data[at + 8] = 2;
}

MAKE(hvm_context_entry_too_long)
{
    size_t at;

    hvm_memory(b);
    at = b->len;
    put_hvm_context(b);
    poke32(b, at + 12, 54);
}

MAKE(hvm_context_end_with_content)
{
    size_t start = begin_context(b);

    put_u32(b, 0);
    put_u32(b, 8);
    put_zeros(b, 8);
    end_record(b, start);
}

MAKE(hvm_context_magic)
{
    size_t at;

    hvm_memory(b);
    at = b->len;
    put_hvm_context(b);
    b->data[at + 16] ^= 1;
}

MAKE(hvm_context_version)
{
    size_t at;

    hvm_memory(b);
    at = b->len;
    put_hvm_context(b);
    b->data[at + 20] = 2;
}

MAKE(hvm_context_header_length)
{
    size_t start;

    hvm_memory(b);
    start = begin_record(b, STREAM_REC_HVM_CONTEXT);
    put_context_entry(b, 1, 0, 8);
    end_record(b, start);
}

MAKE(hvm_context_entry_length)
{
    size_t start = begin_context(b);

    put_context_entry(b, 8, 0, 16);
    end_record(b, start);
}

MAKE(hvm_context_entry_too_short)
{
    size_t start = begin_context(b);

    put_context_entry(b, 2, 0, 1015);
    end_record(b, start);
}

MAKE(hvm_context_no_end) { end_record(b, begin_context(b)); }

MAKE(hvm_context_cut_entry)
{
    size_t start = begin_context(b);

    put_u32(b, 0);
    end_record(b, start);
}

MAKE(hvm_context_after_end)
{
    size_t start = begin_context(b);

    put_zeros(b, 16);
    end_record(b, start);
}

MAKE(hvm_params_count)
{
    size_t at;

    hvm_memory(b);
    at = b->len;
    put_hvm_params(b, 2);
    poke32(b, at + 8, 3);
}

MAKE(hvm_params_length) { hvm_memory(b); put_sized(b, STREAM_REC_HVM_PARAMS, 16); }

MAKE(hvm_params_reserved)
{
    size_t at;

    hvm_memory(b);
    at = b->len;
    put_hvm_params(b, 2);
    b->data[at + 12] = 1;
}

MAKE(hvm_params_twice) { hvm_memory(b); put_hvm_params(b, 1); put_hvm_params(b, 1); }

MAKE(cpuid_policy_length)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_HVM);
    put_sized(b, STREAM_REC_X86_CPUID_POLICY, 32);
}

MAKE(cpuid_policy_empty)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_HVM);
    put_empty_record(b, STREAM_REC_X86_CPUID_POLICY);
}

MAKE(msr_policy_length)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_HVM);
    put_sized(b, STREAM_REC_X86_MSR_POLICY, 24);
}

MAKE(msr_policy_flags)
{
    put_image_headers(b, 3, STREAM_GUEST_X86_HVM);
    put_msr_policy(b);
    b->data[b->len - 12] = 1;
}

MAKE(memory_missing) { put_hvm_static(b, 3); put_hvm_state(b); put_empty_record(b, 0); }
MAKE(memory_missing_in_v2) { put_hvm_static(b, 2); put_hvm_state(b); put_empty_record(b, 0); }
MAKE(verify_before_memory) { put_hvm_static(b, 3); put_empty_record(b, STREAM_REC_VERIFY); }

MAKE(verify_twice)
{
    hvm_memory(b);
    put_empty_record(b, STREAM_REC_VERIFY);
    put_empty_record(b, STREAM_REC_VERIFY);
}

MAKE(checkpoint_incomplete) { hvm_memory(b); put_empty_record(b, STREAM_REC_CHECKPOINT); }

MAKE(checkpoint_second_incomplete)
{
    hvm_memory(b);
    put_hvm_state(b);
    put_empty_record(b, STREAM_REC_CHECKPOINT);
    put_pages(b, 0, 1, STREAM_PAGE_NOTAB);
    put_tsc_info(b);
    put_empty_record(b, STREAM_REC_CHECKPOINT);
}

MAKE(image_record_in_checkpoint) { libxl_checkpoint(b); put_tsc_info(b); }
MAKE(image_truncated) { size_t at = bad_pages(b, 0, 1, STREAM_PAGE_NOTAB); b->len = at + 100; }
MAKE(stream_empty) { b->len = 0; }
MAKE(image_trailing_data) { put_hvm_image(b, 3); put_empty_record(b, STREAM_REC_END); }

const struct negative negatives[] = {
#define NEGATIVE(name_, code_, record_, field_)                                       \
    { .name = #name_, .make = make_##name_, .code = STREAM_FAULT_##code_, .record = record_, \
      .field = (field_) },
#include "tests/stream-format/negatives.def"
#undef NEGATIVE
};

const unsigned int nr_negatives = sizeof(negatives) / sizeof(negatives[0]);
