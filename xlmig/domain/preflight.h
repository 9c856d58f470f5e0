/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* On the destination, before anything is touched: can this host take the VM? */
#ifndef XLMIG_DOMAIN_PREFLIGHT_H
#define XLMIG_DOMAIN_PREFLIGHT_H

#include "xlmig/toolstack/toolstack.h"
#include "xlmig/vm/candidate.h"

/* Every reason why not; none: it may come.  `toolstack` is its name, for its journals; NULL: they do not count. */
void preflight_check(struct toolstack *ts, const char *toolstack, const struct candidate *vm, struct candidate_answer *answer);

#endif
