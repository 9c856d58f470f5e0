/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/domain/find.h"

#include "xlmig/base/text.h"
#include "xlmig/domain/standing.h"

#include <string.h>

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
    char word[SHELL_WORD_SIZE];

    shell_word(vm->name, word, sizeof word);
    if (vm_name_ends(vm, VM_NAME_INCOMING) || vm_name_ends(vm, VM_NAME_AWAY))
        return failure_set(failure, "its name says that another move of it is under way, or was interrupted. To see "
                                    "which: xlmig recover --dry-run");
    switch (vm->state) {
    case VM_RUNNING:
        return was_let_run(vm)
                   ? failure_set(failure, "a save of it that was killed let it run, although it was paused; to pause "
                                          "it again, first: xlmig resume %s", word)
                   : 0;
    case VM_PAUSED:
        return 0;
    case VM_SUSPENDED:
        return failure_set(failure, "it is suspended already, by a migration or save under way or left over; "
                                    "to let it go on here: xlmig resume %s", word);
    default:
        return failure_set(failure, "it does not run; look with: xl list %s", word);
    }
}

int vm_find_movable(struct toolstack *ts, const char *name_or_domid, struct vm *vm, struct failure *failure)
{
    int rc;

    *vm = (struct vm){ 0 };
    if (strcmp(name_or_domid, "0") == 0 || strcmp(name_or_domid, "Domain-0") == 0)
        return failure_set(failure, "it is the host itself; for its VMs: xl list");
    rc = ts->ops->ask.find(ts, name_or_domid, vm, failure);
    if (rc == 1)
        return failure_set(failure, "there is no such VM on this host; look with: xl list");
    return rc < 0 || check_name(vm, failure) < 0 ? -1 : check_state(vm, failure);
}
