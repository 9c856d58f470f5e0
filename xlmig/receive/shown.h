/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A VM that arrives, for `xlmig top` on this host. */
#ifndef XLMIG_RECEIVE_SHOWN_H
#define XLMIG_RECEIVE_SHOWN_H

#include "xlmig/helper/events.h"

struct receiver;
struct receive_shown;

/* From now on it is shown.  NULL: it is not, which is told; nothing else depends on it. */
struct receive_shown *receive_show(struct receiver *r);
/* What the engine tells.  NULL is fine. */
void receive_shown_event(struct receive_shown *shown, const struct helper_event *event);
/* NULL is fine. */
void receive_shown_end(struct receive_shown *shown);

#endif
