/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/recover/ask.h"

#include "xlmig/base/loop.h"
#include "xlmig/base/text.h"
#include "xlmig/peer/negotiate.h"
#include "xlmig/peer/peer.h"
#include "xlmig/peer/route.h"

#include <stdlib.h>
#include <string.h>

#define BUSY_US 10000000u       /* a receiver that is about to notice that its sender is gone needs less */
#define BUSY_AGAIN_US 300000u

enum stage { IDLE, CONNECTING, SAID, PAUSING };

struct recover_ask {
    struct event_base *base;
    const struct journal_record *record;
    struct route way;
    struct message_hello own_hello;
    uint64_t timeout_us, busy_end_us;
    struct event *deadline, *next; /* `next`: what peer.h does not let be done from within its callback */
    struct peer *peer;          /* NULL: no connection */
    enum stage stage;
    bool stale;                 /* the connection was there before: what is said may not be heard */
    bool greeted, answered, lost;
    enum message_type type;
    enum recover_answer answer;
    recover_ask_done *done;
    void *user;
    char text[1024];
};

static void wait_for(struct recover_ask *ask, uint64_t timeout_us)
{
    const struct timeval in = us_to_timeval(timeout_us);

    evtimer_add(ask->deadline, &in);
}

static void hang_up(struct recover_ask *ask)
{
    peer_close_soon(ask->peer);
    ask->peer = NULL;
}

static void finish(struct recover_ask *ask, enum recover_answer answer)
{
    evtimer_del(ask->deadline);
    ask->stage = IDLE;
    if (answer == RECOVER_NO_ANSWER || answer == RECOVER_CLOSED) /* it has no more to say */
        hang_up(ask);
    ask->done(ask->user, answer);
}

/* After an answer it is no loss: the other side has said what it was asked, and ends. */
static void lose(struct recover_ask *ask, const char *text)
{
    if (!ask->lost && !ask->answered)
        snprintf(ask->text, sizeof ask->text, "%.1000s", text);
    ask->lost = true;
    event_active(ask->next, EV_TIMEOUT, 1);
}

/* ---- what the destination says ---- */

/* false: it is no answer to a word. */
static bool answer_of(enum peer_event_kind kind, enum recover_answer *answer)
{
    static const struct {
        enum peer_event_kind kind;
        enum recover_answer answer;
    } answers[] = {
        { PEER_READY, RECOVER_READY },
        { PEER_STARTED, RECOVER_STARTED },
        { PEER_NOT_STARTED, RECOVER_NOT_STARTED },
        { PEER_RELEASED, RECOVER_GIVEN_BACK },
        { PEER_CLOSED, RECOVER_CLOSED },
        { PEER_GONE, RECOVER_GONE_THERE },
        { PEER_TROUBLE, RECOVER_BUSY },
    };

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i].kind == kind) {
            *answer = answers[i].answer;
            return true;
        }
    return false;
}

static void on_event(void *user, const struct peer_event *event)
{
    struct recover_ask *ask = user;

    if (event->kind == PEER_GREETED) {
        ask->greeted = true;
        event_active(ask->next, EV_TIMEOUT, 1);
    } else if (event->kind == PEER_LOST || event->kind == PEER_FAILED) {
        lose(ask, event->text);
    } else if (ask->stage == SAID && answer_of(event->kind, &ask->answer)) {
        snprintf(ask->text, sizeof ask->text, "%.1000s", event->text);
        ask->answered = true;
        event_active(ask->next, EV_TIMEOUT, 1);
    }
}

/* ---- what is said to it ---- */

static void connect_there(struct recover_ask *ask)
{
    const struct peer_callbacks callbacks = { .user = ask, .event = on_event };
    struct route_command command = { .words = NULL };
    struct failure failure = { 0 };

    ask->stage = CONNECTING;
    ask->stale = ask->greeted = ask->answered = ask->lost = false;
    ask->text[0] = '\0';
    if (!route_is_known(ask->way.transport))
        failure_set(&failure, "the journal names no way to it that is known");
    else if (route_is_fd(ask->way.transport))
        failure_set(&failure, "it was reached by descriptors, which are no more");
    else if (route_command(&ask->way, NULL, &command, &failure) == 0)
        ask->peer = peer_open(ask->base, &command.specs[0], &ask->own_hello, &callbacks, &failure);
    route_command_dispose(&command);
    if (ask->peer)
        wait_for(ask, ask->timeout_us);
    else
        lose(ask, failure.text);
}

static void say(struct recover_ask *ask)
{
    struct message_word word = { .generation = ask->record->generation };

    memcpy(word.token, ask->record->token, sizeof word.token);
    ask->stage = SAID;
    ask->answered = false;
    wait_for(ask, ask->timeout_us);
    if (ask->lost || peer_say(ask->peer, ask->type, &word) < 0)
        lose(ask, "the connection was lost");
}

static void connect_anew(struct recover_ask *ask)
{
    hang_up(ask);
    connect_there(ask);
}

static void take_answer(struct recover_ask *ask)
{
    if (ask->answer == RECOVER_BUSY && now_us() < ask->busy_end_us) {
        ask->stage = PAUSING;
        wait_for(ask, BUSY_AGAIN_US);
    } else {
        finish(ask, ask->answer);
    }
}

/* The answer first: the end of the connection may have come in the same moment. */
static void on_next(evutil_socket_t fd, short what, void *user)
{
    struct recover_ask *ask = user;

    (void)fd;
    (void)what;
    if (ask->stage == IDLE || ask->stage == PAUSING)
        return;
    if (ask->stage == SAID && ask->answered) {
        take_answer(ask);
    } else if (ask->lost && ask->stale) {
        connect_anew(ask);
    } else if (ask->lost) {
        finish(ask, RECOVER_NO_ANSWER);
    } else if (ask->stage == CONNECTING && ask->greeted) {
        if (peer_dialect(ask->peer) == PEER_XLMIG && peer_hello(ask->peer)->handover >= 1)
            say(ask);
        else
            lose(ask, "what answers there is no xlmig that keeps journals");
    }
}

static void on_deadline(evutil_socket_t fd, short what, void *user)
{
    struct recover_ask *ask = user;
    char time[32];

    (void)fd;
    (void)what;
    if (ask->stage == PAUSING && ask->lost) {
        connect_anew(ask);
    } else if (ask->stage == PAUSING) {
        say(ask);
    } else if (ask->stage != IDLE) {
        snprintf(ask->text, sizeof ask->text, "it did not answer within %s",
                 format_us(ask->timeout_us, time, sizeof time));
        finish(ask, RECOVER_NO_ANSWER);
    }
}

void recover_ask_say(struct recover_ask *ask, enum message_type type, recover_ask_done *done, void *user)
{
    ask->type = type;
    ask->done = done;
    ask->user = user;
    ask->busy_end_us = now_us() + (ask->timeout_us < BUSY_US ? ask->timeout_us : BUSY_US);
    if (!ask->peer) {
        connect_there(ask);
        return;
    }
    ask->stale = true;
    say(ask);
}

const char *recover_ask_text(const struct recover_ask *ask)
{
    return ask->text;
}

struct recover_ask *recover_ask_new(struct event_base *base, const struct vm_host *own,
                                    const struct journal_record *record, const char *transport, uint64_t timeout_us)
{
    struct recover_ask *ask = calloc(1, sizeof *ask);

    if (!ask)
        return NULL;
    ask->base = base;
    ask->record = record;
    ask->timeout_us = timeout_us;
    ask->way = (struct route){
        .transport = transport ? transport : record->transport,
        .ssh_command = record->ssh_command[0] ? record->ssh_command : "ssh", .host = record->peer,
        .retry_us = timeout_us,
    };
    negotiate_own_hello(own, &ask->own_hello);
    ask->deadline = evtimer_new(base, on_deadline, ask);
    ask->next = evtimer_new(base, on_next, ask);
    if (ask->deadline && ask->next)
        return ask;
    recover_ask_free(ask);
    return NULL;
}

void recover_ask_free(struct recover_ask *ask)
{
    if (!ask)
        return;
    hang_up(ask);
    if (ask->deadline)
        event_free(ask->deadline);
    if (ask->next)
        event_free(ask->next);
    free(ask);
}
