/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/write.h"

#include "xlmig/base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

int write_bounded(int fd, const void *bytes, size_t len, unsigned timeout_s, size_t *written)
{
    uint64_t deadline = now_us() + (uint64_t)timeout_s * 1000000;
    int flags = fcntl(fd, F_GETFL);

    *written = 0;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    while (*written < len) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        ssize_t r = write(fd, (const char *)bytes + *written, len - *written);

        if (r >= 0) {
            *written += (size_t)r;
            continue;
        }
        if (errno != EAGAIN && errno != EINTR)
            return -1;
        if (now_us() >= deadline) {
            errno = ETIMEDOUT;
            return -1;
        }
        poll(&p, 1, 100);
    }
    return fcntl(fd, F_SETFL, flags) < 0 ? -1 : 0;
}

int write_all(int fd, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, (const char *)bytes + done, len - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            errno = n == 0 ? ENOSPC : errno;
            return -1;
        }
    }
    return 0;
}
