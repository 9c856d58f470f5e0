/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The handover, carried out: what may happen in which state is handover/handover.c's. */
#ifndef XLMIG_SEND_HAND_OVER_H
#define XLMIG_SEND_HAND_OVER_H

#include "xlmig/send/core.h"

/* Go on by the table; from the queue only. */
void send_hand_over(struct send *s, enum handover_event event);

/* What the other side says once the copy has begun. */
void send_on_handing_over(struct send *s, const struct peer_event *event);
/* A connection that carries data was lost. */
void send_on_channel_lost(struct send *s, const char *text);

#endif
