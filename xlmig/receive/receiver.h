/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * One VM that is received: what the files of this room share.  receive.h has the
 * order of the states.
 */
#ifndef XLMIG_RECEIVE_RECEIVER_H
#define XLMIG_RECEIVE_RECEIVER_H

#include "xlmig/base/loop.h"
#include "xlmig/domain/early-devices.h"
#include "xlmig/domain/memory-promise.h"
#include "xlmig/handover/journal.h"
#include "xlmig/peer/channels-in.h"
#include "xlmig/peer/messages.h"
#include "xlmig/peer/stream-head.h"
#include "xlmig/receive/conversation.h"
#include "xlmig/receive/receive.h"
#include "xlmig/receive/restore-child.h"

enum receive_state {
    RECEIVE_AWAIT_HELLO,
    RECEIVE_AWAIT_PREFLIGHT,
    RECEIVE_AWAIT_BEGIN,
    RECEIVE_AWAIT_CHANNELS,
    RECEIVE_JOINED,         /* this is a channel of another receiver's */
    RECEIVE_STARTING,       /* the child's banner is due */
    RECEIVE_AWAIT_HEAD,     /* which VM comes is due: nothing is passed on to the child before that is known */
    RECEIVE_RELAYING,
    RECEIVE_AWAIT_DEVICES,  /* the VM is made, but for its early devices */
    RECEIVE_AWAIT_GO,
    RECEIVE_AWAIT_REPORT,   /* the child has its GO: no way back */
    RECEIVE_HOLDING,        /* all is here; the child, which would destroy the copy if this process died, is being ended */
    RECEIVE_AWAIT_WORD,     /* the source's: GO, or another one of docs/handover.md */
    RECEIVE_ACTING,         /* doing what it said */
    RECEIVE_AWAIT_HOLDER,   /* another process is to let the journal go that it speaks of */
    RECEIVE_ENDING,         /* the child's end is due */
};

/* What is to be received. */
struct receive_order {
    char sender[256];             /* the host, as it calls itself; "": it did not say */
    struct candidate vm;          /* what was asked for */
    struct message_begin begin;   /* how it comes */
    bool paused;                  /* it is to stay so: the sender's wish, or the administrator's here */
};

/* This connection, as a channel of a migration that another process receives. */
struct receive_joined {
    int fd;                       /* where that process hangs up; -1 */
    struct event *let_go;
};

/* Devices that are set up while memory comes. */
enum receive_devices_state {
    DEVICES_LATE,                 /* none: xl sets all of them up in the end */
    DEVICES_PROMISED,             /* the sender was told to leave them out of the stream */
    DEVICES_COMING,
    DEVICES_SET_UP,
};

struct receiver;
struct receive_devices {
    enum receive_devices_state state;
    struct early_devices *early;  /* NULL: none, or not begun yet */
    void (*when_idle)(struct receiver *r); /* what waits for the end of the set-up under way */
};

/* Of a sender that keeps no journal: xl starts the VM, and says so. */
enum receive_xl_start {
    XL_START_NOT_ASKED,
    XL_START_ASKED,               /* the sender waits for our report, and xl was not told */
    XL_START_TOLD,                /* xl may start the VM at any time */
    XL_START_DONE,
    XL_START_FAILED,
};

struct receive_xl {
    enum receive_xl_start start;
    unsigned char code;           /* of XL_START_FAILED */
};

/* The copy that this host answers for, once all has arrived (holding.c). */
struct receive_holding {
    struct journal *journal;      /* NULL: nothing was begun, or the sender keeps none, or it is forgotten */
    struct vm vm;                 /* what was here of the VM when it was looked for last */
};

/* What the source said of it last (word.c). */
struct receive_word {
    enum message_type type;
    struct message_word said;
    /* Another process holds the journal of that token, and is waited for: */
    struct event *look;
    uint64_t deadline_us;
    uint64_t kill_us;             /* when it is killed; 0: it was not told to end */
};

struct receiver {
    const struct receive_request *request;
    struct event_base *base;
    struct toolstack *ts;
    struct vm_host host;
    enum receive_state state;
    struct event *deadline;       /* of the state */
    struct event *signals[LOOP_NR_SIGNALS];
    bool over;                    /* with this: */
    int exit_status;
    char own_error[1024];         /* why it is given up; "": the restore failed, and says why */

    struct conversation *conversation;
    struct receive_order order;
    struct memory_promise promise; /* for as long as the VM has not all of its memory */
    struct receive_channels *channels; /* NULL: none but this connection */
    struct receive_joined joined;
    struct stream_head *head;     /* NULL: it is not awaited, or was passed on */
    struct restore_child restore;
    struct receive_xl xl;
    struct receive_devices devices;
    struct receive_holding holding;
    struct receive_word word;
    struct receive_shown *shown;  /* NULL: xlmig top does not show it */
};

/* Enter `state`, for timeout_us at most; 0: without bound. */
void receive_await(struct receiver *r, enum receive_state state, uint64_t timeout_us);
void receive_finish(struct receiver *r, int exit_status);

/* NAME--incoming: what xl calls the VM until it is started. */
#define RECEIVE_INCOMING_SIZE (VM_NAME_MAX + 16)
void receive_incoming_name(const struct receiver *r, char name[RECEIVE_INCOMING_SIZE]);

#endif
