/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "libxcsave/clock.h"
#include "libxcsave/guest.h"
#include "libxcsave/imageio.h"
#include "stream-format/libxc-image.h"

/* How long a cancel may go unnoticed. */
#define POLL_SLICE_MS 100
#define PIPE_BYTES (1 << 20)

int imageio_attach(struct imageio *io, int fd, unsigned timeout_s, const volatile sig_atomic_t *cancel,
                   struct xcsave_error *error)
{
    int flags = fcntl(fd, F_GETFL);

    *io = (struct imageio){
        .fd = fd,
        .saved_flags = -1,
        .timeout_s = timeout_s ? timeout_s : XCSAVE_DEFAULT_IO_TIMEOUT_S,
        .cancel = cancel,
    };
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return xcsave_fail(error, errno, "image descriptor %d", fd);
    io->saved_flags = flags;
    /* A pipe holds 64 KiB unless asked for more; each refill is a switch to the process behind it. */
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
    return 0;
}

void imageio_detach(struct imageio *io)
{
    if (io->saved_flags >= 0)
        (void)fcntl(io->fd, F_SETFL, io->saved_flags);
    io->saved_flags = -1;
}

int imageio_check_cancel(const struct imageio *io, struct xcsave_error *error)
{
    if (xcsave_is_cancelled(io->cancel))
        return xcsave_fail(error, ECANCELED, "cancelled by request");
    if (io->group && atomic_load_explicit(&io->group->stop, memory_order_relaxed))
        return xcsave_fail(error, ECANCELED, "stopped because another part failed");
    return 0;
}

static uint64_t patience_us(const struct imageio *io)
{
    return (uint64_t)io->timeout_s * 1000000;
}

static bool group_is_alive(const struct imageio *io)
{
    return io->group &&
           monotonic_us() < atomic_load_explicit(&io->group->passed_us, memory_order_relaxed) + patience_us(io);
}

/* Wait until the descriptor is ready; `deadline_us` moves with every byte that passes. */
static int wait_ready(struct imageio *io, short events, uint64_t deadline_us, struct xcsave_error *error)
{
    struct pollfd pfd = { .fd = io->fd, .events = events };

    for (;;) {
        if (imageio_check_cancel(io, error))
            return -1;
        if (poll(&pfd, 1, POLL_SLICE_MS) > 0)
            return 0;
        if (monotonic_us() > deadline_us && !group_is_alive(io))
            return xcsave_fail(error, ETIMEDOUT, "the peer %s nothing for %u s, at offset %llu of the image",
                               events == POLLIN ? "sent" : "took", io->timeout_s, (unsigned long long)io->bytes);
    }
}

/* Drop `len` bytes from the front of the array; returns the first element not used up. */
static struct iovec *consume(struct iovec *iov, struct iovec *end, size_t len)
{
    while (iov < end && len >= iov->iov_len)
        len -= (iov++)->iov_len;
    if (len) {
        iov->iov_base = (char *)iov->iov_base + len;
        iov->iov_len -= len;
    }
    return iov;
}

/* Writing again so soon is against the limit.  Nothing is wrong with the peer meanwhile: its time is not counted. */
static int wait_for_limit(struct imageio *io, uint64_t *deadline_us, struct xcsave_error *error)
{
    uint64_t wait_us;

    while ((wait_us = ratelimit_wait_us(io->limit, monotonic_us()))) {
        struct timespec t = { .tv_nsec = (long)wait_us * 1000 };

        if (imageio_check_cancel(io, error))
            return -1;
        nanosleep(&t, NULL);
        *deadline_us += wait_us;
    }
    return 0;
}

/* One system call's worth of the array: the whole of it, unless a limit asks for small writes. */
static ssize_t write_some(struct imageio *io, const struct iovec *iov, int n)
{
    struct iovec piece = *iov;
    ssize_t r;

    if (!io->limit)
        return writev(io->fd, iov, n);
    if (ratelimit_holds(io->limit)) {
        if (piece.iov_len > RATELIMIT_WRITE_BYTES)
            piece.iov_len = RATELIMIT_WRITE_BYTES;
        iov = &piece;
        n = 1;
    }
    r = writev(io->fd, iov, n);
    if (r > 0)
        ratelimit_spend(io->limit, (uint64_t)r, monotonic_us());
    return r;
}

static int transfer(struct imageio *io, struct iovec *iov, unsigned n, bool writing, struct xcsave_error *error)
{
    struct iovec *end = iov + n;
    uint64_t deadline_us = monotonic_us() + patience_us(io);

    for (iov = consume(iov, end, 0); iov < end;) {
        int count = end - iov > IOV_MAX ? IOV_MAX : (int)(end - iov);

        if (writing && io->limit && wait_for_limit(io, &deadline_us, error))
            return -1;
        ssize_t r = writing ? write_some(io, iov, count) : readv(io->fd, iov, count);

        if (r > 0) {
            io->bytes += (uint64_t)r;
            iov = consume(iov, end, (size_t)r);
            deadline_us = monotonic_us() + patience_us(io);
            if (io->group)
                atomic_store_explicit(&io->group->passed_us, monotonic_us(), memory_order_relaxed);
        } else if (r == 0 && !writing) {
            return xcsave_fail(error, 0, "the stream ends early, at offset %llu of the image",
                               (unsigned long long)io->bytes);
        } else if (r < 0 && errno != EAGAIN && errno != EINTR) {
            return xcsave_fail(error, errno, "%s the image at offset %llu", writing ? "writing" : "reading",
                               (unsigned long long)io->bytes);
        } else if (wait_ready(io, writing ? POLLOUT : POLLIN, deadline_us, error)) {
            return -1;
        }
    }
    return imageio_check_cancel(io, error);
}

int imageio_writev(struct imageio *io, struct iovec *iov, unsigned n, struct xcsave_error *error)
{
    return transfer(io, iov, n, true, error);
}

int imageio_readv(struct imageio *io, struct iovec *iov, unsigned n, struct xcsave_error *error)
{
    return transfer(io, iov, n, false, error);
}

int imageio_read(struct imageio *io, void *buf, size_t len_bytes, struct xcsave_error *error)
{
    struct iovec iov = { .iov_base = buf, .iov_len = len_bytes };

    return imageio_readv(io, &iov, 1, error);
}

int imageio_write_record(struct imageio *io, uint32_t type, const void *body, size_t len_bytes,
                         struct xcsave_error *error)
{
    static const uint8_t zeros[STREAM_RECORD_ALIGN];
    uint8_t header[sizeof(struct stream_record_header)];

    if (len_bytes > STREAM_RECORD_LENGTH_MAX)
        return xcsave_fail(error, EMSGSIZE, "record type %#x of %zu bytes", type, len_bytes);

    stream_encode_record_header(header, type, (uint32_t)len_bytes);
    struct iovec iov[] = {
        { header, sizeof(header) },
        { (void *)body, len_bytes },
        { (void *)zeros, stream_record_padded((uint32_t)len_bytes) - len_bytes },
    };
    return imageio_writev(io, iov, 3, error);
}
