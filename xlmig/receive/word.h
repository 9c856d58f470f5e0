/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the source says of a migration that was begun: a word of docs/handover.md. */
#ifndef XLMIG_RECEIVE_WORD_H
#define XLMIG_RECEIVE_WORD_H

#include "xlmig/receive/receiver.h"

/* On the migration's connection, or as the first one of a new connection.  -1: it makes no sense. */
int receive_on_word(struct receiver *r, enum message_type type, const void *payload, size_t len);

#endif
