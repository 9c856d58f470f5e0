/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the readers of both images do with what they read: records go to the guest, figures to the caller. */
#include "config.h"

#include "libxcsave/clock.h"
#include "libxcsave/restore/restore.h"
#include "stream-format/libxc-image.h"

#define PROGRESS_INTERVAL_US 200000

void restore_show(struct restore *r, enum xcsave_phase phase, bool now)
{
    uint64_t time_us = monotonic_us();

    r->progress->phase = phase;
    r->progress->elapsed_us = time_us - r->start_us;
    if (r->callbacks->progress && (now || time_us - r->shown_us >= PROGRESS_INTERVAL_US)) {
        r->shown_us = time_us;
        r->callbacks->progress(r->callbacks->user, r->progress);
    }
}

void restore_note(struct restore *r, const char *text)
{
    if (r->callbacks->note)
        r->callbacks->note(r->callbacks->user, text);
}

int restore_complete_static_data(struct restore *r, struct xcsave_error *error)
{
    unsigned missing = 0;

    if (r->static_data_complete)
        return xcsave_fail(error, 0, "a second STATIC_DATA_END");
    r->static_data_complete = true;
    if (r->guest->restore->static_data_end(r->guest, &missing, error))
        return -1;
    if (r->callbacks->static_data_done && r->callbacks->static_data_done(r->callbacks->user, missing))
        return xcsave_fail(error, 0, "the toolstack could not make up for what the old stream lacks");
    return 0;
}

int restore_take_record(struct restore *r, uint32_t type, const void *body, uint32_t length,
                        struct xcsave_error *error)
{
    int rc;

    if (type == STREAM_REC_STATIC_DATA_END) {
        if (length)
            return xcsave_fail(error, 0, "STATIC_DATA_END with a body of %u bytes", length);
        return restore_complete_static_data(r, error);
    }
    rc = r->guest->restore->accept_record(r->guest, type, body, length, error);
    if (rc > 0 && !(type & STREAM_REC_OPTIONAL))
        return xcsave_fail(error, 0, "record type %#x is not known here and may not be skipped", type);
    return rc < 0 ? -1 : 0;
}
