/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Bytes of an image over a descriptor, with every wait bounded.
 *
 * The descriptor belongs to the toolstack, which hands it over for the length
 * of an image and goes on with it afterwards.  So nothing is read ahead, and
 * O_NONBLOCK, which is set meanwhile so that neither a stalled peer nor a
 * cancel can leave the engine in a system call, is put back at the end.
 */
#ifndef LIBXCSAVE_IMAGEIO_H
#define LIBXCSAVE_IMAGEIO_H

#include <stdatomic.h>
#include <sys/uio.h>

#include "libxcsave/ratelimit.h"
#include "libxcsave/xcsave.h"

/* Descriptors that carry one image together, each in a thread of its own. */
struct imageio_group {
    atomic_bool stop;           /* one of them failed: the others are to fail, too */
    _Atomic uint64_t passed_us; /* when a byte passed on any of them: a quiet one is not a dead one */
};

struct imageio {
    int fd;
    int saved_flags;            /* F_GETFL before; -1: not attached */
    unsigned timeout_s;         /* without a single byte */
    const volatile sig_atomic_t *cancel;
    struct imageio_group *group; /* NULL: it is alone */
    uint64_t bytes;             /* passed so far: the offset within the image */
    struct ratelimit *limit;    /* of what is written; NULL: none */
};

int imageio_attach(struct imageio *io, int fd, unsigned timeout_s, const volatile sig_atomic_t *cancel,
                   struct xcsave_error *error);
/* Idempotent. */
void imageio_detach(struct imageio *io);

/* Fails with ECANCELED once the caller asked to cancel, or another of the group failed. */
int imageio_check_cancel(const struct imageio *io, struct xcsave_error *error);

/* Write all of iov[0..n); the array is used up.  n is unbounded. */
int imageio_writev(struct imageio *io, struct iovec *iov, unsigned n, struct xcsave_error *error);

/* Fill all of iov[0..n); the array is used up. */
int imageio_readv(struct imageio *io, struct iovec *iov, unsigned n, struct xcsave_error *error);
int imageio_read(struct imageio *io, void *buf, size_t len_bytes, struct xcsave_error *error);

/* One record of an image: header, body, padding. */
int imageio_write_record(struct imageio *io, uint32_t type, const void *body, size_t len_bytes,
                         struct xcsave_error *error);

#endif
