/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * After a suspend that did not end well: make the guest run again, where it is.
 *
 * The guest may be running (it was never asked, or it did not answer),
 * suspended, or about to be suspended (it was asked, and nobody waited for the
 * answer).  In the last case it is watched for a while.
 */
#ifndef XLMIG_DOMAIN_SETTLE_H
#define XLMIG_DOMAIN_SETTLE_H

#include "xlmig/domain/standing.h"
#include "xlmig/toolstack/toolstack.h"

#define SETTLE_GRACE_US 5000000u

enum settle_end {
    SETTLE_RUNS,
    SETTLE_PAUSED,  /* it would run, and somebody else holds it: it is as he wants it */
    SETTLE_ENDED,   /* it shut down, rebooted or crashed by itself meanwhile: its toolstack acts on that */
    SETTLE_GONE,    /* somebody destroyed it, or saved or migrated it away */
    SETTLE_TAKEN,   /* it stands still, and another process saves or migrates it: it is left to that one */
    SETTLE_FAILED,  /* it does not run, or nobody can tell: see failure */
};

/* `failure` is NULL unless SETTLE_FAILED. */
typedef void settle_done(void *user, enum settle_end end, const struct failure *failure);

/*
 * grace_us: how long a guest that runs may still be on its way to being suspended; 0: it is not.
 * Of its standing: where pauses were taken from it, and nobody has paused it since, they are given back
 * first; where it is fenced, paused by us, too, that is taken back, once, when it has been resumed.
 */
void settle_guest(struct toolstack *ts, struct event_base *base, const struct standing *standing, uint64_t grace_us,
                  settle_done *done, void *user);

#endif
