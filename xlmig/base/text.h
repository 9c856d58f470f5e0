/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Text that a person reads, and octets as text. */
#ifndef XLMIG_BASE_TEXT_H
#define XLMIG_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Replace all but printable ASCII by blanks: fit for a terminal, whoever wrote it. */
void clean_text(char *text);

/* "1.5 GiB", "12.0 MiB/s" is the former with "/s"; buffer holds at least 32 bytes. */
const char *format_bytes(double bytes, char *buffer, size_t size);
/* "350 ms", "12.5 s" */
const char *format_us(uint64_t us, char *buffer, size_t size);

/* Lower case; `hex` has room for 2 * len + 1. */
void hex_encode(const void *bytes, size_t len, char *hex);
/* The first 2 * len characters of `hex`, which may end before.  -1: not all of them are digits, in lower case. */
int hex_decode(const char *hex, void *bytes, size_t len);

#endif
