/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Is there such a VM, and can it be saved or sent as it stands? */
#ifndef XLMIG_DOMAIN_FIND_H
#define XLMIG_DOMAIN_FIND_H

#include "xlmig/toolstack/toolstack.h"

/*
 * It runs, or its administrator paused it.  0, or -1 and the reason, with what to type next; vm->name is
 * set when there is such a VM.
 */
int vm_find_movable(struct toolstack *ts, const char *name_or_domid, struct vm *vm, struct failure *failure);

#endif
