/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/output.h"

#include "xlmig/base/exit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int output_end(const char *who, int rc, int unsaid)
{
    const char *why = fflush(stdout) ? strerror(errno) : ferror(stdout) ? "standard output failed" : NULL;

    if (!why)
        return rc;
    fprintf(stderr, "%s: cannot write: %s\n", who, why);
    clearerr(stdout);
    return rc == EXIT_OK ? unsaid : rc;
}

/* The wrong way round, so that their use fails as if they were closed. */
void output_reserve(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return;
}
