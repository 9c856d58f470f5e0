/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The handover of one VM, seen from the source: who may run it, and when.
 *
 * A table of states and events, and nothing else: no I/O, no time, no Xen.
 * The caller tells what happened and carries out what is asked; whatever can be
 * known of the order of things is in handover.c and is checked as a whole by
 * its test:
 *
 *   - the source's copy is destroyed only after the destination said that its own runs;
 *   - after GO was sent, the source resumes only after the destination said ABORTED: it never ran there and never will;
 *   - GO is sent only for a copy that is fenced: paused by us, and proven not to have run since its state was read;
 *   - from every state that is not an end, losing the peer leads to an end.
 */
#ifndef XLMIG_HANDOVER_HANDOVER_H
#define XLMIG_HANDOVER_HANDOVER_H

enum handover_state {
    HANDOVER_COPYING,       /* the engine copies; the guest runs, or was just suspended */
    HANDOVER_ARRIVED,       /* as before, but the destination has it all already: the engine's end comes late */
    HANDOVER_ABORTING,      /* the engine was asked to stop; its end is awaited */
    HANDOVER_AWAIT_READY,   /* everything is written; the guest is suspended */
    HANDOVER_FENCING,       /* making sure that it stands still, and goes on doing so */
    HANDOVER_RENAMING,      /* giving our copy its other name */
    HANDOVER_SENDING_GO,
    HANDOVER_AWAIT_REPORT,  /* GO is out: the destination may be running the VM */
    HANDOVER_AWAIT_ABORTED, /* it does not run there, and we want it back */
    HANDOVER_DESTROYING,    /* it runs there; our copy goes */
    HANDOVER_RESUMING,      /* it runs nowhere else; ours goes on */
    /* that ours is to go on could not be recorded, and the destination may have all of it: it must say ABORTED first */
    HANDOVER_TAKING_BACK,
    HANDOVER_TAKING_BACK_ANEW, /* on a new connection */
    /* "awaiting CLOSED" of docs/handover.md: the guest runs, there or here, and the destination is to forget the token */
    HANDOVER_CONFIRMING,
    HANDOVER_CONFIRMING_ANEW, /* on a new connection: the old one was lost */
    HANDOVER_WITHDRAWING,
    HANDOVER_WITHDRAWING_ANEW,
    /* ends */
    HANDOVER_MOVED,
    HANDOVER_MOVED_UNTOLD,  /* moved, and the destination is still to be told that we know */
    HANDOVER_LEFTOVER,      /* moved, and our copy could not be destroyed */
    HANDOVER_UNDONE,        /* the guest runs here as before */
    HANDOVER_UNDONE_UNTOLD, /* ... and the destination is still to be told that it does */
    HANDOVER_STUCK,         /* undone, but our copy could not be resumed, or may not be yet */
    HANDOVER_IN_DOUBT,      /* nobody here knows whether it runs there; ours stays paused */
};

enum handover_event {
    HANDOVER_COPIED,        /* the engine: all written, guest suspended */
    HANDOVER_COPY_FAILED,   /* the engine: not so */
    HANDOVER_READY,         /* destination: all received */
    HANDOVER_CANCEL,        /* the administrator */
    HANDOVER_PEER_FAILED,   /* destination: it went wrong, nothing is kept here */
    HANDOVER_PEER_LOST,     /* the connection is gone */
    HANDOVER_TIMEOUT,       /* what is awaited did not come */
    HANDOVER_DONE_OK,       /* the action of this state succeeded */
    HANDOVER_DONE_FAILED,   /* ... failed */
    HANDOVER_STARTED,       /* destination: it runs */
    HANDOVER_NOT_STARTED,   /* destination: it could not be started */
    HANDOVER_RELEASED,      /* destination: ABORTED, you may have it back */
    HANDOVER_CLOSED,        /* destination: nothing of this token is here (any more) */
    HANDOVER_UNRECORDED,    /* ABORTED is not in the journal, and needed there */
};

enum handover_action {
    HANDOVER_DO_NOTHING,
    HANDOVER_DO_ABORT_COPY,
    HANDOVER_DO_FENCE,        /* pause our copy, and prove that it did not run since its state was read; DONE_OK, DONE_FAILED */
    HANDOVER_DO_RENAME_AWAY,  /* answers DONE_OK or DONE_FAILED */
    HANDOVER_DO_SEND_GO,      /* record GO_DECIDED first; answers DONE_OK, or DONE_FAILED only if no byte can have arrived */
    HANDOVER_DO_TAKE_BACK,    /* say TAKE_BACK */
    HANDOVER_DO_DESTROY,      /* record MOVED first; answers DONE_OK or DONE_FAILED */
    HANDOVER_DO_RESUME,       /* record ABORTED first; at its own name; answers DONE_OK, DONE_FAILED or UNRECORDED */
    HANDOVER_DO_TELL,         /* say CONFIRM or ABORT; answers CLOSED where there is nobody to be told */
    HANDOVER_DO_TELL_ANEW,    /* that, or TAKE_BACK, on a new connection; answers PEER_LOST where there can be none */
    HANDOVER_DO_FINISH,       /* an end was reached */
};

struct handover_step {
    enum handover_state next;
    enum handover_action action;
};

/* What `event` means in `state`.  An event that means nothing there: the same state, HANDOVER_DO_NOTHING. */
struct handover_step handover_step(enum handover_state state, enum handover_event event);

int handover_is_end(enum handover_state state);
/* Does it wait for a new connection, or for an answer on it? */
int handover_is_anew(enum handover_state state);
const char *handover_state_name(enum handover_state state);

#define HANDOVER_NR_STATES (HANDOVER_IN_DOUBT + 1)
#define HANDOVER_NR_EVENTS (HANDOVER_UNRECORDED + 1)

#endif
