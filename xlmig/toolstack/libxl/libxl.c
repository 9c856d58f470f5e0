/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The libxl toolstack: open, close, questions about the host and its VMs, and the table. */
#include "xlmig/toolstack/libxl/libxl.h"

#include <ctype.h>
#include <libxlutil.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What dom0 keeps when xl makes room for a VM: libxl refuses to shrink it further. */
#define DOM0_MIN_KB (128u * 1024)
#define XL_CONF "/etc/xen/xl.conf"

int libxl_failed(struct libxl_toolstack *lx, int rc, const char *what, struct failure *failure)
{
    if (lx->log.first_error[0])
        return failure_set(failure, "%s: %s (libxl error %d)", what, lx->log.first_error, rc);
    return failure_set(failure, "%s (libxl error %d)", what, rc);
}

static enum vm_type type_of(libxl_domain_type type)
{
    switch (type) {
    case LIBXL_DOMAIN_TYPE_PV:
        return VM_TYPE_PV;
    case LIBXL_DOMAIN_TYPE_PVH:
        return VM_TYPE_PVH;
    default:
        return VM_TYPE_HVM;
    }
}

static enum vm_state state_of(const libxl_dominfo *info)
{
    if (info->dying)
        return VM_DYING;
    if (info->shutdown)
        switch (info->shutdown_reason) {
        case LIBXL_SHUTDOWN_REASON_SUSPEND:
            return VM_SUSPENDED;
        case LIBXL_SHUTDOWN_REASON_CRASH:
        case LIBXL_SHUTDOWN_REASON_WATCHDOG:
            return VM_CRASHED;
        default:
            return VM_SHUT_DOWN;
        }
    return info->paused ? VM_PAUSED : VM_RUNNING;
}

static void fill_vm(struct libxl_toolstack *lx, const libxl_dominfo *info, struct vm *vm)
{
    char *name = libxl_domid_to_name(lx->ctx, info->domid);

    *vm = (struct vm){
        .domid = info->domid,
        .type = type_of(info->domain_type),
        .state = state_of(info),
        .memory_bytes = info->current_memkb * 1024,
        .max_memory_bytes = info->max_memkb * 1024,
        .vcpus = info->vcpu_online,
        .cpu_ns = info->cpu_time,
    };
    snprintf(vm->name, sizeof vm->name, "%s", name ? name : "");
    memcpy(vm->uuid, libxl_uuid_bytearray_const(&info->uuid), sizeof vm->uuid);
    free(name);
}

static int list(struct toolstack *ts, struct vm **vms, size_t *nr_vms, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_dominfo *infos;
    int nr = 0;

    *vms = NULL;
    *nr_vms = 0;
    libxl_log_forget(&lx->log);
    infos = libxl_list_domain(lx->ctx, &nr);
    if (!infos)
        return libxl_failed(lx, ERROR_FAIL, "cannot list the VMs of this host", failure);
    *vms = calloc((size_t)nr + 1, sizeof **vms);
    for (int i = 0; *vms && i < nr; i++)
        if (infos[i].domid != 0)
            fill_vm(lx, &infos[i], &(*vms)[(*nr_vms)++]);
    libxl_dominfo_list_free(infos, nr);
    return *vms ? 0 : failure_set(failure, "out of memory");
}

static int find_domid(struct toolstack *ts, uint32_t domid, struct vm *vm, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_dominfo info;
    int rc;

    libxl_dominfo_init(&info);
    libxl_log_forget(&lx->log);
    rc = libxl_domain_info(lx->ctx, &info, domid);
    if (rc == 0)
        fill_vm(lx, &info, vm);
    libxl_dominfo_dispose(&info);
    if (rc == ERROR_DOMAIN_NOTFOUND)
        return 1;
    return rc == 0 ? 0 : libxl_failed(lx, rc, "cannot ask for the state of a VM", failure);
}

static int find(struct toolstack *ts, const char *name_or_domid, struct vm *vm, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    uint32_t domid;
    char *end;

    if (libxl_name_to_domid(lx->ctx, name_or_domid, &domid) == 0)
        return find_domid(ts, domid, vm, failure);
    if (!isdigit((unsigned char)name_or_domid[0]) || strlen(name_or_domid) > 5)
        return 1;
    domid = (uint32_t)strtoul(name_or_domid, &end, 10);
    return *end ? 1 : find_domid(ts, domid, vm, failure);
}

/* Would xl shrink dom0 to make room?  As xl.conf says, and where it says "auto": unless Xen was told dom0's size. */
static bool dom0_gives_memory(const libxl_version_info *version)
{
    XLU_Config *config = xlu_cfg_init(stderr, XL_CONF);
    const char *value = NULL;
    bool automatic = true, gives = false;

    if (config && access(XL_CONF, R_OK) == 0 && xlu_cfg_readfile(config, XL_CONF) == 0 &&
        xlu_cfg_get_string(config, "autoballoon", &value, 1) == 0) {
        gives = strcmp(value, "on") == 0 || strcmp(value, "1") == 0;
        automatic = !gives && strcmp(value, "off") != 0 && strcmp(value, "0") != 0;
    }
    if (automatic)
        gives = !version || !version->commandline || !strstr(version->commandline, "dom0_mem=");
    if (config)
        xlu_cfg_destroy(config);
    return gives;
}

static uint64_t free_memory_kb(struct libxl_toolstack *lx, const libxl_version_info *version)
{
    uint64_t free_kb = 0, dom0_kb = 0;

    if (libxl_get_free_memory(lx->ctx, &free_kb) != 0)
        free_kb = 0;
    if (dom0_gives_memory(version) && libxl_get_memory_target(lx->ctx, 0, &dom0_kb) == 0 && dom0_kb > DOM0_MIN_KB)
        free_kb += dom0_kb - DOM0_MIN_KB;
    return free_kb;
}

static int host(struct toolstack *ts, struct vm_host *out, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    const libxl_version_info *version = libxl_get_version_info(lx->ctx);
    libxl_physinfo physinfo;
    int rc;

    *out = (struct vm_host){ 0 };
    libxl_log_forget(&lx->log);
    libxl_physinfo_init(&physinfo);
    rc = libxl_get_physinfo(lx->ctx, &physinfo);
    if (rc == 0 && version) {
        gethostname(out->name, sizeof out->name - 1);
        snprintf(out->hypervisor, sizeof out->hypervisor, "Xen %d.%d%s", version->xen_version_major,
                 version->xen_version_minor, version->xen_version_extra);
        snprintf(out->toolstack, sizeof out->toolstack, "libxl, built against %s", XENLIGHT_VERSION);
        out->free_bytes = free_memory_kb(lx, version) * 1024;
        out->log_dirty_pv = physinfo.cap_shadow;
        out->log_dirty_hvm = physinfo.cap_hap || physinfo.cap_shadow;
    }
    libxl_physinfo_dispose(&physinfo);
    return rc == 0 && version ? 0 : libxl_failed(lx, rc, "cannot ask Xen about this host", failure);
}

static int rename_vm(struct toolstack *ts, uint32_t domid, const char *from, const char *to, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    int rc;

    libxl_log_forget(&lx->log);
    rc = libxl_domain_rename(lx->ctx, domid, from, to);
    return rc == 0 ? 0 : libxl_failed(lx, rc, "cannot rename the VM", failure);
}

static int sched_get(struct toolstack *ts, uint32_t domid, struct toolstack_sched *sched, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_domain_sched_params params;
    int rc;

    libxl_domain_sched_params_init(&params);
    libxl_log_forget(&lx->log);
    rc = libxl_domain_sched_params_get(lx->ctx, domid, &params);
    sched->weight = params.weight;
    sched->cap = params.cap;
    libxl_domain_sched_params_dispose(&params);
    return rc == 0 ? 0 : libxl_failed(lx, rc, "cannot ask for the VM's share of the CPU", failure);
}

static int sched_set(struct toolstack *ts, uint32_t domid, struct toolstack_sched sched, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_domain_sched_params params;
    int rc;

    libxl_domain_sched_params_init(&params);
    libxl_log_forget(&lx->log);
    params.weight = sched.weight;
    params.cap = sched.cap;
    rc = libxl_domain_sched_params_set(lx->ctx, domid, &params);
    libxl_domain_sched_params_dispose(&params);
    return rc == 0 ? 0 : libxl_failed(lx, rc, "cannot set the VM's share of the CPU", failure);
}

static void close_libxl(struct toolstack *ts)
{
    struct libxl_toolstack *lx = to_libxl(ts);

    if (!ts)
        return;
    libxl_loop_detach(lx);
    libxl_ctx_free(lx->ctx);
    free(lx);
}

int libxl_helper_check(struct failure *failure)
{
    const char *helper = getenv("LIBXL_SAVE_HELPER");

    if (helper && access(helper, X_OK) == 0)
        return 0;
    return failure_set(failure, "the save helper %s cannot be run; is xlmig installed as a whole?",
                       helper ? helper : "");
}

static const struct toolstack_ops ops = {
    .name = "libxl",
    .close = close_libxl,
    .ask = {
        .host = host,
        .list = list,
        .find = find,
        .find_domid = find_domid,
        .config = libxl_op_config,
    },
    .source = {
        .obstacles = libxl_op_obstacles,
        .cpu_policy = libxl_op_cpu_policy,
        .disk_sizes = libxl_op_disk_sizes,
    },
    .destination = {
        .cpu_policy_fits = libxl_op_cpu_policy_fits,
        .memory_needed = libxl_op_memory_needed,
        .devices_there = libxl_op_devices_there,
    },
    .early = {
        .split = libxl_op_early_devices,
        .attach = libxl_op_attach_early,
        .record = libxl_op_record_early,
        .discard = libxl_op_discard_early,
    },
    .suspend = {
        .begin = libxl_op_suspend,
        .abort = libxl_op_suspend_abort,
        .tell = libxl_op_suspend_tell,
        .withdraw = libxl_op_suspend_withdraw,
        .tracking_end = libxl_op_tracking_end,
    },
    .domain = {
        .rename = rename_vm,
        .resume = libxl_op_resume,
        .pause = libxl_op_pause,
        .unpause = libxl_op_unpause,
        .destroy = libxl_op_destroy,
    },
    .sched = {
        .get = sched_get,
        .set = sched_set,
    },
    .child = {
        .receive = libxl_op_receive,
        .restore = libxl_op_restore,
    },
};

struct toolstack *toolstack_open_libxl(struct event_base *base, struct failure *failure)
{
    struct libxl_toolstack *lx = calloc(1, sizeof *lx);
    int rc;

    if (!lx) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    lx->ts.ops = &ops;
    lx->base = base;
    libxl_log_init(&lx->log, getenv("XLMIG_VERBOSE") != NULL);
    rc = libxl_ctx_alloc(&lx->ctx, LIBXL_VERSION, 0, &lx->log.logger);
    if (rc != 0) {
        failure_set(failure,
                    "this is not a Xen dom0%s: %s (libxl error %d). "
                    "Without Xen, try ./quickstart or --toolstack sim:DIR",
                    geteuid() ? ", or it takes root" : "",
                    lx->log.first_error[0] ? lx->log.first_error : "libxl cannot be opened", rc);
        free(lx);
        return NULL;
    }
    if (libxl_loop_attach(lx, failure) < 0) {
        close_libxl(&lx->ts);
        return NULL;
    }
    /* libxl's save helper is ours, wherever one is needed, unless the user chose another. */
    setenv("LIBXL_SAVE_HELPER", LIBEXECDIR "/xlmig-save-helper", 0);
    return &lx->ts;
}
