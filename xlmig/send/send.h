/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Sending one VM to another host; README.md beside this says how it goes, and where to begin reading. */
#ifndef XLMIG_SEND_SEND_H
#define XLMIG_SEND_SEND_H

#include "xlmig/base/exit.h"
#include "xlmig/peer/negotiate.h"
#include "xlmig/watch/progress.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct toolstack;

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
    const char *options;        /* as they were typed, for the report; NULL: not known */
    const char *vm, *host;
    const char *toolstack;       /* its name, for processes of this one's making */
    const char *transport;       /* "ssh", "tls", "tcp", "exec:COMMAND" or "fd:IN,OUT,..." */
    const char *data_address;    /* tls and tcp: where the other host is to listen; NULL: it chooses */
    struct port_range data_ports; /* tls and tcp: at which of these ports; 0: any */
    const char *ssh_command;     /* words: "ssh -p 2222" */
    enum image_wish image;
    unsigned channels;           /* 0: as many as are of use */
    unsigned threads;            /* 0: the engine decides */
    const char *compress;        /* a codec's name; NULL: the engine decides */
    bool stock;                  /* ask for xl's receiver at once */
    bool no_live;
    bool paused;                 /* leave it paused over there */
    bool ignore_cpu, ignore_devices;
    bool to_older_xen;           /* try it although its Xen is older, and the guest of a type that mostly fails there */
    enum send_check check_only;
    bool late_devices;           /* disks and network over there only when all memory has arrived */
    bool verbose;
    unsigned max_rounds;
    uint64_t max_downtime_us, stall_timeout_us;
    uint64_t rejoin_timeout_us;  /* tcp and tls; 0: a connection that is lost is not replaced */
    uint64_t max_bandwidth;      /* bytes a second; 0: no limit */
    uint64_t timeout_us;         /* 0: none */
    bool force_at_timeout, throttle;
    uint64_t connect_timeout_us, preflight_timeout_us, ready_timeout_us, go_timeout_us;
    struct whole_file *report;   /* open, the caller's; NULL: no report in a file */
    enum progress_style style;
};

/* Runs the loop to the end.  Returns an exit status; everything has been told to the administrator. */
int send_vm(struct toolstack *ts, struct event_base *base, const struct send_request *request);

#endif
