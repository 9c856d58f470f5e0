/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * An earlier migration of the VM whose command is no more (docs/handover.md).
 * What recover would do without asking anybody is done first; everything else
 * is refused, and recover named.
 *
 *     COPYING, and the guest runs at its own name -> ABORTED -> its destination is told, if it can be reached
 *     ABORTED                                     ------------> likewise
 */
#include "config.h"
#include "xlmig/send/leftover.h"

#include "xlmig/base/text.h"
#include "xlmig/recover/ask.h"
#include "xlmig/handover/rules.h"
#include "xlmig/domain/journalled.h"
#include "xlmig/domain/settle.h"

#include <stdio.h>
#include <string.h>

#define TELL_US 15000000u /* for a connection to that destination, and for its answer */

static void refuse_leftover(struct send *s, const struct journal_record *record)
{
    char id[JOURNAL_ID_SIZE];

    journal_id(record, id);
    check_remedy(check_add(&s->preparation.found, CHECK_REFUSED, "journal",
                           "an earlier migration of this VM is not finished, %s %s (%s)",
                           record->side == JOURNAL_SEND ? "to" : "from", record->peer,
                           journal_state_name(record->state)),
                 "Type: xlmig recover %s", id);
}

static void refuse_held(struct send *s, const struct journal_entry *entry)
{
    char process[32] = "", word[SHELL_WORD_SIZE];

    if (entry->holder)
        snprintf(process, sizeof process, " (process %d)", (int)entry->holder);
    check_remedy(check_add(&s->preparation.found, CHECK_REFUSED, "journal",
                           "another xlmig on this host%s moves this VM already, %s %s (%s)", process,
                           entry->record.side == JOURNAL_SEND ? "to" : "from", entry->record.peer,
                           journal_state_name(entry->record.state)),
                 "xlmig top shows it. To stop it: xlmig cancel %s", shell_word(entry->record.name, word, sizeof word));
}

/* By the rules of recover, without a word of the destination: the guest is this host's, and plainly runs or is paused. */
static bool ends_here(const struct send *s, const struct journal_record *record)
{
    const struct recover_step step = recover_decide((struct recover_facts){
        .side = record->side, .state = record->state, .newest = true, .offered = record->offered,
        .domain = recover_domain_of(&s->vm, record, false), .answer = RECOVER_NO_ANSWER,
    });

    return step.action == RECOVER_RESUME_HERE && step.record == JOURNAL_ABORTED && record->state == JOURNAL_COPYING &&
           recover_is_named(&s->vm, record, host_has_booted_since(s->request->toolstack, record)) &&
           (s->vm.state == VM_RUNNING || s->vm.state == VM_PAUSED) && strcmp(s->vm.name, record->name) == 0;
}

static bool is_to_be_told(const struct journal_record *record)
{
    return record->side == JOURNAL_SEND && record->state == JOURNAL_ABORTED;
}

/* The journal stays, for recover, unless nobody needs it any more. */
static void let_go(struct send *s, bool done)
{
    struct failure failure = { 0 };

    if (done && journal_finish(&s->preparation.leftover, &failure) < 0)
        progress_note(&s->progress, "%s", failure.text);
    journal_release(s->preparation.leftover);
    s->preparation.leftover = NULL;
}

/* ---- telling its destination ---- */

static void on_told(void *user, enum recover_answer answer)
{
    struct send *s = user;
    const struct journal_record *record = journal_record(s->preparation.leftover);
    char id[JOURNAL_ID_SIZE];

    journal_id(record, id);
    if (answer == RECOVER_STARTED)
        check_remedy(check_add(&s->preparation.found, CHECK_REFUSED, "journal",
                               "IT MAY RUN TWICE: somebody started the copy that an earlier migration left on %s, and "
                               "both may write to its disks", record->peer),
                     "Stop one of them now, by xl destroy on the host whose copy is worth less. Then type: "
                     "xlmig recover %s", id);
    else if (answer != RECOVER_CLOSED)
        progress_note(&s->progress,
                      "%s is still to be told that an earlier migration of %s is over (%s); at any time, type: "
                      "xlmig recover %s", record->peer, s->vm.name, recover_ask_text(s->preparation.leftover_ask), id);
    let_go(s, answer == RECOVER_CLOSED);
    send_post_preparation(s, PREPARATION_CLEAR);
}

void send_tell_leftover(struct send *s)
{
    const struct journal_record *record = journal_record(s->preparation.leftover);

    if (!record->transport[0]) { /* it keeps no journal, and gave up when its connection ended */
        let_go(s, true);
        send_post_preparation(s, PREPARATION_CLEAR);
        return;
    }
    s->preparation.leftover_ask = recover_ask_new(s->base, &s->host, record, NULL, TELL_US);
    if (!s->preparation.leftover_ask) {
        send_refuse(s, EXIT_REFUSED, "out of memory");
        return;
    }
    progress_note(&s->progress, "telling %s that an earlier migration of %s is over", record->peer, s->vm.name);
    recover_ask_say(s->preparation.leftover_ask, MESSAGE_ABORT, on_told, s);
}

/* ---- ending it here ---- */

static void on_settled(void *user, enum settle_end end, const struct failure *failure)
{
    struct send *s = user;

    if (end == SETTLE_RUNS || end == SETTLE_PAUSED || s->preparation.state == PREPARATION_CANCELLING)
        send_post_preparation(s, PREPARATION_SETTLED);
    else
        send_refuse(s, EXIT_REFUSED, "an earlier migration left it in such a state that it does not run: %s",
                    failure ? failure->text : end == SETTLE_TAKEN ? "another process saves or migrates it" : "it has ended");
}

/* A request to suspend that the dead command made: the guest must not obey it later. */
void send_settle_leftover(struct send *s)
{
    struct standing standing = { .domain = { .domid = s->vm.domid } }, left;
    struct failure failure = { 0 };

    if (standing_read(journal_record(s->preparation.leftover)->token, &left) == 0 &&
        left.domain.domid == standing.domain.domid)
        standing = left;
    if (s->ts->ops->suspend.withdraw(s->ts, s->vm.domid, &failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
        return;
    }
    settle_guest(s->ts, s->base, &standing, 0, on_settled, s);
}

static void end_it(struct send *s)
{
    const struct journal_record *record = journal_record(s->preparation.leftover);
    struct failure failure = { 0 };

    if (is_to_be_told(record)) {
        send_post_preparation(s, PREPARATION_UNTOLD);
    } else if (!ends_here(s, record)) { /* it went on while nobody held it */
        refuse_leftover(s, record);
        let_go(s, false);
        send_post_preparation(s, PREPARATION_CLEAR);
    } else if (journal_advance(s->preparation.leftover, JOURNAL_ABORTED, "its command died", &failure) < 0) {
        send_refuse(s, EXIT_REFUSED, "an earlier migration of this VM cannot be ended: %s (in %s)", failure.text,
                    s->ledger.dir);
    } else {
        progress_note(&s->progress, "an earlier migration of %s to %s, whose command is no more, is ended first",
                      s->vm.name, record->peer);
        send_post_preparation(s, PREPARATION_UNSETTLED);
    }
}

static void take_it(struct send *s, const struct journal_entry *entry)
{
    struct failure failure = { 0 };

    switch (journal_take(s->ledger.dir, JOURNAL_SEND, entry->record.token, &s->preparation.leftover, &failure)) {
    case JOURNAL_TAKEN:
        end_it(s);
        return;
    case JOURNAL_UNKNOWN: /* recover was faster */
        break;
    case JOURNAL_HELD:
        refuse_held(s, entry);
        break;
    case JOURNAL_TROUBLE:
        check_add(&s->preparation.found, CHECK_REFUSED, "journal", "%s", failure.text);
        break;
    }
    send_post_preparation(s, PREPARATION_CLEAR);
}

void send_end_leftover(struct send *s)
{
    struct failure failure = { 0 };
    struct journal_entry entry;
    int rc = journal_dir(s->request->toolstack, s->ledger.dir, &failure) < 0
                 ? -1 : journal_find_vm(s->ledger.dir, s->vm.uuid, &entry, &failure);
    bool ends = rc == 0 && ends_here(s, &entry.record);

    if (rc == 0 && !entry.held && !s->request->check_only && (ends || is_to_be_told(&entry.record))) {
        take_it(s, &entry);
        return;
    }
    if (rc < 0)
        check_add(&s->preparation.found, CHECK_REFUSED, "journal", "%s", failure.text);
    else if (rc == 0 && entry.held)
        refuse_held(s, &entry);
    else if (ends)
        check_add(&s->preparation.found, CHECK_WARNING, "journal",
                  "an earlier migration of this VM, to %s, was interrupted; to send it ends that first", entry.record.peer);
    else if (rc == 0 && !journal_may_end(entry.record.state))
        refuse_leftover(s, &entry.record);
    send_post_preparation(s, PREPARATION_CLEAR);
}

/* ---- a VM that cannot be sent as it is, and why ---- */

bool send_is_left_over(struct send *s, struct failure *why)
{
    struct failure failure = { 0 };
    struct journal_entry entry;
    char dir[PATH_MAX];

    if (journal_dir(s->request->toolstack, dir, &failure) < 0 ||
        journal_find_unfinished(dir, s->vm.name[0] ? s->vm.uuid : NULL, s->request->vm, &entry, &failure) != 0)
        return false;
    journal_tell_unfinished(&entry, why);
    return true;
}
