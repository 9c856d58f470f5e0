/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig's own image (stream-format/IMAGE-V1.md), written by several threads.
 *
 *     save.c's thread        look up types, cut into jobs of one extent
 *       | bounded queue
 *     workers                map, copy, hash, compare, compress (v1-encode.c)
 *       | a lock a channel
 *     channels               records
 *
 * The end of a round waits until every job is written, and then writes ROUND on
 * each channel: that is the barrier, and between rounds no worker is at work.
 * A worker keeps to one channel, because a page may refer only to one that went
 * before it on the same channel.  Without threads the same code runs in save.c's thread.
 *
 * Memory: 2.2 MiB a worker and as much again where it compresses, 24 octets for each
 * page, and the cache of what was sent, which is 1/128 of the guest's and 8 MiB.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "libxcsave/clock.h"
#include "libxcsave/knobs.h"
#include "libxcsave/save/v1-encode.h"
#include "libxcsave/save/workers.h"
#include "stream-format/libxc-image.h"

/* One encodes while the other waits for the network, whatever the number of CPUs. */
#define MIN_DEFAULT_THREADS 2
#define MAX_DEFAULT_THREADS 8
#define MAX_THREADS 64u
/* More would only be in the way when the end is asked for: a job is 2 MiB. */
#define SLOTS_A_WORKER 1u
#define CACHE_BYTES_MIN ((size_t)8 << 20)
#define CACHE_PART 128u

struct v1_sink {
    struct page_sink base;
    const struct xcsave_save_options *options;
    struct imageio_group group;
    unsigned nr_channels;
    struct v1_channel *channels;
    struct v1_shared shared;
    uint8_t key[IMAGE1_KEY_LEN];  /* with KEYED */
    struct image1_hasher *hasher;
    unsigned nr_workers;        /* at least 1: save.c's own thread */
    struct v1_encoder **encoders;
    struct workers *workers;
    bool p2m_told;              /* since the last barrier: channels but 0 do not know it yet */

    pthread_mutex_t lock;       /* of `kinds`; nothing else is taken while it is held */
    struct xcsave_kind_count kinds[XCSAVE_NR_KINDS];

    /* Working space of one batch. */
    uint64_t pfns[GUEST_BATCH_PAGES];
    uint32_t types[GUEST_BATCH_PAGES];
};

static struct v1_sink *to_v1(struct page_sink *base)
{
    return (struct v1_sink *)base;
}

/* ---- records of channel 0 --------------------------------------------- */

static int open_channels(struct v1_sink *s, struct xcsave_error *error)
{
    uint8_t header[IMAGE1_CHANNEL_HEADER_LEN];

    for (unsigned i = 1; i < s->nr_channels; i++) {
        image1_encode_channel_header(header, (uint16_t)i, s->options->image.token);
        if (v1_channel_write(&s->channels[i], header, sizeof(header), error))
            return -1;
    }
    return 0;
}

static int begin(struct page_sink *base, const struct guest_identity *identity, struct xcsave_error *error)
{
    struct v1_sink *s = to_v1(base);
    const struct image1_domain domain = { identity->type, identity->xen_major, identity->xen_minor };
    uint8_t header[IMAGE1_HEADER_LEN], body[IMAGE1_DOMAIN_LEN];

    image1_encode_header(header, s->shared.features, s->nr_channels);
    image1_encode_domain(body, &domain);
    if (v1_channel_write(&s->channels[0], header, sizeof(header), error) || open_channels(s, error))
        return -1;
    if (v1_channel_record(&s->channels[0], IMAGE1_REC_DOMAIN, body, sizeof(body), NULL, 0, error))
        return -1;
    if (!(s->shared.features & IMAGE1_FEATURE_KEYED))
        return 0;
    return v1_channel_record(&s->channels[0], IMAGE1_REC_KEY, s->key, sizeof(s->key), NULL, 0, error);
}

static int record(struct page_sink *base, uint32_t type, const void *body, size_t len_bytes,
                  struct xcsave_error *error)
{
    struct v1_sink *s = to_v1(base);
    uint8_t head[IMAGE1_LIBXC_HEAD_LEN];

    image1_encode_libxc(head, type);
    s->p2m_told |= type == STREAM_REC_X86_PV_P2M_FRAMES;
    return v1_channel_record(&s->channels[0], IMAGE1_REC_LIBXC, head, sizeof(head), body, len_bytes, error);
}

static int extents(struct page_sink *base, const struct image1_extents *runs, unsigned n, struct xcsave_error *error)
{
    uint8_t body[IMAGE1_EXTENTS_RUNS_MAX * IMAGE1_EXTENTS_LEN];

    for (unsigned i = 0; i < n; i++)
        image1_encode_extents(body + i * IMAGE1_EXTENTS_LEN, &runs[i]);
    return v1_channel_record(&to_v1(base)->channels[0], IMAGE1_REC_EXTENTS, NULL, 0, body, n * IMAGE1_EXTENTS_LEN,
                             error);
}

/* ---- rounds ------------------------------------------------------------ */

static int finish_round(struct v1_sink *s, uint32_t flags, struct xcsave_error *error)
{
    if (workers_drain(s->workers, error))
        return -1;
    for (unsigned i = 0; i < s->nr_channels; i++)
        if (v1_channel_round(&s->channels[i], s->shared.round, flags, error))
            return -1;
    s->shared.round++;
    s->p2m_told = false;
    return 0;
}

static int end_round(struct page_sink *base, struct xcsave_error *error)
{
    return finish_round(to_v1(base), 0, error);
}

static int end_memory(struct page_sink *base, struct xcsave_error *error)
{
    return finish_round(to_v1(base), IMAGE1_ROUND_LAST, error);
}

/* In a worker. */
static int work(void *user, unsigned number, void *job, struct xcsave_error *error)
{
    struct v1_sink *s = user;
    struct xcsave_kind_count kinds[XCSAVE_NR_KINDS];

    if (v1_encode_job(s->encoders[number], job, kinds, error))
        return -1;
    pthread_mutex_lock(&s->lock);
    for (unsigned k = 0; k < XCSAVE_NR_KINDS; k++) {
        s->kinds[k].pages += kinds[k].pages;
        s->kinds[k].bytes += kinds[k].bytes;
    }
    pthread_mutex_unlock(&s->lock);
    return 0;
}

/* Is a whole extent next?  It is kept in one job, so that the reader sees it whole. */
static bool extent_begins(const struct v1_sink *s, unsigned at, unsigned n)
{
    return s->pfns[at] % V1_JOB_PAGES == 0 && n - at >= V1_JOB_PAGES &&
           s->pfns[at + V1_JOB_PAGES - 1] == s->pfns[at] + V1_JOB_PAGES - 1;
}

static int batch(struct page_sink *base, const uint64_t *pfns, unsigned n, bool suspended,
                 struct xcsave_error *error)
{
    struct v1_sink *s = to_v1(base);
    int nr_told;

    if (s->p2m_told && s->nr_channels > 1 && finish_round(s, 0, error))
        return -1;
    nr_told = page_sink_look_up(base, pfns, n, s->pfns, s->types, error);
    if (nr_told < 0)
        return -1;
    for (unsigned at = 0; at < (unsigned)nr_told;) {
        struct v1_job *job = workers_slot(s->workers, error);

        if (!job)
            return -1;
        job->suspended = suspended;
        job->n = 0;
        do {
            job->pfns[job->n] = s->pfns[at];
            job->types[job->n++] = (uint8_t)s->types[at++];
        } while (at < (unsigned)nr_told && job->n < V1_JOB_PAGES && !extent_begins(s, at, (unsigned)nr_told));
        if (workers_give(s->workers, error))
            return -1;
    }
    return 0;
}

/* ---- the end ----------------------------------------------------------- */

static int write_digest(struct v1_sink *s, struct xcsave_error *error)
{
    struct image1_digest digest = { 0 };
    uint8_t body[IMAGE1_DIGEST_LEN];

    if (!(s->shared.features & IMAGE1_FEATURE_DIGEST))
        return 0;
    for (unsigned i = 0; i < s->nr_workers; i++)
        image1_digest_merge(s->hasher, &digest, v1_encoder_digest(s->encoders[i]));
    image1_encode_digest(body, &digest);
    return v1_channel_record(&s->channels[0], IMAGE1_REC_DIGEST, body, sizeof(body), NULL, 0, error);
}

static int end(struct page_sink *base, struct xcsave_error *error)
{
    struct v1_sink *s = to_v1(base);

    if (write_digest(s, error))
        return -1;
    for (unsigned i = s->nr_channels; i-- > 0;)
        if (v1_channel_record(&s->channels[i], IMAGE1_REC_END, NULL, 0, NULL, 0, error))
            return -1;
    return 0;
}

static uint64_t bytes(struct page_sink *base)
{
    struct v1_sink *s = to_v1(base);
    uint64_t sum = 0;

    for (unsigned i = 0; i < s->nr_channels; i++)
        sum += atomic_load_explicit(&s->channels[i].bytes, memory_order_relaxed);
    return sum;
}

static void count(struct page_sink *base, struct xcsave_progress *progress)
{
    struct v1_sink *s = to_v1(base);

    pthread_mutex_lock(&s->lock);
    memcpy(progress->kinds, s->kinds, sizeof(progress->kinds));
    pthread_mutex_unlock(&s->lock);
    progress->nr_channels = s->nr_channels;
    for (unsigned i = 0; i < s->nr_channels; i++)
        progress->channel_bytes[i] = atomic_load_explicit(&s->channels[i].bytes, memory_order_relaxed);
}

static void close_sink(struct page_sink *base)
{
    struct v1_sink *s = to_v1(base);

    workers_free(s->workers);
    for (unsigned i = 0; s->encoders && i < s->nr_workers; i++)
        v1_encoder_free(s->encoders[i]);
    for (unsigned i = 0; s->channels && i < s->nr_channels; i++) {
        imageio_detach(&s->channels[i].io);
        pthread_mutex_destroy(&s->channels[i].lock);
    }
    explicit_bzero(s->key, sizeof(s->key));
    image1_hasher_free(s->hasher);
    content_map_free(s->shared.sent);
    delta_cache_free(s->shared.cache);
    page_sink_dispose(base);
    pthread_mutex_destroy(&s->lock);
    free(s->encoders);
    free(s->channels);
    free(s);
}

static const struct page_sink_ops v1_ops = {
    .begin = begin,
    .record = record,
    .extents = extents,
    .batch = batch,
    .end_round = end_round,
    .end_memory = end_memory,
    .end = end,
    .bytes = bytes,
    .count = count,
    .close = close_sink,
};

/* ---- opening ----------------------------------------------------------- */

/*
 * What the image will have: what the reader reads, and is wanted here.  SAME rests on a hash, and a guest can
 * make two pages that have one hash if the hash has no key.
 */
static uint64_t choose_features(const struct xcsave_image_options *image)
{
    uint64_t wanted = IMAGE1_FEATURE_DELTA | IMAGE1_FEATURE_DIGEST | IMAGE1_FEATURE_KEYED;

    if (image->features & IMAGE1_FEATURE_KEYED)
        wanted |= IMAGE1_FEATURE_SAME;

    if (image->compress == XCSAVE_COMPRESS_LZ4 || image->compress == XCSAVE_COMPRESS_AUTO)
        wanted |= IMAGE1_FEATURE_LZ4;
    if (image->compress == XCSAVE_COMPRESS_ZSTD || image->compress == XCSAVE_COMPRESS_AUTO)
        wanted |= IMAGE1_FEATURE_ZSTD;
    if (image->nr_channels)
        wanted |= IMAGE1_FEATURE_CHANNELS;
    return wanted & image->features;
}

/* Known in dom0 of both hosts, and to whoever reads a connection that is not encrypted: not to the guest. */
static int make_hasher(struct v1_sink *s, struct xcsave_error *error)
{
    bool keyed = s->shared.features & IMAGE1_FEATURE_KEYED;

    if (keyed && getrandom(s->key, sizeof(s->key), 0) != (ssize_t)sizeof(s->key))
        return xcsave_fail(error, errno, "a random key");
    s->hasher = image1_hasher_new(keyed ? s->key : NULL);
    s->shared.hasher = s->hasher;
    return s->hasher ? 0 : xcsave_fail(error, ENOMEM, "what is known of pages");
}

/* A codec by name that the reader does not have is no reason to fail: without one it works, too. */
static enum xcsave_compress choose_compress(const struct xcsave_image_options *image, uint64_t features)
{
    if (!(features & (IMAGE1_FEATURE_LZ4 | IMAGE1_FEATURE_ZSTD)))
        return XCSAVE_COMPRESS_NONE;
    return image->compress;
}

static unsigned choose_workers(const struct xcsave_image_options *image)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = image->threads;

    if (!n)
        n = cpus < MIN_DEFAULT_THREADS ? MIN_DEFAULT_THREADS
            : cpus > MAX_DEFAULT_THREADS ? MAX_DEFAULT_THREADS : (unsigned)cpus;
    if (n > MAX_THREADS)
        n = MAX_THREADS;
    return n <= image->nr_channels ? image->nr_channels + 1 : n;
}

/* That a content is the one which the reader has is told by its hash: without a key there is no cache. */
static size_t choose_cache(const struct xcsave_image_options *image, uint64_t features, uint64_t nr_pages)
{
    if (image->delta_cache_bytes == SIZE_MAX || !(features & IMAGE1_FEATURE_DELTA) ||
        !(features & IMAGE1_FEATURE_KEYED))
        return 0;
    if (image->delta_cache_bytes)
        return image->delta_cache_bytes;
    return CACHE_BYTES_MIN + (size_t)(nr_pages * GUEST_PAGE_SIZE / CACHE_PART);
}

static int attach_channels(struct v1_sink *s, struct xcsave_error *error)
{
    const struct xcsave_save_options *o = s->options;

    s->channels = calloc(s->nr_channels, sizeof(*s->channels));
    if (!s->channels)
        return xcsave_fail(error, ENOMEM, "%u channels", s->nr_channels);
    for (unsigned i = 0; i < s->nr_channels; i++) {
        struct v1_channel *c = &s->channels[i];

        pthread_mutex_init(&c->lock, NULL);
        c->number = i;
        c->nr_channels = s->nr_channels;
        c->io.saved_flags = -1;
    }
    for (unsigned i = 0; i < s->nr_channels; i++) {
        struct v1_channel *c = &s->channels[i];
        int fd = i ? o->image.channels[i - 1] : o->fd;

        if (imageio_attach(&c->io, fd, o->io_timeout_s, o->cancel, error))
            return -1;
        c->io.group = &s->group;
        c->io.limit = o->knobs ? &o->knobs->bandwidth : NULL;
    }
    return 0;
}

static void waiting(void *user)
{
    struct v1_sink *s = user;

    if (s->base.waiting)
        s->base.waiting(s->base.waiting_user);
}

static int start_workers(struct v1_sink *s, struct xcsave_error *error)
{
    const struct workers_options options = {
        .nr_threads = s->nr_workers > 1 ? s->nr_workers : 0,
        .nr_slots = s->nr_workers > 1 ? s->nr_workers * SLOTS_A_WORKER : 1,
        .job_bytes = sizeof(struct v1_job),
        .work = work,
        .waiting = waiting,
        .user = s,
        .stop = &s->group.stop,
        .cancel = s->options->cancel,
    };

    s->encoders = calloc(s->nr_workers, sizeof(*s->encoders));
    for (unsigned i = 0; s->encoders && i < s->nr_workers; i++) {
        s->encoders[i] = v1_encoder_new(&s->shared, &s->channels[i % s->nr_channels]);
        if (!s->encoders[i])
            return xcsave_fail(error, ENOMEM, "buffers of %u threads", s->nr_workers);
    }
    if (!s->encoders)
        return xcsave_fail(error, ENOMEM, "buffers of %u threads", s->nr_workers);
    s->workers = workers_new(&options, error);
    return s->workers ? 0 : -1;
}

static int start(struct v1_sink *s, uint64_t nr_pages, struct xcsave_error *error)
{
    const struct xcsave_image_options *image = &s->options->image;

    if (image->nr_channels >= XCSAVE_MAX_CHANNELS)
        return xcsave_fail(error, EINVAL, "%u channels", image->nr_channels + 1);
    s->nr_channels = image->nr_channels + 1;
    s->nr_workers = choose_workers(image);
    s->shared.sink = &s->base;
    s->shared.features = choose_features(image);
    s->shared.compress = choose_compress(image, s->shared.features);
    s->shared.level = image->level;
    if (image->nr_channels && !(s->shared.features & IMAGE1_FEATURE_CHANNELS))
        return xcsave_fail(error, ENOTSUP, "the reader takes no more than one channel");
    s->shared.sent = content_map_new();
    if (!s->shared.sent)
        return xcsave_fail(error, ENOMEM, "what was sent");
    if (make_hasher(s, error))
        return -1;
    s->shared.cache = delta_cache_new(choose_cache(image, s->shared.features, nr_pages));
    return attach_channels(s, error) || start_workers(s, error) ? -1 : 0;
}

struct page_sink *page_sink_open_v1(struct xcsave_guest *guest, const struct xcsave_save_options *options,
                                    uint64_t nr_pages, struct xcsave_error *error)
{
    struct v1_sink *s = calloc(1, sizeof(*s));

    if (!s) {
        xcsave_fail(error, ENOMEM, "page buffers");
        return NULL;
    }
    s->base = (struct page_sink){ .ops = &v1_ops, .guest = guest };
    s->options = options;
    atomic_store(&s->group.passed_us, monotonic_us());
    pthread_mutex_init(&s->lock, NULL);
    if (start(s, nr_pages, error)) {
        close_sink(&s->base);
        return NULL;
    }
    return &s->base;
}
