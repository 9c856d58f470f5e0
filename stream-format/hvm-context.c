/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "stream-format/hvm-context.h"

#include <stddef.h>

#define OF_VCPU true
#define OF_DEVICE false
#define ANY UINT32_MAX

static const struct stream_hvm_entry entries[] = {
#define STREAM_HVM_ENTRY(name, typecode, of, min, max) { #name, typecode, OF_##of, min, max },
#include "stream-format/hvm-context.def"
};

const struct stream_hvm_entry *stream_hvm_entry_find(uint16_t typecode)
{
    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        if (entries[i].typecode == typecode)
            return &entries[i];
    }
    return NULL;
}
