/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The one way in which a verb reads a file that somebody named: opened once,
 * then judged and used by the same descriptor.  "-" is standard input; pipes
 * and devices serve as well as regular files.
 */
#ifndef XLMIG_BASE_INPUT_FILE_H
#define XLMIG_BASE_INPUT_FILE_H

#include "xlmig/base/failure.h"

#include <stdbool.h>

/*
 * A descriptor at the first octet, which input_close() closes.  Where nothing
 * has come after a second (a FIFO that nobody writes) `who` says what it waits
 * for, and waits on: a signal ends that.  -1: see failure.
 */
int input_open(const char *path, const char *who, struct failure *failure);
/* -1 is fine. */
void input_close(int fd);
/* For messages: the path, or "standard input". */
const char *input_name(const char *path);

/* "-", or a link such as /dev/stdin to what is open as `fd`, 0 or 1. */
bool names_stdio(const char *path, int fd);

#endif
