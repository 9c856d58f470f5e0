/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The acts of handover.c's table, each with its record before it, and what its events mean for what is known. */
#include "config.h"
#include "xlmig/send/hand-over.h"

#include "xlmig/domain/settle.h"
#include "xlmig/domain/standing.h"
#include "xlmig/send/copy.h"
#include "xlmig/send/last-words.h"
#include "xlmig/send/ledger.h"

#include <stdio.h>
#include <string.h>

/* ---- to the destination ---- */

static void away_name(const struct send *s, char *name, size_t size)
{
    snprintf(name, size, "%s--migratedaway", s->vm.name);
}

/* Whoever saves or migrates it, too, may have suspended it together with us; xl renames it before it gives it away. */
static int prove_it_is_ours(struct send *s, const struct vm *now)
{
    s->handover.taken = strcmp(now->name, s->vm.name) != 0;
    if (s->handover.taken)
        return failure_set(&s->why, "somebody renamed it to %s while it was handed over, as a migration does", now->name);
    if (s->ts->ops->suspend.has_saver(s->ts, s->vm.domid) == 1)
        return failure_set(&s->why, "another process saves or migrates it");
    return 0;
}

/* Behind the fence: is our copy what its state was read from?  -1: s->why says what became of it. */
static int prove_it_stood(struct send *s)
{
    struct vm now;
    int rc = s->ts->ops->ask.find_domid(s->ts, s->vm.domid, &now, &s->why);

    if (rc == 1)
        return failure_set(&s->why, "somebody destroyed it, or saved or migrated it away, while it was handed over");
    if (rc < 0)
        return -1;
    if (now.paused != s->handover.held && !s->handover.standing.domain.fenced)
        return failure_set(&s->why, "somebody %s it while it was handed over", now.paused ? "paused" : "unpaused");
    if (now.state != VM_SUSPENDED)
        return failure_set(&s->why, "somebody resumed it while it was handed over");
    if (!s->handover.standing.domain.stood_ns)
        return failure_set(&s->why, "how far it had run when it was suspended could not be found out, so that nobody could "
                                    "tell whether it ran on");
    if (journal_stood_ns(now.cpu_ns) != s->handover.standing.domain.stood_ns)
        return failure_set(&s->why, "it ran again after its state was read: somebody resumed it");
    return prove_it_is_ours(s, &now);
}

static void prove_behind_the_fence(struct send *s)
{
    if (prove_it_stood(s) < 0) {
        send_post(s, HANDOVER_DONE_FAILED);
        return;
    }
    journal_name_domain(s->ledger.journal, s->handover.standing.domain);
    send_post(s, HANDOVER_DONE_OK);
}

static void on_fenced(void *user, const struct failure *failure)
{
    struct send *s = user;

    /* A toolstack that says that it failed may have paused it: the fence counts as there, and is taken back. */
    if (failure) {
        failure_set(&s->why, "%s", failure->text);
        send_post(s, HANDOVER_DONE_FAILED);
        return;
    }
    prove_behind_the_fence(s);
}

/*
 * From here on nobody makes it run by one act of his: resumed, it is still paused by us;
 * unpaused, it is still suspended.  What a killed command leaves says so to recover.
 * What its administrator paused is fenced by that, and a pause of ours would only be one
 * more of which nobody could tell afterwards whether it was taken back.
 */
static void fence(struct send *s)
{
    if (s->handover.held) {
        prove_behind_the_fence(s);
        return;
    }
    if (prove_it_stood(s) < 0) { /* so that an administrator's pause is not taken for ours */
        send_post(s, HANDOVER_DONE_FAILED);
        return;
    }
    s->handover.standing.domain.fenced = true;
    if (standing_write(s->ledger.token, &s->handover.standing, &s->why) < 0) {
        s->handover.standing.domain.fenced = false;
        send_post(s, HANDOVER_DONE_FAILED);
        return;
    }
    s->ts->ops->domain.pause(s->ts, s->vm.domid, on_fenced, s);
}

static void rename_away(struct send *s)
{
    char away[VM_NAME_MAX + 32];

    if (prove_it_stood(s) < 0) { /* xl's own migration may have been faster */
        send_post(s, HANDOVER_DONE_FAILED);
        return;
    }
    away_name(s, away, sizeof away);
    s->handover.renamed = true; /* even if it fails: its answer may be all that was lost */
    send_post(s, s->ts->ops->domain.rename(s->ts, s->vm.domid, s->vm.name, away, &s->why) == 0 ? HANDOVER_DONE_OK
                                                                                               : HANDOVER_DONE_FAILED);
}

/* -1: not one byte of it can have arrived. */
static int say_go(struct send *s)
{
    struct message_word word = { .generation = 0 };

    if (s->ledger.kept_there) {
        word.generation = journal_record(s->ledger.journal)->generation;
        memcpy(word.token, s->ledger.token, sizeof word.token);
    }
    if (peer_go(s->link.peer, &word) >= 0)
        return 0;
    return failure_set(&s->why, "the connection was lost before the VM was handed over");
}

static void go(struct send *s)
{
    send_post(s, send_record(s, JOURNAL_GO_DECIDED) == 0 && say_go(s) == 0 ? HANDOVER_DONE_OK : HANDOVER_DONE_FAILED);
}

/* xl gives back by itself what it cannot start, and so does an older release. */
static void take_back(struct send *s)
{
    if (s->ledger.kept_there && (s->link.state != LINK_TAKES_WORDS || send_say(s, MESSAGE_TAKE_BACK) < 0))
        send_post(s, HANDOVER_PEER_LOST);
}

/* ---- our own copy ---- */

static void on_destroyed(void *user, const struct failure *failure)
{
    struct send *s = user;

    if (failure)
        failure_set(&s->why, "%s", failure->text);
    send_post(s, failure ? HANDOVER_DONE_FAILED : HANDOVER_DONE_OK);
}

/* Whatever its name is now. */
static int take_own_name(struct send *s, struct failure *failure)
{
    struct vm now;
    int rc = s->ts->ops->ask.find_domid(s->ts, s->vm.domid, &now, failure);

    if (rc < 0)
        return -1;
    if (rc == 1 || strcmp(now.name, s->vm.name) == 0)
        return 0;
    return s->ts->ops->domain.rename(s->ts, s->vm.domid, now.name, s->vm.name, failure);
}

static void on_settled(void *user, enum settle_end end, const struct failure *failure)
{
    struct send *s = user;
    char away[VM_NAME_MAX + 32];
    struct failure rename_failure = { 0 };

    s->progress.running_again_us = now_us();
    if (end == SETTLE_FAILED) {
        progress_note(&s->progress, "%s could not be resumed: %s", s->vm.name, failure->text);
        send_post(s, HANDOVER_DONE_FAILED);
        return;
    }
    s->handover.settled = end;
    standing_remove(s->ledger.token);
    away_name(s, away, sizeof away);
    if (s->handover.renamed && (end == SETTLE_RUNS || end == SETTLE_PAUSED || end == SETTLE_TAKEN) &&
        take_own_name(s, &rename_failure) < 0)
        progress_note(&s->progress, "%s keeps the name %s: %s", s->vm.name, away, rename_failure.text);
    else
        s->handover.renamed = false;
    send_post(s, HANDOVER_DONE_OK);
}

/* May the guest be on its way to being suspended, with nobody waiting for it? */
static uint64_t settle_grace(const struct send *s)
{
    if (s->handover.outcome == SUSPEND_DONE || strcmp(s->handover.last_phase, "setup") == 0 ||
        strcmp(s->handover.last_phase, "precopy") == 0)
        return 0;
    return SETTLE_GRACE_US;
}

static void destroy_here(struct send *s)
{
    if (send_record(s, JOURNAL_MOVED) < 0)
        send_post(s, HANDOVER_DONE_FAILED);
    else
        s->ts->ops->domain.destroy(s->ts, s->vm.domid, on_destroyed, s);
}

/* Frames can be written again once it said RECEIVED; before that, what is written is the stream's. */
static void hang_up_stream(struct send *s)
{
    if (s->link.state == LINK_TAKES_WORDS && s->ledger.kept_there)
        return;
    peer_hang_up(s->link.peer); /* it sees the end of its input and cleans up */
    if (s->link.channels)
        send_channels_hang_up(s->link.channels);
}

static void on_fence_taken_back(void *user, const struct failure *failure)
{
    (void)failure; /* the domain may be gone by now: that is theirs */
    on_settled(user, SETTLE_TAKEN, NULL);
}

/* It is on its way elsewhere under another name: our pause goes, and nothing else is done to it. */
static void leave_to_others(struct send *s)
{
    if (s->handover.standing.domain.fenced)
        s->ts->ops->domain.unpause(s->ts, s->vm.domid, on_fence_taken_back, s);
    else
        on_settled(s, SETTLE_TAKEN, NULL);
}

/*
 * A record that cannot be written allows nothing, but for a destination that
 * cannot be READY, or that has said itself that it never will start the VM.
 */
static void resume_here(struct send *s)
{
    hang_up_stream(s);
    s->handover.unrecorded = send_record(s, JOURNAL_ABORTED) < 0 && s->ledger.kept_there && send_may_be_ready(s) &&
                             !s->handover.said.aborted;
    if (s->handover.unrecorded)
        send_post(s, HANDOVER_UNRECORDED);
    else if (s->handover.taken)
        leave_to_others(s);
    else
        settle_guest(s->ts, s->base, &s->handover.standing, settle_grace(s), on_settled, s);
}

/* ---- the table ---- */

static void act(struct send *s, enum handover_action action)
{
    switch (action) {
    case HANDOVER_DO_NOTHING:
        return;
    case HANDOVER_DO_ABORT_COPY:
        s->ts->ops->suspend.abort(s->ts);
        return;
    case HANDOVER_DO_FENCE:
        fence(s);
        return;
    case HANDOVER_DO_RENAME_AWAY:
        rename_away(s);
        return;
    case HANDOVER_DO_SEND_GO:
        go(s);
        return;
    case HANDOVER_DO_TAKE_BACK:
        take_back(s);
        return;
    case HANDOVER_DO_DESTROY:
        destroy_here(s);
        return;
    case HANDOVER_DO_RESUME:
        resume_here(s);
        return;
    case HANDOVER_DO_TELL:
        send_tell(s);
        return;
    case HANDOVER_DO_TELL_ANEW:
        send_tell_anew(s);
        return;
    case HANDOVER_DO_FINISH:
        loop_end(s->base, &s->over);
        return;
    }
}

static void await_for_state(struct send *s)
{
    const uint64_t ready_us = s->request->ready_timeout_us, go_us = s->request->go_timeout_us;

    switch (s->handover.state) {
    case HANDOVER_AWAIT_READY:
        send_await(s, (struct send_awaited){ "say that everything has arrived", "ready-timeout", ready_us });
        return;
    case HANDOVER_AWAIT_REPORT:
        send_await(s, (struct send_awaited){ "report whether the VM runs there", "go-timeout", go_us });
        return;
    case HANDOVER_AWAIT_ABORTED:
    case HANDOVER_TAKING_BACK:
    case HANDOVER_TAKING_BACK_ANEW:
        send_await(s, (struct send_awaited){ "say that its copy is gone", "go-timeout", go_us });
        return;
    case HANDOVER_CONFIRMING:
    case HANDOVER_CONFIRMING_ANEW:
    case HANDOVER_WITHDRAWING:
    case HANDOVER_WITHDRAWING_ANEW:
        send_await(s, (struct send_awaited){ "take note of how this ended", "go-timeout", go_us });
        return;
    default:
        send_await_nothing(s);
    }
}

void send_hand_over(struct send *s, enum handover_event event)
{
    const struct handover_step step = handover_step(s->handover.state, event);

    if (step.next == s->handover.state && step.action == HANDOVER_DO_NOTHING)
        return;
    s->handover.state = step.next;
    await_for_state(s);
    act(s, step.action);
}

/* ---- the other side ---- */

static void on_started(struct send *s)
{
    bool undone = s->handover.state == HANDOVER_WITHDRAWING || s->handover.state == HANDOVER_WITHDRAWING_ANEW;

    if (undone) { /* it was not told to, and ours runs */
        s->handover.started_unasked = true;
        send_post(s, HANDOVER_PEER_FAILED);
        return;
    }
    s->progress.running_again_us = now_us();
    send_post(s, HANDOVER_STARTED);
}

static void on_closed(struct send *s)
{
    bool go_never_went_out = s->handover.state == HANDOVER_TAKING_BACK ||
                             s->handover.state == HANDOVER_TAKING_BACK_ANEW;

    s->handover.said.aborted |= go_never_went_out;
    s->handover.said.closed = true;
    send_post(s, HANDOVER_CLOSED);
}

void send_on_handing_over(struct send *s, const struct peer_event *event)
{
    switch (event->kind) {
    case PEER_DEVICES:
        send_release_engine(s);
        return;
    case PEER_GREETED:
        send_on_greeted_anew(s);
        return;
    case PEER_READY:
        s->handover.said.received = true;
        s->link.state = LINK_TAKES_WORDS;
        send_post(s, HANDOVER_READY);
        return;
    case PEER_STARTED:
        on_started(s);
        return;
    case PEER_NOT_STARTED:
        failure_set(&s->why, "it could not be started there: %s", event->text);
        send_post(s, HANDOVER_NOT_STARTED);
        return;
    case PEER_RELEASED:
        s->handover.said.aborted = true;
        send_post(s, HANDOVER_RELEASED);
        return;
    case PEER_CLOSED:
        on_closed(s);
        return;
    case PEER_TROUBLE:
    case PEER_GONE:
        failure_set(&s->why, "%s: %s", s->destination, event->text);
        send_post(s, HANDOVER_PEER_FAILED);
        return;
    case PEER_FAILED:
        /* It never had all of it, and keeps nothing. */
        if (!s->handover.said.received && !handover_is_anew(s->handover.state))
            s->handover.said.aborted = s->handover.said.closed = true;
        failure_set(&s->why, "%s: %s", s->destination, event->text);
        send_post(s, HANDOVER_PEER_FAILED);
        return;
    case PEER_LOST:
        if (!handover_is_end(s->handover.state) && s->handover.state != HANDOVER_DESTROYING)
            failure_set(&s->why, "the connection to %s was lost: %s", s->destination, event->text);
        send_post(s, HANDOVER_PEER_LOST);
        return;
    default:
        return;
    }
}

/*
 * Once the copy is complete, the receiver has what it needs or says itself what
 * it lacks; it lets the connections go in its own time.  But one that could not be replaced is lost with
 * something of it, and a receiver that waits for another one does not say so.
 */
void send_on_channel_lost(struct send *s, const char *text)
{
    if (s->handover.state != HANDOVER_COPYING &&
        !(s->handover.state == HANDOVER_AWAIT_READY && s->link.choice.rejoin))
        return;
    failure_set(&s->why, "%s", text);
    send_post(s, HANDOVER_PEER_LOST);
}
