/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sending one VM to another host.
 *
 *   find VM -> configuration                                          prepare.c   nothing is touched
 *     -> what an earlier migration left of it                         leftover.c
 *     -> obstacles -> connect -> preflight                            prepare.c   nor here
 *     -> all that was found, if that is all that is wanted            checks.c
 *   -> channels                                                       connect.c   nor here
 *   -> copy -> handover -> report                                     send.c           handover.h says what may happen
 *
 * Everything runs in one event loop; each step is started by the end of the one before.
 */
#ifndef XLMIG_SEND_SEND_H
#define XLMIG_SEND_SEND_H

#include "xlmig/base/exit.h"
#include "xlmig/handover/handover.h"
#include "xlmig/handover/journal.h"
#include "xlmig/base/loop.h"
#include "xlmig/peer/negotiate.h"
#include "xlmig/peer/peer.h"
#include "xlmig/watch/progress.h"
#include "xlmig/watch/socket.h"
#include "xlmig/peer/channels-out.h"
#include "xlmig/toolstack/toolstack.h"

/* Slower than that, a peer takes a copy that goes on for one that hangs. */
#define SEND_MIN_BANDWIDTH (64u << 10)

/* Ask all that is asked before a move, tell it on standard output, and do nothing. */
enum send_check {
    SEND_CHECK_NOT,             /* no, move it */
    SEND_CHECK_QUIETLY,
    SEND_CHECK_LINES,
    SEND_CHECK_JSON,            /* a JSON object a line */
};

struct send_request {
    const char *vm, *host;
    const char *toolstack;       /* its name, for processes of this one's making */
    const char *transport;       /* "ssh", "tls", "tcp", "exec:COMMAND" or "fd:IN,OUT,..." */
    const char *data_address;    /* tls and tcp: where the other host is to listen; NULL: it chooses */
    const char *ssh_command;     /* words: "ssh -p 2222" */
    enum image_wish image;
    unsigned channels;           /* 0: as many as are of use */
    unsigned threads;            /* 0: the engine decides */
    const char *compress;        /* a codec's name; NULL: the engine decides */
    bool stock;                  /* ask for xl's receiver at once */
    bool no_live;
    bool paused;                 /* leave it paused over there */
    bool ignore_cpu, ignore_devices;
    enum send_check check_only;
    bool late_devices;           /* disks and network over there only when all memory has arrived */
    bool verbose;
    unsigned max_rounds;
    uint64_t max_downtime_us, stall_timeout_us;
    uint64_t max_bandwidth;      /* bytes a second; 0: no limit */
    uint64_t timeout_us;         /* 0: none */
    bool force_at_timeout, throttle;
    uint64_t connect_timeout_us, preflight_timeout_us, ready_timeout_us, go_timeout_us;
    const char *report_path;     /* NULL: no report in a file */
    enum progress_style style;
};

struct recover_ask;

/* What is asked and got ready before the guest is touched. */
struct send_preparation {
    struct check_list found;         /* what was asked so far */
    char *config_json;
    char *sent_config_json;          /* what the other side wants in its place: it sees to the devices; NULL: no */
    struct cpu_policy cpu_policy;
    bool config_pending;             /* the toolstack is asked; it cannot be taken back */
    struct journal *leftover;        /* of an earlier migration, while that is ended */
    struct recover_ask *leftover_ask; /* its destination is told so */
    bool stock_tried;                /* the receiver asked for is xl's */
    bool begun;                      /* BEGIN was said */
    bool listening, channels_ready;  /* both: data may flow */
    bool devices_ready;              /* those that the other side sees to */
};

/* The connections to the other side. */
struct send_link {
    struct message_hello own_hello;
    struct peer *peer;
    struct negotiate_choice choice;  /* once greeted */
    struct send_channels *channels;  /* NULL: none but the peer's */
    struct event *renew;             /* another connection is to take the peer's place */
    bool reconnecting;               /* the connection goes, for one that says how it ended */
    bool takes_words;                /* frames, and no stream, may be written to the peer */
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
    bool begun;                      /* from now on `state` counts */
    enum handover_state state;
    char last_phase[16];             /* of the engine; "": it never told */
    enum suspend_outcome outcome;
    struct throttle *throttle;       /* while it is copied; NULL: not to be slowed */
    bool renamed;
    bool ended_itself;               /* the guest shut down, or rebooted, in the middle of it all */
    bool unrecorded;                 /* ABORTED could not be recorded when it was needed */
    bool started_unasked;            /* it runs there, too, and nobody here told it to */
    struct {                         /* by the destination; it may say anything, in any order */
        bool received;               /* it has all */
        bool aborted;                /* ABORTED, or FAILED: it never will run there */
        bool closed;                 /* it keeps nothing */
    } said;
};

struct send {
    const struct send_request *request;
    struct event_base *base;
    struct toolstack *ts;
    struct vm_host host;             /* this one */
    struct vm vm;
    char destination[256];           /* as messages name it */

    struct send_preparation preparation;
    struct send_link link;
    struct send_ledger ledger;
    struct send_handover handover;

    struct event *deadline;          /* of what is awaited now */
    const char *awaited;             /* in words */
    struct event *signals[LOOP_NR_SIGNALS];
    bool cancelled;
    bool over;                       /* leave the loop */
    struct registry *registry;       /* others may ask and tell; NULL: nobody can */
    struct failure why;              /* the first thing that went wrong */
    struct progress progress;
    int exit_status;
};

/*
 * What the options of a verb say: the way to the other host, and of the image
 * and its channels, into `request`.  false after a line on stderr.
 */
bool send_way_makes_sense(const char *verb, const char *transport, const char *channels, const char *host);
bool send_read_image(const char *verb, const char *image, const char *channels, struct send_request *request);

/* Runs the loop to the end.  Returns an exit status; everything has been told to the administrator. */
int send_vm(struct toolstack *ts, struct event_base *base, const struct send_request *request);

/* ---- between prepare.c and send.c ---- */

/* Find the VM, ask what stands in its way, connect: ends in send_copy() or send_refuse(). */
void send_prepare(struct send *s);
/* Find a way to what this side and `peer` (NULL: stock xl) can.  -1: there is none. */
int send_choose(struct send *s, const struct message_hello *peer, struct failure *failure);
/* What the other side says until it listens. */
void send_on_preparing(struct send *s, const struct peer_event *event);
/* Whatever the other side says, at any time. */
void send_on_peer_event(void *send, const struct peer_event *event);
/* A connection that carries data was lost, at any time. */
void send_on_channel_lost(struct send *s, const char *text);
/* Nothing stands in the way: copy it. */
void send_copy(struct send *s);

/* ---- connect.c ---- */

/* Does the way begin with ssh? */
bool send_transport_is_ssh(const struct send_request *request);

void send_connect(struct send *s, bool stock);
/* It may come: say how, and connect what more is needed. */
void send_begin(struct send *s);
void send_invite_channels(struct send *s, const struct message_channels *where);
/* Copy as soon as the other side listens and all channels are there. */
void send_when_connected(struct send *s);
/* Where xl's header and libxl's stream go. */
int send_data_fd(const struct send *s);
void send_fill_image(const struct send *s, struct helper_image *image);

/* Nothing of an earlier migration stands in the way, or that is in s->found: ask the rest, and connect. */
void send_go_on(struct send *s);

/* ---- leftover.c ---- */

/* End what an earlier migration left of it, where that may be done without asking; goes on in send_go_on(). */
void send_end_leftover(struct send *s);
/* It cannot be sent as it is: is an unfinished migration why?  Then `why` says so. */
bool send_is_left_over(struct send *s, struct failure *why);

/* ---- outcome.c ---- */

/* Tell how the handover ended; returns an exit status. */
int send_tell_end(struct send *s);
void send_write_report(struct send *s);
void send_away_name(const struct send *s, char *name, size_t size);

/* ---- journal.c ---- */

/* Before BEGIN, or what stands in its place.  -1: refused, and told. */
int send_begin_journal(struct send *s);
/* -1: it is not recorded, and s->why says so; then nothing that it allows may be done. */
int send_record(struct send *s, enum journal_state state);
bool send_may_be_ready(const struct send *s);
void send_drop_journal(struct send *s);
void send_end_journal(struct send *s);
/* What the table's DO_TELL and DO_TELL_ANEW ask for. */
void send_tell(struct send *s);
void send_tell_anew(struct send *s);
void send_on_greeted_anew(struct send *s);
int send_say(struct send *s, enum message_type type);
/* Something happened: go on by handover.c. */
void send_feed(struct send *s, enum handover_event event);

/* Let others see this move, and tell it what to do. */
void send_register(struct send *s);
/* As Ctrl-C.  Only while it can be done: not twice, and not too late. */
void send_cancel(struct send *s);

/* Of what was found, what the administrator should know although it can go. */
void send_tell_notes(struct send *s);
/* The end of a check: tell what was found.  Returns an exit status. */
int send_tell_checks(struct send *s);

/* End before anything was touched, with an exit status; when only checking, with what there is. */
void send_refuse(struct send *s, int exit_status, const char *format, ...) __attribute__((format(printf, 3, 4)));
void send_await(struct send *s, const char *what, uint64_t timeout_us);

#endif
