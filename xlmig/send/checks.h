/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What was asked before a move, told to the administrator. */
#ifndef XLMIG_SEND_CHECKS_H
#define XLMIG_SEND_CHECKS_H

#include "xlmig/send/core.h"

/* Of what was found, what the administrator should know although it can go. */
void send_tell_notes(struct send *s);
/* The end of a check: tell what was found.  Returns an exit status. */
int send_tell_checks(struct send *s);

#endif
