/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/receive/holding.h"

#include "xlmig/base/exit.h"
#include "xlmig/base/state-dir.h"
#include "xlmig/domain/journalled.h"

#include <stdio.h>
#include <string.h>

/* ---- the journal ---- */

int receive_begin_journal(struct receiver *r, struct failure *failure)
{
    struct journal_record record = {
        .side = JOURNAL_RECEIVE, .generation = r->order.begin.generation, .paused = r->order.paused,
    };
    char dir[PATH_MAX];

    if (!r->order.begin.generation)
        return 0; /* a sender that keeps none */
    memcpy(record.token, r->order.begin.token, sizeof record.token);
    memcpy(record.uuid, r->order.vm.uuid, sizeof record.uuid);
    snprintf(record.name, sizeof record.name, "%s", r->order.vm.name);
    snprintf(record.peer, sizeof record.peer, "%s", r->order.sender[0] ? r->order.sender : "unknown");
    host_boot(r->request->toolstack, record.boot);
    if (journal_dir(r->request->toolstack, dir, failure) < 0)
        return -1;
    r->holding.journal = journal_create(dir, &record, r->order.begin.has_source ? r->order.begin.source : NULL, failure);
    if (r->holding.journal)
        journal_yields(r->holding.journal);
    return r->holding.journal ? 0 : -1;
}

void receive_record_aborted(struct receiver *r, const char *why)
{
    struct failure failure = { 0 };

    /* What was never READY may be destroyed all the same: nobody relies on it. */
    if (r->holding.journal && journal_record(r->holding.journal)->state == JOURNAL_INCOMING &&
        journal_advance(r->holding.journal, JOURNAL_ABORTED, why, &failure) < 0)
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
}

int receive_forget(struct receiver *r)
{
    struct failure failure = { 0 };

    if (journal_finish(&r->holding.journal, &failure) == 0)
        return 0;
    fprintf(stderr, "xlmig receive: %s\n", failure.text);
    return -1;
}

void receive_forget_aborted(struct receiver *r)
{
    const struct journal_record *record = r->holding.journal ? journal_record(r->holding.journal) : NULL;

    if (record && record->state == JOURNAL_ABORTED && !record->offered)
        receive_forget(r);
}

bool receive_is_holding(const struct receiver *r)
{
    return r->state == RECEIVE_AWAIT_WORD || r->state == RECEIVE_ACTING || r->state == RECEIVE_AWAIT_HOLDER;
}

static int status_left(const struct journal_record *record)
{
    switch (record->state) {
    case JOURNAL_READY:
    case JOURNAL_GO:
        return EXIT_IN_DOUBT;
    case JOURNAL_STARTED:
        return EXIT_OK;
    default:
        return EXIT_FAILED;
    }
}

void receive_leave(struct receiver *r)
{
    const struct journal_record *record = r->holding.journal ? journal_record(r->holding.journal) : NULL;
    int status = record ? status_left(record) : EXIT_FAILED;

    if (status == EXIT_IN_DOUBT)
        fprintf(stderr, "xlmig receive: %s is kept here, paused, until %s says what becomes of it; there, type: "
                        "xlmig recover\n", record->name, record->peer);
    journal_release(r->holding.journal);
    r->holding.journal = NULL;
    receive_finish(r, status);
}

/* ---- the copy ---- */

enum recover_domain receive_look(struct receiver *r)
{
    struct failure failure = { 0 };
    const struct journal_record *record = journal_record(r->holding.journal);
    struct journalled found;

    vm_find_journalled(r->ts, r->request->toolstack, record, &found, &failure);
    r->holding.vm = found.vm;
    if (found.domain == RECOVER_DOMAIN_UNKNOWN)
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
    /* What others made of the VM, when our copy was gone, is no matter of this migration. */
    return found.domain == RECOVER_DOMAIN_STRANGER ? RECOVER_DOMAIN_ABSENT : found.domain;
}

/* From here on the journal names the very domain: no other one of its UUID and name is taken for it. */
static int record_ready(struct receiver *r, struct failure *failure)
{
    journal_name_domain(r->holding.journal, (struct journal_domain){ .domid = r->holding.vm.domid });
    return journal_advance(r->holding.journal, JOURNAL_READY, NULL, failure);
}

bool receive_hold(struct receiver *r)
{
    struct failure failure = { 0 };
    enum recover_domain domain = receive_look(r);

    if (domain == RECOVER_DOMAIN_UNKNOWN)
        failure_set(&failure, "the toolstack there does not say what it has");
    else if (domain != RECOVER_DOMAIN_INCOMING || r->holding.vm.state != VM_PAUSED)
        failure_set(&failure, "what xl made of it is gone");
    else if (record_ready(r, &failure) == 0) {
        receive_await(r, RECEIVE_AWAIT_WORD, r->request->idle_timeout_us);
        receive_channels_rest(r->channels);
        conversation_say(r->conversation, MESSAGE_RECEIVED, false, "%s", "");
        conversation_listen(r->conversation);
        return true;
    }
    snprintf(r->own_error, sizeof r->own_error, "%s", failure.text);
    return false;
}
