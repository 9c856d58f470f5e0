/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Where the guest of a move or a save stands: how far its vCPUs had run when its state was read,
 * whether we hold it by a pause, and which pauses of its administrator's were taken from it so that
 * it can answer a request to suspend (wake.h).  For who comes after a command that was killed before
 * its journal could say so.
 *
 * A file in the runtime directory.  It costs no sync, as it need not outlive the host's boot:
 * the domain does not, either.
 */
#ifndef XLMIG_DOMAIN_STANDING_H
#define XLMIG_DOMAIN_STANDING_H

#include "xlmig/base/failure.h"
#include "xlmig/handover/journal-record.h"
#include "xlmig/toolstack/toolstack.h"

struct standing {
    struct journal_domain domain;
    unsigned woken; /* so many pauses were taken from it, and not given back yet; the last one perhaps not */
};

/*
 * How far the vCPUs of a guest that has just been suspended had run.  They may be on their way out
 * still, so it is asked until two answers agree, for some milliseconds at most.  1: it is not
 * suspended, or is gone; -1: see failure.
 */
int standing_measure(struct toolstack *ts, uint32_t domid, uint64_t *stood_ns, struct failure *failure);

/* The token of a move; of a save, which has none, the VM's UUID.  Whole or not at all, in the place of what was there.  -1: see failure. */
int standing_write(const uint8_t token[MIGRATION_TOKEN_BYTES], const struct standing *standing,
                   struct failure *failure);
/* 1: there is none that makes sense; *standing is untouched. */
int standing_read(const uint8_t token[MIGRATION_TOKEN_BYTES], struct standing *standing);
/* Nobody needs it any more; nothing where there is none. */
void standing_remove(const uint8_t token[MIGRATION_TOKEN_BYTES]);

#endif
