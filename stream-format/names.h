/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names that Xen gives to numbers in a stream; NULL where it gives none. */
#ifndef STREAM_FORMAT_NAMES_H
#define STREAM_FORMAT_NAMES_H

#include <stdint.h>

#include "stream-format/records.h"

/* A page type: "NOTAB", "L1TAB pinned", ... */
const char *stream_page_type_name(unsigned int page_type);

/* x86 PV, x86 HVM. */
const char *stream_guest_name(uint32_t guest_type);

/* What the value of a field stands for. */
const char *stream_value_name(const struct stream_field *field, uint64_t value);

#endif
