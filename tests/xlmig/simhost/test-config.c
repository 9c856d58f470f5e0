/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A simulated guest's configuration: what goes out comes back, and what is wrong is refused. */
#include "config.h"

#include "tests/run-suite.h"
#include "xlmig/simhost/guest-config.h"

#include <stdlib.h>
#include <string.h>

#define UUID "\"uuid\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\""
#define GOOD_C "\"c_info\":{\"type\":\"pvh\",\"name\":\"n\"," UUID "}"
#define GOOD_B "\"b_info\":{\"max_vcpus\":2,\"max_memkb\":65536}"

START_TEST(written_configuration_reads_back)
{
    struct simguest_config config, back;
    char why[128];

    simhost_config_default(&config, "a name");
    ck_assert_int_eq(simhost_config_set(&config, "memory=32M"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "maxmem=1G"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "type=hvm"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "vcpus=4"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "content=text"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "holes=20"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "balloon=5"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "grow=6"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "rate=1G"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "disk=/a=b"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "bridge=xenbr0"), 0);
    ck_assert_int_eq(simhost_config_set(&config, "kernel=/boot/k"), 0);
    ck_assert_str_eq(config.disk, "/a=b");
    char *json = simhost_config_write(&config);
    ck_assert_ptr_nonnull(json);
    ck_assert_int_eq(simhost_config_read(json, strlen(json), &back, why), 0);
    ck_assert_mem_eq(&config, &back, sizeof config);
    free(json);
}
END_TEST

START_TEST(unknown_settings_are_refused)
{
    static const char *const bad[] = { "memory", "memory=", "memory=-1", "memory=1T", "memory=1Mx", "colour=red",
                                       "type=pv", "content=poem", "uuid=12", "=1", "memory=99999999999999999999" };
    struct simguest_config config;

    simhost_config_default(&config, "n");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(simhost_config_set(&config, bad[i]) == -1, "%s", bad[i]);
}
END_TEST

#define TEXT_32 "01234567890123456789012345678901"

static const char *const wrong[] = {
    "", "{", "[]", "null", "{}",
    "{" GOOD_C "}",
    "{" GOOD_B "}",
    "{" GOOD_C ",\"b_info\":{\"max_vcpus\":0,\"max_memkb\":65536}}",
    "{" GOOD_C ",\"b_info\":{\"max_vcpus\":65,\"max_memkb\":65536}}",
    "{" GOOD_C ",\"b_info\":{\"max_vcpus\":2,\"max_memkb\":-4}}",
    "{" GOOD_C ",\"b_info\":{\"max_vcpus\":2,\"max_memkb\":99999999999999}}",
    "{" GOOD_C ",\"b_info\":{\"max_vcpus\":2,\"max_memkb\":65536,\"target_memkb\":65540}}",
    "{" GOOD_C "," GOOD_B ",\"sim\":{\"content\":\"poem\"}}",
    "{" GOOD_C "," GOOD_B ",\"sim\":{\"holes_percent\":91}}",
    "{" GOOD_C "," GOOD_B ",\"sim\":{\"disk\":\"" TEXT_32 TEXT_32 TEXT_32 TEXT_32 "\"}}",
    "{\"c_info\":{\"type\":\"pv\",\"name\":\"n\"," UUID "}," GOOD_B "}",
    "{\"c_info\":{\"type\":\"pvh\",\"name\":\"\"," UUID "}," GOOD_B "}",
    "{\"c_info\":{\"type\":\"pvh\",\"name\":\"a/b\"," UUID "}," GOOD_B "}",
    "{\"c_info\":{\"type\":\"pvh\",\"name\":\"n\",\"uuid\":\"0001\"}," GOOD_B "}",
    "{\"c_info\":{\"type\":\"pvh\",\"name\":\"n\",\"uuid\":\"zz010203-0405-0607-0809-0a0b0c0d0e0f\"}," GOOD_B "}",
    "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
};

START_TEST(wrong_configuration_is_refused)
{
    struct simguest_config config;
    char why[128] = "";

    ck_assert_int_eq(simhost_config_read(wrong[_i], strlen(wrong[_i]), &config, why), -1);
    ck_assert_str_ne(why, "");
}
END_TEST

START_TEST(good_configuration_is_accepted)
{
    static const char good[] = "{" GOOD_C "," GOOD_B "}";
    struct simguest_config config;
    char why[128];

    ck_assert_int_eq(simhost_config_read(good, sizeof good - 1, &config, why), 0);
    ck_assert_str_eq(config.name, "n");
    ck_assert_uint_eq(config.uuid[15], 15);
    ck_assert_uint_eq(config.boot_pfns, 16384);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulated guest's configuration");
    TCase *t = tcase_create("configuration");

    tcase_add_test(t, written_configuration_reads_back);
    tcase_add_test(t, unknown_settings_are_refused);
    tcase_add_loop_test(t, wrong_configuration_is_refused, 0, sizeof wrong / sizeof wrong[0]);
    tcase_add_test(t, good_configuration_is_accepted);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
