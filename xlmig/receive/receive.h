/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The receiving end: standard input and output lead to a sender.
 *
 * The VM is made by a child that speaks xl's migration protocol (toolstack.h,
 * receive).  Two ways to stand between it and the sender:
 *
 *   plain        bytes pass both ways as they are: any `xl migrate` is served
 *   negotiated   the control protocol first, then the stream, then frames again:
 *
 *     AWAIT_HELLO -> AWAIT_PREFLIGHT -> AWAIT_BEGIN -> STARTING -> AWAIT_HEAD -> RELAYING -> HOLDING -> AWAIT_WORD <-> ACTING
 *
 *                From HOLDING on the child is gone, and the copy is this process's, by its journal
 *                (holding.c, word.c).  A word of the handover may stand in the place of PREFLIGHT.  A
 *                sender that keeps no journal has the child start the VM:
 *
 *                                                                   -> AWAIT_GO -> AWAIT_REPORT -> ENDING
 *
 *                With more connections than this one, AWAIT_CHANNELS stands before STARTING.  And one
 *                of those is another `xlmig receive` that is told JOIN in place of PREFLIGHT: it hands
 *                its input over to the first one's restore, and is JOINED until that lets it go.
 *
 * Until then, in both, the child's own pipes stay open whatever becomes of the sender, so
 * that the child can always tell that it failed and destroy its half-made VM:
 * xl leaves it behind, paused, when it has nobody to tell.
 */
#ifndef XLMIG_RECEIVE_RECEIVE_H
#define XLMIG_RECEIVE_RECEIVE_H

#include "xlmig/peer/messages.h"
#include "xlmig/toolstack/toolstack.h"

struct receive_request {
    bool negotiate;
    const char *toolstack;       /* its name: where journals are */
    bool paused;
    struct port_range ports;     /* at which of these ports, whatever the sender asks for; 0: as that says */
    const char *listen;          /* where data may come in, whatever the sender asks for; NULL: where that says */
    uint64_t idle_timeout_us;    /* for the sender's next word, while one is due */
    uint64_t cleanup_timeout_us; /* for the child to end, once it was told to */
};

/* Runs the loop to the end; an exit status. */
int receive_vm(struct toolstack *ts, struct event_base *base, const struct receive_request *request);

#endif
