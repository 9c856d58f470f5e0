/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What stands before libxl's stream: xl's save header and the VM's configuration (stream-format/libxl-stream.h).  It
 * is read here without an octet of what follows, judged by the caller, and can then be passed on.
 */
#ifndef XLMIG_PEER_STREAM_HEAD_H
#define XLMIG_PEER_STREAM_HEAD_H

#include <event2/event.h>
#include <stddef.h>

struct stream_head;

/* One of them is called, once, from the loop; it may take and close the head. */
struct stream_head_callbacks {
    void *user;
    /* All is here: JSON, of whatever meaning, without a NUL in it; valid during the call. */
    void (*came)(void *user, const char *config_json);
    /* No more comes. */
    void (*over)(void *user);
    /* That is no head, or one that no xlmig writes: a sentence that says why. */
    void (*nonsense)(void *user, const char *text);
};

/* The descriptor stays the caller's.  NULL: out of memory. */
struct stream_head *stream_head_read(struct event_base *base, int fd, const struct stream_head_callbacks *callbacks);
/* The octets as they came, malloc()ed and the caller's from now on; from came() only. */
void stream_head_take(struct stream_head *head, char **bytes, size_t *len);
/* NULL is fine. */
void stream_head_close(struct stream_head *head);

#endif
