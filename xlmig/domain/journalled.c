/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/domain/journalled.h"

#include <stdlib.h>
#include <string.h>

static bool may_run(enum recover_domain domain)
{
    return domain == RECOVER_DOMAIN_RUNNING || domain == RECOVER_DOMAIN_PAUSED;
}

enum recover_domain vm_find_journalled(struct toolstack *ts, const struct journal_record *record, struct vm *vm,
                                        struct failure *failure)
{
    enum recover_domain domain = RECOVER_DOMAIN_ABSENT;
    struct vm *vms;
    size_t nr_vms;

    if (ts->ops->ask.list(ts, &vms, &nr_vms, failure) < 0)
        return RECOVER_DOMAIN_UNKNOWN;
    for (size_t i = 0; i < nr_vms; i++)
        if (memcmp(vms[i].uuid, record->uuid, sizeof record->uuid) == 0 && !may_run(domain)) {
            *vm = vms[i];
            domain = recover_domain_of(vm, record);
        }
    free(vms);
    return domain;
}

int vm_take_own_name(struct toolstack *ts, const struct vm *vm, const struct journal_record *record,
                     struct failure *failure)
{
    if (strcmp(vm->name, record->name) == 0)
        return 0;
    return ts->ops->domain.rename(ts, vm->domid, vm->name, record->name, failure);
}
