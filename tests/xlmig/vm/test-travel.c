/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What of a VM does not arrive with it, told by its configuration as libxl writes it. */
#include "tests/run-suite.h"
#include "xlmig/vm/travel.h"

#include <string.h>

static struct check_list list;

static void dispose(void)
{
    check_list_dispose(&list);
}

static const struct {
    const char *config;
    enum check_result result;
    const char *subject, *words;
} cases[] = {
    { "{}", CHECK_OK, "devices", "moves with it" },
    { "not JSON", CHECK_OK, "devices", "moves with it" }, /* the toolstack says so */
    { "{\"b_info\": {\"nested_hvm\": \"False\"}, \"p9s\": []}", CHECK_OK, "devices", "moves with it" },
    { "{\"disks\": [{\"vdev\": \"xvda\"}, {\"vdev\": \"xvdb\", \"specification\": \"xen\"}]}", CHECK_OK, "devices", "" },
    { "{\"p9s\": [{\"tag\": \"t\", \"path\": \"/p\"}]}", CHECK_REFUSED, "9pfs", "1 of this kind: folders" },
    { "{\"vtpms\": [{}, {}]}", CHECK_REFUSED, "vtpm", "2 of this kind: virtual TPM" },
    { "{\"pvcallsifs\": [{}]}", CHECK_REFUSED, "pvcalls", "connections end" },
    { "{\"virtios\": [{}]}", CHECK_REFUSED, "virtio", "virtio device" },
    { "{\"vsnds\": [{}]}", CHECK_REFUSED, "sound", "sound card" },
    { "{\"vdispls\": [{}]}", CHECK_REFUSED, "display", "PV display" },
    { "{\"disks\": [{\"vdev\": \"xvda\", \"specification\": \"virtio\"}]}", CHECK_REFUSED, "disk xvda", "virtio disk" },
    { "{\"b_info\": {\"nested_hvm\": \"True\"}}", CHECK_REFUSED, "nested", "nestedhvm=1" },
    { "{\"b_info\": {\"type.hvm\": {\"nested_hvm\": true}}}", CHECK_REFUSED, "nested", "nestedhvm=1" },
    { "{\"b_info\": {\"irqs\": [5]}}", CHECK_REFUSED, "hardware", "1 interrupts" },
    { "{\"b_info\": {\"ioports\": [{}]}}", CHECK_REFUSED, "hardware", "1 ranges of ports" },
    { "{\"b_info\": {\"iomem\": [{}, {}]}}", CHECK_REFUSED, "hardware", "2 of memory" },
    { "{\"b_info\": {\"extra\": [\"-device\", \"nvme,serial=1\"]}}", CHECK_REFUSED, "qemu", "its device nvme" },
    { "{\"b_info\": {\"extra_hvm\": [\"-device\", \"usb-audio\"]}}", CHECK_REFUSED, "qemu", "its device usb-audio" },
    { "{\"b_info\": {\"extra_pv\": [\"-fsdev\", \"local,id=a\"]}}", CHECK_REFUSED, "qemu", "-fsdev" },
    { "{\"b_info\": {\"extra\": [\"-device\", \"nvmexpress\"]}}", CHECK_UNKNOWN, "qemu", "first -device" },
    { "{\"b_info\": {\"extra\": [\"-device\"]}}", CHECK_UNKNOWN, "qemu", "first -device" },
    { "{\"b_info\": {\"type.hvm\": {\"usbdevice_list\": [\"tablet\", \"host:1.2\"]}}}", CHECK_REFUSED, "usb", "of this host" },
    { "{\"b_info\": {\"type.hvm\": {\"usbdevice\": \"tablet\"}}}", CHECK_OK, "devices", "" },
    { "{\"p9s\": 7, \"disks\": [7], \"b_info\": {\"extra\": [7], \"irqs\": {}, \"type.hvm\": []}}", CHECK_UNKNOWN, "qemu", "" },
};

START_TEST(each_thing_is_named)
{
    travel_check(cases[_i].config, false, &list);
    ck_assert_uint_eq(list.nr, 1);
    ck_assert_int_eq(list.checks[0].result, cases[_i].result);
    ck_assert_str_eq(list.checks[0].subject, cases[_i].subject);
    ck_assert_msg(strstr(list.checks[0].text, cases[_i].words) != NULL, "%s", list.checks[0].text);
    ck_assert_int_eq(strstr(list.checks[0].remedy, "--ignore-devices") != NULL, cases[_i].result == CHECK_REFUSED);
}
END_TEST

START_TEST(all_of_them_are_named)
{
    travel_check("{\"p9s\": [{}], \"vtpms\": [{}], \"b_info\": {\"nested_hvm\": \"True\", \"irqs\": [1],"
                 " \"extra\": [\"-device\", \"nvme\", \"-device\", \"usb-mtp\"]}}", false, &list);
    ck_assert_uint_eq(check_count(&list, CHECK_REFUSED), 6);
    ck_assert_uint_eq(list.nr, 6);
}
END_TEST

START_TEST(asked_for_they_are_warnings)
{
    travel_check("{\"p9s\": [{}], \"vtpms\": [{}]}", true, &list);
    ck_assert(!check_refuses(&list));
    ck_assert_uint_eq(check_count(&list, CHECK_WARNING), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("travel");
    TCase *tcase = tcase_create("configurations");

    tcase_add_checked_fixture(tcase, NULL, dispose);
    tcase_add_loop_test(tcase, each_thing_is_named, 0, sizeof cases / sizeof cases[0]);
    tcase_add_test(tcase, all_of_them_are_named);
    tcase_add_test(tcase, asked_for_they_are_warnings);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
