/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Are the disks, networks and files of a VM there: its configuration, as device-check.h wants it. */
#include "xlmig/toolstack/libxl/libxl.h"

#include <stdio.h>
#include <string.h>

static const char *driver_domain(const char *name, libxl_domid domid, char buffer[16])
{
    if (name && *name && strcmp(name, "Domain-0") != 0 && strcmp(name, "0") != 0)
        return name;
    snprintf(buffer, 16, "%u", domid);
    return domid == 0 ? NULL : buffer;
}

static enum disk_format format_of(const libxl_device_disk *disk)
{
    switch (disk->format) {
    case LIBXL_DISK_FORMAT_RAW:
    case LIBXL_DISK_FORMAT_UNKNOWN:
        return DISK_RAW;
    case LIBXL_DISK_FORMAT_QCOW2:
        return DISK_QCOW2;
    case LIBXL_DISK_FORMAT_VHD:
        return DISK_VHD;
    case LIBXL_DISK_FORMAT_QED:
        return DISK_QED;
    default:
        return DISK_OTHER;
    }
}

static struct disk_facts facts_of(const libxl_device_disk *disk, char domain[16])
{
    return (struct disk_facts){
        .name = disk->vdev, .path = disk->format == LIBXL_DISK_FORMAT_EMPTY ? NULL : disk->pdev_path,
        .script = disk->script, .backend = driver_domain(disk->backend_domname, disk->backend_domid, domain),
        .format = format_of(disk), .writable = disk->readwrite,
        .block_only = disk->backend == LIBXL_DISK_BACKEND_PHY && !disk->script, /* a script may make one of a file */
    };
}

/* What is in a drive for CDs is its host's own matter: nothing is compared. */
static void check_disks(struct device_checker *checker, const libxl_domain_config *config,
                        const struct vm_disk *sizes, unsigned nr_sizes)
{
    for (int i = 0; i < config->num_disks; i++) {
        char domain[16];
        struct disk_facts facts = facts_of(&config->disks[i], domain);

        for (unsigned n = 0; n < nr_sizes && !facts.has_size; n++)
            if (facts.name && !config->disks[i].is_cdrom && strcmp(facts.name, sizes[n].name) == 0) {
                facts.has_size = true;
                facts.bytes = sizes[n].bytes;
            }
        device_check_disk(checker, &facts);
    }
}

static void check_nics(struct device_checker *checker, const libxl_domain_config *config)
{
    for (int i = 0; i < config->num_nics; i++) {
        const libxl_device_nic *nic = &config->nics[i];
        char domain[16];
        const struct nic_facts facts = {
            .number = nic->devid >= 0 ? (unsigned)nic->devid : (unsigned)i, .script = nic->script, .bridge = nic->bridge,
            .backend = driver_domain(nic->backend_domname, nic->backend_domid, domain),
        };

        device_check_nic(checker, &facts);
    }
}

static void check_boot_files(struct device_checker *checker, const libxl_domain_config *config)
{
    const libxl_domain_build_info *b = &config->b_info;

    device_check_boot_file(checker, "kernel", b->kernel);
    device_check_boot_file(checker, "ramdisk", b->ramdisk);
    device_check_boot_file(checker, "boot loader", b->bootloader);
    if (b->type != LIBXL_DOMAIN_TYPE_HVM)
        return;
    device_check_boot_file(checker, "firmware", b->u.hvm.firmware);
    device_check_boot_file(checker, "firmware", b->u.hvm.system_firmware);
    device_check_boot_file(checker, "firmware", b->u.hvm.smbios_firmware);
    device_check_boot_file(checker, "firmware", b->u.hvm.acpi_firmware);
}

void libxl_check_devices(struct device_checker *checker, const libxl_domain_config *config,
                         const struct vm_disk *sizes, unsigned nr_sizes)
{
    check_disks(checker, config, sizes, nr_sizes);
    check_nics(checker, config);
    check_boot_files(checker, config);
}

static int read_config(struct libxl_toolstack *lx, const char *json, libxl_domain_config *config, struct failure *failure)
{
    int rc;

    libxl_domain_config_init(config);
    libxl_log_forget(&lx->log);
    rc = libxl_domain_config_from_json(lx->ctx, config, json);
    return rc == 0 ? 0 : libxl_failed(lx, rc, "cannot read the VM's configuration", failure);
}

int libxl_op_devices_there(struct toolstack *ts, const char *config_json, const struct vm_disk *disks,
                           unsigned nr_disks, struct check_list *found, struct failure *failure)
{
    struct device_checker checker = { .root = "", .script_dir = XEN_SCRIPT_DIR, .list = found };
    struct libxl_toolstack *lx = to_libxl(ts);
    struct vm_host host;
    libxl_domain_config config;
    int rc = ts->ops->ask.host(ts, &host, failure);

    if (rc < 0)
        return -1;
    checker.host = host.name;
    rc = read_config(lx, config_json, &config, failure);
    if (rc == 0)
        libxl_check_devices(&checker, &config, disks, nr_disks);
    libxl_domain_config_dispose(&config);
    return rc;
}

void libxl_op_start_files(struct toolstack *ts, const char *vm_name, struct start_files *files)
{
    (void)ts;
    start_files_find("", vm_name, files);
}

int libxl_op_disk_sizes(struct toolstack *ts, const char *config_json, struct vm_disk *disks, unsigned *nr_disks,
                        struct failure *failure)
{
    libxl_domain_config config;
    int rc = read_config(to_libxl(ts), config_json, &config, failure);

    *nr_disks = 0;
    for (int i = 0; rc == 0 && i < config.num_disks && *nr_disks < VM_DISKS_MAX; i++) {
        struct vm_disk *disk = &disks[*nr_disks];
        char domain[16];
        struct disk_facts facts = facts_of(&config.disks[i], domain);

        if (facts.name && strlen(facts.name) < sizeof disk->name && !config.disks[i].is_cdrom &&
            device_disk_size("", &facts, &disk->bytes) == 0) {
            strcpy(disk->name, facts.name);
            ++*nr_disks;
        }
    }
    libxl_domain_config_dispose(&config);
    return rc;
}
