/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The destination's journal, and the copy that it speaks of: docs/handover.md. */
#ifndef XLMIG_RECEIVE_HOLDING_H
#define XLMIG_RECEIVE_HOLDING_H

#include "xlmig/handover/rules.h"
#include "xlmig/receive/receiver.h"

/* Before anything is made.  -1: it may not be received: see failure. */
int receive_begin_journal(struct receiver *r, struct failure *failure);
/* Before what is here is destroyed; nothing where it was READY. */
void receive_record_aborted(struct receiver *r, const char *why);
/* Nobody needs the journal any more.  -1: it stays, and recover finds it. */
int receive_forget(struct receiver *r);
/* What is here is destroyed: nobody will ask for what was never READY. */
void receive_forget_aborted(struct receiver *r);

/* What is here of the VM, into holding.vm. */
enum recover_domain receive_look(struct receiver *r);
/* The child is gone.  false: so is the copy, or it cannot be recorded; own_error says why. */
bool receive_hold(struct receiver *r);
/* Does the journal say what becomes of it, whatever the sender does? */
bool receive_is_holding(const struct receiver *r);
/* The source is gone, or silent: what there is stays as the journal says, for recover and for the source's word. */
void receive_leave(struct receiver *r);

#endif
