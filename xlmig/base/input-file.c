/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/input-file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAY_AFTER_MS 1000

bool names_stdio(const char *path, int fd)
{
    struct stat link, named, open;

    if (strcmp(path, "-") == 0)
        return true;
    return lstat(path, &link) == 0 && S_ISLNK(link.st_mode) && stat(path, &named) == 0 && fstat(fd, &open) == 0 &&
           named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

const char *input_name(const char *path)
{
    return strcmp(path, "-") ? path : "standard input";
}

/* Until there is something to read, or nothing will come. */
static void await(int fd, const char *path, const char *who)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    if (poll(&p, 1, SAY_AFTER_MS) != 0)
        return;
    fprintf(stderr, "%s: waiting for what writes %s\n", who, input_name(path));
    while (poll(&p, 1, -1) < 0 && errno == EINTR)
        ;
}

int input_open(const char *path, const char *who, struct failure *failure)
{
    bool is_stdin = names_stdio(path, STDIN_FILENO);
    /* Not blocking: a FIFO opens at once, with a writer or without. */
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        failure_set(failure, "cannot open %s: %s", input_name(path), strerror(errno));
        input_close(fd);
        return -1;
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        await(fd, path, who);
    if (!is_stdin)
        fcntl(fd, F_SETFL, O_RDONLY);
    return fd;
}

void input_close(int fd)
{
    if (fd > STDERR_FILENO)
        close(fd);
}
