/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "xlmig/toolstack/sim/sim.h"

#include "xlmig/base/child.h"
#include "xlmig/simhost/xl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIMHOST_ENV "XLMIG_SIMHOST"     /* the program, where it is not installed */
#define ABORT_GRACE_US 15000000u

static const char *simhost_program(void)
{
    const char *program = getenv(SIMHOST_ENV);

    return program ? program : LIBEXECDIR "/xlmig-simhost";
}

/* ---- suspend ---- */

struct sim_suspend {
    struct sim_toolstack *sim;
    struct toolstack_suspend how;
    struct helper_events *events;
    struct child *child;
    int error_fd;               /* what the child says on stderr */
    char error[512];            /* of the engine, which knows best */
    enum suspend_outcome outcome;
    struct failure failure;
};

static void on_helper_event(void *user, const struct helper_event *event)
{
    struct sim_suspend *op = user;

    if (event->kind == HELPER_END && !event->ok)
        snprintf(op->error, sizeof op->error, "%s", event->text);
    if (op->how.event)
        op->how.event(op->how.user, event);
}

static void finish(evutil_socket_t fd, short what, void *user)
{
    struct sim_suspend *op = user;
    const struct failure *failure = op->outcome == SUSPEND_DONE ? NULL : &op->failure;

    (void)fd;
    (void)what;
    helper_events_close(op->events);
    child_free(op->child, 0);
    if (op->error_fd >= 0)
        close(op->error_fd);
    op->sim->suspend = NULL;
    op->how.done(op->how.user, op->outcome, failure);
    free(op);
}

static void finish_later(struct sim_suspend *op)
{
    static const struct timeval at_once = { 0, 0 };

    if (event_base_once(op->sim->base, -1, EV_TIMEOUT, finish, op, &at_once) < 0)
        abort(); /* out of memory for a few bytes; nothing can be told to anyone any more */
}

/* The last line of what the child said. */
static const char *read_last_words(struct sim_suspend *op, char *text, size_t size)
{
    ssize_t n = read(op->error_fd, text, size - 1);

    while (n > 0 && text[n - 1] == '\n')
        n--;
    text[n > 0 ? n : 0] = '\0';
    const char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

static void on_child_end(void *user, int status)
{
    struct sim_suspend *op = user;
    char room[2048], text[64];
    const char *words = read_last_words(op, room, sizeof room);

    op->outcome = SUSPEND_FAILED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == SIMHOST_XL_DONE)
        op->outcome = SUSPEND_DONE;
    else if (WIFEXITED(status) && WEXITSTATUS(status) == SIMHOST_XL_NOT_ANSWERED)
        op->outcome = SUSPEND_NOT_ANSWERED;
    else if (WIFEXITED(status) && WEXITSTATUS(status) == SIMHOST_XL_ABORTED)
        op->outcome = SUSPEND_ABORTED;
    if (op->outcome != SUSPEND_NOT_ANSWERED && op->error[0])
        failure_set(&op->failure, "%s", op->error);
    else if (words[0])
        failure_set(&op->failure, "%.900s", words);
    else
        failure_set(&op->failure, "the process that was to save the VM %s", child_status_text(status, text, sizeof text));
    finish_later(op);
}

static int start_suspend(struct sim_suspend *op, uint32_t domid)
{
    char text[16];
    const char *const argv[] = {
        simhost_program(), "suspend", op->sim->directory, text, op->how.live ? "live" : NULL, NULL,
    };
    int errors[2], events_fd = -1;
    pid_t pid;

    snprintf(text, sizeof text, "%u", domid);
    if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) < 0)
        return failure_set(&op->failure, "cannot start %s: %s", argv[0], strerror(errno));
    op->error_fd = errors[0];
    op->events = helper_events_open(op->sim->base, &events_fd, on_helper_event, op);
    const struct child_spec spec = {
        .argv = argv, .input_fd = -1, .output_fd = op->how.fd, .error_fd = errors[1],
        .pass_fd = events_fd, .pass_fd_env = helper_events_variable(),
    };
    helper_export_limits(&op->how.limits);
    helper_export_image(&op->how.image);
    int rc = child_spawn(&spec, &pid, &op->failure);
    helper_unexport_image(&op->how.image);
    close(errors[1]);
    if (events_fd >= 0)
        close(events_fd);
    if (rc)
        return rc;
    op->child = child_watch(op->sim->base, pid, on_child_end, op);
    return op->child ? 0 : failure_set(&op->failure, "out of memory");
}

void sim_op_suspend(struct toolstack *ts, uint32_t domid, const struct toolstack_suspend *how)
{
    struct sim_suspend *op = calloc(1, sizeof *op);

    if (!op)
        abort(); /* as in finish_later() */
    op->sim = to_sim(ts);
    op->how = *how;
    op->error_fd = -1;
    op->outcome = SUSPEND_FAILED;
    op->sim->suspend = op;
    if (start_suspend(op, domid) < 0)
        finish_later(op);
}

void sim_op_suspend_abort(struct toolstack *ts)
{
    struct sim_toolstack *sim = to_sim(ts);

    if (sim->suspend)
        child_stop(sim->suspend->child, ABORT_GRACE_US);
}

int sim_op_suspend_tell(struct toolstack *ts, struct helper_command command, struct failure *failure)
{
    struct sim_toolstack *sim = to_sim(ts);

    if (!sim->suspend || !sim->suspend->events)
        return failure_set(failure, "nothing is being copied");
    return helper_events_send(sim->suspend->events, command, failure);
}

/* ---- child processes of the caller's ---- */

int sim_op_receive(struct toolstack *ts, const struct toolstack_receiver *how, pid_t *pid, struct failure *failure)
{
    const char *const argv[] = {
        simhost_program(), "migrate-receive", to_sim(ts)->directory, how->paused ? "paused" : NULL, NULL,
    };
    const struct child_spec spec = {
        .argv = argv, .input_fd = how->input_fd, .output_fd = how->output_fd, .error_fd = how->error_fd,
        .pass_fd = how->events_fd, .pass_fd_env = helper_events_variable(),
    };
    int rc;

    helper_export_image(&how->image);
    rc = child_spawn(&spec, pid, failure);
    helper_unexport_image(&how->image);
    return rc;
}

int sim_op_restore(struct toolstack *ts, const struct toolstack_restorer *how, pid_t *pid, struct failure *failure)
{
    const char *const argv[] = {
        simhost_program(), "restore", to_sim(ts)->directory, "/dev/stdin", how->paused ? "paused" : NULL, NULL,
    };
    const struct child_spec spec = {
        .argv = argv, .input_fd = how->input_fd, .output_fd = how->error_fd, .error_fd = how->error_fd,
        .pass_fd = how->events_fd, .pass_fd_env = helper_events_variable(),
    };

    return child_spawn(&spec, pid, failure);
}
