/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/base/state-dir.h"

#include "libxcsave/sim/protocol.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_DIR "/var/lib/xlmig"
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* NULL: it is no simulated host. */
static const char *directory_of_sim(const char *toolstack)
{
    return strncmp(toolstack, "sim:", 4) == 0 ? toolstack + 4 : NULL;
}

int state_dir(const char *toolstack, char *path, size_t size, struct failure *failure)
{
    const char *given = getenv("XLMIG_STATE_DIR"), *sim = directory_of_sim(toolstack);
    int len;

    if (given && *given)
        len = snprintf(path, size, "%s", given);
    else if (sim)
        len = snprintf(path, size, "%s/state", sim);
    else
        len = snprintf(path, size, DEFAULT_DIR);
    if (len < 0 || (size_t)len >= size)
        return failure_set(failure, "the name of the directory for journals is too long");
    return 0;
}

/* A simulated host makes its socket anew each time it starts. */
static void boot_of_sim(const char *dir, char boot[HOST_BOOT_SIZE])
{
    char path[PATH_MAX];
    struct stat st;

    if (snprintf(path, sizeof path, "%s/" SIM_SOCKET_NAME, dir) < (int)sizeof path && stat(path, &st) == 0)
        snprintf(boot, HOST_BOOT_SIZE, "%llu.%09lu-%llu", (unsigned long long)st.st_mtim.tv_sec,
                 (unsigned long)st.st_mtim.tv_nsec, (unsigned long long)st.st_ino);
}

void host_boot(const char *toolstack, char boot[HOST_BOOT_SIZE])
{
    const char *sim = directory_of_sim(toolstack);
    FILE *file;

    boot[0] = '\0';
    if (sim) {
        boot_of_sim(sim, boot);
        return;
    }
    file = fopen(BOOT_ID, "re");
    if (!file)
        return;
    if (!fgets(boot, HOST_BOOT_SIZE, file))
        boot[0] = '\0';
    fclose(file);
    boot[strcspn(boot, "\n")] = '\0';
}
