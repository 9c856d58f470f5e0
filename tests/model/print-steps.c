/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The tables of the code, as tests/model/tie.py holds them against the model:
 *
 *     recover SIDE STATE DOMAIN ANSWER RECORD ACTION     a step that no human forced, of the newest attempt
 *     send STATE EVENT NEXT ACTION                       a row of the source's table
 */
#include "config.h"
#include "xlmig/handover/handover.h"
#include "xlmig/handover/rules.h"

#include <stdio.h>

static const char *const domains[RECOVER_NR_DOMAINS] = {
    [RECOVER_DOMAIN_ABSENT] = "absent", [RECOVER_DOMAIN_INCOMING] = "incoming", [RECOVER_DOMAIN_RUNNING] = "running",
    [RECOVER_DOMAIN_SUSPENDED] = "suspended", [RECOVER_DOMAIN_SAVED] = "saved", [RECOVER_DOMAIN_TAKEN] = "taken",
    [RECOVER_DOMAIN_STRANGER] = "stranger",
};

static const char *const answers[RECOVER_NR_ANSWERS] = {
    [RECOVER_NO_ANSWER] = "no-answer", [RECOVER_CLOSED] = "closed", [RECOVER_BUSY] = "busy", [RECOVER_READY] = "ready",
    [RECOVER_NOT_STARTED] = "not-started", [RECOVER_STARTED] = "started", [RECOVER_GONE_THERE] = "gone-there",
    [RECOVER_GIVEN_BACK] = "given-back",
};

static const char *const actions[RECOVER_NR_ACTIONS] = {
    [RECOVER_WAIT] = "wait", [RECOVER_NEEDS_HUMAN] = "human", [RECOVER_LOST] = "lost", [RECOVER_FORGET] = "forget",
    [RECOVER_LOOK_AGAIN] = "look", [RECOVER_RESUME_HERE] = "resume", [RECOVER_DESTROY_HERE] = "destroy",
    [RECOVER_START_HERE] = "start", [RECOVER_SEND_GO] = "go", [RECOVER_TAKE_BACK] = "take-back",
    [RECOVER_ABORT_THERE] = "abort", [RECOVER_CONFIRM] = "confirm",
};

static void print_step(enum journal_side side, enum journal_state state, int domain, int answer, bool offered)
{
    const struct recover_facts facts = {
        .side = side, .state = state, .newest = true, .domain = (enum recover_domain)domain,
        .offered = offered, .answer = (enum recover_answer)answer,
    };
    const struct recover_step step = recover_decide(facts);

    printf("recover %s %s %s %s %s %s\n", side == JOURNAL_SEND ? "source" : "destination", journal_state_name(state),
           domains[domain], side == JOURNAL_SEND ? answers[answer] : offered ? "offered" : "never-offered",
           step.record == RECOVER_NO_RECORD ? "-" : journal_state_name(step.record), actions[step.action]);
}

static void print_recover(enum journal_side side)
{
    for (int s = 0; s < JOURNAL_NR_STATES; s++)
        for (int d = 0; d < RECOVER_NR_DOMAINS; d++)
            for (int a = 0; a < (side == JOURNAL_SEND ? RECOVER_NR_ANSWERS : 1); a++)
                if (journal_side_has(side, (enum journal_state)s) && domains[d])
                    print_step(side, (enum journal_state)s, d, a, side == JOURNAL_RECEIVE && s != JOURNAL_INCOMING);
    for (int d = 0; side == JOURNAL_RECEIVE && d < RECOVER_NR_DOMAINS; d++)
        if (domains[d])
            print_step(side, JOURNAL_ABORTED, d, 0, false);
}

static const char *const states[HANDOVER_NR_STATES] = {
    [HANDOVER_COPYING] = "copying", [HANDOVER_ARRIVED] = "arrived", [HANDOVER_ABORTING] = "aborting",
    [HANDOVER_AWAIT_READY] = "await-ready", [HANDOVER_FENCING] = "fencing", [HANDOVER_RENAMING] = "renaming",
    [HANDOVER_SENDING_GO] = "sending-go", [HANDOVER_AWAIT_REPORT] = "await-report",
    [HANDOVER_AWAIT_ABORTED] = "await-aborted",
};

static const char *const events[HANDOVER_NR_EVENTS] = {
    [HANDOVER_COPIED] = "copied", [HANDOVER_COPY_FAILED] = "copy-failed", [HANDOVER_READY] = "ready",
    [HANDOVER_CANCEL] = "cancel", [HANDOVER_PEER_FAILED] = "peer-failed", [HANDOVER_PEER_LOST] = "peer-lost",
    [HANDOVER_TIMEOUT] = "timeout", [HANDOVER_DONE_OK] = "done", [HANDOVER_DONE_FAILED] = "failed",
    [HANDOVER_STARTED] = "started", [HANDOVER_NOT_STARTED] = "not-started", [HANDOVER_RELEASED] = "released",
    [HANDOVER_CLOSED] = "closed", [HANDOVER_UNRECORDED] = "unrecorded",
};

/* Those that the model has, too: they need its leave. */
static const char *needs_leave(enum handover_action action)
{
    return action == HANDOVER_DO_SEND_GO ? "go" : action == HANDOVER_DO_TAKE_BACK ? "take-back" :
           action == HANDOVER_DO_DESTROY ? "destroy" : action == HANDOVER_DO_RESUME ? "resume" : "-";
}

int main(void)
{
    print_recover(JOURNAL_SEND);
    print_recover(JOURNAL_RECEIVE);
    for (int s = 0; s < HANDOVER_NR_STATES; s++)
        for (int e = 0; states[s] && e < HANDOVER_NR_EVENTS; e++)
            printf("send %s %s %s\n", states[s], events[e],
                   needs_leave(handover_step((enum handover_state)s, (enum handover_event)e).action));
    return 0;
}
