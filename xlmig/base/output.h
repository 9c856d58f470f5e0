/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Standard output, and whether what was said there got anywhere. */
#ifndef XLMIG_BASE_OUTPUT_H
#define XLMIG_BASE_OUTPUT_H

/*
 * Flushes it.  Where anything of it could not be written, a message says so, once, and `unsaid` is the answer instead
 * of `rc` if that is EXIT_OK.
 */
int output_end(const char *who, int rc, int unsaid);

/* Descriptors 0, 1 and 2 are something from now on: no file that is opened gets such a number, and what is said in it. */
void output_reserve(void);

#endif
