/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The child that makes the VM: its process, its pipes, and what comes out of it.
 * What its words mean is for others (copying.c).
 *
 * Its input stays open until restore_child_close_input(), whatever becomes of the
 * sender: at the end of its input it destroys what it made, and ends.
 */
#ifndef XLMIG_RECEIVE_RESTORE_CHILD_H
#define XLMIG_RECEIVE_RESTORE_CHILD_H

#include "xlmig/base/child.h"
#include "xlmig/base/line-reader.h"
#include "xlmig/base/relay.h"
#include "xlmig/helper/events.h"
#include "xlmig/toolstack/toolstack.h"

#include <event2/buffer.h>

/* All are called from the loop. */
struct restore_child_callbacks {
    void *user;
    /* There is more in `said`. */
    void (*said)(void *user);
    void (*note)(void *user, const char *text);
    /* Whatever the engine tells. */
    void (*event)(void *user, const struct helper_event *event);
    /* The engine is done: in what pieces the VM has its memory. */
    void (*extents)(void *user, const struct helper_extents *extents);
    /* What is relayed to it is at its end, or failed. */
    void (*input_over)(void *user);
    /* It has ended (`status`), and all that it said is in `said`.  The last one. */
    void (*over)(void *user);
};

struct restore_child {
    struct restore_child_callbacks callbacks;
    struct child *process;           /* NULL: never started */
    bool ended, is_over;             /* is_over: and over() was called */
    int status;                      /* waitpid()'s, once it has ended */
    int input, output;               /* our ends of its pipes; -1: closed */
    struct relay *relay;             /* of the stream, into its input */
    struct event *readable;
    struct evbuffer *said;           /* and not taken yet */
    struct line_reader *errors;
    struct helper_events *events;
    char engine_error[512];          /* "": none */
};

/* Nothing is started.  -1: out of memory. */
int restore_child_init(struct restore_child *child);
/* Idempotent; a child that runs still is ended. */
void restore_child_dispose(struct restore_child *child);

/*
 * `how`: its descriptors are set here.  -1: see failure; a process that was
 * started all the same ends, and over() follows.
 */
int restore_child_start(struct restore_child *child, struct event_base *base, struct toolstack *ts,
                        struct toolstack_receiver how, const struct restore_child_callbacks *callbacks,
                        struct failure *failure);

/* `first` (NULL: nothing), malloc()ed and the child's from now on, and then all that comes from `from`.  -1: out of memory. */
int restore_child_relay(struct restore_child *child, struct event_base *base, char *first, size_t len, int from);
void restore_child_end_relay(struct restore_child *child);
/* The child destroys what it made, and ends. */
void restore_child_close_input(struct restore_child *child);

/* 1: `message` was said and is taken; 0: not all of it yet; -1: something else was said. */
int restore_child_take(struct restore_child *child, const char *message, size_t len);

/* What it, or its engine, has to say of how it failed. */
const char *restore_child_why(const struct restore_child *child);

#endif
