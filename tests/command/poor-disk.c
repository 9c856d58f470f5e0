/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Preloaded: a file system that lacks what $POOR_DISK names, of
 *
 *   noreplace   renameat2() with flags fails with EINVAL, as on NFS and FUSE
 *   link        link() fails with EPERM, as on FAT
 *   folder      fsync() of a folder fails with EIO
 *   late        the same, once something was given its name
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool named_something;

static bool lacks(const char *what)
{
    const char *list = getenv("POOR_DISK");

    return list && strstr(list, what);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (flags && lacks("noreplace")) {
        errno = EINVAL;
        return -1;
    }
    named_something = true;
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
    if (lacks("link")) {
        errno = EPERM;
        return -1;
    }
    named_something = true;
    return (int)syscall(SYS_link, from, to);
}

int fsync(int fd)
{
    struct stat st;

    if ((lacks("folder") || (named_something && lacks("late"))) && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}
