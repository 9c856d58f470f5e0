/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Where an `xlmig receive` that was told JOIN meets the receiver of that migration, on one host. */
#ifndef XLMIG_PEER_JOIN_H
#define XLMIG_PEER_JOIN_H

#include "xlmig/peer/channel-hello.h"
#include "xlmig/base/failure.h"

#include <sys/types.h>

/* The receiver's socket: listening, in the runtime directory; `path` is to be unlinked.  -1: see failure. */
int join_listen(const uint8_t token[MIGRATION_TOKEN_BYTES], char *path, size_t size, struct failure *failure);

/* What one that came says; -1: nothing yet (EAGAIN) or nonsense.  *fd is the descriptor that it hands over, or -1. */
ssize_t join_hear(int socket_fd, unsigned char hello[CHANNEL_HELLO_BYTES], int *fd);

/* It is taken. */
void join_accept(int socket_fd);

/*
 * The other side: hand `fd` over as that channel.  Returns a socket at which
 * the receiver hangs up when it lets the channel go.  -1: see failure; takes ten
 * seconds at the most.
 */
int join_hand_over(const struct message_join *join, int fd, struct failure *failure);

#endif
