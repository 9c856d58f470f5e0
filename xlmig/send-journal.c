/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The source's journal (docs/handover.md), and the last words to the destination, which let both journals go. */
#include "config.h"
#include "xlmig/send.h"

#include "xlmig/state-dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* ---- the journal ---- */

/* How recover reaches the destination, where there is anybody to be asked. */
static void fill_way(const struct send *s, struct journal_record *record)
{
    if (!s->journal_there)
        return;
    snprintf(record->transport, sizeof record->transport, "%s", s->request->transport);
    snprintf(record->ssh_command, sizeof record->ssh_command, "%s", s->request->ssh_command);
}

int send_begin_journal(struct send *s)
{
    struct journal_record record = { .side = JOURNAL_SEND, .paused = s->request->paused };
    struct failure failure = { 0 };
    char dir[PATH_MAX];

    s->journal_there = peer_dialect(s->peer) == PEER_XLMIG && peer_hello(s->peer)->handover >= 1;
    if (getrandom(s->token, sizeof s->token, 0) != (ssize_t)sizeof s->token) {
        send_refuse(s, EXIT_REFUSED, "the kernel has no random numbers: %s", strerror(errno));
        return -1;
    }
    memcpy(record.token, s->token, sizeof record.token);
    memcpy(record.uuid, s->vm.uuid, sizeof record.uuid);
    snprintf(record.name, sizeof record.name, "%s", s->vm.name);
    snprintf(record.peer, sizeof record.peer, "%s", s->request->host);
    host_boot(s->request->toolstack, record.boot);
    fill_way(s, &record);
    if (journal_dir(s->request->toolstack, dir, &failure) == 0)
        s->journal = journal_create(dir, &record, &failure);
    if (!s->journal)
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
    return s->journal ? 0 : -1;
}

int send_record(struct send *s, enum journal_state state)
{
    return journal_advance(s->journal, state, state == JOURNAL_ABORTED ? s->why.text : NULL, &s->why);
}

/*
 * May the destination be READY, so that it must be told?  Never before the guest
 * was asked to suspend: then the end of the stream was not written.
 */
bool send_may_be_ready(const struct send *s)
{
    return s->arrived || s->outcome == SUSPEND_DONE ||
           (strcmp(s->last_phase, "setup") != 0 && strcmp(s->last_phase, "precopy") != 0);
}

/* Nothing but BEGIN was said: what is there was never READY, and goes by itself. */
void send_drop_journal(struct send *s)
{
    struct failure failure = { 0 };

    if (!s->journal)
        return;
    if (journal_advance(s->journal, JOURNAL_ABORTED, "refused before it began", &failure) < 0 ||
        journal_finish(&s->journal, &failure) < 0)
        fprintf(stderr, "xlmig: %s. Type: xlmig recover\n", failure.text);
}

/* The end of the handover: the journal goes, or waits for recover. */
void send_end_journal(struct send *s)
{
    struct failure failure = { 0 };

    if ((s->state == HANDOVER_MOVED || s->state == HANDOVER_UNDONE) && s->journal &&
        journal_finish(&s->journal, &failure) < 0)
        fprintf(stderr, "xlmig: %s. Type: xlmig recover\n", failure.text);
    journal_release(s->journal);
    s->journal = NULL;
}

/* ---- the last words ---- */

static enum control_type last_word(const struct send *s)
{
    return s->state == HANDOVER_CONFIRMING || s->state == HANDOVER_CONFIRMING_ANEW ? CONTROL_CONFIRM : CONTROL_ABORT;
}

int send_say(struct send *s, enum control_type type)
{
    struct control_word word = { .generation = s->journal ? journal_record(s->journal)->generation : 0 };

    memcpy(word.token, s->token, sizeof word.token);
    return peer_say(s->peer, type, &word);
}

/*
 * Frames can be written where the destination said RECEIVED; before that, what
 * is written is the stream's.
 */
void send_tell(struct send *s)
{
    bool started = s->state == HANDOVER_CONFIRMING;

    if (!s->journal_there || s->closed_there || (!started && !send_may_be_ready(s)))
        send_feed(s, HANDOVER_CLOSED);
    else if (!s->arrived || send_say(s, last_word(s)) < 0)
        send_feed(s, HANDOVER_PEER_LOST);
}

/* The peer that tells of a loss cannot be replaced from within: from the loop, then. */
void send_tell_anew(struct send *s)
{
    s->reconnecting = true;
    event_active(s->reconnect, EV_TIMEOUT, 1);
}

void send_on_greeted_anew(struct send *s)
{
    send_await(s, "its word that it has taken note", s->request->go_timeout_us);
    if (peer_dialect(s->peer) != PEER_XLMIG || send_say(s, last_word(s)) < 0)
        send_feed(s, HANDOVER_PEER_LOST);
}
