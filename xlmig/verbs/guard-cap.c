/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The watchdog over a VM's cap: see throttle.h.  Its standard input ends when
 * the xlmig that slowed the VM down is done, or dead.  In the first case the
 * record is gone, and there is nothing left to do.
 */
#include "config.h"

#include "xlmig/domain/cap-record.h"
#include "xlmig/cli/verb.h"
#include "xlmig/verbs/session.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define TRIES 10
#define OWNER_ENDS_MS 10000

/* What ends the other, whole process groups of it, does not end this. */
static void stand_apart(void)
{
    static const int signums[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

    setsid();
    for (size_t i = 0; i < sizeof signums / sizeof signums[0]; i++)
        signal(signums[i], SIG_IGN);
}

static void wait_for_the_end(void)
{
    char byte;
    ssize_t n;

    do
        n = read(STDIN_FILENO, &byte, 1);
    while (n > 0 || (n < 0 && errno == EINTR));
}

static int give_back(const char *toolstack, const char *path)
{
    struct toolstack_session session;
    struct failure failure = { 0 };
    int rc;

    if (toolstack_session_open(&session, toolstack, &failure) < 0)
        return -1;
    rc = cap_record_recover_one(session.ts, toolstack, path, OWNER_ENDS_MS, &failure);
    toolstack_session_close(&session);
    return rc;
}

static int run_guard_cap(const struct verb_call *call)
{
    const struct timespec second = { .tv_sec = 1 };

    stand_apart();
    if (write(STDOUT_FILENO, "", 1) != 1)
        return EXIT_FAILED;
    wait_for_the_end();
    for (unsigned i = 0; i < TRIES; i++) {
        if (access(call->argv[0], F_OK) < 0 || give_back(call->toolstack, call->argv[0]) == 0)
            return EXIT_OK;
        nanosleep(&second, NULL);
    }
    return EXIT_FAILED;
}

const struct verb verb_guard_cap = {
    .name = "guard-cap",
    .arguments = "FILE",
    .summary = "give a VM its cap back when the other end of standard input is gone",
    .min_args = 1,
    .max_args = 1,
    .hidden = true,
    .run = run_guard_cap,
};
