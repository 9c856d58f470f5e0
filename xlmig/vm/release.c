/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/vm/release.h"

#include <stdio.h>

struct release {
    unsigned major, minor;
};

static bool read_release(const char *hypervisor, struct release *release)
{
    return sscanf(hypervisor, "Xen %u.%u", &release->major, &release->minor) == 2;
}

bool release_is_older(const char *hypervisor, const char *than)
{
    struct release a, b;

    if (!read_release(hypervisor, &a) || !read_release(than, &b))
        return false;
    return a.major < b.major || (a.major == b.major && a.minor < b.minor);
}

enum check_result release_judge(enum vm_type type, const char *from, const char *to)
{
    if (!release_is_older(to, from))
        return CHECK_OK;
    return type == VM_TYPE_PV ? CHECK_WARNING : CHECK_REFUSED;
}
