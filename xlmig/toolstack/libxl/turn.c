/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * One VM at a time, among all that arrive at this host: a lock (flock) on a file
 * beside those of the running migrations.  It ends with its process.  Whoever
 * has the lock removes the file; a lock on a file that is gone is nobody's turn.
 */
#include "xlmig/toolstack/libxl/libxl.h"

#include "xlmig/base/runtime-dir.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void libxl_turn_init(struct libxl_turn *turn, const char *name)
{
    *turn = (struct libxl_turn){ .fd = -1 };
    snprintf(turn->name, sizeof turn->name, "%s", name);
}

static int path_of(const char *name, char path[PATH_MAX + 32])
{
    struct failure ignored = { 0 };
    char dir[PATH_MAX];

    if (runtime_dir(dir, sizeof dir, &ignored) < 0)
        return -1;
    snprintf(path, PATH_MAX + 32, "%s/%s.turn", dir, name);
    return 0;
}

static int open_file(const char *name)
{
    char path[PATH_MAX + 32];

    return path_of(name, path) < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Is it locked now, and the file that others find? */
static bool lock(struct libxl_turn *turn)
{
    struct stat st;

    if (flock(turn->fd, LOCK_EX | LOCK_NB) < 0)
        return false;
    if (fstat(turn->fd, &st) == 0 && st.st_nlink > 0)
        return turn->locked = true;
    close(turn->fd);
    turn->fd = -1;
    return false; /* the next look opens the new one */
}

bool libxl_turn_take(struct libxl_turn *turn)
{
    if (turn->taken)
        return true;
    if (turn->fd < 0)
        turn->fd = open_file(turn->name);
    turn->taken = turn->fd < 0 || turn->waited_ms >= TURN_WAIT_MS || lock(turn);
    turn->waited_ms += TURN_LOOK_MS;
    return turn->taken;
}

void libxl_turn_give(struct libxl_turn *turn)
{
    char path[PATH_MAX + 32];

    if (turn->locked && path_of(turn->name, path) == 0)
        unlink(path);
    if (turn->fd >= 0)
        close(turn->fd);
    turn->fd = -1;
    turn->taken = turn->locked = false;
    turn->waited_ms = 0;
}
