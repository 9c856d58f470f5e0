/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Streams that must be refused, from negatives.def. */
#ifndef TESTS_STREAM_FORMAT_NEGATIVES_H
#define TESTS_STREAM_FORMAT_NEGATIVES_H

#include "stream-format/reader/reader.h"
#include "tests/stream-format/build.h"

struct negative {
    const char *name;
    void (*make)(struct bytes *b);
    enum stream_fault_code code;
    const char *record;
    int field;
};

extern const struct negative negatives[];
extern const unsigned int nr_negatives;

#endif
