/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The connection to the sender: frames of the control protocol (peer/messages.h)
 * from standard input and to standard output, or bytes as they are.
 *
 * The input is not always frames: while it carries the stream it is somebody
 * else's, and no byte of it is read here.
 */
#ifndef XLMIG_RECEIVE_CONVERSATION_H
#define XLMIG_RECEIVE_CONVERSATION_H

#include "xlmig/peer/messages.h"

#include <event2/event.h>

struct conversation;

/* All are called from the loop. */
struct conversation_callbacks {
    void *user;
    void (*frame)(void *user, enum message_type type, const void *payload, size_t len);
    void (*lost)(void *user);
    /* What came cannot be taken: a sentence that says why. */
    void (*nonsense)(void *user, const char *text);
};

/* It does not listen yet.  NULL: out of memory. */
struct conversation *conversation_open(struct event_base *base, const struct conversation_callbacks *callbacks);
/* The descriptors stay.  NULL is fine. */
void conversation_close(struct conversation *c);

/* The input holds frames now. */
void conversation_listen(struct conversation *c);
/* What comes now is not for this process to read, or not to be read now. */
void conversation_pause(struct conversation *c);

/* The sender is gone: what is said from now on is said to nobody.  That is no reason to stop what was begun. */
void conversation_lost(struct conversation *c);

/* Blocks while the sender does not read, for half a minute at most; then it counts as gone. */
void conversation_write(struct conversation *c, const void *bytes, size_t len);
/* Frees `frame`; NULL is fine. */
void conversation_send(struct conversation *c, unsigned char *frame, size_t len);
void conversation_say(struct conversation *c, enum message_type type, bool flag, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
