/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A file that appears under its name only when it is complete and on disk. */
#ifndef XLMIG_BASE_WHOLE_FILE_H
#define XLMIG_BASE_WHOLE_FILE_H

#include "xlmig/base/failure.h"

#include <stdbool.h>
#include <stdint.h>

struct whole_file {
    int fd;             /* -1: not open */
    const char *path;
    char *part;         /* PATH.part */
    bool overwrite;
};

/* Refuses when PATH exists and `overwrite` is not set, or when `need_bytes` are not free there. */
int whole_file_open(struct whole_file *file, const char *path, bool overwrite, uint64_t need_bytes,
                   struct failure *failure);
/* To disk, and to its name. */
int whole_file_commit(struct whole_file *file, struct failure *failure);
/* Closes; what was not committed is removed.  Idempotent. */
void whole_file_close(struct whole_file *file);

#endif
