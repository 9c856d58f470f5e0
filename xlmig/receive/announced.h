/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Is what comes what was asked for? */
#ifndef XLMIG_RECEIVE_ANNOUNCED_H
#define XLMIG_RECEIVE_ANNOUNCED_H

#include "xlmig/receive/receiver.h"

/*
 * Is the VM that would be made of `config_json` the one that PREFLIGHT announced, and that the checks were about?
 * -1: it is not, or that cannot be told: see failure, which names both.
 */
int receive_is_announced(struct receiver *r, const char *config_json, struct failure *failure);

#endif
