/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/domain/find.h"

#include "xlmig/base/text.h"
#include "xlmig/domain/standing.h"

#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);

    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Whatever prints it later may rely on that. */
static int check_name(struct vm *vm, struct failure *failure)
{
    if (vm_name_is_valid(vm->name))
        return 0;
    make_text_fit(vm->name);
    return failure_set(failure, "its name is none that could be shown or written down; first: xl rename %u NAME", vm->domid);
}

/* For a save, which was killed before it could pause it again. */
static bool was_let_run(const struct vm *vm)
{
    struct standing standing = { .woken = 0 };

    return standing_read(vm->uuid, &standing) == 0 && standing.domain.domid == vm->domid && standing.woken > 0;
}

static int check_state(const struct vm *vm, struct failure *failure)
{
    if (ends_with(vm->name, "--incoming") || ends_with(vm->name, "--migratedaway"))
        return failure_set(failure, "its name says that another migration of it is under way or was left unfinished");
    switch (vm->state) {
    case VM_RUNNING:
        return was_let_run(vm)
                   ? failure_set(failure, "a save of it that was killed let it run, although it was paused; first: "
                                          "xlmig resume %s, which pauses it again", vm->name)
                   : 0;
    case VM_PAUSED:
        return 0;
    case VM_SUSPENDED:
        return failure_set(failure, "it is suspended already, by a migration or save under way or left over; "
                                    "to let it go on here: xlmig resume %s", vm->name);
    default:
        return failure_set(failure, "it does not run; look with: xl list %s", vm->name);
    }
}

int vm_find_movable(struct toolstack *ts, const char *name_or_domid, struct vm *vm, struct failure *failure)
{
    int rc;

    *vm = (struct vm){ 0 };
    if (strcmp(name_or_domid, "0") == 0 || strcmp(name_or_domid, "Domain-0") == 0)
        return failure_set(failure, "it is the host itself; name one of its VMs (xl list)");
    rc = ts->ops->ask.find(ts, name_or_domid, vm, failure);
    if (rc == 1)
        return failure_set(failure, "there is no such VM on this host; look with: xl list");
    return rc < 0 || check_name(vm, failure) < 0 ? -1 : check_state(vm, failure);
}
