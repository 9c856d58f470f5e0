/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What this host has of a VM whose migration is in a journal: for receive, which answers for it, and recover. */
#ifndef XLMIG_DOMAIN_JOURNALLED_H
#define XLMIG_DOMAIN_JOURNALLED_H

#include "xlmig/base/failure.h"
#include "xlmig/handover/rules.h"
#include "xlmig/toolstack/toolstack.h"

struct journalled {
    enum recover_domain domain;
    struct vm vm;               /* it; of RECOVER_DOMAIN_STRANGER that one */
    bool other;                 /* besides it there is another domain of its UUID */
};

/* Look for it: the very domain that the journal names.  RECOVER_DOMAIN_UNKNOWN: see failure. */
void vm_find_journalled(struct toolstack *ts, const char *toolstack, const struct journal_record *record,
                        struct journalled *found, struct failure *failure);

/* Has this host started anew since the journal was begun?  For certain; false, too, where that is not known. */
bool host_has_booted_since(const char *toolstack, const struct journal_record *record);

/* Give it the VM's own name, unless it has that.  -1: see failure. */
int vm_take_own_name(struct toolstack *ts, const struct vm *vm, const struct journal_record *record,
                     struct failure *failure);

#endif
