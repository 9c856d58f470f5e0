/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/verbs/session.h"

#include "xlmig/base/loop.h"

#include <string.h>

/* `spec` is "libxl" or "sim:DIR". */
static struct toolstack *open_toolstack(const char *spec, struct event_base *base, struct failure *failure)
{
    if (strcmp(spec, "libxl") == 0)
        return toolstack_open_libxl(base, failure);
    if (strncmp(spec, "sim:", 4) == 0 && spec[4])
        return toolstack_open_sim(spec + 4, base, failure);
    failure_set(failure, "there is no toolstack '%s': it is libxl or sim:DIR", spec);
    return NULL;
}

int toolstack_session_open(struct toolstack_session *session, const char *spec, struct failure *failure)
{
    session->base = loop_new();
    if (!session->base)
        return failure_set(failure, "out of memory");
    session->ts = open_toolstack(spec, session->base, failure);
    if (session->ts)
        return 0;
    event_base_free(session->base);
    return -1;
}

void toolstack_session_close(struct toolstack_session *session)
{
    session->ts->ops->close(session->ts);
    event_base_free(session->base);
}
