/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Which devices of a configuration are set up while memory is coming, and what is left for libxl to make. */
#include "tests/run-suite.h"
#include "tests/scratch.h"
#include "xlmig/toolstack/libxl/libxl.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static char folder[SCRATCH_SIZE];
static char block_device[SCRATCH_SIZE + 16], file[SCRATCH_SIZE + 16];
static libxl_domain_config early, rest; /* both the whole configuration, until split() */

static void set_up(void)
{
    scratch_make(folder);
    snprintf(block_device, sizeof block_device, "%s/block", folder);
    snprintf(file, sizeof file, "%s/file", folder);
    scratch_do(folder, "truncate -s 4096 file");
    libxl_domain_config_init(&early);
    libxl_domain_config_init(&rest);
}

static void tear_down(void)
{
    libxl_domain_config_dispose(&early);
    libxl_domain_config_dispose(&rest);
    scratch_remove(folder);
}

static void make(libxl_domain_type type)
{
    early.c_info.type = rest.c_info.type = type;
    libxl_domain_build_info_init_type(&early.b_info, type);
    libxl_domain_build_info_init_type(&rest.b_info, type);
}

static void add_nic_to(libxl_domain_config *config, libxl_nic_type type, const char *script)
{
    config->nics = realloc(config->nics, (size_t)(config->num_nics + 1) * sizeof *config->nics);
    libxl_device_nic *nic = &config->nics[config->num_nics++];

    libxl_device_nic_init(nic);
    nic->backend_domid = 0;
    nic->nictype = type;
    nic->script = script ? strdup(script) : NULL;
}

static void add_nic(libxl_nic_type type, const char *script)
{
    add_nic_to(&early, type, script);
    add_nic_to(&rest, type, script);
}

static void add_disk_to(libxl_domain_config *config, const char *vdev, const char *path, const char *script)
{
    config->disks = realloc(config->disks, (size_t)(config->num_disks + 1) * sizeof *config->disks);
    libxl_device_disk *disk = &config->disks[config->num_disks++];

    libxl_device_disk_init(disk);
    disk->backend_domid = 0;
    disk->vdev = strdup(vdev);
    disk->pdev_path = strdup(path);
    disk->format = LIBXL_DISK_FORMAT_RAW;
    disk->script = script ? strdup(script) : NULL;
}

static void add_disk(const char *vdev, const char *path, const char *script)
{
    add_disk_to(&early, vdev, path, script);
    add_disk_to(&rest, vdev, path, script);
}

static void split(void)
{
    libxl_keep_early_devices(&early);
    ck_assert_int_eq(libxl_leave_out_early_devices(&rest), 0);
}

/* Only who may make one has one. */
static bool have_block_device(void)
{
    return mknod(block_device, S_IFBLK | 0600, makedev(254, 0)) == 0;
}

START_TEST(an_interface_without_a_device_model_is_early)
{
    make(LIBXL_DOMAIN_TYPE_PV);
    add_nic(LIBXL_NIC_TYPE_UNKNOWN, NULL);
    split();
    ck_assert_int_eq(early.num_nics, 1);
    ck_assert_int_eq(rest.num_nics, 0);
}
END_TEST

START_TEST(one_of_an_hvm_guest_that_is_not_emulated_is_early)
{
    make(LIBXL_DOMAIN_TYPE_HVM);
    add_nic(LIBXL_NIC_TYPE_VIF, "/etc/xen/scripts/vif-bridge");
    split();
    ck_assert_int_eq(early.num_nics, 1);
    ck_assert_int_eq(rest.num_nics, 0);
}
END_TEST

/* What xl.cfg makes of an interface without type=: without one on its command line the device model would lack it. */
START_TEST(one_of_an_hvm_guest_is_emulated_unless_it_says_otherwise)
{
    make(LIBXL_DOMAIN_TYPE_HVM);
    add_nic(LIBXL_NIC_TYPE_UNKNOWN, NULL);
    split();
    ck_assert_int_eq(early.num_nics, 0);
    ck_assert_int_eq(rest.num_nics, 1);
}
END_TEST

START_TEST(an_emulated_interface_keeps_all_late)
{
    make(LIBXL_DOMAIN_TYPE_HVM);
    add_nic(LIBXL_NIC_TYPE_VIF, NULL);
    add_nic(LIBXL_NIC_TYPE_VIF_IOEMU, NULL);
    split();
    ck_assert_int_eq(early.num_nics, 0);
    ck_assert_int_eq(rest.num_nics, 2);
}
END_TEST

START_TEST(a_script_that_is_not_xens_is_late)
{
    make(LIBXL_DOMAIN_TYPE_PVH);
    add_nic(LIBXL_NIC_TYPE_VIF, "/etc/xen/scripts/vif-route");
    split();
    ck_assert_int_eq(early.num_nics, 0);
    ck_assert_int_eq(rest.num_nics, 1);
}
END_TEST

START_TEST(a_script_of_the_same_name_elsewhere_is_late)
{
    make(LIBXL_DOMAIN_TYPE_PVH);
    add_nic(LIBXL_NIC_TYPE_VIF, "/anything/vif-bridge");
    add_nic(LIBXL_NIC_TYPE_VIF, "elsewhere/vif-bridge");
    add_nic(LIBXL_NIC_TYPE_VIF, "/etc/xen/scripts/more/vif-bridge");
    split();
    ck_assert_int_eq(early.num_nics, 0);
    ck_assert_int_eq(rest.num_nics, 3);
}
END_TEST

START_TEST(a_disk_of_an_hvm_guest_is_prepared)
{
    if (!have_block_device())
        return;
    make(LIBXL_DOMAIN_TYPE_HVM);
    add_disk("xvda", file, NULL); /* in a file: late, as ever */
    add_disk("xvdb", block_device, NULL);
    add_disk("xvdc", block_device, "/etc/xen/scripts/block");
    split();
    ck_assert_int_eq(early.num_disks, 2);
    ck_assert_str_eq(early.disks[0].vdev, "xvdb");
    ck_assert_str_eq(early.disks[1].script, "/etc/xen/scripts/block");
    ck_assert_int_eq(rest.num_disks, 3);
    ck_assert_ptr_null(rest.disks[0].script);
    ck_assert_str_eq(rest.disks[1].script, PREPARED_DISK_SCRIPT);
    ck_assert_str_eq(rest.disks[2].script, PREPARED_DISK_SCRIPT);
}
END_TEST

START_TEST(nothing_with_a_device_model_in_a_domain_of_its_own)
{
    make(LIBXL_DOMAIN_TYPE_HVM);
    libxl_defbool_set(&early.b_info.device_model_stubdomain, true);
    libxl_defbool_set(&rest.b_info.device_model_stubdomain, true);
    add_nic(LIBXL_NIC_TYPE_VIF, NULL);
    if (have_block_device())
        add_disk("xvda", block_device, NULL);
    split();
    ck_assert_int_eq(early.num_nics, 0);
    ck_assert_int_eq(rest.num_nics, 1);
    ck_assert_int_eq(early.num_disks, 0);
    ck_assert(rest.num_disks == 0 || !rest.disks[0].script);
}
END_TEST

START_TEST(disks_without_a_device_model_are_all_early_or_all_late)
{
    if (!have_block_device())
        return;
    make(LIBXL_DOMAIN_TYPE_PVH);
    add_disk("xvda", block_device, NULL);
    split();
    ck_assert_int_eq(early.num_disks, 1);
    ck_assert_int_eq(rest.num_disks, 0);
    add_disk_to(&early, "xvdb", file, NULL);
    libxl_keep_early_devices(&early);
    ck_assert_int_eq(early.num_disks, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("early-config");
    TCase *tcase = tcase_create("split");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_interface_without_a_device_model_is_early);
    tcase_add_test(tcase, one_of_an_hvm_guest_that_is_not_emulated_is_early);
    tcase_add_test(tcase, one_of_an_hvm_guest_is_emulated_unless_it_says_otherwise);
    tcase_add_test(tcase, an_emulated_interface_keeps_all_late);
    tcase_add_test(tcase, a_script_that_is_not_xens_is_late);
    tcase_add_test(tcase, a_script_of_the_same_name_elsewhere_is_late);
    tcase_add_test(tcase, a_disk_of_an_hvm_guest_is_prepared);
    tcase_add_test(tcase, nothing_with_a_device_model_in_a_domain_of_its_own);
    tcase_add_test(tcase, disks_without_a_device_model_are_all_early_or_all_late);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
