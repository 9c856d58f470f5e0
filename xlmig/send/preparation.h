/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What comes before the copy of a VM: a table of states and events, and nothing
 * else, as handover.h has one for what comes after.  The caller tells what
 * happened and carries out what is asked.
 *
 *   - the guest is not touched in any of these states, but to end what an earlier
 *     migration left of it;
 *   - the copy starts only once the other side listens, and all channels are there,
 *     or it is xl, which was recorded and cannot be asked;
 *   - from every state that is not an end, a cancellation leads to an end, at once
 *     or when the toolstack has done what it is at, which cannot be taken back.
 */
#ifndef XLMIG_SEND_PREPARATION_H
#define XLMIG_SEND_PREPARATION_H

#include <stdbool.h>

enum preparation_state {
    PREPARATION_IDLE,
    PREPARATION_FINDING,            /* the toolstack is asked for the VM's configuration */
    PREPARATION_ENDING_LEFTOVER,    /* of an earlier migration */
    PREPARATION_SETTLING_LEFTOVER,  /* the guest that it left is made to run, by the toolstack */
    PREPARATION_TELLING_LEFTOVER,   /* its destination is told that it is over */
    PREPARATION_CANCELLING,         /* the toolstack is waited for */
    PREPARATION_ASKING_HERE,        /* what stands in the way on this side */
    PREPARATION_CONNECTING,
    PREPARATION_FALLING_BACK,       /* there is no xlmig; that connection goes */
    PREPARATION_CONNECTING_STOCK,   /* to its xl */
    PREPARATION_ASKING_THERE,       /* what stands in the way over there */
    PREPARATION_RECORDING,          /* it has xl, which is asked nothing: the journal is begun */
    PREPARATION_GATHERING,          /* the further connections are made, few at a time */
    PREPARATION_OPENING,            /* BEGIN is said: it is to listen, and the channels are to come */
    PREPARATION_AWAIT_CHANNELS,     /* it listens */
    PREPARATION_AWAIT_LISTENING,    /* the channels are there */
    PREPARATION_STARTING,           /* the configuration is written */
    /* ends */
    PREPARATION_DONE,               /* from now on the handover's state counts */
    PREPARATION_ENDED,              /* refused, cancelled, or only checked */
};

enum preparation_event {
    PREPARATION_START,
    PREPARATION_FOUND,              /* the toolstack has answered */
    PREPARATION_CLEAR,              /* nothing stands in the way of the next step */
    PREPARATION_UNSETTLED,          /* the guest may not run, or not for long */
    PREPARATION_SETTLED,            /* it runs */
    PREPARATION_UNTOLD,             /* the other host is to be told */
    PREPARATION_GREETED,            /* by xlmig */
    PREPARATION_GREETED_BY_XL,
    PREPARATION_NO_XLMIG,           /* the connection was lost: it has no such command */
    PREPARATION_PEER_GONE,          /* the old connection may be replaced */
    PREPARATION_RECORDED,
    PREPARATION_ANSWERED,           /* by the other side, and it can take the VM */
    PREPARATION_GATHERED,           /* all further connections are there that are to come */
    PREPARATION_LISTENING,
    PREPARATION_CHANNELS_READY,     /* all of them, if only the first */
    PREPARATION_WRITTEN,
    PREPARATION_CANCEL,
    PREPARATION_ENOUGH,             /* refused; or only a check, and all is asked */
};

enum preparation_act {
    PREPARATION_DO_NOTHING,
    PREPARATION_DO_FIND,            /* answers FOUND, from the loop */
    PREPARATION_DO_END_LEFTOVER,    /* answers CLEAR, UNSETTLED or UNTOLD */
    PREPARATION_DO_SETTLE,          /* answers SETTLED, from the loop */
    PREPARATION_DO_TELL,            /* answers CLEAR, mostly from the loop */
    PREPARATION_DO_ASK_HERE,        /* answers CLEAR */
    PREPARATION_DO_CONNECT,         /* the peer answers */
    PREPARATION_DO_DROP_PEER,       /* answers PEER_GONE, from the loop */
    PREPARATION_DO_CONNECT_STOCK,
    PREPARATION_DO_ASK_THERE,       /* the peer answers */
    PREPARATION_DO_RECORD,          /* answers RECORDED */
    PREPARATION_DO_GATHER,          /* answers GATHERED, mostly from the loop */
    PREPARATION_DO_BEGIN,           /* record COPYING first; the peer and the channels answer */
    PREPARATION_DO_START,           /* answers WRITTEN */
    PREPARATION_DO_COPY,            /* the engine answers, to the handover's table */
    PREPARATION_DO_CANCEL,          /* say that it is cancelled, and end */
};                                  /* whatever fails is told, and answers ENOUGH */

struct preparation_step {
    enum preparation_state next;
    enum preparation_act act;
};

/* What `event` means in `state`.  An event that means nothing there: the same state, PREPARATION_DO_NOTHING. */
struct preparation_step preparation_step(enum preparation_state state, enum preparation_event event);

bool preparation_is_end(enum preparation_state state);

#define PREPARATION_NR_STATES (PREPARATION_ENDED + 1)
#define PREPARATION_NR_EVENTS (PREPARATION_ENOUGH + 1)

#endif
