/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/domain/preflight.h"

#include "xlmig/handover/journal.h"
#include "xlmig/base/text.h"
#include "xlmig/toolstack/device-check.h"
#include "xlmig/vm/screens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IGNORE_CPU "risk it with --ignore-cpu"

/* Whose it may be depends on what it is called and does. */
static void tell_what_to_do_with(const struct vm *vm, const struct candidate *want, const struct vm_host *host,
                                 struct check *check)
{
    if (vm_name_ends(vm, VM_NAME_INCOMING))
        check_remedy(check, "It is just arriving, or was left by a move that was interrupted. To see which, type there: "
                            "xlmig recover --dry-run");
    else if (vm_name_ends(vm, VM_NAME_AWAY) || vm->state == VM_SUSPENDED)
        check_remedy(check, "It is just leaving, or was left by a move that was interrupted. To see which, type there: "
                            "xlmig recover --dry-run");
    else if (memcmp(vm->uuid, want->uuid, sizeof vm->uuid) == 0)
        check_remedy(check, "Is %s the host that the VM is to leave? Then name another one. Is it a copy of that VM, or is "
                            "the VM to be restored from a file? Then what is on %s must go first", host->name, host->name);
    else
        check_remedy(check, "To give one of them another name: xl rename");
}

static void check_name_and_uuid(struct toolstack *ts, const struct vm_host *host,
                                const struct candidate *want, struct check_list *found)
{
    struct failure failure = { 0 };
    char incoming[VM_NAME_MAX + 16];
    bool name_is_free = true, uuid_is_free = true;
    struct vm *vms;
    size_t nr_vms;

    if (ts->ops->ask.list(ts, &vms, &nr_vms, &failure) < 0) {
        check_add(found, CHECK_REFUSED, "name", "%s: %s", host->name, failure.text);
        return;
    }
    snprintf(incoming, sizeof incoming, "%s" VM_NAME_INCOMING, want->name);
    for (size_t i = 0; i < nr_vms; i++) {
        const struct vm *vm = &vms[i];

        if (memcmp(vm->uuid, want->uuid, sizeof vm->uuid) == 0) {
            uuid_is_free = false;
            tell_what_to_do_with(vm, want, host,
                                 check_add(found, CHECK_REFUSED, "uuid", "a VM with the same UUID is on %s already, as %s "
                                           "(domid %u, %s)", host->name, vm->name, vm->domid, vm_state_name(vm->state)));
        } else if (strcmp(vm->name, want->name) == 0 || strcmp(vm->name, incoming) == 0) {
            name_is_free = false;
            tell_what_to_do_with(vm, want, host,
                                 check_add(found, CHECK_REFUSED, "name", "another VM named %s is on %s (domid %u, %s)",
                                           vm->name, host->name, vm->domid, vm_state_name(vm->state)));
        }
    }
    if (name_is_free)
        check_add(found, CHECK_OK, "name", "no other VM on %s has this name", host->name);
    if (uuid_is_free)
        check_add(found, CHECK_OK, "uuid", "no other VM on %s has this UUID", host->name);
    free(vms);
}

/* ", 1.0 GiB of it promised to 8 VMs that are on their way"; "": nothing is. */
static void tell_promised(const struct memory_room *room, char text[128])
{
    char bytes[32];

    text[0] = '\0';
    if (room->nr_promises)
        snprintf(text, 128, ", %s of it promised to %u VM%s that %s on %s way there",
                 format_bytes((double)room->promised_bytes, bytes, sizeof bytes), room->nr_promises,
                 room->nr_promises == 1 ? "" : "s", room->nr_promises == 1 ? "is" : "are",
                 room->nr_promises == 1 ? "its" : "their");
}

/* What stands there is what there was before this VM had a promise of its own. */
static void tell_room(const struct vm_host *host, const struct memory_room *room, uint64_t need, struct check_list *found)
{
    char need_text[32], free_text[32], promised[128];
    struct check *check;

    format_bytes((double)need, need_text, sizeof need_text);
    format_bytes((double)room->free_bytes, free_text, sizeof free_text);
    tell_promised(room, promised);
    if (memory_room_has(room, need)) {
        check_add(found, CHECK_OK, "memory", "the VM needs %s, and %s has %s free%s", need_text, host->name, free_text, promised);
        return;
    }
    check = check_add(found, CHECK_REFUSED, "memory", "the VM needs %s of memory, and %s has %s free%s", need_text, host->name,
                      free_text, promised);
    if (need <= room->free_bytes)
        check_remedy(check, "Try again when those have arrived, or gave up; or move or shrink (xl mem-set) VMs there first");
    else
        check_remedy(check, "Move or shrink (xl mem-set) VMs there first");
}

static void check_memory(const struct preflight *how, const struct vm_host *host, const struct candidate *want,
                         struct check_list *found)
{
    struct toolstack *ts = how->ts;
    struct failure failure = { 0 };
    struct memory_room room;
    uint64_t need;
    int rc = ts->ops->destination.memory_needed(ts, want->config_json, &need, &failure);

    if (rc == 0 && how->promise)
        rc = memory_promise_make(how->promise, ts, how->toolstack, want->uuid, need, &room, &failure);
    else if (rc == 0)
        rc = memory_room_look(ts, how->toolstack, &room, &failure);
    if (rc == 0)
        tell_room(host, &room, need, found);
    else
        check_add(found, CHECK_REFUSED, "memory", "%s: %s", host->name, failure.text);
}

/* It runs, more slowly; its vCPUs that wait for each other wait for one that does not run. */
static void check_cpus(const struct vm_host *host, const struct candidate *want, struct check_list *found)
{
    if (host->cpus && want->vcpus > host->cpus)
        check_remedy(check_add(found, CHECK_WARNING, "vcpus", "the VM has %u vCPUs, and %s has %u CPUs: the vCPUs will wait for each other",
                               want->vcpus, host->name, host->cpus),
                     "Take some from it (xl vcpu-set) before it moves");
    else if (host->cpus)
        check_add(found, CHECK_OK, "vcpus", "the VM has %u, and %s has %u CPUs", want->vcpus, host->name, host->cpus);
}

/* How to start the guest so that both hosts keep what they promise. */
static void tell_line(struct check *check, const struct cpu_difference *d)
{
    if (!d->line[0])
        check_remedy(check, "libxl has no word in cpuid= to take that away from a guest; " IGNORE_CPU);
    else if (d->wordless[0])
        check_remedy(check, "Started anew with %s in its configuration it is promised the rest no more, but libxl has no "
                     "word for %s; " IGNORE_CPU, d->line, d->wordless);
    else
        check_remedy(check, "Started anew with %s in its configuration it can move between both hosts; or " IGNORE_CPU,
                     d->line);
}

static void check_cpu(struct toolstack *ts, const struct vm_host *host, const struct candidate *want,
                      struct check_list *found)
{
    struct failure failure = { 0 };
    struct cpu_verdict verdict;
    const struct cpu_difference *d = &verdict.difference;

    if (want->cpu_policy.len == 0) {
        check_add(found, CHECK_UNKNOWN, "cpu", "%s was not told what the guest was promised", host->name);
        return;
    }
    if (ts->ops->destination.cpu_policy_fits(ts, want->type, &want->cpu_policy, &verdict, &failure) < 0)
        check_remedy(check_add(found, CHECK_REFUSED, "cpu", "%s: %s", host->name, failure.text),
                     "To go without this check: --ignore-cpu");
    else if (d->nr_missing)
        tell_line(check_add(found, CHECK_REFUSED, "cpu", "the guest was promised what the CPU of %s does not have: %s",
                            host->name, d->missing), d);
    else if (verdict.other[0])
        check_remedy(check_add(found, CHECK_REFUSED, "cpu", "the guest was promised what the CPU of %s does not have: %s",
                               host->name, verdict.other),
                     "Start it anew on %s, or " IGNORE_CPU, host->name);
    else if (d->nr_weaker)
        check_add(found, CHECK_WARNING, "cpu", "the CPU of %s has all that the guest was promised, but does not say of "
                  "itself: %s. The guest goes on without what it would do against that", host->name, d->weaker);
    else
        check_add(found, CHECK_OK, "cpu", "the CPU of %s has all that the guest was promised", host->name);
}

static void check_devices(struct toolstack *ts, const struct vm_host *host, const struct candidate *want,
                          struct check_list *found)
{
    struct device_checker checker = { .host = host->name, .root = "", .script_dir = "", .list = found };
    struct vm_screen screens[VM_SCREENS_MAX];
    struct failure failure = { 0 };
    unsigned first = found->nr, nr_screens;

    if (ts->ops->destination.devices_there(ts, want->config_json, want->disks, want->nr_disks, found, &failure) < 0)
        check_add(found, CHECK_REFUSED, "devices", "%s", failure.text);
    nr_screens = vm_screens(want->config_json, screens);
    for (unsigned i = 0; i < nr_screens; i++)
        device_check_screen(&checker, &screens[i]);
    for (unsigned i = first; want->ignore_devices && i < found->nr; i++)
        if (found->checks[i].result == CHECK_REFUSED)
            found->checks[i].result = CHECK_WARNING;
}

/* A copy of it that nobody has decided upon yet is not to be mixed up with this one. */
static void check_journals(const char *toolstack, const struct vm_host *host, const struct candidate *want,
                           struct check_list *found)
{
    struct failure failure = { 0 };
    struct journal_entry entry;
    char dir[PATH_MAX], id[JOURNAL_ID_SIZE];
    int rc;

    rc = journal_dir(toolstack, dir, &failure) < 0 ? -1 : journal_find_vm(dir, want->uuid, &entry, &failure);
    if (rc < 0) {
        check_add(found, CHECK_REFUSED, "journal", "%s: %s", host->name, failure.text);
    } else if (rc == 0 && !journal_may_end(entry.record.state)) {
        journal_id(&entry.record, id);
        check_remedy(check_add(found, CHECK_REFUSED, "journal", "%s has an unfinished migration of it, %s %s (%s)",
                               host->name, entry.record.side == JOURNAL_SEND ? "to" : "from", entry.record.peer,
                               journal_state_name(entry.record.state)),
                     "There, type: xlmig recover %s", id);
    }
}

/* Without them the VM can be taken as well; it only stands still for longer. */
static void offer_early_devices(struct toolstack *ts, const struct candidate *want,
                                struct candidate_answer *answer)
{
    struct failure failure = { 0 };

    if (want->early_devices && !check_refuses(&answer->found))
        ts->ops->early.split(ts, want->config_json, &answer->config_json, &failure);
}

void preflight_check(const struct preflight *how, const struct candidate *want, struct candidate_answer *answer)
{
    struct failure failure = { 0 };
    struct toolstack *ts = how->ts;
    struct vm_host host;

    *answer = (struct candidate_answer){ 0 };
    if (ts->ops->ask.host(ts, &host, &failure) < 0) {
        check_add(&answer->found, CHECK_REFUSED, "host", "%s", failure.text);
        return;
    }
    check_name_and_uuid(ts, &host, want, &answer->found);
    if (how->journals)
        check_journals(how->toolstack, &host, want, &answer->found);
    check_memory(how, &host, want, &answer->found);
    check_cpu(ts, &host, want, &answer->found);
    check_cpus(&host, want, &answer->found);
    check_devices(ts, &host, want, &answer->found);
    offer_early_devices(ts, want, answer);
    if (how->promise && check_refuses(&answer->found))
        memory_promise_end(how->promise);
}
