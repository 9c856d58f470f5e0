/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A toolstack and a loop for one verb: the one place that knows both implementations. */
#ifndef XLMIG_VERBS_SESSION_H
#define XLMIG_VERBS_SESSION_H

#include "xlmig/toolstack/toolstack.h"

struct toolstack_session {
    struct event_base *base;
    struct toolstack *ts;
};

/* `spec` is "libxl" or "sim:DIR".  -1: see failure, and nothing is to be closed. */
int toolstack_session_open(struct toolstack_session *session, const char *spec, struct failure *failure);
void toolstack_session_close(struct toolstack_session *session);

#endif
