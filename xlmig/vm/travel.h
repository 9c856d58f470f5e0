/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What a VM has that does not arrive with it: devices whose state is kept by a program or a domain of its host, and of
 * which nothing says so on the way.  QEMU, asked by libxl for its state, leaves out what cannot be saved without a word.
 */
#ifndef XLMIG_VM_TRAVEL_H
#define XLMIG_VM_TRAVEL_H

#include "xlmig/vm/check-list.h"

/*
 * By its configuration, which is libxl's JSON.  Adds a refusal for each such thing, a warning where `ignore_devices`;
 * and where there is none, one result that says so.
 */
void travel_check(const char *config_json, bool ignore_devices, struct check_list *found);

#endif
