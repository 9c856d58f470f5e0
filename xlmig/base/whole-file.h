/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The one way in which a verb writes a file that somebody named.
 *
 * A regular file appears under its name only when it is complete and on disk.
 * Until then it is FILE.xlmig-part, which no early end leaves behind but a
 * crash's; and the next attempt knows that one by its lock, which nobody holds
 * any more.
 *
 * What is no regular file is written into as it is: "-" (standard output), a
 * pipe, a terminal, a device.  It is never replaced, and never removed.
 *
 * A symbolic link is followed to what is no regular file (/dev/stdout,
 * /dev/disk/by-id/...) and refused otherwise: to replace the link is not what
 * was asked for, and to follow it would let whoever can make a link in a folder
 * that is everybody's choose which file root writes.
 */
#ifndef XLMIG_BASE_WHOLE_FILE_H
#define XLMIG_BASE_WHOLE_FILE_H

#include "xlmig/base/failure.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct whole_file_request {
    const char *path;     /* "-": standard output */
    bool overwrite;       /* a file that exists, or what a disk holds */
    const char *how;      /* the option that says so, for the message: "--force" */
    uint64_t need_bytes;  /* that must be free there; 0: not known */
    mode_t mode;          /* of a new file; 0: 0600, for it is a VM's memory */
    bool text;            /* fit for a terminal */
};

/* All zero but fd = -1: not open. */
struct whole_file {
    int fd;               /* readable, too, where `readable` */
    const char *path;
    char *part;           /* what it is until it is committed; NULL: written into what is there */
    int folder_fd;        /* of a part; 0: none */
    mode_t kind;          /* S_IFREG, S_IFBLK, ... */
    bool overwrite, readable;
    bool remains;         /* the commit failed, and there is a file nevertheless */
};

/*
 * Nothing that can be known beforehand is left for the end: the name is free, the folder takes a new file and can
 * be synced, the octets have room.  It waits up to half a minute for a FIFO's reader.  -1: see failure.
 */
int whole_file_open(struct whole_file *file, const struct whole_file_request *request, struct failure *failure);
/* To disk, and to its name; into a pipe: until all is read, or for half a minute.  -1: see failure; then close. */
int whole_file_commit(struct whole_file *file, struct failure *failure);
/* Closes; what was not committed is removed.  Idempotent. */
void whole_file_close(struct whole_file *file);

/* For messages: its path, or "standard output". */
const char *whole_file_name(const struct whole_file *file);
/* What an attempt that failed left, after close: "no file was left". */
const char *whole_file_remains(const struct whole_file *file);

/*
 * For a verb without a loop: SIGINT, SIGTERM and SIGHUP (unless ignored) remove the part and end the process with
 * EXIT_CANCELLED.  Until whole_file_close(); one file at a time.  A child of the process ends without removing it.
 */
void whole_file_guard(struct whole_file *file, const char *who);

#endif
