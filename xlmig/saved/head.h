/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the head of a saved VM says: which VM it is. */
#ifndef XLMIG_SAVED_HEAD_H
#define XLMIG_SAVED_HEAD_H

#include "xlmig/base/failure.h"
#include "xlmig/vm/candidate.h"

/*
 * Reads the file as far as libxl's stream and judges it.  `vm` gets name, UUID,
 * type and configuration (candidate_dispose() frees them).
 */
int saved_vm_read(const char *path, struct candidate *vm, struct failure *failure);

#endif
