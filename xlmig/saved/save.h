/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Saving one VM to a file.
 *
 *   find VM -> configuration -> obstacles -> file -> copy -> on disk -> remove, resume or pause the VM
 *
 * The file is written as base/whole-file.h has it: under its name only when it
 * is complete and on disk, and into what is no regular file as it is.
 */
#ifndef XLMIG_SAVED_SAVE_H
#define XLMIG_SAVED_SAVE_H

#include "xlmig/base/exit.h"
#include "xlmig/watch/progress.h"
#include "xlmig/toolstack/toolstack.h"

enum save_then { SAVE_THEN_DESTROY, SAVE_THEN_RUN, SAVE_THEN_PAUSE };

struct save_request {
    const char *vm, *path;
    const char *toolstack;       /* its name */
    bool overwrite;
    enum save_then then;
    enum progress_style style;
};

/* Runs the loop to the end.  Returns an exit status; everything has been told to the administrator. */
int save_vm(struct toolstack *ts, struct event_base *base, const struct save_request *request);

#endif
