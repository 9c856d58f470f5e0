/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef XLMIG_WRITE_BOUNDED_H
#define XLMIG_WRITE_BOUNDED_H

#include <stddef.h>

/* All bytes to a descriptor, blocking or not, or -1 (errno), in bounded time; *written tells how many went out. */
int write_bounded(int fd, const void *bytes, size_t len, unsigned timeout_s, size_t *written);

#endif
