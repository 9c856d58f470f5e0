/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A file without a name to be a guest's memory: of huge pages where this process may ask for them, else of small ones. */
#ifndef XLMIG_SIMHOST_MEMORY_FILE_H
#define XLMIG_SIMHOST_MEMORY_FILE_H

#include <stddef.h>

/* A descriptor of its own; -1: errno. */
int simhost_memory_file(size_t bytes);

#endif
