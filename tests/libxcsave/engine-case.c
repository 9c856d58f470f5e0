/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine-case.h"
#include "tests/run-suite.h"

static int on_suspend(void *user)
{
    struct save_case *c = user;

    ck_assert_uint_eq(c->throttle, 0);
    if (c->suspend_fails)
        return -1;
    c->guest->suspended = true;
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

int run_save(struct save_case *c, int fd)
{
    if (!c->limits.max_downtime_us)
        c->limits.max_downtime_us = 1;
    const struct xcsave_callbacks callbacks = {
        .user = c, .suspend = on_suspend, .emulator_logdirty = on_emulator, .round_done = on_round,
        .throttle = on_throttle,
    };
    const struct xcsave_save_options options = {
        .fd = fd, .live = c->live, .cancel = &c->cancel, .callbacks = &callbacks, .io_timeout_s = 1,
        .limits = c->limits, .control = c->control,
    };

    return xcsave_save(&c->guest->base, &options, &c->report, &c->error);
}

int run_restore(struct fake_guest *g, int fd, struct xcsave_error *error)
{
    static const struct xcsave_callbacks callbacks = { 0 };
    const struct xcsave_restore_options options = { .fd = fd, .callbacks = &callbacks, .io_timeout_s = 1 };
    struct xcsave_restore_result result;
    struct xcsave_report report;

    return xcsave_restore(&g->base, &options, &result, &report, error);
}

int memory_file(void)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    return fd;
}

struct fake_guest *move(struct save_case *c)
{
    struct fake_guest *to = fake_guest_new_empty();
    struct xcsave_error error;
    int fd = memory_file();

    ck_assert_msg(!run_save(c, fd), "save: %s", c->error.text);
    lseek(fd, 0, SEEK_SET);
    ck_assert_msg(!run_restore(to, fd, &error), "restore: %s", error.text);
    ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), lseek(fd, 0, SEEK_END)); /* nothing left, nothing read beyond */
    ck_assert(to->completed);
    ck_assert_str_eq((char *)to->state, "state");
    ck_assert(fake_guest_equal(c->guest, to));
    ck_assert(!c->guest->logdirty && !c->emulator_on);
    ck_assert_uint_eq(c->guest->mapped, 0);
    close(fd);
    return to;
}
