/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What outlives a host's crash: where it is kept, and how to tell that there was one. */
#ifndef XLMIG_BASE_STATE_DIR_H
#define XLMIG_BASE_STATE_DIR_H

#include "xlmig/base/failure.h"

#include <stddef.h>

/*
 * The directory in which `toolstack` ("libxl" or "sim:DIR") keeps what must be
 * there after a crash: XLMIG_STATE_DIR, or DIR/state, or /var/lib/xlmig.
 * Nothing is made.  -1: see failure.
 */
int state_dir(const char *toolstack, char *path, size_t size, struct failure *failure);

/*
 * A text that is another one after each start of this host (of the simulated
 * one, for "sim:DIR").  "": not known.
 */
#define HOST_BOOT_SIZE 64u
void host_boot(const char *toolstack, char boot[HOST_BOOT_SIZE]);

#endif
