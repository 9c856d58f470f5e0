/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/send/last-words.h"

#include "xlmig/send/connect.h"
#include "xlmig/send/ledger.h"

#include <string.h>

/* Never before the guest was asked to suspend: then the end of the stream was not written. */
bool send_may_be_ready(const struct send *s)
{
    return s->handover.said.received || s->handover.outcome == SUSPEND_DONE ||
           (strcmp(s->handover.last_phase, "setup") != 0 && strcmp(s->handover.last_phase, "precopy") != 0);
}

static enum message_type last_word(const struct send *s)
{
    if (s->handover.state == HANDOVER_TAKING_BACK || s->handover.state == HANDOVER_TAKING_BACK_ANEW)
        return MESSAGE_TAKE_BACK;
    if (s->handover.state == HANDOVER_CONFIRMING || s->handover.state == HANDOVER_CONFIRMING_ANEW)
        return MESSAGE_CONFIRM;
    return MESSAGE_ABORT;
}

int send_say(struct send *s, enum message_type type)
{
    struct message_word word = { .generation = s->ledger.journal ? journal_record(s->ledger.journal)->generation : 0 };

    memcpy(word.token, s->ledger.token, sizeof word.token);
    return peer_say(s->link.peer, type, &word);
}

/*
 * ABORT has the destination forget what it knows of the token, so it is not said
 * before ABORTED is on the disk: that may have failed a moment ago, and work now.
 */
void send_tell(struct send *s)
{
    bool started = s->handover.state == HANDOVER_CONFIRMING;

    if (!s->ledger.kept_there || s->handover.said.closed || (!started && !send_may_be_ready(s)))
        send_post(s, HANDOVER_CLOSED);
    else if (!started && !send_is_recorded_aborted(s) && send_record(s, JOURNAL_ABORTED) < 0)
        send_post(s, HANDOVER_PEER_FAILED);
    else if (s->link.state != LINK_TAKES_WORDS || send_say(s, last_word(s)) < 0)
        send_post(s, HANDOVER_PEER_LOST);
}

void send_tell_anew(struct send *s)
{
    progress_note(&s->progress, "%s, on a new connection", handover_state_name(s->handover.state));
    send_renew_link(s);
}

void send_on_greeted_anew(struct send *s)
{
    if (!handover_is_anew(s->handover.state))
        return; /* it greets twice */
    s->link.state = LINK_TAKES_WORDS;
    send_await(s, (struct send_awaited){ "take note of how this ended", "go-timeout", s->request->go_timeout_us });
    if (peer_dialect(s->link.peer) != PEER_XLMIG || send_say(s, last_word(s)) < 0)
        send_post(s, HANDOVER_PEER_LOST);
}
