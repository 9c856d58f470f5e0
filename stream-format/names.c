/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* From Xen's public headers: domctl.h, hvm/params.h, arch-x86/hvm/save.h. */
#include "stream-format/names.h"

#include <stddef.h>
#include <string.h>

#include "stream-format/image1-layout.h"

#define NAME_OF(names, value) \
    ((value) < sizeof(names) / sizeof((names)[0]) ? (names)[value] : NULL)

const char *stream_page_type_name(unsigned int page_type)
{
    static const char *const names[] = {
        [STREAM_PAGE_NOTAB] = "NOTAB",
        [STREAM_PAGE_L1TAB] = "L1TAB",
        [STREAM_PAGE_L2TAB] = "L2TAB",
        [STREAM_PAGE_L3TAB] = "L3TAB",
        [STREAM_PAGE_L4TAB] = "L4TAB",
        [STREAM_PAGE_LPINNED | STREAM_PAGE_L1TAB] = "L1TAB pinned",
        [STREAM_PAGE_LPINNED | STREAM_PAGE_L2TAB] = "L2TAB pinned",
        [STREAM_PAGE_LPINNED | STREAM_PAGE_L3TAB] = "L3TAB pinned",
        [STREAM_PAGE_LPINNED | STREAM_PAGE_L4TAB] = "L4TAB pinned",
        [STREAM_PAGE_BROKEN] = "BROKEN",
        [STREAM_PAGE_XALLOC] = "XALLOC",
        [STREAM_PAGE_XTAB] = "XTAB",
    };

    return NAME_OF(names, page_type);
}

const char *stream_guest_name(uint32_t guest_type)
{
    static const char *const names[] = {
        [STREAM_GUEST_X86_PV] = "x86 PV",
        [STREAM_GUEST_X86_HVM] = "x86 HVM",
    };

    return NAME_OF(names, guest_type);
}

const char *image1_kind_name(unsigned int kind)
{
    static const char *const names[IMAGE1_NR_KINDS] = { "DATA", "ZERO", "ABSENT", "DELTA", "SAME" };

    return NAME_OF(names, kind);
}

const char *image1_codec_name(unsigned int codec)
{
    static const char *const names[IMAGE1_NR_CODECS] = { "none", "lz4", "zstd" };

    return NAME_OF(names, codec);
}

static const char *emulator_name(uint64_t id)
{
    static const char *const names[] = {
        [STREAM_EMULATOR_UNKNOWN] = "unknown",
        [STREAM_EMULATOR_QEMU_TRADITIONAL] = "QEMU traditional",
        [STREAM_EMULATOR_QEMU_UPSTREAM] = "QEMU upstream",
    };

    return NAME_OF(names, id);
}

static const char *tsc_mode_name(uint64_t mode)
{
    static const char *const names[] = { "default", "always emulate", "never emulate" };

    return NAME_OF(names, mode);
}

static const char *control_name(uint64_t id)
{
    static const char *const names[] = {
        [STREAM_CHECKPOINT_NEW] = "new checkpoint",
        [STREAM_CHECKPOINT_SVM_SUSPENDED] = "secondary suspended",
        [STREAM_CHECKPOINT_SVM_READY] = "secondary ready",
        [STREAM_CHECKPOINT_SVM_RESUMED] = "secondary resumed",
    };

    return NAME_OF(names, id);
}

static const char *hvm_param_name(uint64_t index)
{
    static const char *const names[] = {
        [0] = "CALLBACK_IRQ",
        [1] = "STORE_PFN",
        [2] = "STORE_EVTCHN",
        [4] = "PAE_ENABLED",
        [5] = "IOREQ_PFN",
        [6] = "BUFIOREQ_PFN",
        [9] = "VIRIDIAN",
        [10] = "TIMER_MODE",
        [11] = "HPET_ENABLED",
        [12] = "IDENT_PT",
        [13] = "DM_DOMAIN",
        [14] = "ACPI_S_STATE",
        [15] = "VM86_TSS",
        [16] = "VPT_ALIGN",
        [17] = "CONSOLE_PFN",
        [18] = "CONSOLE_EVTCHN",
        [19] = "ACPI_IOPORTS_LOCATION",
        [20] = "MEMORY_EVENT_CR0",
        [21] = "MEMORY_EVENT_CR3",
        [22] = "MEMORY_EVENT_CR4",
        [23] = "MEMORY_EVENT_INT3",
        [24] = "NESTEDHVM",
        [25] = "MEMORY_EVENT_SINGLE_STEP",
        [26] = "BUFIOREQ_EVTCHN",
        [27] = "PAGING_RING_PFN",
        [28] = "MONITOR_RING_PFN",
        [29] = "SHARING_RING_PFN",
        [30] = "MEMORY_EVENT_MSR",
        [31] = "TRIPLE_FAULT_REASON",
        [32] = "IOREQ_SERVER_PFN",
        [33] = "NR_IOREQ_SERVER_PAGES",
        [34] = "VM_GENERATION_ID_ADDR",
        [35] = "ALTP2M",
        [36] = "X87_FIP_WIDTH",
        [37] = "VM86_TSS_SIZED",
        [38] = "MCA_CAP",
    };

    return NAME_OF(names, index);
}

static const char *hvm_save_name(uint64_t typecode)
{
    static const char *const names[] = {
        [0] = "END",
        [1] = "HEADER",
        [2] = "CPU",
        [3] = "PIC",
        [4] = "IOAPIC",
        [5] = "LAPIC",
        [6] = "LAPIC_REGS",
        [7] = "PCI_IRQ",
        [8] = "ISA_IRQ",
        [9] = "PCI_LINK",
        [10] = "PIT",
        [11] = "RTC",
        [12] = "HPET",
        [13] = "PMTIMER",
        [14] = "MTRR",
        [15] = "VIRIDIAN_DOMAIN",
        [16] = "CPU_XSAVE",
        [17] = "VIRIDIAN_VCPU",
        [18] = "VMCE_VCPU",
        [19] = "TSC_ADJUST",
        [20] = "CPU_MSR",
    };

    return NAME_OF(names, typecode);
}

static const char *xl_flags_name(uint64_t flags)
{
    static const char *const names[] = {
        [STREAM_XL_FLAG_JSON] = "JSON",
        [STREAM_XL_FLAG_STREAMV2] = "stream v2",
        [STREAM_XL_FLAG_JSON | STREAM_XL_FLAG_STREAMV2] = "JSON, stream v2",
    };

    return NAME_OF(names, flags);
}

static const char *memory_name(const struct stream_field *field, uint64_t value)
{
    if (!strcmp(field->name, "codec"))
        return image1_codec_name((unsigned int)value);
    if (!strcmp(field->name, "kind"))
        return image1_kind_name((unsigned int)value);
    return strcmp(field->name, "type") ? NULL : stream_page_type_name((unsigned int)value);
}

static const char *libxc_type_name(const struct stream_field *field, uint64_t value)
{
    const struct stream_record_info *info = stream_record_find(STREAM_LAYER_LIBXC, (uint32_t)value);

    return info && !strcmp(field->name, "libxc_type") ? info->name : NULL;
}

const char *stream_value_name(const struct stream_field *field, uint64_t value)
{
    switch (field->id) {
    case STREAM_ID_XL_SAVE_HEADER:
        return !strcmp(field->name, "mandatory_flags") ? xl_flags_name(value)
               : !strcmp(field->name, "optional_flags") && value == STREAM_XL_OPT_PAUSED ? "paused" : NULL;
    case STREAM_ID_LIBXL_EMULATOR_XENSTORE_DATA:
    case STREAM_ID_LIBXL_EMULATOR_CONTEXT:
        return strcmp(field->name, "emulator_id") ? NULL : emulator_name(value);
    case STREAM_ID_LIBXL_CHECKPOINT_STATE:
        return control_name(value);
    case STREAM_ID_LIBXC_DOMAIN_HEADER:
        return strcmp(field->name, "type") ? NULL : stream_guest_name((uint32_t)value);
    case STREAM_ID_LIBXC_X86_TSC_INFO:
        return strcmp(field->name, "mode") ? NULL : tsc_mode_name(value);
    case STREAM_ID_LIBXC_HVM_PARAMS:
        return strcmp(field->name, "index") ? NULL : hvm_param_name(value);
    case STREAM_ID_LIBXC_HVM_CONTEXT:
        return strcmp(field->name, "typecode") ? NULL : hvm_save_name(value);
    case STREAM_ID_V1_DOMAIN:
        return strcmp(field->name, "type") ? NULL : stream_guest_name((uint32_t)value);
    case STREAM_ID_V1_LIBXC:
        return libxc_type_name(field, value);
    case STREAM_ID_V1_MEMORY:
        return memory_name(field, value);
    case STREAM_ID_V1_ROUND:
        return !strcmp(field->name, "flags") && value == IMAGE1_ROUND_LAST ? "last" : NULL;
    default:
        return NULL;
    }
}
