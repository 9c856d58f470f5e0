/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/base/bounded-call.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Static_assert(BOUNDED_ANSWER_MAX <= PIPE_BUF, "an answer is written at once");

/* The child: as long as it hangs, nobody may wait for a descriptor that it still has. */
static void answer_from_child(void (*work)(const void *, void *), const void *question, size_t answer_bytes, int fd)
{
    _Alignas(max_align_t) unsigned char answer[BOUNDED_ANSWER_MAX] = { 0 };

    if (fd > 0)
        close_range(0, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0u, 0);
    work(question, answer);
    _exit(write(fd, answer, answer_bytes) == (ssize_t)answer_bytes ? 0 : 1);
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -1, with errno: it did not come. */
static int await(int fd, void *answer, size_t bytes, unsigned timeout_ms)
{
    const long end = now_ms() + (long)timeout_ms;
    struct pollfd p = { .fd = fd, .events = POLLIN };
    long left;
    int r;

    do {
        left = end - now_ms();
        r = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (r < 0 && errno == EINTR);
    if (r > 0 && read(fd, answer, bytes) == (ssize_t)bytes)
        return 0;
    errno = r == 0 ? ETIMEDOUT : EIO;
    return -1;
}

int bounded_call(void (*work)(const void *question, void *answer), const void *question, void *answer,
                 size_t answer_bytes, unsigned timeout_ms)
{
    int ends[2], rc, error;
    pid_t pid;

    assert(answer_bytes <= BOUNDED_ANSWER_MAX);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    pid = fork();
    if (pid == 0)
        answer_from_child(work, question, answer_bytes, ends[1]);
    error = errno;
    close(ends[1]);
    errno = error;
    rc = pid < 0 ? -1 : await(ends[0], answer, answer_bytes, timeout_ms);
    error = errno;
    close(ends[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, rc == 0 ? 0 : WNOHANG) < 0 && errno == EINTR)
            ;
    }
    errno = error;
    return rc;
}
