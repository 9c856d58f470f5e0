/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * One move: what is known of it, its queue of events, and what every stage needs.
 *
 * A stage never calls another stage.  It posts what happened; send.c looks up in
 * one of two tables what that means, and calls the stage that is to act.
 */
#ifndef XLMIG_SEND_CORE_H
#define XLMIG_SEND_CORE_H

#include "xlmig/base/loop.h"
#include "xlmig/handover/handover.h"
#include "xlmig/handover/journal.h"
#include "xlmig/peer/channels-out.h"
#include "xlmig/domain/settle.h"
#include "xlmig/domain/standing.h"
#include "xlmig/peer/negotiate.h"
#include "xlmig/peer/peer.h"
#include "xlmig/peer/route.h"
#include "xlmig/send/preparation.h"
#include "xlmig/send/send.h"
#include "xlmig/toolstack/toolstack.h"
#include "xlmig/watch/progress.h"
#include "xlmig/watch/socket.h"

struct recover_ask;
struct send;
struct throttle;
struct wake;

/* What is asked and got ready before the guest is touched. */
struct send_preparation {
    enum preparation_state state;
    struct check_list found;         /* what was asked so far */
    char *config_json;
    char *sent_config_json;          /* what the other side wants in its place: it sees to the devices; NULL: no */
    bool devices_ready;              /* those that the other side sees to */
    struct cpu_policy cpu_policy;
    struct journal *leftover;        /* of an earlier migration, while that is ended */
    struct recover_ask *leftover_ask; /* its destination is told so */
};

enum send_link_state {
    LINK_GREETING,                   /* or begun: what is written after BEGIN is the stream's */
    LINK_TAKES_WORDS,                /* frames, and no stream, may be written to the peer */
    LINK_GOING,                      /* nothing that it says counts any more: another one takes its place */
};

/* The connections to the other side. */
struct send_link {
    enum send_link_state state;
    struct message_hello own_hello;
    struct peer *peer;
    struct negotiate_choice choice;  /* once greeted */
    struct send_channels *channels;  /* NULL: none but the peer's */
    struct route_command command;    /* what leads to them */
    struct event *renew;             /* another connection is to take the peer's place: not from within the peer */
    /* What is heard; send.c's, with the move. */
    void (*on_peer_event)(void *send, const struct peer_event *event);
    void (*on_channel_lost)(void *send, const char *text);
};

/* What is recorded of this move. */
struct send_ledger {
    struct journal *journal;
    bool kept_there;                 /* the destination keeps one, too */
    uint8_t token[MIGRATION_TOKEN_BYTES];
    char id[JOURNAL_ID_SIZE];        /* what recover calls this one */
    char dir[PATH_MAX];
};

/* The copy, and who may run the guest. */
struct send_handover {
    enum handover_state state;       /* counts once send_is_handing_over() */
    char last_phase[16];             /* of the engine; "": it never told */
    enum suspend_outcome outcome;
    struct throttle *throttle;       /* while it is copied; NULL: not to be slowed */
    bool taken;                      /* another process saves it, or has renamed it */
    bool renamed;               /* to its name away, or may be */
    struct standing standing;        /* of our copy, as far as it is known */
    bool held;                       /* its administrator had paused it when this began */
    struct wake *wake;               /* while such a one is to be suspended */
    struct failure copy_failure;     /* of the copy, as the toolstack has it */
    enum settle_end settled;         /* what became of it here, once it was undone */
    bool unrecorded;                 /* ABORTED could not be recorded when it was needed */
    bool started_unasked;            /* it runs there, too, and nobody here told it to */
    struct {                         /* by the destination; it may say anything, in any order: no state */
        bool received;               /* it has all */
        bool aborted;                /* ABORTED, or FAILED: it never will run there */
        bool closed;                 /* it keeps nothing */
    } said;
};

/* Of either table; `kind` is one of its events. */
struct send_event {
    enum { SEND_EVENT_PREPARATION, SEND_EVENT_HANDOVER } table;
    int kind;
};

#define SEND_QUEUE_MAX 16u           /* an act posts two at most, and nothing else comes while it runs */

struct send_queue {
    struct send_event events[SEND_QUEUE_MAX];
    unsigned first, nr;
    bool busy;                       /* an act runs */
    void (*carry_out)(struct send *s, struct send_event event); /* send.c's */
};

/* Of whom and for how long is clear from the rest. */
struct send_awaited {
    const char *deed;                /* what it is to do, in words: "answer"; NULL: nothing that has a limit */
    const char *option;              /* which sets the limit: "connect-timeout" */
    uint64_t timeout_us;
};

struct send {
    const struct send_request *request;
    struct event_base *base;
    struct toolstack *ts;
    struct vm_host host;             /* this one */
    struct vm vm;
    char destination[256];           /* as messages name it */

    struct send_queue queue;
    struct send_preparation preparation;
    struct send_link link;
    struct send_ledger ledger;
    struct send_handover handover;

    struct event *deadline;          /* of what is awaited now */
    struct event *tick;              /* for who watches */
    struct send_awaited awaited;
    struct event *signals[LOOP_NR_SIGNALS], *stop;
    bool cancelled;
    bool over;                       /* leave the loop */
    struct registry *registry;       /* others may ask and tell; NULL: nobody can */
    struct failure why;              /* the first thing that went wrong */
    struct progress progress;
    int exit_status;
};

/*
 * Something happened.  Posted from the loop, it is carried out before this returns; posted
 * by an act, right after that act, before anything else that comes from the loop.
 */
void send_post_preparation(struct send *s, enum preparation_event event);
void send_post(struct send *s, enum handover_event event);

/* The guest is copied, or later: the handover's state counts. */
static inline bool send_is_handing_over(const struct send *s)
{
    return s->preparation.state == PREPARATION_DONE;
}

/* It is to be paused where it arrives: because it is so here, or because that was asked for. */
static inline bool send_stays_paused(const struct send *s)
{
    return s->request->paused || s->handover.held;
}

/* Wait for the destination to do something. */
void send_await(struct send *s, struct send_awaited awaited);
/* Wait for nothing that has a limit. */
void send_await_nothing(struct send *s);

/* What it does beside copying, for who watches: "waiting for hostb to answer"; "" while it copies. */
const char *send_doing(const struct send *s, char *text, size_t size);

/* As Ctrl-C.  Only while it can be done: not twice, and not too late. */
void send_cancel(struct send *s);
/* Is it too late, by the handover's state? */
bool send_is_past_cancel(const struct send *s);

/* Longest text of a refusal. */
#define SEND_REFUSAL_MAX 8192u

/* End before anything was touched, with an exit status; when only checking, with what there is.  Tells, once. */
void send_refuse(struct send *s, int exit_status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* End, having told: refused, or all is asked that a check can ask. */
void send_end_preparation(struct send *s);

#endif
