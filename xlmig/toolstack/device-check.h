/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * On the destination, before anything is touched: is there what a VM's devices
 * need?  Only what dom0 itself provides can be asked; a driver domain cannot.
 *
 * Knows of files, not of a toolstack, so that both toolstacks use it.  All that is
 * passed in comes from the sender: nothing but block devices and plain files is
 * opened, since to open something else may do something.  No question takes long,
 * whatever the file is on.
 */
#ifndef XLMIG_TOOLSTACK_DEVICE_CHECK_H
#define XLMIG_TOOLSTACK_DEVICE_CHECK_H

#include "xlmig/vm/check-list.h"
#include "xlmig/vm/screens.h"

#include <stdbool.h>
#include <stdint.h>

struct device_checker {
    const char *host;       /* its name, for the texts */
    const char *root;       /* in front of all paths: "", or a simulated host's directory */
    const char *script_dir; /* of hotplug scripts that are named without a folder */
    struct check_list *list;
    bool slow;              /* a file did not answer; the others get less time */
};

enum disk_format { DISK_RAW, DISK_QCOW2, DISK_VHD, DISK_QED, DISK_OTHER };

struct disk_facts {
    const char *name;       /* "xvda" */
    const char *path;       /* NULL or "": a drive with nothing in it */
    const char *script;     /* its hotplug script; NULL: Xen's own, or none */
    const char *backend;    /* the driver domain that provides it; NULL: dom0 */
    enum disk_format format;
    bool writable;
    bool block_only;        /* the kernel's backend serves it, which takes block devices only */
    bool has_size;          /* `bytes` counts: of a raw one; others grow */
    uint64_t bytes;         /* as the source sees it */
};

void device_check_disk(struct device_checker *checker, const struct disk_facts *disk);

/* On the source, for `bytes`: how large it is.  -1: it cannot be told, or changes. */
int device_disk_size(const char *root, const struct disk_facts *disk, uint64_t *bytes);

struct nic_facts {
    unsigned number;
    const char *script;     /* NULL: Xen's default, vif-bridge */
    const char *bridge;     /* NULL: the script chooses */
    const char *backend;
};

void device_check_nic(struct device_checker *checker, const struct nic_facts *nic);

/* A port that its device model will listen on. */
void device_check_screen(struct device_checker *checker, const struct vm_screen *screen);

/* A file that the VM needs when it starts anew, but not to arrive.  `path` NULL or without a folder: not looked for. */
void device_check_boot_file(struct device_checker *checker, const char *what, const char *path);


#endif
