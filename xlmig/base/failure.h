/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What went wrong, in words for the administrator.  The first failure stays: what the cleanup after it meets is dropped. */
#ifndef XLMIG_BASE_FAILURE_H
#define XLMIG_BASE_FAILURE_H

struct failure {
    char text[1024]; /* "" : nothing failed yet */
};

/* Returns -1, so that `return failure_set(...)` reads well.  Without effect when `failure` holds one already. */
int failure_set(struct failure *failure, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
