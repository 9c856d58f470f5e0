/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* libxc's domain image, versions 2 and 3, read in one thread. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxcsave/restore/page-receiver.h"
#include "libxcsave/restore/restore.h"
#include "stream-format/libxc-image.h"

struct libxc_reader {
    struct restore *r;
    struct imageio *io;
    struct pagerecv pages;
    uint32_t version;
    bool ended;
};

static void show_progress(struct libxc_reader *l)
{
    struct xcsave_progress *progress = l->r->progress;

    progress->bytes = l->io->bytes;
    progress->pages_sent = l->pages.received;
    progress->pages_skipped = l->pages.skipped;
    progress->kinds[XCSAVE_KIND_DATA].pages = l->pages.received;
    progress->kinds[XCSAVE_KIND_DATA].bytes = l->pages.received * (STREAM_PAGE_SIZE + sizeof(uint64_t));
    progress->kinds[XCSAVE_KIND_ABSENT].pages = l->pages.skipped;
    progress->kinds[XCSAVE_KIND_ABSENT].bytes = l->pages.skipped * sizeof(uint64_t);
    progress->nr_channels = 1;
    progress->channel_bytes[0] = l->io->bytes;
    restore_show(l->r, XCSAVE_PHASE_PRECOPY, false);
}

static int read_headers(struct libxc_reader *l, struct xcsave_error *error)
{
    uint8_t image[sizeof(struct stream_image_header)];
    struct stream_domain_header domain;
    struct guest_identity identity;

    memcpy(image, l->r->magic, RESTORE_MAGIC_LEN);
    if (imageio_read(l->io, image + RESTORE_MAGIC_LEN, sizeof(image) - RESTORE_MAGIC_LEN, error) ||
        judge_take(l->r->judge, image, sizeof(image), error))
        return -1;
    if (stream_get_be16(image + 16))
        return xcsave_fail(error, 0, "a big-endian image");
    l->version = stream_get_be32(image + 12);
    if (imageio_read(l->io, &domain, sizeof(domain), error) || judge_take(l->r->judge, &domain, sizeof(domain), error))
        return -1;
    identity = (struct guest_identity){ domain.type, domain.xen_major, domain.xen_minor };
    return l->r->guest->restore->accept_identity(l->r->guest, &identity, error);
}

/* Version 2 has no STATIC_DATA_END: its place is before the first record that builds on static data. */
static int require_static_data(struct libxc_reader *l, struct xcsave_error *error)
{
    if (l->r->static_data_complete)
        return 0;
    if (l->version >= 3)
        return xcsave_fail(error, 0, "a record that needs static data comes before STATIC_DATA_END");
    return restore_complete_static_data(l->r, error);
}

/* A record that is held whole and given to the guest implementation. */
static int take_other(struct libxc_reader *l, uint32_t type, uint32_t length, struct xcsave_error *error)
{
    uint32_t padded = stream_record_padded(length);
    void *body;
    int rc;

    if (length > RESTORE_MAX_HELD_RECORD)
        return xcsave_fail(error, EMSGSIZE, "record type %#x of %u bytes", type, length);
    body = malloc(padded ? padded : 1);
    if (!body)
        return xcsave_fail(error, ENOMEM, "record type %#x of %u bytes", type, length);
    rc = imageio_read(l->io, body, padded, error) || judge_take(l->r->judge, body, padded, error) ? -1 : 0;
    if (!rc)
        rc = restore_take_record(l->r, type, body, length, error);
    free(body);
    return rc;
}

static int take_record(struct libxc_reader *l, uint32_t type, uint32_t length, struct xcsave_error *error)
{
    switch (type) {
    case STREAM_REC_END:
        l->ended = true;
        return 0;
    case STREAM_REC_PAGE_DATA:
        return require_static_data(l, error) || pagerecv_record(&l->pages, length, error) ? -1 : 0;
    case STREAM_REC_VERIFY:
        l->pages.verify = true;
        return 0;
    case STREAM_REC_CHECKPOINT:
        return xcsave_fail(error, ENOTSUP, "a checkpointed (Remus or COLO) image");
    case STREAM_REC_X86_PV_P2M_FRAMES:
        if (require_static_data(l, error))
            return -1;
        break;
    }
    return take_other(l, type, length, error);
}

static int next_record(struct libxc_reader *l, struct xcsave_error *error)
{
    uint64_t offset = l->io->bytes;
    struct stream_record_header header;
    struct xcsave_error inner = { 0 };

    if (imageio_read(l->io, &header, sizeof(header), error))
        return -1;
    if (judge_take(l->r->judge, &header, sizeof(header), &inner) || take_record(l, header.type, header.length, &inner)) {
        xcsave_fail(error, 0, "record type %#x at offset %llu of the image: %s", header.type,
                    (unsigned long long)offset, inner.text);
        error->errnum = inner.errnum;
        return -1;
    }
    show_progress(l);
    return 0;
}

static int read_records(struct libxc_reader *l, struct xcsave_error *error)
{
    while (!l->ended)
        if (next_record(l, error))
            return -1;
    if (l->pages.mismatches)
        restore_note(l->r, "verification: pages differ from what was sent before");
    return 0;
}

int restore_libxc(struct restore *r)
{
    struct libxc_reader l = { .r = r, .io = &r->io };
    int rc = pagerecv_init(&l.pages, &r->memory, &r->io, r->judge, r->error);

    if (!rc)
        rc = read_headers(&l, r->error) || read_records(&l, r->error) ? -1 : 0;
    show_progress(&l);
    pagerecv_dispose(&l.pages);
    return rc;
}
