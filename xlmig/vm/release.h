/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Releases of Xen, as hosts and streams name them, and what moves from one to the other. */
#ifndef XLMIG_VM_RELEASE_H
#define XLMIG_VM_RELEASE_H

#include "xlmig/vm/check-list.h"
#include "xlmig/vm/vm.h"

/* "Xen 4.20" is older than "Xen 4.20.1"?  No: only major and minor count.  False where either is no release. */
bool release_is_older(const char *hypervisor, const char *than);

/*
 * May a VM of that type, as it was on `from`, go on on `to`?  Xen promises it for the next release, not for an older
 * one.  What is known: PVH and HVM guests do not go from 4.20 to 4.17, since an entry of their HVM context grew, and the
 * older Xen says so only when all of the memory has come.  PV guests have none.
 */
enum check_result release_judge(enum vm_type type, const char *from, const char *to);

#endif
