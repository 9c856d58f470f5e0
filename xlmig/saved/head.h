/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the head of a saved VM says: which VM it is. */
#ifndef XLMIG_SAVED_VM_H
#define XLMIG_SAVED_VM_H

#include "xlmig/peer/messages.h"

/*
 * Reads the file as far as libxl's stream and judges it.  `vm` gets name, UUID,
 * type and configuration (control_preflight_dispose() frees them).
 */
int saved_vm_read(const char *path, struct control_preflight *vm, struct failure *failure);

#endif
