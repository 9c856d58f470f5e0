/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* From a PAGE_DATA record to guest memory: validate, populate, map, read in place, localise. */
#ifndef LIBXCSAVE_RESTORE_PAGE_RECEIVER_H
#define LIBXCSAVE_RESTORE_PAGE_RECEIVER_H

#include "libxcsave/guest.h"
#include "libxcsave/imageio.h"
#include "libxcsave/restore/judge.h"
#include "libxcsave/restore/populate.h"

struct pagerecv {
    struct xcsave_guest *guest;
    struct populate *memory;
    struct imageio *io;
    struct judge *judge;
    struct pagerecv_buffers *buffers; /* allocated once */
    bool verify;                /* compare pages with what is there instead of storing them */
    uint64_t received;          /* pages with content */
    uint64_t skipped;           /* pfns without */
    uint64_t mismatches;        /* pages that verification found different */
};

int pagerecv_init(struct pagerecv *p, struct populate *memory, struct imageio *io, struct judge *judge,
                  struct xcsave_error *error);
/* Idempotent. */
void pagerecv_dispose(struct pagerecv *p);

/* Take the body of a PAGE_DATA record, `length` bytes with nothing of them read yet.  Padding is the caller's. */
int pagerecv_record(struct pagerecv *p, uint32_t length, struct xcsave_error *error);

#endif
