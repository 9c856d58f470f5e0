/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * In the save helper: a thread that turns the engine's knobs as the command
 * says (command.h).  The engine never waits for it, nor it for the engine.
 */
#ifndef XLMIG_HELPER_LISTENER_H
#define XLMIG_HELPER_LISTENER_H

#include "libxcsave/xcsave.h"

struct helper_listener;

/* `fd` stays the caller's and is non-blocking; -1, or one that cannot be read: nothing will be said.  NULL: no memory. */
struct helper_listener *helper_listener_start(int fd, struct xcsave_knobs *knobs);
/* NULL is fine.  After this the knobs are not touched any more. */
void helper_listener_stop(struct helper_listener *c);

#endif
