/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Disks, networks and files of a VM, looked for in a folder that stands for a host. */
#include "config.h"

#include "tests/run-suite.h"
#include "tests/scratch.h"
#include "xlmig/base/bounded-call.h"
#include "xlmig/toolstack/device-check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[SCRATCH_SIZE];
static struct check_list list;
static struct device_checker checker = { .host = "hostb", .root = root, .script_dir = "/scripts", .list = &list };

static void set_up(void)
{
    scratch_make(root);
    scratch_do(root, "mkdir scripts disks && for s in vif-bridge vif-openvswitch vif-route block block-iscsi; do "
                     "printf '#!/bin/sh\\n' > scripts/$s; chmod +x scripts/$s; done");
    scratch_do(root, "mkdir -p sys/class/net/xenbr0/bridge sys/class/net/ovsbr0 sys/class/net/eth0 sys/class/bridge");
    scratch_do(root, "truncate -s 1M disks/raw; printf 'QFI\\373rest' > disks/qcow2; printf conectix > disks/vhd; "
                     "printf 'QED\\0' > disks/qed; mkfifo disks/fifo; mkdir disks/folder; : > disks/empty");
}

static void tear_down(void)
{
    check_list_dispose(&list);
    scratch_remove(root);
}

/* There is one result, of that kind, about that, with these words. */
static void found(enum check_result result, const char *subject, const char *words)
{
    ck_assert_uint_eq(list.nr, 1);
    ck_assert_msg(list.checks[0].result == result && strstr(list.checks[0].text, words) != NULL, "%s: %s",
                  check_result_name(list.checks[0].result), list.checks[0].text);
    ck_assert_str_eq(list.checks[0].subject, subject);
    if (result == CHECK_REFUSED)
        ck_assert_ptr_nonnull(strstr(list.checks[0].remedy, "--ignore-devices"));
}

static const struct {
    struct disk_facts disk;
    enum check_result result;
    const char *words;
} disks[] = {
    { { .path = "/disks/raw", .writable = true }, CHECK_OK, "for writing on hostb: file, 1.0 MiB" },
    { { .path = "/disks/raw" }, CHECK_OK, "for reading" },
    { { .path = "/disks/raw", .has_size = true, .bytes = 1 << 20 }, CHECK_OK, "1.0 MiB" },
    { { .path = "/disks/raw", .has_size = true, .bytes = (1 << 20) + 1 }, CHECK_REFUSED, "another disk on hostb" },
    { { .path = "/disks/raw", .block_only = true }, CHECK_REFUSED, "no block device" },
    { { .path = "/disks/raw", .script = "block" }, CHECK_OK, "for reading" },
    { { .path = "/disks/raw", .script = "/scripts/block" }, CHECK_OK, "for reading" },
    { { .path = "/disks/qcow2", .format = DISK_QCOW2 }, CHECK_OK, "for reading" },
    { { .path = "/disks/vhd", .format = DISK_VHD }, CHECK_OK, "for reading" },
    { { .path = "/disks/qed", .format = DISK_QED }, CHECK_OK, "for reading" },
    { { .path = "/disks/vhd", .format = DISK_QCOW2 }, CHECK_REFUSED, "/disks/vhd on hostb is not qcow2" },
    { { .path = "/disks/empty", .format = DISK_QED }, CHECK_REFUSED, "is not qed" },
    { { .path = "/disks/none" }, CHECK_REFUSED, "/disks/none is not on hostb" },
    { { .path = "/disks/raw/none" }, CHECK_REFUSED, "is not on hostb" },
    /* Nothing that might do something when it is opened, or wait for ever. */
    { { .path = "/disks/fifo", .writable = true }, CHECK_REFUSED, "neither a block device nor a plain file" },
    { { .path = "/disks/folder" }, CHECK_REFUSED, "neither a block device nor a plain file" },
    { { .path = "/disks/raw", .script = "block-none" }, CHECK_REFUSED, "/scripts/block-none cannot be run on hostb" },
    { { .path = "/disks/raw", .script = "/disks/raw" }, CHECK_REFUSED, "/disks/raw cannot be run" },
    { { .path = "/disks/raw", .script = "/disks/folder" }, CHECK_REFUSED, "/disks/folder cannot be run" },
    { { .path = "iqn.2001-05.com:disk", .script = "block-iscsi" }, CHECK_UNKNOWN, "block-iscsi makes it out of iqn." },
    { { .path = "/disks/none", .backend = "storage" }, CHECK_UNKNOWN, "driver domain storage" },
    { { .path = "nbd://server/disk" }, CHECK_UNKNOWN, "QEMU makes a disk out of it" },
    { { .path = NULL }, CHECK_OK, "empty drive" },
    { { .path = "" }, CHECK_OK, "empty drive" },
};

START_TEST(disks_are_looked_for)
{
    struct disk_facts disk = disks[_i].disk;

    disk.name = "xvda";
    device_check_disk(&checker, &disk);
    found(disks[_i].result, "disk xvda", disks[_i].words);
}
END_TEST

START_TEST(a_disk_that_the_kernel_serves_needs_its_script)
{
    const struct disk_facts disk = { .name = "xvdb", .path = "/disks/raw", .block_only = true };

    scratch_do(root, "rm scripts/block");
    device_check_disk(&checker, &disk);
    found(CHECK_REFUSED, "disk xvdb", "/scripts/block cannot be run");
}
END_TEST

START_TEST(a_path_that_is_too_long)
{
    char path[8192];
    const struct disk_facts disk = { .name = "xvda", .path = path };

    memset(path, '/', sizeof path);
    path[sizeof path - 1] = '\0';
    device_check_disk(&checker, &disk);
    found(CHECK_REFUSED, "disk xvda", "///");
}
END_TEST

START_TEST(sizes_are_those_of_disks_that_do_not_grow)
{
    const struct disk_facts raw = { .path = "/disks/raw" }, qcow2 = { .path = "/disks/qcow2", .format = DISK_QCOW2 },
                            none = { .path = "/disks/none" }, far = { .path = "/disks/raw", .backend = "storage" },
                            made = { .path = "/disks/raw", .script = "block-iscsi" }, fifo = { .path = "/disks/fifo" };
    uint64_t bytes = 0;

    ck_assert_int_eq(device_disk_size(root, &raw, &bytes), 0);
    ck_assert_uint_eq(bytes, 1 << 20);
    ck_assert_int_eq(device_disk_size(root, &qcow2, &bytes), -1);
    ck_assert_int_eq(device_disk_size(root, &none, &bytes), -1);
    ck_assert_int_eq(device_disk_size(root, &far, &bytes), -1);
    ck_assert_int_eq(device_disk_size(root, &made, &bytes), -1);
    ck_assert_int_eq(device_disk_size(root, &fifo, &bytes), -1);
}
END_TEST

static const struct {
    struct nic_facts nic;
    enum check_result result;
    const char *words;
} nics[] = {
    { { .bridge = "xenbr0" }, CHECK_OK, "the bridge xenbr0 is on hostb" },
    { { .bridge = "xenbr0", .script = "/scripts/vif-bridge" }, CHECK_OK, "xenbr0" },
    { { .bridge = "xenbr1" }, CHECK_REFUSED, "no bridge xenbr1 on hostb" },
    { { .bridge = "eth0" }, CHECK_REFUSED, "no bridge eth0" }, /* an interface, but no bridge */
    { { .bridge = "ovsbr0", .script = "vif-openvswitch" }, CHECK_OK, "the bridge ovsbr0 is" },
    { { .bridge = "ovsbr0.5:6:7", .script = "vif-openvswitch" }, CHECK_OK, "the bridge ovsbr0 is" },
    { { .bridge = "ovsbr1.5", .script = "vif-openvswitch" }, CHECK_REFUSED, "no bridge ovsbr1 on" },
    { { .bridge = "../../..", .script = "vif-openvswitch" }, CHECK_REFUSED, "no bridge" },
    { { .bridge = "../net/xenbr0" }, CHECK_REFUSED, "no bridge" },
    { { .bridge = ".." }, CHECK_REFUSED, "no bridge" },
    { { .bridge = "a-name-that-no-interface-can-have" }, CHECK_REFUSED, "no bridge a-name" },
    { { .bridge = "" }, CHECK_UNKNOWN, "vif-bridge chooses the bridge" },
    { { .bridge = "xenbr0", .script = "vif-none" }, CHECK_REFUSED, "/scripts/vif-none cannot be run" },
    { { .bridge = "xenbr1", .script = "vif-route" }, CHECK_UNKNOWN, "vif-route is on hostb" },
    { { .bridge = "xenbr1", .backend = "net" }, CHECK_UNKNOWN, "driver domain net" },
};

START_TEST(networks_are_looked_for)
{
    struct nic_facts nic = nics[_i].nic;

    nic.number = 3;
    device_check_nic(&checker, &nic);
    found(nics[_i].result, "network 3", nics[_i].words);
}
END_TEST

START_TEST(a_script_must_be_executable)
{
    const struct nic_facts nic = { .bridge = "xenbr0" };

    scratch_do(root, "chmod -x scripts/vif-bridge");
    device_check_nic(&checker, &nic);
    found(CHECK_REFUSED, "network 0", "Permission denied");
}
END_TEST

START_TEST(what_a_vm_starts_from_is_a_warning_at_most)
{
    device_check_boot_file(&checker, "kernel", NULL);
    device_check_boot_file(&checker, "kernel", "");
    device_check_boot_file(&checker, "boot loader", "pygrub"); /* libxl looks for it in folders of its own */
    ck_assert_uint_eq(list.nr, 0);
    device_check_boot_file(&checker, "kernel", "/disks/raw");
    found(CHECK_OK, "kernel", "/disks/raw is on hostb");
    check_list_dispose(&list);
    device_check_boot_file(&checker, "ramdisk", "/disks/none");
    found(CHECK_WARNING, "ramdisk", "/disks/none is not on hostb");
}
END_TEST

static void hang(const void *question, void *answer)
{
    (void)answer;
    while (*(const bool *)question)
        pause();
}

static void add_one(const void *question, void *answer)
{
    *(int *)answer = *(const int *)question + 1;
}

static void count_descriptors(const void *question, void *answer)
{
    (void)question;
    for (int fd = 0; fd < 1024; fd++)
        *(int *)answer += fcntl(fd, F_GETFD) >= 0;
}

static void crash(const void *question, void *answer)
{
    (void)question;
    (void)answer;
    _exit(3);
}

START_TEST(a_question_that_hangs_is_given_up)
{
    const bool yes = true;
    int three = 3, answer = 0;

    ck_assert_int_eq(bounded_call(add_one, &three, &answer, sizeof answer, 10000), 0);
    ck_assert_int_eq(answer, 4);
    ck_assert_int_eq(bounded_call(hang, &yes, &answer, sizeof answer, 50), -1);
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_assert_int_eq(bounded_call(crash, NULL, &answer, sizeof answer, 10000), -1);
    ck_assert_int_eq(errno, EIO);
    ck_assert_int_ge(fcntl(STDERR_FILENO, F_DUPFD, 500), 500);
    ck_assert_int_eq(bounded_call(count_descriptors, NULL, &answer, sizeof answer, 10000), 0);
    ck_assert_int_eq(answer, 1); /* that of its answer: nobody waits for the end of another one */
}
END_TEST

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("device-check");
    TCase *tcase = tcase_create("devices");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, disks_are_looked_for, 0, LENGTH(disks));
    tcase_add_test(tcase, a_disk_that_the_kernel_serves_needs_its_script);
    tcase_add_test(tcase, a_path_that_is_too_long);
    tcase_add_test(tcase, sizes_are_those_of_disks_that_do_not_grow);
    tcase_add_loop_test(tcase, networks_are_looked_for, 0, LENGTH(nics));
    tcase_add_test(tcase, a_question_that_hangs_is_given_up);
    tcase_add_test(tcase, a_script_must_be_executable);
    tcase_add_test(tcase, what_a_vm_starts_from_is_a_warning_at_most);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
