/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Directories and files of this user's alone: what is in them was written by
 * one of this user's processes, unless something is wrong.
 *
 * A symbolic link is never followed, neither at the directory itself nor in it.
 */
#ifndef XLMIG_BASE_PRIVATE_DIR_H
#define XLMIG_BASE_PRIVATE_DIR_H

#include "xlmig/base/failure.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A descriptor of the directory `path`, the user's own with mode 0700 or less.
 * make: make it, its parent being there, if it is not.  open: errno is ENOENT
 * where there is none, and `failure` untouched.  -1: see failure.
 */
int private_dir_make(const char *path, struct failure *failure);
int private_dir_open(const char *path, struct failure *failure);

/*
 * All of the file `name` in that directory: the user's own, regular, with mode
 * 0600 or less, one name, at most `size` bytes.  -1: see failure; errno is
 * ENOENT, and `failure` untouched, where there is none.
 */
int private_file_read(int dir_fd, const char *name, void *bytes, size_t size, size_t *len, struct failure *failure);

/* The exclusive lock (flock) of `fd`, within so long? */
bool lock_within(int fd, unsigned wait_ms);

#endif
