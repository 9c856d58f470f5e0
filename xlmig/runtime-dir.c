/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "xlmig/runtime-dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    int len = choose(path, size);
    struct stat st;

    if (len < 0 || (size_t)len >= size)
        return failure_set(failure, "the name of the runtime directory is too long");
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return failure_set(failure, "cannot make %s: %s", path, strerror(errno));
    /* Somebody may have been there first, in /tmp. */
    if (lstat(path, &st) < 0)
        return failure_set(failure, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return failure_set(failure, "%s is no directory of this user's alone (mode 0700)", path);
    return 0;
}
