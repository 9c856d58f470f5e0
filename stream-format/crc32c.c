/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * CRC-32C, by ISA-L: it chooses between the CPU's ways at run time (the crc32
 * instruction, carry-less multiplication with up to 512 bits, a table). Three
 * interleaved streams of the instruction alone came to half its speed.
 */
#include "stream-format/crc32c.h"

#include <isa-l/crc.h>
#include <limits.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    const unsigned char *p = data;

    crc = ~crc;
    while (len) {
        int n = len < INT_MAX ? (int)len : INT_MAX;

        /* It takes a pointer to what could be changed, and changes nothing. */
        crc = crc32_iscsi((unsigned char *)(uintptr_t)p, n, crc);
        p += n;
        len -= (size_t)n;
    }
    return ~crc;
}
