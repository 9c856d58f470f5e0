/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* On the destination, before anything is touched: can this host take the VM? */
#ifndef XLMIG_PREFLIGHT_H
#define XLMIG_PREFLIGHT_H

#include "xlmig/peer/messages.h"

/* Every reason why not; none: it may come.  `toolstack` is its name, for its journals; NULL: they do not count. */
void preflight_check(struct toolstack *ts, const char *toolstack, const struct control_preflight *vm, struct control_answer *answer);

#endif
