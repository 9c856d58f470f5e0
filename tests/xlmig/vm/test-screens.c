/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Ports that a VM's screens will have, told by its configuration as libxl writes it. */
#include "tests/run-suite.h"
#include "xlmig/vm/screens.h"

#define HVM(text) "{\"b_info\": {\"type.hvm\": {" text "}}}"

static const struct {
    const char *config;
    unsigned nr;
    const char *kind, *address;
    unsigned port;
} cases[] = {
    { "{}", 0, "", "", 0 },
    { "no JSON", 0, "", "", 0 },
    { HVM("\"vnc\": {\"enable\": \"True\", \"display\": 3}"), 0, "", "", 0 }, /* QEMU looks for a free one */
    { HVM("\"vnc\": {\"enable\": \"True\", \"display\": 3, \"findunused\": \"True\"}"), 0, "", "", 0 },
    { HVM("\"vnc\": {\"enable\": \"False\", \"display\": 3, \"findunused\": \"False\"}"), 0, "", "", 0 },
    { HVM("\"vnc\": {\"display\": 3, \"findunused\": \"False\"}"), 1, "VNC", "127.0.0.1", 5903 },
    { HVM("\"vnc\": {\"findunused\": false, \"listen\": \"0.0.0.0:7\"}"), 1, "VNC", "0.0.0.0", 5907 },
    { HVM("\"vnc\": {\"findunused\": false, \"listen\": \"::1\"}"), 1, "VNC", ":", 5901 }, /* as libxl reads it */
    { HVM("\"vnc\": {\"findunused\": false, \"listen\": \"0:99999999999999999999\"}"), 0, "", "", 0 },
    { HVM("\"vnc\": {\"findunused\": false, \"display\": -4}"), 1, "VNC", "127.0.0.1", 5900 },
    { HVM("\"spice\": {\"enable\": \"True\", \"port\": 6000, \"host\": \"10.0.0.1\"}"), 1, "SPICE", "10.0.0.1", 6000 },
    { HVM("\"spice\": {\"port\": 6000}"), 0, "", "", 0 },
    { HVM("\"spice\": {\"enable\": \"True\", \"port\": 6000, \"tls_port\": 6001}"), 2, "SPICE", "0.0.0.0", 6000 },
    { "{\"vfbs\": [{\"vnc\": {\"enable\": \"True\", \"findunused\": \"False\", \"display\": 1}}]}", 1, "VNC", "127.0.0.1", 5901 },
    { "{\"vfbs\": [7, {}]}", 0, "", "", 0 },
};

START_TEST(a_port_that_is_fixed_is_told)
{
    struct vm_screen screens[VM_SCREENS_MAX];

    ck_assert_uint_eq(vm_screens(cases[_i].config, screens), cases[_i].nr);
    if (!cases[_i].nr)
        return;
    ck_assert_str_eq(screens[0].kind, cases[_i].kind);
    ck_assert_str_eq(screens[0].address, cases[_i].address);
    ck_assert_uint_eq(screens[0].port, cases[_i].port);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("screens");
    TCase *tcase = tcase_create("configurations");

    tcase_add_loop_test(tcase, a_port_that_is_fixed_is_told, 0, sizeof cases / sizeof cases[0]);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
