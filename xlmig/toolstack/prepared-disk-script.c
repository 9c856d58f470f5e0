/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig-prepared-disk: what libxl runs as the hotplug script of a disk whose own
 * script has run already (prepared-disk.h).  Arguments, environment and the node
 * for errors are those of a hotplug script; libxl bounds its time.
 */
#include "config.h"
#include "xlmig/toolstack/prepared-disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add(const char *backend)
{
    struct failure failure = { 0 };
    struct xs_handle *xs = xs_open(0);
    char node[PREPARED_DISK_PATH_MAX + 32];

    if (!xs) {
        perror("xlmig-prepared-disk: cannot reach xenstore");
        return 1;
    }
    int rc = prepared_disk_use(xs, backend, &failure);

    if (rc < 0) {
        fprintf(stderr, "xlmig-prepared-disk: %s\n", failure.text);
        snprintf(node, sizeof node, "%.64s/hotplug-error", backend);
        xs_write(xs, XBT_NULL, node, failure.text, (unsigned)strlen(failure.text));
    }
    xs_close(xs);
    return rc < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *backend = getenv("XENBUS_PATH");

    if (argc != 2 || !backend || (strcmp(argv[1], "add") != 0 && strcmp(argv[1], "remove") != 0)) {
        fprintf(stderr, "xlmig-prepared-disk is run by libxl, as a hotplug script: XENBUS_PATH=... %s add|remove\n",
                argc > 0 ? argv[0] : "xlmig-prepared-disk");
        return 2;
    }
    /* Once it was used the disk's own script is asked to remove it; before that there is nothing. */
    return strcmp(argv[1], "add") == 0 ? add(backend) : 0;
}
