/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xl as a child process.
 *
 * Making a VM out of a stream ends, for xl, in a daemon that watches over the
 * VM and acts on its reboot, shutdown or crash.  Running xl itself, with our
 * save helper, leaves the VM exactly as xl would leave it.
 */
#include "xlmig/base/child.h"
#include "xlmig/toolstack/libxl/libxl.h"

static int spawn_xl(const char *const argv[], int in, int out, int err, int events_fd, pid_t *pid,
                    struct failure *failure)
{
    struct child_spec spec = {
        .argv = argv, .input_fd = in, .output_fd = out, .error_fd = err,
        .pass_fd = events_fd, .pass_fd_env = helper_events_variable(),
    };

    if (libxl_helper_check(failure) < 0)
        return -1;
    return child_spawn(&spec, pid, failure);
}

int libxl_op_receive(struct toolstack *ts, const struct toolstack_receiver *how, pid_t *pid, struct failure *failure)
{
    const char *const argv[] = { "xl", "migrate-receive", how->paused ? "-p" : NULL, NULL };

    int rc;

    (void)ts;
    /* What xl starts inherits the channels for as long as the VM lives: whoever opened them shuts them down. */
    helper_export_image(&how->image);
    rc = spawn_xl(argv, how->input_fd, how->output_fd, how->error_fd, how->events_fd, pid, failure);
    helper_unexport_image(&how->image);
    return rc;
}

int libxl_op_restore(struct toolstack *ts, const struct toolstack_restorer *how, pid_t *pid, struct failure *failure)
{
    const char *const running[] = { "xl", "restore", "/dev/stdin", NULL };
    const char *const paused[] = { "xl", "restore", "-p", "/dev/stdin", NULL };

    (void)ts;
    return spawn_xl(how->paused ? paused : running, how->input_fd, how->error_fd, how->error_fd, how->events_fd, pid,
                    failure);
}
