/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Octets to a descriptor, all of them. */
#ifndef XLMIG_BASE_WRITE_H
#define XLMIG_BASE_WRITE_H

#include <stddef.h>

/* To a file; it waits as long as the disk takes.  -1 (errno; a write that takes nothing is ENOSPC). */
int write_all(int fd, const void *bytes, size_t len);

/* To a descriptor, blocking or not, in bounded time.  -1 (errno).  *written tells how many went out. */
int write_bounded(int fd, const void *bytes, size_t len, unsigned timeout_s, size_t *written);

#endif
