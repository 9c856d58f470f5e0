/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/domain/cap-record.h"
#include "xlmig/handover/journal.h"
#include "xlmig/base/loop.h"
#include "xlmig/domain/settle.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"
#include "xlmig/base/text.h"

#include <unistd.h>

struct resume {
    struct event_base *base;
    const char *vm;
    int exit_status;
};

static void on_settled(void *user, enum settle_end end, const struct failure *failure)
{
    const char *why = failure ? failure->text : "it is gone";
    struct resume *r = user;
    char word[SHELL_WORD_SIZE];

    if (end == SETTLE_PAUSED)
        printf("%s is resumed, and stays paused. To let it run, type: xl unpause %s\n", r->vm,
               shell_word(r->vm, word, sizeof word));
    else if (end != SETTLE_RUNS)
        fprintf(stderr, "xlmig: %s was not resumed: %s%s\n", r->vm, why, text_stop(why));
    r->exit_status = end == SETTLE_RUNS || end == SETTLE_PAUSED ? EXIT_OK : EXIT_NEEDS_HAND;
    event_base_loopbreak(r->base);
}

/* By a save that was killed before it could pause it again.  *standing is this domain's in any case. */
static bool was_let_run(const struct vm *vm, struct standing *standing)
{
    if (standing_read(vm->uuid, standing) != 0 || standing->domain.domid != vm->domid)
        *standing = (struct standing){ .domain = { .domid = vm->domid } };
    return standing->woken > 0 && vm->state == VM_RUNNING;
}

static int resume_vm(struct toolstack *ts, const char *toolstack, struct resume *r)
{
    struct standing standing = { .woken = 0 };
    struct failure failure = { 0 };
    struct vm vm;
    int lock_fd = -1, rc = ts->ops->ask.find(ts, r->vm, &vm, &failure);

    if (rc == 1)
        failure_set(&failure, "there is no such VM on this host");
    else if (rc == 0 && !was_let_run(&vm, &standing) && vm.state != VM_SUSPENDED)
        failure_set(&failure, "it is %s, not suspended", vm_state_name(vm.state));
    else if (rc == 0) /* a copy that a migration left may only run by the rules of recover */
        lock_fd = journal_hold_vm(toolstack, vm.uuid, vm.name, &failure);
    if (failure.text[0]) {
        fprintf(stderr, "xlmig: %s was not resumed: %s%s\n", r->vm, failure.text, text_stop(failure.text));
        return EXIT_REFUSED;
    }
    if (ts->ops->suspend.withdraw(ts, vm.domid, &failure) < 0)
        fprintf(stderr, "xlmig: %s: %s%s\n", r->vm, failure.text, text_stop(failure.text));
    settle_guest(ts, r->base, &standing, 0, on_settled, r);
    event_base_dispatch(r->base);
    if (r->exit_status == EXIT_OK)
        standing_remove(vm.uuid);
    close(lock_fd);
    return r->exit_status;
}

static void tell_of_cap(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "%s\n", text);
}

static int run_resume(const struct verb_call *call)
{
    struct resume r = { .vm = call->argv[0], .exit_status = EXIT_FAILED };
    struct toolstack_session session;
    struct failure failure = { 0 };
    int rc;

    if (toolstack_session_open(&session, call->toolstack, &failure) < 0) {
        fprintf(stderr, "xlmig: %s was not resumed: %s%s\n", r.vm, failure.text, text_stop(failure.text));
        return EXIT_REFUSED;
    }
    r.base = session.base;
    cap_record_recover(session.ts, call->toolstack, tell_of_cap, NULL);
    rc = resume_vm(session.ts, call->toolstack, &r);
    toolstack_session_close(&session);
    return rc;
}

const struct verb verb_resume = {
    .name = "resume",
    .arguments = "VM",
    .summary = "let a suspended VM go on where it is",
    .details = "For a VM that a save left suspended, or a migration by other means.  Never use it on a VM that may\n"
               "run on another host: both would write to the same disks.  A VM that xlmig was moving is refused:\n"
               "see xlmig recover.",
    .min_args = 1,
    .max_args = 1,
    .run = run_resume,
};
