/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The save helper, once it has opened all that it needs: no further file, no
 * socket, no program, no code in memory that it was not started with.
 *
 * What it can do to guests stays as it was, because hypercalls cannot be told
 * apart here (architecture.md, "What each process may do").
 */
#ifndef XLMIG_HELPER_SANDBOX_H
#define XLMIG_HELPER_SANDBOX_H

#include "libxcsave/xcsave.h"

/* For all threads that there are, and that there will be. -1: see error. */
int helper_confine(struct xcsave_error *error);

#endif
