/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * One VM at a time, among all that arrive at this host: a lock (flock) on a file
 * beside those of the running migrations.  It ends with its process.
 */
#include "xlmig/toolstack/libxl/libxl.h"

#include "xlmig/base/runtime-dir.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

void libxl_turn_init(struct libxl_turn *turn, const char *name)
{
    *turn = (struct libxl_turn){ .fd = -1 };
    snprintf(turn->name, sizeof turn->name, "%s", name);
}

static int open_file(const char *name)
{
    struct failure ignored = { 0 };
    char dir[PATH_MAX], path[PATH_MAX + 32];

    if (runtime_dir(dir, sizeof dir, &ignored) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/%s.turn", dir, name);
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool libxl_turn_take(struct libxl_turn *turn)
{
    if (turn->taken)
        return true;
    if (turn->fd < 0)
        turn->fd = open_file(turn->name);
    turn->taken = turn->fd < 0 || turn->waited_ms >= TURN_WAIT_MS || flock(turn->fd, LOCK_EX | LOCK_NB) == 0;
    turn->waited_ms += TURN_LOOK_MS;
    return turn->taken;
}

void libxl_turn_give(struct libxl_turn *turn)
{
    if (turn->fd >= 0)
        close(turn->fd);
    turn->fd = -1;
    turn->taken = false;
    turn->waited_ms = 0;
}
