/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Which of libxl's devices are looked for, and how, in a folder that stands for a host. */
#include "tests/run-suite.h"
#include "tests/scratch.h"
#include "xlmig/toolstack/libxl/libxl.h"

#include <stdlib.h>
#include <string.h>

static char root[SCRATCH_SIZE];
static struct check_list list;
static struct device_checker checker = { .host = "hostb", .root = root, .script_dir = "/scripts", .list = &list };
static libxl_domain_config config;

static void set_up(void)
{
    scratch_make(root);
    scratch_do(root, "mkdir -p scripts sys/class/net/xenbr0/bridge && truncate -s 4096 raw && "
                     "printf 'QFI\\373' > qcow2 && for s in block vif-bridge; do printf '#!/bin/sh\\n' > scripts/$s; "
                     "chmod +x scripts/$s; done");
    libxl_domain_config_init(&config);
    libxl_domain_build_info_init_type(&config.b_info, LIBXL_DOMAIN_TYPE_PVH);
}

static void tear_down(void)
{
    libxl_domain_config_dispose(&config);
    check_list_dispose(&list);
    scratch_remove(root);
}

static libxl_device_disk *add_disk(const char *path, libxl_disk_backend backend, libxl_disk_format format)
{
    libxl_device_disk *disk;

    config.disks = realloc(config.disks, (size_t)(config.num_disks + 1) * sizeof *config.disks);
    disk = &config.disks[config.num_disks++];
    libxl_device_disk_init(disk);
    disk->backend_domid = 0;
    disk->vdev = strdup("xvda");
    disk->pdev_path = path ? strdup(path) : NULL;
    disk->backend = backend;
    disk->format = format;
    return disk;
}

static libxl_device_nic *add_nic(const char *bridge)
{
    libxl_device_nic *nic;

    config.nics = realloc(config.nics, (size_t)(config.num_nics + 1) * sizeof *config.nics);
    nic = &config.nics[config.num_nics++];
    libxl_device_nic_init(nic);
    nic->backend_domid = 0;
    nic->devid = 4;
    nic->bridge = bridge ? strdup(bridge) : NULL;
    return nic;
}

static void finds(enum check_result result, const char *subject, const char *words)
{
    static const struct vm_disk sizes[] = { { "xvdb", 1 }, { "xvda", 4097 } };

    libxl_check_devices(&checker, &config, sizes, 2);
    ck_assert_uint_eq(list.nr, 1);
    ck_assert_str_eq(list.checks[0].subject, subject);
    ck_assert_msg(list.checks[0].result == result && strstr(list.checks[0].text, words), "%s: %s",
                  check_result_name(list.checks[0].result), list.checks[0].text);
}

START_TEST(a_disk_is_compared_with_the_one_of_its_name)
{
    add_disk("/raw", LIBXL_DISK_BACKEND_QDISK, LIBXL_DISK_FORMAT_RAW)->readwrite = 1;
    finds(CHECK_REFUSED, "disk xvda", "another disk on hostb: 4096 bytes (4.0 KiB), where the VM's has 4097");
}
END_TEST

START_TEST(what_is_in_a_cd_drive_is_not_compared)
{
    add_disk("/raw", LIBXL_DISK_BACKEND_QDISK, LIBXL_DISK_FORMAT_RAW)->is_cdrom = 1;
    finds(CHECK_OK, "disk xvda", "for reading");
}
END_TEST

START_TEST(an_empty_drive)
{
    add_disk("/none", LIBXL_DISK_BACKEND_QDISK, LIBXL_DISK_FORMAT_EMPTY)->is_cdrom = 1;
    finds(CHECK_OK, "disk xvda", "empty drive");
}
END_TEST

START_TEST(the_kernels_backend_takes_block_devices)
{
    add_disk("/raw", LIBXL_DISK_BACKEND_PHY, LIBXL_DISK_FORMAT_RAW);
    finds(CHECK_REFUSED, "disk xvda", "no block device");
}
END_TEST

START_TEST(a_script_may_make_one_of_a_file)
{
    add_disk("/qcow2", LIBXL_DISK_BACKEND_PHY, LIBXL_DISK_FORMAT_QCOW2)->script = strdup("block");
    config.disks[0].is_cdrom = 1; /* for its size */
    finds(CHECK_OK, "disk xvda", "for reading");
}
END_TEST

START_TEST(formats)
{
    add_disk("/raw", LIBXL_DISK_BACKEND_QDISK, LIBXL_DISK_FORMAT_QCOW2);
    finds(CHECK_REFUSED, "disk xvda", "is not qcow2");
}
END_TEST

START_TEST(driver_domains_cannot_be_asked)
{
    add_disk("/none", LIBXL_DISK_BACKEND_PHY, LIBXL_DISK_FORMAT_RAW)->backend_domid = 7;
    finds(CHECK_UNKNOWN, "disk xvda", "driver domain 7");
    check_list_dispose(&list);
    config.disks[0].backend_domname = strdup("storage");
    finds(CHECK_UNKNOWN, "disk xvda", "driver domain storage");
}
END_TEST

START_TEST(dom0_by_its_name_is_none)
{
    add_disk("/none", LIBXL_DISK_BACKEND_PHY, LIBXL_DISK_FORMAT_RAW)->backend_domname = strdup("Domain-0");
    finds(CHECK_REFUSED, "disk xvda", "/none is not on hostb");
}
END_TEST

START_TEST(networks)
{
    add_nic("xenbr0");
    finds(CHECK_OK, "network 4", "xenbr0");
    check_list_dispose(&list);
    config.nics[0].script = strdup("/scripts/vif-route");
    finds(CHECK_REFUSED, "network 4", "/scripts/vif-route cannot be run");
    check_list_dispose(&list);
    config.nics[0].backend_domid = 3;
    finds(CHECK_UNKNOWN, "network 4", "driver domain 3");
}
END_TEST

START_TEST(what_it_starts_from)
{
    config.b_info.kernel = strdup("/raw");
    finds(CHECK_OK, "kernel", "/raw");
    check_list_dispose(&list);
    free(config.b_info.kernel);
    config.b_info.kernel = NULL;
    config.b_info.ramdisk = strdup("/none");
    finds(CHECK_WARNING, "ramdisk", "/none is not on hostb");
}
END_TEST

START_TEST(firmware_of_an_hvm_guest)
{
    libxl_domain_build_info_dispose(&config.b_info);
    libxl_domain_build_info_init(&config.b_info);
    libxl_domain_build_info_init_type(&config.b_info, LIBXL_DOMAIN_TYPE_HVM);
    config.b_info.u.hvm.system_firmware = strdup("/none");
    finds(CHECK_WARNING, "firmware", "/none is not on hostb");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("libxl-devices");
    TCase *tcase = tcase_create("devices");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_disk_is_compared_with_the_one_of_its_name);
    tcase_add_test(tcase, what_is_in_a_cd_drive_is_not_compared);
    tcase_add_test(tcase, an_empty_drive);
    tcase_add_test(tcase, the_kernels_backend_takes_block_devices);
    tcase_add_test(tcase, a_script_may_make_one_of_a_file);
    tcase_add_test(tcase, formats);
    tcase_add_test(tcase, driver_domains_cannot_be_asked);
    tcase_add_test(tcase, dom0_by_its_name_is_none);
    tcase_add_test(tcase, networks);
    tcase_add_test(tcase, what_it_starts_from);
    tcase_add_test(tcase, firmware_of_an_hvm_guest);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
