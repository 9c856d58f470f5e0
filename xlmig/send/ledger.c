/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/send/ledger.h"

#include "xlmig/base/state-dir.h"
#include "xlmig/base/text.h"
#include "xlmig/domain/standing.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static int put(char *out, size_t size, const char *text, const char *what, struct failure *failure)
{
    if (strlen(text) >= size)
        return failure_set(failure, "%s is too long for the journal of a migration, which holds %zu characters of it",
                           what, size - 1);
    if (!text_is_fit(text))
        return failure_set(failure,
                           "%s has a line end, or the like, in it, or is no UTF-8, which the journal of a migration "
                           "cannot hold", what);
    strcpy(out, text);
    return 0;
}

/* How recover reaches the destination, where there is anybody to be asked.  Half a command would be run as one. */
static int fill_way(const struct send *s, struct journal_record *record, struct failure *failure)
{
    const struct send_request *r = s->request;

    if (put(record->peer, sizeof record->peer, r->host, "the name of the other host", failure) < 0)
        return -1;
    if (!s->ledger.kept_there)
        return 0;
    return put(record->transport, sizeof record->transport, r->transport, "--transport", failure) < 0 ||
                   put(record->ssh_command, sizeof record->ssh_command, r->ssh_command, "--ssh-command", failure) < 0
               ? -1 : 0;
}

int send_begin_journal(struct send *s)
{
    struct journal_record record = {
        .side = JOURNAL_SEND, .paused = send_stays_paused(s), .domain = { .domid = s->vm.domid },
    };
    struct failure failure = { 0 };

    s->ledger.kept_there = peer_dialect(s->link.peer) == PEER_XLMIG && peer_hello(s->link.peer)->handover >= 1;
    if (getrandom(s->ledger.token, sizeof s->ledger.token, 0) != (ssize_t)sizeof s->ledger.token) {
        send_refuse(s, EXIT_REFUSED, "the kernel has no random numbers: %s", strerror(errno));
        return -1;
    }
    memcpy(record.token, s->ledger.token, sizeof record.token);
    memcpy(record.uuid, s->vm.uuid, sizeof record.uuid);
    snprintf(record.name, sizeof record.name, "%s", s->vm.name);
    host_boot(s->request->toolstack, record.boot);
    if (fill_way(s, &record, &failure) == 0 && journal_dir(s->request->toolstack, s->ledger.dir, &failure) == 0)
        s->ledger.journal = journal_create(s->ledger.dir, &record, NULL, &failure);
    if (!s->ledger.journal) {
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
        return -1;
    }
    journal_id(journal_record(s->ledger.journal), s->ledger.id);
    return 0;
}

/*
 * A record that the disk took and then did not keep for certain (journal_in_doubt())
 * is no record here, and need not be told from one that was not written: what
 * follows is allowed by the former record and by this one.  After GO_DECIDED it is
 * ABORTED, or the destination's own word; MOVED and ABORTED have nothing after them.
 */
int send_record(struct send *s, enum journal_state state)
{
    struct failure failure = { 0 };

    if (s->ledger.journal && s->handover.standing.domain.domid)
        journal_name_domain(s->ledger.journal, s->handover.standing.domain);
    if (journal_advance(s->ledger.journal, state, state == JOURNAL_ABORTED ? s->why.text : NULL, &failure) == 0)
        return 0;
    progress_note(&s->progress, "%s (in %s)", failure.text, s->ledger.dir);
    failure_set(&s->why, "%s (in %s)", failure.text, s->ledger.dir);
    return -1;
}

bool send_is_recorded_aborted(const struct send *s)
{
    return s->ledger.journal && journal_record(s->ledger.journal)->state == JOURNAL_ABORTED;
}

/* Nobody needs it any more.  What cannot be removed, recover removes. */
static void finish_journal(struct send *s)
{
    struct failure failure = { 0 };

    standing_remove(s->ledger.token);
    if (journal_finish(&s->ledger.journal, &failure) < 0)
        fprintf(stderr, "xlmig: %s (in %s). Type: xlmig recover %s\n", failure.text, s->ledger.dir, s->ledger.id);
}

/* What is there was never READY, and goes by itself, or is told. */
static void drop_journal(struct send *s)
{
    if (!s->ledger.journal)
        return;
    if (send_is_recorded_aborted(s) || send_record(s, JOURNAL_ABORTED) == 0)
        finish_journal(s);
    else
        fprintf(stderr, "xlmig: when that can be written to, type: xlmig recover %s\n", s->ledger.id);
}

void send_end_journal(struct send *s)
{
    if (!send_is_handing_over(s) || s->handover.state == HANDOVER_UNDONE)
        drop_journal(s);
    else if (s->handover.state == HANDOVER_MOVED && s->ledger.journal)
        finish_journal(s);
    journal_release(s->ledger.journal);
    s->ledger.journal = NULL;
}
