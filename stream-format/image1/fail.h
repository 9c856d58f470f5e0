/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* How the decoders of image1.h say no. */
#ifndef STREAM_FORMAT_IMAGE1_FAIL_H
#define STREAM_FORMAT_IMAGE1_FAIL_H

#include "stream-format/image1/image1.h"

static inline int image1_fail(struct image1_fault *fault, enum stream_fault_code code, uint32_t at,
                              const char *expected, uint64_t found)
{
    *fault = (struct image1_fault){ .code = code, .at = at, .expected = expected, .found = found };
    return -1;
}

#endif
