/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Before the guest is touched: find it, ask what stands in its way, on both sides.  The order is preparation.c's. */
#ifndef XLMIG_SEND_PREPARE_H
#define XLMIG_SEND_PREPARE_H

#include "xlmig/send/core.h"

/* The VM, and its configuration. */
void send_find(struct send *s);
/* What stands in its way on this side. */
void send_ask_here(struct send *s);
/* ... and on the other one, which has greeted. */
void send_ask_there(struct send *s);
/* It greeted as xl, which can be asked nothing: begin the journal. */
void send_record_for_xl(struct send *s);

/* What the other side says until it listens. */
void send_on_preparing(struct send *s, const struct peer_event *event);

#endif
