/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The route to a receiver on another host, as --transport and --ssh-command name it. */
#ifndef XLMIG_PEER_ROUTE_H
#define XLMIG_PEER_ROUTE_H

#include "xlmig/peer/messages.h"
#include "xlmig/peer/transport.h"

#define WAY_SSH_WORDS_MAX 32

struct route {
    const char *transport;      /* "ssh", "tls", "tcp", "exec:COMMAND" or "fd:IN,OUT,..." */
    const char *ssh_command;    /* words: "ssh -p 2222" */
    const char *host;
    uint64_t retry_us;          /* ssh only: transport.h */
};

/* What a transport is good for. */
struct route_kind {
    const char *name;
    enum message_data data;
    unsigned auto_channels;
};

/* What leads to a receiver, for each channel; holds what it points to. */
struct route_command {
    struct transport_spec specs[MESSAGE_CHANNELS_MAX];
    char *words;
    const char *argv[WAY_SSH_WORDS_MAX];
};

/* NULL: no transport has such a name. */
const struct route_kind *route_kind(const char *transport);
bool route_is_known(const char *transport);
bool route_is_command(const char *transport);
bool route_is_fd(const char *transport);
/* Of "fd:": how many channels it has descriptors for. */
unsigned route_nr_fds(const char *transport);
/* In a word, for messages: "ssh HOST". */
void route_describe(const struct route *route, char *text, size_t size);

/* `stock` is xl's receiver, NULL: ours.  -1: see failure.  To be disposed of in any case. */
int route_command(const struct route *route, const char *stock, struct route_command *command, struct failure *failure);
void route_command_dispose(struct route_command *command);

#endif
