/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What this host has of a VM whose migration is in a journal: for receive, which answers for it, and recover. */
#ifndef XLMIG_DOMAIN_JOURNALLED_H
#define XLMIG_DOMAIN_JOURNALLED_H

#include "xlmig/base/failure.h"
#include "xlmig/handover/rules.h"
#include "xlmig/toolstack/toolstack.h"

/*
 * Look for it, by its UUID; *vm is it, if there is any.  Of several the one that
 * runs, or may at any time.  RECOVER_DOMAIN_UNKNOWN: see failure.
 */
enum recover_domain vm_find_journalled(struct toolstack *ts, const struct journal_record *record, struct vm *vm,
                                        struct failure *failure);

/* Give it the VM's own name, unless it has that.  -1: see failure. */
int vm_take_own_name(struct toolstack *ts, const struct vm *vm, const struct journal_record *record,
                     struct failure *failure);

#endif
