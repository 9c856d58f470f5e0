/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The fuzz target of restoring: any octets into a guest of arrays that takes every
 * record.  Those of an xlmig image have their checksums made right where bit 0 of
 * the last octet says so, as nothing else would come further.
 *
 * There must be no crash and nothing left mapped; and no guest is complete unless
 * the restore said so.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stream-format/image1/image1.h"
#include "tests/libxcsave/fake-guest.h"
#include "tests/stream-format/mend-image1.h"

/* A guest of 16 MiB: what a hostile image may ask for ends there. */
#define MAX_POPULATED 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int image_file(const uint8_t *data, size_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    uint8_t *copy = malloc(size);

    if (fd < 0 || !copy)
        abort();
    memcpy(copy, data, size);
    if (data[size - 1] & 1)
        mend_image1(copy, size - 1);
    if (pwrite(fd, copy, size - 1, 0) != (ssize_t)(size - 1))
        abort();
    free(copy);
    return fd;
}

/* As the image says, so that not every other one ends there. */
static uint32_t guest_type(const uint8_t *data, size_t size)
{
    const size_t at = IMAGE1_HEADER_LEN + IMAGE1_RECORD_HEADER_LEN;

    return size > at && data[at] == STREAM_GUEST_X86_PV ? STREAM_GUEST_X86_PV : STREAM_GUEST_X86_HVM;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct xcsave_callbacks callbacks = { 0 };
    struct xcsave_restore_options options = { .callbacks = &callbacks, .io_timeout_s = 1 };
    struct xcsave_restore_result result;
    struct xcsave_report report;
    struct xcsave_error error;
    struct fake_guest *g;
    int rc;

    if (!size)
        return 0;
    g = fake_guest_new_empty();
    g->type = guest_type(data, size);
    g->takes_any_record = true;
    g->max_populated = MAX_POPULATED;
    options.fd = image_file(data, size);
    rc = xcsave_restore(&g->base, &options, &result, &report, &error);
    if (g->mapped || g->completed != !rc || (rc && !error.text[0]))
        abort();
    close(options.fd);
    fake_guest_free(g);
    return 0;
}
