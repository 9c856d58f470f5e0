/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Recover's rules at work on both hosts: whatever a crash left, they end, with the VM running once. */
#include "tests/xlmig/handover/rules-case.h"

#include <stdio.h>

#define NO_JOURNAL JOURNAL_NR_STATES

struct host {
    enum journal_state state;   /* NO_JOURNAL */
    enum recover_domain domain;
    bool offered;
};

struct world {
    struct host source, destination;
};

enum message { ASK, GO, TAKE_BACK, ABORT, CONFIRM };

static enum recover_answer give_back(struct host *h)
{
    h->state = JOURNAL_ABORTED;
    h->domain = RECOVER_DOMAIN_ABSENT;
    return RECOVER_GIVEN_BACK;
}

static enum recover_answer start(struct host *h)
{
    h->state = JOURNAL_STARTED;
    h->domain = RECOVER_DOMAIN_RUNNING;
    return RECOVER_STARTED;
}

static enum recover_answer forget(struct host *h)
{
    h->state = NO_JOURNAL;
    if (h->domain == RECOVER_DOMAIN_INCOMING)
        h->domain = RECOVER_DOMAIN_ABSENT;
    return RECOVER_CLOSED;
}

/* As docs/handover.md has the destination answer. */
static enum recover_answer answer_ready(struct host *h, enum message message)
{
    if (message == ABORT)
        return forget(h);
    if (message == TAKE_BACK || h->domain == RECOVER_DOMAIN_ABSENT)
        return give_back(h);
    return message == GO ? start(h) : RECOVER_READY;
}

static enum recover_answer answer_go(struct host *h, enum message message)
{
    if (h->domain == RECOVER_DOMAIN_RUNNING)
        return start(h);
    if (h->domain == RECOVER_DOMAIN_ABSENT)
        return message == ABORT ? forget(h) : RECOVER_GONE_THERE;
    if (message == TAKE_BACK)
        return give_back(h);
    return message == GO ? start(h) : RECOVER_NOT_STARTED;
}

static enum recover_answer answer(struct host *h, enum message message)
{
    switch (h->state) {
    case JOURNAL_INCOMING:
        (void)forget(h); /* nobody lives that could go on with it */
        return message == ABORT ? RECOVER_CLOSED : RECOVER_GIVEN_BACK;
    case JOURNAL_READY:
        return answer_ready(h, message);
    case JOURNAL_GO:
        return answer_go(h, message);
    case JOURNAL_STARTED:
        return message == CONFIRM ? forget(h) : RECOVER_STARTED;
    case JOURNAL_ABORTED:
        return message == ABORT ? forget(h) : give_back(h);
    default:
        return RECOVER_CLOSED;
    }
}

static void act(struct world *w, struct host *own, enum recover_action action, struct recover_facts *f)
{
    switch (action) {
    case RECOVER_RESUME_HERE:
    case RECOVER_START_HERE:
        own->domain = RECOVER_DOMAIN_RUNNING;
        return;
    case RECOVER_DESTROY_HERE:
        own->domain = RECOVER_DOMAIN_ABSENT;
        return;
    case RECOVER_FORGET:
        own->state = NO_JOURNAL;
        return;
    case RECOVER_SEND_GO:
        f->tried = true;
        f->answer = answer(&w->destination, GO);
        return;
    case RECOVER_TAKE_BACK:
        f->answer = answer(&w->destination, TAKE_BACK);
        return;
    case RECOVER_ABORT_THERE:
        f->answer = answer(&w->destination, ABORT);
        return;
    case RECOVER_CONFIRM:
        f->answer = answer(&w->destination, CONFIRM);
        return;
    default:
        return;
    }
}

static unsigned nr_running(const struct world *w)
{
    return (unsigned)runs(w->source.domain) + (unsigned)runs(w->destination.domain);
}

static void describe_world(const struct world *w, char text[200])
{
    snprintf(text, 200, "source %s, domain %d; destination %s, domain %d%s",
             w->source.state == NO_JOURNAL ? "-" : journal_state_name(w->source.state), w->source.domain,
             w->destination.state == NO_JOURNAL ? "-" : journal_state_name(w->destination.state),
             w->destination.domain, w->destination.offered ? ", offered" : "");
}

static bool force_there; /* a human says so */

/* Recover on one side, killed after so many things that it did (record, act, ...).  The last action. */
static enum recover_action recover(struct world *w, enum journal_side side, bool asks, unsigned killed_after,
                                   const char *from)
{
    struct host *own = side == JOURNAL_SEND ? &w->source : &w->destination;
    struct recover_facts f = {
        .side = side, .newest = true, .booted = own->domain == RECOVER_DOMAIN_ABSENT, .force_there = force_there,
    };
    unsigned did = 0;

    if (side == JOURNAL_SEND && asks && own->state != NO_JOURNAL)
        f.answer = answer(&w->destination, ASK);
    for (unsigned steps = 0; own->state != NO_JOURNAL; steps++) {
        struct recover_step step;

        f.state = own->state;
        f.domain = own->domain;
        f.offered = own->offered;
        step = recover_decide(f);
        must(steps < 10, "no end from %s", from);
        if (step.record != RECOVER_NO_RECORD && did++ < killed_after)
            own->state = step.record;
        if (did < killed_after)
            act(w, own, step.action, &f);
        must(nr_running(w) <= 1, "two run, from %s", from);
        if (recover_ends(step.action) || did++ >= killed_after)
            return step.action;
    }
    return RECOVER_FORGET;
}

/* All that a crash can leave, of what the protocol allows. */
static const struct {
    enum journal_state source;
    unsigned source_domains;
    enum journal_state destination;
    unsigned destination_domains;
    bool offered;
} left[] = {
#define D(domain) (1u << RECOVER_DOMAIN_##domain)
#define HERE_YET D(RUNNING) | D(SUSPENDED) | D(ABSENT)
#define COPY D(INCOMING) | D(ABSENT)
    { JOURNAL_COPYING, HERE_YET, NO_JOURNAL, D(ABSENT), false },
    { JOURNAL_COPYING, HERE_YET, JOURNAL_INCOMING, COPY, false },
    { JOURNAL_COPYING, D(SUSPENDED) | D(ABSENT), JOURNAL_READY, COPY, true },
    { JOURNAL_COPYING, HERE_YET, JOURNAL_ABORTED, COPY, false },
    { JOURNAL_COPYING, D(SUSPENDED) | D(ABSENT), JOURNAL_ABORTED, COPY, true },
    { JOURNAL_GO_DECIDED, D(SUSPENDED) | D(ABSENT), JOURNAL_READY, COPY, true },
    { JOURNAL_GO_DECIDED, D(SUSPENDED) | D(ABSENT), JOURNAL_GO, COPY | D(PAUSED) | D(RUNNING), true },
    { JOURNAL_GO_DECIDED, D(SUSPENDED) | D(ABSENT), JOURNAL_STARTED, D(RUNNING) | D(ENDED) | D(ABSENT), true },
    { JOURNAL_GO_DECIDED, D(SUSPENDED) | D(ABSENT), JOURNAL_ABORTED, COPY, true },
    { JOURNAL_MOVED, D(SUSPENDED) | D(ABSENT), JOURNAL_STARTED, D(RUNNING) | D(ENDED) | D(ABSENT), true },
    { JOURNAL_MOVED, D(ABSENT), NO_JOURNAL, D(RUNNING) | D(ABSENT), false },
    { JOURNAL_ABORTED, HERE_YET, NO_JOURNAL, D(ABSENT), false },
    { JOURNAL_ABORTED, HERE_YET, JOURNAL_INCOMING, COPY, false },
    { JOURNAL_ABORTED, HERE_YET, JOURNAL_READY, COPY, true },
    { JOURNAL_ABORTED, HERE_YET, JOURNAL_ABORTED, COPY, true },
    { NO_JOURNAL, D(RUNNING) | D(ABSENT), JOURNAL_INCOMING, COPY, false },
    { NO_JOURNAL, D(RUNNING) | D(ABSENT), JOURNAL_ABORTED, COPY, false },
};

/* Can the VM be saved at all: is there a copy that may run? */
static bool can_be_saved(const struct world *w)
{
    bool there = w->destination.domain == RECOVER_DOMAIN_RUNNING || w->destination.domain == RECOVER_DOMAIN_PAUSED ||
                 (w->destination.domain == RECOVER_DOMAIN_INCOMING && w->destination.state != JOURNAL_INCOMING &&
                  w->destination.state != JOURNAL_ABORTED && w->source.state != JOURNAL_ABORTED);
    bool here = w->source.domain == RECOVER_DOMAIN_RUNNING ||
                (w->source.domain == RECOVER_DOMAIN_SUSPENDED && w->source.state != JOURNAL_MOVED &&
                 w->destination.state != JOURNAL_GO && w->destination.state != JOURNAL_STARTED);

    return here || there;
}

typedef void visit_world(struct world w, const char *text);

static unsigned each_world(visit_world *visit)
{
    unsigned nr = 0;
    char text[200];

    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
        for (int s = 0; s < RECOVER_NR_DOMAINS; s++)
            for (int d = 0; d < RECOVER_NR_DOMAINS; d++) {
                struct world w = {
                    { left[i].source, (enum recover_domain)s, false },
                    { left[i].destination, (enum recover_domain)d, left[i].offered },
                };

                if (!(left[i].source_domains >> s & 1) || !(left[i].destination_domains >> d & 1))
                    continue;
                describe_world(&w, text);
                visit(w, text);
                nr++;
            }
    return nr;
}

/* It is gone at the source, and READY at the destination: whether it ran on before that only a human may say. */
static bool is_for_human(const struct world *w, enum recover_action last)
{
    return last == RECOVER_NEEDS_HUMAN && w->source.domain == RECOVER_DOMAIN_ABSENT &&
           (w->source.state == JOURNAL_COPYING || w->source.state == JOURNAL_GO_DECIDED) &&
           w->destination.state == JOURNAL_READY && w->destination.domain == RECOVER_DOMAIN_INCOMING;
}

static void check_settled(struct world w, bool could, enum recover_action last, const char *from)
{
    char text[200];

    if (is_for_human(&w, last)) {
        force_there = true;
        last = recover(&w, JOURNAL_SEND, true, ~0u, from);
        force_there = false;
    }
    describe_world(&w, text);
    if (could)
        must(nr_running(&w) == 1, "from %s: ends with %s", from, text);
    else
        must(nr_running(&w) == 0, "from %s: ends with %s", from, text);
    must(last == RECOVER_LOST || (w.source.state == NO_JOURNAL && w.destination.state == NO_JOURNAL),
         "from %s: ends with %s", from, text);
    must(last != RECOVER_LOST || !could, "from %s: lost, with %s", from, text);
}

static void settle(struct world w, const char *text)
{
    bool could = can_be_saved(&w);
    enum recover_action last = recover(&w, JOURNAL_SEND, true, ~0u, text);

    (void)recover(&w, JOURNAL_RECEIVE, false, ~0u, text);
    check_settled(w, could, last, text);
}

static void settle_from_there(struct world w, const char *text)
{
    bool could = can_be_saved(&w);

    (void)recover(&w, JOURNAL_RECEIVE, false, ~0u, text);
    check_settled(w, could, recover(&w, JOURNAL_SEND, true, ~0u, text), text);
}

static void settle_killed(struct world w, const char *text)
{
    for (unsigned killed_after = 0; killed_after < 12; killed_after++)
        for (int first = JOURNAL_SEND; first <= JOURNAL_RECEIVE; first++) {
            struct world at = w;

            (void)recover(&at, (enum journal_side)first, true, killed_after, text);
            settle(at, text);
        }
}

/* With nobody to ask, nothing starts there that GO was not for, and nothing that was handed over goes on here. */
static void stay_apart(struct world w, const char *text)
{
    struct world before = w;

    (void)recover(&w, JOURNAL_SEND, false, ~0u, text);
    (void)recover(&w, JOURNAL_RECEIVE, false, ~0u, text);
    if (before.destination.state == JOURNAL_READY || before.destination.state == JOURNAL_INCOMING)
        must(!runs(w.destination.domain), "%s", text);
    if (before.destination.state == JOURNAL_READY && before.destination.domain == RECOVER_DOMAIN_INCOMING)
        must(w.destination.domain == RECOVER_DOMAIN_INCOMING, "%s", text);
    if (before.source.state == JOURNAL_GO_DECIDED)
        must(w.source.domain == before.source.domain && w.source.state == JOURNAL_GO_DECIDED, "%s", text);
    must(nr_running(&w) <= 1, "%s", text);
}

START_TEST(whatever_is_left_ends_with_one_that_runs)
{
    static visit_world *const ways[] = { settle, settle_from_there, settle_killed, stay_apart };

    ck_assert_uint_gt(each_world(ways[_i]), 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recovery");
    TCase *tcase = tcase_create("recovery");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, whatever_is_left_ends_with_one_that_runs, 0, 4);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
