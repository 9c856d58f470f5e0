/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A process that reads what somebody else wrote, and may do nothing but that.
 *
 * sandbox_run() has the reading done in a child, so that the one who started
 * it can say what became of it, and can do afterwards what the reader may not,
 * such as giving a file its name.  The child opens what it needs and then
 * calls sandbox_enter(): from there on it reads and writes the descriptors that
 * it has, takes memory and ends.  Any other system call ends it at once.
 *
 * Where the kernel has no seccomp, a note says so and the work goes on.
 * XLMIG_SANDBOX=off does without, as does a build with sanitizers, whose
 * libraries need more than that: there, sandbox_run() has no child.
 */
#ifndef XLMIG_BASE_SANDBOX_H
#define XLMIG_BASE_SANDBOX_H

#include "xlmig/base/failure.h"

#define SANDBOX_ENV "XLMIG_SANDBOX"

/*
 * Runs `work` and returns the exit status that it returned, or EXIT_FAILED,
 * after a message, where it was ended or could not write to standard output
 * what it had to say.  What it is to bring back besides goes
 * into memory that is shared: opaque's own is the child's.
 */
int sandbox_run(const char *who, int (*work)(void *opaque), void *opaque);

/* For one thread that calls neither exec nor open any more.  -1: it is not confined, see failure. */
int sandbox_enter(const char *who, struct failure *failure);

#endif
