/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The toolstack of a simulated host: all that its socket answers, and the table. */
#include "config.h"

#include "xlmig/toolstack/sim/sim.h"

#include "libxcsave/other-saver.h"
#include "libxcsave/sim/client.h"
#include "libxcsave/sim/guest.h"
#include "xlmig/toolstack/device-check.h"
#include "xlmig/base/loop.h"
#include "xlmig/simhost/guest-config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIM_DISK "xvda"                 /* a simulated guest has one, or none */

static int call_failed(const struct sim_toolstack *sim, const char *what, struct failure *failure)
{
    return failure_set(failure, "%s: simulated host %s: %s", what, sim->directory, strerror(errno));
}

/* ---- questions ---- */

/* The first line of a file of the host's that tests write; false: there is none. */
static bool read_fact(const struct sim_toolstack *sim, const char *name, char *text, size_t size)
{
    char path[4096];
    FILE *file;
    bool found;

    snprintf(path, sizeof path, "%s/%s", sim->directory, name);
    file = fopen(path, "re");
    found = file && fgets(text, (int)size, file);
    if (found)
        text[strcspn(text, "\n")] = '\0';
    if (file)
        fclose(file);
    return found;
}

static int host(struct toolstack *ts, struct vm_host *out, struct failure *failure)
{
    struct sim_toolstack *sim = to_sim(ts);
    struct sim_host_info info;
    char cpus[16];
    struct sim_call call = { .op = SIM_HOST, .out = &info, .out_room = sizeof info };

    *out = (struct vm_host){ .log_dirty_pv = true, .log_dirty_hvm = true };
    if (sim_call(sim->host_fd, &call))
        return call_failed(sim, "cannot ask about the host", failure);
    const char *slash = strrchr(sim->directory, '/');
    snprintf(out->name, sizeof out->name, "%.200s", slash && slash[1] ? slash + 1 : sim->directory);
    if (!read_fact(sim, "hypervisor", out->hypervisor, sizeof out->hypervisor))
        strcpy(out->hypervisor, "simulated");
    strcpy(out->toolstack, "simulated");
    out->free_bytes = info.free_bytes;
    if (read_fact(sim, "cpus", cpus, sizeof cpus))
        out->cpus = (unsigned)strtoul(cpus, NULL, 10);
    return 0;
}

static void fill_vm(const struct sim_domain_info *info, struct vm *vm)
{
    static const enum vm_state states[] = {
        [SIM_RUNNING] = VM_RUNNING, [SIM_PAUSED] = VM_PAUSED, [SIM_SUSPENDED] = VM_SUSPENDED,
    };

    *vm = (struct vm){
        .domid = info->domid,
        .type = info->has_emulator ? VM_TYPE_HVM : VM_TYPE_PVH,
        .state = info->state <= SIM_SUSPENDED ? states[info->state] : VM_CRASHED,
        .memory_bytes = info->present_pages * PATTERN_PAGE_SIZE,
        .max_memory_bytes = info->max_pfns * PATTERN_PAGE_SIZE,
        .vcpus = info->nr_vcpus,
        .paused = info->paused,
        .cpu_ns = info->cpu_ns,
    };
    memcpy(vm->name, info->name, sizeof vm->name);
    vm->name[VM_NAME_MAX] = '\0';
    memcpy(vm->uuid, info->uuid, sizeof vm->uuid);
}

/* The first VM from `domid` on.  1: none. */
static int next_vm(struct sim_toolstack *sim, uint32_t domid, struct vm *vm, struct failure *failure)
{
    struct sim_domain_info info;
    struct sim_call call = { .op = SIM_LIST, .arg = { domid }, .out = &info, .out_room = sizeof info };

    if (sim_call(sim->host_fd, &call))
        return errno == ENOENT ? 1 : call_failed(sim, "cannot list the VMs of this host", failure);
    if (call.out_bytes != sizeof info)
        return failure_set(failure, "simulated host %s: an answer that makes no sense", sim->directory);
    fill_vm(&info, vm);
    return 0;
}

static int list(struct toolstack *ts, struct vm **vms, size_t *nr_vms, struct failure *failure)
{
    struct vm vm = { 0 }, *all = NULL;
    size_t n = 0;
    int rc;

    *vms = NULL;
    *nr_vms = 0;
    while ((rc = next_vm(to_sim(ts), n ? vm.domid + 1 : 0, &vm, failure)) == 0) {
        struct vm *more = realloc(all, (n + 1) * sizeof *all);
        if (!more) {
            rc = failure_set(failure, "out of memory");
            break;
        }
        all = more;
        all[n++] = vm;
    }
    if (rc < 0) {
        free(all);
        return -1;
    }
    *vms = all;
    *nr_vms = n;
    return 0;
}

static int find_domid(struct toolstack *ts, uint32_t domid, struct vm *vm, struct failure *failure)
{
    struct sim_toolstack *sim = to_sim(ts);
    struct sim_domain_info info;
    struct sim_call call = { .op = SIM_QUERY, .domid = domid, .out = &info, .out_room = sizeof info };

    if (sim_call(sim->host_fd, &call))
        return errno == ESRCH ? 1 : call_failed(sim, "cannot ask for the state of a VM", failure);
    fill_vm(&info, vm);
    return 0;
}

/* 1: none has that name. */
static int find_name(struct toolstack *ts, const char *name, struct vm *vm, struct failure *failure)
{
    int rc;

    vm->domid = 0;
    while ((rc = next_vm(to_sim(ts), vm->domid, vm, failure)) == 0 && strcmp(vm->name, name) != 0)
        vm->domid++;
    return rc;
}

static int find(struct toolstack *ts, const char *name_or_domid, struct vm *vm, struct failure *failure)
{
    struct vm named = { 0 }, numbered = { 0 };
    int has_name = find_name(ts, name_or_domid, &named, failure), has_number = 1;
    uint32_t domid;

    if (has_name >= 0 && vm_number(name_or_domid, &domid))
        has_number = find_domid(ts, domid, &numbered, failure);
    if (has_name < 0 || has_number < 0)
        return -1;
    return vm_choose(name_or_domid, has_name == 0 ? &named : NULL, has_number == 0 ? &numbered : NULL, vm, failure);
}

static int obstacles(struct toolstack *ts, const struct vm *vm, const char *config_json,
                     struct toolstack_obstacles *out, struct failure *failure)
{
    (void)ts;
    (void)vm;
    (void)config_json;
    (void)failure;
    *out = (struct toolstack_obstacles){ 0 };
    return 0;
}

/* One leaf with all features but those that a file takes away. */
static void cpu_of(const struct sim_toolstack *sim, struct cpu_leaf *leaf)
{
    char text[32] = "";

    read_fact(sim, "cpu-lacks", text, sizeof text);
    *leaf = (struct cpu_leaf){ .leaf = 7, .b = ~(uint32_t)strtoul(text, NULL, 0) };
}

static int cpu_policy(struct toolstack *ts, uint32_t domid, struct cpu_policy *policy, struct failure *failure)
{
    struct cpu_leaf leaf;
    const struct cpu_facts facts = { .nr_leaves = 1, .leaves = &leaf };

    (void)domid;
    cpu_of(to_sim(ts), &leaf);
    policy->bytes = cpu_facts_encode(&facts, &policy->len);
    return policy->bytes ? 0 : failure_set(failure, "out of memory");
}

/* A toolstack that has a word for each but one. */
static bool knows_word(const char *word)
{
    return strcmp(word, "pcommit") != 0;
}

static int cpu_policy_fits(struct toolstack *ts, enum vm_type type, const struct cpu_policy *policy,
                           struct cpu_verdict *verdict, struct failure *failure)
{
    struct cpu_leaf leaf;
    const struct cpu_facts own = { .nr_leaves = 1, .leaves = &leaf };
    struct cpu_facts facts;

    (void)type;
    *verdict = (struct cpu_verdict){ 0 };
    if (cpu_facts_decode(policy->bytes, policy->len, &facts) < 0)
        return failure_set(failure, "the CPU policy that came makes no sense");
    cpu_of(to_sim(ts), &leaf);
    cpu_features_compare(&facts, &own, knows_word, &verdict->difference);
    cpu_facts_dispose(&facts);
    return 0;
}

static int memory_needed(struct toolstack *ts, const char *config_json, uint64_t *bytes, struct failure *failure)
{
    struct simguest_config config;
    char why[128];

    (void)ts;
    if (simhost_config_read(config_json, strlen(config_json), &config, why))
        return failure_set(failure, "cannot tell how much memory the VM needs: %s", why);
    *bytes = config.boot_pfns * PATTERN_PAGE_SIZE;
    return 0;
}

static int describe(struct toolstack *ts, const char *config_json, struct vm *vm, struct failure *failure)
{
    struct simguest_config config;
    char why[128];

    (void)ts;
    *vm = (struct vm){ 0 };
    if (simhost_config_read(config_json, strlen(config_json), &config, why))
        return failure_set(failure, "cannot read the VM's configuration: %s", why);
    snprintf(vm->name, sizeof vm->name, "%s", config.name);
    memcpy(vm->uuid, config.uuid, sizeof vm->uuid);
    vm->type = config.has_emulator ? VM_TYPE_HVM : VM_TYPE_PVH;
    vm->memory_bytes = config.boot_pfns * PATTERN_PAGE_SIZE;
    vm->max_memory_bytes = config.max_pfns * PATTERN_PAGE_SIZE;
    vm->vcpus = config.nr_vcpus;
    return 0;
}

/* ---- its devices ---- */

static int read_devices(const char *config_json, struct simguest_config *config, struct failure *failure)
{
    char why[128];

    if (simhost_config_read(config_json, strlen(config_json), config, why))
        return failure_set(failure, "cannot read the VM's configuration: %s", why);
    return 0;
}

static int disk_sizes(struct toolstack *ts, const char *config_json, struct vm_disk *disks, unsigned *nr_disks,
                      struct failure *failure)
{
    struct simguest_config config;

    *nr_disks = 0;
    if (read_devices(config_json, &config, failure) < 0)
        return -1;
    const struct disk_facts disk = { .path = config.disk };
    if (device_disk_size(to_sim(ts)->directory, &disk, &disks[0].bytes) == 0) {
        strcpy(disks[0].name, SIM_DISK);
        *nr_disks = 1;
    }
    return 0;
}

static void start_files(struct toolstack *ts, const char *vm_name, struct start_files *files)
{
    start_files_find(to_sim(ts)->directory, vm_name, files);
}

static int devices_there(struct toolstack *ts, const char *config_json, const struct vm_disk *disks,
                         unsigned nr_disks, struct check_list *found, struct failure *failure)
{
    struct simguest_config config;
    struct vm_host own;

    if (read_devices(config_json, &config, failure) < 0 || host(ts, &own, failure) < 0)
        return -1;
    struct device_checker checker = {
        .host = own.name, .root = to_sim(ts)->directory, .script_dir = "/etc/xen/scripts", .list = found,
    };
    const struct nic_facts nic = { .bridge = config.bridge };
    struct disk_facts disk = { .name = SIM_DISK, .path = config.disk, .writable = true };
    if (nr_disks == 1 && strcmp(disks[0].name, SIM_DISK) == 0) {
        disk.has_size = true;
        disk.bytes = disks[0].bytes;
    }
    if (config.disk[0])
        device_check_disk(&checker, &disk);
    if (config.bridge[0])
        device_check_nic(&checker, &nic);
    device_check_boot_file(&checker, "kernel", config.kernel);
    return 0;
}

static int early_devices(struct toolstack *ts, const char *config_json, char **rest_json, struct failure *failure)
{
    struct simguest_config config;

    (void)ts;
    if (read_devices(config_json, &config, failure) < 0)
        return -1;
    if (config.devices_ms == 0)
        return 1;
    config.devices_ms = 0;
    *rest_json = simhost_config_write(&config);
    return *rest_json ? 0 : failure_set(failure, "out of memory");
}

static int record_early(struct toolstack *ts, uint32_t domid, const char *config_json, struct failure *failure)
{
    struct sim_toolstack *sim = to_sim(ts);
    struct simguest_config config;

    if (read_devices(config_json, &config, failure) < 0)
        return -1;
    struct sim_call call = { .op = SIM_DEVICES, .domid = domid, .arg = { config.devices_ms } };
    return sim_call(sim->host_fd, &call) ? call_failed(sim, "cannot store the VM's configuration", failure) : 0;
}

/* A simulated VM's devices are its own and go with it. */
static void discard_early(struct toolstack *ts, uint32_t domid, const char *config_json)
{
    (void)ts;
    (void)domid;
    (void)config_json;
}

/* As libxl: only what has the name that the caller knows of. */
static int check_name(struct sim_toolstack *sim, uint32_t domid, const char *name, struct failure *failure)
{
    struct sim_domain_info info;
    struct sim_call call = { .op = SIM_QUERY, .domid = domid, .out = &info, .out_room = sizeof info };

    if (sim_call(sim->host_fd, &call))
        return call_failed(sim, "cannot ask for the name of a VM", failure);
    return strcmp(info.name, name) == 0 ? 0 : failure_set(failure, "its name is not %s but %s", name, info.name);
}

static int rename_vm(struct toolstack *ts, uint32_t domid, const char *from, const char *to, struct failure *failure)
{
    struct sim_toolstack *sim = to_sim(ts);
    struct sim_call call = { .op = SIM_RENAME, .domid = domid, .in = to, .in_bytes = strlen(to) };

    if (check_name(sim, domid, from, failure) < 0)
        return -1;
    return sim_call(sim->host_fd, &call) ? call_failed(sim, "cannot rename the VM", failure) : 0;
}

/* Its domids are not this machine's: a process that names one may speak of another simulated host's. */
static int has_saver(struct toolstack *ts, uint32_t domid)
{
    struct sim_toolstack *sim = to_sim(ts);
    char member[PATH_MAX + sizeof XCSAVE_SIM_HOST_ENV + 1];
    struct other_saver other;

    snprintf(member, sizeof member, "%s=%s", XCSAVE_SIM_HOST_ENV, sim->directory);
    return other_saver_find_with("/proc", domid, member, &other);
}

static void tracking_end(struct toolstack *ts, uint32_t domid)
{
    struct sim_toolstack *sim = to_sim(ts);

    (void)sim_simple_call(sim->host_fd, SIM_LOGDIRTY, domid, SIM_LOGDIRTY_DISABLE);
    (void)sim_simple_call(sim->host_fd, SIM_EMULATOR_LOGDIRTY, domid, 0);
}

static int suspend_withdraw(struct toolstack *ts, uint32_t domid, struct failure *failure)
{
    struct sim_toolstack *sim = to_sim(ts);

    if (sim_simple_call(sim->host_fd, SIM_WITHDRAW_SUSPEND, domid, 0) && errno != EBUSY)
        return call_failed(sim, "cannot withdraw the request to suspend", failure);
    return 0;
}

static int domain_info(struct toolstack *ts, uint32_t domid, struct sim_domain_info *info)
{
    struct sim_call call = { .op = SIM_QUERY, .domid = domid, .out = info, .out_room = sizeof *info };

    return sim_call(to_sim(ts)->host_fd, &call) ? -1 : 0;
}

static int needs_guest(struct toolstack *ts, const struct vm *vm)
{
    struct sim_domain_info info;

    return domain_info(ts, vm->domid, &info) < 0 ? -1 : !info.no_drivers;
}

/* A simulated guest does not forget. */
static int remind(struct toolstack *ts, uint32_t domid)
{
    struct sim_domain_info info;

    return domain_info(ts, domid, &info) < 0 ? -1 : info.suspend_asked;
}

static int sched_get(struct toolstack *ts, uint32_t domid, struct toolstack_sched *sched, struct failure *failure)
{
    struct sim_toolstack *sim = to_sim(ts);
    struct sim_call call = { .op = SIM_SCHED, .domid = domid };

    if (sim_call(sim->host_fd, &call))
        return call_failed(sim, "cannot ask for the VM's share of the CPU", failure);
    *sched = (struct toolstack_sched){ .weight = -1, .cap = (int)call.value[0] };
    return 0;
}

static int sched_set(struct toolstack *ts, uint32_t domid, struct toolstack_sched sched, struct failure *failure)
{
    struct sim_toolstack *sim = to_sim(ts);
    struct sim_call call = { .op = SIM_SCHED, .domid = domid, .arg = { 1, (uint64_t)sched.cap } };

    return sim_call(sim->host_fd, &call) ? call_failed(sim, "cannot set the VM's share of the CPU", failure) : 0;
}

/* ---- operations ---- */

/* The result of something that is done already, to be told from the loop. */
struct deferred {
    struct failure failure;
    char *json;
    toolstack_done *done;
    toolstack_config_done *config_done;
    void *user;
};

static void tell(evutil_socket_t fd, short what, void *user)
{
    struct deferred *d = user;
    const struct failure *failure = d->failure.text[0] ? &d->failure : NULL;

    (void)fd;
    (void)what;
    if (d->config_done)
        d->config_done(d->user, d->json, failure);
    else
        d->done(d->user, failure);
    free(d->json);
    free(d);
}

static struct deferred *defer_for(struct sim_toolstack *sim, uint64_t us, void *user)
{
    const struct timeval in = us_to_timeval(us);
    struct deferred *d = calloc(1, sizeof *d);

    if (!d || event_base_once(sim->base, -1, EV_TIMEOUT, tell, d, &in) < 0)
        abort(); /* out of memory for a few bytes; nothing can be told to anyone any more */
    d->user = user;
    return d;
}

static struct deferred *defer(struct sim_toolstack *sim, void *user)
{
    return defer_for(sim, 0, user);
}

static void simple(struct toolstack *ts, enum sim_op op, uint32_t domid, const char *what, toolstack_done *done,
                   void *user)
{
    struct sim_toolstack *sim = to_sim(ts);
    struct deferred *d = defer(sim, user);

    d->done = done;
    if (sim_simple_call(sim->host_fd, op, domid, 0))
        call_failed(sim, what, &d->failure);
}

static void resume(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    simple(ts, SIM_RESUME, domid, "cannot resume the VM", done, user);
}

static void pause_vm(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    simple(ts, SIM_PAUSE, domid, "cannot pause the VM", done, user);
}

static void unpause(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    simple(ts, SIM_UNPAUSE, domid, "cannot unpause the VM", done, user);
}

static void destroy(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    simple(ts, SIM_DESTROY, domid, "cannot destroy the VM", done, user);
}

static void attach_early(struct toolstack *ts, uint32_t domid, const char *config_json, toolstack_done *done, void *user)
{
    struct failure failure = { 0 };
    struct simguest_config config;
    struct deferred *d;

    (void)domid;
    read_devices(config_json, &config, &failure);
    if (!failure.text[0] && config.devices_broken)
        failure_set(&failure, "cannot set up the VM's devices");
    d = defer_for(to_sim(ts), failure.text[0] ? 0 : config.devices_ms * UINT64_C(1000), user);
    d->done = done;
    d->failure = failure;
}

/* What tests add to the configurations of the host's guests, to have devices that no simulated guest has: libxl's JSON. */
static char *with_more(const struct sim_toolstack *sim, char *json)
{
    char more[4096], *both = NULL;

    if (json && read_fact(sim, "guests-have", more, sizeof more))
        both = simhost_config_merge(json, more);
    if (!both)
        return json;
    free(json);
    return both;
}

static void config(struct toolstack *ts, uint32_t domid, toolstack_config_done *done, void *user)
{
    struct sim_toolstack *sim = to_sim(ts);
    struct deferred *d = defer(sim, user);
    struct sim_call call = { .op = SIM_CONFIG, .domid = domid, .out_room = SIMHOST_CONFIG_MAX };

    d->config_done = done;
    d->json = calloc(1, SIMHOST_CONFIG_MAX + 1);
    call.out = d->json;
    if (d->json && sim_call(sim->host_fd, &call) == 0) {
        d->json = with_more(sim, d->json);
        return;
    }
    call_failed(sim, "cannot read the VM's configuration", &d->failure);
    free(d->json);
    d->json = NULL;
}

static void close_sim(struct toolstack *ts)
{
    struct sim_toolstack *sim = to_sim(ts);

    if (!sim)
        return;
    close(sim->host_fd);
    free(sim);
}

static const struct toolstack_ops ops = {
    .name = "sim",
    .close = close_sim,
    .ask = {
        .host = host,
        .list = list,
        .find = find,
        .find_domid = find_domid,
        .config = config,
    },
    .source = {
        .obstacles = obstacles,
        .cpu_policy = cpu_policy,
        .disk_sizes = disk_sizes,
        .start_files = start_files,
    },
    .destination = {
        .cpu_policy_fits = cpu_policy_fits,
        .memory_needed = memory_needed,
        .describe = describe,
        .devices_there = devices_there,
    },
    .early = {
        .split = early_devices,
        .attach = attach_early,
        .record = record_early,
        .discard = discard_early,
    },
    .suspend = {
        .begin = sim_op_suspend,
        .abort = sim_op_suspend_abort,
        .tell = sim_op_suspend_tell,
        .withdraw = suspend_withdraw,
        .needs_guest = needs_guest,
        .remind = remind,
        .has_saver = has_saver,
        .tracking_end = tracking_end,
    },
    .domain = {
        .rename = rename_vm,
        .resume = resume,
        .pause = pause_vm,
        .unpause = unpause,
        .destroy = destroy,
    },
    .sched = {
        .get = sched_get,
        .set = sched_set,
    },
    .child = {
        .receive = sim_op_receive,
        .restore = sim_op_restore,
    },
};

struct toolstack *toolstack_open_sim(const char *directory, struct event_base *base, struct failure *failure)
{
    struct sim_toolstack *sim = calloc(1, sizeof *sim + strlen(directory) + 1);

    if (!sim) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    sim->ts.ops = &ops;
    sim->base = base;
    strcpy(sim->directory, directory);
    sim->host_fd = sim_connect(directory);
    if (sim->host_fd < 0) {
        failure_set(failure, "there is no simulated host in %s: %s. Start one: xlmig-simhost start %s", directory,
                    strerror(errno), directory);
        free(sim);
        return NULL;
    }
    return &sim->ts;
}
