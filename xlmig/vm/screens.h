/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A VM's screens that its device model offers on a TCP port of the host, by the VM's configuration. */
#ifndef XLMIG_VM_SCREENS_H
#define XLMIG_VM_SCREENS_H

struct vm_screen {
    const char *kind;       /* "VNC", "SPICE" */
    char address[64];       /* that it listens on */
    unsigned port;
};
#define VM_SCREENS_MAX 8u

/*
 * Those whose port is fixed: where QEMU looks for a free one nothing can be in the way.  `config_json` is libxl's, and
 * hostile.  Returns how many there are.
 */
unsigned vm_screens(const char *config_json, struct vm_screen screens[VM_SCREENS_MAX]);

#endif
