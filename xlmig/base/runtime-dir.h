/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The directory of this user's sockets, which nobody else can look into. */
#ifndef XLMIG_BASE_RUNTIME_DIR_H
#define XLMIG_BASE_RUNTIME_DIR_H

#include "xlmig/base/failure.h"

#include <stddef.h>

/*
 * Makes it if it is not there: XLMIG_RUNTIME_DIR, or /run/xlmig for root, or
 * xlmig below XDG_RUNTIME_DIR, or /tmp/xlmig-UID.  Refuses one that belongs to
 * somebody else or that others may enter.
 */
int runtime_dir(char *path, size_t size, struct failure *failure);

#endif
