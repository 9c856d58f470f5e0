/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/domain/journalled.h"

#include "xlmig/base/state-dir.h"

#include <stdlib.h>
#include <string.h>

bool host_has_booted_since(const char *toolstack, const struct journal_record *record)
{
    char boot[HOST_BOOT_SIZE];

    host_boot(toolstack, boot);
    return record->boot[0] && boot[0] && strcmp(record->boot, boot) != 0;
}

/* Where that is not to be known, its vCPUs' time decides alone. */
static bool is_saved_by_others(struct toolstack *ts, const struct vm *vm)
{
    return vm->state == VM_SUSPENDED && ts->ops->suspend.has_saver(ts, vm->domid) == 1;
}

void vm_find_journalled(struct toolstack *ts, const char *toolstack, const struct journal_record *record,
                        struct journalled *found, struct failure *failure)
{
    const bool booted = host_has_booted_since(toolstack, record);
    struct vm *vms, *ours = NULL, *other = NULL;
    size_t nr_vms;

    *found = (struct journalled){ .domain = RECOVER_DOMAIN_UNKNOWN };
    if (ts->ops->ask.list(ts, &vms, &nr_vms, failure) < 0)
        return;
    for (size_t i = 0; i < nr_vms; i++)
        if (memcmp(vms[i].uuid, record->uuid, sizeof record->uuid) != 0)
            continue;
        else if (!ours && recover_is_named(&vms[i], record, booted))
            ours = &vms[i];
        else
            other = &vms[i];
    found->domain = !ours && other ? RECOVER_DOMAIN_STRANGER
                                   : recover_domain_of(ours, record, ours && is_saved_by_others(ts, ours));
    found->other = ours && other;
    if (ours || other)
        found->vm = ours ? *ours : *other;
    free(vms);
}

int vm_take_own_name(struct toolstack *ts, const struct vm *vm, const struct journal_record *record,
                     struct failure *failure)
{
    if (strcmp(vm->name, record->name) == 0)
        return 0;
    return ts->ops->domain.rename(ts, vm->domid, vm->name, record->name, failure);
}
