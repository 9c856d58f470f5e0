/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The engine: started, watched, slowed down or let run. */
#ifndef XLMIG_SEND_COPY_H
#define XLMIG_SEND_COPY_H

#include "xlmig/send/core.h"

/* Write the head of the stream: the first that the other side gets of the VM. */
void send_start(struct send *s);
/* Start the engine, which copies while the guest runs; its end is posted to the handover. */
void send_copy(struct send *s);
/* The other side is ready for the guest: the engine need not wait any longer. */
void send_release_engine(struct send *s);
/* However the copy ended, the guest gets its scheduler cap back.  Idempotent. */
void send_unthrottle(struct send *s);

#endif
