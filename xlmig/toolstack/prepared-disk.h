/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A disk whose hotplug script has run before libxl makes the disk.
 *
 * libxl starts a device model when the disks on its command line are made, and
 * makes them when the VM's state is there.  Most of the time that takes is that
 * of Xen's own `block` script, which looks whether anybody else uses the disk.
 * So it runs early, on a node beside the one that libxl will use:
 *
 *     backend/vbd/DOMID/51712           libxl's
 *     backend/vbd/DOMID/prepared-xvda   prepared: what the script is told, and what it answers
 *
 * The script of any other VM finds the disk's device there and knows whose it
 * is, so that from then on no other VM gets it.  Linux takes no node for a new
 * device that has no state.  libxl is given xlmig-prepared-disk in the place of
 * the script; that moves the answer to where libxl waits for it.
 *
 * Source: xen/tools/hotplug/Linux/block, block-common.sh (what the script reads
 * and writes); libxl_linux.c (its environment); Linux, xenbus_probe_node().
 */
#ifndef XLMIG_TOOLSTACK_PREPARED_DISK_H
#define XLMIG_TOOLSTACK_PREPARED_DISK_H

#include "xlmig/base/failure.h"

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#define PREPARED_DISK_PATH_MAX 64u

/* Relative to dom0's own node, as the scripts have it.  False: `vdev` is no name that may stand in a path. */
bool prepared_disk_path(uint32_t domid, const char *vdev, char path[PREPARED_DISK_PATH_MAX]);

/* What the script has to know; `script` is its whole path.  Of an earlier try nothing is left.  -1: see failure. */
int prepared_disk_begin(struct xs_handle *xs, uint32_t domid, const char *vdev, const char *script, const char *params,
                        bool writable, struct failure *failure);
/* The script has ended well: has it said that the disk is there?  -1: see failure, in the script's own words if it has any. */
int prepared_disk_verify(struct xs_handle *xs, uint32_t domid, const char *vdev, struct failure *failure);
/* None is fine. */
void prepared_disk_discard(struct xs_handle *xs, uint32_t domid, const char *vdev);

/*
 * Give libxl's node, "backend/vbd/DOMID/DEVID", what the script answered, and
 * the name of the script itself: what removes the disk is that again.
 */
int prepared_disk_use(struct xs_handle *xs, const char *backend, struct failure *failure);

#endif
