/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * libxc's domain image, version 3: what stock Xen reads.  One descriptor, one
 * thread; a batch becomes one PAGE_DATA record, written from where the guest's
 * pages are mapped.
 *
 * Windows.  A mapping lives no longer than its batch.  A mapped frame stays what
 * it was, even when the guest gives it up or puts another one in its place, and
 * Xen before 4.22 marks neither in the dirty log: what is mapped anew each time
 * is what the guest has then.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxcsave/knobs.h"
#include "libxcsave/imageio.h"
#include "libxcsave/save/page-sink.h"
#include "stream-format/libxc-image.h"

struct libxc_sink {
    struct page_sink base;
    struct imageio io;
    struct xcsave_kind_count kinds[XCSAVE_NR_KINDS];

    /* Working space of one batch. */
    uint64_t pfns[GUEST_BATCH_PAGES];
    uint32_t types[GUEST_BATCH_PAGES];
    uint64_t data_pfns[GUEST_BATCH_PAGES];      /* those to map */
    uint32_t data_types[GUEST_BATCH_PAGES];
    uint8_t *pages[GUEST_BATCH_PAGES];
    int map_errs[GUEST_BATCH_PAGES];
    struct iovec iov[GUEST_BATCH_PAGES + 1];
    struct {
        struct stream_record_header record;
        struct stream_page_data header;
        uint64_t entries[GUEST_BATCH_PAGES];
    } head;
    uint8_t *normalised;        /* GUEST_BATCH_PAGES pages, allocated when the first is needed */
};
_Static_assert(offsetof(struct libxc_sink, head.entries) - offsetof(struct libxc_sink, head) == 16,
               "the head is written as one piece");

/* The record under construction. */
struct batch {
    unsigned nr_entries;
    unsigned nr_data;           /* pages with content */
    unsigned nr_iov;
    unsigned nr_normalised;
};

static struct libxc_sink *to_libxc(struct page_sink *base)
{
    return (struct libxc_sink *)base;
}

static int begin(struct page_sink *base, const struct guest_identity *identity, struct xcsave_error *error)
{
    uint8_t image[sizeof(struct stream_image_header)];
    uint8_t domain[sizeof(struct stream_domain_header)];

    stream_encode_image_header(image, STREAM_IMAGE_VERSION);
    stream_encode_domain_header(domain, identity->type, identity->xen_major, identity->xen_minor);
    struct iovec iov[] = { { image, sizeof(image) }, { domain, sizeof(domain) } };

    return imageio_writev(&to_libxc(base)->io, iov, 2, error);
}

static int record(struct page_sink *base, uint32_t type, const void *body, size_t len_bytes,
                  struct xcsave_error *error)
{
    return imageio_write_record(&to_libxc(base)->io, type, body, len_bytes, error);
}

/* ---- a batch ---------------------------------------------------------- */

static void add_entry(struct libxc_sink *s, struct batch *b, uint64_t pfn, uint32_t type)
{
    enum xcsave_kind kind = stream_page_type_has_data(type) ? XCSAVE_KIND_DATA : XCSAVE_KIND_ABSENT;

    s->head.entries[b->nr_entries++] = stream_pfn_entry(pfn, type);
    s->kinds[kind].pages++;
    s->kinds[kind].bytes += sizeof(s->head.entries[0]) + (kind == XCSAVE_KIND_DATA ? STREAM_PAGE_SIZE : 0);
}

/* Append a page to the record; pages that lie side by side become one piece. */
static void add_page(struct libxc_sink *s, struct batch *b, const void *page)
{
    struct iovec *last = &s->iov[b->nr_iov];

    if (b->nr_data && (const char *)last->iov_base + last->iov_len == (const char *)page)
        last->iov_len += STREAM_PAGE_SIZE;
    else
        s->iov[++b->nr_iov] = (struct iovec){ (void *)page, STREAM_PAGE_SIZE };
    b->nr_data++;
}

/* Entries without content, and the list of pages to map.  Returns how many those are. */
static unsigned sort_by_type(struct libxc_sink *s, struct batch *b, unsigned n)
{
    unsigned nr_data = 0;

    for (unsigned i = 0; i < n; i++) {
        if (stream_page_type_has_data(s->types[i])) {
            s->data_pfns[nr_data] = s->pfns[i];
            s->data_types[nr_data++] = s->types[i];
        } else {
            add_entry(s, b, s->pfns[i], s->types[i]);
        }
    }
    return nr_data;
}

static int add_mapped_page(struct libxc_sink *s, struct batch *b, unsigned i, bool suspended,
                           struct xcsave_error *error)
{
    struct xcsave_error reason = { 0 };
    uint64_t pfn = s->data_pfns[i];
    int r;

    if (s->map_errs[i]) {
        /* Given up, or exchanged, between the look at its type and now. */
        xcsave_fail(&reason, s->map_errs[i], "cannot be mapped");
        return page_sink_put_off(&s->base, pfn, suspended, &reason, error);
    }
    if (!s->normalised && !(s->normalised = malloc(GUEST_BATCH_PAGES * GUEST_PAGE_SIZE)))
        return xcsave_fail(error, ENOMEM, "page buffers");

    uint8_t *out = s->normalised + (size_t)b->nr_normalised * GUEST_PAGE_SIZE;
    r = s->base.guest->save->normalise(s->base.guest, s->data_types[i], s->pages[i], out, &reason);
    if (r < 0 && reason.errnum == EAGAIN)
        return page_sink_put_off(&s->base, pfn, suspended, &reason, error);
    if (r < 0)
        return xcsave_fail(error, reason.errnum, "pfn %#llx: %s", (unsigned long long)pfn, reason.text);
    if (r > 0)
        b->nr_normalised++;
    add_entry(s, b, pfn, s->data_types[i]);
    add_page(s, b, r > 0 ? out : s->pages[i]);
    return 0;
}

static int write_batch(struct libxc_sink *s, const struct batch *b, struct xcsave_error *error)
{
    size_t body = sizeof(s->head.header) + b->nr_entries * sizeof(s->head.entries[0]) +
                  (size_t)b->nr_data * STREAM_PAGE_SIZE;

    if (!b->nr_entries)
        return 0;
    s->head.record = (struct stream_record_header){ STREAM_REC_PAGE_DATA, (uint32_t)body };
    s->head.header = (struct stream_page_data){ .count = b->nr_entries };
    s->iov[0].iov_base = &s->head;
    s->iov[0].iov_len = offsetof(typeof(s->head), entries) + b->nr_entries * sizeof(s->head.entries[0]);
    return imageio_writev(&s->io, s->iov, b->nr_iov + 1, error);
}

/* Entries must stand in the order of their pages, so those without content come first. */
static int send_mapped(struct libxc_sink *s, struct batch *b, unsigned nr_data, bool suspended,
                       struct xcsave_error *error)
{
    struct xcsave_guest *g = s->base.guest;
    void *mapping;
    int rc = 0;

    if (!nr_data)
        return write_batch(s, b, error);
    mapping = g->ops->map(g, nr_data, s->data_pfns, false, s->pages, s->map_errs, error);
    if (!mapping)
        return -1;
    for (unsigned i = 0; !rc && i < nr_data; i++)
        rc = add_mapped_page(s, b, i, suspended, error);
    if (!rc)
        rc = write_batch(s, b, error);
    g->ops->unmap(g, mapping, nr_data);
    return rc;
}

static int batch(struct page_sink *base, const uint64_t *pfns, unsigned n, bool suspended,
                 struct xcsave_error *error)
{
    struct libxc_sink *s = to_libxc(base);
    struct batch b = { 0 };
    int nr_told = page_sink_look_up(base, pfns, n, s->pfns, s->types, error);

    if (nr_told < 0)
        return -1;
    return send_mapped(s, &b, sort_by_type(s, &b, (unsigned)nr_told), suspended, error);
}

/* ---- the rest --------------------------------------------------------- */

/* Rounds do not show in this image. */
static int nothing(struct page_sink *base, struct xcsave_error *error)
{
    (void)base, (void)error;
    return 0;
}

static int verify(struct page_sink *base, struct xcsave_error *error)
{
    return record(base, STREAM_REC_VERIFY, NULL, 0, error);
}

static int end(struct page_sink *base, struct xcsave_error *error)
{
    return record(base, STREAM_REC_END, NULL, 0, error);
}

static uint64_t bytes(struct page_sink *base)
{
    return to_libxc(base)->io.bytes;
}

static void count(struct page_sink *base, struct xcsave_progress *progress)
{
    memcpy(progress->kinds, to_libxc(base)->kinds, sizeof(progress->kinds));
    progress->nr_channels = 1;
    progress->channel_bytes[0] = to_libxc(base)->io.bytes;
}

static void close_sink(struct page_sink *base)
{
    struct libxc_sink *s = to_libxc(base);

    imageio_detach(&s->io);
    page_sink_dispose(base);
    free(s->normalised);
    free(s);
}

static const struct page_sink_ops libxc_ops = {
    .begin = begin,
    .record = record,
    .batch = batch,
    .end_round = nothing,
    .end_memory = nothing,
    .verify = verify,
    .end = end,
    .bytes = bytes,
    .count = count,
    .close = close_sink,
};

struct page_sink *page_sink_open_libxc(struct xcsave_guest *guest, const struct xcsave_save_options *options,
                                       struct xcsave_error *error)
{
    struct libxc_sink *s = calloc(1, sizeof(*s));

    if (!s) {
        xcsave_fail(error, ENOMEM, "page buffers");
        return NULL;
    }
    s->base = (struct page_sink){ .ops = &libxc_ops, .guest = guest };
    s->io.saved_flags = -1;
    if (imageio_attach(&s->io, options->fd, options->io_timeout_s, options->cancel, error)) {
        close_sink(&s->base);
        return NULL;
    }
    s->io.limit = options->knobs ? &options->knobs->bandwidth : NULL;
    return &s->base;
}
