/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/base/runtime-dir.h"

#include "xlmig/base/private-dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int choose(char *path, size_t size)
{
    const char *given = getenv("XLMIG_RUNTIME_DIR"), *xdg = getenv("XDG_RUNTIME_DIR");

    if (given && *given)
        return snprintf(path, size, "%s", given);
    if (geteuid() == 0)
        return snprintf(path, size, "/run/xlmig");
    if (xdg && *xdg)
        return snprintf(path, size, "%s/xlmig", xdg);
    return snprintf(path, size, "/tmp/xlmig-%u", (unsigned)geteuid());
}

int runtime_dir(char *path, size_t size, struct failure *failure)
{
    int len = choose(path, size), fd;

    if (len < 0 || (size_t)len >= size)
        return failure_set(failure, "the name of the runtime directory is too long");
    fd = private_dir_make(path, failure);
    if (fd < 0)
        return -1;
    close(fd);
    return 0;
}
