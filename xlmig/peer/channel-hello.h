/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * How a connection says which channel of which migration it is: the first 32
 * bytes on each data connection but an inline one, and on the socket by which a
 * joined connection is handed over on the receiver's host.
 * Written down in docs/control-protocol.md; bytes only, no I/O.
 */
#ifndef XLMIG_PEER_CHANNEL_HELLO_H
#define XLMIG_PEER_CHANNEL_HELLO_H

#include "xlmig/peer/messages.h"

#define CHANNEL_HELLO_BYTES 32u
#define CHANNEL_NAME_BYTES 17u /* 16 hexadecimal digits and a NUL */

/* `connection`: the channel's how manieth it is, from 0; always 0 where a lost one is not replaced. */
void channel_hello_encode(unsigned char out[CHANNEL_HELLO_BYTES], const uint8_t token[MIGRATION_TOKEN_BYTES],
                          unsigned channel, uint32_t connection);

/* The channel's number; -1: not ours, or not with that token.  Takes as long whatever is wrong with the token. */
int channel_hello_check(const unsigned char in[CHANNEL_HELLO_BYTES], const uint8_t token[MIGRATION_TOKEN_BYTES],
                        uint32_t *connection);

/* A name of the migration that tells nothing of its token. */
void channel_public_name(const uint8_t token[MIGRATION_TOKEN_BYTES], char name[CHANNEL_NAME_BYTES]);

#endif
