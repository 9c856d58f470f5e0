/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A byte stream to another host: a command (ssh, or any) whose standard input
 * and output reach a receiver there, or two descriptors that do.
 */
#ifndef XLMIG_PEER_TRANSPORT_H
#define XLMIG_PEER_TRANSPORT_H

#include "xlmig/base/failure.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct transport;

struct transport_callbacks {
    void *user;
    /*
     * Bytes came; transport_input() has them.  At the end of the stream, once:
     * `ended`, with no more to come, after the command's exit status is known
     * or could not be learnt in a short time.
     */
    void (*input)(void *user, bool ended);
    /* A line that the command wrote to its standard error; control characters removed.  May be NULL. */
    void (*message)(void *user, const char *line);
};

/* How to reach the receiver. */
struct transport_spec {
    const char *shell_command;   /* exec:COMMAND, run by sh -c; or NULL: */
    const char *const *argv;     /* ssh and its arguments; or NULL: */
    /*
     * `argv`: where the sshd over there turns it away before anybody could log in (MaxStartups), it is started again, at
     * random waits, for so long; 0: never.  Not a word was said over it by then.
     */
    uint64_t retry_us;
    int input_fd, output_fd;     /* to read from and to write to, may be one; the transport's from now on */
};

struct transport *transport_open(struct event_base *base, const struct transport_spec *spec,
                                 const struct transport_callbacks *callbacks, struct failure *failure);
/* Hangs up, and kills the command if it runs still after `leave_us`; blocks so long at the most.  NULL is fine. */
void transport_close(struct transport *transport, uint64_t leave_us);

/* What was read and not yet drained. */
struct evbuffer *transport_input(struct transport *transport);

/* The descriptor to write to; blocking or not as its user likes.  -1 after transport_hang_up(). */
int transport_output_fd(const struct transport *transport);

/* All bytes or -1 (errno), in bounded time; *written tells how many went out. */
int transport_write(struct transport *transport, const void *bytes, size_t len, unsigned timeout_s, size_t *written);

/* Does nobody read any more what is written, be it that the loop did not hear of it yet? */
bool transport_is_broken(const struct transport *transport);

/* No more will be written: the receiver sees the end of its input. */
void transport_hang_up(struct transport *transport);

/* After `ended`: did the shell or ssh say that there is no such command over there? */
bool transport_command_not_found(const struct transport *transport);

/* Why the stream ended, with the last lines the command wrote: for a message. */
const char *transport_last_words(struct transport *transport);

#endif
