/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The writing end of one channel of an xlmig image. */
#ifndef LIBXCSAVE_SAVE_V1_CHANNEL_H
#define LIBXCSAVE_SAVE_V1_CHANNEL_H

#include <pthread.h>

#include "libxcsave/imageio.h"
#include "stream-format/image1/image1.h"

struct v1_channel {
    unsigned number;
    unsigned nr_channels;       /* of the image: where there are several, errors say which it was */
    pthread_mutex_t lock;       /* of all below, for the length of a record; nothing else is taken while it is held */
    struct imageio io;
    uint32_t seq;
    uint64_t round_pages;       /* of the round at hand */
    _Atomic uint64_t bytes;     /* as io.bytes, for those who only look */
    uint8_t head[IMAGE1_MEMORY_PREFIX_MAX];
};

/* Octets as they are: a header. */
int v1_channel_write(struct v1_channel *c, const void *octets, size_t len, struct xcsave_error *error);
/* Any record but MEMORY, whose body may be in two parts. */
int v1_channel_record(struct v1_channel *c, uint32_t type, const void *head, size_t head_len, const void *body,
                      size_t body_len, struct xcsave_error *error);
/* MEMORY of nr_pages pages. */
int v1_channel_memory(struct v1_channel *c, const struct image1_memory *memory, const struct image1_run *runs,
                      uint64_t nr_pages, const uint8_t *payload, struct xcsave_error *error);
/* The end of a round. */
int v1_channel_round(struct v1_channel *c, uint32_t round, uint32_t flags, struct xcsave_error *error);

#endif
