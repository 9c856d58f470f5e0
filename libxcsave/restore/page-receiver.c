/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Everything in a record is hostile.  Counts, types and pfns of the whole
 * record are checked before the first page of it gets memory; content is read
 * straight into guest memory, except where it must be looked at first (page
 * tables, verification), which goes through a scratch page.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxcsave/restore/page-receiver.h"
#include "stream-format/libxc-image.h"

/* No writer is known to put more than 1024 pfns into a record; the length limit allows far more without content. */
#define MAX_RECORD_PFNS (UINT32_C(1) << 20)

struct pagerecv_buffers {
    uint64_t pfns[GUEST_BATCH_PAGES];
    uint32_t types[GUEST_BATCH_PAGES];
    uint64_t data_pfns[GUEST_BATCH_PAGES];
    uint32_t data_types[GUEST_BATCH_PAGES];
    uint8_t *pages[GUEST_BATCH_PAGES];
    int map_errs[GUEST_BATCH_PAGES];
    uint64_t wanting[GUEST_BATCH_PAGES];        /* pfns that have memory */
    struct iovec iov[GUEST_BATCH_PAGES];
    _Alignas(4096) uint8_t scratch[4096];
};

int pagerecv_init(struct pagerecv *p, struct populate *memory, struct imageio *io, struct judge *judge,
                  struct xcsave_error *error)
{
    *p = (struct pagerecv){ .guest = memory->guest, .memory = memory, .io = io, .judge = judge };
    p->buffers = aligned_alloc(4096, (sizeof(*p->buffers) + 4095) & ~(size_t)4095);
    if (!p->buffers)
        return xcsave_fail(error, ENOMEM, "page buffers");
    return 0;
}

void pagerecv_dispose(struct pagerecv *p)
{
    free(p->buffers);
    *p = (struct pagerecv){ 0 };
}

/* ---- a batch ----------------------------------------------------------- */

/* Memory for the batch, and the list of pages that have content in the record. */
static int prepare_batch(struct pagerecv *p, unsigned n, unsigned *nr_data, struct xcsave_error *error)
{
    struct pagerecv_buffers *buf = p->buffers;
    unsigned nr_wanting = 0;

    *nr_data = 0;
    for (unsigned i = 0; i < n; i++) {
        if (buf->types[i] != STREAM_PAGE_XTAB && buf->types[i] != STREAM_PAGE_BROKEN)
            buf->wanting[nr_wanting++] = buf->pfns[i];
        else if (populate_take_back(p->memory, buf->pfns[i], error))
            return -1;
        if (stream_page_type_has_data(buf->types[i])) {
            buf->data_pfns[*nr_data] = buf->pfns[i];
            buf->data_types[(*nr_data)++] = buf->types[i];
        } else {
            p->skipped++;
        }
        p->guest->restore->set_page_type(p->guest, buf->pfns[i], buf->types[i]);
    }
    return nr_wanting ? populate_pages(p->memory, buf->wanting, nr_wanting, NULL, error) : 0;
}

/* ---- content ---------------------------------------------------------- */

static bool is_page_table(uint32_t type)
{
    uint32_t level = type & ~STREAM_PAGE_LPINNED;

    return level >= STREAM_PAGE_L1TAB && level <= STREAM_PAGE_L4TAB;
}

/* A page that must be looked at before it goes where the guest will find it. */
static int read_through_scratch(struct pagerecv *p, uint32_t type, uint8_t *page, struct xcsave_error *error)
{
    uint8_t *scratch = p->buffers->scratch;

    if (imageio_read(p->io, scratch, GUEST_PAGE_SIZE, error) ||
        p->guest->restore->localise(p->guest, type, scratch, populate_referenced, p->memory, error))
        return -1;
    if (!p->verify)
        memcpy(page, scratch, GUEST_PAGE_SIZE);
    else if (memcmp(page, scratch, GUEST_PAGE_SIZE))
        p->mismatches++;
    return 0;
}

/* Read the content of mapped pages [from, to), which need no look. */
static int read_in_place(struct pagerecv *p, unsigned from, unsigned to, struct xcsave_error *error)
{
    struct iovec *iov = p->buffers->iov;
    unsigned nr = 0;

    for (unsigned i = from; i < to; i++) {
        uint8_t *page = p->buffers->pages[i];

        if (nr && (uint8_t *)iov[nr - 1].iov_base + iov[nr - 1].iov_len == page)
            iov[nr - 1].iov_len += GUEST_PAGE_SIZE;
        else
            iov[nr++] = (struct iovec){ page, GUEST_PAGE_SIZE };
    }
    return imageio_readv(p->io, iov, nr, error);
}

static int read_content(struct pagerecv *p, unsigned nr_data, struct xcsave_error *error)
{
    struct pagerecv_buffers *buf = p->buffers;
    unsigned from = 0;          /* first page of the run that goes in place */
    unsigned i;

    for (i = 0; i < nr_data; i++)
        if (buf->map_errs[i])
            return xcsave_fail(error, buf->map_errs[i], "mapping pfn %#llx",
                               (unsigned long long)buf->data_pfns[i]);
    for (i = 0; i < nr_data; i++) {
        if (!p->verify && !is_page_table(buf->data_types[i]))
            continue;
        if ((i > from && read_in_place(p, from, i, error)) ||
            read_through_scratch(p, buf->data_types[i], buf->pages[i], error))
            return -1;
        from = i + 1;
    }
    p->received += nr_data;
    return nr_data > from ? read_in_place(p, from, nr_data, error) : 0;
}

static int receive_batch(struct pagerecv *p, unsigned n, struct xcsave_error *error)
{
    unsigned nr_data;
    void *mapping;
    int rc;

    if (prepare_batch(p, n, &nr_data, error))
        return -1;
    if (!nr_data)
        return 0;
    mapping = p->guest->ops->map(p->guest, nr_data, p->buffers->data_pfns, true, p->buffers->pages,
                                 p->buffers->map_errs, error);
    if (!mapping)
        return -1;
    rc = read_content(p, nr_data, error);
    p->guest->ops->unmap(p->guest, mapping, nr_data);
    return rc;
}

/* ---- the record ------------------------------------------------------- */

/* What the judge cannot know: how large the guest is. */
static int check_pfns(struct pagerecv *p, const uint64_t *entries, uint32_t count, struct xcsave_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t pfn = stream_entry_pfn(entries[i]);

        if (pfn > PFNSET_MAX_PFN || !p->guest->restore->pfn_is_valid(p->guest, pfn))
            return xcsave_fail(error, 0, "PAGE_DATA: pfn %#llx is beyond the guest", (unsigned long long)pfn);
    }
    return 0;
}

static int receive_entries(struct pagerecv *p, const uint64_t *entries, uint32_t count, struct xcsave_error *error)
{
    for (uint32_t at = 0; at < count;) {
        unsigned n = count - at < GUEST_BATCH_PAGES ? count - at : GUEST_BATCH_PAGES;

        for (unsigned i = 0; i < n; i++) {
            p->buffers->pfns[i] = stream_entry_pfn(entries[at + i]);
            p->buffers->types[i] = stream_entry_type(entries[at + i]);
        }
        if (receive_batch(p, n, error))
            return -1;
        at += n;
    }
    return 0;
}

/* Counts, types and lengths are the judge's: it has seen all entries before the first page gets memory. */
static int receive_record(struct pagerecv *p, uint64_t *entries, uint32_t count, uint32_t length,
                          struct xcsave_error *error)
{
    size_t len = (size_t)count * sizeof(*entries);

    return imageio_read(p->io, entries, len, error) || judge_take(p->judge, entries, len, error) ||
                   check_pfns(p, entries, count, error) || receive_entries(p, entries, count, error) ||
                   judge_pass(p->judge, length - sizeof(struct stream_page_data) - len, error)
               ? -1 : 0;
}

int pagerecv_record(struct pagerecv *p, uint32_t length, struct xcsave_error *error)
{
    struct stream_page_data header;
    uint64_t *entries;
    int rc;

    if (imageio_read(p->io, &header, sizeof(header), error) || judge_take(p->judge, &header, sizeof(header), error))
        return -1;
    if (header.count > MAX_RECORD_PFNS)
        return xcsave_fail(error, 0, "PAGE_DATA: count %u", header.count);
    entries = malloc(header.count * sizeof(*entries));
    if (!entries)
        return xcsave_fail(error, ENOMEM, "PAGE_DATA of %u pfns", header.count);
    rc = receive_record(p, entries, header.count, length, error);
    free(entries);
    return rc;
}
