/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Restoring a guest: the algorithm, and nothing that depends on the hypervisor.
 *
 *   headers; static data, complete at STATIC_DATA_END (version 3) or before the
 *   first record that needs it (version 2, which has no such record);
 *   pages as they come; state records, kept by the guest implementation until END;
 *   complete() puts the state into the domain.
 *
 * Nothing is read beyond the END record: the descriptor goes back to libxl,
 * whose own records follow.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxcsave/clock.h"
#include "libxcsave/guest.h"
#include "libxcsave/imageio.h"
#include "libxcsave/pagerecv.h"
#include "stream-format/libxc-image.h"

#define PROGRESS_INTERVAL_US 200000

/* Records other than PAGE_DATA are held in memory; the largest real ones are a few MiB. */
#define MAX_HELD_RECORD (UINT32_C(32) << 20)

struct restore {
    struct xcsave_guest *guest;
    const struct xcsave_restore_options *options;
    const struct xcsave_callbacks *callbacks;
    struct xcsave_report *report;
    struct xcsave_error *error;

    struct imageio io;
    struct pagerecv pages;
    uint32_t version;
    bool static_data_complete;
    bool ended;
    uint64_t start_us;
    uint64_t shown_us;
};

static void show_progress(struct restore *r, enum xcsave_phase phase, bool now)
{
    struct xcsave_progress *progress = &r->report->end;
    uint64_t time_us = clock_us();

    progress->phase = phase;
    progress->bytes = r->io.bytes;
    progress->pages_sent = r->pages.received;
    progress->pages_skipped = r->pages.skipped;
    progress->elapsed_us = time_us - r->start_us;
    if (r->callbacks->progress && (now || time_us - r->shown_us >= PROGRESS_INTERVAL_US)) {
        r->shown_us = time_us;
        r->callbacks->progress(r->callbacks->user, progress);
    }
}

static void note(struct restore *r, const char *text)
{
    if (r->callbacks->note)
        r->callbacks->note(r->callbacks->user, text);
}

static int read_headers(struct restore *r)
{
    uint8_t image[sizeof(struct stream_image_header)];
    struct stream_domain_header domain;
    uint16_t options;

    if (imageio_read(&r->io, image, sizeof(image), r->error))
        return -1;
    if (stream_get_be64(image) != STREAM_IMAGE_MARKER || stream_get_be32(image + 8) != STREAM_IMAGE_ID)
        return xcsave_fail(r->error, 0, "this is not a libxc image: marker or id is wrong");
    r->version = stream_get_be32(image + 12);
    if (r->version < STREAM_IMAGE_VERSION_MIN || r->version > STREAM_IMAGE_VERSION)
        return xcsave_fail(r->error, 0, "image version %u; this program reads %u to %u", r->version,
                           STREAM_IMAGE_VERSION_MIN, STREAM_IMAGE_VERSION);
    options = stream_get_be16(image + 16);
    if (options)
        return xcsave_fail(r->error, 0, "image options %#x: a big-endian or unknown image", options);

    if (imageio_read(&r->io, &domain, sizeof(domain), r->error))
        return -1;
    if (domain.page_shift != STREAM_PAGE_SHIFT)
        return xcsave_fail(r->error, 0, "page shift %u; only 12 exists on x86", domain.page_shift);
    struct guest_identity identity = { domain.type, domain.xen_major, domain.xen_minor };
    return r->guest->ops->accept_identity(r->guest, &identity, r->error);
}

static int complete_static_data(struct restore *r)
{
    unsigned missing = 0;

    if (r->static_data_complete)
        return xcsave_fail(r->error, 0, "a second STATIC_DATA_END");
    r->static_data_complete = true;
    if (r->guest->ops->static_data_end(r->guest, &missing, r->error))
        return -1;
    if (r->callbacks->static_data_done && r->callbacks->static_data_done(r->callbacks->user, missing))
        return xcsave_fail(r->error, 0, "the toolstack could not make up for what the old stream lacks");
    return 0;
}

/* Version 2 has no STATIC_DATA_END: its place is before the first record that builds on static data. */
static int require_static_data(struct restore *r)
{
    if (r->static_data_complete)
        return 0;
    if (r->version >= 3)
        return xcsave_fail(r->error, 0, "a record that needs static data comes before STATIC_DATA_END");
    return complete_static_data(r);
}

static int skip_padding(struct restore *r, uint32_t length)
{
    uint8_t padding[STREAM_RECORD_ALIGN] = { 0 };
    uint32_t nr = stream_record_padded(length) - length;

    if (nr && imageio_read(&r->io, padding, nr, r->error))
        return -1;
    for (uint32_t i = 0; i < nr; i++)
        if (padding[i])
            return xcsave_fail(r->error, 0, "record padding is not zero at offset %llu",
                               (unsigned long long)r->io.bytes);
    return 0;
}

static int take_page_data(struct restore *r, uint32_t length)
{
    return require_static_data(r) || pagerecv_record(&r->pages, length, r->error) ? -1 : 0;
}

/* A record that is held whole and given to the guest implementation. */
static int take_other(struct restore *r, uint32_t type, uint32_t length)
{
    void *body;
    int rc;

    if (length > MAX_HELD_RECORD)
        return xcsave_fail(r->error, EMSGSIZE, "record type %#x of %u bytes", type, length);
    body = malloc(length ? length : 1);
    if (!body)
        return xcsave_fail(r->error, ENOMEM, "record type %#x of %u bytes", type, length);
    rc = imageio_read(&r->io, body, length, r->error);
    if (!rc)
        rc = r->guest->ops->accept_record(r->guest, type, body, length, r->error);
    free(body);
    if (rc > 0 && !(type & STREAM_REC_OPTIONAL))
        return xcsave_fail(r->error, 0, "record type %#x is not known here and may not be skipped", type);
    return rc < 0 ? -1 : 0;
}

static int expect_empty(struct restore *r, const char *name, uint32_t length)
{
    return length ? xcsave_fail(r->error, 0, "%s with a body of %u bytes", name, length) : 0;
}

static int take_record(struct restore *r, uint32_t type, uint32_t length)
{
    switch (type) {
    case STREAM_REC_END:
        r->ended = true;
        return expect_empty(r, "END", length);
    case STREAM_REC_PAGE_DATA:
        return take_page_data(r, length);
    case STREAM_REC_STATIC_DATA_END:
        return expect_empty(r, "STATIC_DATA_END", length) || complete_static_data(r) ? -1 : 0;
    case STREAM_REC_VERIFY:
        r->pages.verify = true;
        return expect_empty(r, "VERIFY", length);
    case STREAM_REC_CHECKPOINT:
        return xcsave_fail(r->error, ENOTSUP, "a checkpointed (Remus or COLO) image");
    case STREAM_REC_X86_PV_P2M_FRAMES:
        if (require_static_data(r))
            return -1;
        break;
    }
    return take_other(r, type, length);
}

static int next_record(struct restore *r)
{
    uint64_t offset = r->io.bytes;
    struct stream_record_header header;
    struct xcsave_error inner = { 0 }, *outer = r->error;
    int rc;

    if (imageio_read(&r->io, &header, sizeof(header), r->error))
        return -1;
    if (header.length > STREAM_RECORD_LENGTH_MAX)
        return xcsave_fail(r->error, EMSGSIZE, "record type %#x at offset %llu claims %u bytes", header.type,
                           (unsigned long long)offset, header.length);
    r->error = &inner;
    rc = take_record(r, header.type, header.length) || skip_padding(r, header.length) ? -1 : 0;
    r->error = outer;
    if (rc) {
        xcsave_fail(outer, 0, "record type %#x at offset %llu of the image: %s", header.type,
                    (unsigned long long)offset, inner.text);
        outer->errnum = inner.errnum;
    }
    show_progress(r, XCSAVE_PHASE_PRECOPY, false);
    return rc;
}

static int restore_guest(struct restore *r, struct xcsave_restore_result *result)
{
    if (imageio_attach(&r->io, r->options->fd, r->options->io_timeout_s, r->options->cancel, r->error) ||
        pagerecv_init(&r->pages, r->guest, &r->io, r->error) || read_headers(r))
        return -1;
    while (!r->ended)
        if (next_record(r))
            return -1;
    if (!r->static_data_complete)
        return xcsave_fail(r->error, 0, "the image ends before its static data");
    if (r->pages.mismatches)
        note(r, "verification: pages differ from what was sent before");
    show_progress(r, XCSAVE_PHASE_STATE, true);
    return r->guest->ops->complete(r->guest, result, r->error);
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
        .error = error,
        .io.saved_flags = -1,
        .start_us = clock_us(),
    };
    int rc;

    *report = (struct xcsave_report){ 0 };
    *error = (struct xcsave_error){ 0 };
    *result = (struct xcsave_restore_result){ 0 };
    rc = restore_guest(&r, result);
    report->superpages = r.pages.superpages;
    if (!rc)
        show_progress(&r, XCSAVE_PHASE_DONE, true);
    pagerecv_dispose(&r.pages);
    imageio_detach(&r.io);
    report->total_us = clock_us() - r.start_us;
    return rc;
}
