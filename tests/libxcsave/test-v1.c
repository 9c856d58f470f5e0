/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The engine with xlmig's own image: what it saves, how channels carry it, what holds it and ends it. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/libxcsave/engine-case.h"
#include "stream-format/image1/image1.h"
#include "tests/run-suite.h"

/* ---- what it saves ------------------------------------------------------ */

static const struct xcsave_kind_count *kind_of(const struct save_case *c, enum xcsave_kind kind)
{
    return &c->report.end.kinds[kind];
}

START_TEST(zeros_and_equal_pages_cost_next_to_nothing)
{
    struct save_case c = { .guest = fake_guest_new(4096), .way = _i, .live = true };
    struct fake_guest *to;

    for (unsigned pfn = 0; pfn < 1000; pfn++)
        memset(c.guest->memory + pfn * GUEST_PAGE_SIZE, 0, GUEST_PAGE_SIZE);
    for (unsigned pfn = 1000; pfn < 4000; pfn++)
        fake_guest_write(c.guest, pfn, 7);
    to = move(&c);
    ck_assert_uint_eq(kind_of(&c, XCSAVE_KIND_ZERO)->pages, 1000);
    ck_assert_uint_ge(kind_of(&c, XCSAVE_KIND_SAME)->pages, 2900);
    ck_assert_uint_lt(c.report.end.bytes, 220 * GUEST_PAGE_SIZE);
    fake_guest_free(to);
    fake_guest_free(c.guest);
}
END_TEST

static void change_a_word(struct fake_guest *g, unsigned round)
{
    for (unsigned pfn = 0; round < 4 && pfn < 200; pfn++) {
        memcpy(g->memory + pfn * GUEST_PAGE_SIZE + 64 * round, &pfn, sizeof(pfn));
        g->dirty[pfn / 64] |= UINT64_C(1) << (pfn % 64);
    }
}

START_TEST(a_page_that_changed_a_little_travels_as_what_changed)
{
    struct save_case c = { .guest = fake_guest_new(1000), .way = _i, .live = true };

    c.guest->script = change_a_word;
    fake_guest_free(move(&c));
    ck_assert_uint_ge(kind_of(&c, XCSAVE_KIND_DELTA)->pages, 200);
    ck_assert_uint_lt(kind_of(&c, XCSAVE_KIND_DELTA)->bytes, kind_of(&c, XCSAVE_KIND_DELTA)->pages * 48);
    ck_assert_uint_eq(kind_of(&c, XCSAVE_KIND_DATA)->pages, 1000);
    fake_guest_free(c.guest);
}
END_TEST

static void touch_all(struct fake_guest *g, unsigned round)
{
    if (round == 1)
        memset(g->dirty, 0xff, g->nr_pfns / 8);
}

START_TEST(pages_that_did_not_change_are_not_sent_again)
{
    struct save_case c = { .guest = fake_guest_new(2048), .way = _i, .live = true };

    memset(c.guest->memory, 0, 100 * GUEST_PAGE_SIZE);
    c.guest->script = touch_all;
    fake_guest_free(move(&c));
    ck_assert_uint_eq(kind_of(&c, XCSAVE_KIND_UNCHANGED)->pages, 2048 + 1); /* the page that guards the log, at the end */
    ck_assert_uint_eq(kind_of(&c, XCSAVE_KIND_DATA)->pages, 1948);
    ck_assert_uint_eq(kind_of(&c, XCSAVE_KIND_ZERO)->pages, 100);
    fake_guest_free(c.guest);
}
END_TEST

static void clear_and_fill(struct fake_guest *g, unsigned round)
{
    for (unsigned pfn = 0; round < 4 && pfn < 600; pfn++) {
        if (pfn % 3 == round % 3)
            fake_guest_write(g, pfn, round * 1000 + pfn % 5);
        else if (pfn % 3 == (round + 1) % 3)
            memset(g->memory + pfn * GUEST_PAGE_SIZE, 0, GUEST_PAGE_SIZE);
        g->dirty[pfn / 64] |= UINT64_C(1) << (pfn % 64);
    }
}

START_TEST(pages_that_come_and_go_and_come_again_arrive)
{
    struct save_case c = { .guest = fake_guest_new(1200), .way = _i, .live = true };

    c.guest->script = clear_and_fill;
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(what_the_reader_does_not_read_is_not_written)
{
    struct save_case c = { .guest = fake_guest_new(1000), .way = WAY_V1_THREADS, .live = true };
    uint8_t header[IMAGE1_HEADER_LEN];
    struct image1_header decoded;
    struct image1_fault fault;
    int fd = memory_file();

    c.features = IMAGE1_FEATURE_ZSTD;
    c.guest->script = change_a_word;
    ck_assert_int_eq(run_save(&c, fd), 0);
    ck_assert_int_eq(pread(fd, header, sizeof(header), 0), (ssize_t)sizeof(header));
    ck_assert_int_eq(image1_decode_header(header, sizeof(header), &decoded, &fault), 0);
    ck_assert_uint_eq(decoded.features, 0);
    ck_assert_uint_eq(kind_of(&c, XCSAVE_KIND_DELTA)->pages + kind_of(&c, XCSAVE_KIND_SAME)->pages, 0);
    close(fd);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(channels_that_the_reader_does_not_take_are_refused)
{
    struct save_case c = { .guest = fake_guest_new(10), .way = WAY_V1_CHANNELS };
    int fd = memory_file();

    c.features = IMAGE1_FEATURE_LZ4;
    ck_assert_int_eq(run_save_alone(&c, fd), -1);
    ck_assert_ptr_nonnull(strstr(c.error.text, "one channel"));
    close(fd);
    fake_guest_free(c.guest);
}
END_TEST

/* ---- channels -------------------------------------------------------------- */

#define NR_CHANNELS 3u

struct channel_files {
    int fds[NR_CHANNELS];
};

static struct channel_files save_to_files(void)
{
    struct save_case c = { .guest = fake_guest_new(3000), .way = WAY_V1_CHANNELS, .live = true };
    struct channel_files files;

    for (unsigned i = 0; i < NR_CHANNELS; i++)
        files.fds[i] = memory_file();
    for (unsigned i = 1; i < NR_CHANNELS; i++)
        c.channels[i - 1] = files.fds[i];
    c.guest->script = change_a_word;
    ck_assert_msg(!run_save(&c, files.fds[0]), "%s", c.error.text);
    fake_guest_free(c.guest);
    return files;
}

/* A restore from files: other channels may come in any order. */
static int restore_files(const struct channel_files *files, const unsigned *order, unsigned nr, struct xcsave_error *error)
{
    struct restore_case to = { .guest = fake_guest_new_empty(), .fd = files->fds[order[0]], .nr_channels = nr - 1 };

    for (unsigned i = 0; i < nr; i++) {
        lseek(files->fds[order[i]], 0, SEEK_SET);
        if (i)
            to.channels[i - 1] = files->fds[order[i]];
    }
    run_restore(&to);
    *error = to.error;
    ck_assert_uint_eq(to.guest->mapped, 0);
    ck_assert(to.rc ? !to.guest->completed : to.guest->completed);
    fake_guest_free(to.guest);
    return to.rc;
}

static void close_files(struct channel_files *files)
{
    for (unsigned i = 0; i < NR_CHANNELS; i++)
        close(files->fds[i]);
}

START_TEST(channels_may_come_in_any_order)
{
    static const unsigned order[] = { 0, 2, 1 };
    struct channel_files files = save_to_files();
    struct xcsave_error error;

    ck_assert_msg(!restore_files(&files, order, 3, &error), "%s", error.text);
    close_files(&files);
}
END_TEST

START_TEST(a_channel_that_is_missing_is_refused)
{
    static const unsigned order[] = { 0, 1 };
    struct channel_files files = save_to_files();
    struct xcsave_error error;

    ck_assert_int_eq(restore_files(&files, order, 2, &error), -1);
    ck_assert_ptr_nonnull(strstr(error.text, "3 channels, of which 2"));
    close_files(&files);
}
END_TEST

/* Octet `at` of channel 1's header becomes another, under a right checksum. */
static int restore_with_header(size_t at, uint8_t value, struct xcsave_error *error)
{
    static const unsigned order[] = { 0, 1, 2 };
    struct channel_files files = save_to_files();
    uint8_t header[IMAGE1_CHANNEL_HEADER_LEN];
    int rc;

    ck_assert_int_eq(pread(files.fds[1], header, sizeof(header), 0), (ssize_t)sizeof(header));
    header[at] = value;
    stream_put_le32(header + 36, crc32c(0, header, 36));
    ck_assert_int_eq(pwrite(files.fds[1], header, sizeof(header), 0), (ssize_t)sizeof(header));
    rc = restore_files(&files, order, 3, error);
    close_files(&files);
    return rc;
}

START_TEST(a_foreign_connection_is_refused)
{
    struct xcsave_error error;

    ck_assert_int_eq(restore_with_header(16, 'x', &error), -1);
    ck_assert_int_eq(error.errnum, EACCES);
    ck_assert_ptr_nonnull(strstr(error.text, "not this migration"));
}
END_TEST

START_TEST(a_channel_twice_or_uninvited_is_refused)
{
    struct xcsave_error error;

    ck_assert_int_eq(restore_with_header(10, 2, &error), -1);
    ck_assert_ptr_nonnull(strstr(error.text, "twice"));
    ck_assert_int_eq(restore_with_header(10, 3, &error), -1);
    ck_assert_ptr_nonnull(strstr(error.text, "uninvited"));
}
END_TEST

/* At each record's beginning, and in its middle. */
START_TEST(a_channel_that_is_lost_is_named)
{
    static const unsigned order[] = { 0, 1, 2 };
    struct channel_files files = save_to_files();
    uint8_t *octets;
    size_t len = read_octets(files.fds[_i], &octets), at = _i ? IMAGE1_CHANNEL_HEADER_LEN : IMAGE1_HEADER_LEN;
    char name[32];

    snprintf(name, sizeof(name), "channel %d of 3: ", _i + 1);
    while (at < len) {
        struct image1_record record;
        struct image1_fault fault;
        struct xcsave_error error;

        ck_assert_int_eq(image1_decode_record(octets + at, &record, &fault), 0);
        for (unsigned middle = 0; middle < 2; middle++) {
            off_t cut = (off_t)(at + middle * (8 + record.length / 2));

            ck_assert_int_eq(pwrite(files.fds[_i], octets, len, 0), (ssize_t)len);
            ck_assert_int_eq(ftruncate(files.fds[_i], cut), 0);
            ck_assert_int_eq(restore_files(&files, order, 3, &error), -1);
            ck_assert_msg(strstr(error.text, name) == error.text && strstr(error.text, "ends early"), "%s", error.text);
        }
        at += IMAGE1_RECORD_HEADER_LEN + record.length + image1_padding(record.length);
    }
    free(octets);
    close_files(&files);
}
END_TEST

static double seconds_since(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void *cancel_soon(void *arg)
{
    const struct timespec a_moment = { .tv_nsec = 200000000 };

    nanosleep(&a_moment, NULL);
    __atomic_store_n((volatile sig_atomic_t *)arg, 1, __ATOMIC_RELAXED);
    return NULL;
}

/* Nobody reads: all channels stand, the queue is full. */
START_TEST(a_cancel_is_heard_while_every_channel_stands)
{
    struct save_case c = { .guest = fake_guest_new(FAKE_MAX_PAGES), .way = _i, .live = true };
    unsigned nr = engine_extra_channels(_i) + 1;
    int pairs[NR_CHANNELS][2];
    struct timespec start;
    pthread_t thread;

    for (unsigned i = 0; i < nr; i++) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
        if (i)
            c.channels[i - 1] = pairs[i][0];
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, (void *)&c.cancel), 0);
    ck_assert_int_eq(run_save(&c, pairs[0][0]), -1);
    ck_assert_int_eq(c.error.errnum, ECANCELED);
    ck_assert_double_lt(seconds_since(&start), DEFAULT_PATIENCE_S / 2);
    ck_assert(!c.guest->logdirty && !c.guest->mapped);
    pthread_join(thread, NULL);
    for (unsigned i = 0; i < nr; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    fake_guest_free(c.guest);
}
END_TEST

static void *finish_soon(void *arg)
{
    const struct timespec a_moment = { .tv_nsec = 200000000 };

    nanosleep(&a_moment, NULL);
    xcsave_knobs_finish(arg);
    return NULL;
}

static int is_released;

static void *release_soon(void *arg)
{
    const struct timespec a_moment = { .tv_nsec = 200000000 };

    nanosleep(&a_moment, NULL);
    __atomic_store_n(&is_released, 1, __ATOMIC_RELAXED);
    xcsave_knobs_release(arg);
    return NULL;
}

/* Live or not: the guest runs until it is released, and what it writes meanwhile is sent. */
START_TEST(a_held_guest_runs_until_it_is_released)
{
    struct save_case c = {
        .guest = fake_guest_new(1000), .way = WAY_V1_THREADS, .live = _i, .may_suspend = &is_released,
    };
    pthread_t thread;

    c.guest->script = change_a_word;
    c.knobs = xcsave_knobs_new(0, 0);
    xcsave_knobs_hold(c.knobs);
    ck_assert_int_eq(pthread_create(&thread, NULL, release_soon, c.knobs), 0);
    fake_guest_free(move(&c));
    pthread_join(thread, NULL);
    ck_assert_uint_ge(c.report.precopy_rounds, _i ? 2 : 0);
    xcsave_knobs_free(c.knobs);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_held_guest_is_stopped_when_the_end_is_asked_for)
{
    struct save_case c = { .guest = fake_guest_new(1000), .way = WAY_V1_THREADS, .live = _i };
    pthread_t thread;

    c.knobs = xcsave_knobs_new(0, 0);
    xcsave_knobs_hold(c.knobs);
    ck_assert_int_eq(pthread_create(&thread, NULL, finish_soon, c.knobs), 0);
    fake_guest_free(move(&c));
    pthread_join(thread, NULL);
    xcsave_knobs_free(c.knobs);
    fake_guest_free(c.guest);
}
END_TEST

/* What waits for the limit when the end is asked for does not wait any longer. */
START_TEST(a_finish_does_not_wait_for_the_limit)
{
    struct save_case c = { .guest = fake_guest_new(FAKE_MAX_PAGES), .way = WAY_V1_THREADS, .live = true };
    pthread_t thread;

    c.knobs = xcsave_knobs_new(1 << 20, 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, finish_soon, c.knobs), 0);
    fake_guest_free(move(&c));
    pthread_join(thread, NULL);
    ck_assert_int_eq(c.report.reason, XCSAVE_REASON_ASKED);
    ck_assert_uint_lt(c.report.total_us, FAKE_MAX_PAGES * 4096ull * 1000000 / (1 << 20) / 2); /* which the limit means twice */
    xcsave_knobs_free(c.knobs);
    fake_guest_free(c.guest);
}
END_TEST

/* One channel is closed by the other side: the save ends, and says which. */
START_TEST(a_channel_that_breaks_ends_the_save_and_is_named)
{
    struct save_case c = { .guest = fake_guest_new(FAKE_MAX_PAGES), .way = WAY_V1_CHANNELS, .live = true };
    int pairs[NR_CHANNELS][2];
    char name[32];

    for (unsigned i = 0; i < NR_CHANNELS; i++) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]), 0);
        if (i)
            c.channels[i - 1] = pairs[i][0];
    }
    close(pairs[_i][1]);
    snprintf(name, sizeof(name), "channel %d of 3: ", _i + 1);
    ck_assert_int_eq(run_save(&c, pairs[0][0]), -1);
    ck_assert_int_eq(c.error.errnum, EPIPE);
    ck_assert_msg(strstr(c.error.text, name) == c.error.text, "%s", c.error.text);
    ck_assert(!c.guest->logdirty && !c.guest->mapped);
    for (unsigned i = 0; i < NR_CHANNELS; i++) {
        close(pairs[i][0]);
        if (i != (unsigned)_i)
            close(pairs[i][1]);
    }
    fake_guest_free(c.guest);
}
END_TEST

/* Whatever the destination fails at, both sides end, and its guest cannot run. */
START_TEST(a_destination_that_fails_at_any_call_ends_both_sides)
{
    unsigned calls = 0;

    for (unsigned at = 0; at == 0 || at <= calls; at++) {
        struct save_case c = { .guest = fake_guest_new(1100), .way = _i };
        struct restore_case to = { .guest = fake_guest_new_empty() };

        c.guest->type = to.guest->type = STREAM_GUEST_X86_PV;
        c.guest->types[500] = STREAM_PAGE_L1TAB;
        to.guest->fail_at = at;
        run_both(&c, &to);
        if (at == 0)
            calls = to.guest->calls;
        ck_assert_int_eq(to.rc, at ? -1 : 0);
        ck_assert(!at || (strstr(to.error.text, "injected") && !to.guest->completed));
        ck_assert_uint_eq(to.guest->mapped, 0);
        fake_guest_free(to.guest);
        fake_guest_free(c.guest);
    }
    ck_assert_uint_gt(calls, 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("v1");
    TCase *tc = tcase_create("v1");

    signal(SIGPIPE, SIG_IGN);
    tcase_set_timeout(tc, 100);
    tcase_add_loop_test(tc, zeros_and_equal_pages_cost_next_to_nothing, WAY_V1_SERIAL, NR_WAYS);
    tcase_add_loop_test(tc, a_page_that_changed_a_little_travels_as_what_changed, WAY_V1_SERIAL, NR_WAYS);
    tcase_add_loop_test(tc, pages_that_did_not_change_are_not_sent_again, WAY_V1_SERIAL, NR_WAYS);
    tcase_add_loop_test(tc, pages_that_come_and_go_and_come_again_arrive, WAY_V1_SERIAL, NR_WAYS);
    tcase_add_test(tc, what_the_reader_does_not_read_is_not_written);
    tcase_add_test(tc, channels_that_the_reader_does_not_take_are_refused);
    tcase_add_test(tc, channels_may_come_in_any_order);
    tcase_add_test(tc, a_channel_that_is_missing_is_refused);
    tcase_add_test(tc, a_foreign_connection_is_refused);
    tcase_add_test(tc, a_channel_twice_or_uninvited_is_refused);
    tcase_add_loop_test(tc, a_channel_that_is_lost_is_named, 0, NR_CHANNELS);
    tcase_add_loop_test(tc, a_cancel_is_heard_while_every_channel_stands, WAY_V1_SERIAL, NR_WAYS);
    tcase_add_test(tc, a_finish_does_not_wait_for_the_limit);
    tcase_add_loop_test(tc, a_held_guest_runs_until_it_is_released, 0, 2);
    tcase_add_loop_test(tc, a_held_guest_is_stopped_when_the_end_is_asked_for, 0, 2);
    tcase_add_loop_test(tc, a_channel_that_breaks_ends_the_save_and_is_named, 0, NR_CHANNELS);
    tcase_add_loop_test(tc, a_destination_that_fails_at_any_call_ends_both_sides, WAY_V1_SERIAL, NR_WAYS);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
