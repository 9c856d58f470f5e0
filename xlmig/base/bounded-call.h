/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A question that may hang, as one about a file on a server that is gone, asked for a bounded time. */
#ifndef XLMIG_BASE_BOUNDED_CALL_H
#define XLMIG_BASE_BOUNDED_CALL_H

#include <stddef.h>

#define BOUNDED_ANSWER_MAX 512u

/*
 * `work` runs in a child process, which has no descriptor of this one's, and
 * fills in `answer`.  -1, with errno ETIMEDOUT: it took longer than that, and was
 * killed; it may go on hanging in the kernel, but nobody waits for it.
 */
int bounded_call(void (*work)(const void *question, void *answer), const void *question, void *answer,
                 size_t answer_bytes, unsigned timeout_ms);

#endif
