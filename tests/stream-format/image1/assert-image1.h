/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the tests of image1.h say of a call: it worked, or it refused for this reason, here. */
#ifndef TESTS_STREAM_FORMAT_IMAGE1_ASSERT_IMAGE1_H
#define TESTS_STREAM_FORMAT_IMAGE1_ASSERT_IMAGE1_H

#include <check.h>

#include "stream-format/image1/image1.h"

static struct image1_fault fault;

#define ASSERT_OK(call) \
    ck_assert_msg((call) == 0, "%s: %s at %u: expected %s, found %llu", #call, stream_fault_name(fault.code), \
                  fault.at, fault.expected, (unsigned long long)fault.found)
#define ASSERT_FAULT(call, code_, at_) \
    do { \
        fault = (struct image1_fault){ .code = STREAM_FAULT_NONE }; \
        ck_assert_int_eq(call, -1); \
        ck_assert_str_eq(stream_fault_name(fault.code), #code_); \
        ck_assert_uint_eq(fault.at, at_); \
    } while (0)

#define LEN(tests) (int)(sizeof(tests) / sizeof((tests)[0]))

#endif
