/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Names of the numbers in a stream, Xen's and our image's; NULL where a number has none. */
#ifndef STREAM_FORMAT_NAMES_H
#define STREAM_FORMAT_NAMES_H

#include <stdint.h>

#include "stream-format/records.h"

/* A page type: "NOTAB", "L1TAB pinned", ... */
const char *stream_page_type_name(unsigned int page_type);

/* x86 PV, x86 HVM. */
const char *stream_guest_name(uint32_t guest_type);

/* Of an xlmig image, by enum image1_kind and enum image1_codec_id. */
const char *image1_kind_name(unsigned int kind);
const char *image1_codec_name(unsigned int codec);

/* What the value of a field stands for. */
const char *stream_value_name(const struct stream_field *field, uint64_t value);

#endif
