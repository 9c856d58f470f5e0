/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/child.h"

#include "xlmig/base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TERM_GRACE_US 2000000u

struct child {
    pid_t pid; /* 0: reaped */
    struct event_base *base;
    struct event *sigchld, *grace;
    child_ended *ended;
    void *user;
};

/* Put `from` at `to`, across exec.  When they are equal already, dup2() would leave close-on-exec set. */
static int place(int from, int to)
{
    if (from == to)
        return fcntl(to, F_SETFD, 0);
    return dup2(from, to);
}

/* In the child, only async-signal-safe calls before exec: libraries of the parent may run threads. */
static void run_child(const struct child_spec *spec, int in, int out, int err, int report_fd)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, deflt = { .sa_handler = SIG_DFL };
    sigset_t none;
    int errnum;

    sigemptyset(&none);
    /* From a keyboard they reach the whole group; only the parent knows what they mean now. */
    sigaction(SIGINT, &ignore, NULL);
    sigaction(SIGQUIT, &ignore, NULL);
    sigaction(SIGTSTP, &ignore, NULL);
    sigaction(SIGPIPE, &deflt, NULL);
    sigaction(SIGTERM, &deflt, NULL);
    sigaction(SIGCHLD, &deflt, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* All three were moved above 2 before the fork, so none of these steps on another. */
    if (place(in, 0) >= 0 && place(out, 1) >= 0 && place(err, 2) >= 0 &&
        (spec->pass_fd < 0 || fcntl(spec->pass_fd, F_SETFD, 0) >= 0))
        execvp(spec->argv[0], (char *const *)spec->argv);
    errnum = errno;
    if (write(report_fd, &errnum, sizeof errnum) < 0)
        _exit(126);
    _exit(127);
}

static int move_up(int fd, int otherwise)
{
    if (fd < 0)
        fd = otherwise;
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

/* Close-on-exec closes the pipe when exec succeeded; else errno comes through it. */
static int exec_errno(int report_fd)
{
    int errnum;
    ssize_t r;

    do
        r = read(report_fd, &errnum, sizeof errnum);
    while (r < 0 && errno == EINTR);
    return r == (ssize_t)sizeof errnum ? errnum : 0;
}

static int fork_and_exec(const struct child_spec *spec, int in, int out, int err, pid_t *pid, struct failure *failure)
{
    int report[2], errnum;

    if (pipe2(report, O_CLOEXEC) < 0)
        return failure_set(failure, "cannot start %s: %s", spec->argv[0], strerror(errno));
    *pid = fork();
    if (*pid == 0)
        run_child(spec, in, out, err, report[1]);
    errnum = *pid < 0 ? errno : 0;
    close(report[1]);
    if (*pid > 0) {
        errnum = exec_errno(report[0]);
        if (errnum)
            waitpid(*pid, NULL, 0);
    }
    close(report[0]);
    return errnum ? failure_set(failure, "cannot start %s: %s", spec->argv[0], strerror(errnum)) : 0;
}

int child_spawn(const struct child_spec *spec, pid_t *pid, struct failure *failure)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int in = move_up(spec->input_fd, null);
    int out = move_up(spec->output_fd, null);
    int err = move_up(spec->error_fd, 2);
    char number[16];
    int rc;

    if (spec->pass_fd >= 0) {
        snprintf(number, sizeof number, "%d", spec->pass_fd);
        setenv(spec->pass_fd_env, number, 1);
    }
    if (null < 0 || in < 0 || out < 0 || err < 0)
        rc = failure_set(failure, "cannot start %s: %s", spec->argv[0], strerror(errno));
    else
        rc = fork_and_exec(spec, in, out, err, pid, failure);
    if (spec->pass_fd >= 0)
        unsetenv(spec->pass_fd_env);
    for (size_t i = 0; i < 4; i++) {
        const int fds[] = { null, in, out, err };

        if (fds[i] >= 0)
            close(fds[i]);
    }
    return rc;
}

static void reap(evutil_socket_t fd, short what, void *user)
{
    struct child *child = user;
    int status;

    (void)fd;
    (void)what;
    if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    child->pid = 0;
    event_del(child->sigchld);
    evtimer_del(child->grace);
    child->ended(child->user, status);
}

static void on_grace_over(evutil_socket_t fd, short what, void *user)
{
    struct child *child = user;

    (void)fd;
    (void)what;
    if (child->pid > 0)
        kill(child->pid, SIGKILL);
}

struct child *child_watch(struct event_base *base, pid_t pid, child_ended *ended, void *user)
{
    struct child *child = calloc(1, sizeof *child);

    if (!child)
        return NULL;
    *child = (struct child){ .pid = pid, .base = base, .ended = ended, .user = user };
    child->sigchld = evsignal_new(base, SIGCHLD, reap, child);
    child->grace = evtimer_new(base, on_grace_over, child);
    if (!child->sigchld || !child->grace || event_add(child->sigchld, NULL) < 0) {
        child_free(child, 0);
        return NULL;
    }
    event_active(child->sigchld, EV_SIGNAL, 1); /* it may have ended before the signal was watched for */
    return child;
}

void child_stop(struct child *child, uint64_t grace_us)
{
    struct timeval grace = us_to_timeval(grace_us);

    if (!child || child->pid <= 0)
        return;
    kill(child->pid, SIGTERM);
    evtimer_add(child->grace, &grace);
}

void child_kill(struct child *child)
{
    if (child && child->pid > 0)
        kill(child->pid, SIGKILL);
}

static bool reaped_within(pid_t pid, uint64_t us)
{
    const struct timespec ms = { 0, 1000000 };
    uint64_t deadline = now_us() + us;

    for (;;) {
        if (waitpid(pid, NULL, WNOHANG) != 0)
            return true;
        if (now_us() >= deadline)
            return false;
        nanosleep(&ms, NULL);
    }
}

static void stop_and_reap(pid_t pid, uint64_t leave_us)
{
    if (reaped_within(pid, leave_us))
        return;
    kill(pid, SIGTERM);
    if (reaped_within(pid, TERM_GRACE_US))
        return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

void child_free(struct child *child, uint64_t leave_us)
{
    if (!child)
        return;
    if (child->sigchld)
        event_free(child->sigchld);
    if (child->grace)
        event_free(child->grace);
    if (child->pid > 0)
        stop_and_reap(child->pid, leave_us);
    free(child);
}

const char *child_status_text(int status, char *buffer, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(buffer, size, "was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(buffer, size, "exited with status %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return buffer;
}
