/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* An earlier migration of the VM whose command is no more. */
#ifndef XLMIG_SEND_LEFTOVER_H
#define XLMIG_SEND_LEFTOVER_H

#include "xlmig/send/core.h"

/* End what it left, where that may be done without asking; what may not is added to what was found. */
void send_end_leftover(struct send *s);
/* Have its guest run, for good. */
void send_settle_leftover(struct send *s);
/* Tell its destination, if that can be reached. */
void send_tell_leftover(struct send *s);

/* It cannot be sent as it is: is an unfinished migration why?  Then `why` says so. */
bool send_is_left_over(struct send *s, struct failure *why);

#endif
