/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* On the destination, before anything is touched: can this host take the VM? */
#ifndef XLMIG_DOMAIN_PREFLIGHT_H
#define XLMIG_DOMAIN_PREFLIGHT_H

#include "xlmig/domain/memory-promise.h"
#include "xlmig/toolstack/toolstack.h"
#include "xlmig/vm/candidate.h"

struct preflight {
    struct toolstack *ts;
    const char *toolstack;          /* its name */
    bool journals;                  /* an unfinished migration of the VM stands in the way */
    struct memory_promise *promise; /* memory is promised here to a VM that may come, and to be ended; NULL: only asked */
};

/* Every reason why not; none: it may come. */
void preflight_check(const struct preflight *how, const struct candidate *vm, struct candidate_answer *answer);

#endif
