/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The further connections of a migration: waited for here, or, if this is one of them, handed to who waits for it. */
#ifndef XLMIG_RECEIVE_CHANNELS_H
#define XLMIG_RECEIVE_CHANNELS_H

#include "xlmig/receive/receiver.h"

/* Listen, tell the sender where; the restore starts when all are there. */
void receive_await_channels(struct receiver *r);
/* This connection is a channel of a migration that another process on this host receives. */
void receive_join(struct receiver *r, const struct message_join *join);

#endif
