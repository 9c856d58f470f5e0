/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/vm/vm.h"

#include "xlmig/base/text.h"

#include <string.h>

bool vm_name_is_valid(const char *name)
{
    return name[0] && !strchr(name, '/') && text_is_fit(name);
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
