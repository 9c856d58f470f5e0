/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/base/whole-file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int check_target(const struct whole_file *file, struct failure *failure)
{
    struct stat st;

    if (lstat(file->path, &st) < 0)
        return errno == ENOENT ? 0 : failure_set(failure, "%s: %s", file->path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return failure_set(failure, "%s is no regular file", file->path);
    if (!file->overwrite)
        return failure_set(failure, "%s exists already; to overwrite it: --force", file->path);
    return 0;
}

static int check_room(const struct whole_file *file, uint64_t need_bytes, struct failure *failure)
{
    struct statvfs fs;
    uint64_t available;

    if (fstatvfs(file->fd, &fs) < 0)
        return failure_set(failure, "%s: %s", file->part, strerror(errno));
    available = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (available < need_bytes)
        return failure_set(failure, "it needs up to %llu MiB, and there are %llu MiB free for %s",
                           (unsigned long long)(need_bytes >> 20), (unsigned long long)(available >> 20), file->path);
    return 0;
}

int whole_file_open(struct whole_file *file, const char *path, bool overwrite, uint64_t need_bytes,
                   struct failure *failure)
{
    *file = (struct whole_file){ .fd = -1, .path = path, .overwrite = overwrite };
    if (check_target(file, failure) < 0)
        return -1;
    if (asprintf(&file->part, "%s.part", path) < 0) {
        file->part = NULL;
        return failure_set(failure, "out of memory");
    }
    /* Exclusively: another save to the same file may be under way.  Readable by root alone: it is a VM's memory. */
    file->fd = open(file->part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file->fd < 0 && errno == EEXIST)
        return failure_set(failure, "%s exists: another save is writing it, or one was killed; in that case remove it",
                           file->part);
    if (file->fd < 0)
        return failure_set(failure, "%s: %s", file->part, strerror(errno));
    if (check_room(file, need_bytes, failure) < 0) {
        whole_file_close(file);
        return -1;
    }
    return 0;
}

/* The name itself is on disk only when its folder is. */
static int sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int rc = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0)
        close(fd);
    free(copy);
    return rc;
}

int whole_file_commit(struct whole_file *file, struct failure *failure)
{
    int rc;

    if (fsync(file->fd) < 0)
        return failure_set(failure, "%s: %s", file->part, strerror(errno));
    if (file->overwrite)
        rc = rename(file->part, file->path);
    else
        rc = renameat2(AT_FDCWD, file->part, AT_FDCWD, file->path, RENAME_NOREPLACE);
    if (rc < 0)
        return failure_set(failure, "%s: %s", file->path, strerror(errno));
    free(file->part);
    file->part = NULL;
    if (sync_folder(file->path) < 0)
        return failure_set(failure, "the folder of %s: %s", file->path, strerror(errno));
    return 0;
}

void whole_file_close(struct whole_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
        if (file->part)
            unlink(file->part);
    }
    file->fd = -1;
    free(file->part);
    file->part = NULL;
}
