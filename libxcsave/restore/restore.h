/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What the files of a restore share.  restore.c has the order of things and calls the reader of the image at
 * hand, restore-libxc.c or restore-v1.c; both hand on what they read through records.c.
 */
#ifndef LIBXCSAVE_RESTORE_RESTORE_H
#define LIBXCSAVE_RESTORE_RESTORE_H

#include "libxcsave/guest.h"
#include "libxcsave/imageio.h"
#include "libxcsave/restore/judge.h"
#include "libxcsave/restore/populate.h"

/* Records that are no pages are held in memory; the largest real ones are a few MiB. */
#define RESTORE_MAX_HELD_RECORD (UINT32_C(32) << 20)
/* What tells one image from another. */
#define RESTORE_MAGIC_LEN 8u

struct restore {
    struct xcsave_guest *guest;
    const struct xcsave_restore_options *options;
    const struct xcsave_callbacks *callbacks;
    struct xcsave_report *report;
    struct xcsave_progress *progress; /* report->end; the counts in it are the image's reader's */
    struct xcsave_error *error;

    struct imageio io;          /* the toolstack's descriptor */
    uint8_t magic[RESTORE_MAGIC_LEN]; /* read from it already */
    struct judge *judge;        /* what it refuses makes no guest */
    struct populate memory;
    bool static_data_complete;
    uint64_t start_us;
    uint64_t shown_us;
};

/* restore-libxc.c, restore-v1.c: read an image up to and with its END.  The magic is known to be this image's. */
int restore_libxc(struct restore *r);
int restore_v1(struct restore *r);

/* records.c.  Show r->progress, if it is time or `now`.  Only in the thread that called xcsave_restore(). */
void restore_show(struct restore *r, enum xcsave_phase phase, bool now);
void restore_note(struct restore *r, const char *text);

int restore_complete_static_data(struct restore *r, struct xcsave_error *error);
/* A record other than pages and END, whole.  The body is not used any more when this returns. */
int restore_take_record(struct restore *r, uint32_t type, const void *body, uint32_t length,
                        struct xcsave_error *error);

#endif
