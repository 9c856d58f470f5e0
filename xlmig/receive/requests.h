/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the sender asks for, message by message. */
#ifndef XLMIG_RECEIVE_REQUESTS_H
#define XLMIG_RECEIVE_REQUESTS_H

#include "xlmig/receive/receiver.h"

void receive_on_message(struct receiver *r, enum message_type type, const void *payload, size_t len);

#endif
