/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Rules of the domain image: which record may come when, and what its content
 * must be for the guest at hand.
 *
 * Order, from the specification: static data, STATIC_DATA_END, memory and
 * state, END. For a PV guest each of X86_PV_INFO, X86_PV_P2M_FRAMES, PAGE_DATA
 * and the vCPU records needs the one before. CHECKPOINT closes a consistent
 * view; state comes again after it, memory goes on.
 */
#include "stream-format/hvm-context.h"
#include "stream-format/reader/rules.h"

#include <inttypes.h>
#include <string.h>

/* x86 has physical addresses of at most 52 bits. */
#define MAX_HVM_PFN ((UINT64_C(1) << (52 - STREAM_PAGE_SHIFT)) - 1)

static bool seen(const struct stream_reader *r, uint32_t type)
{
    return r->rules.seen & (UINT32_C(1) << type);
}

static int missing(struct stream_reader *r, const char *what)
{
    return stream_fail(r, STREAM_FAULT_MISSING_RECORD, r->record_offset, "%s before it|%s", what,
                       r->info->name);
}

static int out_of_order(struct stream_reader *r, const char *expected)
{
    return stream_fail(r, STREAM_FAULT_OUT_OF_ORDER, r->record_offset, "%s|%s", expected,
                       r->info->name);
}

static bool is_vcpu_record(const struct stream_reader *r)
{
    return r->info->repeat == STREAM_REPEAT_VCPU;
}

/* Before or after STATIC_DATA_END, which version 2 does not have: there the
 * first memory record stands for it. */
static int check_phase(struct stream_reader *r)
{
    struct rules *rules = &r->rules;

    switch (r->info->phase) {
    case STREAM_PHASE_STATIC:
        if (rules->static_ended && r->info->id != STREAM_ID_LIBXC_STATIC_DATA_END)
            return out_of_order(r, "no more static data");
        return 0;
    case STREAM_PHASE_MEMORY:
        if (rules->version < 3)
            rules->static_ended = true;
        /* fall through */
    case STREAM_PHASE_STATE:
        if (rules->version >= 3 && !rules->static_ended)
            return out_of_order(r, "STATIC_DATA_END first");
        return 0;
    default:
        return 0;
    }
}

static int check_repeat(struct stream_reader *r)
{
    enum stream_repeat repeat = r->info->repeat;
    uint32_t bit = UINT32_C(1) << r->type;

    if ((repeat == STREAM_REPEAT_IMAGE && (r->rules.seen & bit)) ||
        (repeat == STREAM_REPEAT_CHECKPOINT && (r->rules.seen_state & bit)))
        return stream_fail(r, STREAM_FAULT_DUPLICATE_RECORD, r->record_offset, "one %s%s|another one",
                           r->info->name,
                           repeat == STREAM_REPEAT_CHECKPOINT && r->rules.checkpointed
                               ? " for each checkpoint" : "");
    return 0;
}

/* What a PV guest's record depends on. */
static int check_pv_order(struct stream_reader *r)
{
    bool page_data = r->type == STREAM_REC_PAGE_DATA;
    bool needs_info = page_data || r->type == STREAM_REC_X86_PV_P2M_FRAMES ||
                      r->type == STREAM_REC_SHARED_INFO || is_vcpu_record(r);

    if (needs_info && !seen(r, STREAM_REC_X86_PV_INFO))
        return missing(r, "X86_PV_INFO");
    if (page_data && !seen(r, STREAM_REC_X86_PV_P2M_FRAMES))
        return missing(r, "X86_PV_P2M_FRAMES");
    if (is_vcpu_record(r) && !seen(r, STREAM_REC_PAGE_DATA))
        return missing(r, "PAGE_DATA");
    if (page_data && r->rules.seen_state & (UINT32_C(1) << STREAM_REC_X86_PV_VCPU_BASIC |
                                            UINT32_C(1) << STREAM_REC_X86_PV_VCPU_EXTENDED |
                                            UINT32_C(1) << STREAM_REC_X86_PV_VCPU_XSAVE |
                                            UINT32_C(1) << STREAM_REC_X86_PV_VCPU_MSRS))
        return out_of_order(r, "no more memory after vCPU records");
    return 0;
}

/* Of the guest's p2m each page must have come, for the restoring side writes into it. */
static int check_p2m_came(struct stream_reader *r)
{
    uint64_t index, pfn;

    if (p2m_frames_complete(r->rules.p2m, &index, &pfn))
        return 0;
    return stream_fail(r, STREAM_FAULT_MISSING_RECORD, r->record_offset,
                       "pfn 0x%" PRIx64 " as an ordinary page, for it is frame %" PRIu64 " of the p2m|%s", pfn, index,
                       r->info->name);
}

/* END and CHECKPOINT: is all there that a guest needs? */
int stream_rules_complete_libxc(struct stream_reader *r)
{
    const struct rules *rules = &r->rules;
    uint32_t state = rules->seen_state;

    if (!rules->static_ended)
        return missing(r, rules->version >= 3 ? "STATIC_DATA_END" : "memory");
    if (!seen(r, STREAM_REC_PAGE_DATA))
        return missing(r, "PAGE_DATA");
    /* Nothing new since the last checkpoint: that one is the guest. */
    if (r->type == STREAM_REC_END && rules->checkpointed && !state)
        return 0;
    if (!is_pv(r))
        return state & (UINT32_C(1) << STREAM_REC_HVM_CONTEXT) ? 0 : missing(r, "HVM_CONTEXT");
    if (!(state & (UINT32_C(1) << STREAM_REC_SHARED_INFO)))
        return missing(r, "SHARED_INFO");
    if (!rules->vcpu0_seen)
        return missing(r, "X86_PV_VCPU_BASIC of vCPU 0");
    return check_p2m_came(r);
}

int stream_rules_order_libxc(struct stream_reader *r)
{
    if (r->info->since > r->rules.version)
        return stream_fail(r, STREAM_FAULT_WRONG_VERSION, r->record_offset,
                           "records of image version %u|%s, of version %u", r->rules.version,
                           r->info->name, r->info->since);
    if (check_repeat(r) || check_phase(r))
        return -1;
    if (is_pv(r) && check_pv_order(r))
        return -1;
    switch (r->info->id) {
    case STREAM_ID_LIBXC_STATIC_DATA_END:
        return is_pv(r) && !seen(r, STREAM_REC_X86_PV_INFO) ? missing(r, "X86_PV_INFO") : 0;
    case STREAM_ID_LIBXC_VERIFY:
        return seen(r, STREAM_REC_PAGE_DATA) ? 0 : missing(r, "PAGE_DATA");
    case STREAM_ID_LIBXC_CHECKPOINT:
    case STREAM_ID_LIBXC_END:
        return stream_rules_complete_libxc(r);
    default:
        return 0;
    }
}

/* ---- heads ------------------------------------------------------------- */

static int check_page_data_head(struct stream_reader *r)
{
    uint32_t count = stream_part_u32(r, 0);
    uint32_t most = (r->length - 8) / 8;

    if (!count)
        return stream_fail(r, STREAM_FAULT_BAD_COUNT, part_offset(r), "at least 1 pfn|0");
    if (count > most)
        return stream_fail(r, STREAM_FAULT_BAD_COUNT, part_offset(r),
                           "at most %u pfns in %u bytes|%u", most, r->length, count);
    r->elements_left = count;
    r->rules.nr_pages = 0;
    return 0;
}

static int check_pv_info(struct stream_reader *r)
{
    unsigned int width = r->part[0], levels = r->part[1];

    if (!(width == 8 && levels == 4) && !(width == 4 && levels == 3))
        return stream_fail(r, STREAM_FAULT_BAD_VALUE, part_offset(r),
                           "width 8 with 4 levels, or 4 with 3|width %u with %u levels", width,
                           levels);
    r->rules.guest_width = (uint8_t)width;
    return 0;
}

static int check_p2m_head(struct stream_reader *r)
{
    uint32_t start = stream_part_u32(r, 0), end = stream_part_u32(r, 4);
    uint32_t per_frame = STREAM_PAGE_SIZE / r->rules.guest_width;
    uint64_t frames, want;

    if (start > end)
        return stream_fail(r, STREAM_FAULT_BAD_VALUE, part_offset(r),
                           "a start_pfn of at most end_pfn (0x%x)|0x%x", end, start);
    frames = (uint64_t)(end / per_frame) - start / per_frame + 1;
    want = 8 + 8 * frames;
    if (r->length != want)
        return stream_fail(r, STREAM_FAULT_BAD_LENGTH, r->record_offset + 4,
                           "%" PRIu64 " for the p2m of pfns 0x%x to 0x%x|%u", want, start, end,
                           r->length);
    if (r->rules.max_pfn < end)
        r->rules.max_pfn = end;
    r->rules.p2m_index = start / per_frame;
    if (!r->rules.p2m)
        r->rules.p2m = p2m_frames_new();
    return r->rules.p2m ? 0 : stream_fail(r, STREAM_FAULT_NO_MEMORY, r->record_offset, "memory for a p2m|none");
}

/* Is the context's length one that this kind of context can have? */
static int check_vcpu_length(struct stream_reader *r)
{
    uint32_t len = r->length - 8;
    uint32_t basic = r->rules.guest_width == 8 ? STREAM_VCPU_BASIC_X86_64
                                               : STREAM_VCPU_BASIC_X86_32;

    if (r->type == STREAM_REC_X86_PV_VCPU_BASIC && len != basic)
        return stream_fail(r, STREAM_FAULT_BAD_LENGTH, r->record_offset + 4, "%u|%u", basic + 8,
                           r->length);
    if (r->type == STREAM_REC_X86_PV_VCPU_XSAVE && len < STREAM_VCPU_XSAVE_MIN)
        return stream_fail(r, STREAM_FAULT_BAD_LENGTH, r->record_offset + 4, "at least %u|%u",
                           STREAM_VCPU_XSAVE_MIN + 8, r->length);
    return 0;
}

static unsigned int vcpu_kind(uint32_t type)
{
    switch (type) {
    case STREAM_REC_X86_PV_VCPU_BASIC:
        return 0;
    case STREAM_REC_X86_PV_VCPU_EXTENDED:
        return 1;
    case STREAM_REC_X86_PV_VCPU_XSAVE:
        return 2;
    default:
        return 3;
    }
}

static int check_vcpu_head(struct stream_reader *r)
{
    uint32_t vcpu = stream_part_u32(r, 0);
    uint8_t *byte, bit;

    if (vcpu > STREAM_VCPU_ID_MAX)
        return stream_fail(r, STREAM_FAULT_BAD_VALUE, part_offset(r), "a vCPU up to %u|%u",
                           STREAM_VCPU_ID_MAX, vcpu);
    if (stream_rules_config_vcpu(r, STREAM_FAULT_BAD_VALUE, vcpu, part_offset(r)))
        return -1;
    /* Erratum: Xen 4.6 to 4.8 sent records without content. They say nothing. */
    if (r->length == 8)
        return 0;
    if (check_vcpu_length(r))
        return -1;

    byte = &r->rules.vcpu_seen[vcpu_kind(r->type)][vcpu / 8];
    bit = (uint8_t)(1u << (vcpu % 8));
    if (*byte & bit)
        return stream_fail(r, STREAM_FAULT_DUPLICATE_RECORD, r->record_offset,
                           "one %s for vCPU %u|another one", r->info->name, vcpu);
    *byte |= bit;
    if (r->type == STREAM_REC_X86_PV_VCPU_BASIC && vcpu == 0)
        r->rules.vcpu0_seen = true;
    return 0;
}

static int check_hvm_params_head(struct stream_reader *r)
{
    uint32_t count = stream_part_u32(r, 0);
    uint32_t have = (r->length - 8) / 16;

    /* Erratum: none at all is what Xen 4.6 to 4.8 could send. */
    if (count != have)
        return stream_fail(r, STREAM_FAULT_BAD_COUNT, part_offset(r),
                           "%u parameters in %u bytes|%u", have, r->length, count);
    return 0;
}

int stream_rules_head_libxc(struct stream_reader *r)
{
    if (is_vcpu_record(r))
        return check_vcpu_head(r);
    switch (r->info->id) {
    case STREAM_ID_LIBXC_PAGE_DATA:
        return check_page_data_head(r);
    case STREAM_ID_LIBXC_X86_PV_INFO:
        return check_pv_info(r);
    case STREAM_ID_LIBXC_X86_PV_P2M_FRAMES:
        return check_p2m_head(r);
    case STREAM_ID_LIBXC_HVM_PARAMS:
        return check_hvm_params_head(r);
    default:
        return 0;
    }
}

/* ---- elements ---------------------------------------------------------- */

int stream_rules_page_type(struct stream_reader *r, unsigned int type, uint64_t at)
{
    unsigned int level = type & ~STREAM_PAGE_LPINNED;
    bool table = stream_page_type_has_data(type) && type != STREAM_PAGE_NOTAB;

    if (!stream_page_type_valid(type))
        return stream_fail(r, STREAM_FAULT_BAD_PAGE_TYPE, at,
                           "page type 0x0-0x4 or 0x9-0xf|0x%x", type);
    if (table && !is_pv(r))
        return stream_fail(r, STREAM_FAULT_BAD_PAGE_TYPE, at,
                           "no page tables in an HVM guest's memory|type 0x%x", type);
    if (table && level == STREAM_PAGE_L4TAB && r->rules.guest_width == 4)
        return stream_fail(r, STREAM_FAULT_BAD_PAGE_TYPE, at,
                           "three levels of page tables|type 0x%x", type);
    return 0;
}

int stream_rules_pages(struct stream_reader *r, uint64_t pfn, uint64_t count, unsigned int page_type)
{
    if (stream_rules_page_type(r, page_type, r->offset))
        return -1;
    r->rules.seen |= UINT32_C(1) << STREAM_REC_PAGE_DATA;
    if (!is_pv(r))
        return 0;
    if (!seen(r, STREAM_REC_X86_PV_P2M_FRAMES))
        return stream_fail(r, STREAM_FAULT_MISSING_RECORD, r->offset, "X86_PV_P2M_FRAMES before memory|memory");
    if (pfn + count - 1 > r->rules.max_pfn)
        return stream_fail(r, STREAM_FAULT_PFN_OUT_OF_RANGE, r->offset,
                           "pfns up to 0x%" PRIx64 "|%" PRIu64 " from 0x%" PRIx64 " on", r->rules.max_pfn, count, pfn);
    p2m_frames_pages(r->rules.p2m, pfn, count, page_type == STREAM_PAGE_NOTAB);
    return 0;
}

static int check_page(struct stream_reader *r)
{
    uint64_t entry = stream_get_u64(r->part, r->big_endian[STREAM_LAYER_LIBXC]);
    uint64_t pfn = stream_entry_pfn(entry);
    uint64_t max = is_pv(r) ? r->rules.max_pfn : MAX_HVM_PFN;
    uint64_t want;

    if (entry & STREAM_PFN_RSVD_MASK)
        return stream_fail(r, STREAM_FAULT_RESERVED_NOT_ZERO, part_offset(r),
                           "zero in bits 59 to 52|0x%016" PRIx64, entry);
    if (stream_rules_page_type(r, stream_entry_type(entry), part_offset(r)))
        return -1;
    if (pfn > max)
        return stream_fail(r, STREAM_FAULT_PFN_OUT_OF_RANGE, part_offset(r),
                           "a pfn up to 0x%" PRIx64 "|0x%" PRIx64, max, pfn);
    r->rules.nr_pages += stream_page_type_has_data(stream_entry_type(entry));
    if (is_pv(r))
        p2m_frames_pages(r->rules.p2m, pfn, 1, stream_entry_type(entry) == STREAM_PAGE_NOTAB);
    if (r->elements_left)
        return 0;

    want = 8 + 8 * (r->element_index + 1) + STREAM_PAGE_SIZE * r->rules.nr_pages;
    if (r->length != want)
        return stream_fail(r, STREAM_FAULT_BAD_LENGTH, r->record_offset + 4,
                           "%" PRIu64 " for %" PRIu64 " pfns with %" PRIu64 " pages|%u", want,
                           r->element_index + 1, r->rules.nr_pages, r->length);
    return 0;
}

static int check_p2m_pfn(struct stream_reader *r)
{
    uint64_t pfn = stream_get_u64(r->part, r->big_endian[STREAM_LAYER_LIBXC]);

    if (pfn > r->rules.max_pfn)
        return stream_fail(r, STREAM_FAULT_PFN_OUT_OF_RANGE, part_offset(r),
                           "a pfn up to 0x%" PRIx64 "|0x%" PRIx64, r->rules.max_pfn, pfn);
    p2m_frames_set(r->rules.p2m, r->rules.p2m_index++, pfn);
    return 0;
}

/* What is known of such an entry: how long it may be, and whether the guest has the vCPU that it is of. */
static int check_known_entry(struct stream_reader *r, uint16_t typecode, uint32_t len)
{
    const struct stream_hvm_entry *entry = stream_hvm_entry_find(typecode);

    if (!entry)
        return 0;
    if (len < entry->min_len || len > entry->max_len)
        return stream_fail(r, STREAM_FAULT_BAD_HVM_CONTEXT, part_offset(r) + 4, "%s %u bytes in %s|%u",
                           entry->max_len == entry->min_len ? "exactly" : "at least", entry->min_len, entry->name, len);
    if (!entry->of_vcpu)
        return 0;
    return stream_rules_config_vcpu(r, STREAM_FAULT_BAD_HVM_CONTEXT,
                                    stream_get_u16(r->part + 2, r->big_endian[STREAM_LAYER_LIBXC]), part_offset(r) + 2);
}

/* The HVM context is a chain of entries, each with its length; the first is a
 * header (typecode 1) and the last has typecode 0. */
static int check_context_entry(struct stream_reader *r)
{
    bool big_endian = r->big_endian[STREAM_LAYER_LIBXC];
    uint16_t typecode = stream_get_u16(r->part, big_endian);
    uint32_t len = stream_part_u32(r, 4);

    if (r->element_index == 0)
        r->rules.context_header_have = 0;
    if (r->element_index == 0 && typecode != STREAM_HVM_TYPECODE_HEADER)
        return stream_fail(r, STREAM_FAULT_BAD_HVM_CONTEXT, part_offset(r),
                           "the header entry (typecode 1) first|typecode %u", typecode);
    if (len > body_left(r))
        return stream_fail(r, STREAM_FAULT_BAD_HVM_CONTEXT, part_offset(r) + 4,
                           "an entry of at most %u bytes|%u", body_left(r), len);
    if (typecode == 0 && len)
        return stream_fail(r, STREAM_FAULT_BAD_HVM_CONTEXT, part_offset(r) + 4,
                           "an end mark without content|%u bytes", len);
    if (check_known_entry(r, typecode, len))
        return -1;
    r->rules.context_ended = typecode == 0;
    if (r->rules.context_ended)
        r->elements_left = 0;
    r->span_left = len;
    return 0;
}

int stream_rules_element_libxc(struct stream_reader *r)
{
    switch (r->info->id) {
    case STREAM_ID_LIBXC_PAGE_DATA:
        return check_page(r);
    case STREAM_ID_LIBXC_X86_PV_P2M_FRAMES:
        return check_p2m_pfn(r);
    case STREAM_ID_LIBXC_HVM_CONTEXT:
        return check_context_entry(r);
    default:
        return 0;
    }
}

/* ---- the rest, and the end --------------------------------------------- */

/* The first entry is long enough: its length was judged. */
static int check_context_header(struct stream_reader *r, const uint8_t *data, size_t len)
{
    struct rules *rules = &r->rules;
    bool big_endian = r->big_endian[STREAM_LAYER_LIBXC];
    size_t room = sizeof(rules->context_header) - rules->context_header_have, n = len < room ? len : room;
    uint64_t at = r->offset - rules->context_header_have;
    uint32_t magic, version;

    memcpy(rules->context_header + rules->context_header_have, data, n);
    rules->context_header_have += (uint32_t)n;
    if (!room || n < room)
        return 0;
    magic = stream_get_u32(rules->context_header, big_endian);
    version = stream_get_u32(rules->context_header + 4, big_endian);
    if (magic != STREAM_HVM_MAGIC)
        return stream_fail(r, STREAM_FAULT_BAD_HVM_CONTEXT, at, "magic 0x%08x|0x%08x", STREAM_HVM_MAGIC, magic);
    if (version != STREAM_HVM_VERSION)
        return stream_fail(r, STREAM_FAULT_BAD_HVM_CONTEXT, at + 4, "version %u|%u", STREAM_HVM_VERSION, version);
    return 0;
}

int stream_rules_blob_libxc(struct stream_reader *r, const uint8_t *data, size_t len)
{
    if (r->info->id != STREAM_ID_LIBXC_HVM_CONTEXT)
        return 0;
    if (r->stage == STAGE_SKIP)
        return r->element_index == 1 ? check_context_header(r, data, len) : 0;
    return stream_fail(r, STREAM_FAULT_BAD_HVM_CONTEXT, r->offset, "%s|%u bytes",
                       r->rules.context_ended ? "nothing after the end mark"
                                              : "an entry of at least 8 bytes",
                       body_left(r));
}

int stream_rules_end_libxc(struct stream_reader *r)
{
    struct rules *rules = &r->rules;

    if (r->info->id == STREAM_ID_LIBXC_HVM_CONTEXT && !rules->context_ended)
        return stream_fail(r, STREAM_FAULT_BAD_HVM_CONTEXT, body_end(r),
                           "an end mark (typecode 0)|the end of the record");

    rules->seen |= UINT32_C(1) << r->type;
    rules->seen_state |= UINT32_C(1) << r->type;
    if (r->info->id == STREAM_ID_LIBXC_STATIC_DATA_END)
        rules->static_ended = true;
    if (r->info->id == STREAM_ID_LIBXC_CHECKPOINT) {
        rules->checkpointed = true;
        rules->in_checkpoint = r->has_libxl;
        rules->seen_state = 0;
        rules->vcpu0_seen = false;
        memset(rules->vcpu_seen, 0, sizeof(rules->vcpu_seen));
    }
    return 0;
}
