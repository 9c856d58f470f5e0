/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/handover/rules.h"

#include <stdio.h>
#include <string.h>

/* ---- sets of facts ---- */

#define D(domain) (1u << RECOVER_DOMAIN_##domain)
#define ABSENT D(ABSENT)
#define INCOMING_COPY D(INCOMING)
#define STRANGER D(STRANGER)
#define OTHERS (D(TAKEN) | STRANGER) /* run it, or may: what becomes of it is theirs */
#define RUNS (D(RUNNING) | D(PAUSED) | OTHERS) /* or may at any time, by whoever paused it */
#define AWAY (ABSENT | STRANGER)
#define SUSPENDED D(SUSPENDED)
#define ENDED D(ENDED)
#define GONE (ABSENT | ENDED)
#define ANY (~0u)

#define NO_ANSWER (1u << RECOVER_NO_ANSWER)
#define CLOSED (1u << RECOVER_CLOSED)
#define BUSY (1u << RECOVER_BUSY)
#define READY_THERE (1u << RECOVER_READY)
#define NOT_STARTED (1u << RECOVER_NOT_STARTED)
#define STARTED_THERE (1u << RECOVER_STARTED)
#define GONE_THERE (1u << RECOVER_GONE_THERE)
#define GIVEN_BACK (1u << RECOVER_GIVEN_BACK)

#define HERE (1u << 0)
#define THERE (1u << 1)
#define BOOTED (1u << 2)
#define OFFERED (1u << 3)
#define TRIED (1u << 4)
#define OTHER (1u << 5)

struct row {
    enum journal_state state;
    unsigned domains, answers;
    unsigned given; /* all of these */
    struct recover_step step;
};

#define NOTHING RECOVER_NO_RECORD
#define TO(state) JOURNAL_##state
#define ROW(state, domains, answers, given, action, record, words) \
    { JOURNAL_##state, domains, answers, given, { RECOVER_##action, record, words } },

/* ---- words ---- */

#define LOOK_THERE "On {there}, type: xl list"
#define TWO_COPIES                                                                                            \
    "{vm} MAY RUN TWICE, here and on {there}, and both may write to its disks. Stop one of them now, by "      \
    "xl destroy on the host whose copy is worth less. Then: xlmig recover {id}"
#define NOT_OURS                                                                                              \
    "there is a VM on this host with the UUID of {vm} that this migration did not leave so. "                 \
    "Look with: xl list -v\nWhen it is gone, or right: xlmig recover {id}"
#define TWO_HERE                                                                                              \
    "there are two domains of {vm} on this host: the one that was suspended for this migration, and one that "  \
    "somebody else made. Look with: xl list -v\nDestroy the one that is not wanted, and then: xlmig recover {id}"
#define IN_OTHER_HANDS                                                                                        \
    "another process saves or migrates {vm} here just now (ps -ef | grep save-domain); waiting for its end. Then: " \
    "xlmig recover {id}"
#define IN_THEIRS                                                                                             \
    "somebody else has {vm} on this host now, resumed or made anew; it is left to them, and this move is over"
#define GO_ON "{vm} goes on here, as before"
#define GIVE_UP "{vm} ended with this host, or by itself, and {there} has nothing of it that could run"
#define HANDED_OVER "{vm} was handed over to {there}"
#define GIVEN "{vm} is given to {there}"
#define NO_MORE "{there} is told nothing more of {vm}"
#define FOR_THERE "; waiting for {there}"
#define TAKEN_BACK "{there} has {vm} and has not started it; it is asked to give it back"
#define STILL_RECEIVES "{there} is still receiving {vm}" FOR_THERE ", which soon ends that, one way or the other"

/* ---- the source ---- */

/* In order: the first row that fits counts. */
static const struct row of_source[] = {
    /* COPYING: GO was never sent.  Only a human at the destination can have started it there. */
    ROW(COPYING, SUSPENDED, ANY, OTHER, NEEDS_HUMAN, NOTHING, TWO_HERE)
    ROW(COPYING, D(SAVED), ANY, 0, WAIT, NOTHING, IN_OTHER_HANDS)
    ROW(COPYING, INCOMING_COPY, ANY, 0, NEEDS_HUMAN, NOTHING, NOT_OURS)
    ROW(COPYING, RUNS | ENDED, STARTED_THERE, 0, NEEDS_HUMAN, NOTHING, TWO_COPIES)
    ROW(COPYING, RUNS | ENDED, NOT_STARTED, 0, TAKE_BACK, NOTHING, TAKEN_BACK)
    ROW(COPYING, SUSPENDED | ABSENT, STARTED_THERE | NOT_STARTED, 0, LOOK_AGAIN, TO(GO_DECIDED),
        "{vm} was given to {there} by hand")
    ROW(COPYING, OTHERS, ANY, 0, LOOK_AGAIN, TO(ABORTED), IN_THEIRS)
    ROW(COPYING, RUNS | SUSPENDED, ANY, 0, RESUME_HERE, TO(ABORTED), GO_ON)
    ROW(COPYING, ENDED, ANY, 0, LOOK_AGAIN, TO(ABORTED), "{vm} ended by itself, here")
    /* Absent.  What the destination has is exact, unless the guest went on here and then ended. */
    ROW(COPYING, ABSENT, BUSY, 0, WAIT, NOTHING, STILL_RECEIVES)
    ROW(COPYING, ABSENT, NO_ANSWER, HERE, LOOK_AGAIN, TO(ABORTED), GIVE_UP)
    ROW(COPYING, ABSENT, NO_ANSWER, 0, WAIT, NOTHING,
        "{vm} is gone here, and {there} may have a copy of it that can run" FOR_THERE
        ". If that is gone for good, too: xlmig recover --force-here {id}")
    ROW(COPYING, ABSENT, READY_THERE, THERE, SEND_GO, TO(GO_DECIDED), GIVEN)
    ROW(COPYING, ABSENT, READY_THERE, HERE, LOOK_AGAIN, TO(ABORTED), "{vm} ended here; {there} drops its copy")
    ROW(COPYING, ABSENT, READY_THERE, BOOTED, NEEDS_HUMAN, NOTHING,
        "{vm} went down with this host. {there} has it as it was when it was copied, and nobody can tell whether it ran "
        "on here after that. If its disks were not written to since, to let it go on there: "
        "xlmig recover --force-there {id}\nTo drop that copy, and start it from its disks: "
        "xlmig recover --force-here {id}")
    ROW(COPYING, ABSENT, READY_THERE, 0, NEEDS_HUMAN, NOTHING,
        "{vm} is gone here although this host did not go down: it ended, or somebody destroyed it. {there} has it as "
        "it was when it was copied. To let that go on: xlmig recover --force-there {id}\nTo drop it: "
        "xlmig recover --force-here {id}")
    ROW(COPYING, ABSENT, ANY, 0, LOOK_AGAIN, TO(ABORTED), GIVE_UP)

    /* GO_DECIDED, and yet it runs here: started afresh at boot, or by another hand. */
    ROW(GO_DECIDED, INCOMING_COPY, ANY, 0, NEEDS_HUMAN, NOTHING, NOT_OURS)
    ROW(GO_DECIDED, OTHERS, GIVEN_BACK, 0, LOOK_AGAIN, TO(ABORTED), IN_THEIRS)
    ROW(GO_DECIDED, OTHERS, NO_ANSWER | CLOSED | GONE_THERE, HERE, LOOK_AGAIN, TO(ABORTED), IN_THEIRS)
    ROW(GO_DECIDED, RUNS, GIVEN_BACK, 0, RESUME_HERE, TO(ABORTED), GO_ON)
    ROW(GO_DECIDED, RUNS, READY_THERE | NOT_STARTED, 0, TAKE_BACK, NOTHING, TAKEN_BACK)
    ROW(GO_DECIDED, RUNS, NO_ANSWER | CLOSED | GONE_THERE, HERE, RESUME_HERE, TO(ABORTED), GO_ON)
    ROW(GO_DECIDED, RUNS, NO_ANSWER, 0, WAIT, NOTHING,
        HANDED_OVER ", and runs here all the same" FOR_THERE ". " LOOK_THERE "\nIf {vm} is there, destroy one of "
        "both; if {there} is gone for good: xlmig recover --force-here {id}")
    ROW(GO_DECIDED, RUNS, CLOSED | GONE_THERE, 0, NEEDS_HUMAN, NOTHING,
        HANDED_OVER ", which has nothing of it any more, and runs here. If that is as it should be: "
        "xlmig recover --force-here {id}")
    ROW(GO_DECIDED, RUNS, STARTED_THERE, 0, NEEDS_HUMAN, NOTHING, TWO_COPIES)
    /* As it should be: its copy here stands as it stood.  The destination's journal decides. */
    ROW(GO_DECIDED, ANY, BUSY, 0, WAIT, NOTHING, STILL_RECEIVES)
    ROW(GO_DECIDED, D(SAVED), ANY, 0, WAIT, NOTHING, IN_OTHER_HANDS)
    ROW(GO_DECIDED, SUSPENDED, READY_THERE | NOT_STARTED, OTHER, TAKE_BACK, NOTHING, TAKEN_BACK)
    ROW(GO_DECIDED, SUSPENDED, ~STARTED_THERE, OTHER, NEEDS_HUMAN, NOTHING, TWO_HERE)
    ROW(GO_DECIDED, SUSPENDED, GIVEN_BACK, 0, RESUME_HERE, TO(ABORTED), GO_ON)
    ROW(GO_DECIDED, GONE, GIVEN_BACK, 0, LOOK_AGAIN, TO(ABORTED), GIVE_UP)
    ROW(GO_DECIDED, SUSPENDED, READY_THERE | NOT_STARTED, HERE, TAKE_BACK, NOTHING, TAKEN_BACK)
    /* Of what is gone here nobody knows whether it ran on before, and its disks with it. */
    ROW(GO_DECIDED, GONE, READY_THERE, HERE, TAKE_BACK, NOTHING, TAKEN_BACK)
    ROW(GO_DECIDED, GONE, READY_THERE, THERE, LOOK_AGAIN, TO(MOVED), GIVEN)
    ROW(GO_DECIDED, GONE, READY_THERE, 0, NEEDS_HUMAN, NOTHING,
        HANDED_OVER ", which has not started it; the copy that stood still here is gone, and nobody can tell whether it "
        "ran before that. If its disks were not written to since, to let it go on there: "
        "xlmig recover --force-there {id}\nTo drop that copy: xlmig recover --force-here {id}")
    ROW(GO_DECIDED, ANY, READY_THERE, TRIED, WAIT, NOTHING,
        "{there} has all of {vm}, and did not take GO" FOR_THERE ", to be asked again: xlmig recover {id}")
    ROW(GO_DECIDED, ANY, READY_THERE, 0, SEND_GO, NOTHING, "{there} has all of {vm}, and starts it")
    ROW(GO_DECIDED, SUSPENDED, NOT_STARTED, TRIED, TAKE_BACK, NOTHING, TAKEN_BACK)
    ROW(GO_DECIDED, GONE, NOT_STARTED, TRIED, NEEDS_HUMAN, NOTHING,
        "{there} has the only copy of {vm}, paused, and cannot start it. There, see why, with: xlmig recover {id}")
    ROW(GO_DECIDED, ANY, NOT_STARTED, 0, SEND_GO, NOTHING, "{there} has {vm}, and tries again to start it")
    ROW(GO_DECIDED, ANY, STARTED_THERE, HERE, NEEDS_HUMAN, NOTHING,
        "{vm} was started on {there}: to let the copy here run would make two. To have it here, finish this "
        "without --force-here, and then move it back")
    ROW(GO_DECIDED, ANY, STARTED_THERE, 0, LOOK_AGAIN, TO(MOVED), "{vm} was started on {there}")
    ROW(GO_DECIDED, SUSPENDED, ANY, HERE, RESUME_HERE, TO(ABORTED), GO_ON)
    ROW(GO_DECIDED, GONE, ANY, HERE, LOOK_AGAIN, TO(ABORTED), GIVE_UP)
    ROW(GO_DECIDED, ANY, ANY, THERE, LOOK_AGAIN, TO(MOVED), GIVEN)
    ROW(GO_DECIDED, ANY, NO_ANSWER, 0, WAIT, NOTHING,
        HANDED_OVER ", and whether it runs there is not known here" FOR_THERE ". If that is gone for good, and "
        "{vm} with it: xlmig recover --force-here {id}\nIf {vm} runs there: xlmig recover --force-there {id}")
    ROW(GO_DECIDED, ANY, CLOSED, 0, NEEDS_HUMAN, NOTHING,
        HANDED_OVER ", which has no journal of that. " LOOK_THERE
        "\nIf {vm} is there: xlmig recover --force-there {id}\nIf neither it nor {vm}--incoming is there: "
        "xlmig recover --force-here {id}")
    ROW(GO_DECIDED, ANY, GONE_THERE, 0, LOST, NOTHING,
        HANDED_OVER ", and is gone there: that host went down, and nobody can tell whether {vm} had run by then. "
        "Better start it anew from its disks; first, to remove the copy here: xlmig recover --force-there {id}\n"
        "Then: xl create\nIf its disks were not written to, the copy here, from before that, can go on: "
        "xlmig recover --force-here {id}")

    /* MOVED: the destination said that it was started. */
    ROW(MOVED, RUNS & ~STRANGER, ANY, HERE, FORGET, NOTHING, "{vm} is left running here")
    ROW(MOVED, RUNS & ~STRANGER, ANY, 0, NEEDS_HUMAN, NOTHING,
        TWO_COPIES "\nIf it is gone there and is to run here: xlmig recover --force-here {id}")
    ROW(MOVED, D(SAVED), ANY, 0, WAIT, NOTHING, IN_OTHER_HANDS)
    ROW(MOVED, INCOMING_COPY, ANY, 0, NEEDS_HUMAN, NOTHING, NOT_OURS)
    ROW(MOVED, SUSPENDED | ENDED, ANY, 0, DESTROY_HERE, NOTHING, "{vm} is on {there}; the copy left here goes")
    ROW(MOVED, STRANGER, READY_THERE | NOT_STARTED, HERE, FORGET, NOTHING, NO_MORE)
    ROW(MOVED, STRANGER, READY_THERE | NOT_STARTED, 0, NEEDS_HUMAN, NOTHING,
        "{vm} was given to {there}, which has not started it, and somebody made it anew here. " LOOK_THERE
        "\nTo keep the one here: xlmig recover --force-here {id}\nOn {there}: xlmig recover --force-there {id}")
    ROW(MOVED, AWAY, CLOSED, 0, FORGET, NOTHING, "{vm} is on {there}, and all is done")
    ROW(MOVED, AWAY, STARTED_THERE, 0, CONFIRM, NOTHING, "{vm} is on {there}, and all is done here")
    ROW(MOVED, AWAY, GONE_THERE | GIVEN_BACK, 0, ABORT_THERE, NOTHING, "{vm} was given up; {there} may forget it")
    ROW(MOVED, AWAY, NO_ANSWER | BUSY | READY_THERE | NOT_STARTED, HERE, FORGET, NOTHING, NO_MORE)
    ROW(MOVED, AWAY, NO_ANSWER | BUSY, THERE, FORGET, NOTHING, NO_MORE)
    ROW(MOVED, AWAY, NO_ANSWER, 0, WAIT, NOTHING,
        "{vm} is on {there}, and all is done here; {there} is still to be told" FOR_THERE
        ". If that is gone for good: xlmig recover --force-there {id}")
    ROW(MOVED, AWAY, BUSY, 0, WAIT, NOTHING, STILL_RECEIVES)
    ROW(MOVED, AWAY, ANY, TRIED, NEEDS_HUMAN, NOTHING,
        "{there} has the only copy of {vm}, paused, and cannot start it. There, see why, with: xlmig recover {id}")
    ROW(MOVED, AWAY, ANY, 0, SEND_GO, NOTHING, "{vm} was given to {there}, which has yet to start it")

    /* ABORTED: the VM is this host's. */
    ROW(ABORTED, INCOMING_COPY, ANY, 0, NEEDS_HUMAN, NOTHING, NOT_OURS)
    ROW(ABORTED, D(SAVED), ANY, 0, WAIT, NOTHING, IN_OTHER_HANDS)
    ROW(ABORTED, SUSPENDED, ANY, OTHER, NEEDS_HUMAN, NOTHING, TWO_HERE)
    ROW(ABORTED, RUNS, STARTED_THERE, 0, NEEDS_HUMAN, NOTHING, TWO_COPIES)
    ROW(ABORTED, SUSPENDED, STARTED_THERE, 0, NEEDS_HUMAN, NOTHING,
        "{vm} was to go on here, and was started on {there}. " LOOK_THERE ". If it runs there, destroy the copy here: "
        "xl destroy. Then: xlmig recover {id}")
    ROW(ABORTED, GONE, STARTED_THERE, 0, CONFIRM, NOTHING, "{vm} is on {there}, and nothing of it is here")
    ROW(ABORTED, ANY, NOT_STARTED, 0, TAKE_BACK, NOTHING, TAKEN_BACK)
    ROW(ABORTED, SUSPENDED, ANY, 0, RESUME_HERE, NOTHING, GO_ON)
    ROW(ABORTED, ANY, CLOSED, 0, FORGET, NOTHING, "{vm} was not moved, and all is done")
    ROW(ABORTED, ANY, NO_ANSWER, HERE, FORGET, NOTHING, NO_MORE)
    ROW(ABORTED, ANY, NO_ANSWER, THERE, FORGET, NOTHING, NO_MORE)
    ROW(ABORTED, ANY, NO_ANSWER, 0, WAIT, NOTHING,
        "{vm} was not moved; {there} is still to be told that it drops its copy" FOR_THERE
        ". If that is gone for good: xlmig recover --force-here {id}")
    ROW(ABORTED, ANY, ANY, 0, ABORT_THERE, NOTHING, "{vm} was not moved; {there} drops what it has of it")
};

/* ---- the destination ---- */

static const struct row of_destination[] = {
    /* INCOMING: what is here was never all of it. */
    ROW(INCOMING, INCOMING_COPY, ANY, 0, DESTROY_HERE, TO(ABORTED), "the unfinished copy of {vm} goes")
    ROW(INCOMING, ABSENT, ANY, 0, LOOK_AGAIN, TO(ABORTED), "nothing of {vm} came to be here")
    ROW(INCOMING, ANY, ANY, HERE, LOOK_AGAIN, TO(ABORTED), "{vm} is left as it is")
    ROW(INCOMING, ANY, ANY, 0, NEEDS_HUMAN, NOTHING,
        NOT_OURS "\nTo leave it as it is: xlmig recover --force-here {id}")

    /* READY: the source decides. */
    ROW(READY, ABSENT, ANY, 0, LOOK_AGAIN, TO(ABORTED), "the copy of {vm} is gone, before it was this host's")
    ROW(READY, INCOMING_COPY, ANY, OTHER | HERE, NEEDS_HUMAN, NOTHING, TWO_HERE)
    ROW(READY, INCOMING_COPY, ANY, HERE, START_HERE, TO(GO), "{vm} is this host's; it is started")
    ROW(READY, INCOMING_COPY, ANY, THERE, DESTROY_HERE, TO(ABORTED), "{vm} is left to {there}; its copy here goes")
    ROW(READY, INCOMING_COPY, ANY, 0, WAIT, NOTHING,
        "all of {vm} is here, paused, as {vm}--incoming; waiting for {there}, which decides. There, type: "
        "xlmig recover {id}\nIf {there} is gone for good, here: xlmig recover --force-here {id}\nTo drop the copy: "
        "xlmig recover --force-there {id}")
    ROW(READY, ANY, ANY, HERE, LOOK_AGAIN, TO(GO), "{vm} is this host's")
    ROW(READY, ANY, ANY, 0, NEEDS_HUMAN, NOTHING,
        "somebody has started the copy of {vm} here. " LOOK_THERE
        "\nIf {vm} does not run there: xlmig recover --force-here {id}\nIf it does, destroy the copy here, and then: "
        "xlmig recover {id}")

    /* GO: the VM is this host's. */
    ROW(GO, INCOMING_COPY | D(PAUSED), ANY, OTHER, NEEDS_HUMAN, NOTHING, TWO_HERE)
    ROW(GO, INCOMING_COPY | D(PAUSED), ANY, TRIED, NEEDS_HUMAN, NOTHING,
        "{vm} is this host's, paused, and cannot be started. When that can be: xlmig recover {id}\nOr on {there}, "
        "which takes it back if it can: xlmig recover --force-here {id}")
    ROW(GO, INCOMING_COPY | D(PAUSED), ANY, 0, START_HERE, NOTHING, "{vm} is this host's; it is started")
    ROW(GO, ABSENT, ANY, HERE, LOOK_AGAIN, TO(ABORTED), "{vm} is given up here")
    ROW(GO, ABSENT, ANY, THERE, LOOK_AGAIN, TO(ABORTED), "{vm} is left to {there}")
    ROW(GO, ABSENT, ANY, 0, LOST, NOTHING,
        "{vm} was handed over to this host, and is gone: it went down with the host. Start it anew from its disks: "
        "xl create\nOr, if its disks were not written to, on {there}: xlmig recover --force-here {id}")
    ROW(GO, ANY, ANY, 0, LOOK_AGAIN, TO(STARTED), "{vm} was started here")

    /* STARTED: the source has yet to say that it knows. */
    ROW(STARTED, ANY, ANY, HERE, FORGET, NOTHING, NO_MORE)
    ROW(STARTED, ANY, ANY, THERE, FORGET, NOTHING, NO_MORE)
    ROW(STARTED, ANY, ANY, 0, WAIT, NOTHING,
        "{vm} was started on this host; {there} has yet to take note, and to remove its old copy; waiting for {there}. "
        "There, type: xlmig recover {id}\nIf that is gone for good: xlmig recover --force-here {id}")

    /* ABORTED: the VM is the source's.  Its word is needed by a source that may have decided GO. */
    ROW(ABORTED, INCOMING_COPY, ANY, 0, DESTROY_HERE, NOTHING, "{vm} was not moved; its copy here goes")
    ROW(ABORTED, ~ABSENT, ANY, HERE, FORGET, NOTHING, "{vm} is left as it is")
    ROW(ABORTED, ~ABSENT, ANY, 0, NEEDS_HUMAN, NOTHING,
        NOT_OURS "\nTo leave it as it is: xlmig recover --force-here {id}")
    ROW(ABORTED, ABSENT, ANY, OFFERED | HERE, FORGET, NOTHING, NO_MORE)
    ROW(ABORTED, ABSENT, ANY, OFFERED | THERE, FORGET, NOTHING, NO_MORE)
    ROW(ABORTED, ABSENT, ANY, OFFERED, WAIT, NOTHING,
        "{vm} was not moved, and nothing of it is here; waiting for {there} to take note. There, type: "
        "xlmig recover {id}\nIf {there} is gone for good: xlmig recover --force-there {id}")
    ROW(ABORTED, ABSENT, ANY, 0, FORGET, NOTHING, "{vm} was not moved")
};

/* ---- the step ---- */

static bool fits(const struct row *row, const struct recover_facts *f, unsigned given)
{
    return row->state == f->state && (row->domains >> f->domain & 1) && (row->answers >> f->answer & 1) &&
           (row->given & given) == row->given;
}

/* What comes before all rules of the states. */
static bool comes_first(const struct recover_facts *f, struct recover_step *step)
{
    *step = (struct recover_step){ .action = RECOVER_NEEDS_HUMAN, .record = RECOVER_NO_RECORD };
    if (!f->newest && !journal_may_end(f->state))
        step->words = "there is a newer attempt to move {vm}, which should not have begun before this one had an end. "
                      "Look with: xlmig recover --all --dry-run";
    else if (f->newest && f->domain == RECOVER_DOMAIN_UNKNOWN) {
        step->action = RECOVER_WAIT;
        step->words = "waiting for this host's toolstack, which does not say what it has of {vm}";
    } else if (f->force_here && f->force_there)
        step->words = "{vm} cannot be both here and there: give one of --force-here and --force-there";
    return step->words != NULL;
}

struct recover_step recover_decide(struct recover_facts facts)
{
    const struct row *rows = facts.side == JOURNAL_SEND ? of_source : of_destination;
    size_t nr_rows = facts.side == JOURNAL_SEND ? sizeof of_source / sizeof of_source[0]
                                                : sizeof of_destination / sizeof of_destination[0];
    unsigned given = (facts.force_here ? HERE : 0) | (facts.force_there ? THERE : 0) | (facts.booted ? BOOTED : 0) |
                     (facts.offered ? OFFERED : 0) | (facts.tried ? TRIED : 0) | (facts.other ? OTHER : 0);
    struct recover_step step;

    if (comes_first(&facts, &step))
        return step;
    /* Whatever there is of the VM is the newer attempt's; or, where our copy is gone, others'. */
    if (!facts.newest || (facts.domain == RECOVER_DOMAIN_STRANGER && facts.side == JOURNAL_RECEIVE))
        facts.domain = RECOVER_DOMAIN_ABSENT;
    for (size_t i = 0; i < nr_rows; i++)
        if (fits(&rows[i], &facts, given))
            return rows[i].step;
    return (struct recover_step){ RECOVER_NEEDS_HUMAN, RECOVER_NO_RECORD,
                                  "of {vm}, this host and {there} say what cannot be. " LOOK_THERE };
}

bool recover_ends(enum recover_action action)
{
    return action <= RECOVER_FORGET;
}

const char *recover_action_name(enum recover_action action)
{
    static const char *const names[RECOVER_NR_ACTIONS] = {
        [RECOVER_WAIT] = "wait",
        [RECOVER_NEEDS_HUMAN] = "needs a human",
        [RECOVER_LOST] = "lost",
        [RECOVER_FORGET] = "forget",
        [RECOVER_LOOK_AGAIN] = "look again",
        [RECOVER_RESUME_HERE] = "let go on here",
        [RECOVER_DESTROY_HERE] = "destroy the copy here",
        [RECOVER_START_HERE] = "start here",
        [RECOVER_SEND_GO] = "have it started there",
        [RECOVER_TAKE_BACK] = "take it back from there",
        [RECOVER_ABORT_THERE] = "have the copy there dropped",
        [RECOVER_CONFIRM] = "confirm",
    };

    return names[action];
}

void recover_say(const struct recover_step *step, const char *vm, const char *there, const char *id, char *text,
                 size_t size)
{
    const struct {
        const char *name, *value;
    } names[] = { { "{vm}", vm }, { "{there}", there }, { "{id}", id } };
    size_t used = 0;

    text[0] = '\0';
    for (const char *at = step->words; *at && used + 1 < size;) {
        const char *put = NULL;

        for (size_t i = 0; i < 3 && !put; i++)
            if (strncmp(at, names[i].name, strlen(names[i].name)) == 0) {
                put = names[i].value;
                at += strlen(names[i].name);
            }
        if (put)
            used += (size_t)snprintf(text + used, size - used, "%s", put);
        else
            used += (size_t)snprintf(text + used, size - used, "%c", *at++);
    }
}

/* ---- facts ---- */

static bool has_name(const struct vm *vm, const struct journal_record *record, const char *suffix)
{
    char name[sizeof record->name + 16];

    snprintf(name, sizeof name, "%s%s", record->name, suffix);
    return strcmp(vm->name, name) == 0;
}

bool recover_is_named(const struct vm *vm, const struct journal_record *record, bool booted)
{
    if (booted)
        return false;
    if (record->domain.domid)
        return vm->domid == record->domain.domid;
    /* What is not complete has no number yet in the journal, and never another name. */
    return record->state != JOURNAL_INCOMING || has_name(vm, record, "--incoming");
}

/* By what its vCPUs have used, has it run since its state was read? */
static bool stands(const struct vm *vm, const struct journal_record *record)
{
    return record->domain.stood_ns == 0 || journal_stood_ns(vm->cpu_ns) == record->domain.stood_ns;
}

/* By our pause; or by its administrator's, as which it goes on here. */
static bool is_fenced(const struct journal_record *record)
{
    return record->domain.fenced ||
           (record->side == JOURNAL_SEND && record->paused && record->state != JOURNAL_ABORTED);
}

enum recover_domain recover_domain_of(const struct vm *vm, const struct journal_record *record, bool saved)
{
    if (!vm)
        return RECOVER_DOMAIN_ABSENT;
    if (vm->state == VM_RUNNING)
        return RECOVER_DOMAIN_RUNNING;
    if (has_name(vm, record, "--incoming"))
        return RECOVER_DOMAIN_INCOMING;
    switch (vm->state) {
    case VM_SUSPENDED:
        return !stands(vm, record) ? RECOVER_DOMAIN_TAKEN : saved ? RECOVER_DOMAIN_SAVED : RECOVER_DOMAIN_SUSPENDED;
    case VM_PAUSED:
        if (is_fenced(record) && record->domain.stood_ns && stands(vm, record))
            return RECOVER_DOMAIN_SUSPENDED; /* somebody resumed it, and that pause kept it from running */
        return record->side == JOURNAL_RECEIVE && record->paused && has_name(vm, record, "") ? RECOVER_DOMAIN_RUNNING : RECOVER_DOMAIN_PAUSED;
    default:
        return RECOVER_DOMAIN_ENDED;
    }
}
