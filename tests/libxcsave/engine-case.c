/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/libxcsave/engine-case.h"
#include "stream-format/image1/image1.h"
#include "tests/run-suite.h"

static const uint8_t token[16] = "0123456789abcde";

unsigned engine_extra_channels(enum engine_way way)
{
    return way == WAY_V1_CHANNELS ? 2 : 0;
}

unsigned engine_jobs_a_batch(enum engine_way way)
{
    return way == WAY_LIBXC ? 1 : 2;
}

static int on_suspend(void *user)
{
    struct save_case *c = user;

    ck_assert_uint_eq(c->throttle, 0);
    ck_assert(!c->may_suspend || __atomic_load_n(c->may_suspend, __ATOMIC_RELAXED));
    if (c->suspend_fails)
        return -1;
    c->guest->suspended = true;
    if (c->at_suspend)
        c->at_suspend(c->guest);
    return 0;
}

static int on_emulator(void *user, bool enable)
{
    struct save_case *c = user;

    if (++c->emulator_calls == c->emulator_fails_at)
        return -1;
    c->emulator_on = enable;
    return 0;
}

static int on_ready(void *user, struct xcsave_error *error)
{
    struct save_case *c = user;

    c->ready_calls++;
    c->tracked_when_ready = c->guest->logdirty && c->emulator_on;
    c->sent_when_ready = c->report.end.pages_sent;
    if (c->ready_fails)
        *error = (struct xcsave_error){ .errnum = EPERM, .text = "not ready" };
    return c->ready_fails ? -1 : 0;
}

static void on_round(void *user, const struct xcsave_round *round, bool stopped)
{
    struct save_case *c = user;

    (void)round, (void)stopped;
    if (++c->rounds == c->cancel_in_round)
        c->cancel = 1;
}

static int on_throttle(void *user, unsigned percent)
{
    struct save_case *c = user;

    c->throttle_calls++;
    if (c->throttle_fails)
        return -1;
    c->throttle = percent;
    if (percent > c->most_throttled)
        c->most_throttled = percent;
    return 0;
}

static void on_note(void *user, const char *text)
{
    struct save_case *c = user;

    c->notes++;
    snprintf(c->last_note, sizeof c->last_note, "%s", text);
}

static struct xcsave_image_options image_options(const struct save_case *c)
{
    static const enum xcsave_compress compress[NR_WAYS] = {
        [WAY_V1_SERIAL] = XCSAVE_COMPRESS_NONE, [WAY_V1_ZSTD] = XCSAVE_COMPRESS_ZSTD,
        [WAY_V1_THREADS] = XCSAVE_COMPRESS_LZ4, [WAY_V1_CHANNELS] = XCSAVE_COMPRESS_AUTO,
    };
    struct xcsave_image_options image = {
        .image = c->way == WAY_LIBXC ? XCSAVE_IMAGE_LIBXC : XCSAVE_IMAGE_V1,
        .features = c->features ? c->features : IMAGE1_FEATURES_KNOWN & ~IMAGE1_FEATURE_INDEX,
        .compress = compress[c->way],
        .threads = c->way == WAY_V1_THREADS ? 4 : 1,
        .channels = c->channels,
        .nr_channels = engine_extra_channels(c->way),
    };

    memcpy(image.token, token, sizeof(token));
    return image;
}

int run_save(struct save_case *c, int fd)
{
    if (!c->limits.max_downtime_us)
        c->limits.max_downtime_us = 1;
    const struct xcsave_callbacks callbacks = {
        .user = c, .suspend = on_suspend, .emulator_logdirty = on_emulator, .ready = on_ready, .round_done = on_round,
        .throttle = on_throttle, .note = on_note,
    };
    const struct xcsave_save_options options = {
        .fd = fd, .live = c->live, .cancel = &c->cancel, .callbacks = &callbacks,
        .io_timeout_s = c->patience_s ? c->patience_s : DEFAULT_PATIENCE_S, .limits = c->limits, .knobs = c->knobs,
        .image = image_options(c),
    };

    c->guest->jobs_a_batch = engine_jobs_a_batch(c->way);
    return xcsave_save(&c->guest->base, &options, &c->report, &c->error);
}

int run_save_alone(struct save_case *c, int fd)
{
    unsigned nr = engine_extra_channels(c->way);
    int rc;

    for (unsigned i = 0; i < nr; i++)
        c->channels[i] = memory_file();
    rc = run_save(c, fd);
    for (unsigned i = 0; i < nr; i++)
        close(c->channels[i]);
    return rc;
}

int run_restore(struct restore_case *c)
{
    static const struct xcsave_callbacks callbacks = { 0 };
    struct xcsave_restore_options options = {
        .fd = c->fd, .callbacks = &callbacks, .cancel = &c->cancel,
        .io_timeout_s = c->patience_s ? c->patience_s : DEFAULT_PATIENCE_S,
        .image = { .channels = c->channels, .nr_channels = c->nr_channels },
    };
    struct xcsave_restore_result result;

    memcpy(options.image.token, token, sizeof(token));
    return c->rc = xcsave_restore(&c->guest->base, &options, &result, &c->report, &c->error);
}

int memory_file(void)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    return fd;
}

size_t read_octets(int fd, uint8_t **octets)
{
    off_t len = lseek(fd, 0, SEEK_END);

    *octets = malloc((size_t)len);
    ck_assert_int_eq(pread(fd, *octets, (size_t)len, 0), len);
    return (size_t)len;
}

static void *restore_thread(void *arg)
{
    struct restore_case *to = arg;

    run_restore(to);
    /* What is done reading says so, and what is not leaves nobody writing into the void. */
    shutdown(to->fd, SHUT_RDWR);
    for (unsigned i = 0; i < to->nr_channels; i++)
        shutdown(to->channels[i], SHUT_RDWR);
    return NULL;
}

int run_both(struct save_case *c, struct restore_case *to)
{
    int pairs[MAX_TEST_CHANNELS + 1][2];
    pthread_t thread;
    int rc;

    to->nr_channels = engine_extra_channels(c->way);
    for (unsigned i = 0; i <= to->nr_channels; i++) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]), 0);
        if (i) {
            c->channels[i - 1] = pairs[i][0];
            to->channels[i - 1] = pairs[i][1];
        }
    }
    to->fd = pairs[0][1];
    ck_assert_int_eq(pthread_create(&thread, NULL, restore_thread, to), 0);
    rc = run_save(c, pairs[0][0]);
    for (unsigned i = 0; i <= to->nr_channels; i++)
        shutdown(pairs[i][0], SHUT_WR);
    pthread_join(thread, NULL);
    for (unsigned i = 0; i <= to->nr_channels; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
    return rc;
}

static void move_by_file(struct save_case *c, struct restore_case *to)
{
    int fd = memory_file();

    ck_assert_msg(!run_save(c, fd), "save: %s", c->error.text);
    lseek(fd, 0, SEEK_SET);
    to->fd = fd;
    ck_assert_msg(!run_restore(to), "restore: %s", to->error.text);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), lseek(fd, 0, SEEK_END)); /* nothing left, nothing read beyond */
    close(fd);
}

struct fake_guest *move(struct save_case *c)
{
    struct restore_case to = { .guest = fake_guest_new_sized(c->guest->max_pages) };

    to.guest->type = c->guest->type;
    if (c->prepare)
        c->prepare(to.guest);
    if (engine_extra_channels(c->way)) {
        ck_assert_msg(!run_both(c, &to), "save: %s (restore: %s)", c->error.text, to.error.text);
        ck_assert_msg(!to.rc, "restore: %s", to.error.text);
    } else {
        move_by_file(c, &to);
    }
    ck_assert(to.guest->completed);
    ck_assert_str_eq((char *)to.guest->state, "state");
    ck_assert(fake_guest_equal(c->guest, to.guest));
    ck_assert(!c->guest->logdirty && !c->emulator_on);
    ck_assert_uint_eq(c->guest->mapped, 0);
    ck_assert_uint_eq(to.guest->mapped, 0);
    ck_assert_uint_eq(c->report.end.bytes, to.report.end.bytes);
    c->extents = to.report.extents;
    return to.guest;
}
