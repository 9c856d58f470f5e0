/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/send/preparation.h"

#include <stddef.h>

/*
 * state                event               next                act
 *
 * Besides these rows: ENOUGH leads to ENDED from every state that is not an end, and
 * CANCEL leads there with DO_CANCEL, where no row says otherwise.
 */
static const struct row {
    enum preparation_state state;
    enum preparation_event event;
    struct preparation_step step;
} table[] = {
#define ROW(state, event, next, act) \
    { PREPARATION_##state, PREPARATION_##event, { PREPARATION_##next, PREPARATION_DO_##act } },
    ROW(IDLE, START, FINDING, FIND)

    ROW(FINDING, FOUND, ENDING_LEFTOVER, END_LEFTOVER)
    ROW(FINDING, CANCEL, CANCELLING, NOTHING)

    ROW(ENDING_LEFTOVER, CLEAR, ASKING_HERE, ASK_HERE)
    ROW(ENDING_LEFTOVER, UNSETTLED, SETTLING_LEFTOVER, SETTLE)
    ROW(ENDING_LEFTOVER, UNTOLD, TELLING_LEFTOVER, TELL)
    ROW(SETTLING_LEFTOVER, SETTLED, TELLING_LEFTOVER, TELL)
    ROW(SETTLING_LEFTOVER, CANCEL, CANCELLING, NOTHING)
    ROW(TELLING_LEFTOVER, CLEAR, ASKING_HERE, ASK_HERE)

    ROW(CANCELLING, FOUND, ENDED, CANCEL)
    ROW(CANCELLING, SETTLED, ENDED, CANCEL)
    ROW(CANCELLING, CANCEL, CANCELLING, NOTHING)

    ROW(ASKING_HERE, CLEAR, CONNECTING, CONNECT)

    ROW(CONNECTING, GREETED, ASKING_THERE, ASK_THERE)
    ROW(CONNECTING, GREETED_BY_XL, RECORDING, RECORD)
    ROW(CONNECTING, NO_XLMIG, FALLING_BACK, DROP_PEER)
    ROW(FALLING_BACK, PEER_GONE, CONNECTING_STOCK, CONNECT_STOCK)
    ROW(CONNECTING_STOCK, GREETED, ASKING_THERE, ASK_THERE)
    ROW(CONNECTING_STOCK, GREETED_BY_XL, RECORDING, RECORD)

    ROW(RECORDING, RECORDED, STARTING, START)

    ROW(ASKING_THERE, ANSWERED, GATHERING, GATHER)
    ROW(GATHERING, GATHERED, OPENING, BEGIN)
    ROW(OPENING, LISTENING, AWAIT_CHANNELS, NOTHING)
    ROW(OPENING, CHANNELS_READY, AWAIT_LISTENING, NOTHING)
    ROW(AWAIT_CHANNELS, CHANNELS_READY, STARTING, START)
    ROW(AWAIT_LISTENING, LISTENING, STARTING, START)

    ROW(STARTING, WRITTEN, DONE, COPY)
#undef ROW
};

struct preparation_step preparation_step(enum preparation_state state, enum preparation_event event)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].state == state && table[i].event == event)
            return table[i].step;
    if (!preparation_is_end(state) && event == PREPARATION_ENOUGH)
        return (struct preparation_step){ PREPARATION_ENDED, PREPARATION_DO_NOTHING };
    if (!preparation_is_end(state) && event == PREPARATION_CANCEL)
        return (struct preparation_step){ PREPARATION_ENDED, PREPARATION_DO_CANCEL };
    return (struct preparation_step){ state, PREPARATION_DO_NOTHING };
}

bool preparation_is_end(enum preparation_state state)
{
    return state >= PREPARATION_DONE;
}
