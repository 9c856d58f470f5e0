/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* May this VM move, and can this host take it: questions asked before anything is touched. */
#include "xlmig/toolstack/libxl/libxl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenctrl.h>
#include <xenguest.h>

/* Devices that are attached now; the configuration tells of those that whoever attached them has entered there. */
static bool has_attached_device(libxl_ctx *ctx, uint32_t domid, char *text, size_t size)
{
    int nr_pci = 0, nr_usb = 0;
    libxl_device_pci *pci = libxl_device_pci_list(ctx, domid, &nr_pci);
    libxl_device_usbdev *usb = libxl_device_usbdev_list(ctx, domid, &nr_usb);

    if (pci && nr_pci > 0)
        snprintf(text, size,
                 "it has %d passed-through PCI device(s), first %04x:%02x:%02x.%u, whose state cannot move; "
                 "detach with `xl pci-detach` first",
                 nr_pci, (unsigned)pci[0].domain, pci[0].bus, pci[0].dev, pci[0].func);
    else if (usb && nr_usb > 0)
        snprintf(text, size, "it has %d passed-through USB device(s), whose state cannot move; "
                 "detach with `xl usbdev-detach` first", nr_usb);
    libxl_device_pci_list_free(pci, nr_pci);
    libxl_device_usbdev_list_free(usb, nr_usb);
    return text[0];
}

static void find_obstacle(const libxl_domain_config *config, char *text, size_t size)
{
    if (config->num_pcidevs > 0 || config->num_usbdevs > 0)
        snprintf(text, size, "its configuration has %d PCI and %d USB device(s) of this host, whose state cannot move",
                 config->num_pcidevs, config->num_usbdevs);
    else if (config->num_dtdevs > 0)
        snprintf(text, size, "it has the passed-through device %s, whose state cannot move", config->dtdevs[0].path);
    else if (config->num_rdms > 0)
        snprintf(text, size, "it has memory reserved for a passed-through device");
    else if (config->b_info.num_vnuma_nodes > 0)
        snprintf(text, size, "it has a virtual NUMA topology, which Xen's stream cannot carry");
    else if (libxl_defbool_val(config->b_info.disable_migrate))
        snprintf(text, size, "its configuration says nomigrate=1");
}

int libxl_op_obstacles(struct toolstack *ts, const struct vm *vm, const char *config_json,
                       struct toolstack_obstacles *obstacles, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    struct vm_host host;
    libxl_domain_config config;
    int rc;

    *obstacles = (struct toolstack_obstacles){ 0 };
    if (libxl_helper_check(failure) < 0 || ts->ops->ask.host(ts, &host, failure) < 0)
        return -1;
    libxl_domain_config_init(&config);
    libxl_log_forget(&lx->log);
    rc = libxl_domain_config_from_json(lx->ctx, &config, config_json);
    if (rc == 0) {
        libxl_defbool_setdefault(&config.b_info.disable_migrate, false);
        if (!has_attached_device(lx->ctx, vm->domid, obstacles->any, sizeof obstacles->any))
            find_obstacle(&config, obstacles->any, sizeof obstacles->any);
    }
    libxl_domain_config_dispose(&config);
    if (rc != 0)
        return libxl_failed(lx, rc, "cannot read the VM's configuration", failure);
    if (vm->type == VM_TYPE_PV ? !host.log_dirty_pv : !host.log_dirty_hvm)
        snprintf(obstacles->live, sizeof obstacles->live,
                 "this %s was built without %s paging, without which a running %s guest's writes cannot be tracked",
                 host.hypervisor, vm->type == VM_TYPE_PV ? "shadow" : "hardware assisted or shadow",
                 vm_type_name(vm->type));
    return 0;
}

int libxl_op_memory_needed(struct toolstack *ts, const char *config_json, uint64_t *bytes, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_domain_config config;
    uint64_t need_kb = 0;
    int rc;

    libxl_domain_config_init(&config);
    libxl_log_forget(&lx->log);
    rc = libxl_domain_config_from_json(lx->ctx, &config, config_json);
    if (rc == 0)
        rc = libxl_domain_need_memory(lx->ctx, &config, INVALID_DOMID, &need_kb);
    libxl_domain_config_dispose(&config);
    if (rc != 0)
        return libxl_failed(lx, rc, "cannot tell how much memory the VM needs", failure);
    *bytes = need_kb * 1024;
    return 0;
}

static void fill_description(const libxl_domain_config *config, struct vm *vm)
{
    snprintf(vm->name, sizeof vm->name, "%s", config->c_info.name ? config->c_info.name : "");
    memcpy(vm->uuid, libxl_uuid_bytearray_const(&config->c_info.uuid), sizeof vm->uuid);
    vm->type = config->c_info.type == LIBXL_DOMAIN_TYPE_PV ? VM_TYPE_PV :
               config->c_info.type == LIBXL_DOMAIN_TYPE_PVH ? VM_TYPE_PVH : VM_TYPE_HVM;
    vm->memory_bytes = config->b_info.target_memkb * 1024;
    vm->max_memory_bytes = config->b_info.max_memkb * 1024;
    vm->vcpus = (unsigned)config->b_info.max_vcpus;
}

int libxl_op_describe(struct toolstack *ts, const char *config_json, struct vm *vm, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_domain_config config;
    int rc;

    *vm = (struct vm){ 0 };
    libxl_domain_config_init(&config);
    libxl_log_forget(&lx->log);
    rc = libxl_domain_config_from_json(lx->ctx, &config, config_json);
    if (rc == 0)
        fill_description(&config, vm);
    libxl_domain_config_dispose(&config);
    return rc == 0 ? 0 : libxl_failed(lx, rc, "cannot read the VM's configuration", failure);
}

/* ---- CPU policies ---- */

_Static_assert(sizeof(struct cpu_leaf) == sizeof(xen_cpuid_leaf_t), "same layout as Xen's");
_Static_assert(offsetof(struct cpu_leaf, d) == offsetof(xen_cpuid_leaf_t, d), "same layout as Xen's");
_Static_assert(sizeof(struct cpu_msr) == sizeof(xen_msr_entry_t), "same layout as Xen's");
_Static_assert(offsetof(struct cpu_msr, value) == offsetof(xen_msr_entry_t, val), "same layout as Xen's");

/* Take a policy apart into CPUID leaves and MSRs. */
static int policy_to_facts(xc_interface *xch, const xc_cpu_policy_t *policy, struct cpu_facts *facts)
{
    *facts = (struct cpu_facts){ 0 };
    if (xc_cpu_policy_get_size(xch, &facts->nr_leaves, &facts->nr_msrs) < 0 ||
        facts->nr_leaves > CPU_POLICY_MAX_LEAVES || facts->nr_msrs > CPU_POLICY_MAX_MSRS)
        return -1;
    facts->leaves = calloc(facts->nr_leaves + 1, sizeof *facts->leaves);
    facts->msrs = calloc(facts->nr_msrs + 1, sizeof *facts->msrs);
    if (!facts->leaves || !facts->msrs ||
        xc_cpu_policy_serialise(xch, policy, (xen_cpuid_leaf_t *)facts->leaves, &facts->nr_leaves,
                                (xen_msr_entry_t *)facts->msrs, &facts->nr_msrs) < 0) {
        cpu_facts_dispose(facts);
        return -1;
    }
    return 0;
}

int libxl_op_cpu_policy(struct toolstack *ts, uint32_t domid, struct cpu_policy *out, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    xc_interface *xch = xc_interface_open(&lx->log.logger, NULL, 0);
    xc_cpu_policy_t *policy = xc_cpu_policy_init();
    struct cpu_facts facts = { 0 };

    *out = (struct cpu_policy){ 0 };
    if (xch && policy && xc_cpu_policy_get_domain(xch, domid, policy) == 0 &&
        policy_to_facts(xch, policy, &facts) == 0)
        out->bytes = cpu_facts_encode(&facts, &out->len);
    if (!out->bytes)
        failure_set(failure, "cannot ask Xen for the VM's CPU policy: %s", strerror(errno));
    cpu_facts_dispose(&facts);
    xc_cpu_policy_destroy(policy);
    if (xch)
        xc_interface_close(xch);
    return out->bytes ? 0 : -1;
}

/* The guest's policy put together again; -1: it makes no sense to Xen's library. */
static int facts_to_policy(xc_interface *xch, struct cpu_facts *facts, xc_cpu_policy_t *policy)
{
    if (xc_cpu_policy_update_cpuid(xch, policy, (xen_cpuid_leaf_t *)facts->leaves, facts->nr_leaves) < 0 ||
        xc_cpu_policy_update_msrs(xch, policy, (xen_msr_entry_t *)facts->msrs, facts->nr_msrs) < 0)
        return -1;
    return 0;
}

/* This asks the libxl that is here; that of the source knows the same words, or is a release older. */
static bool libxl_knows(const char *word)
{
    libxl_cpuid_policy_list list = NULL;
    char setting[64];
    int rc;

    snprintf(setting, sizeof setting, "%s=0", word);
    rc = libxl_cpuid_parse_config(&list, setting);
    libxl_cpuid_dispose(&list);
    return rc == 0;
}

/* As cpu_policy_fits(), with everything open. */
static int compare_policies(struct libxl_toolstack *lx, xc_interface *xch, struct cpu_facts *guest_facts,
                            xc_cpu_policy_t *guest, xc_cpu_policy_t *host, struct cpu_verdict *verdict,
                            struct failure *failure)
{
    struct cpu_facts host_facts;

    if (policy_to_facts(xch, host, &host_facts) < 0)
        return failure_set(failure, "cannot read this host's CPU policy: %s", strerror(errno));
    cpu_features_compare(guest_facts, &host_facts, libxl_knows, &verdict->difference);
    cpu_facts_dispose(&host_facts);
    if (verdict->difference.nr_missing)
        return 0;
    libxl_log_forget(&lx->log);
    if (facts_to_policy(xch, guest_facts, guest) < 0)
        snprintf(verdict->other, sizeof verdict->other, "the policy itself: %.480s", lx->log.first_error);
    else if (!xc_cpu_policy_is_compatible(xch, host, guest))
        snprintf(verdict->other, sizeof verdict->other, "%s",
                 lx->log.first_error[0] ? lx->log.first_error : "CPUID leaves beyond this CPU's last");
    return 0;
}

int libxl_op_cpu_policy_fits(struct toolstack *ts, enum vm_type type, const struct cpu_policy *policy,
                             struct cpu_verdict *verdict, struct failure *failure)
{
    unsigned index = type == VM_TYPE_PV ? XEN_SYSCTL_cpu_policy_pv_max : XEN_SYSCTL_cpu_policy_hvm_max;
    struct libxl_toolstack *lx = to_libxl(ts);
    xc_cpu_policy_t *guest, *host;
    struct cpu_facts facts;
    xc_interface *xch;
    int rc;

    *verdict = (struct cpu_verdict){ 0 };
    if (cpu_facts_decode(policy->bytes, policy->len, &facts) < 0)
        return failure_set(failure, "the CPU policy that came makes no sense");
    xch = xc_interface_open(&lx->log.logger, NULL, 0);
    guest = xc_cpu_policy_init();
    host = xc_cpu_policy_init();
    if (!xch || !guest || !host || xc_cpu_policy_get_system(xch, index, host) < 0)
        rc = failure_set(failure, "cannot ask Xen for this host's CPU policy: %s", strerror(errno));
    else
        rc = compare_policies(lx, xch, &facts, guest, host, verdict, failure);
    xc_cpu_policy_destroy(guest);
    xc_cpu_policy_destroy(host);
    if (xch)
        xc_interface_close(xch);
    cpu_facts_dispose(&facts);
    return rc;
}
