/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Who may paint on the terminal at standard error: one process of several. */
#ifndef XLMIG_WATCH_TERMINAL_H
#define XLMIG_WATCH_TERMINAL_H

#include <stdbool.h>

/* It can do more than take lines, and nobody else of us is there.  Once in a process; holds until that ends. */
bool terminal_take(void);
/* Has another one come since?  From then on nobody paints, since each paints over the lines that were there last. */
bool terminal_is_shared(void);

#endif
