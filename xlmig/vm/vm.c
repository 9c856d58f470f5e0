/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/vm/vm.h"

#include "xlmig/base/text.h"

#include <stdlib.h>
#include <string.h>

bool vm_name_ends(const struct vm *vm, const char *end)
{
    size_t len = strlen(vm->name), end_len = strlen(end);

    return len >= end_len && strcmp(vm->name + len - end_len, end) == 0;
}

bool vm_name_is_valid(const char *name)
{
    return name[0] && !strchr(name, '/') && text_is_fit(name);
}

bool vm_number(const char *text, uint32_t *domid)
{
    size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 5 || text[len])
        return false;
    *domid = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

int vm_choose(const char *text, const struct vm *named, const struct vm *numbered, struct vm *vm, struct failure *failure)
{
    if (named && numbered && named->domid != numbered->domid)
        return failure_set(failure, "%s is the name of one VM (its number is %u) and the number of another (%s); "
                                    "name the one that is meant by what is only its own", text, named->domid, numbered->name);
    if (!named && !numbered)
        return 1;
    *vm = named ? *named : *numbered;
    return 0;
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
