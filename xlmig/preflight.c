/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xlmig/preflight.h"

#include "xlmig/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct control_answer *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void refuse(struct control_answer *answer, const char *format, ...)
{
    va_list args;

    if (answer->nr_refusals == CONTROL_REFUSALS_MAX)
        return;
    va_start(args, format);
    vsnprintf(answer->refusals[answer->nr_refusals++], CONTROL_TEXT_MAX, format, args);
    va_end(args);
}

static void check_name_and_uuid(struct toolstack *ts, const struct toolstack_host *host,
                                const struct control_preflight *want, struct control_answer *answer)
{
    struct failure failure = { 0 };
    char incoming[VM_NAME_MAX + 16];
    struct toolstack_vm *vms;
    size_t nr_vms;

    if (ts->ops->list(ts, &vms, &nr_vms, &failure) < 0) {
        refuse(answer, "%s: %s", host->name, failure.text);
        return;
    }
    snprintf(incoming, sizeof incoming, "%s--incoming", want->name);
    for (size_t i = 0; i < nr_vms; i++) {
        const struct toolstack_vm *vm = &vms[i];

        if (memcmp(vm->uuid, want->uuid, sizeof vm->uuid) == 0)
            refuse(answer, "a VM with the same UUID is on %s already, as %s (domid %u, %s); if that is the "
                   "copy of an unfinished migration: xl destroy %u there", host->name, vm->name, vm->domid,
                   vm_state_name(vm->state), vm->domid);
        else if (strcmp(vm->name, want->name) == 0 || strcmp(vm->name, incoming) == 0)
            refuse(answer, "another VM named %s is on %s (domid %u, %s); rename one of them: xl rename", vm->name,
                   host->name, vm->domid, vm_state_name(vm->state));
    }
    free(vms);
}

static void check_memory(struct toolstack *ts, const struct toolstack_host *host, const struct control_preflight *want,
                         struct control_answer *answer)
{
    struct failure failure = { 0 };
    char need_text[32], free_text[32];
    uint64_t need;

    if (ts->ops->memory_needed(ts, want->config_json, &need, &failure) < 0)
        refuse(answer, "%s: %s", host->name, failure.text);
    else if (need > host->free_bytes)
        refuse(answer, "it needs %s of memory, and %s has %s free",
               format_bytes((double)need, need_text, sizeof need_text), host->name,
               format_bytes((double)host->free_bytes, free_text, sizeof free_text));
}

static void check_cpu(struct toolstack *ts, const struct toolstack_host *host, const struct control_preflight *want,
                      struct control_answer *answer)
{
    struct failure failure = { 0 };
    char why[512];
    int rc;

    if (want->cpu_policy.len == 0)
        return;
    rc = ts->ops->cpu_policy_fits(ts, want->type, &want->cpu_policy, why, &failure);
    if (rc < 0)
        refuse(answer, "%s: %s", host->name, failure.text);
    else if (rc == 1)
        refuse(answer, "the guest was promised what the CPU of %s does not have: %s. Take it away from the guest with "
               "cpuid= in its configuration and start it anew, or risk it with --ignore-cpu", host->name, why);
}

/* Without them the VM can be taken as well; it only stands still for longer. */
static void offer_early_devices(struct toolstack *ts, const struct control_preflight *want,
                                struct control_answer *answer)
{
    struct failure failure = { 0 };

    if (want->early_devices && answer->nr_refusals == 0)
        ts->ops->early_devices(ts, want->config_json, &answer->config_json, &failure);
}

void preflight_check(struct toolstack *ts, const struct control_preflight *want, struct control_answer *answer)
{
    struct failure failure = { 0 };
    struct toolstack_host host;

    *answer = (struct control_answer){ 0 };
    if (ts->ops->host(ts, &host, &failure) < 0) {
        refuse(answer, "%s", failure.text);
        return;
    }
    check_name_and_uuid(ts, &host, want, answer);
    check_memory(ts, &host, want, answer);
    check_cpu(ts, &host, want, answer);
    offer_early_devices(ts, want, answer);
}
