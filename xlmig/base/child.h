/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Child processes: started with their descriptors in place, and reaped by the event loop. */
#ifndef XLMIG_BASE_CHILD_H
#define XLMIG_BASE_CHILD_H

#include "xlmig/base/failure.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct child_spec {
    const char *const *argv;  /* argv[0] is looked for in PATH */
    int input_fd, output_fd, error_fd; /* -1: /dev/null for input and output, ours for errors */
    int pass_fd;              /* -1, or one more descriptor to inherit ... */
    const char *pass_fd_env;  /* ... and the environment variable that gets its number */
};

/*
 * A program that cannot be started is a failure here, not an exit status later.
 * The child ignores SIGINT: a Ctrl-C is for this process, which then stops the
 * child in its own way.
 */
int child_spawn(const struct child_spec *spec, pid_t *pid, struct failure *failure);

/* Watches one child.  `ended` is called once, from the loop, with waitpid()'s status. */
struct child;
typedef void child_ended(void *user, int status);
struct child *child_watch(struct event_base *base, pid_t pid, child_ended *ended, void *user);

/* SIGTERM now, SIGKILL after the grace.  `ended` still follows. */
void child_stop(struct child *child, uint64_t grace_us);

/* SIGKILL now; `ended` follows. */
void child_kill(struct child *child);

/*
 * Stop watching; NULL is fine.  A child that runs still may end by itself for
 * `leave_us`; then it gets SIGTERM and, after a short grace, SIGKILL, and is
 * reaped: this may block that long.
 */
void child_free(struct child *child, uint64_t leave_us);

/* "exited with status 1", "was killed by signal 9 (Killed)" */
const char *child_status_text(int status, char *buffer, size_t size);

#endif
