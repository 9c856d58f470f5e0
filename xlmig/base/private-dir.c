/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/base/private-dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TRY_EVERY_MS 10

int private_dir_open(const char *path, struct failure *failure)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return -1;
    if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
        return failure_set(failure, "%s: %s", path, strerror(errno));
    /* Somebody may have been there first, in /tmp. */
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
        if (fd >= 0)
            close(fd);
        errno = EACCES;
        return failure_set(failure, "%s is no directory of this user's alone (mode 0700)", path);
    }
    return fd;
}

int private_dir_make(const char *path, struct failure *failure)
{
    int fd;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return failure_set(failure, "cannot make %s: %s", path, strerror(errno));
    fd = private_dir_open(path, failure);
    return fd >= 0 ? fd : failure_set(failure, "%s: %s", path, strerror(errno));
}

/* 0, or why what is open there is not believed. */
static const char *distrust(const struct stat *st, size_t size)
{
    if (!S_ISREG(st->st_mode))
        return "it is no regular file";
    if (st->st_uid != geteuid() || (st->st_mode & 077) != 0)
        return "others than this user could have written it (it should be the user's own, mode 0600)";
    if (st->st_nlink != 1)
        return "it has other names, too";
    return (uint64_t)st->st_size > size ? "it is too long" : NULL;
}

static int read_all(int fd, char *bytes, size_t size, size_t *len)
{
    ssize_t n;

    for (*len = 0; *len < size; *len += (size_t)n) {
        n = read(fd, bytes + *len, size - *len);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n <= 0)
            return (int)n;
    }
    return 0;
}

int private_file_read(int dir_fd, const char *name, void *bytes, size_t size, size_t *len, struct failure *failure)
{
    /* Not blocking: where a pipe was put in its place, too. */
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    const char *why = NULL;
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return -1;
    if (fd < 0)
        return failure_set(failure, "%s", errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    if (fstat(fd, &st) < 0)
        why = strerror(errno);
    else
        why = distrust(&st, size);
    if (!why && read_all(fd, bytes, size, len) < 0)
        why = strerror(errno);
    close(fd);
    errno = EACCES;
    return why ? failure_set(failure, "%s", why) : 0;
}

bool lock_within(int fd, unsigned wait_ms)
{
    const struct timespec pause = { .tv_nsec = TRY_EVERY_MS * 1000000 };

    for (unsigned waited = 0;; waited += TRY_EVERY_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (waited >= wait_ms)
            return false;
        nanosleep(&pause, NULL);
    }
}
