/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig's own image (stream-format/IMAGE-V1.md), read by one thread a channel.
 *
 * Channel 0 is read by the thread that called, with all callbacks; the others
 * carry MEMORY only.  At each ROUND a channel waits at the barrier until all have
 * come to it.  The first failure, of whatever channel, stops all: every wait looks
 * at group.stop, several times a second.
 *
 * A writer may say anew where a PV guest's p2m lies while other channels are in
 * the middle of a round, so what a MEMORY record does and what a libxc record does
 * keep out of each other's way (`layout`).
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libxcsave/clock.h"
#include "libxcsave/restore/restore.h"
#include "libxcsave/restore/v1-decode.h"
#include "stream-format/libxc-image.h"

_Static_assert(XCSAVE_V1_FEATURES == IMAGE1_FEATURES_KNOWN, "what the header says is read is read");

#define WAIT_SLICE_NS 50000000L
#define SKIP_BYTES 65536u

struct v1_reader;

struct v1_input {
    struct v1_reader *all;
    unsigned index;             /* 0: the toolstack's descriptor; else place in options->image.channels */
    struct imageio *io;
    struct imageio own_io;      /* of all but 0 */
    struct image1_channel order;
    struct v1_decoder *decoder;
    pthread_t thread;
    bool started;
    uint8_t octets[IMAGE1_RECORD_HEADER_LEN];
    _Atomic uint64_t bytes;     /* as io->bytes, for those who only look */
};

struct v1_reader {
    struct restore *r;
    struct imageio_group group;
    struct image1_header header;
    struct v1_reading shared;
    struct image1_hasher *hasher;
    struct v1_input *inputs;
    unsigned nr_inputs;
    pthread_rwlock_t layout;    /* shared: a MEMORY record; alone: a libxc record.  Before populate.lock */

    pthread_mutex_t lock;       /* of all below; nothing else is taken while it is held */
    pthread_cond_t passed;
    uint64_t channels_seen;     /* a bit for each channel number */
    unsigned nr_arrived;        /* at the barrier of this round */
    uint32_t flags;             /* of the first that arrived */
    uint32_t nr_passed;         /* barriers */
    struct xcsave_error failure;
};

/* ---- failure and progress ----------------------------------------------- */

/* Keep the first one, and stop the others. */
static void record_failure(struct v1_input *c, const struct xcsave_error *error)
{
    struct v1_reader *v = c->all;
    /* Before its header came, a channel goes by its place.  People count from 1, as the command does. */
    unsigned number = (c->order.channel ? c->order.channel : c->index) + 1;

    pthread_mutex_lock(&v->lock);
    if (!v->failure.text[0]) {
        if (v->nr_inputs > 1)
            xcsave_fail(&v->failure, 0, "channel %u of %u: %s", number, v->nr_inputs, error->text);
        else
            v->failure = *error;
        v->failure.errnum = error->errnum;
    }
    atomic_store(&v->group.stop, true);
    pthread_cond_broadcast(&v->passed);
    pthread_mutex_unlock(&v->lock);
}

static void show_progress(struct v1_reader *v)
{
    struct xcsave_progress *progress = v->r->progress;
    const struct xcsave_kind_count *kinds = progress->kinds;

    memset(progress->kinds, 0, sizeof(progress->kinds));
    progress->bytes = 0;
    progress->nr_channels = v->nr_inputs;
    for (unsigned i = 0; i < v->nr_inputs; i++) {
        progress->channel_bytes[i] = atomic_load_explicit(&v->inputs[i].bytes, memory_order_relaxed);
        progress->bytes += progress->channel_bytes[i];
        v1_decoder_count(v->inputs[i].decoder, progress->kinds);
    }
    progress->pages_sent = kinds[XCSAVE_KIND_DATA].pages + kinds[XCSAVE_KIND_ZERO].pages +
                           kinds[XCSAVE_KIND_DELTA].pages + kinds[XCSAVE_KIND_SAME].pages;
    progress->pages_skipped = kinds[XCSAVE_KIND_ABSENT].pages;
    restore_show(v->r, XCSAVE_PHASE_PRECOPY, false);
}

/* ---- the barrier -------------------------------------------------------- */

static int wait_for_others(struct v1_input *c, uint32_t nr_passed, struct xcsave_error *error)
{
    struct v1_reader *v = c->all;

    while (v->nr_passed == nr_passed) {
        struct timespec until;

        if (imageio_check_cancel(c->io, error))
            return -1;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WAIT_SLICE_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&v->passed, &v->lock, &until) == ETIMEDOUT && !c->index) {
            pthread_mutex_unlock(&v->lock);
            show_progress(v);
            pthread_mutex_lock(&v->lock);
        }
    }
    return 0;
}

/* Every channel waits here for the slowest; that this one comes is bounded by its own time-out. */
static int pass_barrier(struct v1_input *c, uint32_t flags, struct xcsave_error *error)
{
    struct v1_reader *v = c->all;
    int rc = 0;

    pthread_mutex_lock(&v->lock);
    if (!v->nr_arrived)
        v->flags = flags;
    if (flags != v->flags) {
        rc = xcsave_fail(error, 0, "one channel ends its last round, another one does not");
    } else if (++v->nr_arrived == v->nr_inputs) {
        v->nr_arrived = 0;
        v->nr_passed++;
        pthread_cond_broadcast(&v->passed);
    } else {
        rc = wait_for_others(c, v->nr_passed, error);
    }
    pthread_mutex_unlock(&v->lock);
    return rc;
}

/* ---- records that are held whole ----------------------------------------- */

static int take_domain(struct v1_input *c, const uint8_t *body, struct xcsave_error *error)
{
    struct v1_reader *v = c->all;
    struct image1_domain domain;
    struct image1_fault fault;

    if (image1_decode_domain(body, &domain, &fault))
        return v1_refuse(error, "its body", &fault);
    struct guest_identity identity = { domain.guest, domain.xen_major, domain.xen_minor };
    if (judge_begin(v->r->judge, &identity, error))
        return -1;
    return v->r->guest->restore->accept_identity(v->r->guest, &identity, error);
}

static int take_libxc(struct v1_input *c, const uint8_t *body, uint32_t length, struct xcsave_error *error)
{
    struct v1_reader *v = c->all;
    struct image1_fault fault;
    uint32_t type;
    int rc;

    if (image1_decode_libxc(body, &type, &fault) || image1_channel_libxc(&c->order, type, &fault))
        return v1_refuse(error, "its type", &fault);
    pthread_rwlock_wrlock(&v->layout);
    rc = judge_record(v->r->judge, type, body + IMAGE1_LIBXC_HEAD_LEN, length - IMAGE1_LIBXC_HEAD_LEN, error);
    if (!rc)
        rc = restore_take_record(v->r, type, body + IMAGE1_LIBXC_HEAD_LEN, length - IMAGE1_LIBXC_HEAD_LEN, error);
    pthread_rwlock_unlock(&v->layout);
    return rc;
}

/* In round 0: its barrier is between this and every page. */
static int take_key(struct v1_input *c, const uint8_t *body, struct xcsave_error *error)
{
    struct v1_reader *v = c->all;
    struct image1_fault fault;

    if (image1_decode_key(body, &fault))
        return v1_refuse(error, "its body", &fault);
    image1_hasher_free(v->hasher);
    v->shared.hasher = v->hasher = image1_hasher_new(body);
    return v->hasher ? 0 : xcsave_fail(error, ENOMEM, "what is known of pages");
}

static int give_extents(struct v1_input *c, const struct image1_extents *run, bool *given, struct xcsave_error *error)
{
    struct restore *r = c->all->r;
    uint64_t end = run->pfn + run->count * IMAGE1_EXTENT_PAGES;

    if (!r->guest->restore->pfn_is_valid(r->guest, run->pfn) || !r->guest->restore->pfn_is_valid(r->guest, end - 1))
        return xcsave_fail(error, 0, "extents up to pfn %#llx are beyond the guest", (unsigned long long)end - 1);
    for (uint64_t pfn = run->pfn; *given && pfn < end; pfn += IMAGE1_EXTENT_PAGES)
        if (imageio_check_cancel(c->io, error) || populate_ahead(&r->memory, pfn, given, error))
            return -1;
    return 0;
}

/*
 * What the writer says is whole.  A host that has no such extent will hardly have
 * another: the first refusal ends it, and memory comes in smaller ones with the pages.
 */
static int take_extents(struct v1_input *c, const uint8_t *body, uint32_t length, struct xcsave_error *error)
{
    struct restore *r = c->all->r;
    bool given = r->guest->ops->has_superpages(r->guest);

    for (uint32_t at = 0; at < length; at += IMAGE1_EXTENTS_LEN) {
        struct image1_extents run;
        struct image1_fault fault;

        if (image1_decode_extents(body + at, &run, &fault))
            return v1_refuse(error, "its body", &fault);
        r->memory.given.named_1g += run.count;
        if (give_extents(c, &run, &given, error))
            return -1;
    }
    return 0;
}

static int take_round(struct v1_input *c, const uint8_t *body, struct xcsave_error *error)
{
    struct image1_round round;
    struct image1_fault fault;

    if (image1_decode_round(body, &round, &fault) || image1_channel_round(&c->order, &round, &fault))
        return v1_refuse(error, "its body", &fault);
    return pass_barrier(c, round.flags, error);
}

/* After the last barrier: no channel brings memory any more. */
static int take_digest(struct v1_input *c, const uint8_t *body, struct xcsave_error *error)
{
    struct v1_reader *v = c->all;
    struct image1_digest sent, found = { 0 };

    image1_decode_digest(body, &sent);
    for (unsigned i = 0; i < v->nr_inputs; i++)
        image1_digest_merge(v->hasher, &found, v1_decoder_digest(v->inputs[i].decoder));
    if (image1_digest_equal(&sent, &found))
        return 0;
    return xcsave_fail(error, EBADMSG, "the guest's memory is not what it was at the source: %llu and %llu pages here, "
                       "%llu and %llu there, or others", (unsigned long long)found.pages[0],
                       (unsigned long long)found.pages[1], (unsigned long long)sent.pages[0],
                       (unsigned long long)sent.pages[1]);
}

static int take_body(struct v1_input *c, const struct image1_record *record, const uint8_t *body,
                     struct xcsave_error *error)
{
    switch (record->type) {
    case IMAGE1_REC_DOMAIN:
        return take_domain(c, body, error);
    case IMAGE1_REC_LIBXC:
        return take_libxc(c, body, record->length, error);
    case IMAGE1_REC_KEY:
        return take_key(c, body, error);
    case IMAGE1_REC_EXTENTS:
        return take_extents(c, body, record->length, error);
    case IMAGE1_REC_ROUND:
        return take_round(c, body, error);
    case IMAGE1_REC_DIGEST:
        return take_digest(c, body, error);
    default:                    /* END: the order knows when */
        return c->index ? 0 : judge_record(c->all->r->judge, STREAM_REC_END, NULL, 0, error);
    }
}

static int read_and_take(struct v1_input *c, const struct image1_record *record, struct xcsave_error *error)
{
    static const uint8_t zeros[8];
    uint32_t padding = image1_padding(record->length);
    uint8_t *whole;
    int rc;

    if (record->length > RESTORE_MAX_HELD_RECORD)
        return xcsave_fail(error, EMSGSIZE, "it has %u octets", record->length);
    whole = malloc(IMAGE1_RECORD_HEADER_LEN + (size_t)record->length + padding);
    if (!whole)
        return xcsave_fail(error, ENOMEM, "a record of %u octets", record->length);
    memcpy(whole, c->octets, IMAGE1_RECORD_HEADER_LEN);
    rc = imageio_read(c->io, whole + IMAGE1_RECORD_HEADER_LEN, (size_t)record->length + padding, error);
    if (!rc && !image1_record_intact(whole, record))
        rc = xcsave_fail(error, EBADMSG, "its checksum is wrong");
    if (!rc && memcmp(whole + IMAGE1_RECORD_HEADER_LEN + record->length, zeros, padding))
        rc = xcsave_fail(error, 0, "its padding is not zero");
    if (!rc)
        rc = take_body(c, record, whole + IMAGE1_RECORD_HEADER_LEN, error);
    free(whole);
    return rc;
}

/* An index, or an optional record that this reader does not know.  Its checksum counts all the same. */
static int skip(struct v1_input *c, const struct image1_record *record, struct xcsave_error *error)
{
    uint64_t left = (uint64_t)record->length + image1_padding(record->length);
    uint32_t crc = image1_crc_begin(c->octets, IMAGE1_RECORD_HEADER_LEN);
    uint8_t *piece = malloc(SKIP_BYTES);
    bool is_clean = true;
    int rc = 0;

    if (!piece)
        return xcsave_fail(error, ENOMEM, "%u octets", SKIP_BYTES);
    while (!rc && left) {
        size_t n = left < SKIP_BYTES ? (size_t)left : SKIP_BYTES;

        rc = imageio_read(c->io, piece, n, error);
        if (!rc)
            crc = crc32c(crc, piece, n);
        left -= n;
        /* The padding is in the last piece, which is the record's end and longer than that, or the whole of it. */
        for (uint32_t i = 0; !rc && !left && i < image1_padding(record->length) && i < n; i++)
            is_clean &= !piece[n - 1 - i];
    }
    free(piece);
    if (!rc && !is_clean)
        rc = xcsave_fail(error, 0, "its padding is not zero");
    if (!rc && crc != record->crc)
        rc = xcsave_fail(error, EBADMSG, "its checksum is wrong");
    return rc;
}

/* ---- a channel ------------------------------------------------------------ */

static int take_memory(struct v1_input *c, const struct image1_record *record, struct xcsave_error *error)
{
    int rc;

    pthread_rwlock_rdlock(&c->all->layout);
    rc = v1_decode_memory(c->decoder, &c->order, c->octets, record, error);
    pthread_rwlock_unlock(&c->all->layout);
    return rc;
}

static int take_record(struct v1_input *c, const struct image1_record *record, struct xcsave_error *error)
{
    if (record->type == IMAGE1_REC_MEMORY)
        return take_memory(c, record, error);
    if (record->type == IMAGE1_REC_INDEX ||
        (record->type & STREAM_REC_OPTIONAL && record->type != IMAGE1_REC_EXTENTS))
        return skip(c, record, error);
    return read_and_take(c, record, error);
}

static int next_record(struct v1_input *c, struct xcsave_error *error)
{
    uint64_t offset = c->io->bytes;
    struct xcsave_error inner = { 0 };
    struct image1_record record;
    struct image1_fault fault;
    const char *name;

    if (imageio_read(c->io, c->octets, sizeof(c->octets), error))
        return -1;
    if (image1_decode_record(c->octets, &record, &fault) || image1_channel_take(&c->order, &record, &fault)) {
        v1_refuse(&inner, "its header", &fault);
    } else if (!take_record(c, &record, &inner)) {
        atomic_store_explicit(&c->bytes, c->io->bytes, memory_order_relaxed);
        return 0;
    }
    name = image1_record_name(record.type);
    xcsave_fail(error, 0, "%s record at offset %llu of the image: %s", name ? name : "unknown",
                (unsigned long long)offset, inner.text);
    error->errnum = inner.errnum;
    return -1;
}

static int read_channel(struct v1_input *c, struct xcsave_error *error)
{
    while (c->order.phase != IMAGE1_PHASE_ENDED) {
        if (next_record(c, error))
            return -1;
        if (!c->index)
            show_progress(c->all);
    }
    return 0;
}

static bool token_is_right(const uint8_t *a, const uint8_t *b)
{
    uint8_t differs = 0;

    for (unsigned i = 0; i < IMAGE1_TOKEN_LEN; i++)
        differs |= a[i] ^ b[i];
    return !differs;
}

static int read_channel_header(struct v1_input *c, struct xcsave_error *error)
{
    struct v1_reader *v = c->all;
    uint8_t octets[IMAGE1_CHANNEL_HEADER_LEN];
    struct image1_channel_header header;
    struct image1_fault fault;
    bool seen;

    if (imageio_read(c->io, octets, sizeof(octets), error))
        return -1;
    if (image1_decode_channel_header(octets, &header, &fault))
        return v1_refuse(error, "channel header", &fault);
    if (!token_is_right(header.token, v->r->options->image.token))
        return xcsave_fail(error, EACCES, "a connection that is not this migration's");
    pthread_mutex_lock(&v->lock);
    seen = v->channels_seen & UINT64_C(1) << header.channel;
    v->channels_seen |= UINT64_C(1) << header.channel;
    pthread_mutex_unlock(&v->lock);
    if (seen || header.channel >= v->nr_inputs)
        return xcsave_fail(error, 0, "channel %u comes %s", header.channel + 1u, seen ? "twice" : "uninvited");
    image1_channel_init(&c->order, header.channel, v->header.features);
    return 0;
}

static void *channel_thread(void *arg)
{
    struct v1_input *c = arg;
    struct xcsave_error error = { 0 };

    if (read_channel_header(c, &error) || read_channel(c, &error))
        record_failure(c, &error);
    return NULL;
}

/* ---- the image ------------------------------------------------------------ */

static int read_header(struct v1_reader *v, struct xcsave_error *error)
{
    struct restore *r = v->r;
    uint8_t octets[IMAGE1_HEADER_LEN_MAX];
    struct image1_fault fault;
    uint32_t len;

    memcpy(octets, r->magic, RESTORE_MAGIC_LEN);
    if (imageio_read(&r->io, octets + RESTORE_MAGIC_LEN, 16 - RESTORE_MAGIC_LEN, error))
        return -1;
    if (image1_header_len(octets, &len, &fault))
        return v1_refuse(error, "image header", &fault);
    if (imageio_read(&r->io, octets + 16, len - 16, error))
        return -1;
    if (image1_decode_header(octets, len, &v->header, &fault))
        return v1_refuse(error, "image header", &fault);
    if (v->header.nr_channels != r->options->image.nr_channels + 1)
        return xcsave_fail(error, 0, "the image comes on %u channels, of which %u are here", v->header.nr_channels,
                           r->options->image.nr_channels + 1);
    return 0;
}

static int open_inputs(struct v1_reader *v, struct xcsave_error *error)
{
    const struct xcsave_restore_options *o = v->r->options;

    v->inputs = calloc(v->header.nr_channels, sizeof(*v->inputs));
    if (!v->inputs)
        return xcsave_fail(error, ENOMEM, "%u channels", v->header.nr_channels);
    v->nr_inputs = v->header.nr_channels;
    for (unsigned i = 0; i < v->nr_inputs; i++) {
        struct v1_input *c = &v->inputs[i];

        c->all = v;
        c->index = i;
        c->own_io.saved_flags = -1;
        c->io = i ? &c->own_io : &v->r->io;
        c->decoder = v1_decoder_new(&v->shared, c->io);
        if (!c->decoder)
            return xcsave_fail(error, ENOMEM, "%u channels", v->nr_inputs);
    }
    for (unsigned i = 0; i < v->nr_inputs; i++) {
        struct v1_input *c = &v->inputs[i];

        if (i && imageio_attach(&c->own_io, o->image.channels[i - 1], o->io_timeout_s, o->cancel, error))
            return -1;
        c->io->group = &v->group;
    }
    image1_channel_init(&v->inputs[0].order, 0, v->header.features);
    return 0;
}

/* Signals are for the thread that called the engine. */
static int start_threads(struct v1_reader *v, struct xcsave_error *error)
{
    sigset_t all, old;
    int r = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (unsigned i = 1; !r && i < v->nr_inputs; i++) {
        r = pthread_create(&v->inputs[i].thread, NULL, channel_thread, &v->inputs[i]);
        v->inputs[i].started = !r;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r ? xcsave_fail(error, r, "a thread for each of %u channels", v->nr_inputs) : 0;
}

static int read_image(struct v1_reader *v)
{
    struct xcsave_error error = { 0 };
    int rc = start_threads(v, &error) || read_channel(&v->inputs[0], &error) ? -1 : 0;

    if (rc)
        record_failure(&v->inputs[0], &error);
    for (unsigned i = 1; i < v->nr_inputs; i++)
        if (v->inputs[i].started)
            pthread_join(v->inputs[i].thread, NULL);
    show_progress(v);
    if (!v->failure.text[0])
        return 0;
    *v->r->error = v->failure;
    return -1;
}

static void init_locks(struct v1_reader *v)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_rwlock_init(&v->layout, NULL);
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->passed, &attr);
    pthread_condattr_destroy(&attr);
}

static void dispose(struct v1_reader *v)
{
    for (unsigned i = 0; i < v->nr_inputs; i++) {
        v1_decoder_free(v->inputs[i].decoder);
        imageio_detach(&v->inputs[i].own_io);
    }
    v->r->io.group = NULL;
    image1_hasher_free(v->hasher);
    content_map_free(v->shared.content);
    pthread_rwlock_destroy(&v->layout);
    pthread_mutex_destroy(&v->lock);
    pthread_cond_destroy(&v->passed);
    free(v->inputs);
}

int restore_v1(struct restore *r)
{
    struct v1_reader v = { .r = r };
    int rc;

    init_locks(&v);
    atomic_store(&v.group.passed_us, monotonic_us());
    rc = read_header(&v, r->error);
    v.shared = (struct v1_reading){
        .guest = r->guest, .memory = &r->memory, .content = content_map_new(), .features = v.header.features,
        .judge = r->judge,
    };
    v.shared.hasher = v.hasher = image1_hasher_new(NULL);
    if (!rc && (!v.shared.content || !v.hasher))
        rc = xcsave_fail(r->error, ENOMEM, "what is known of pages");
    if (!rc)
        rc = open_inputs(&v, r->error) || read_image(&v) ? -1 : 0;
    dispose(&v);
    return rc;
}
