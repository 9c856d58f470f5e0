/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Choose a toolstack by its name. */
#include "xlmig/toolstack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct toolstack *toolstack_open(const char *spec, struct event_base *base, struct failure *failure)
{
    if (strcmp(spec, "libxl") == 0)
        return toolstack_open_libxl(base, failure);
    if (strncmp(spec, "sim:", 4) == 0 && spec[4])
        return toolstack_open_sim(spec + 4, base, failure);
    failure_set(failure, "there is no toolstack '%s': it is libxl or sim:DIR", spec);
    return NULL;
}

void toolstack_close(struct toolstack *ts)
{
    if (ts)
        ts->ops->close(ts);
}

static void export_limit(const char *name, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    if (value)
        setenv(name, text, 1);
    else
        unsetenv(name);
}

void toolstack_export_limits(const struct toolstack_suspend *how)
{
    export_limit("XLMIG_MAX_ROUNDS", how->max_rounds);
    export_limit("XLMIG_MAX_DOWNTIME_US", how->max_downtime_us);
    export_limit("XLMIG_IO_TIMEOUT_S", (how->stall_timeout_us + 999999) / 1000000);
}

const char *vm_type_name(enum vm_type type)
{
    switch (type) {
    case VM_TYPE_PV:
        return "PV";
    case VM_TYPE_PVH:
        return "PVH";
    case VM_TYPE_HVM:
        return "HVM";
    }
    return "?";
}

const char *vm_state_name(enum vm_state state)
{
    switch (state) {
    case VM_RUNNING:
        return "running";
    case VM_PAUSED:
        return "paused";
    case VM_SUSPENDED:
        return "suspended";
    case VM_SHUT_DOWN:
        return "shut down";
    case VM_CRASHED:
        return "crashed";
    case VM_DYING:
        return "being destroyed";
    }
    return "?";
}
