/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that appears under its name only when it is complete and on disk. */
#ifndef XLMIG_SAVE_FILE_H
#define XLMIG_SAVE_FILE_H

#include "xlmig/base/failure.h"

#include <stdbool.h>
#include <stdint.h>

struct save_file {
    int fd;             /* -1: not open */
    const char *path;
    char *part;         /* PATH.part */
    bool overwrite;
};

/* Refuses when PATH exists and `overwrite` is not set, or when `need_bytes` are not free there. */
int save_file_open(struct save_file *file, const char *path, bool overwrite, uint64_t need_bytes,
                   struct failure *failure);
/* To disk, and to its name. */
int save_file_commit(struct save_file *file, struct failure *failure);
/* Closes; what was not committed is removed.  Idempotent. */
void save_file_close(struct save_file *file);

#endif
