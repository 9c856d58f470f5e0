/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Restoring one VM from a file: its header and configuration are read and
 * judged, the host is asked whether it can take the VM, and then the toolstack
 * makes it, fed through a pipe: closing that is how it is told to undo.
 */
#ifndef XLMIG_SAVED_RESTORE_H
#define XLMIG_SAVED_RESTORE_H

#include "xlmig/base/exit.h"
#include "xlmig/watch/progress.h"
#include "xlmig/toolstack/toolstack.h"

struct restore_request {
    const char *toolstack;       /* its name */
    const char *path;
    bool paused, verbose;
    enum progress_style style;
};

/* Runs the loop to the end.  Returns an exit status; everything has been told to the administrator. */
int restore_vm(struct toolstack *ts, struct event_base *base, const struct restore_request *request);

#endif
