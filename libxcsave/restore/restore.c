/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Restoring a guest: the algorithm, and nothing that depends on the hypervisor.
 *
 *   headers; static data, complete at STATIC_DATA_END or before the first record
 *   that needs it (libxc's version 2, which has no such record);
 *   pages as they come; state records, kept by the guest implementation until the end;
 *   memory that no page came for goes back; complete() puts the state into the domain.
 *
 * Whatever is read is judged before it is acted on (judge.h), by the rules of `xlmig verify`.
 *
 * The first octets tell which image it is.  Nothing is read beyond its end: the
 * descriptor goes back to libxl, whose own records follow.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "libxcsave/clock.h"
#include "libxcsave/restore/restore.h"
#include "stream-format/image1/image1.h"
#include "stream-format/libxc-image.h"

_Static_assert(RESTORE_MAGIC_LEN == IMAGE1_MAGIC_LEN, "eight octets tell the images apart");

static int read_image(struct restore *r)
{
    if (imageio_read(&r->io, r->magic, sizeof(r->magic), r->error))
        return -1;
    return memcmp(r->magic, IMAGE1_MAGIC, IMAGE1_MAGIC_LEN) ? restore_libxc(r) : restore_v1(r);
}

static int restore_guest(struct restore *r, struct xcsave_restore_result *result)
{
    r->judge = judge_new();
    if (!r->judge)
        return xcsave_fail(r->error, ENOMEM, "what is known of an image");
    if (populate_init(&r->memory, r->guest, r->error) ||
        imageio_attach(&r->io, r->options->fd, r->options->io_timeout_s, r->options->cancel, r->error) ||
        read_image(r) || judge_end(r->judge, r->error))
        return -1;
    if (!r->static_data_complete)
        return xcsave_fail(r->error, 0, "the image ends before its static data");
    if (populate_return_spare(&r->memory, r->error))
        return -1;
    restore_show(r, XCSAVE_PHASE_STATE, true);
    return r->guest->restore->complete(r->guest, result, r->error);
}

int xcsave_restore(struct xcsave_guest *guest, const struct xcsave_restore_options *options,
                   struct xcsave_restore_result *result, struct xcsave_report *report,
                   struct xcsave_error *error)
{
    struct restore r = {
        .guest = guest,
        .options = options,
        .callbacks = options->callbacks,
        .report = report,
        .progress = &report->end,
        .error = error,
        .io.saved_flags = -1,
        .start_us = monotonic_us(),
    };
    int rc;

    *report = (struct xcsave_report){ 0 };
    *error = (struct xcsave_error){ 0 };
    *result = (struct xcsave_restore_result){ 0 };
    rc = restore_guest(&r, result);
    report->extents = r.memory.given;
    if (!rc)
        restore_show(&r, XCSAVE_PHASE_DONE, true);
    populate_dispose(&r.memory);
    judge_free(r.judge);
    imageio_detach(&r.io);
    report->total_us = monotonic_us() - r.start_us;
    return rc;
}
