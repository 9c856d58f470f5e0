/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * In which states a disk may be found that lost power, by no more than POSIX
 * promises:
 *
 *   - what was done to a directory and not synced since (a name made, renamed,
 *     gone) is there or not, each for itself, in any combination;
 *   - what was written to a file and not synced since is there up to any octet,
 *     and behind that, up to the length it was to have, are zeros or rubbish, or
 *     nothing.
 */
#ifndef TESTS_XLMIG_HANDOVER_DISK_MODEL_H
#define TESTS_XLMIG_HANDOVER_DISK_MODEL_H

#include "tests/xlmig/handover/disk-shim.h"

/* Is this sync to be taken as one that the program did not do? */
typedef bool disk_forgets(const struct disk_op *op);
/* The directory `root` holds one state. */
typedef void disk_look(void *user, const char *root);

/*
 * Make each state that may be found after the first nr_ops of the log in the
 * directory `root`, and have it looked at.  Files are torn at each `every`th octet.
 * Returns how many states these were.  `forgets` may be NULL.
 */
unsigned disk_after_power_loss(const struct disk_log *log, size_t nr_ops, disk_forgets *forgets, size_t every,
                               const char *root, disk_look *look, void *user);

/* Does the log tell all of what was done to the directory `root`, which was recorded? */
bool disk_model_matches(const struct disk_log *log, const char *root);

/* Remove all below `root`, and it, too. */
void disk_remove(const char *root);

#endif
