/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Two locks on the terminal's own file: the first process holds one as the
 * painter, whoever comes later holds the other, and the painter looks at that
 * before it paints.  Both end with their processes; nobody waits for either.
 */
#include "config.h"
#include "xlmig/watch/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAINTER, OTHERS }; /* octets of the file that stand for them */

static int terminal_fd = -1;

static bool can_paint(void)
{
    const char *term = getenv("TERM");

    return term && *term && strcmp(term, "dumb") != 0;
}

/* The lock of one octet, of this descriptor's. */
static int lock(int command, short type, off_t octet, struct flock *seen)
{
    *seen = (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = octet, .l_len = 1 };
    return fcntl(terminal_fd, command, seen);
}

bool terminal_take(void)
{
    struct flock seen;
    char path[64];

    if (!isatty(STDERR_FILENO) || ttyname_r(STDERR_FILENO, path, sizeof path) != 0)
        return false;
    terminal_fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal_fd < 0)
        return can_paint(); /* somebody else's terminal, by su: nobody can be asked */
    if (lock(F_OFD_SETLK, F_WRLCK, PAINTER, &seen) == 0)
        return can_paint();
    lock(F_OFD_SETLK, F_RDLCK, OTHERS, &seen);
    return false;
}

bool terminal_is_shared(void)
{
    struct flock seen;

    return terminal_fd >= 0 &&
           ((lock(F_OFD_GETLK, F_WRLCK, OTHERS, &seen) == 0 && seen.l_type != F_UNLCK) ||
            (lock(F_OFD_GETLK, F_WRLCK, PAINTER, &seen) == 0 && seen.l_type != F_UNLCK));
}
