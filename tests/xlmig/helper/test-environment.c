/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the save helper is told in its environment: as it was written, and nothing of what makes no sense. */
#include "config.h"

#include "tests/run-suite.h"
#include "xlmig/helper/environment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
    "XLMIG_MAX_ROUNDS", "XLMIG_MAX_DOWNTIME_US", "XLMIG_MAX_BANDWIDTH", "XLMIG_TIMEOUT_US", "XLMIG_ON_TIMEOUT",
    "XLMIG_THROTTLE", "XLMIG_HOLD", "XLMIG_IO_TIMEOUT_S", "XLMIG_IMAGE", "XLMIG_IMAGE_FEATURES", "XLMIG_COMPRESS",
    "XLMIG_THREADS", "XLMIG_CHANNEL_FDS", "XLMIG_CHANNEL_TOKEN", "XLMIG_EVENTS_FD",
};

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

static unsigned warnings;

static void count(const char *text)
{
    ck_assert(text[0]);
    warnings++;
}

static void setup(void)
{
    for (int i = 0; i < LENGTH(names); i++)
        unsetenv(names[i]);
    warnings = 0;
}

static const struct helper_limits all_limits[] = {
    { 0 },
    { .max_rounds = 7, .max_downtime_us = 300000, .max_bandwidth = UINT64_C(1) << 40, .timeout_us = 5,
      .force_at_timeout = true, .throttle = true, .hold = true, .stall_timeout_us = 60000000 },
    { .max_rounds = 1000000, .max_downtime_us = UINT64_C(3600000000000), .max_bandwidth = INT64_MAX,
      .timeout_us = UINT64_C(3600000000000), .stall_timeout_us = UINT64_C(86400000000) },
};

START_TEST(limits_come_back_as_they_were)
{
    const struct helper_limits *in = &all_limits[_i];
    struct helper_limits out;

    helper_export_limits(&all_limits[1]); /* nothing of an earlier move stays */
    helper_export_limits(in);
    helper_read_limits(&out, count);
    ck_assert_uint_eq(out.max_rounds, in->max_rounds);
    ck_assert_uint_eq(out.max_downtime_us, in->max_downtime_us);
    ck_assert_uint_eq(out.max_bandwidth, in->max_bandwidth);
    ck_assert_uint_eq(out.timeout_us, in->timeout_us);
    ck_assert_int_eq(out.force_at_timeout, in->force_at_timeout);
    ck_assert_int_eq(out.throttle, in->throttle);
    ck_assert_int_eq(out.hold, in->hold);
    ck_assert_uint_eq(out.stall_timeout_us, in->stall_timeout_us);
    ck_assert_uint_eq(warnings, 0);
}
END_TEST

START_TEST(a_part_of_a_second_is_a_second)
{
    const struct helper_limits in = { .stall_timeout_us = 1 };
    struct helper_limits out;

    helper_export_limits(&in);
    helper_read_limits(&out, count);
    ck_assert_uint_eq(out.stall_timeout_us, 1000000);
}
END_TEST

START_TEST(an_image_comes_back_as_it_was)
{
    static const char *const codecs[] = { "auto", "none", "lz4", "zstd" };
    const int fds[] = { open("/dev/null", O_RDONLY | O_CLOEXEC), open("/dev/null", O_RDONLY | O_CLOEXEC) };
    const struct helper_image in = {
        .chosen = true, .v1 = true, .features = 0x8000000000000051, .channels = fds, .nr_channels = 2,
        .token = { 1, 0xab, [15] = 0xff }, .threads = 16, .compress = codecs[_i],
    };
    struct helper_image out;

    helper_export_image(&in);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD), 0);
    ck_assert_int_eq(helper_read_image(&out, 1, count), 0);
    ck_assert(out.chosen && out.v1);
    ck_assert_uint_eq(out.features, in.features);
    ck_assert_uint_eq(out.nr_channels, 2);
    ck_assert_mem_eq(out.channels, fds, sizeof fds);
    ck_assert_mem_eq(out.token, in.token, sizeof in.token);
    ck_assert_uint_eq(out.threads, 16);
    ck_assert_str_eq(out.compress, codecs[_i]);
    ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    helper_unexport_image(&in);
    ck_assert_int_eq(helper_read_image(&out, 1, count), 0);
    ck_assert_uint_eq(out.nr_channels, 0);
    ck_assert_uint_eq(warnings, 0);
}
END_TEST

START_TEST(libxc_s_image_and_nothing_at_all)
{
    const struct helper_image in = { .chosen = true };
    struct helper_image out;

    ck_assert_int_eq(helper_read_image(&out, 0x7f, count), 0);
    ck_assert(!out.chosen && !out.v1 && !out.nr_channels && !out.threads);
    ck_assert_uint_eq(out.features, 0x7f);
    ck_assert_str_eq(out.compress, "auto");
    helper_export_image(&in);
    ck_assert_int_eq(helper_read_image(&out, 0x7f, count), 0);
    ck_assert(out.chosen && !out.v1);
    ck_assert_uint_eq(out.features, 0);
    ck_assert_uint_eq(warnings, 0);
}
END_TEST

START_TEST(the_events_descriptor_comes_back_as_it_was)
{
    const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

    ck_assert_int_eq(helper_read_events_fd(), -1);
    helper_export_events_fd(fd);
    ck_assert_ptr_nonnull(getenv(helper_events_variable()));
    ck_assert_int_eq(helper_read_events_fd(), fd);
    close(fd);
    ck_assert_int_eq(helper_read_events_fd(), -1); /* it is not open */
    helper_export_events_fd(-1);
    ck_assert_ptr_null(getenv(helper_events_variable()));
}
END_TEST

/* Each is left out, with a warning. */
static const char *const bad[][2] = {
    { "XLMIG_MAX_ROUNDS", "1000001" }, { "XLMIG_MAX_ROUNDS", "-1" }, { "XLMIG_MAX_ROUNDS", "7x" },
    { "XLMIG_MAX_ROUNDS", "" }, { "XLMIG_MAX_DOWNTIME_US", "3600000000001" }, { "XLMIG_MAX_DOWNTIME_US", "soon" },
    { "XLMIG_MAX_BANDWIDTH", "9223372036854775808" }, { "XLMIG_MAX_BANDWIDTH", "1.5" },
    { "XLMIG_TIMEOUT_US", "18446744073709551616" }, { "XLMIG_ON_TIMEOUT", "Force" }, { "XLMIG_THROTTLE", "on" },
    { "XLMIG_HOLD", "2" }, { "XLMIG_IO_TIMEOUT_S", "86401" }, { "XLMIG_IMAGE", "v2" }, { "XLMIG_IMAGE_FEATURES", "5g" },
    { "XLMIG_IMAGE_FEATURES", "10000000000000000" }, { "XLMIG_IMAGE_FEATURES", "" }, { "XLMIG_COMPRESS", "gzip" },
    { "XLMIG_THREADS", "4097" }, { "XLMIG_THREADS", "4x" },
};

START_TEST(negative_values)
{
    struct helper_limits limits;
    struct helper_image image;

    setenv(bad[_i][0], bad[_i][1], 1);
    helper_read_limits(&limits, count);
    ck_assert_int_eq(helper_read_image(&image, 0, count), 0);
    ck_assert_uint_eq(warnings, 1);
    ck_assert(!limits.max_rounds && !limits.max_downtime_us && !limits.max_bandwidth && !limits.timeout_us &&
              !limits.force_at_timeout && !limits.throttle && !limits.hold && !limits.stall_timeout_us);
    ck_assert(!image.v1 && !image.features && !image.threads);
    ck_assert_str_eq(image.compress, "auto");
}
END_TEST

static const char *const bad_channels[][2] = {
    { "2", "00112233445566778899aabbccddeeff" }, { "4x", "00112233445566778899aabbccddeeff" },
    { "-4", "00112233445566778899aabbccddeeff" }, { "1048577", "00112233445566778899aabbccddeeff" },
    { "1000000", "00112233445566778899aabbccddeeff" }, { NULL, "00112233445566778899aabbccddeef" },
    { NULL, "00112233445566778899aabbccddeefg" }, { NULL, "" },
    { NULL, "00112233445566778899aabbccddeeff00" },
};

/* A number that is no open descriptor, a token that is half: whoever made the channels waits for them. */
START_TEST(negative_channels)
{
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct helper_image image;
    char list[16];

    snprintf(list, sizeof list, "%d", fd);
    setenv("XLMIG_CHANNEL_FDS", bad_channels[_i][0] ? bad_channels[_i][0] : list, 1);
    setenv("XLMIG_CHANNEL_TOKEN", bad_channels[_i][1], 1);
    ck_assert_int_eq(helper_read_image(&image, 0, count), -1);
    close(fd);
}
END_TEST

static const char *const bad_descriptors[] = { "", "2", "-1", "x", "3x", "1048577", "1000000" };

START_TEST(negative_events_descriptors)
{
    setenv("XLMIG_EVENTS_FD", bad_descriptors[_i], 1);
    ck_assert_int_eq(helper_read_events_fd(), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("environment");
    TCase *tcase = tcase_create("environment");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, limits_come_back_as_they_were, 0, LENGTH(all_limits));
    tcase_add_test(tcase, a_part_of_a_second_is_a_second);
    tcase_add_loop_test(tcase, an_image_comes_back_as_it_was, 0, 4);
    tcase_add_test(tcase, libxc_s_image_and_nothing_at_all);
    tcase_add_test(tcase, the_events_descriptor_comes_back_as_it_was);
    tcase_add_loop_test(tcase, negative_values, 0, LENGTH(bad));
    tcase_add_loop_test(tcase, negative_channels, 0, LENGTH(bad_channels));
    tcase_add_loop_test(tcase, negative_events_descriptors, 0, LENGTH(bad_descriptors));
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
