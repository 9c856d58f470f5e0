/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libxcsave/save/v1-encode.h"

/* A longer delta saves less than it costs both sides. */
#define DELTA_MAX 2048u
/* So little is not worth a codec. */
#define COMPRESS_MIN 1024u
/*
 * What a codec is tried on: so many pieces of the payload, as far apart as it
 * is long.  A try of the whole costs, where it is in vain, more than all else.
 */
#define SAMPLE_PIECES 16u
/* Places for contents of the round at hand. */
#define NR_TWINS 4096u
#define CACHE_LINE 64u

#define PAYLOAD_MAX (V1_JOB_PAGES * STREAM_PAGE_SIZE)
_Static_assert(PAYLOAD_MAX <= IMAGE1_RAW_MAX && V1_JOB_PAGES <= IMAGE1_RUNS_MAX, "a job is one record");
_Static_assert(2 + DELTA_MAX <= STREAM_PAGE_SIZE, "no kind takes more than a page");

/* A page that this encoder wrote to its channel. */
struct twin {
    struct image1_hash hash;
    uint64_t pfn;
    uint32_t round;             /* 0: none */
};

struct v1_encoder {
    const struct v1_shared *shared;
    struct v1_channel *channel;
    struct image1_codec *codec;
    struct v1_codec_facts facts;
    struct image1_digest digest;
    struct twin *twins;         /* see place_of_twin() */

    /* The job at hand. */
    const struct v1_job *job;
    uint64_t data_pfns[V1_JOB_PAGES];
    uint8_t *pages[V1_JOB_PAGES];
    int map_errs[V1_JOB_PAGES];
    struct image1_run runs[V1_JOB_PAGES];
    uint32_t nr_runs;
    uint32_t raw_len;
    uint64_t kind_pages[XCSAVE_NR_KINDS];
    uint64_t kind_raw[XCSAVE_NR_KINDS];
    uint64_t kind_runs[XCSAVE_NR_KINDS];

    uint8_t *raw;               /* PAYLOAD_MAX */
    uint8_t *packed;            /* as much; made when first needed */
};

_Static_assert((int)IMAGE1_KIND_DATA == (int)XCSAVE_KIND_DATA && (int)IMAGE1_KIND_ZERO == (int)XCSAVE_KIND_ZERO &&
               (int)IMAGE1_KIND_ABSENT == (int)XCSAVE_KIND_ABSENT &&
               (int)IMAGE1_KIND_DELTA == (int)XCSAVE_KIND_DELTA && (int)IMAGE1_KIND_SAME == (int)XCSAVE_KIND_SAME,
               "kinds are counted as they are in the image");

struct v1_encoder *v1_encoder_new(const struct v1_shared *shared, struct v1_channel *channel)
{
    struct v1_encoder *e = calloc(1, sizeof(*e));

    if (!e)
        return NULL;
    e->shared = shared;
    e->channel = channel;
    e->facts.features = shared->features;
    e->codec = image1_codec_new();
    e->twins = calloc(NR_TWINS, sizeof(*e->twins));
    e->raw = malloc(PAYLOAD_MAX);
    if (e->codec && e->twins && e->raw)
        return e;
    v1_encoder_free(e);
    return NULL;
}

void v1_encoder_free(struct v1_encoder *e)
{
    if (!e)
        return;
    image1_codec_free(e->codec);
    free(e->twins);
    free(e->raw);
    free(e->packed);
    free(e);
}

const struct image1_digest *v1_encoder_digest(const struct v1_encoder *e)
{
    return &e->digest;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- the record under construction ------------------------------------ */

static void add_run(struct v1_encoder *e, uint64_t pfn, enum image1_kind kind, unsigned type)
{
    struct image1_run *last = e->nr_runs ? &e->runs[e->nr_runs - 1] : NULL;

    e->kind_pages[kind]++;
    if (last && last->kind == kind && last->type == type && last->pfn + last->count == pfn) {
        last->count++;
        return;
    }
    e->kind_runs[kind]++;
    e->runs[e->nr_runs++] = (struct image1_run){ .pfn = pfn, .count = 1, .kind = (uint8_t)kind, .type = (uint8_t)type };
}

/* The next `len` octets of the payload are there already. */
static void add_payload(struct v1_encoder *e, enum image1_kind kind, uint32_t len)
{
    e->raw_len += len;
    e->kind_raw[kind] += len;
}

static struct content *find_content(struct v1_encoder *e, uint64_t pfn, struct xcsave_error *error)
{
    struct content *c = content_map_get(e->shared->sent, pfn);

    if (!c)
        xcsave_fail(error, ENOMEM, "what was sent of pfn %#llx", (unsigned long long)pfn);
    return c;
}

/* What the page is from now on.  Nobody else uses this entry in this round. */
static void set_content(struct v1_encoder *e, struct content *c, uint64_t pfn, enum content_kind kind, unsigned type,
                        struct image1_hash hash)
{
    uint64_t old = atomic_load_explicit(&c->tag, memory_order_relaxed);

    content_replace(c, pfn, old, kind, type, hash, e->shared->hasher, &e->digest);
    atomic_store_explicit(&c->tag, CONTENT_TAG(kind, type), memory_order_relaxed);
}

/* ---- one page --------------------------------------------------------- */

/*
 * Where to look for a page with this content: by a word of each of its lines.  It decides nothing, and it is not the
 * hash with a key: which contents are in each other's way shows in how much is sent, and so would the key.
 */
static struct twin *place_of_twin(const struct v1_encoder *e, const uint8_t *page)
{
    uint64_t mix = 0, word;

    for (unsigned i = 0; i < STREAM_PAGE_SIZE; i += CACHE_LINE) {
        memcpy(&word, page + i + i / CACHE_LINE % 8 * sizeof(word), sizeof(word));
        mix = (mix ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        mix ^= mix >> 32;
    }
    return &e->twins[mix % NR_TWINS];
}

/* Was a page with this content written to this channel in this round? */
static const struct twin *find_twin(const struct v1_encoder *e, const struct twin *t, struct image1_hash hash)
{
    if (!(e->shared->features & IMAGE1_FEATURE_SAME) || t->round != e->shared->round)
        return NULL;
    return image1_hash_equal(t->hash, hash) ? t : NULL;
}

/* -1: better not as a delta. */
static int encode_delta(struct v1_encoder *e, uint64_t pfn, uint64_t old_tag, struct image1_hash old_hash,
                        const uint8_t *page, uint8_t *out)
{
    static const uint8_t zeros[STREAM_PAGE_SIZE];

    if (!(e->shared->features & IMAGE1_FEATURE_DELTA) || content_type(old_tag) != STREAM_PAGE_NOTAB)
        return -1;
    if (content_kind(old_tag) == CONTENT_ZERO)
        return image1_delta_encode(zeros, page, out, DELTA_MAX);
    if (content_kind(old_tag) == CONTENT_HASHED)
        return delta_cache_encode(e->shared->cache, pfn, old_hash, page, out, DELTA_MAX);
    return -1;
}

/* A plain page that is not zero; its content is at the payload's end, and is replaced there by what travels. */
static void add_plain(struct v1_encoder *e, uint64_t pfn, uint64_t old_tag, struct image1_hash old_hash,
                      struct image1_hash hash)
{
    uint8_t *at = e->raw + e->raw_len, delta[DELTA_MAX];
    struct twin *place = place_of_twin(e, at);
    const struct twin *twin = find_twin(e, place, hash);
    int len;

    if (twin) {
        delta_cache_put(e->shared->cache, pfn, hash, at, content_kind(old_tag) != CONTENT_NONE);
        stream_put_le64(at, twin->pfn);
        add_run(e, pfn, IMAGE1_KIND_SAME, STREAM_PAGE_NOTAB);
        add_payload(e, IMAGE1_KIND_SAME, 8);
        return;
    }
    len = encode_delta(e, pfn, old_tag, old_hash, at, delta);
    delta_cache_put(e->shared->cache, pfn, hash, at, content_kind(old_tag) != CONTENT_NONE);
    *place = (struct twin){ .hash = hash, .pfn = pfn, .round = e->shared->round };
    if (len < 0) {
        add_run(e, pfn, IMAGE1_KIND_DATA, STREAM_PAGE_NOTAB);
        add_payload(e, IMAGE1_KIND_DATA, STREAM_PAGE_SIZE);
        return;
    }
    stream_put_le16(at, (uint16_t)len);
    memcpy(at + 2, delta, (size_t)len);
    add_run(e, pfn, IMAGE1_KIND_DELTA, STREAM_PAGE_NOTAB);
    add_payload(e, IMAGE1_KIND_DELTA, 2 + (uint32_t)len);
}

static int add_zero(struct v1_encoder *e, uint64_t pfn, unsigned type, struct xcsave_error *error)
{
    struct content *c = find_content(e, pfn, error);
    uint64_t old;

    if (!c)
        return -1;
    old = atomic_load_explicit(&c->tag, memory_order_relaxed);
    if (old == CONTENT_TAG(CONTENT_ZERO, type)) {
        e->kind_pages[XCSAVE_KIND_UNCHANGED]++;
        return 0;
    }
    set_content(e, c, pfn, CONTENT_ZERO, type, (struct image1_hash){ 0 });
    add_run(e, pfn, IMAGE1_KIND_ZERO, type);
    return 0;
}

/* A page whose content was copied to the payload's end. */
static int add_copied(struct v1_encoder *e, uint64_t pfn, unsigned type, struct xcsave_error *error)
{
    struct image1_hash hash = image1_content_hash(e->shared->hasher, e->raw + e->raw_len), old_hash;
    struct content *c = find_content(e, pfn, error);
    uint64_t old;

    if (!c)
        return -1;
    old = atomic_load_explicit(&c->tag, memory_order_relaxed);
    old_hash = c->hash;
    if (e->shared->features & IMAGE1_FEATURE_KEYED && old == CONTENT_TAG(CONTENT_HASHED, type) &&
        image1_hash_equal(old_hash, hash)) {
        e->kind_pages[XCSAVE_KIND_UNCHANGED]++;
        return 0;
    }
    set_content(e, c, pfn, CONTENT_HASHED, type, hash);
    if (type == STREAM_PAGE_NOTAB) {
        add_plain(e, pfn, old, old_hash, hash);
    } else {
        add_run(e, pfn, IMAGE1_KIND_DATA, type);
        add_payload(e, IMAGE1_KIND_DATA, STREAM_PAGE_SIZE);
    }
    return 0;
}

/* A page of the guest, mapped.  Looked at in place only for zeros: nothing of it is sent then. */
static int add_page(struct v1_encoder *e, uint64_t pfn, unsigned type, const uint8_t *page,
                    struct xcsave_error *error)
{
    struct xcsave_guest *guest = e->shared->sink->guest;
    struct xcsave_error reason = { 0 };
    uint8_t *to = e->raw + e->raw_len;
    int r;

    if (type == STREAM_PAGE_NOTAB) {
        if (image1_page_is_zero(page))
            return add_zero(e, pfn, type, error);
        memcpy(to, page, STREAM_PAGE_SIZE);
        return add_copied(e, pfn, type, error);
    }
    r = guest->save->normalise(guest, type, page, to, &reason);
    if (r < 0 && reason.errnum == EAGAIN)
        return page_sink_put_off(e->shared->sink, pfn, e->job->suspended, &reason, error);
    if (r < 0)
        return xcsave_fail(error, reason.errnum, "pfn %#llx: %s", (unsigned long long)pfn, reason.text);
    if (r == 0)
        memcpy(to, page, STREAM_PAGE_SIZE);
    return image1_page_is_zero(to) ? add_zero(e, pfn, type, error) : add_copied(e, pfn, type, error);
}

/* The page that was a zero when it was looked at may be none when it is copied, and the other way round: both are right. */
static int add_mapped(struct v1_encoder *e, uint64_t pfn, unsigned type, unsigned at, struct xcsave_error *error)
{
    struct xcsave_error reason = { 0 };

    if (!e->map_errs[at])
        return add_page(e, pfn, type, e->pages[at], error);
    /* Given up, or exchanged, between the look at its type and now. */
    xcsave_fail(&reason, e->map_errs[at], "cannot be mapped");
    return page_sink_put_off(e->shared->sink, pfn, e->job->suspended, &reason, error);
}

static void add_absent(struct v1_encoder *e, uint64_t pfn, unsigned type)
{
    struct content *c = content_map_find(e->shared->sent, pfn);

    if (c)
        set_content(e, c, pfn, CONTENT_NONE, type, (struct image1_hash){ 0 });
    add_run(e, pfn, IMAGE1_KIND_ABSENT, type);
}

static int add_all(struct v1_encoder *e, struct xcsave_error *error)
{
    unsigned at = 0;
    int rc = 0;

    for (unsigned i = 0; !rc && i < e->job->n; i++) {
        if (stream_page_type_has_data(e->job->types[i]))
            rc = add_mapped(e, e->job->pfns[i], e->job->types[i], at++, error);
        else
            add_absent(e, e->job->pfns[i], e->job->types[i]);
    }
    return rc;
}

static int collect(struct v1_encoder *e, struct xcsave_error *error)
{
    struct xcsave_guest *guest = e->shared->sink->guest;
    unsigned nr_data = 0;
    void *mapping = NULL;
    int rc;

    for (unsigned i = 0; i < e->job->n; i++)
        if (stream_page_type_has_data(e->job->types[i]))
            e->data_pfns[nr_data++] = e->job->pfns[i];
    if (nr_data) {
        mapping = guest->ops->map(guest, nr_data, e->data_pfns, false, e->pages, e->map_errs, error);
        if (!mapping)
            return -1;
    }
    rc = add_all(e, error);
    if (mapping)
        guest->ops->unmap(guest, mapping, nr_data);
    return rc;
}

/* ---- compress and write ----------------------------------------------- */

static double blend(double old, double now)
{
    return old ? old + (now - old) / 4 : now;
}

/* Compress `pieces`, of len octets in all, into e->packed, and learn from it. */
static uint32_t pack(struct v1_encoder *e, enum image1_codec_id id, const struct image1_piece *pieces, unsigned n,
                     uint32_t len)
{
    struct v1_codec_trial *trial = &e->facts.trials[id];
    uint64_t start = now_ns();
    uint32_t packed_len = image1_compress(e->codec, id, e->shared->level, pieces, n, e->packed, PAYLOAD_MAX);

    /* Never 0, which is "not tried": a clock may stand still for so long. */
    trial->ns_a_byte = blend(trial->ns_a_byte, (double)(now_ns() - start + 1) / len);
    trial->ratio = blend(trial->ratio, packed_len ? (double)packed_len / len : 1);
    trial->age = 0;
    return packed_len;
}

static void try_on_sample(struct v1_encoder *e, enum image1_codec_id id)
{
    struct image1_piece pieces[SAMPLE_PIECES];
    uint32_t stride = e->raw_len / SAMPLE_PIECES, len = stride < STREAM_PAGE_SIZE ? stride : STREAM_PAGE_SIZE;

    for (unsigned i = 0; i < SAMPLE_PIECES; i++)
        pieces[i] = (struct image1_piece){ e->raw + i * stride, len };
    pack(e, id, pieces, SAMPLE_PIECES, SAMPLE_PIECES * len);
}

static enum image1_codec_id choose_codec(struct v1_encoder *e)
{
    enum image1_codec_id id;

    while ((id = v1_codec_to_try(&e->facts)) != IMAGE1_CODEC_NONE)
        try_on_sample(e, id);
    return v1_choose_codec(&e->facts);
}

static enum image1_codec_id codec_to_use(struct v1_encoder *e)
{
    switch (e->shared->compress) {
    case XCSAVE_COMPRESS_LZ4:
        return IMAGE1_CODEC_LZ4;
    case XCSAVE_COMPRESS_ZSTD:
        return IMAGE1_CODEC_ZSTD;
    case XCSAVE_COMPRESS_AUTO:
        return choose_codec(e);
    default:
        return IMAGE1_CODEC_NONE;
    }
}

/* Fills memory->codec and payload_len; returns the payload to write. */
static const uint8_t *compress(struct v1_encoder *e, struct image1_memory *memory)
{
    struct image1_piece all = { e->raw, e->raw_len };
    enum image1_codec_id id;
    uint32_t len;

    memory->codec = IMAGE1_CODEC_NONE;
    memory->payload_len = e->raw_len;
    if (e->raw_len < COMPRESS_MIN || e->shared->compress == XCSAVE_COMPRESS_NONE ||
        (!e->packed && !(e->packed = malloc(PAYLOAD_MAX))))
        return e->raw;
    id = codec_to_use(e);
    len = id == IMAGE1_CODEC_NONE ? 0 : pack(e, id, &all, 1, e->raw_len);
    if (!len)
        return e->raw;
    memory->codec = (uint16_t)id;
    memory->payload_len = len;
    return e->packed;
}

static void count(const struct v1_encoder *e, const struct image1_memory *memory,
                  struct xcsave_kind_count kinds[XCSAVE_NR_KINDS])
{
    for (unsigned k = 0; k < XCSAVE_NR_KINDS; k++) {
        kinds[k].pages = e->kind_pages[k];
        kinds[k].bytes = e->kind_runs[k] * IMAGE1_RUN_LEN;
        if (e->raw_len)
            kinds[k].bytes += e->kind_raw[k] * memory->payload_len / e->raw_len;
    }
}

static int write_record(struct v1_encoder *e, struct xcsave_kind_count kinds[XCSAVE_NR_KINDS],
                        struct xcsave_error *error)
{
    struct image1_memory memory = { .round = e->shared->round, .nr_runs = e->nr_runs, .raw_len = e->raw_len };
    const uint8_t *payload = compress(e, &memory);
    uint64_t nr_pages = 0, start = now_ns();

    count(e, &memory, kinds);
    if (!e->nr_runs)
        return 0;
    for (unsigned k = 0; k < IMAGE1_NR_KINDS; k++)
        nr_pages += e->kind_pages[k];
    if (v1_channel_memory(e->channel, &memory, e->runs, nr_pages, payload, error))
        return -1;
    if (memory.payload_len >= COMPRESS_MIN)
        e->facts.write_ns_a_byte = blend(e->facts.write_ns_a_byte,
                                         (double)(now_ns() - start) / memory.payload_len);
    for (unsigned id = 0; id < IMAGE1_NR_CODECS; id++)
        e->facts.trials[id].age++;
    return 0;
}

int v1_encode_job(struct v1_encoder *e, const struct v1_job *job, struct xcsave_kind_count kinds[XCSAVE_NR_KINDS],
                  struct xcsave_error *error)
{
    e->job = job;
    e->nr_runs = 0;
    e->raw_len = 0;
    memset(e->kind_pages, 0, sizeof(e->kind_pages));
    memset(e->kind_raw, 0, sizeof(e->kind_raw));
    memset(e->kind_runs, 0, sizeof(e->kind_runs));
    return collect(e, error) || write_record(e, kinds, error) ? -1 : 0;
}
