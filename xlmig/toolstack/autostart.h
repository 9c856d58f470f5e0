/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The files that a VM is started from on its host.  They do not move with it, and one in /etc/xen/auto starts it there
 * again at the host's next boot, beside the VM that moved away.
 */
#ifndef XLMIG_TOOLSTACK_AUTOSTART_H
#define XLMIG_TOOLSTACK_AUTOSTART_H

#include <limits.h>

struct start_files {
    char automatic[PATH_MAX]; /* "/etc/xen/auto/web.cfg"; "": none */
    char config[PATH_MAX];    /* "/etc/xen/web.cfg", where that is another file; "": none was found */
};

/* `root` stands in front of all paths: "", or a simulated host's directory.  What cannot be read is not found. */
void start_files_find(const char *root, const char *vm_name, struct start_files *files);

#endif
