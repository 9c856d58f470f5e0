/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pfn without memory is told to the reader only if the stream said before
 * that it has some (a page ballooned out under way): the reader starts from
 * nothing, and a PVH guest of 128 MiB has a pfn space of a million holes.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "libxcsave/bitmap.h"
#include "libxcsave/pagesend.h"
#include "stream-format/libxc-image.h"

/* Working space of one batch. */
struct pagesend_buffers {
    uint32_t types[GUEST_BATCH_PAGES];
    uint8_t *pages[GUEST_BATCH_PAGES];
    int map_errs[GUEST_BATCH_PAGES];
    uint64_t data_pfns[GUEST_BATCH_PAGES];      /* those to map */
    uint32_t data_types[GUEST_BATCH_PAGES];
    struct iovec iov[GUEST_BATCH_PAGES + 1];
    struct {
        struct stream_record_header record;
        struct stream_page_data header;
        uint64_t entries[GUEST_BATCH_PAGES];
    } head;
    uint8_t *normalised;        /* GUEST_BATCH_PAGES pages, allocated when the first is needed */
};
_Static_assert(offsetof(struct pagesend_buffers, head.entries) - offsetof(struct pagesend_buffers, head) == 16,
               "the head is written as one piece");

/* The record under construction. */
struct batch {
    unsigned nr_entries;
    unsigned nr_data;           /* pages with content */
    unsigned nr_iov;
    unsigned nr_normalised;
};

int pagesend_init(struct pagesend *p, struct xcsave_guest *guest, struct imageio *io, uint64_t nr_pfns,
                  struct xcsave_error *error)
{
    *p = (struct pagesend){ .guest = guest, .io = io };
    p->buffers = calloc(1, sizeof(*p->buffers));
    if (!p->buffers)
        return xcsave_fail(error, ENOMEM, "page buffers");
    return pagesend_grow(p, nr_pfns, error);
}

void pagesend_dispose(struct pagesend *p)
{
    if (p->buffers)
        free(p->buffers->normalised);
    free(p->buffers);
    free(p->known);
    free(p->deferred);
    *p = (struct pagesend){ 0 };
}

static int grow_bitmap(uint64_t **map, uint64_t old_bits, uint64_t new_bits)
{
    size_t old_words = bitmap_words(old_bits), new_words = bitmap_words(new_bits);
    uint64_t *grown = realloc(*map, new_words * sizeof(*grown));

    if (!grown)
        return -1;
    memset(grown + old_words, 0, (new_words - old_words) * sizeof(*grown));
    *map = grown;
    return 0;
}

int pagesend_grow(struct pagesend *p, uint64_t nr_pfns, struct xcsave_error *error)
{
    if (grow_bitmap(&p->known, p->nr_pfns, nr_pfns) || grow_bitmap(&p->deferred, p->nr_pfns, nr_pfns))
        return xcsave_fail(error, ENOMEM, "bitmaps of %llu pages", (unsigned long long)nr_pfns);
    p->nr_pfns = nr_pfns;
    return 0;
}

void pagesend_take_deferred(struct pagesend *p, uint64_t *dirty)
{
    bitmap_or(dirty, p->deferred, bitmap_words(p->nr_pfns));
    memset(p->deferred, 0, bitmap_words(p->nr_pfns) * sizeof(*p->deferred));
}

static void set_known(struct pagesend *p, uint64_t pfn, bool has_memory)
{
    if (bitmap_test(p->known, pfn) == has_memory)
        return;
    if (has_memory) {
        bitmap_set(p->known, pfn);
        p->nr_known++;
    } else {
        bitmap_clear(p->known, pfn);
        p->nr_known--;
    }
}

static void add_entry(struct pagesend *p, struct batch *b, uint64_t pfn, uint32_t type)
{
    p->buffers->head.entries[b->nr_entries++] = stream_pfn_entry(pfn, type);
}

/* Append a page to the record; pages that lie side by side become one piece. */
static void add_page(struct pagesend *p, struct batch *b, const void *page)
{
    struct iovec *last = &p->buffers->iov[b->nr_iov];

    if (b->nr_data && (const char *)last->iov_base + last->iov_len == (const char *)page)
        last->iov_len += STREAM_PAGE_SIZE;
    else
        p->buffers->iov[++b->nr_iov] = (struct iovec){ (void *)page, STREAM_PAGE_SIZE };
    b->nr_data++;
    p->sent++;
}

/* Entries without content, and the list of pages to map.  Returns how many those are. */
static unsigned sort_by_type(struct pagesend *p, struct batch *b, const uint64_t *pfns, unsigned n)
{
    struct pagesend_buffers *buf = p->buffers;
    unsigned nr_data = 0;

    for (unsigned i = 0; i < n; i++) {
        if (stream_page_type_has_data(buf->types[i])) {
            buf->data_pfns[nr_data] = pfns[i];
            buf->data_types[nr_data++] = buf->types[i];
            continue;
        }
        p->skipped++;
        if (buf->types[i] != STREAM_PAGE_XTAB || bitmap_test(p->known, pfns[i]))
            add_entry(p, b, pfns[i], buf->types[i]);
        set_known(p, pfns[i], buf->types[i] == STREAM_PAGE_XALLOC);
    }
    return nr_data;
}

static int check_types(struct pagesend *p, const uint64_t *pfns, unsigned n, struct xcsave_error *error)
{
    for (unsigned i = 0; i < n; i++)
        if (!stream_page_type_valid(p->buffers->types[i]))
            return xcsave_fail(error, 0, "pfn %#llx has page type %#x, which no stream can carry",
                               (unsigned long long)pfns[i], p->buffers->types[i]);
    return 0;
}

static int put_off(struct pagesend *p, uint64_t pfn, bool suspended, struct xcsave_error *error,
                   const struct xcsave_error *reason)
{
    if (suspended)
        return xcsave_fail(error, reason->errnum == EAGAIN ? 0 : reason->errnum,
                           "pfn %#llx of the suspended guest: %s", (unsigned long long)pfn, reason->text);
    bitmap_set(p->deferred, pfn);
    return 0;
}

static int add_mapped_page(struct pagesend *p, struct batch *b, unsigned i, const uint8_t *page, bool suspended,
                           struct xcsave_error *error)
{
    struct pagesend_buffers *buf = p->buffers;
    struct xcsave_error reason = { 0 };
    uint64_t pfn = buf->data_pfns[i];
    int r;

    if (buf->map_errs[i]) {
        /* Given up, or exchanged, between the look at its type and now. */
        xcsave_fail(&reason, buf->map_errs[i], "cannot be mapped");
        return put_off(p, pfn, suspended, error, &reason);
    }
    if (!buf->normalised && !(buf->normalised = malloc(GUEST_BATCH_PAGES * GUEST_PAGE_SIZE)))
        return xcsave_fail(error, ENOMEM, "page buffers");

    uint8_t *out = buf->normalised + (size_t)b->nr_normalised * GUEST_PAGE_SIZE;
    r = p->guest->ops->normalise(p->guest, buf->data_types[i], page, out, &reason);
    if (r < 0 && reason.errnum == EAGAIN)
        return put_off(p, pfn, suspended, error, &reason);
    if (r < 0)
        return xcsave_fail(error, reason.errnum, "pfn %#llx: %s", (unsigned long long)pfn, reason.text);
    if (r > 0)
        b->nr_normalised++;
    add_entry(p, b, pfn, buf->data_types[i]);
    add_page(p, b, r > 0 ? out : page);
    set_known(p, pfn, true);
    return 0;
}

static int write_record(struct pagesend *p, const struct batch *b, struct xcsave_error *error)
{
    struct pagesend_buffers *buf = p->buffers;
    size_t body = sizeof(buf->head.header) + b->nr_entries * sizeof(buf->head.entries[0]) +
                  (size_t)b->nr_data * STREAM_PAGE_SIZE;

    if (!b->nr_entries)
        return 0;
    buf->head.record = (struct stream_record_header){ STREAM_REC_PAGE_DATA, (uint32_t)body };
    buf->head.header = (struct stream_page_data){ .count = b->nr_entries };
    buf->iov[0].iov_base = &buf->head;
    buf->iov[0].iov_len = offsetof(typeof(buf->head), entries) + b->nr_entries * sizeof(buf->head.entries[0]);
    return imageio_writev(p->io, buf->iov, b->nr_iov + 1, error);
}

/* Entries must stand in the order of their pages, so those without content come first. */
static int send_mapped(struct pagesend *p, struct batch *b, unsigned nr_data, bool suspended,
                       struct xcsave_error *error)
{
    struct pagesend_buffers *buf = p->buffers;
    void *mapping;
    int rc = 0;

    if (!nr_data)
        return write_record(p, b, error);
    mapping = p->guest->ops->map(p->guest, nr_data, buf->data_pfns, false, buf->pages, buf->map_errs, error);
    if (!mapping)
        return -1;
    for (unsigned i = 0; !rc && i < nr_data; i++)
        rc = add_mapped_page(p, b, i, buf->pages[i], suspended, error);
    if (!rc)
        rc = write_record(p, b, error);
    p->guest->ops->unmap(p->guest, mapping, nr_data);
    return rc;
}

int pagesend_batch(struct pagesend *p, const uint64_t *pfns, unsigned n, bool suspended,
                   struct xcsave_error *error)
{
    struct batch b = { 0 };

    if (p->guest->ops->page_types(p->guest, n, pfns, p->buffers->types, error) ||
        check_types(p, pfns, n, error))
        return -1;
    return send_mapped(p, &b, sort_by_type(p, &b, pfns, n), suspended, error);
}
