/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Slowing a VM down while it is copied, by its scheduler cap.
 *
 * Before the first change its own cap is written down (cap-record.h) and a
 * watchdog is started, a process that gives it back should this one be killed.
 * Both are there until throttle_end().
 */
#ifndef XLMIG_DOMAIN_THROTTLE_H
#define XLMIG_DOMAIN_THROTTLE_H

#include "xlmig/toolstack/toolstack.h"

struct throttle;

/* Nothing is changed yet.  `toolstack` is its name as on the command line, kept by the caller.  NULL: no memory. */
struct throttle *throttle_new(struct toolstack *ts, const char *toolstack, const struct vm *vm);
/* By so many per cent of what it used so far; 0: not at all. */
int throttle_set(struct throttle *t, unsigned percent, struct failure *failure);
/* Give the cap back, if it was changed, and forget it all; NULL is fine.  -1: the record stays for another xlmig. */
int throttle_end(struct throttle *t, struct failure *failure);

/* Cap, in per cent of one CPU, that slows a VM which used so much of its vCPUs by so many per cent. */
int throttle_cap(unsigned vcpus, unsigned used_percent, int own_cap, unsigned percent);

#endif
