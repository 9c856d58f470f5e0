/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include "xlmig/helper/listener.h"

#include "xlmig/helper/command.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_EVERY_MS 1000 /* whether to stop, should nothing wake it */

struct helper_listener {
    int fd;
    int wake_fd;        /* helper_listener_stop() makes it readable: the guest stands still, and is not to wait */
    struct xcsave_knobs *knobs;
    pthread_t thread;
    atomic_bool stop;
    bool skipping;      /* inside a line that was too long */
    size_t used;
    char line[HELPER_COMMAND_LINE_MAX];
};

static void obey(struct helper_listener *c)
{
    struct helper_command command;

    if (helper_command_parse(c->line, c->used, &command) < 0)
        return;
    switch (command.kind) {
    case HELPER_SET_MAX_BANDWIDTH:
        xcsave_knobs_set_bandwidth(c->knobs, command.value);
        return;
    case HELPER_SET_MAX_DOWNTIME:
        xcsave_knobs_set_downtime(c->knobs, command.value);
        return;
    case HELPER_FINISH:
        xcsave_knobs_finish(c->knobs);
        return;
    case HELPER_RELEASE:
        xcsave_knobs_release(c->knobs);
        return;
    }
}

static void take(struct helper_listener *c, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') {
            if (!c->skipping)
                obey(c);
            c->used = 0;
            c->skipping = false;
        } else if (c->used == sizeof c->line) {
            c->skipping = true;
        } else {
            c->line[c->used++] = bytes[i];
        }
    }
}

static void *listen_to_command(void *user)
{
    struct helper_listener *c = user;
    struct pollfd pfds[] = { { .fd = c->fd, .events = POLLIN }, { .fd = c->wake_fd, .events = POLLIN } };
    char bytes[512];

    while (!atomic_load(&c->stop)) {
        ssize_t n;

        if (poll(pfds, 2, LOOK_EVERY_MS) <= 0 || !pfds[0].revents)
            continue;
        n = read(c->fd, bytes, sizeof bytes);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            break; /* the command is gone, or never had anything to say */
        if (n > 0)
            take(c, bytes, (size_t)n);
    }
    return NULL;
}

struct helper_listener *helper_listener_start(int fd, struct xcsave_knobs *knobs)
{
    struct helper_listener *c = calloc(1, sizeof *c);
    sigset_t all, before;
    int rc;

    if (!c)
        return NULL;
    c->fd = fd;
    c->knobs = knobs;
    c->wake_fd = -1;
    if (fd < 0)
        return c;
    c->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (c->wake_fd < 0) {
        free(c);
        return NULL;
    }
    /* Signals are the engine's: its waits are to be interrupted, not this one's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&c->thread, NULL, listen_to_command, c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) {
        close(c->wake_fd);
        free(c);
        return NULL;
    }
    return c;
}

void helper_listener_stop(struct helper_listener *c)
{
    if (!c)
        return;
    atomic_store(&c->stop, true);
    if (c->fd >= 0) {
        (void)!eventfd_write(c->wake_fd, 1);
        pthread_join(c->thread, NULL);
        close(c->wake_fd);
    }
    free(c);
}
