/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The moves that run on this host, and how to talk to them.
 *
 * Each `xlmig send` listens on a socket of its own in the runtime directory,
 * send-ID.sock, and so does each `xlmig receive` for a VM that arrives.  Who may enter that directory may ask and command.  One JSON
 * object a line each way:
 *
 *     {"ask":"status"}                            -> {"ok":true,"id":"m4711","vm":"web1",...}
 *     {"set":"max-bandwidth","value":BYTES_PER_S} -> {"ok":true}, or {"ok":false,"error":"..."}
 *     {"set":"max-downtime","value":US}
 *     {"do":"finish"}, {"do":"cancel"}
 *
 * A socket that nobody listens on is of a process that is no more; whoever
 * meets it removes it.
 */
#ifndef XLMIG_WATCH_SOCKET_H
#define XLMIG_WATCH_SOCKET_H

#include "xlmig/base/failure.h"
#include "xlmig/helper/command.h"

#include <event2/event.h>
#include <json-c/json.h>
#include <stdbool.h>

#define REGISTRY_ID_SIZE 16u

/* ---- the one that runs ---- */

struct registry_callbacks {
    void *user;
    bool incoming;     /* it arrives: it is listed, and not meant by whoever names its VM */
    /* What there is to know; an object, the registry's from then on. */
    struct json_object *(*status)(void *user);
    int (*command)(void *user, struct helper_command command, struct failure *failure);
    int (*cancel)(void *user, struct failure *failure);
};

struct registry;

/* Listen, under an ID that no other process of this host has now.  NULL: see failure. */
struct registry *registry_open(struct event_base *base, const struct registry_callbacks *callbacks,
                               struct failure *failure);
const char *registry_id(const struct registry *r);
/* NULL is fine. */
void registry_close(struct registry *r);

/* ---- those that ask ---- */

struct registry_entry {
    char id[REGISTRY_ID_SIZE];
    struct json_object *status;
};

/* All that answer, by ID; each is waited for two seconds at most.  -1: see failure. */
int registry_list(struct registry_entry **entries, size_t *nr_entries, struct failure *failure);
void registry_list_free(struct registry_entry *entries, size_t nr_entries);
/* By ID, or by the VM's name or domid where that is the only one that leaves this host.  -1: see failure. */
int registry_find(const char *name, char id[REGISTRY_ID_SIZE], struct failure *failure);
/* `request` is a line without its newline.  The answer is the caller's.  -1: it did not answer, or said no. */
int registry_ask(const char *id, const char *request, struct json_object **answer, struct failure *failure);
/* The two in one, of a request whose answer is yes or no. */
int registry_tell(const char *name, const char *request, struct failure *failure);

#endif
