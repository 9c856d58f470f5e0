/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The entries of an HVM context, hvm-context.def as data. */
#ifndef STREAM_FORMAT_HVM_CONTEXT_H
#define STREAM_FORMAT_HVM_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

/* What the entry HEADER begins with. */
#define STREAM_HVM_MAGIC    UINT32_C(0x54381286)
#define STREAM_HVM_VERSION  1u
#define STREAM_HVM_TYPECODE_END    0u
#define STREAM_HVM_TYPECODE_HEADER 1u

struct stream_hvm_entry {
    const char *name;
    uint16_t typecode;
    bool of_vcpu;     /* the instance is a vCPU's number */
    uint32_t min_len; /* of the content */
    uint32_t max_len; /* UINT32_MAX: it may grow */
};

/* NULL: a typecode that is not known here. */
const struct stream_hvm_entry *stream_hvm_entry_find(uint16_t typecode);

#endif
