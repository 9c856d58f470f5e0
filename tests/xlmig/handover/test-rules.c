/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The table of recover against its rules, for every combination of facts. */
#include "tests/xlmig/handover/rules-case.h"

#include <stdio.h>
#include <string.h>

/* ---- every combination ---- */

static void describe(const struct recover_facts *f, struct recover_step step, char text[400])
{
    snprintf(text, 400, "%s %s, domain %d, answer %d,%s%s%s%s%s%s -> %s, record %d", journal_side_name(f->side),
             journal_state_name(f->state), f->domain, f->answer, f->newest ? "" : " not newest",
             f->force_here ? " here" : "", f->force_there ? " there" : "", f->booted ? " booted" : "",
             f->offered ? " offered" : "", f->tried ? " tried" : "", recover_action_name(step.action), step.record);
}

typedef void check_step(const struct recover_facts *f, struct recover_step step, const char *text);

static unsigned with_each_flag(struct recover_facts f, check_step *check)
{
    char text[400];

    for (unsigned flags = 0; flags < 128; flags++) {
        struct recover_step step;

        f.force_here = flags & 1;
        f.force_there = flags & 2;
        f.booted = flags & 4;
        f.offered = flags & 8;
        f.tried = flags & 16;
        f.newest = flags & 32;
        f.other = flags & 64;
        step = recover_decide(f);
        describe(&f, step, text);
        check(&f, step, text);
    }
    return 128;
}

static unsigned with_everything(check_step *check)
{
    unsigned nr = 0;

    for (int side = JOURNAL_SEND; side <= JOURNAL_RECEIVE; side++)
        for (int s = 0; s < JOURNAL_NR_STATES; s++)
            for (int d = 0; d < RECOVER_NR_DOMAINS; d++)
                for (int a = 0; a < RECOVER_NR_ANSWERS; a++) {
                    struct recover_facts f = {
                        .side = (enum journal_side)side, .state = (enum journal_state)s,
                        .domain = (enum recover_domain)d, .answer = (enum recover_answer)a,
                    };

                    if (journal_side_has(f.side, f.state) && (side == JOURNAL_SEND || a == RECOVER_NO_ANSWER))
                        nr += with_each_flag(f, check);
                }
    return nr;
}

static enum journal_state state_after(const struct recover_facts *f, struct recover_step step)
{
    return step.record == RECOVER_NO_RECORD ? f->state : step.record;
}

static bool is_forced(const struct recover_facts *f)
{
    return f->force_here || f->force_there;
}

/* ---- the rules, by their numbers in docs/handover.md where they have one ---- */

/* 2, 5: the guest goes on here only after ABORTED, which follows GO_DECIDED by the destination's word or a human's. */
static void check_resume(const struct recover_facts *f, struct recover_step step, const char *text)
{
    bool cannot_say = f->answer == RECOVER_NO_ANSWER || f->answer == RECOVER_CLOSED ||
                      f->answer == RECOVER_GONE_THERE;

    if (step.action == RECOVER_RESUME_HERE)
        must(f->side == JOURNAL_SEND && f->newest && state_after(f, step) == JOURNAL_ABORTED &&
                 f->answer != RECOVER_STARTED && (f->domain == RECOVER_DOMAIN_SUSPENDED || runs(f->domain)),
             "%s", text);
    if (f->side == JOURNAL_SEND && f->state == JOURNAL_GO_DECIDED && step.record == JOURNAL_ABORTED)
        must(f->answer == RECOVER_GIVEN_BACK || (f->force_here && cannot_say), "%s", text);
}

/* 4: the source's copy goes only after STARTED. */
static void check_destroy(const struct recover_facts *f, struct recover_step step, const char *text)
{
    if (step.action == RECOVER_DESTROY_HERE)
        must(f->newest && !runs(f->domain), "%s", text);
    if (f->side == JOURNAL_SEND && step.action == RECOVER_DESTROY_HERE)
        must(f->state == JOURNAL_MOVED, "%s", text);
    if (step.record == JOURNAL_MOVED)
        must(f->state == JOURNAL_GO_DECIDED && !runs(f->domain) && (f->answer == RECOVER_STARTED || f->force_there),
             "%s", text);
    if (f->side == JOURNAL_RECEIVE && step.action == RECOVER_DESTROY_HERE)
        must(f->domain == RECOVER_DOMAIN_INCOMING && state_after(f, step) == JOURNAL_ABORTED, "%s", text);
}

/* 14, 15, 18: it is started only after GO, which follows READY, and at the destination alone by nobody but a human. */
static void check_start(const struct recover_facts *f, struct recover_step step, const char *text)
{
    if (step.action == RECOVER_START_HERE)
        must(f->side == JOURNAL_RECEIVE && f->newest && state_after(f, step) == JOURNAL_GO &&
                 (f->domain == RECOVER_DOMAIN_INCOMING || f->domain == RECOVER_DOMAIN_PAUSED), "%s", text);
    if (step.record == JOURNAL_GO)
        must(f->state == JOURNAL_READY && f->force_here && f->domain != RECOVER_DOMAIN_ABSENT, "%s", text);
}

/* 1, 28, 32: GO is said only when it was decided, of a copy that stands here as it stood; or a human knows more. */
static void check_go(const struct recover_facts *f, struct recover_step step, const char *text)
{
    enum journal_state after = state_after(f, step);
    bool can_start = f->answer == RECOVER_READY || f->answer == RECOVER_NOT_STARTED;

    if (step.action == RECOVER_SEND_GO)
        must(f->side == JOURNAL_SEND && (after == JOURNAL_GO_DECIDED || after == JOURNAL_MOVED) && can_start &&
                 (!f->newest || !runs(f->domain)), "%s", text);
    if (step.action == RECOVER_SEND_GO && f->newest && f->answer == RECOVER_READY && f->state != JOURNAL_MOVED)
        must(f->force_there || (f->domain == RECOVER_DOMAIN_SUSPENDED && !f->other), "%s", text);
    if (step.record == JOURNAL_GO_DECIDED)
        must(!runs(f->domain) && (f->answer == RECOVER_STARTED || f->answer == RECOVER_NOT_STARTED ||
                                  (f->answer == RECOVER_READY && f->domain == RECOVER_DOMAIN_ABSENT &&
                                   f->force_there)), "%s", text);
}

/* What is said to the destination, it is said in the states that docs/handover.md says. */
static void check_messages(const struct recover_facts *f, struct recover_step step, const char *text)
{
    bool says = step.action == RECOVER_SEND_GO || step.action == RECOVER_TAKE_BACK ||
                step.action == RECOVER_ABORT_THERE || step.action == RECOVER_CONFIRM;

    if (says)
        must(f->side == JOURNAL_SEND && f->answer != RECOVER_NO_ANSWER && f->answer != RECOVER_CLOSED, "%s", text);
    if (step.action == RECOVER_TAKE_BACK)
        must(f->answer == RECOVER_READY || f->answer == RECOVER_NOT_STARTED, "%s", text);
    if (step.action == RECOVER_ABORT_THERE)
        must((f->state == JOURNAL_ABORTED || f->state == JOURNAL_MOVED) && f->answer != RECOVER_STARTED, "%s", text);
    if (step.action == RECOVER_CONFIRM)
        must(journal_may_end(f->state) && f->answer == RECOVER_STARTED, "%s", text);
}

/* 8, 9, 17, 22, 24: what somebody may ask for is kept. */
static void check_kept(const struct recover_facts *f, struct recover_step step, const char *text)
{
    if (step.action == RECOVER_FORGET)
        must(journal_may_end(f->state) && step.record == RECOVER_NO_RECORD, "%s", text);
    if (step.action == RECOVER_FORGET && f->side == JOURNAL_SEND)
        must(f->answer == RECOVER_CLOSED || is_forced(f), "%s", text);
    if (step.action == RECOVER_FORGET && f->side == JOURNAL_RECEIVE)
        must((f->state == JOURNAL_ABORTED && !f->offered) || is_forced(f), "%s", text);
    if (f->side == JOURNAL_RECEIVE && f->state == JOURNAL_READY && !is_forced(f) && f->newest &&
        f->domain == RECOVER_DOMAIN_INCOMING)
        must(step.action == RECOVER_WAIT && step.record == RECOVER_NO_RECORD, "%s", text);
    if (f->side == JOURNAL_RECEIVE && f->state == JOURNAL_INCOMING && f->newest && !(f->force_here && f->force_there) &&
        f->domain == RECOVER_DOMAIN_INCOMING)
        must(step.record == JOURNAL_ABORTED && step.action == RECOVER_DESTROY_HERE, "%s", text);
}

/* The lines of docs/handover.md's tables of recover. */
static void check_page(const struct recover_facts *f, struct recover_step step, const char *text)
{
    bool decided = f->side == JOURNAL_SEND && f->state == JOURNAL_GO_DECIDED && f->newest && !is_forced(f);
    bool copying = f->side == JOURNAL_SEND && f->state == JOURNAL_COPYING && f->newest && !is_forced(f);

    if (decided && f->domain == RECOVER_DOMAIN_SUSPENDED && !f->other) {
        static const enum recover_action by_answer[RECOVER_NR_ANSWERS] = {
            [RECOVER_NO_ANSWER] = RECOVER_WAIT,           [RECOVER_CLOSED] = RECOVER_NEEDS_HUMAN,
            [RECOVER_BUSY] = RECOVER_WAIT,                [RECOVER_READY] = RECOVER_SEND_GO,
            [RECOVER_NOT_STARTED] = RECOVER_SEND_GO,      [RECOVER_STARTED] = RECOVER_LOOK_AGAIN,
            [RECOVER_GONE_THERE] = RECOVER_LOST,          [RECOVER_GIVEN_BACK] = RECOVER_RESUME_HERE,
        };

        if (!f->tried)
            must(step.action == by_answer[f->answer], "%s", text);
        else if (f->answer == RECOVER_NOT_STARTED)
            must(step.action == RECOVER_TAKE_BACK, "%s", text);
    }
    if (decided && runs(f->domain) && f->answer == RECOVER_STARTED)
        must(step.action == RECOVER_NEEDS_HUMAN && strstr(step.words, "TWICE"), "%s", text);
    if (copying && f->answer != RECOVER_STARTED && f->answer != RECOVER_NOT_STARTED &&
        (runs(f->domain) || (f->domain == RECOVER_DOMAIN_SUSPENDED && !f->other)))
        must(step.action == (is_others(f->domain) ? RECOVER_LOOK_AGAIN : RECOVER_RESUME_HERE) &&
                 step.record == JOURNAL_ABORTED, "%s", text);
    if (copying && f->domain == RECOVER_DOMAIN_ABSENT && f->answer == RECOVER_READY)
        must(step.action == RECOVER_NEEDS_HUMAN, "%s", text);
}

/* 27, 30: what others made or took is not touched; nor ours, while they save it, or where there are two. */
static void check_others(const struct recover_facts *f, struct recover_step step, const char *text)
{
    bool touches = step.action == RECOVER_RESUME_HERE || step.action == RECOVER_DESTROY_HERE ||
                   step.action == RECOVER_START_HERE;

    if (is_others(f->domain) || f->domain == RECOVER_DOMAIN_SAVED)
        must(!touches, "%s", text);
    if (f->other && f->domain == RECOVER_DOMAIN_SUSPENDED)
        must(step.action != RECOVER_RESUME_HERE, "%s", text);
    if (f->other)
        must(step.action != RECOVER_START_HERE, "%s", text);
    if (f->domain == RECOVER_DOMAIN_SAVED && f->side == JOURNAL_SEND && f->newest && !(f->force_here && f->force_there))
        must(step.action == RECOVER_WAIT && step.record == RECOVER_NO_RECORD, "%s", text);
}

/* 6: an attempt that is not the newest one touches nothing here, and decides nothing. */
static void check_newest(const struct recover_facts *f, struct recover_step step, const char *text)
{
    if (f->newest)
        return;
    must(step.action != RECOVER_RESUME_HERE && step.action != RECOVER_DESTROY_HERE &&
             step.action != RECOVER_START_HERE && step.record == RECOVER_NO_RECORD, "%s", text);
    if (!journal_may_end(f->state))
        must(step.action == RECOVER_NEEDS_HUMAN, "%s", text);
}

/* What holds of each step, whatever the state. */
static void check_all_states(const struct recover_facts *f, struct recover_step step, const char *text)
{
    must(step.words != NULL && step.words[0] != '\0', "%s", text);
    must(strstr(step.words, "what cannot be") == NULL, "no row for %s", text);
    if (step.record != RECOVER_NO_RECORD)
        must(journal_may_follow(f->state, step.record) && journal_side_has(f->side, step.record), "%s", text);
    if (step.record == RECOVER_NO_RECORD)
        must(step.action != RECOVER_LOOK_AGAIN, "it would look for ever: %s", text);
    if (recover_ends(step.action))
        must(step.record == RECOVER_NO_RECORD, "%s", text);
    if ((f->newest && f->domain == RECOVER_DOMAIN_UNKNOWN) || (f->force_here && f->force_there))
        must(recover_ends(step.action) && step.action != RECOVER_FORGET, "%s", text);
}

/* A command ends its line, so that who copies it copies no full stop. */
static bool ends_the_line(const char *words, const char *command)
{
    const char *at = words;

    while ((at = strstr(at, command)) != NULL) {
        at += strlen(command);
        if (at - strlen(command) >= words + 2 && strncmp(at - strlen(command) - 2, ": ", 2) == 0) {
            at += strncmp(at, " -v", 3) == 0 ? 3 : strcspn(at, "}\n") + (at[strcspn(at, "}\n")] == '}');
            if (*at && *at != '\n')
                return false;
        }
    }
    return true;
}

/* A wait says for whom; what needs a human says what to type. */
static void check_words(const struct recover_facts *f, struct recover_step step, const char *text)
{
    (void)f;
    must(ends_the_line(step.words, "xl list") && ends_the_line(step.words, "xlmig recover") &&
         ends_the_line(step.words, "xl create"), "%s: %s", text, step.words);
    if (step.action == RECOVER_WAIT)
        must(strstr(step.words, "waiting for"), "%s", text);
    if (step.action == RECOVER_NEEDS_HUMAN || step.action == RECOVER_LOST)
        must(strstr(step.words, "xl list") || strstr(step.words, "xlmig recover") || strstr(step.words, "--force"),
             "%s", text);
}

/* Without the flags it waits, asks or is lost; or the flag is one of the exceptions. */
static void check_force(const struct recover_facts *f, struct recover_step step, const char *text)
{
    struct recover_facts plain = *f;
    struct recover_step without;

    if (f->force_here && f->force_there)
        return;
    plain.force_here = plain.force_there = false;
    without = recover_decide(plain);
    if ((without.action == step.action && without.record == step.record) || without.action == RECOVER_WAIT ||
        without.action == RECOVER_NEEDS_HUMAN || without.action == RECOVER_LOST)
        return;
    if (f->side == JOURNAL_SEND && f->state == JOURNAL_MOVED && f->force_here && step.action == RECOVER_FORGET)
        return;
    must(f->side == JOURNAL_SEND && f->state == JOURNAL_GO_DECIDED && f->force_here, "%s", text);
    must(step.record == RECOVER_NO_RECORD && (step.action == RECOVER_NEEDS_HUMAN || step.action == RECOVER_TAKE_BACK),
         "%s", text);
}

static check_step *const checks[] = { check_resume, check_destroy, check_start, check_go, check_messages, check_kept,
                                      check_page, check_others, check_newest, check_all_states, check_words,
                                      check_force };

START_TEST(each_rule_holds_for_all_facts)
{
    ck_assert_uint_gt(with_everything(checks[_i]), 10000);
}
END_TEST

static bool done[RECOVER_NR_ACTIONS];

static void note_action(const struct recover_facts *f, struct recover_step step, const char *text)
{
    (void)f;
    (void)text;
    done[step.action] = true;
}

START_TEST(each_action_is_of_use)
{
    with_everything(note_action);
    for (int a = 0; a < RECOVER_NR_ACTIONS; a++)
        ck_assert_msg(done[a], "nothing leads to: %s", recover_action_name((enum recover_action)a));
}
END_TEST

/* What the rules above leave open: the rest of docs/handover.md's tables, and what each force is good for. */
static const struct {
    enum journal_side side;
    enum journal_state state;
    enum recover_domain domain;
    enum recover_answer answer;
    unsigned flags;
    enum recover_action action;
    enum journal_state record;
} leads[] = {
#define HERE 1u
#define THERE 2u
#define TRIED 4u
#define OFFERED 8u
#define SEND(state, domain, answer, flags, action, record) \
    { JOURNAL_SEND, JOURNAL_##state, RECOVER_DOMAIN_##domain, RECOVER_##answer, flags, RECOVER_##action, record },
#define RECEIVE(state, domain, flags, action, record) \
    { JOURNAL_RECEIVE, JOURNAL_##state, RECOVER_DOMAIN_##domain, RECOVER_NO_ANSWER, flags, RECOVER_##action, record },
#define NONE RECOVER_NO_RECORD
    SEND(COPYING, RUNNING, NOT_STARTED, 0, TAKE_BACK, NONE)
    SEND(COPYING, ABSENT, BUSY, 0, WAIT, NONE)
    SEND(COPYING, ABSENT, NO_ANSWER, 0, WAIT, NONE)
    SEND(COPYING, ABSENT, NO_ANSWER, HERE, LOOK_AGAIN, JOURNAL_ABORTED)
    SEND(COPYING, ABSENT, READY, THERE, SEND_GO, JOURNAL_GO_DECIDED)
    SEND(COPYING, STRANGER, READY, 0, LOOK_AGAIN, JOURNAL_ABORTED)
    SEND(COPYING, STRANGER, STARTED, 0, NEEDS_HUMAN, NONE)
    SEND(GO_DECIDED, ABSENT, READY, 0, NEEDS_HUMAN, NONE)
    SEND(GO_DECIDED, ABSENT, READY, THERE, LOOK_AGAIN, JOURNAL_MOVED)
    SEND(GO_DECIDED, STRANGER, READY, 0, TAKE_BACK, NONE)
    SEND(GO_DECIDED, STRANGER, GIVEN_BACK, 0, LOOK_AGAIN, JOURNAL_ABORTED)
    SEND(GO_DECIDED, TAKEN, STARTED, 0, NEEDS_HUMAN, NONE)
    SEND(MOVED, STRANGER, STARTED, 0, CONFIRM, NONE)
    SEND(MOVED, STRANGER, CLOSED, 0, FORGET, NONE)
    SEND(MOVED, STRANGER, READY, 0, NEEDS_HUMAN, NONE)
    SEND(MOVED, TAKEN, STARTED, 0, NEEDS_HUMAN, NONE)
    SEND(ABORTED, TAKEN, CLOSED, 0, FORGET, NONE)
    SEND(ABORTED, TAKEN, READY, 0, ABORT_THERE, NONE)
    SEND(COPYING, ABSENT, READY, HERE, LOOK_AGAIN, JOURNAL_ABORTED)
    SEND(COPYING, ABSENT, CLOSED, 0, LOOK_AGAIN, JOURNAL_ABORTED)
    SEND(GO_DECIDED, RUNNING, GIVEN_BACK, 0, RESUME_HERE, JOURNAL_ABORTED)
    SEND(GO_DECIDED, RUNNING, READY, 0, TAKE_BACK, NONE)
    SEND(GO_DECIDED, RUNNING, NO_ANSWER, 0, WAIT, NONE)
    SEND(GO_DECIDED, RUNNING, NO_ANSWER, HERE, RESUME_HERE, JOURNAL_ABORTED)
    SEND(GO_DECIDED, RUNNING, GONE_THERE, HERE, RESUME_HERE, JOURNAL_ABORTED)
    SEND(GO_DECIDED, SUSPENDED, READY, TRIED, WAIT, NONE)
    SEND(GO_DECIDED, SUSPENDED, READY, HERE, TAKE_BACK, NONE)
    SEND(GO_DECIDED, ABSENT, NOT_STARTED, TRIED, NEEDS_HUMAN, NONE)
    SEND(GO_DECIDED, SUSPENDED, STARTED, HERE, NEEDS_HUMAN, NONE)
    SEND(GO_DECIDED, SUSPENDED, NO_ANSWER, HERE, RESUME_HERE, JOURNAL_ABORTED)
    SEND(GO_DECIDED, SUSPENDED, CLOSED, HERE, RESUME_HERE, JOURNAL_ABORTED)
    SEND(GO_DECIDED, SUSPENDED, GONE_THERE, HERE, RESUME_HERE, JOURNAL_ABORTED)
    SEND(GO_DECIDED, ABSENT, CLOSED, HERE, LOOK_AGAIN, JOURNAL_ABORTED)
    SEND(GO_DECIDED, SUSPENDED, NO_ANSWER, THERE, LOOK_AGAIN, JOURNAL_MOVED)
    SEND(GO_DECIDED, SUSPENDED, GONE_THERE, THERE, LOOK_AGAIN, JOURNAL_MOVED)
    SEND(MOVED, RUNNING, STARTED, HERE, FORGET, NONE)
    SEND(MOVED, ABSENT, NO_ANSWER, 0, WAIT, NONE)
    SEND(MOVED, ABSENT, NO_ANSWER, HERE, FORGET, NONE)
    SEND(MOVED, ABSENT, NO_ANSWER, THERE, FORGET, NONE)
    SEND(MOVED, ABSENT, READY, 0, SEND_GO, NONE)
    SEND(MOVED, ABSENT, NOT_STARTED, TRIED, NEEDS_HUMAN, NONE)
    SEND(ABORTED, RUNNING, NOT_STARTED, 0, TAKE_BACK, NONE)
    SEND(ABORTED, RUNNING, NO_ANSWER, 0, WAIT, NONE)
    SEND(ABORTED, RUNNING, NO_ANSWER, HERE, FORGET, NONE)
    SEND(ABORTED, RUNNING, NO_ANSWER, THERE, FORGET, NONE)
    RECEIVE(INCOMING, RUNNING, 0, NEEDS_HUMAN, NONE)
    RECEIVE(INCOMING, RUNNING, HERE, LOOK_AGAIN, JOURNAL_ABORTED)
    RECEIVE(READY, INCOMING, HERE, START_HERE, JOURNAL_GO)
    RECEIVE(READY, INCOMING, THERE, DESTROY_HERE, JOURNAL_ABORTED)
    RECEIVE(READY, RUNNING, HERE, LOOK_AGAIN, JOURNAL_GO)
    RECEIVE(GO, INCOMING, 0, START_HERE, NONE)
    RECEIVE(GO, INCOMING, TRIED, NEEDS_HUMAN, NONE)
    RECEIVE(GO, ABSENT, 0, LOST, NONE)
    RECEIVE(GO, ABSENT, HERE, LOOK_AGAIN, JOURNAL_ABORTED)
    RECEIVE(GO, ABSENT, THERE, LOOK_AGAIN, JOURNAL_ABORTED)
    RECEIVE(STARTED, RUNNING, 0, WAIT, NONE)
    RECEIVE(STARTED, RUNNING, HERE, FORGET, NONE)
    RECEIVE(STARTED, RUNNING, THERE, FORGET, NONE)
    RECEIVE(ABORTED, RUNNING, HERE, FORGET, NONE)
    RECEIVE(ABORTED, ABSENT, OFFERED, WAIT, NONE)
    RECEIVE(ABORTED, ABSENT, OFFERED | HERE, FORGET, NONE)
    RECEIVE(ABORTED, ABSENT, OFFERED | THERE, FORGET, NONE)
#undef SEND
#undef RECEIVE
#undef NONE
};

START_TEST(these_facts_lead_to_these_steps)
{
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        struct recover_facts f = {
            .side = leads[i].side, .state = leads[i].state, .domain = leads[i].domain, .answer = leads[i].answer,
            .newest = true, .force_here = leads[i].flags & HERE, .force_there = leads[i].flags & THERE,
            .tried = leads[i].flags & TRIED, .offered = leads[i].flags & OFFERED,
        };
        struct recover_step step = recover_decide(f);
        char text[400];

        describe(&f, step, text);
        must(step.action == leads[i].action && step.record == leads[i].record, "not: %s", text);
    }
}
END_TEST

/* ---- beside the table ---- */

START_TEST(words_name_the_vm_and_the_host)
{
    const struct recover_step step = { RECOVER_WAIT, RECOVER_NO_RECORD, "{vm} on {there}: xlmig recover {id} {no}" };
    char text[100], cut[12];

    recover_say(&step, "web1", "hostb", "ab12", text, sizeof text);
    ck_assert_str_eq(text, "web1 on hostb: xlmig recover ab12 {no}");
    recover_say(&step, "web1", "hostb", "ab12", cut, sizeof cut);
    ck_assert_str_eq(cut, "web1 on hos");
}
END_TEST

START_TEST(what_a_domain_is)
{
    static const struct {
        const char *name;
        enum vm_state state;
        bool stays_paused;
        enum recover_domain domain;
    } of[] = {
        { "web1", VM_RUNNING, false, RECOVER_DOMAIN_RUNNING },
        { "web1--incoming", VM_RUNNING, false, RECOVER_DOMAIN_RUNNING },
        { "web1--incoming", VM_PAUSED, false, RECOVER_DOMAIN_INCOMING },
        { "web1--incoming", VM_PAUSED, true, RECOVER_DOMAIN_INCOMING },
        { "web1", VM_PAUSED, false, RECOVER_DOMAIN_PAUSED },
        { "web1", VM_PAUSED, true, RECOVER_DOMAIN_RUNNING }, /* where it arrives */
        { "web1--migratedaway", VM_SUSPENDED, false, RECOVER_DOMAIN_SUSPENDED },
        { "web1", VM_SUSPENDED, false, RECOVER_DOMAIN_SUSPENDED },
        { "web1", VM_CRASHED, false, RECOVER_DOMAIN_ENDED },
        { "web1", VM_DYING, false, RECOVER_DOMAIN_ENDED },
    };
    struct journal_record record = { .side = JOURNAL_RECEIVE, .name = "web1" };

    ck_assert_int_eq(recover_domain_of(NULL, &record, false), RECOVER_DOMAIN_ABSENT);
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        struct vm vm = { .state = of[i].state };

        snprintf(vm.name, sizeof vm.name, "%s", of[i].name);
        record.paused = of[i].stays_paused;
        ck_assert_int_eq(recover_domain_of(&vm, &record, false), of[i].domain);
    }
}
END_TEST

/* It is to be paused where it arrives, because it is here: resumed by somebody, it stands where it stood. */
START_TEST(what_a_paused_one_of_the_source_is)
{
    static const struct {
        enum journal_state state;
        uint64_t stood_ns, cpu_ns;
        enum recover_domain domain;
    } of[] = {
        { JOURNAL_COPYING, 0, 500, RECOVER_DOMAIN_PAUSED },
        { JOURNAL_COPYING, 500, 500, RECOVER_DOMAIN_SUSPENDED },
        { JOURNAL_COPYING, 500, 501, RECOVER_DOMAIN_PAUSED },
        { JOURNAL_GO_DECIDED, 500, 500, RECOVER_DOMAIN_SUSPENDED },
        { JOURNAL_GO_DECIDED, 500, 501, RECOVER_DOMAIN_PAUSED },
        { JOURNAL_GO_DECIDED, 1, 0, RECOVER_DOMAIN_SUSPENDED }, /* it never ran in this domain */
        { JOURNAL_GO_DECIDED, 1, 5, RECOVER_DOMAIN_PAUSED },
        { JOURNAL_ABORTED, 500, 500, RECOVER_DOMAIN_PAUSED },
    };

    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        const struct vm vm = { .name = "web1", .state = VM_PAUSED, .cpu_ns = of[i].cpu_ns };
        const struct journal_record record = {
            .side = JOURNAL_SEND, .state = of[i].state, .name = "web1", .paused = true,
            .domain = { .domid = 1, .stood_ns = of[i].stood_ns },
        };

        ck_assert_int_eq(recover_domain_of(&vm, &record, false), of[i].domain);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recover-rules");
    TCase *tcase = tcase_create("table");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, each_rule_holds_for_all_facts, 0, sizeof checks / sizeof checks[0]);
    tcase_add_test(tcase, each_action_is_of_use);
    tcase_add_test(tcase, these_facts_lead_to_these_steps);
    tcase_add_test(tcase, words_name_the_vm_and_the_host);
    tcase_add_test(tcase, what_a_domain_is);
    tcase_add_test(tcase, what_a_paused_one_of_the_source_is);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
