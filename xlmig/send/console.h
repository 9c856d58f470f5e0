/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What others may ask of a move, and tell it, while it runs: the answers of watch/socket.h. */
#ifndef XLMIG_SEND_CONSOLE_H
#define XLMIG_SEND_CONSOLE_H

#include "xlmig/send/core.h"

/* Let others see this move, and tell it what to do. */
void send_register(struct send *s);

#endif
