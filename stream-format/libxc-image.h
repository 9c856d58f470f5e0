/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The wire layout of libxc's domain image, versions 2 and 3.
 *
 * This is the innermost layer of a save file or migration stream: an image
 * header, a domain header, then records up to END. SPECIFICATION.md beside
 * this file is the text to it; Xen's own is
 * docs/specs/libxc-migration-stream.pandoc.
 *
 * The image header is big-endian always. Everything after it has the order
 * that the image header's options name, and x86 images are little-endian. The
 * structs are for code that reads and writes x86 images on x86; code that
 * must take either order goes through bytes.h instead.
 */
#ifndef STREAM_FORMAT_LIBXC_IMAGE_H
#define STREAM_FORMAT_LIBXC_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stream-format/bytes.h"

/* ---- headers ---------------------------------------------------------- */

#define STREAM_IMAGE_MARKER UINT64_C(0xffffffffffffffff)
#define STREAM_IMAGE_ID     UINT32_C(0x58454e46) /* "XENF" */

#define STREAM_IMAGE_VERSION_MIN UINT32_C(2) /* oldest that is read */
#define STREAM_IMAGE_VERSION     UINT32_C(3) /* what is written */

#define STREAM_IMAGE_OPT_BIG_ENDIAN UINT16_C(0x0001)
#define STREAM_IMAGE_OPT_RESERVED   UINT16_C(0xfffe)

/* All fields big-endian. */
struct stream_image_header {
    uint64_t marker;
    uint32_t id;
    uint32_t version;
    uint16_t options;
    uint16_t rsvd1;
    uint32_t rsvd2;
};
_Static_assert(sizeof(struct stream_image_header) == 24, "image header size");
_Static_assert(offsetof(struct stream_image_header, id) == 8, "id");
_Static_assert(offsetof(struct stream_image_header, version) == 12, "version");
_Static_assert(offsetof(struct stream_image_header, options) == 16, "options");
_Static_assert(offsetof(struct stream_image_header, rsvd2) == 20, "rsvd2");

#define STREAM_GUEST_X86_PV  UINT32_C(1)
#define STREAM_GUEST_X86_HVM UINT32_C(2) /* PVH too */

#define STREAM_PAGE_SHIFT 12
#define STREAM_PAGE_SIZE  4096u

/* xen_major 0 says that a legacy image was converted; xen_minor is then the
 * version of the converter. */
struct stream_domain_header {
    uint32_t type;
    uint16_t page_shift;
    uint16_t rsvd;
    uint32_t xen_major;
    uint32_t xen_minor;
};
_Static_assert(sizeof(struct stream_domain_header) == 16, "domain header size");
_Static_assert(offsetof(struct stream_domain_header, page_shift) == 4, "page_shift");
_Static_assert(offsetof(struct stream_domain_header, xen_major) == 8, "xen_major");
_Static_assert(offsetof(struct stream_domain_header, xen_minor) == 12, "xen_minor");

/* ---- records ---------------------------------------------------------- */

/* length counts the body alone; zeros follow it up to a multiple of 8. */
struct stream_record_header {
    uint32_t type;
    uint32_t length;
};
_Static_assert(sizeof(struct stream_record_header) == 8, "record header size");
_Static_assert(offsetof(struct stream_record_header, length) == 4, "length");

#define STREAM_RECORD_ALIGN  8u
#define STREAM_RECORD_LENGTH_MAX (UINT32_C(128) << 20)

/* A record type with this bit may be skipped by a reader that does not know it. */
#define STREAM_REC_OPTIONAL UINT32_C(0x80000000)

#define STREAM_REC_END                       UINT32_C(0x00)
#define STREAM_REC_PAGE_DATA                 UINT32_C(0x01)
#define STREAM_REC_X86_PV_INFO               UINT32_C(0x02)
#define STREAM_REC_X86_PV_P2M_FRAMES         UINT32_C(0x03)
#define STREAM_REC_X86_PV_VCPU_BASIC         UINT32_C(0x04)
#define STREAM_REC_X86_PV_VCPU_EXTENDED      UINT32_C(0x05)
#define STREAM_REC_X86_PV_VCPU_XSAVE         UINT32_C(0x06)
#define STREAM_REC_SHARED_INFO               UINT32_C(0x07)
#define STREAM_REC_X86_TSC_INFO              UINT32_C(0x08)
#define STREAM_REC_HVM_CONTEXT               UINT32_C(0x09)
#define STREAM_REC_HVM_PARAMS                UINT32_C(0x0a)
#define STREAM_REC_TOOLSTACK                 UINT32_C(0x0b) /* never valid */
#define STREAM_REC_X86_PV_VCPU_MSRS          UINT32_C(0x0c)
#define STREAM_REC_VERIFY                    UINT32_C(0x0d)
#define STREAM_REC_CHECKPOINT                UINT32_C(0x0e)
#define STREAM_REC_CHECKPOINT_DIRTY_PFN_LIST UINT32_C(0x0f) /* back-channel */
#define STREAM_REC_STATIC_DATA_END           UINT32_C(0x10) /* version 3 */
#define STREAM_REC_X86_CPUID_POLICY          UINT32_C(0x11) /* version 3 */
#define STREAM_REC_X86_MSR_POLICY            UINT32_C(0x12) /* version 3 */

/* Length of a body with its padding. length must be within the maximum. */
static inline uint32_t stream_record_padded(uint32_t length)
{
    return (length + (STREAM_RECORD_ALIGN - 1)) & ~(STREAM_RECORD_ALIGN - 1);
}

/* ---- PAGE_DATA -------------------------------------------------------- */

/* The header; count entries follow, each a page type in bits 63-60, zeros in
 * 59-52, the pfn below; then pages, one for each entry whose type has data. */
struct stream_page_data {
    uint32_t count;
    uint32_t rsvd;
};
_Static_assert(sizeof(struct stream_page_data) == 8, "page data header size");

#define STREAM_PFN_MASK       UINT64_C(0x000fffffffffffff)
#define STREAM_PFN_RSVD_MASK  UINT64_C(0x0ff0000000000000)
#define STREAM_PFN_TYPE_MASK  UINT64_C(0xf000000000000000)
#define STREAM_PFN_TYPE_SHIFT 60

/* Xen's XEN_DOMCTL_PFINFO_* are these, shifted left by 28. */
#define STREAM_PAGE_NOTAB  0x0u
#define STREAM_PAGE_L1TAB  0x1u
#define STREAM_PAGE_L2TAB  0x2u
#define STREAM_PAGE_L3TAB  0x3u
#define STREAM_PAGE_L4TAB  0x4u
#define STREAM_PAGE_LPINNED 0x8u /* a flag with L1TAB to L4TAB */
#define STREAM_PAGE_BROKEN 0xdu
#define STREAM_PAGE_XALLOC 0xeu /* to be populated; sent without content */
#define STREAM_PAGE_XTAB   0xfu /* no page there (any more) */

#define STREAM_PFINFO_SHIFT 28 /* page type <-> XEN_DOMCTL_PFINFO_* */

static inline uint64_t stream_pfn_entry(uint64_t pfn, unsigned int page_type)
{
    return ((uint64_t)page_type << STREAM_PFN_TYPE_SHIFT) | (pfn & STREAM_PFN_MASK);
}

static inline uint64_t stream_entry_pfn(uint64_t entry)
{
    return entry & STREAM_PFN_MASK;
}

static inline unsigned int stream_entry_type(uint64_t entry)
{
    return (unsigned int)(entry >> STREAM_PFN_TYPE_SHIFT);
}

/* 0x5 to 0x8 have no meaning, and a stream with them must be refused. */
static inline bool stream_page_type_valid(unsigned int page_type)
{
    return page_type <= STREAM_PAGE_L4TAB ||
           (page_type > STREAM_PAGE_LPINNED && page_type <= STREAM_PAGE_XTAB);
}

/* Does a page of this type have its content in the record? */
static inline bool stream_page_type_has_data(unsigned int page_type)
{
    return stream_page_type_valid(page_type) && page_type < STREAM_PAGE_BROKEN;
}

/* ---- bodies of the x86 records ---------------------------------------- */

/* X86_PV_INFO: width 8 with 4 levels, or width 4 with 3 levels. */
struct stream_x86_pv_info {
    uint8_t guest_width;
    uint8_t pt_levels;
    uint8_t rsvd[6];
};
_Static_assert(sizeof(struct stream_x86_pv_info) == 8, "pv info size");
_Static_assert(offsetof(struct stream_x86_pv_info, pt_levels) == 1, "pt_levels");

/* X86_PV_P2M_FRAMES: the pfns of those frames of the guest's p2m that hold
 * the entries start_pfn to end_pfn, both included. */
struct stream_x86_pv_p2m_frames {
    uint32_t start_pfn;
    uint32_t end_pfn;
    uint64_t p2m_pfn[];
};
_Static_assert(sizeof(struct stream_x86_pv_p2m_frames) == 8, "p2m frames size");
_Static_assert(offsetof(struct stream_x86_pv_p2m_frames, end_pfn) == 4, "end_pfn");

/* X86_PV_VCPU_BASIC, _EXTENDED, _XSAVE, _MSRS */
struct stream_x86_pv_vcpu {
    uint32_t vcpu_id;
    uint32_t rsvd;
    uint8_t context[];
};
_Static_assert(sizeof(struct stream_x86_pv_vcpu) == 8, "vcpu header size");

/* A BASIC context is Xen's vcpu_guest_context of the guest's width. */
#define STREAM_VCPU_BASIC_X86_64   5168u
#define STREAM_VCPU_BASIC_X86_32   2800u
#define STREAM_VCPU_EXTENDED_MAX   128u
#define STREAM_VCPU_XSAVE_MIN      16u
#define STREAM_VCPU_ID_MAX         8191u /* Xen's own bound for PV guests */

/* X86_TSC_INFO */
struct stream_x86_tsc_info {
    uint32_t mode;
    uint32_t khz;
    uint64_t nsec;
    uint32_t incarnation;
    uint32_t rsvd;
};
_Static_assert(sizeof(struct stream_x86_tsc_info) == 24, "tsc info size");
_Static_assert(offsetof(struct stream_x86_tsc_info, nsec) == 8, "nsec");
_Static_assert(offsetof(struct stream_x86_tsc_info, incarnation) == 16, "incarnation");

/* HVM_PARAMS: the header, then count entries. */
struct stream_hvm_param {
    uint64_t index;
    uint64_t value;
};
_Static_assert(sizeof(struct stream_hvm_param) == 16, "hvm param size");

struct stream_hvm_params {
    uint32_t count;
    uint32_t rsvd;
};
_Static_assert(sizeof(struct stream_hvm_params) == 8, "hvm params size");

/* X86_CPUID_POLICY and X86_MSR_POLICY: arrays of these, nothing before them. */
struct stream_x86_cpuid_leaf {
    uint32_t leaf;
    uint32_t subleaf; /* all ones: the leaf has none */
    uint32_t eax, ebx, ecx, edx;
};
_Static_assert(sizeof(struct stream_x86_cpuid_leaf) == 24, "cpuid leaf size");

struct stream_x86_msr_entry {
    uint32_t index;
    uint32_t flags;
    uint64_t value;
};
_Static_assert(sizeof(struct stream_x86_msr_entry) == 16, "msr entry size");
_Static_assert(offsetof(struct stream_x86_msr_entry, value) == 8, "value");

/* ---- encoding --------------------------------------------------------- */

/* Write the 24 bytes of an image header of a little-endian image. */
static inline void stream_encode_image_header(uint8_t out[24], uint32_t version)
{
    stream_put_be64(out, STREAM_IMAGE_MARKER);
    stream_put_be32(out + 8, STREAM_IMAGE_ID);
    stream_put_be32(out + 12, version);
    stream_put_be64(out + 16, 0);
}

/* Write the 16 bytes of a domain header, little-endian. */
static inline void stream_encode_domain_header(uint8_t out[16], uint32_t guest_type,
                                               uint32_t xen_major, uint32_t xen_minor)
{
    stream_put_le32(out, guest_type);
    stream_put_le16(out + 4, STREAM_PAGE_SHIFT);
    stream_put_le16(out + 6, 0);
    stream_put_le32(out + 8, xen_major);
    stream_put_le32(out + 12, xen_minor);
}

/* Write the 8 bytes of a record header, little-endian. */
static inline void stream_encode_record_header(uint8_t out[8], uint32_t type,
                                               uint32_t length)
{
    stream_put_le32(out, type);
    stream_put_le32(out + 4, length);
}

#endif
