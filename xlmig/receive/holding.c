/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The destination's half of docs/handover.md: its journal, the copy that it
 * keeps once all has arrived, and what the source may ask of it, on the
 * connection of the migration or on a new one.  Which record allows what is
 * decided here and nowhere else.
 */
#include "config.h"
#include "xlmig/receive/internal.h"

#include "xlmig/domain/journalled.h"
#include "xlmig/base/exit.h"
#include "xlmig/base/state-dir.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HOLDER_LOOK_US 100000u
#define HOLDER_TERM_US 5000000u  /* a receiver that is told to end may take so long ... */
#define HOLDER_WAIT_US 10000000u /* ... and its lock is waited for so long */

/* ---- the journal ---- */

int receive_begin_journal(struct receiver *r, struct failure *failure)
{
    struct journal_record record = {
        .side = JOURNAL_RECEIVE, .generation = r->how.generation, .paused = r->paused,
    };
    char dir[PATH_MAX];

    if (!r->how.generation)
        return 0; /* a sender that keeps none */
    memcpy(record.token, r->how.token, sizeof record.token);
    memcpy(record.uuid, r->vm.uuid, sizeof record.uuid);
    snprintf(record.name, sizeof record.name, "%s", r->vm.name);
    snprintf(record.peer, sizeof record.peer, "%s", r->sender[0] ? r->sender : "unknown");
    host_boot(r->request->toolstack, record.boot);
    if (journal_dir(r->request->toolstack, dir, failure) < 0)
        return -1;
    r->journal = journal_create(dir, &record, failure);
    if (r->journal)
        journal_yields(r->journal);
    return r->journal ? 0 : -1;
}

void receive_record_aborted(struct receiver *r, const char *why)
{
    struct failure failure = { 0 };

    /* What was never READY may be destroyed all the same: nobody relies on it. */
    if (r->journal && journal_record(r->journal)->state == JOURNAL_INCOMING &&
        journal_advance(r->journal, JOURNAL_ABORTED, why, &failure) < 0)
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
}

/* -1: it stays, and recover finds it. */
static int forget(struct receiver *r)
{
    struct failure failure = { 0 };

    if (journal_finish(&r->journal, &failure) == 0)
        return 0;
    fprintf(stderr, "xlmig receive: %s\n", failure.text);
    return -1;
}

void receive_forget(struct receiver *r)
{
    if (r->journal && journal_record(r->journal)->state == JOURNAL_ABORTED && !journal_record(r->journal)->offered)
        forget(r);
}

bool receive_is_holding(const struct receiver *r)
{
    return r->state == AWAIT_WORD || r->state == ACTING || r->state == AWAIT_HOLDER;
}

/* The source is gone, or silent.  What there is stays as the journal says, for recover and for the source's word. */
void receive_leave(struct receiver *r)
{
    int status = EXIT_FAILED;

    if (r->journal)
        switch (journal_record(r->journal)->state) {
        case JOURNAL_READY:
        case JOURNAL_GO:
            status = EXIT_IN_DOUBT;
            break;
        case JOURNAL_STARTED:
            status = EXIT_OK;
            break;
        default:
            break;
        }
    if (status == EXIT_IN_DOUBT)
        fprintf(stderr, "xlmig receive: %s is kept here, paused, until %s says what becomes of it; there, type: "
                        "xlmig recover\n", journal_record(r->journal)->name, journal_record(r->journal)->peer);
    journal_release(r->journal);
    r->journal = NULL;
    receive_finish(r, status);
}

/* ---- the copy ---- */

/* What is here of the VM. */
static enum recover_domain look(struct receiver *r)
{
    struct failure failure = { 0 };
    enum recover_domain domain = vm_find_journalled(r->ts, journal_record(r->journal), &r->copy, &failure);

    if (domain == RECOVER_DOMAIN_UNKNOWN)
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
    return domain;
}

bool receive_held(struct receiver *r)
{
    struct failure failure = { 0 };
    enum recover_domain domain = look(r);

    if (domain == RECOVER_DOMAIN_UNKNOWN)
        failure_set(&failure, "the toolstack there does not say what it has");
    else if (domain != RECOVER_DOMAIN_INCOMING || r->copy.state != VM_PAUSED)
        failure_set(&failure, "what xl made of it is gone");
    else if (journal_advance(r->journal, JOURNAL_READY, NULL, &failure) == 0) {
        receive_await(r, AWAIT_WORD, r->request->idle_timeout_us);
        receive_send_simple(r, MESSAGE_RECEIVED, false, "%s", "");
        event_add(r->frames, NULL);
        return true;
    }
    snprintf(r->device_error, sizeof r->device_error, "%s", failure.text);
    return false;
}

/* ---- answers ---- */

static void answer(struct receiver *r, enum message_type type, bool flag, const char *text)
{
    receive_await(r, AWAIT_WORD, r->request->idle_timeout_us);
    receive_send_simple(r, type, flag, "%s", text);
    event_add(r->frames, NULL);
}

/* Nothing of this token is here any more, or it never was. */
static void answer_closed(struct receiver *r, int exit_status)
{
    receive_send_simple(r, MESSAGE_CLOSED, false, "%s", "");
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
    event_del(r->frames);
    receive_await(r, ACTING, 0); /* libxl bounds it */
}

/* ---- starting it ---- */

static void started(struct receiver *r)
{
    struct failure failure = { 0 };

    if (journal_advance(r->journal, JOURNAL_STARTED, NULL, &failure) < 0)
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
    const struct journal_record *record = journal_record(r->journal);
    struct failure failure = { 0 };

    if (vm_take_own_name(r->ts, &r->copy, record, &failure) < 0) {
        answer(r, MESSAGE_REPORT, false, failure.text);
    } else if (record->paused) {
        started(r);
    } else {
        act(r);
        r->ts->ops->domain.unpause(r->ts, r->copy.domid, on_unpaused, r);
    }
}

/*
 * What cannot be recorded is not done, but this may be the VM's only copy: it is
 * kept until the source wants the VM back.
 */
static void take_over(struct receiver *r)
{
    struct failure failure = { 0 };

    if (journal_advance(r->journal, JOURNAL_GO, NULL, &failure) < 0)
        answer(r, MESSAGE_REPORT, false, failure.text);
    else
        start(r);
}

/* ---- giving it back ---- */

/* The copy is gone.  The source must be able to hear that again, until it says itself that it aborted. */
static void dropped(struct receiver *r)
{
    bool last = r->word_type == MESSAGE_ABORT;

    if ((last || !journal_record(r->journal)->offered) && forget(r) < 0)
        answer_busy(r, "the journal cannot be removed");
    else if (last)
        answer_closed(r, EXIT_FAILED);
    else
        answer(r, MESSAGE_ABORTED, false, "");
}

static void on_copy_destroyed(void *user, const struct failure *failure)
{
    struct receiver *r = user;

    if (failure && look(r) != RECOVER_DOMAIN_ABSENT) /* the one who made it may have been faster */
        answer_busy(r, failure->text);
    else
        dropped(r);
}

static void give_back(struct receiver *r, enum recover_domain domain)
{
    struct failure failure = { 0 };

    if (journal_record(r->journal)->state != JOURNAL_ABORTED &&
        journal_advance(r->journal, JOURNAL_ABORTED, "the source has it", &failure) < 0) {
        answer_busy(r, failure.text);
    } else if (domain == RECOVER_DOMAIN_ABSENT) {
        dropped(r);
    } else {
        act(r);
        r->ts->ops->domain.destroy(r->ts, r->copy.domid, on_copy_destroyed, r);
    }
}

/* ---- what the source says, by what the journal says ---- */

static void in_ready(struct receiver *r, enum recover_domain domain)
{
    if (domain != RECOVER_DOMAIN_INCOMING && domain != RECOVER_DOMAIN_ABSENT)
        answer_busy(r, "somebody has started or renamed the copy there");
    else if (r->word_type == MESSAGE_GO && domain == RECOVER_DOMAIN_INCOMING && r->copy.state == VM_PAUSED)
        take_over(r);
    else if ((r->word_type == MESSAGE_ASK || r->word_type == MESSAGE_CONFIRM) && domain == RECOVER_DOMAIN_INCOMING)
        answer(r, MESSAGE_RECEIVED, false, "");
    else
        give_back(r, domain); /* as asked; or the copy is gone, or goes: the source goes on */
}

/* A copy that is paused, or is being destroyed, and whose vCPUs have used no time. */
static bool never_ran(const struct receiver *r, enum recover_domain domain)
{
    return (domain == RECOVER_DOMAIN_INCOMING || domain == RECOVER_DOMAIN_PAUSED || r->copy.state == VM_DYING) &&
           r->copy.cpu_ns == 0;
}

static void in_go(struct receiver *r, enum recover_domain domain)
{
    bool is_back = r->word_type == MESSAGE_TAKE_BACK || r->word_type == MESSAGE_ABORT;

    if (domain == RECOVER_DOMAIN_ABSENT && r->word_type == MESSAGE_ABORT)
        give_back(r, domain); /* a human had the source's copy run */
    else if (domain == RECOVER_DOMAIN_ABSENT)
        answer(r, MESSAGE_LOST, false, "it went down with the host");
    else if (!never_ran(r, domain))
        started(r);
    else if (is_back)
        give_back(r, domain);
    else if (r->word_type == MESSAGE_GO)
        start(r);
    else
        answer(r, MESSAGE_REPORT, false, "it was not started");
}

static void in_started(struct receiver *r)
{
    if (r->word_type != MESSAGE_CONFIRM)
        answer(r, MESSAGE_REPORT, true, "");
    else if (forget(r) < 0)
        answer_busy(r, "the journal cannot be removed");
    else
        answer_closed(r, EXIT_OK);
}

static void act_on_word(struct receiver *r)
{
    struct failure failure = { 0 };
    enum recover_domain domain;

    if (journal_accepts(r->journal, r->word.token, r->word.generation, &failure) < 0) {
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
        receive_leave(r);
        return;
    }
    /* Whatever there is of the VM is the newer attempt's. */
    domain = journal_is_newest(r->journal) ? look(r) : RECOVER_DOMAIN_ABSENT;
    if (domain == RECOVER_DOMAIN_UNKNOWN) {
        answer_busy(r, "the toolstack there does not say what it has");
        return;
    }
    switch (journal_record(r->journal)->state) {
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
    int signum = !r->holder_kill_us ? SIGTERM : now_us() >= r->holder_kill_us ? SIGKILL : 0, pidfd;

    if (!signum || (pidfd = journal_holder(dir, JOURNAL_RECEIVE, r->word.token)) < 0)
        return;
    syscall(SYS_pidfd_send_signal, pidfd, signum, NULL, 0);
    close(pidfd);
    if (!r->holder_kill_us)
        r->holder_kill_us = now_us() + HOLDER_TERM_US;
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
    switch (journal_take(dir, JOURNAL_RECEIVE, r->word.token, &r->journal, &failure)) {
    case JOURNAL_TAKEN:
        journal_yields(r->journal);
        act_on_word(r);
        return;
    case JOURNAL_UNKNOWN:
        answer_closed(r, EXIT_OK);
        return;
    case JOURNAL_TROUBLE:
        answer_busy(r, failure.text);
        return;
    case JOURNAL_HELD:
        if (r->word_type == MESSAGE_ASK || now_us() >= r->holder_deadline_us) {
            answer_busy(r, "another process there is at it");
            return;
        }
        end_holder(r, dir);
        event_del(r->frames);
        receive_await(r, AWAIT_HOLDER, 0);
        evtimer_add(r->holder_look, &soon);
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
    if (message_decode_word(type, payload, len, &r->word) < 0 || !r->word.generation)
        return -1;
    r->word_type = type;
    if (!r->holder_look && !(r->holder_look = evtimer_new(r->base, on_holder_look, r)))
        return -1;
    r->holder_deadline_us = now_us() + HOLDER_WAIT_US;
    r->holder_kill_us = 0;
    if (r->journal)
        act_on_word(r);
    else
        take_up(r);
    return 0;
}
