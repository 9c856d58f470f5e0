/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The null endpoints: what the bench measures with them is all of the engine's work, and ends. */
#include "config.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/libxcsave/null-guest.h"
#include "tests/run-suite.h"

#define NR_PAGES 5000u

static const struct {
    enum xcsave_image image;
    enum xcsave_compress compress;
    unsigned threads;
} ways[] = {
    { XCSAVE_IMAGE_LIBXC, XCSAVE_COMPRESS_AUTO, 1 },
    { XCSAVE_IMAGE_V1, XCSAVE_COMPRESS_NONE, 1 },
    { XCSAVE_IMAGE_V1, XCSAVE_COMPRESS_LZ4, 3 },
};

START_TEST(all_of_a_null_guest_goes_into_a_null_sink)
{
    struct null_guest *g = null_guest_new(NR_PAGES);
    struct xcsave_report report;
    struct xcsave_error error;

    ck_assert_msg(null_guest_save(g, ways[_i].image, ways[_i].compress, ways[_i].threads, &report, &error) == 0,
                  "%s", error.text);
    ck_assert_uint_eq(report.end.pages_sent, NR_PAGES);
    ck_assert_uint_gt(report.end.bytes, 0);
    ck_assert_uint_eq(g->mapped, 0);
    null_guest_free(g);
}
END_TEST

static int on_suspend(void *user)
{
    ((struct null_guest *)user)->suspended = true;
    return 0;
}

static int save_to(struct null_guest *g, int fd)
{
    const struct xcsave_callbacks callbacks = { .user = g, .suspend = on_suspend };
    const struct xcsave_save_options options = { .fd = fd, .callbacks = &callbacks };
    struct xcsave_report report;
    struct xcsave_error error;

    return xcsave_save(&g->base, &options, &report, &error);
}

START_TEST(a_null_guest_takes_what_another_one_gave)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    struct null_guest *from = null_guest_new(NR_PAGES), *to = null_guest_new(NR_PAGES);
    const struct xcsave_callbacks callbacks = { 0 };
    struct xcsave_restore_options options = { .fd = fd, .callbacks = &callbacks };
    struct xcsave_restore_result result;
    struct xcsave_report report;
    struct xcsave_error error;

    ck_assert_int_eq(save_to(from, fd), 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
    ck_assert_msg(xcsave_restore(&to->base, &options, &result, &report, &error) == 0, "%s", error.text);
    ck_assert_uint_eq(report.end.pages_sent, NR_PAGES);
    ck_assert_uint_eq(to->mapped, 0);
    null_guest_free(from);
    null_guest_free(to);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("null endpoints");
    TCase *tc = tcase_create("null endpoints");

    tcase_add_loop_test(tc, all_of_a_null_guest_goes_into_a_null_sink, 0, sizeof(ways) / sizeof(ways[0]));
    tcase_add_test(tc, a_null_guest_takes_what_another_one_gave);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
