/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between receive.c (the sender, the loop) and child.c (the restore). */
#ifndef XLMIG_RECEIVE_INTERNAL_H
#define XLMIG_RECEIVE_INTERNAL_H

#include "xlmig/base/child.h"
#include "xlmig/peer/messages.h"
#include "xlmig/domain/early-devices.h"
#include "xlmig/handover/journal.h"
#include "xlmig/base/line-reader.h"
#include "xlmig/base/loop.h"
#include "xlmig/receive/receive.h"
#include "xlmig/peer/channels-in.h"
#include "xlmig/base/relay.h"

enum state {
    AWAIT_HELLO,
    AWAIT_PREFLIGHT,
    AWAIT_BEGIN,
    AWAIT_CHANNELS,
    JOINED,         /* this is a channel of another receiver's */
    STARTING,       /* the child's banner is due */
    RELAYING,
    AWAIT_DEVICES,  /* the VM is made, but for its early devices */
    AWAIT_GO,
    AWAIT_REPORT,   /* the child has its GO: no way back */
    HOLDING,        /* all is here; the child is being ended: it would destroy the copy when this process dies */
    AWAIT_WORD,     /* the source's: GO, or another one of docs/handover.md */
    ACTING,         /* doing what it said */
    AWAIT_HOLDER,   /* another process is to let the journal go that it speaks of */
    ENDING,         /* the child's end is due */
    OVER,
};

/* What the child said about starting the VM. */
enum verdict { NO_VERDICT, STARTED, NOT_STARTED };

struct receiver {
    const struct receive_request *request;
    struct event_base *base;
    struct toolstack *ts;
    struct vm_host host;
    enum state state;
    bool sender_gone, paused;
    bool go_received;                /* the sender waits for our report */
    bool go_given;                   /* the child may start the VM at any time */
    char sender[256];                /* the host, as it calls itself */
    struct candidate vm;     /* what was asked for */
    struct message_begin how;
    struct receive_channels *channels; /* NULL: none but this connection */
    int joined_fd;                   /* where the receiver that this channel was handed to hangs up; -1 */
    struct event *let_go;

    struct event *frames;            /* our input holds frames now */
    struct evbuffer *frame;          /* as much of one as has come */
    struct event *deadline;
    struct event *signals[LOOP_NR_SIGNALS];

    struct child *child;
    bool child_over;
    int child_status;
    int to_child, from_child;        /* -1: closed */
    struct relay *relay;
    struct event *child_readable;
    struct evbuffer *said;           /* by the child, not understood yet */
    struct line_reader *child_errors;
    struct helper_events *events;
    char engine_error[512];
    char channel_lost[512];
    bool has_early_devices;          /* the sender was told to leave them out of the stream */
    struct early_devices *early;     /* NULL: none, or not begun yet */
    bool devices_ready;
    char device_error[1024];
    void (*when_idle)(struct receiver *r); /* what waits for the end of the set-up under way */
    enum verdict verdict;
    unsigned char code;              /* of NOT_STARTED */

    struct journal *journal;         /* NULL: nothing was begun, or the sender keeps none, or it is forgotten */
    struct message_word word;        /* the last one */
    enum message_type word_type;
    struct vm copy;        /* what was here of the VM then */
    struct event *holder_look;
    uint64_t holder_deadline_us;
    uint64_t holder_kill_us;         /* when the one that was told to end is killed; 0: nobody was told */

    int exit_status;
};

/* ---- receive.c ---- */

void receive_await(struct receiver *r, enum state state, uint64_t timeout_us);
void receive_finish(struct receiver *r, int exit_status);
void receive_write_out(struct receiver *r, const void *bytes, size_t len);
/* Takes `frame`. */
void receive_send_frame(struct receiver *r, unsigned char *frame, size_t len);
void receive_send_simple(struct receiver *r, enum message_type type, bool flag, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- child.c ---- */

int receive_start_child(struct receiver *r, struct failure *failure);
/* r->relay stays NULL when there is no memory for it. */
void receive_start_relay(struct receiver *r, int from);
void receive_close_to_child(struct receiver *r);
/* The child sees the end of its input, destroys what it made, and ends. */
void receive_give_up(struct receiver *r);

/* ---- holding.c ---- */

/* Before anything is made.  -1: it may not be received: see failure. */
int receive_begin_journal(struct receiver *r, struct failure *failure);
/* Before what is here is destroyed; nothing where it was READY. */
void receive_record_aborted(struct receiver *r, const char *why);
/* It is destroyed: nobody will ask for what was never READY. */
void receive_forget(struct receiver *r);
/* The child is gone.  false: so is the copy, or it cannot be recorded; r->device_error says why. */
bool receive_held(struct receiver *r);
/* Is it in the hands of holding.c? */
bool receive_is_holding(const struct receiver *r);
void receive_leave(struct receiver *r);
/* On the migration's connection, or as the first one of a new connection.  -1: it makes no sense. */
int receive_on_word(struct receiver *r, enum message_type type, const void *payload, size_t len);

#endif
