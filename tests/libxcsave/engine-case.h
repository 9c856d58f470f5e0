/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One save of a fake guest, with what a test wants to happen to it and what is seen of it. */
#ifndef TESTS_ENGINE_CASE_H
#define TESTS_ENGINE_CASE_H

#include <signal.h>

#include "tests/libxcsave/fake-guest.h"

struct save_case {
    struct fake_guest *guest;
    bool live;
    bool suspend_fails;
    bool emulator_on;           /* device model in log-dirty mode */
    unsigned emulator_fails_at;
    unsigned emulator_calls;
    unsigned rounds;
    volatile sig_atomic_t cancel;
    unsigned cancel_in_round;
    struct xcsave_policy_limits limits; /* no downtime given: as short as rounds can make it */
    struct xcsave_control *control;
    unsigned throttle, throttle_calls, most_throttled;
    bool throttle_fails;
    struct xcsave_report report;
    struct xcsave_error error;
};

/* An empty file in memory. */
int memory_file(void);
/* The engine's own results; report and error are the case's. */
int run_save(struct save_case *c, int fd);
int run_restore(struct fake_guest *g, int fd, struct xcsave_error *error);
/* Save, then restore into an empty guest, which must come out equal.  Returns it. */
struct fake_guest *move(struct save_case *c);

#endif
