/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Between a test and the disk: every call that changes something is recorded,
 * and can be made to fail.
 *
 * The test is linked with --wrap for each of the calls in disk_shim_calls (local.mk).  A
 * change made by any other call goes past the shim; disk_model_matches() of
 * disk-model.h finds that.
 */
#ifndef TESTS_XLMIG_HANDOVER_DISK_SHIM_H
#define TESTS_XLMIG_HANDOVER_DISK_SHIM_H

#include <stdbool.h>
#include <stddef.h>

enum disk_kind {
    DISK_MKDIR,     /* dir, name, id: the directory's */
    DISK_CREATE,    /* dir, name, id: the file's */
    DISK_WRITE,     /* id, bytes, len: at its end */
    DISK_SYNC_FILE, /* id */
    DISK_SYNC_DIR,  /* id */
    DISK_RENAME,    /* dir, name, to, id: what is renamed */
    DISK_UNLINK,    /* dir, name */
    DISK_MARK,      /* by disk_mark(): id */
};

#define DISK_NAME_MAX 80
#define DISK_OPS_MAX 4096
#define DISK_ROOT 1u  /* the id of the directory below which all happens */

struct disk_op {
    enum disk_kind kind;
    unsigned dir, id;
    char name[DISK_NAME_MAX], to[DISK_NAME_MAX];
    char *bytes;
    size_t len;
};

struct disk_log {
    struct disk_op ops[DISK_OPS_MAX];
    size_t nr_ops;
};

/* Record what happens below `root`, an empty directory, from now on.  Forgets what was recorded, and faults. */
void disk_begin(const char *root);
/* Neither record nor fail any more. */
void disk_end(void);
const struct disk_log *disk_log(void);
void disk_mark(unsigned id);

/* The nth changing call from now on (1: the next) fails with `error`, and so do, with `all`, those after it.  0: none. */
void disk_fail_at(unsigned nth, int error, bool all);
/* From now on, no file can be made. */
void disk_is_full(bool full);
/* No write() takes more than that; 0: as much as it is given. */
void disk_write_at_most(size_t len);

#endif
