/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "libxcsave/guest.h"
#include "libxcsave/save/v1-channel.h"

/* Say which channel it was, where there are several. */
static int name_failure(const struct v1_channel *c, const struct xcsave_error *inner, struct xcsave_error *error)
{
    if (error->text[0])
        return -1;
    if (c->nr_channels > 1) /* people count from 1, as the command does */
        xcsave_fail(error, 0, "channel %u of %u: %s", c->number + 1, c->nr_channels, inner->text);
    else
        *error = *inner;
    error->errnum = inner->errnum;
    return -1;
}

static int write_pieces(struct v1_channel *c, struct iovec *iov, unsigned n, struct xcsave_error *error)
{
    struct xcsave_error inner = { 0 };
    int rc = imageio_writev(&c->io, iov, n, &inner);

    atomic_store_explicit(&c->bytes, c->io.bytes, memory_order_relaxed);
    return rc ? name_failure(c, &inner, error) : 0;
}

int v1_channel_write(struct v1_channel *c, const void *octets, size_t len, struct xcsave_error *error)
{
    struct iovec iov = { (void *)octets, len };
    int rc;

    pthread_mutex_lock(&c->lock);
    rc = write_pieces(c, &iov, 1, error);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

/* A record whose first `len` octets are in c->head.  The lock is held. */
static int finish_record(struct v1_channel *c, size_t len, const void *body, size_t body_len,
                         struct xcsave_error *error)
{
    static const uint8_t zeros[8];
    uint32_t crc = image1_crc_begin(c->head, len);
    uint32_t padding;

    if (body_len)
        crc = crc32c(crc, body, body_len);
    padding = image1_seal(c->head, crc);
    c->seq++;
    struct iovec iov[] = { { c->head, len }, { (void *)body, body_len }, { (void *)zeros, padding } };

    return write_pieces(c, iov, 3, error);
}

int v1_channel_record(struct v1_channel *c, uint32_t type, const void *head, size_t head_len, const void *body,
                      size_t body_len, struct xcsave_error *error)
{
    int rc;

    if (head_len + body_len > IMAGE1_LENGTH_MAX)
        return xcsave_fail(error, EMSGSIZE, "a record of %zu bytes", head_len + body_len);
    pthread_mutex_lock(&c->lock);
    image1_encode_record(c->head, type, (uint32_t)(head_len + body_len), c->seq);
    if (head_len)
        memcpy(c->head + IMAGE1_RECORD_HEADER_LEN, head, head_len);
    rc = finish_record(c, IMAGE1_RECORD_HEADER_LEN + head_len, body, body_len, error);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

int v1_channel_memory(struct v1_channel *c, const struct image1_memory *memory, const struct image1_run *runs,
                      uint64_t nr_pages, const uint8_t *payload, struct xcsave_error *error)
{
    size_t len;
    int rc;

    pthread_mutex_lock(&c->lock);
    len = image1_encode_memory(c->head, memory, runs, c->seq);
    c->round_pages += nr_pages;
    rc = finish_record(c, len, payload, memory->payload_len, error);
    pthread_mutex_unlock(&c->lock);
    return rc;
}

int v1_channel_round(struct v1_channel *c, uint32_t round, uint32_t flags, struct xcsave_error *error)
{
    const struct image1_round body = { .round = round, .flags = flags, .pages = c->round_pages };
    uint8_t octets[IMAGE1_ROUND_LEN];

    image1_encode_round(octets, &body);
    c->round_pages = 0;
    return v1_channel_record(c, IMAGE1_REC_ROUND, octets, sizeof(octets), NULL, 0, error);
}
