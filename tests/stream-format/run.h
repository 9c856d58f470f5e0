/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Putting a stream through a reader, in pieces of a given size. */
#ifndef TESTS_STREAM_FORMAT_RUN_H
#define TESTS_STREAM_FORMAT_RUN_H

#include "stream-format/reader/reader.h"
#include "tests/stream-format/build.h"

struct outcome {
    struct stream_fault fault; /* code STREAM_FAULT_NONE: valid */
    unsigned int events[STREAM_EVENT_RECORD_END + 1];
    uint64_t digest; /* of all that the events said, however the bytes came */
};

/* piece 0: everything at once. */
struct outcome run(const uint8_t *data, size_t len, size_t piece);

#endif
