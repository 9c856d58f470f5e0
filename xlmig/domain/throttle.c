/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/domain/throttle.h"

#include "xlmig/domain/cap-record.h"
#include "xlmig/base/child.h"
#include "xlmig/base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIN_CAP 5           /* with less a guest hardly gets to suspend */
#define MIN_USED 20         /* of a CPU: a VM that used less is not what fills the link; who knows what it did before */
#define WATCHDOG_START_MS 5000
#define WATCHDOG_END_MS 2000

struct throttle {
    struct toolstack *ts;
    const char *toolstack;
    struct vm vm; /* as of the beginning */
    uint64_t began_us;
    struct toolstack_sched own;
    unsigned used_percent;  /* of one CPU, before it was slowed */
    struct cap_record record;
    pid_t watchdog;         /* 0: none */
    int watchdog_fd;        /* which closes when this process ends, however that comes */
    bool begun, failed;
};

struct throttle *throttle_new(struct toolstack *ts, const char *toolstack, const struct vm *vm)
{
    struct throttle *t = calloc(1, sizeof *t);
    struct failure failure = { 0 };
    struct vm now;

    if (!t)
        return NULL;
    *t = (struct throttle){
        .ts = ts, .toolstack = toolstack, .vm = *vm, .record.fd = -1, .watchdog_fd = -1,
    };
    if (ts->ops->ask.find_domid(ts, vm->domid, &now, &failure) == 0)
        t->vm = now; /* what it used so far counts from here */
    t->began_us = now_us();
    return t;
}

int throttle_cap(unsigned vcpus, unsigned used_percent, int own_cap, unsigned percent)
{
    unsigned most = vcpus ? vcpus * 100 : 100, cap;

    if (percent == 0)
        return own_cap;
    if (used_percent && used_percent < most)
        most = used_percent < MIN_USED ? MIN_USED : used_percent;
    if (own_cap > 0 && (unsigned)own_cap < most)
        most = (unsigned)own_cap;
    cap = percent < 100 ? most * (100 - percent) / 100 : 0;
    return cap < MIN_CAP ? MIN_CAP : (int)cap;
}

/* A VM with many vCPUs that uses few of them would not feel a cap on all. */
static unsigned measure_use(struct throttle *t)
{
    uint64_t us = now_us() - t->began_us;
    struct failure failure = { 0 };
    struct vm now;

    if (t->ts->ops->ask.find_domid(t->ts, t->vm.domid, &now, &failure) != 0 || us == 0 || now.cpu_ns <= t->vm.cpu_ns)
        return 0;
    return (unsigned)((now.cpu_ns - t->vm.cpu_ns) / 10 / us);
}

/* ---- the watchdog ---- */

static bool said_ready(int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    char byte;

    return poll(&pfd, 1, WATCHDOG_START_MS) == 1 && read(fd, &byte, 1) == 1;
}

static int start_watchdog(struct throttle *t, struct failure *failure)
{
    const char *const argv[] = {
        "/proc/self/exe", "--toolstack", t->toolstack, "guard-cap", t->record.path, NULL,
    };
    int alive[2], ready[2], rc;

    if (pipe2(alive, O_CLOEXEC) < 0)
        return failure_set(failure, "cannot start a watchdog: %s", strerror(errno));
    if (pipe2(ready, O_CLOEXEC) < 0) {
        close(alive[0]);
        close(alive[1]);
        return failure_set(failure, "cannot start a watchdog: %s", strerror(errno));
    }
    const struct child_spec spec = {
        .argv = argv, .input_fd = alive[0], .output_fd = ready[1], .error_fd = -1, .pass_fd = -1,
    };
    rc = child_spawn(&spec, &t->watchdog, failure);
    close(alive[0]);
    close(ready[1]);
    t->watchdog_fd = alive[1];
    if (rc == 0 && !said_ready(ready[0]))
        rc = failure_set(failure, "the watchdog over the VM's cap did not start");
    close(ready[0]);
    return rc;
}

/* It sees its input end, and nothing left to do. */
static void dismiss_watchdog(struct throttle *t)
{
    const struct timespec ms = { .tv_nsec = 1000000 };

    if (t->watchdog_fd >= 0)
        close(t->watchdog_fd);
    t->watchdog_fd = -1;
    for (unsigned i = 0; t->watchdog > 0 && i < WATCHDOG_END_MS; i++) {
        if (waitpid(t->watchdog, NULL, WNOHANG) != 0)
            t->watchdog = 0;
        else
            nanosleep(&ms, NULL);
    }
}

/* ---- */

static int begin(struct throttle *t, struct failure *failure)
{
    struct toolstack_ops const *ops = t->ts->ops;

    if (ops->sched.get(t->ts, t->vm.domid, &t->own, failure) < 0)
        return -1;
    if (t->own.cap < 0)
        return failure_set(failure, "the scheduler of its CPU pool knows no caps");
    t->used_percent = measure_use(t);
    if (cap_record_make(&t->record, t->toolstack, &t->vm, t->own, failure) < 0)
        return -1;
    if (start_watchdog(t, failure) < 0) {
        cap_record_remove(&t->record);
        dismiss_watchdog(t);
        return -1;
    }
    t->begun = true;
    return 0;
}

int throttle_set(struct throttle *t, unsigned percent, struct failure *failure)
{
    struct toolstack_sched sched;

    if (t->failed || (!t->begun && percent == 0))
        return 0;
    if (!t->begun && begin(t, failure) < 0) {
        t->failed = true;
        return -1;
    }
    sched = t->own;
    sched.cap = throttle_cap(t->vm.vcpus, t->used_percent, t->own.cap, percent);
    return t->ts->ops->sched.set(t->ts, t->vm.domid, sched, failure);
}

int throttle_end(struct throttle *t, struct failure *failure)
{
    struct vm vm;
    int rc = 0;

    if (!t)
        return 0;
    if (t->begun && t->ts->ops->ask.find_domid(t->ts, t->vm.domid, &vm, failure) != 1)
        rc = t->ts->ops->sched.set(t->ts, t->vm.domid, t->own, failure);
    if (t->begun && rc == 0)
        cap_record_remove(&t->record);
    else if (t->begun)
        close(t->record.fd); /* the watchdog tries once more; after that it is any xlmig's */
    dismiss_watchdog(t);
    free(t);
    return rc;
}
