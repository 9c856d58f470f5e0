/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The destination's half of docs/handover.md, once there is a journal: what the
 * source may ask of it, on the connection of the migration or on a new one.
 * Which record allows what is decided here and nowhere else.
 *
 *     the word, by the journal's state                 act_on_word()
 *         READY     take over, say so, or give back    in_ready()
 *         GO        start, say so, or give back        in_go()
 *         STARTED   say so, or forget                  in_started()
 *         others    give back
 *     and one answer, which tells what is so by then   answer()
 */
#include "config.h"
#include "xlmig/receive/word.h"

#include "xlmig/base/exit.h"
#include "xlmig/domain/journalled.h"
#include "xlmig/receive/holding.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HOLDER_LOOK_US 100000u
#define HOLDER_TERM_US 5000000u  /* a receiver that is told to end may take so long ... */
#define HOLDER_WAIT_US 10000000u /* ... and its lock is waited for so long */

/* ---- answers ---- */

static void answer(struct receiver *r, enum message_type type, bool flag, const char *text)
{
    receive_await(r, RECEIVE_AWAIT_WORD, r->request->idle_timeout_us);
    conversation_say(r->conversation, type, flag, "%s", text);
    conversation_listen(r->conversation);
}

/* Nothing of this token is here any more, or it never was. */
static void answer_closed(struct receiver *r, int exit_status)
{
    conversation_say(r->conversation, MESSAGE_CLOSED, false, "%s", "");
    receive_finish(r, exit_status);
}

/* Ask again: what was asked for cannot be done just now, and nothing was changed. */
static void answer_busy(struct receiver *r, const char *text)
{
    fprintf(stderr, "xlmig receive: %s\n", text);
    answer(r, MESSAGE_BUSY, false, text);
}

static void act(struct receiver *r)
{
    conversation_pause(r->conversation);
    receive_await(r, RECEIVE_ACTING, 0); /* libxl bounds it */
}

/* ---- starting it ---- */

static void started(struct receiver *r)
{
    struct failure failure = { 0 };

    if (journal_advance(r->holding.journal, JOURNAL_STARTED, NULL, &failure) < 0)
        answer_busy(r, failure.text); /* it runs; recover, or the source's next question, tries again */
    else
        answer(r, MESSAGE_REPORT, true, "");
}

static void on_unpaused(void *user, const struct failure *failure)
{
    if (failure)
        answer(user, MESSAGE_REPORT, false, failure->text);
    else
        started(user);
}

/* The journal says GO.  It stays here, paused, if it cannot be started. */
static void start(struct receiver *r)
{
    const struct journal_record *record = journal_record(r->holding.journal);
    struct failure failure = { 0 };

    if (vm_take_own_name(r->ts, &r->holding.vm, record, &failure) < 0) {
        answer(r, MESSAGE_REPORT, false, failure.text);
    } else if (record->paused) {
        started(r);
    } else {
        act(r);
        r->ts->ops->domain.unpause(r->ts, r->holding.vm.domid, on_unpaused, r);
    }
}

/*
 * What cannot be recorded is not done, but this may be the VM's only copy: it is
 * kept until the source wants the VM back.
 */
static void take_over(struct receiver *r)
{
    struct failure failure = { 0 };

    if (journal_advance(r->holding.journal, JOURNAL_GO, NULL, &failure) < 0)
        answer(r, MESSAGE_REPORT, false, failure.text);
    else
        start(r);
}

/* ---- giving it back ---- */

/* The copy is gone.  The source must be able to hear that again, until it says itself that it aborted. */
static void dropped(struct receiver *r)
{
    bool last = r->word.type == MESSAGE_ABORT;

    if ((last || !journal_record(r->holding.journal)->offered) && receive_forget(r) < 0)
        answer_busy(r, "the journal cannot be removed");
    else if (last)
        answer_closed(r, EXIT_FAILED);
    else
        answer(r, MESSAGE_ABORTED, false, "");
}

static void on_copy_destroyed(void *user, const struct failure *failure)
{
    struct receiver *r = user;

    if (failure && receive_look(r) != RECOVER_DOMAIN_ABSENT) /* the one who made it may have been faster */
        answer_busy(r, failure->text);
    else
        dropped(r);
}

static void give_back(struct receiver *r, enum recover_domain domain)
{
    struct failure failure = { 0 };

    if (journal_record(r->holding.journal)->state != JOURNAL_ABORTED &&
        journal_advance(r->holding.journal, JOURNAL_ABORTED, "the source has it", &failure) < 0) {
        answer_busy(r, failure.text);
    } else if (domain == RECOVER_DOMAIN_ABSENT) {
        dropped(r);
    } else {
        act(r);
        r->ts->ops->domain.destroy(r->ts, r->holding.vm.domid, on_copy_destroyed, r);
    }
}

/* ---- what the source says, by what the journal says ---- */

static void in_ready(struct receiver *r, enum recover_domain domain)
{
    if (domain != RECOVER_DOMAIN_INCOMING && domain != RECOVER_DOMAIN_ABSENT)
        answer_busy(r, "somebody has started or renamed the copy there");
    else if (r->word.type == MESSAGE_GO && domain == RECOVER_DOMAIN_INCOMING && r->holding.vm.state == VM_PAUSED)
        take_over(r);
    else if ((r->word.type == MESSAGE_ASK || r->word.type == MESSAGE_CONFIRM) && domain == RECOVER_DOMAIN_INCOMING)
        answer(r, MESSAGE_RECEIVED, false, "");
    else
        give_back(r, domain); /* as asked; or the copy is gone, or goes: the source goes on */
}

/* A copy that is paused, or is being destroyed, and whose vCPUs have used no time. */
static bool never_ran(const struct receiver *r, enum recover_domain domain)
{
    return (domain == RECOVER_DOMAIN_INCOMING || domain == RECOVER_DOMAIN_PAUSED || r->holding.vm.state == VM_DYING) &&
           r->holding.vm.cpu_ns == 0;
}

static void in_go(struct receiver *r, enum recover_domain domain)
{
    bool is_back = r->word.type == MESSAGE_TAKE_BACK || r->word.type == MESSAGE_ABORT;

    if (domain == RECOVER_DOMAIN_ABSENT && r->word.type == MESSAGE_ABORT)
        give_back(r, domain); /* a human had the source's copy run */
    else if (domain == RECOVER_DOMAIN_ABSENT)
        answer(r, MESSAGE_LOST, false, "it went down with the host");
    else if (!never_ran(r, domain))
        started(r);
    else if (is_back)
        give_back(r, domain);
    else if (r->word.type == MESSAGE_GO)
        start(r);
    else
        answer(r, MESSAGE_REPORT, false, "it was not started");
}

static void in_started(struct receiver *r)
{
    if (r->word.type != MESSAGE_CONFIRM)
        answer(r, MESSAGE_REPORT, true, "");
    else if (receive_forget(r) < 0)
        answer_busy(r, "the journal cannot be removed");
    else
        answer_closed(r, EXIT_OK);
}

static void act_on_word(struct receiver *r)
{
    struct failure failure = { 0 };
    enum recover_domain domain;

    if (journal_accepts(r->holding.journal, r->word.said.token, r->word.said.generation, &failure) < 0) {
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
        receive_leave(r);
        return;
    }
    /* Whatever there is of the VM is the newer attempt's. */
    domain = journal_is_newest(r->holding.journal) ? receive_look(r) : RECOVER_DOMAIN_ABSENT;
    if (domain == RECOVER_DOMAIN_UNKNOWN) {
        answer_busy(r, "the toolstack there does not say what it has");
        return;
    }
    switch (journal_record(r->holding.journal)->state) {
    case JOURNAL_READY:
        in_ready(r, domain);
        return;
    case JOURNAL_GO:
        in_go(r, domain);
        return;
    case JOURNAL_STARTED:
        in_started(r);
        return;
    default: /* INCOMING, whose receiver died; ABORTED */
        if (domain == RECOVER_DOMAIN_INCOMING || domain == RECOVER_DOMAIN_ABSENT)
            give_back(r, domain);
        else
            answer_busy(r, "there is a VM with its UUID that this migration did not leave so");
    }
}

/* ---- on a new connection ---- */

/*
 * The receiver of a connection that was lost, which did not notice, or does not
 * end.  It may be ended at any step.  Nobody but a receiver of this very token
 * yields: not recover, and no other attempt to move the VM.
 */
static void end_holder(struct receiver *r, const char *dir)
{
    int signum = !r->word.kill_us ? SIGTERM : now_us() >= r->word.kill_us ? SIGKILL : 0, pidfd;

    if (!signum || (pidfd = journal_holder(dir, JOURNAL_RECEIVE, r->word.said.token)) < 0)
        return;
    syscall(SYS_pidfd_send_signal, pidfd, signum, NULL, 0);
    close(pidfd);
    if (!r->word.kill_us)
        r->word.kill_us = now_us() + HOLDER_TERM_US;
}

/* Become the one that answers for this token. */
static void take_up(struct receiver *r)
{
    struct timeval soon = us_to_timeval(HOLDER_LOOK_US);
    struct failure failure = { 0 };
    char dir[PATH_MAX];

    if (journal_dir(r->request->toolstack, dir, &failure) < 0) {
        answer_busy(r, failure.text);
        return;
    }
    switch (journal_take(dir, JOURNAL_RECEIVE, r->word.said.token, &r->holding.journal, &failure)) {
    case JOURNAL_TAKEN:
        journal_yields(r->holding.journal);
        act_on_word(r);
        return;
    case JOURNAL_UNKNOWN:
        answer_closed(r, EXIT_OK);
        return;
    case JOURNAL_TROUBLE:
        answer_busy(r, failure.text);
        return;
    case JOURNAL_HELD:
        if (r->word.type == MESSAGE_ASK || now_us() >= r->word.deadline_us) {
            answer_busy(r, "another process there is at it");
            return;
        }
        end_holder(r, dir);
        conversation_pause(r->conversation);
        receive_await(r, RECEIVE_AWAIT_HOLDER, 0);
        evtimer_add(r->word.look, &soon);
    }
}

static void on_holder_look(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    take_up(user);
}

int receive_on_word(struct receiver *r, enum message_type type, const void *payload, size_t len)
{
    if (message_decode_word(type, payload, len, &r->word.said) < 0 || !r->word.said.generation)
        return -1;
    r->word.type = type;
    if (!r->word.look && !(r->word.look = evtimer_new(r->base, on_holder_look, r)))
        return -1;
    r->word.deadline_us = now_us() + HOLDER_WAIT_US;
    r->word.kill_us = 0;
    if (r->holding.journal)
        act_on_word(r);
    else
        take_up(r);
    return 0;
}
