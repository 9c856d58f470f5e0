/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/handover/handover.h"

#include <stddef.h>

/*
 * state            event            next             action
 *
 * A connection that is lost while the engine copies does not end the copying by
 * itself: the engine is told, and only its end says what became of the guest.
 */
static const struct row {
    enum handover_state state;
    enum handover_event event;
    struct handover_step step;
} table[] = {
#define ROW(state, event, next, action) \
    { HANDOVER_##state, HANDOVER_##event, { HANDOVER_##next, HANDOVER_DO_##action } },
    ROW(COPYING, COPIED, AWAIT_READY, NOTHING)
    ROW(COPYING, COPY_FAILED, RESUMING, RESUME)
    ROW(COPYING, CANCEL, ABORTING, ABORT_COPY)
    ROW(COPYING, PEER_FAILED, ABORTING, ABORT_COPY)
    ROW(COPYING, PEER_LOST, ABORTING, ABORT_COPY)
    ROW(COPYING, TIMEOUT, ABORTING, ABORT_COPY)
    ROW(COPYING, READY, ARRIVED, NOTHING)

    ROW(ARRIVED, COPIED, FENCING, FENCE)
    ROW(ARRIVED, COPY_FAILED, RESUMING, RESUME)
    ROW(ARRIVED, CANCEL, ABORTING, ABORT_COPY)
    ROW(ARRIVED, PEER_FAILED, ABORTING, ABORT_COPY)
    ROW(ARRIVED, PEER_LOST, ABORTING, ABORT_COPY)
    ROW(ARRIVED, TIMEOUT, ABORTING, ABORT_COPY)

    ROW(ABORTING, COPIED, RESUMING, RESUME)
    ROW(ABORTING, COPY_FAILED, RESUMING, RESUME)

    ROW(AWAIT_READY, READY, FENCING, FENCE)
    ROW(AWAIT_READY, CANCEL, RESUMING, RESUME)
    ROW(AWAIT_READY, PEER_FAILED, RESUMING, RESUME)
    ROW(AWAIT_READY, PEER_LOST, RESUMING, RESUME)
    ROW(AWAIT_READY, TIMEOUT, RESUMING, RESUME)

    ROW(FENCING, DONE_OK, RENAMING, RENAME_AWAY)
    ROW(FENCING, DONE_FAILED, RESUMING, RESUME)

    ROW(RENAMING, DONE_OK, SENDING_GO, SEND_GO)
    ROW(RENAMING, DONE_FAILED, RESUMING, RESUME)

    ROW(SENDING_GO, DONE_OK, AWAIT_REPORT, NOTHING)
    ROW(SENDING_GO, DONE_FAILED, RESUMING, RESUME)

    ROW(AWAIT_REPORT, STARTED, DESTROYING, DESTROY)
    ROW(AWAIT_REPORT, NOT_STARTED, AWAIT_ABORTED, TAKE_BACK)
    ROW(AWAIT_REPORT, RELEASED, RESUMING, RESUME)
    ROW(AWAIT_REPORT, PEER_LOST, IN_DOUBT, FINISH)
    ROW(AWAIT_REPORT, PEER_FAILED, IN_DOUBT, FINISH)
    ROW(AWAIT_REPORT, TIMEOUT, IN_DOUBT, FINISH)
    ROW(AWAIT_REPORT, CLOSED, IN_DOUBT, FINISH)

    ROW(AWAIT_ABORTED, RELEASED, RESUMING, RESUME)
    ROW(AWAIT_ABORTED, STARTED, DESTROYING, DESTROY)
    ROW(AWAIT_ABORTED, PEER_LOST, IN_DOUBT, FINISH)
    ROW(AWAIT_ABORTED, PEER_FAILED, IN_DOUBT, FINISH)
    ROW(AWAIT_ABORTED, TIMEOUT, IN_DOUBT, FINISH)
    ROW(AWAIT_ABORTED, CLOSED, IN_DOUBT, FINISH)

    ROW(DESTROYING, DONE_OK, CONFIRMING, TELL)
    ROW(DESTROYING, DONE_FAILED, LEFTOVER, FINISH)

    ROW(RESUMING, DONE_OK, WITHDRAWING, TELL)
    ROW(RESUMING, DONE_FAILED, STUCK, FINISH)
    ROW(RESUMING, UNRECORDED, TAKING_BACK, TAKE_BACK)

    ROW(TAKING_BACK, RELEASED, RESUMING, RESUME)
    ROW(TAKING_BACK, CLOSED, RESUMING, RESUME)
    ROW(TAKING_BACK, PEER_LOST, TAKING_BACK_ANEW, TELL_ANEW)
    ROW(TAKING_BACK, PEER_FAILED, STUCK, FINISH)
    ROW(TAKING_BACK, TIMEOUT, STUCK, FINISH)
    ROW(TAKING_BACK_ANEW, RELEASED, RESUMING, RESUME)
    ROW(TAKING_BACK_ANEW, CLOSED, RESUMING, RESUME)
    ROW(TAKING_BACK_ANEW, PEER_LOST, STUCK, FINISH)
    ROW(TAKING_BACK_ANEW, PEER_FAILED, STUCK, FINISH)
    ROW(TAKING_BACK_ANEW, TIMEOUT, STUCK, FINISH)

    ROW(CONFIRMING, CLOSED, MOVED, FINISH)
    ROW(CONFIRMING, PEER_LOST, CONFIRMING_ANEW, TELL_ANEW)
    ROW(CONFIRMING, PEER_FAILED, MOVED_UNTOLD, FINISH)
    ROW(CONFIRMING, TIMEOUT, MOVED_UNTOLD, FINISH)
    ROW(CONFIRMING_ANEW, CLOSED, MOVED, FINISH)
    ROW(CONFIRMING_ANEW, PEER_LOST, MOVED_UNTOLD, FINISH)
    ROW(CONFIRMING_ANEW, PEER_FAILED, MOVED_UNTOLD, FINISH)
    ROW(CONFIRMING_ANEW, TIMEOUT, MOVED_UNTOLD, FINISH)

    ROW(WITHDRAWING, CLOSED, UNDONE, FINISH)
    ROW(WITHDRAWING, PEER_LOST, WITHDRAWING_ANEW, TELL_ANEW)
    ROW(WITHDRAWING, PEER_FAILED, UNDONE_UNTOLD, FINISH)
    ROW(WITHDRAWING, TIMEOUT, UNDONE_UNTOLD, FINISH)
    ROW(WITHDRAWING_ANEW, CLOSED, UNDONE, FINISH)
    ROW(WITHDRAWING_ANEW, PEER_LOST, UNDONE_UNTOLD, FINISH)
    ROW(WITHDRAWING_ANEW, PEER_FAILED, UNDONE_UNTOLD, FINISH)
    ROW(WITHDRAWING_ANEW, TIMEOUT, UNDONE_UNTOLD, FINISH)
#undef ROW
};

struct handover_step handover_step(enum handover_state state, enum handover_event event)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].state == state && table[i].event == event)
            return table[i].step;
    return (struct handover_step){ state, HANDOVER_DO_NOTHING };
}

int handover_is_end(enum handover_state state)
{
    return state >= HANDOVER_MOVED;
}

int handover_is_anew(enum handover_state state)
{
    return state == HANDOVER_TAKING_BACK_ANEW || state == HANDOVER_CONFIRMING_ANEW || state == HANDOVER_WITHDRAWING_ANEW;
}

const char *handover_state_name(enum handover_state state)
{
    static const char *const names[HANDOVER_NR_STATES] = {
        [HANDOVER_COPYING] = "copying",
        [HANDOVER_ARRIVED] = "copying",
        [HANDOVER_ABORTING] = "stopping the copy",
        [HANDOVER_AWAIT_READY] = "waiting for the destination to have everything",
        [HANDOVER_FENCING] = "making sure that it stands still",
        [HANDOVER_RENAMING] = "renaming",
        [HANDOVER_SENDING_GO] = "handing over",
        [HANDOVER_AWAIT_REPORT] = "waiting for the destination to start the VM",
        [HANDOVER_AWAIT_ABORTED] = "waiting for the destination to give the VM back",
        [HANDOVER_DESTROYING] = "removing the copy left here",
        [HANDOVER_RESUMING] = "resuming the VM here",
        [HANDOVER_TAKING_BACK] = "waiting for the destination to give up its copy",
        [HANDOVER_TAKING_BACK_ANEW] = "waiting for the destination to give up its copy",
        [HANDOVER_CONFIRMING] = "moved, telling the destination",
        [HANDOVER_CONFIRMING_ANEW] = "moved, telling the destination",
        [HANDOVER_WITHDRAWING] = "undone, telling the destination",
        [HANDOVER_WITHDRAWING_ANEW] = "undone, telling the destination",
        [HANDOVER_MOVED] = "moved",
        [HANDOVER_MOVED_UNTOLD] = "moved, the destination is to be told",
        [HANDOVER_LEFTOVER] = "moved, with a copy left here",
        [HANDOVER_UNDONE] = "undone",
        [HANDOVER_UNDONE_UNTOLD] = "undone, the destination is to be told",
        [HANDOVER_STUCK] = "not resumed",
        [HANDOVER_IN_DOUBT] = "in doubt",
    };

    return names[state];
}
