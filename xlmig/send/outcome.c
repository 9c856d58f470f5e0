/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/send/outcome.h"
#include "xlmig/base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NEVER_BOTH "Never let both run: they would write to the same disks.\n"

static void tell_in_doubt(const struct send *s)
{
    const char *vm = s->vm.name;
    char incoming[VM_NAME_MAX + 16], word[SHELL_WORD_SIZE];

    snprintf(incoming, sizeof incoming, "%s--incoming", vm);
    fprintf(stderr,
            "xlmig: %s: IN DOUBT. It was handed over to %s, and then %s.\n"
            "Whether it runs there, nobody on this host (%s) knows. The copy here is kept, suspended, as "
            "%s--migratedaway.\n", vm, s->destination, s->why.text, s->host.name, vm);
    if (s->ledger.kept_there)
        fprintf(stderr,
                "As soon as %s can be reached, type here: xlmig recover %s\n"
                "That asks %s, and then either ends the move or lets %s go on here. " NEVER_BOTH,
                s->destination, s->ledger.id, s->destination, vm);
    else
        fprintf(stderr,
                "%s keeps no journal that could be asked. Look on %s which VMs are there: xl list\n"
                "- If %s is there, remove the copy here: xlmig recover --force-there %s\n"
                "- If neither %s nor %s is there, let the copy here go on: xlmig recover --force-here %s\n"
                "- If %s is there, type there, and go on as in the line before: xl destroy %s\n"
                NEVER_BOTH, s->destination, s->destination, vm, s->ledger.id, vm, incoming, s->ledger.id, incoming,
                shell_word(incoming, word, sizeof word));
}

/* Nothing waits for it but two small files; and perhaps memory, there. */
static void tell_untold(const struct send *s)
{
    fprintf(stderr, "%s is still to be told that this migration is over; at any time, type: xlmig recover %s\n",
            s->destination, s->ledger.id);
}

static const char *what_became_of_it(const struct send *s)
{
    switch (s->handover.settled) {
    case SETTLE_PAUSED:
        return s->handover.held ? "%s is on this host, paused as before.\n"
                                : "%s is on this host, paused, as somebody wants it.\n";
    case SETTLE_ENDED:
        return "%s shut down or rebooted by itself meanwhile; xl on this host acts on that.\n";
    case SETTLE_TAKEN:
        return "%s is suspended on this host: another process saves or migrates it, and it is left to that one.\n";
    case SETTLE_GONE:
        return "%s is gone from this host: somebody destroyed it, or saved or migrated it away.\n";
    default:
        return s->handover.held ? "%s runs on this host, as somebody unpaused it.\n" : "%s runs on this host as before.\n";
    }
}

static void tell_undone(const struct send *s)
{
    const char *vm = s->vm.name;

    fprintf(stderr, "xlmig: %s not sent to %s: %s%s\n", vm, s->destination, s->why.text, text_stop(s->why.text));
    fprintf(stderr, what_became_of_it(s), vm);
    if (s->handover.started_unasked)
        fprintf(stderr,
                "%s MAY RUN TWICE: somebody started it on %s, too, and both may write to its disks. Stop one of them "
                        "now, by xl destroy on the host whose copy is worth less. Then type: xlmig recover %s\n",
                vm, s->destination, s->ledger.id);
    else if (s->handover.state == HANDOVER_UNDONE_UNTOLD)
        tell_untold(s);
}

static void tell_stuck(const struct send *s)
{
    const char *vm = s->vm.name;

    fprintf(stderr, "xlmig: %s not sent to %s: %s%s\n", vm, s->destination, s->why.text, text_stop(s->why.text));
    if (s->handover.unrecorded)
        fprintf(stderr,
                "It does not run anywhere now: this host could not record that it goes on here, and %s, which may have "
                "all of it, did not say that it gave it up. When %s can be written to, type: xlmig recover %s\n",
                s->destination, s->ledger.dir, s->ledger.id);
    else
        fprintf(stderr, "It does not run anywhere now: its copy here could not be resumed. "
                        "Look with: xl list; type: xlmig recover %s\n", s->ledger.id);
}

/* For programs. */
static const char *outcome_of(const struct send *s)
{
    static const char *const outcomes[HANDOVER_NR_STATES] = {
        [HANDOVER_MOVED] = "moved", [HANDOVER_MOVED_UNTOLD] = "moved", [HANDOVER_LEFTOVER] = "moved",
        [HANDOVER_UNDONE] = "undone", [HANDOVER_UNDONE_UNTOLD] = "undone", [HANDOVER_STUCK] = "stuck",
        [HANDOVER_IN_DOUBT] = "in-doubt",
    };
    const char *outcome = outcomes[s->handover.state];

    return outcome ? outcome : outcomes[HANDOVER_IN_DOUBT];
}

int send_tell_end(struct send *s)
{
    const char *vm = s->vm.name;
    char headline[1024];

    snprintf(headline, sizeof headline, send_stays_paused(s) ? "%s is on %s, paused" : "%s runs on %s", vm, s->destination);
    switch (s->handover.state) {
    case HANDOVER_MOVED:
        progress_report(&s->progress, headline);
        return EXIT_OK;
    case HANDOVER_MOVED_UNTOLD:
        progress_report(&s->progress, headline);
        tell_untold(s);
        return EXIT_LEFTOVER;
    case HANDOVER_LEFTOVER:
        progress_report(&s->progress, headline);
        fprintf(stderr, "xlmig: the copy left on this host, %s--migratedaway, is not removed yet: %s.\n"
                        "Type: xlmig recover %s\n", vm, s->why.text, s->ledger.id);
        return EXIT_LEFTOVER;
    case HANDOVER_UNDONE:
    case HANDOVER_UNDONE_UNTOLD:
        progress_failed(&s->progress, outcome_of(s), s->why.text);
        tell_undone(s);
        return s->handover.started_unasked ? EXIT_NEEDS_HAND : s->cancelled ? EXIT_CANCELLED : EXIT_FAILED;
    case HANDOVER_STUCK:
        progress_failed(&s->progress, outcome_of(s), s->why.text);
        tell_stuck(s);
        return EXIT_NEEDS_HAND;
    default:
        progress_failed(&s->progress, outcome_of(s), s->why.text);
        tell_in_doubt(s);
        return EXIT_IN_DOUBT;
    }
}

/* Whatever came of it, once the guest was touched. */
int send_write_report(struct send *s)
{
    bool moved = s->handover.state == HANDOVER_MOVED || s->handover.state == HANDOVER_MOVED_UNTOLD ||
    s->handover.state == HANDOVER_LEFTOVER;
    struct move_result result = progress_result(&s->progress, outcome_of(s), moved, !moved ? s->why.text : send_stays_paused(s) ? "it is there, paused"
                                                                                                                    : "it runs there");

    struct failure failure = { 0 };
    int rc = move_report_write(&s->progress.move, &result, s->request->report, &failure);

    if (rc < 0)
        fprintf(stderr, "xlmig: no report: %s%s\n", failure.text, text_stop(failure.text));
    return rc;
}
