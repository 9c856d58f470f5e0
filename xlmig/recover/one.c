/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* One journal: facts, the step that follows from them, the act; and again, until a step is an end. */
#include "config.h"
#include "xlmig/recover/recover.h"

#include "xlmig/base/loop.h"
#include "xlmig/domain/journalled.h"
#include "xlmig/recover/ask.h"
#include "xlmig/domain/settle.h"
#include "xlmig/domain/standing.h"
#include "xlmig/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STEPS_MAX 10
#define SAVER_LOOKS_MAX 50 /* ten seconds */

struct recovery {
    struct recover_run *run;
    struct recover_account account;
    struct journal *journal;
    struct recover_facts facts;
    struct vm vm;                   /* as facts.domain has it */
    unsigned woken;                 /* pauses that its command took from it; standing.h */
    struct recover_ask *ask;        /* NULL: the destination was not asked yet, or there is nobody to be asked */
    bool asked;                     /* facts.answer counts */
    struct failure failure;
};

/* ---- operations that take time ---- */

struct wait {
    bool over;
    enum settle_end end;
    enum recover_answer answer;
    struct failure *failure;
};

static void on_done(void *user, const struct failure *failure)
{
    struct wait *w = user;

    w->over = true;
    if (failure)
        failure_set(w->failure, "%s", failure->text);
}

static void on_settled(void *user, enum settle_end end, const struct failure *failure)
{
    struct wait *w = user;

    w->end = end;
    on_done(user, failure);
}

static void on_answer(void *user, enum recover_answer answer)
{
    struct wait *w = user;

    w->over = true;
    w->answer = answer;
}

/* Who does it bounds it. */
static int await(struct recovery *r, struct wait *w)
{
    loop_run(r->run->base, &w->over);
    return r->failure.text[0] ? -1 : 0;
}

/* ---- facts ---- */

static struct recover_facts first_facts(const struct recover_run *run, const struct journal_record *record, bool newest)
{
    return (struct recover_facts){
        .side = record->side, .state = record->state, .newest = newest, .offered = record->offered,
        .booted = host_has_booted_since(run->request->toolstack, record), .domain = RECOVER_DOMAIN_UNKNOWN,
    };
}

static void look(struct recovery *r, const struct journal_record *record)
{
    struct journalled found = { .domain = RECOVER_DOMAIN_UNKNOWN };
    struct failure failure = { 0 };
    enum recover_domain before = r->facts.domain;

    if (!r->facts.newest)
        return; /* whatever there is of the VM is the newer attempt's */
    if (r->run->ts)
        vm_find_journalled(r->run->ts, r->run->request->toolstack, record, &found, &failure);
    r->facts.domain = found.domain;
    r->facts.other = found.other;
    r->vm = found.vm;
    if (r->facts.domain != before || before == RECOVER_DOMAIN_UNKNOWN)
        recover_tell_here(&r->account, r->facts.domain, &r->vm);
}

/* The helper of a command that was killed is about to end: that is no reason to have a human come again. */
static void await_saver(struct recovery *r)
{
    static const struct timespec between = { 0, 200000000 };

    for (int i = 0; i < SAVER_LOOKS_MAX && r->facts.domain == RECOVER_DOMAIN_SAVED; i++) {
        nanosleep(&between, NULL);
        look(r, journal_record(r->journal));
    }
}

static bool same_step(struct recover_step a, struct recover_step b)
{
    return a.action == b.action && a.record == b.record && a.words == b.words;
}

/* Does what is to be done hang on the destination's answer? */
static bool answer_counts(struct recover_facts facts)
{
    struct recover_step silent;

    facts.answer = RECOVER_NO_ANSWER;
    silent = recover_decide(facts);
    for (int a = 0; a < RECOVER_NR_ANSWERS; a++) {
        facts.answer = (enum recover_answer)a;
        if (!same_step(recover_decide(facts), silent))
            return true;
    }
    return false;
}

/* xl, and a release without journals, keep nothing that could be asked for or told. */
static bool has_nobody_there(const struct journal_record *record)
{
    return record->side == JOURNAL_SEND && !record->transport[0];
}

/* ---- asking ---- */

static bool same_way(const struct journal_record *a, const struct journal_record *b)
{
    return strcmp(a->peer, b->peer) == 0 && strcmp(a->transport, b->transport) == 0 &&
           strcmp(a->ssh_command, b->ssh_command) == 0;
}

static bool was_silent(const struct recover_run *run, const struct journal_record *record)
{
    for (size_t i = 0; i < run->nr_silent; i++)
        if (same_way(&run->silent[i], record))
            return true;
    return false;
}

static void remember_silent(struct recover_run *run, const struct journal_record *record)
{
    struct journal_record *more = realloc(run->silent, (run->nr_silent + 1) * sizeof *more);

    if (!more)
        return; /* then another one waits for it, too */
    run->silent = more;
    run->silent[run->nr_silent++] = *record;
}

static void say(struct recovery *r, enum message_type type)
{
    const struct journal_record *record = journal_record(r->journal);
    const struct recover_request *request = r->run->request;
    struct wait w = { .answer = RECOVER_NO_ANSWER };

    r->asked = true;
    r->facts.answer = RECOVER_NO_ANSWER;
    if (has_nobody_there(record)) {
        r->facts.answer = RECOVER_CLOSED;
        return;
    }
    if (was_silent(r->run, record)) {
        recover_tell_there(&r->account, RECOVER_NO_ANSWER, "it did not answer a moment ago");
        return;
    }
    if (!r->ask)
        r->ask = recover_ask_new(r->run->base, &r->run->own, record, request->transport, request->timeout_us);
    if (r->ask) {
        recover_ask_say(r->ask, type, on_answer, &w);
        await(r, &w);
        r->facts.answer = w.answer;
    }
    if (r->facts.answer == RECOVER_NO_ANSWER)
        remember_silent(r->run, record);
    recover_tell_there(&r->account, r->facts.answer, r->ask ? recover_ask_text(r->ask) : "out of memory");
}

static void gather(struct recovery *r)
{
    r->facts.state = journal_record(r->journal)->state;
    r->facts.offered = journal_record(r->journal)->offered;
    look(r, journal_record(r->journal));
    await_saver(r);
    if (r->facts.side == JOURNAL_SEND && !r->asked && answer_counts(r->facts)) {
        say(r, MESSAGE_ASK);
        look(r, journal_record(r->journal)); /* the answer took its time, and others act meanwhile */
    }
}

/* Is what was decided still what the facts ask for?  The last look before an act that cannot be taken back. */
static bool is_still_so(struct recovery *r, const struct recover_facts *decided)
{
    look(r, journal_record(r->journal));
    return r->facts.domain == decided->domain && r->facts.other == decided->other;
}

/* ---- acts ---- */

/* Our pause is taken back; what is paused from now on is so by others, and stays so. */
static void name_unfenced(struct recovery *r)
{
    struct journal_domain domain = journal_record(r->journal)->domain;

    domain.fenced = false;
    r->woken = 0;
    journal_name_domain(r->journal, domain);
}

/* It may be suspended, run, or be about to be suspended by a request that its command left. */
static int resume_here(struct recovery *r)
{
    const struct standing standing = {
        .domain = { .domid = r->vm.domid, .fenced = journal_record(r->journal)->domain.fenced }, .woken = r->woken,
    };
    struct wait w = { .failure = &r->failure };
    struct toolstack *ts = r->run->ts;

    if (r->facts.domain == RECOVER_DOMAIN_STRANGER || r->facts.domain == RECOVER_DOMAIN_TAKEN)
        return 0; /* it is others', who let it run; that is recorded */
    if (r->facts.domain != RECOVER_DOMAIN_SUSPENDED && ts->ops->suspend.withdraw(ts, r->vm.domid, &r->failure) < 0)
        return -1;
    settle_guest(ts, r->run->base, &standing, SETTLE_GRACE_US, on_settled, &w);
    if (await(r, &w) < 0 || w.end == SETTLE_ENDED || w.end == SETTLE_GONE || w.end == SETTLE_TAKEN)
        return r->failure.text[0] ? -1 : 0;
    standing_remove(journal_record(r->journal)->token);
    name_unfenced(r);
    return vm_take_own_name(ts, &r->vm, journal_record(r->journal), &r->failure);
}

static int destroy_here(struct recovery *r)
{
    struct wait w = { .failure = &r->failure };

    r->run->ts->ops->domain.destroy(r->run->ts, r->vm.domid, on_done, &w);
    if (await(r, &w) == 0)
        return 0;
    look(r, journal_record(r->journal));
    if (r->facts.domain != RECOVER_DOMAIN_ABSENT)
        return -1;
    r->failure.text[0] = '\0'; /* the one who made it was faster */
    return 0;
}

/* What cannot be started is the next step's to say. */
static int start_here(struct recovery *r)
{
    const struct journal_record *record = journal_record(r->journal);
    struct wait w = { .failure = &r->failure };

    r->facts.tried = true;
    if (vm_take_own_name(r->run->ts, &r->vm, record, &r->failure) == 0 && !record->paused) {
        r->run->ts->ops->domain.unpause(r->run->ts, r->vm.domid, on_done, &w);
        await(r, &w);
    }
    if (r->failure.text[0])
        fprintf(stderr, "xlmig: %s cannot be started: %s%s\n", record->name, r->failure.text,
                text_stop(r->failure.text));
    r->failure.text[0] = '\0';
    return 0;
}

/* Its last words.  Who cannot take note of them now is to be told later. */
static void tell_last(struct recovery *r, enum message_type type)
{
    say(r, type);
    if (r->facts.answer == RECOVER_BUSY)
        r->facts.answer = RECOVER_NO_ANSWER;
}

static int act(struct recovery *r, enum recover_action action)
{
    switch (action) {
    case RECOVER_RESUME_HERE:
        return resume_here(r);
    case RECOVER_DESTROY_HERE:
        return destroy_here(r);
    case RECOVER_START_HERE:
        return start_here(r);
    case RECOVER_SEND_GO:
        r->facts.tried = true;
        say(r, MESSAGE_GO);
        return 0;
    case RECOVER_TAKE_BACK:
        say(r, MESSAGE_TAKE_BACK);
        return 0;
    case RECOVER_ABORT_THERE:
        tell_last(r, MESSAGE_ABORT);
        return 0;
    case RECOVER_CONFIRM:
        tell_last(r, MESSAGE_CONFIRM);
        return 0;
    default: /* all is said with the record */
        return 0;
    }
}

static enum recover_result failed(struct recovery *r)
{
    recover_tell_end(&r->account, RECOVER_RESULT_FAILED, r->failure.text);
    return RECOVER_RESULT_FAILED;
}

static enum recover_result end(struct recovery *r, enum recover_action action)
{
    enum recover_result result = action == RECOVER_WAIT ? RECOVER_RESULT_WAITS
                                 : action == RECOVER_LOST ? RECOVER_RESULT_LOST
                                 : action == RECOVER_FORGET ? RECOVER_RESULT_FINISHED : RECOVER_RESULT_HUMAN;

    if (result == RECOVER_RESULT_FINISHED && !r->account.dry_run)
        standing_remove(journal_record(r->journal)->token);
    if (result == RECOVER_RESULT_FINISHED && journal_finish(&r->journal, &r->failure) < 0)
        return failed(r);
    recover_tell_end(&r->account, result, NULL);
    return result;
}

static const char *reason(const struct recovery *r)
{
    return r->facts.force_here ? "by hand: recover --force-here"
           : r->facts.force_there ? "by hand: recover --force-there" : "by recover";
}

/*
 * What a human forced is done, and its record stays for the other host, should
 * that come back; to remove it is another step, and another word of his.
 */
static struct recover_step decide(const struct recovery *r, bool first)
{
    struct recover_facts facts = r->facts;
    struct recover_step step = recover_decide(facts);

    if (step.action != RECOVER_FORGET || first)
        return step;
    facts.force_here = facts.force_there = false;
    return recover_decide(facts);
}

static enum recover_result go_on(struct recovery *r)
{
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        struct recover_facts decided;
        struct recover_step step;

        gather(r);
        step = decide(r, i == 0);
        recover_tell_step(&r->account, &step);
        if (step.record != RECOVER_NO_RECORD && journal_advance(r->journal, step.record, reason(r), &r->failure) < 0)
            return failed(r);
        if (recover_ends(step.action))
            return end(r, step.action);
        decided = r->facts;
        if (is_still_so(r, &decided) && act(r, step.action) < 0)
            return failed(r);
    }
    failure_set(&r->failure, "%u steps have led to no end; try again: xlmig recover %s", STEPS_MAX, r->account.id);
    return failed(r);
}

/* ---- a human's word ---- */

static enum recover_result refuse(struct recovery *r, const char *text)
{
    recover_tell_end(&r->account, RECOVER_RESULT_REFUSED, text);
    return RECOVER_RESULT_REFUSED;
}

/* It counts only where without it recover would wait, ask, or do the opposite. */
static enum recover_result force(struct recovery *r)
{
    struct recover_facts forced;
    struct recover_step step;

    gather(r);
    forced = r->facts;
    forced.force_here = r->run->request->force == RECOVER_FORCE_HERE;
    forced.force_there = !forced.force_here;
    step = recover_decide(forced);
    if (same_step(step, recover_decide(r->facts))) {
        recover_tell_step(&r->account, &step);
        return refuse(r, "nothing was forced: that would not be done another way. Type the same without --force");
    }
    if (step.action == RECOVER_NEEDS_HUMAN) {
        recover_tell_step(&r->account, &step);
        return refuse(r, "nothing was forced");
    }
    if (!recover_confirm(r->run->request, journal_record(r->journal), &forced, &step))
        return refuse(r, "nothing was forced: it was not confirmed");
    r->facts = forced;
    r->asked = r->facts.answer == RECOVER_NO_ANSWER && r->asked; /* the human took his time: hear it again */
    return go_on(r);
}

/* ---- one journal ---- */

static enum recover_result only_tell(struct recovery *r)
{
    const struct journal_record *record = &r->account.entry->record;
    struct recover_step step;

    look(r, record);
    if (has_nobody_there(record))
        r->facts.answer = RECOVER_CLOSED;
    step = recover_decide(r->facts);
    if (record->side == JOURNAL_SEND && !has_nobody_there(record) && answer_counts(r->facts)) {
        recover_tell_question(&r->account, &step);
        recover_tell_end(&r->account, RECOVER_RESULT_WOULD, NULL);
        return RECOVER_RESULT_WOULD;
    }
    recover_tell_step(&r->account, &step);
    if (!recover_ends(step.action) || step.action == RECOVER_FORGET) {
        recover_tell_end(&r->account, RECOVER_RESULT_WOULD, NULL);
        return RECOVER_RESULT_WOULD;
    }
    return end(r, step.action);
}

/* What the command knew of its domain when it was killed, and had not recorded yet. */
static void name_domain(struct recovery *r)
{
    const struct journal_record *record = journal_record(r->journal);
    struct standing standing;

    if (record->side != JOURNAL_SEND || standing_read(record->token, &standing) != 0 ||
        standing.domain.domid != record->domain.domid)
        return;
    r->woken = standing.woken;
    journal_name_domain(r->journal, standing.domain);
}

static enum recover_result take(struct recovery *r)
{
    const struct journal_record *record = &r->account.entry->record;
    enum recover_result result = RECOVER_RESULT_FINISHED;

    switch (journal_take(r->run->dir, record->side, record->token, &r->journal, &r->failure)) {
    case JOURNAL_TAKEN:
        name_domain(r);
        r->facts = first_facts(r->run, journal_record(r->journal), journal_is_newest(r->journal));
        return r->run->request->force ? force(r) : go_on(r);
    case JOURNAL_UNKNOWN: /* somebody else has finished it meanwhile */
        break;
    case JOURNAL_HELD:
        result = RECOVER_RESULT_HELD;
        break;
    case JOURNAL_TROUBLE:
        return failed(r);
    }
    recover_tell_end(&r->account, result, NULL);
    return result;
}

enum recover_result recover_one(struct recover_run *run, const struct journal_entry *entry)
{
    struct recovery r = { .run = run };
    enum recover_result result;

    recover_tell_begin(&r.account, run->request, entry);
    r.facts = first_facts(run, &entry->record, entry->newest);
    if (entry->problem[0] || entry->held) {
        result = entry->problem[0] ? RECOVER_RESULT_UNREADABLE : RECOVER_RESULT_HELD;
        recover_tell_end(&r.account, result, NULL);
    } else {
        result = run->request->dry_run ? only_tell(&r) : take(&r);
    }
    recover_ask_free(r.ask);
    journal_release(r.journal);
    return result;
}
