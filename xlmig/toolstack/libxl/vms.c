/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The VMs of this host: which they are, and what of them changes at once: name, share of the CPU. */
#include "xlmig/toolstack/libxl/libxl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

/* Xen, and libxl_domain_info() with it, takes a PVH guest for an HVM one; libxl writes down what it made. */
static bool is_pvh(uint32_t domid)
{
    struct xs_handle *xs = xs_open(0);
    char path[64], *type = NULL;
    unsigned len;
    bool pvh;

    snprintf(path, sizeof path, "/libxl/%u/type", domid);
    if (xs)
        type = xs_read(xs, XBT_NULL, path, &len);
    pvh = type && strcmp(type, "pvh") == 0;
    free(type);
    if (xs)
        xs_close(xs);
    return pvh;
}

static enum vm_type type_of(uint32_t domid, libxl_domain_type type)
{
    switch (type) {
    case LIBXL_DOMAIN_TYPE_PV:
        return VM_TYPE_PV;
    case LIBXL_DOMAIN_TYPE_PVH:
        return VM_TYPE_PVH;
    default:
        return is_pvh(domid) ? VM_TYPE_PVH : VM_TYPE_HVM;
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
        .type = type_of(info->domid, info->domain_type),
        .state = state_of(info),
        .paused = info->paused,
        .memory_bytes = info->current_memkb * 1024,
        .max_memory_bytes = info->max_memkb * 1024,
        .vcpus = info->vcpu_online,
        .cpu_ns = info->cpu_time,
    };
    snprintf(vm->name, sizeof vm->name, "%s", name ? name : "");
    memcpy(vm->uuid, libxl_uuid_bytearray_const(&info->uuid), sizeof vm->uuid);
    free(name);
}

int libxl_op_list(struct toolstack *ts, struct vm **vms, size_t *nr_vms, struct failure *failure)
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

int libxl_op_find_domid(struct toolstack *ts, uint32_t domid, struct vm *vm, struct failure *failure)
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

int libxl_op_find(struct toolstack *ts, const char *name_or_domid, struct vm *vm, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    struct vm named = { 0 }, numbered = { 0 };
    int has_name = 1, has_number = 1;
    uint32_t domid;

    if (libxl_name_to_domid(lx->ctx, name_or_domid, &domid) == 0)
        has_name = libxl_op_find_domid(ts, domid, &named, failure);
    if (has_name >= 0 && vm_number(name_or_domid, &domid))
        has_number = libxl_op_find_domid(ts, domid, &numbered, failure);
    if (has_name < 0 || has_number < 0)
        return -1;
    return vm_choose(name_or_domid, has_name == 0 ? &named : NULL, has_number == 0 ? &numbered : NULL, vm, failure);
}

int libxl_op_rename(struct toolstack *ts, uint32_t domid, const char *from, const char *to, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    int rc;

    libxl_log_forget(&lx->log);
    rc = libxl_domain_rename(lx->ctx, domid, from, to);
    return rc == 0 ? 0 : libxl_failed(lx, rc, "cannot rename the VM", failure);
}

int libxl_op_sched_get(struct toolstack *ts, uint32_t domid, struct toolstack_sched *sched, struct failure *failure)
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

int libxl_op_sched_set(struct toolstack *ts, uint32_t domid, struct toolstack_sched sched, struct failure *failure)
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
