/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libxcsave/restore/v1-decode.h"

#define EXTENT_PAGES (1u << GUEST_SUPERPAGE_ORDER)
/* Read and hashed in pieces that the CPU's cache holds. */
#define PIECE_PAGES 64u

struct page_ref {
    uint64_t pfn;
    struct content *entry;
    uint64_t old_tag;
    uint8_t kind, type;
};

struct v1_decoder {
    const struct v1_reading *shared;
    struct imageio *io;
    struct image1_codec *codec;
    struct image1_digest digest;
    struct xcsave_kind_count kinds[XCSAVE_NR_KINDS];    /* written by this channel's thread, read by others */

    /* The record at hand. */
    uint16_t channel;
    uint32_t crc;               /* of what was read of it */
    struct image1_memory memory;
    struct image1_tally tally;
    uint8_t run_octets[IMAGE1_RUNS_MAX * IMAGE1_RUN_LEN];
    struct image1_run runs[IMAGE1_RUNS_MAX];

    /* Pages that wait for memory; some of them are zeros, and done then. */
    struct page_ref waiting[GUEST_BATCH_PAGES];
    unsigned nr_waiting;
    bool fresh[GUEST_BATCH_PAGES];
    /* Pages with payload, in its order. */
    struct page_ref loaded[IMAGE1_PAYLOAD_PAGES_MAX];
    unsigned nr_loaded;

    uint64_t pfns[GUEST_BATCH_PAGES];
    uint8_t *pages[GUEST_BATCH_PAGES];
    int map_errs[GUEST_BATCH_PAGES];
    uint64_t same_pfns[GUEST_BATCH_PAGES];
    uint8_t *same_pages[GUEST_BATCH_PAGES];
    int same_errs[GUEST_BATCH_PAGES];
    unsigned nr_same;
    struct iovec iov[PIECE_PAGES];
    struct image1_hash hashes[IMAGE1_PAYLOAD_PAGES_MAX];
    enum content_kind contents[IMAGE1_PAYLOAD_PAGES_MAX];

    /* As large as was needed so far, at most IMAGE1_RAW_MAX. */
    uint8_t *payload, *raw;
    uint32_t payload_room, raw_room;
};

struct v1_decoder *v1_decoder_new(const struct v1_reading *shared, struct imageio *io)
{
    struct v1_decoder *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->shared = shared;
    d->io = io;
    d->codec = image1_codec_new();
    if (d->codec)
        return d;
    free(d);
    return NULL;
}

void v1_decoder_free(struct v1_decoder *d)
{
    if (!d)
        return;
    image1_codec_free(d->codec);
    free(d->payload);
    free(d->raw);
    free(d);
}

const struct image1_digest *v1_decoder_digest(const struct v1_decoder *d)
{
    return &d->digest;
}

int v1_refuse(struct xcsave_error *error, const char *what, const struct image1_fault *fault)
{
    return xcsave_fail(error, 0, "%s: expected %s, found %#llx", what, fault->expected,
                       (unsigned long long)fault->found);
}

/* ---- counts ------------------------------------------------------------ */

static void add_count(struct v1_decoder *d, enum image1_kind kind, uint64_t nr_runs, uint64_t raw)
{
    uint64_t bytes = nr_runs * IMAGE1_RUN_LEN;

    if (d->memory.raw_len)
        bytes += raw * d->memory.payload_len / d->memory.raw_len;
    __atomic_fetch_add(&d->kinds[kind].pages, d->tally.pages[kind], __ATOMIC_RELAXED);
    __atomic_fetch_add(&d->kinds[kind].bytes, bytes, __ATOMIC_RELAXED);
}

static void count_record(struct v1_decoder *d)
{
    uint64_t data = (uint64_t)d->tally.pages[IMAGE1_KIND_DATA] * STREAM_PAGE_SIZE;
    uint64_t same = (uint64_t)d->tally.pages[IMAGE1_KIND_SAME] * 8;
    uint64_t raw[IMAGE1_NR_KINDS] = {
        [IMAGE1_KIND_DATA] = data, [IMAGE1_KIND_SAME] = same, [IMAGE1_KIND_DELTA] = d->memory.raw_len - data - same,
    };
    uint64_t nr_runs[IMAGE1_NR_KINDS] = { 0 };

    for (uint32_t i = 0; i < d->memory.nr_runs; i++)
        nr_runs[d->runs[i].kind]++;
    for (unsigned kind = 0; kind < IMAGE1_NR_KINDS; kind++)
        add_count(d, kind, nr_runs[kind], raw[kind]);
}

void v1_decoder_count(struct v1_decoder *d, struct xcsave_kind_count kinds[XCSAVE_NR_KINDS])
{
    for (unsigned k = 0; k < XCSAVE_NR_KINDS; k++) {
        kinds[k].pages += __atomic_load_n(&d->kinds[k].pages, __ATOMIC_RELAXED);
        kinds[k].bytes += __atomic_load_n(&d->kinds[k].bytes, __ATOMIC_RELAXED);
    }
}

/* ---- reading ----------------------------------------------------------- */

static int read_octets(struct v1_decoder *d, void *to, size_t len, struct xcsave_error *error)
{
    if (imageio_read(d->io, to, len, error))
        return -1;
    d->crc = crc32c(d->crc, to, len);
    return 0;
}

/* The record's last octets, and whether all of it is what was sent. */
static int read_end(struct v1_decoder *d, const struct image1_record *record, struct xcsave_error *error)
{
    static const uint8_t zeros[8];
    uint8_t padding[8];
    uint32_t nr = image1_padding(record->length);

    if (nr && read_octets(d, padding, nr, error))
        return -1;
    if (d->crc != record->crc)
        return xcsave_fail(error, EBADMSG, "its checksum is %#x, and should be %#x", d->crc, record->crc);
    if (memcmp(padding, zeros, nr))
        return xcsave_fail(error, 0, "its padding is not zero");
    return 0;
}

static int read_runs(struct v1_decoder *d, struct image1_channel *order, const struct image1_record *record,
                     struct xcsave_error *error)
{
    uint8_t head[IMAGE1_MEMORY_HEAD_LEN];
    struct image1_fault fault;

    if (read_octets(d, head, sizeof(head), error))
        return -1;
    if (image1_decode_memory(head, record->length, d->shared->features, &d->memory, &fault))
        return v1_refuse(error, "its head", &fault);
    if (read_octets(d, d->run_octets, d->memory.nr_runs * IMAGE1_RUN_LEN, error))
        return -1;
    if (image1_decode_runs(d->run_octets, d->shared->features, &d->memory, d->runs, &d->tally, &fault))
        return v1_refuse(error, "its runs", &fault);
    if (image1_channel_memory(order, &d->memory, &d->tally, &fault))
        return v1_refuse(error, "its round", &fault);
    return 0;
}

/* Can this guest have such pages? */
static int check_runs(struct v1_decoder *d, struct xcsave_error *error)
{
    struct xcsave_guest *g = d->shared->guest;

    for (uint32_t i = 0; i < d->memory.nr_runs; i++) {
        const struct image1_run *run = &d->runs[i];
        uint64_t last = run->pfn + run->count - 1;

        if (last > CONTENT_MAP_MAX_PFN || !g->restore->pfn_is_valid(g, last) || !g->restore->pfn_is_valid(g, run->pfn))
            return xcsave_fail(error, 0, "pfns %#llx to %#llx are beyond the guest", (unsigned long long)run->pfn,
                               (unsigned long long)last);
        if (judge_pages(d->shared->judge, run->pfn, run->count, run->type, error))
            return -1;
    }
    return 0;
}

static int make_room(uint8_t **buffer, uint32_t *room, uint32_t len, struct xcsave_error *error)
{
    if (len <= *room)
        return 0;
    free(*buffer);
    *buffer = malloc(len);
    *room = *buffer ? len : 0;
    return *buffer ? 0 : xcsave_fail(error, ENOMEM, "a payload of %u octets", len);
}

/* ---- pages and what they were ------------------------------------------ */

/* The page comes in this round, here and nowhere else. */
static int claim(struct v1_decoder *d, struct content *entry, uint64_t pfn, uint64_t *old_tag,
                 struct xcsave_error *error)
{
    *old_tag = atomic_exchange(&entry->tag, CONTENT_TAG_CAME(d->memory.round, d->channel));
    if (content_round(*old_tag) == d->memory.round)
        return xcsave_fail(error, 0, "pfn %#llx comes twice in round %u", (unsigned long long)pfn, d->memory.round);
    return 0;
}

static void settle(struct v1_decoder *d, const struct page_ref *page, enum content_kind kind, struct image1_hash hash)
{
    uint64_t tag = CONTENT_TAG_CAME(d->memory.round, d->channel) | CONTENT_TAG(kind, page->type);

    content_replace(page->entry, page->pfn, page->old_tag, kind, page->type, hash, d->shared->hasher,
                    &d->digest);
    if (page->type == STREAM_PAGE_NOTAB && (page->kind == IMAGE1_KIND_DATA || page->kind == IMAGE1_KIND_DELTA))
        tag |= CONTENT_TAG_SOURCE;
    atomic_store(&page->entry->tag, tag);
}

/* Put content where the guest will find it, as this host has it. */
static int store_table(struct v1_decoder *d, const struct page_ref *page, const uint8_t *content, uint8_t *to,
                       struct xcsave_error *error)
{
    struct xcsave_guest *g = d->shared->guest;
    _Alignas(8) uint8_t scratch[STREAM_PAGE_SIZE];

    memcpy(scratch, content, STREAM_PAGE_SIZE);
    if (g->restore->localise(g, page->type, scratch, populate_referenced, d->shared->memory, error))
        return -1;
    memcpy(to, scratch, STREAM_PAGE_SIZE);
    return 0;
}

static int clear_page(struct v1_decoder *d, const struct page_ref *page, uint8_t *to, struct xcsave_error *error)
{
    static const uint8_t zeros[STREAM_PAGE_SIZE];

    if (page->type != STREAM_PAGE_NOTAB)
        return store_table(d, page, zeros, to, error);
    if (!image1_page_is_zero(to))
        memset(to, 0, STREAM_PAGE_SIZE);
    return 0;
}

static bool is_zero_already(const struct v1_decoder *d, unsigned i)
{
    struct xcsave_guest *g = d->shared->guest;

    return d->waiting[i].type == STREAM_PAGE_NOTAB && d->fresh[i] && g->restore->new_memory_is_zero(g);
}

static int map_all(struct v1_decoder *d, unsigned n, void **mapping, struct xcsave_error *error)
{
    struct xcsave_guest *g = d->shared->guest;

    *mapping = g->ops->map(g, n, d->pfns, true, d->pages, d->map_errs, error);
    if (!*mapping)
        return -1;
    for (unsigned i = 0; i < n; i++) {
        if (!d->map_errs[i])
            continue;
        g->ops->unmap(g, *mapping, n);
        *mapping = NULL;
        return xcsave_fail(error, d->map_errs[i], "mapping pfn %#llx", (unsigned long long)d->pfns[i]);
    }
    return 0;
}

/* The zeros among the pages that have memory now. */
static int clear_waiting(struct v1_decoder *d, struct xcsave_error *error)
{
    struct xcsave_guest *g = d->shared->guest;
    const struct page_ref *zeros[GUEST_BATCH_PAGES];
    unsigned n = 0;
    void *mapping;
    int rc = 0;

    for (unsigned i = 0; i < d->nr_waiting; i++) {
        const struct page_ref *page = &d->waiting[i];

        if (page->kind != IMAGE1_KIND_ZERO)
            continue;
        settle(d, page, CONTENT_ZERO, (struct image1_hash){ 0 });
        if (is_zero_already(d, i))
            continue;
        zeros[n] = page;
        d->pfns[n++] = page->pfn;
    }
    if (!n)
        return 0;
    if (map_all(d, n, &mapping, error))
        return -1;
    for (unsigned i = 0; !rc && i < n; i++)
        rc = clear_page(d, zeros[i], d->pages[i], error);
    g->ops->unmap(g, mapping, n);
    return rc;
}

static int flush_waiting(struct v1_decoder *d, struct xcsave_error *error)
{
    unsigned n = d->nr_waiting;

    for (unsigned i = 0; i < n; i++)
        d->pfns[i] = d->waiting[i].pfn;
    if (n && (populate_pages(d->shared->memory, d->pfns, n, d->fresh, error) || clear_waiting(d, error)))
        return -1;
    d->nr_waiting = 0;
    return 0;
}

/* A page that has memory from now on. */
static int add_present(struct v1_decoder *d, const struct image1_run *run, uint64_t pfn, struct xcsave_error *error)
{
    struct page_ref page = { .pfn = pfn, .kind = run->kind, .type = run->type };

    page.entry = content_map_get(d->shared->content, pfn);
    if (!page.entry)
        return xcsave_fail(error, ENOMEM, "what is known of pfn %#llx", (unsigned long long)pfn);
    if (claim(d, page.entry, pfn, &page.old_tag, error))
        return -1;
    if (image1_kind_has_payload(run->kind))
        d->loaded[d->nr_loaded++] = page;
    else if (run->kind == IMAGE1_KIND_ABSENT) /* memory without content */
        settle(d, &page, CONTENT_NONE, (struct image1_hash){ 0 });
    d->waiting[d->nr_waiting++] = page;
    /* Whole extents stay together. */
    if (d->nr_waiting == GUEST_BATCH_PAGES ||
        (d->nr_waiting > GUEST_BATCH_PAGES - EXTENT_PAGES && (pfn + 1) % EXTENT_PAGES == 0))
        return flush_waiting(d, error);
    return 0;
}

/* A page that has no memory any more, if it ever had. */
static int take_absent(struct v1_decoder *d, const struct image1_run *run, uint64_t pfn, struct xcsave_error *error)
{
    struct page_ref page = { .pfn = pfn, .kind = run->kind, .type = run->type };

    page.entry = content_map_find(d->shared->content, pfn);
    if (page.entry) {
        if (claim(d, page.entry, pfn, &page.old_tag, error))
            return -1;
        settle(d, &page, CONTENT_NONE, (struct image1_hash){ 0 });
    }
    return populate_take_back(d->shared->memory, pfn, error);
}

/* Memory for all pages of the record; those without payload are done then. */
static int prepare_pages(struct v1_decoder *d, struct xcsave_error *error)
{
    struct xcsave_guest *g = d->shared->guest;

    d->nr_waiting = d->nr_loaded = 0;
    for (uint32_t i = 0; i < d->memory.nr_runs; i++) {
        const struct image1_run *run = &d->runs[i];
        bool present = stream_page_type_has_data(run->type) || run->type == STREAM_PAGE_XALLOC;

        for (uint64_t pfn = run->pfn; pfn < run->pfn + run->count; pfn++) {
            if (present ? add_present(d, run, pfn, error) : take_absent(d, run, pfn, error))
                return -1;
            g->restore->set_page_type(g, pfn, run->type);
        }
    }
    return flush_waiting(d, error);
}

static int map_loaded(struct v1_decoder *d, void **mapping, struct xcsave_error *error)
{
    for (unsigned i = 0; i < d->nr_loaded; i++)
        d->pfns[i] = d->loaded[i].pfn;
    return map_all(d, d->nr_loaded, mapping, error);
}

/* ---- content that is read to where it belongs --------------------------- */

static bool can_read_in_place(const struct v1_decoder *d)
{
    if (d->memory.codec != IMAGE1_CODEC_NONE || d->tally.nr_payload_pages != d->tally.pages[IMAGE1_KIND_DATA])
        return false;
    for (uint32_t i = 0; i < d->memory.nr_runs; i++)
        if (d->runs[i].kind == IMAGE1_KIND_DATA && d->runs[i].type != STREAM_PAGE_NOTAB)
            return false;
    return true;
}

static enum content_kind look(const struct v1_decoder *d, const uint8_t *content, struct image1_hash *hash)
{
    *hash = (struct image1_hash){ 0 };
    if (image1_page_is_zero(content))
        return CONTENT_ZERO;
    *hash = image1_content_hash(d->shared->hasher, content);
    return CONTENT_HASHED;
}

static int read_piece(struct v1_decoder *d, unsigned from, unsigned to, struct xcsave_error *error)
{
    unsigned nr = 0;

    for (unsigned i = from; i < to; i++) {
        struct iovec *last = nr ? &d->iov[nr - 1] : NULL;

        if (last && (uint8_t *)last->iov_base + last->iov_len == d->pages[i])
            last->iov_len += STREAM_PAGE_SIZE;
        else
            d->iov[nr++] = (struct iovec){ d->pages[i], STREAM_PAGE_SIZE };
    }
    if (imageio_readv(d->io, d->iov, nr, error))
        return -1;
    for (unsigned i = from; i < to; i++) {
        d->crc = crc32c(d->crc, d->pages[i], STREAM_PAGE_SIZE);
        d->contents[i] = look(d, d->pages[i], &d->hashes[i]);
    }
    return 0;
}

static int read_in_place(struct v1_decoder *d, const struct image1_record *record, struct xcsave_error *error)
{
    struct xcsave_guest *g = d->shared->guest;
    void *mapping = NULL;
    int rc = 0;

    if (prepare_pages(d, error) || (d->nr_loaded && map_loaded(d, &mapping, error)))
        return -1;
    for (unsigned i = 0; !rc && i < d->nr_loaded; i += PIECE_PAGES)
        rc = read_piece(d, i, d->nr_loaded - i < PIECE_PAGES ? d->nr_loaded : i + PIECE_PAGES, error);
    if (!rc)
        rc = read_end(d, record, error);
    if (mapping)
        g->ops->unmap(g, mapping, d->nr_loaded);
    for (unsigned i = 0; !rc && i < d->nr_loaded; i++)
        settle(d, &d->loaded[i], d->contents[i], d->hashes[i]);
    return rc;
}

/* ---- content that is decoded first -------------------------------------- */

/* Which pages are referred to, for all of them to be mapped at once. */
static int find_sources(struct v1_decoder *d, const uint8_t *raw, struct xcsave_error *error)
{
    struct xcsave_guest *g = d->shared->guest;
    struct image1_walk walk = image1_walk_begin(&d->memory, d->runs, raw);
    struct image1_page page;
    struct image1_fault fault;
    int rc;

    d->nr_same = 0;
    while ((rc = image1_walk_next(&walk, &page, &fault)) > 0) {
        if (page.kind != IMAGE1_KIND_SAME)
            continue;
        if (!g->restore->pfn_is_valid(g, page.source))
            return xcsave_fail(error, 0, "pfn %#llx is said to be as pfn %#llx, which is beyond the guest",
                               (unsigned long long)page.pfn, (unsigned long long)page.source);
        d->same_pfns[d->nr_same++] = page.source;
    }
    return rc ? v1_refuse(error, "its payload", &fault) : 0;
}

static int store_delta(struct v1_decoder *d, const struct page_ref *ref, const struct image1_page *page, uint8_t *to,
                       struct xcsave_error *error)
{
    struct image1_fault fault;
    struct image1_hash hash;
    enum content_kind kind;

    if (content_kind(ref->old_tag) == CONTENT_NONE || content_type(ref->old_tag) != STREAM_PAGE_NOTAB)
        return xcsave_fail(error, 0, "a delta to pfn %#llx, which has no content yet", (unsigned long long)page->pfn);
    if (image1_delta_apply(to, page->data, page->len, &fault))
        return v1_refuse(error, "a delta", &fault);
    kind = look(d, to, &hash);
    settle(d, ref, kind, hash);
    return 0;
}

/* The n-th reference of the record. */
static int store_same(struct v1_decoder *d, const struct page_ref *ref, const struct image1_page *page, unsigned nth,
                      uint8_t *to, struct xcsave_error *error)
{
    const struct content *source = content_map_find(d->shared->content, page->source);
    uint64_t came = CONTENT_TAG_CAME(d->memory.round, d->channel) | CONTENT_TAG_SOURCE;
    uint64_t tag = source ? atomic_load(&source->tag) : 0;

    if ((tag & ~CONTENT_TAG(3, 15)) != came)
        return xcsave_fail(error, 0, "pfn %#llx is said to be as pfn %#llx, which did not come before it on this "
                           "channel in this round", (unsigned long long)page->pfn, (unsigned long long)page->source);
    if (d->same_errs[nth])
        return xcsave_fail(error, d->same_errs[nth], "mapping pfn %#llx", (unsigned long long)page->source);
    memcpy(to, d->same_pages[nth], STREAM_PAGE_SIZE);
    settle(d, ref, content_kind(tag), source->hash);
    return 0;
}

static int store_data(struct v1_decoder *d, const struct page_ref *ref, const struct image1_page *page, uint8_t *to,
                      struct xcsave_error *error)
{
    struct image1_hash hash;
    enum content_kind kind = look(d, page->data, &hash);

    if (ref->type == STREAM_PAGE_NOTAB)
        memcpy(to, page->data, STREAM_PAGE_SIZE);
    else if (store_table(d, ref, page->data, to, error))
        return -1;
    settle(d, ref, kind, hash);
    return 0;
}

/* `raw` was walked once, so that nothing is wrong with it as such. */
static int store_all(struct v1_decoder *d, const uint8_t *raw, struct xcsave_error *error)
{
    struct image1_walk walk = image1_walk_begin(&d->memory, d->runs, raw);
    struct image1_page page;
    struct image1_fault fault;
    unsigned nth_same = 0;
    int rc = 0;

    for (unsigned i = 0; !rc && image1_walk_next(&walk, &page, &fault) > 0; i++) {
        if (page.kind == IMAGE1_KIND_DELTA)
            rc = store_delta(d, &d->loaded[i], &page, d->pages[i], error);
        else if (page.kind == IMAGE1_KIND_SAME)
            rc = store_same(d, &d->loaded[i], &page, nth_same++, d->pages[i], error);
        else
            rc = store_data(d, &d->loaded[i], &page, d->pages[i], error);
    }
    return rc;
}

static int store(struct v1_decoder *d, const uint8_t *raw, struct xcsave_error *error)
{
    struct xcsave_guest *g = d->shared->guest;
    void *mapping = NULL, *sources = NULL;
    int rc = -1;

    if (find_sources(d, raw, error) || prepare_pages(d, error))
        return -1;
    if (!d->nr_loaded)
        return 0;
    if (map_loaded(d, &mapping, error))
        return -1;
    if (d->nr_same)
        sources = g->ops->map(g, d->nr_same, d->same_pfns, false, d->same_pages, d->same_errs, error);
    if (sources || !d->nr_same)
        rc = store_all(d, raw, error);
    if (sources)
        g->ops->unmap(g, sources, d->nr_same);
    g->ops->unmap(g, mapping, d->nr_loaded);
    return rc;
}

static int read_and_store(struct v1_decoder *d, const struct image1_record *record, struct xcsave_error *error)
{
    const struct image1_memory *m = &d->memory;
    const uint8_t *raw;
    struct image1_fault fault;

    if (make_room(&d->payload, &d->payload_room, m->payload_len, error) ||
        read_octets(d, d->payload, m->payload_len, error) || read_end(d, record, error))
        return -1;
    raw = d->payload;
    if (m->codec != IMAGE1_CODEC_NONE) {
        if (make_room(&d->raw, &d->raw_room, m->raw_len, error))
            return -1;
        if (image1_decompress(d->codec, m, d->payload, d->raw, &fault))
            return v1_refuse(error, "its payload", &fault);
        raw = d->raw;
    }
    return store(d, raw, error);
}

int v1_decode_memory(struct v1_decoder *d, struct image1_channel *order,
                     const uint8_t header[IMAGE1_RECORD_HEADER_LEN], const struct image1_record *record,
                     struct xcsave_error *error)
{
    d->channel = order->channel;
    d->crc = image1_crc_begin(header, IMAGE1_RECORD_HEADER_LEN);
    if (read_runs(d, order, record, error) || check_runs(d, error) ||
        (can_read_in_place(d) ? read_in_place(d, record, error) : read_and_store(d, record, error)))
        return -1;
    count_record(d);
    return 0;
}
