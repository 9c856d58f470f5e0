/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * From a libxc image of version 3 to an xlmig image and back, with whatever is
 * around it: xl's header and libxl's records pass unchanged. IMAGE-V1.md,
 * "Conversion", says what becomes what.
 *
 * Fed with a reader's events, so that nothing that breaks a rule gets far; but
 * what has been written is good only once the reader found no fault and
 * stream_convert_end() returned 0. Writes through a function of the caller's.
 * Keeps three payloads of 4 MiB, a guest's state records, and about a 240th of
 * the guest's memory.
 */
#ifndef STREAM_FORMAT_CONVERT_CONVERT_H
#define STREAM_FORMAT_CONVERT_CONVERT_H

#include "stream-format/image1-layout.h"
#include "stream-format/reader/reader.h"

enum stream_convert_target {
    STREAM_CONVERT_OTHER, /* to whichever of both it is not */
    STREAM_CONVERT_TO_LIBXC,
    STREAM_CONVERT_TO_V1,
};

struct stream_convert_config {
    enum stream_convert_target target;
    enum image1_codec_id codec; /* to an xlmig image */
    int level;                  /* as image1_compress() takes it */
    /* Both return 0, or -1 to stop the conversion. */
    int (*write)(void *opaque, const void *data, size_t len);
    /* What was written before, len octets at that offset of the output. NULL: it cannot be read; then
     * an image in which pages refer to others is refused. */
    int (*read_back)(void *opaque, uint64_t offset, void *data, size_t len);
    void *opaque;
};

struct stream_convert;

/* NULL: no memory. The configuration is copied. */
struct stream_convert *stream_convert_new(const struct stream_convert_config *config);
void stream_convert_free(struct stream_convert *convert);

/* For struct stream_reader_config; opaque is the struct stream_convert. */
void stream_convert_event(void *opaque, const struct stream_event *event);

/* After a valid stream's end: write what is still due. 0, or -1. */
int stream_convert_end(struct stream_convert *convert);

/* Why it stopped; NULL: it did not. "" when one of the caller's functions said so. */
const char *stream_convert_error(const struct stream_convert *convert);

/* To which it turned out to convert; OTHER as long as no image came. */
enum stream_convert_target stream_convert_target(const struct stream_convert *convert);

#endif
