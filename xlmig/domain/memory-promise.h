/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Memory of this host that is promised to a VM on its way here, and not all taken yet.
 *
 * A promise is a file memory-XXXXXX in the runtime directory, of which its owner holds the lock (flock) for as long
 * as the promise counts.  So it ends with its process, whatever ended that; whoever meets a file without the lock
 * removes it.  What the VM holds already is taken off the promise, since the host's free memory shrank by as much.
 *
 * Whoever looks or promises holds the lock of the directory itself meanwhile: of two VMs for which there is room
 * once, one is promised it.  Nothing else may lock that directory.
 *
 * What does not look here (xl, other tools) may take memory that is promised.
 */
#ifndef XLMIG_DOMAIN_MEMORY_PROMISE_H
#define XLMIG_DOMAIN_MEMORY_PROMISE_H

#include "xlmig/toolstack/toolstack.h"

#include <limits.h>

struct memory_promise {
    char path[PATH_MAX];     /* "": none */
    int fd;                  /* locked, where there is one */
};

struct memory_room {
    uint64_t free_bytes;     /* the host's */
    uint64_t promised_bytes; /* of these, to VMs that have not taken them yet; may be more than are free */
    unsigned nr_promises;
};

/* What there is.  `toolstack` is its name as on the command line: promises of others do not count.  -1: see failure. */
int memory_room_look(struct toolstack *ts, const char *toolstack, struct memory_room *room, struct failure *failure);

/* Does so much fit beside what is promised? */
bool memory_room_has(const struct memory_room *room, uint64_t bytes);

/*
 * Promise so much to that VM, if memory_room_has() it; *room is what there was before.  0: see promise->path, "" where
 * there is no room; -1: see failure.
 */
int memory_promise_make(struct memory_promise *promise, struct toolstack *ts, const char *toolstack,
                        const uint8_t uuid[16], uint64_t bytes, struct memory_room *room, struct failure *failure);
/* It is kept, or not needed any more.  Idempotent; one that is all zeroes is fine. */
void memory_promise_end(struct memory_promise *promise);

#endif
