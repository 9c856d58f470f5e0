/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * libxl's descriptors, timers and children in the libevent loop.
 *
 * libxl may register, change and drop anything from within any of its
 * functions, also from within the call by which we tell it of an event.  So a
 * registration is never touched after that call.
 *
 * libxl polls regular files too (a save file), which epoll refuses: the loop
 * is made by loop_new(), which asks for a method that takes any descriptor.
 */
#include "xlmig/toolstack/libxl/libxl.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

struct fd_watch {
    struct libxl_toolstack *lx;
    struct event *event;
    int fd;
    short poll_events;
    void *for_libxl;
};

struct timer {
    struct libxl_toolstack *lx;
    struct event *event;
    void *for_libxl;
};

static void on_fd(evutil_socket_t fd, short what, void *user)
{
    struct fd_watch *watch = user;
    struct pollfd p = { .fd = fd, .events = watch->poll_events };

    (void)what;
    /* libevent folds hang-ups and errors into readable and writable; libxl wants to know. */
    if (poll(&p, 1, 0) > 0)
        libxl_osevent_occurred_fd(watch->lx->ctx, watch->for_libxl, fd, p.events, p.revents);
}

static int watch_apply(struct fd_watch *watch, short poll_events)
{
    short what = EV_PERSIST;

    if (poll_events & (POLLIN | POLLPRI))
        what |= EV_READ;
    if (poll_events & POLLOUT)
        what |= EV_WRITE;
    watch->poll_events = poll_events;
    if (what == EV_PERSIST)
        return 0;
    if (event_assign(watch->event, watch->lx->base, watch->fd, what, on_fd, watch) < 0 ||
        event_add(watch->event, NULL) < 0)
        return ERROR_OSEVENT_REG_FAIL;
    return 0;
}

static int fd_register(void *user, int fd, void **registration, short poll_events, void *for_libxl)
{
    struct fd_watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        return ERROR_OSEVENT_REG_FAIL;
    watch->lx = user;
    watch->fd = fd;
    watch->for_libxl = for_libxl;
    watch->event = event_new(watch->lx->base, fd, EV_PERSIST | EV_READ, on_fd, watch);
    if (!watch->event || watch_apply(watch, poll_events) != 0) {
        if (watch->event)
            event_free(watch->event);
        free(watch);
        return ERROR_OSEVENT_REG_FAIL;
    }
    *registration = watch;
    return 0;
}

static int fd_modify(void *user, int fd, void **registration, short poll_events)
{
    struct fd_watch *watch = *registration;

    (void)user;
    (void)fd;
    event_del(watch->event);
    return watch_apply(watch, poll_events);
}

static void fd_deregister(void *user, int fd, void *registration)
{
    struct fd_watch *watch = registration;

    (void)user;
    (void)fd;
    event_free(watch->event);
    free(watch);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    struct timer timer = *(struct timer *)user;

    (void)fd;
    (void)what;
    /* A timer that fired is gone, for libxl as for us. */
    event_free(timer.event);
    free(user);
    libxl_osevent_occurred_timeout(timer.lx->ctx, timer.for_libxl);
}

static int timer_start(struct timer *timer, struct timeval at)
{
    struct timeval now, in = { 0, 0 };

    if (gettimeofday(&now, NULL) == 0 && timercmp(&at, &now, >))
        timersub(&at, &now, &in);
    return event_add(timer->event, &in) < 0 ? ERROR_OSEVENT_REG_FAIL : 0;
}

static int timeout_register(void *user, void **registration, struct timeval at, void *for_libxl)
{
    struct timer *timer = calloc(1, sizeof *timer);

    if (!timer)
        return ERROR_OSEVENT_REG_FAIL;
    timer->lx = user;
    timer->for_libxl = for_libxl;
    timer->event = evtimer_new(timer->lx->base, on_timer, timer);
    if (!timer->event || timer_start(timer, at) != 0) {
        if (timer->event)
            event_free(timer->event);
        free(timer);
        return ERROR_OSEVENT_REG_FAIL;
    }
    *registration = timer;
    return 0;
}

static int timeout_modify(void *user, void **registration, struct timeval at)
{
    (void)user;
    return timer_start(*registration, at);
}

static void timeout_deregister(void *user, void *registration)
{
    struct timer *timer = registration;

    (void)user;
    event_free(timer->event);
    free(timer);
}

static const libxl_osevent_hooks osevent_hooks = {
    .fd_register = fd_register,
    .fd_modify = fd_modify,
    .fd_deregister = fd_deregister,
    .timeout_register = timeout_register,
    .timeout_modify = timeout_modify,
    .timeout_deregister = timeout_deregister,
};

/* The process has children that are not libxl's, so SIGCHLD is ours; libxl then reaps exactly its own. */
static const libxl_childproc_hooks childproc_hooks = { .chldowner = libxl_sigchld_owner_mainloop };

static void on_sigchld(evutil_socket_t fd, short what, void *user)
{
    struct libxl_toolstack *lx = user;

    (void)fd;
    (void)what;
    libxl_childproc_sigchld_occurred(lx->ctx);
}

int libxl_loop_attach(struct libxl_toolstack *lx, struct failure *failure)
{
    lx->sigchld = evsignal_new(lx->base, SIGCHLD, on_sigchld, lx);
    if (!lx->sigchld || event_add(lx->sigchld, NULL) < 0)
        return failure_set(failure, "cannot watch for the end of child processes");
    libxl_osevent_register_hooks(lx->ctx, &osevent_hooks, lx);
    libxl_childproc_setmode(lx->ctx, &childproc_hooks, lx);
    return 0;
}

void libxl_loop_detach(struct libxl_toolstack *lx)
{
    if (lx->sigchld)
        event_free(lx->sigchld);
    lx->sigchld = NULL;
}
