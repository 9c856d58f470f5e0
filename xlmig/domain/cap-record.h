/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What a VM's scheduler cap was before xlmig changed it, kept where the next
 * xlmig finds it: a file cap-XXXXXX in the runtime directory, there from before
 * the first change until the cap was given back.
 *
 * Its owner holds a lock (flock) on the file for as long as it lives.  A file
 * without that lock is of a process that is no more, and whoever meets it gives
 * the cap back and removes it: cap_record_recover().
 */
#ifndef XLMIG_DOMAIN_CAP_RECORD_H
#define XLMIG_DOMAIN_CAP_RECORD_H

#include "xlmig/toolstack/toolstack.h"

#include <limits.h>

struct cap_record {
    char path[PATH_MAX];    /* "": none */
    int fd;                 /* locked; -1: none */
};

/* On disk, as far as a runtime directory is one, when it returns.  `toolstack` is its name as on the command line. */
int cap_record_make(struct cap_record *record, const char *toolstack, const struct vm *vm,
                    struct toolstack_sched sched, struct failure *failure);
/* The cap was given back.  Idempotent; one that was never made is fine. */
void cap_record_remove(struct cap_record *record);

/*
 * Give back every cap of this toolstack's VMs that an xlmig which is no more
 * left changed.  `told` gets a line about each, good or bad.  A failure leaves
 * the file for the next.
 */
void cap_record_recover(struct toolstack *ts, const char *toolstack, void (*told)(void *user, const char *text),
                        void *user);
/* The same for one file, whose owner may be about to end: wait for that, for so long.  0: given back, or gone. */
int cap_record_recover_one(struct toolstack *ts, const char *toolstack, const char *path, unsigned wait_ms,
                           struct failure *failure);

#endif
