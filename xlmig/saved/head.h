/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the head of a saved VM says: which VM it is. */
#ifndef XLMIG_SAVED_HEAD_H
#define XLMIG_SAVED_HEAD_H

#include "xlmig/base/failure.h"
#include "xlmig/vm/candidate.h"

#include <stdbool.h>

/* A saved VM that is open: what was read of it, and the descriptor that the rest comes from. */
struct saved_vm {
    int fd;                  /* -1: not open */
    uint8_t *first;
    size_t first_len;
    char release[32];        /* of Xen, that it was saved on: "Xen 4.17"; "": it does not say */
    bool paused;             /* it was, and is to be so again */
};

/*
 * Opens the file ("-": standard input), reads it as far as the head of the image, and judges what comes before libxl's stream.  `vm` gets name, UUID, type
 * and configuration (candidate_dispose() frees them).  Close it after a failure, too.
 */
int saved_vm_open(const char *path, struct saved_vm *saved, struct candidate *vm, struct failure *failure);
/* Idempotent. */
void saved_vm_close(struct saved_vm *saved);

#endif
