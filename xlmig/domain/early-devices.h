/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * At the destination: a VM's disks and network are set up while its memory is
 * still coming, so that it need not stand still for that.
 *
 * A child makes the VM; what this needs of it is that it exists, under a name
 * and a UUID.  Single thread, in the caller's loop.
 */
#ifndef XLMIG_DOMAIN_EARLY_DEVICES_H
#define XLMIG_DOMAIN_EARLY_DEVICES_H

#include "xlmig/toolstack/toolstack.h"

struct early_devices;

/* Neither is called from within a function of this header. */
struct early_devices_callbacks {
    void *user;
    /* They are set up, or, with `failure`, cannot be.  At most once, and not after early_devices_stop(). */
    void (*ready)(void *user, const struct failure *failure);
    /* Once, after early_devices_stop() found one being set up: nothing is under way any more. */
    void (*idle)(void *user);
};

/*
 * Wait for the VM to appear, then set up those devices of `config_json` that
 * can be.  The strings are copied.  NULL: out of memory.
 */
struct early_devices *early_devices_start(struct toolstack *ts, struct event_base *base, const char *name,
                                          const uint8_t uuid[16], const char *config_json,
                                          const struct early_devices_callbacks *callbacks);
/* Begin nothing more.  True: nothing is under way; false: idle() follows, in a minute at most (libxl's own bounds). */
bool early_devices_stop(struct early_devices *early);
/* After ready(): enter them in the configuration of the VM, which is made.  -1: see failure. */
int early_devices_record(struct early_devices *early, struct failure *failure);
/* Only while nothing is under way.  NULL is fine. */
void early_devices_free(struct early_devices *early);

#endif
