/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/loop.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

/* Lower comes first; all events but the signals have the middle one, which is libevent's default. */
enum { PRIORITY_SIGNALS, NR_PRIORITIES = 3 };

struct event_base *loop_new(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config && event_config_require_features(config, EV_FEATURE_FDS) == 0)
        base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    if (base)
        event_base_priority_init(base, NR_PRIORITIES);
    return base;
}

void loop_run(struct event_base *base, const bool *over)
{
    while (!*over && event_base_loop(base, EVLOOP_ONCE) == 0)
        ;
}

void loop_end(struct event_base *base, bool *over)
{
    *over = true;
    event_base_loopbreak(base);
}

/* The one who is told, and whether it was from a keyboard. */
static struct {
    event_callback_fn fn;
    void *user;
    bool interrupted, was_ignored;
} cancel;

static void on_signal(evutil_socket_t signum, short what, void *unused)
{
    (void)unused;
    if (signum == SIGINT || signum == SIGQUIT)
        cancel.interrupted = true;
    cancel.fn(signum, what, cancel.user);
}

static int is_ignored(int signum)
{
    struct sigaction action;

    return sigaction(signum, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int loop_watch_signals(struct event_base *base, struct event *events[LOOP_NR_SIGNALS], event_callback_fn fn,
                       void *user)
{
    static const int signums[LOOP_NR_SIGNALS] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

    cancel.fn = fn;
    cancel.user = user;
    cancel.interrupted = false;
    cancel.was_ignored = is_ignored(SIGINT);
    for (size_t i = 0; i < LOOP_NR_SIGNALS; i++) {
        if ((signums[i] == SIGHUP || signums[i] == SIGQUIT) && is_ignored(signums[i]))
            continue;
        events[i] = evsignal_new(base, signums[i], on_signal, NULL);
        if (!events[i] || event_priority_set(events[i], PRIORITY_SIGNALS) < 0 || event_add(events[i], NULL) < 0)
            return -1;
    }
    return 0;
}

void loop_unwatch_signals(struct event *events[LOOP_NR_SIGNALS])
{
    for (size_t i = 0; i < LOOP_NR_SIGNALS; i++) {
        if (events[i])
            event_free(events[i]);
        events[i] = NULL;
    }
}

void loop_end_as_interrupted(void)
{
    sigset_t interrupt;

    if (!cancel.interrupted || cancel.was_ignored)
        return;
    fflush(NULL);
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    signal(SIGINT, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &interrupt, NULL);
    raise(SIGINT);
}

/* ---- Ctrl-Z ---- */

static struct {
    struct event_base *base;
    bool (*may_stop)(void *user);
    void *user;
} stop;

static void stop_or_not(evutil_socket_t fd, short what, void *unused)
{
    static const char not_now[] = "not while the VM stands still\n";

    (void)fd, (void)what, (void)unused;
    if (!stop.may_stop)
        return;
    if (stop.may_stop(stop.user))
        raise(SIGSTOP);
    else
        fputs(not_now, stderr);
}

/* What came together with it, news of the guest among it, is handled first. */
static void on_stop(evutil_socket_t signum, short what, void *unused)
{
    static const struct timeval at_once = { 0, 0 };

    (void)signum, (void)what, (void)unused;
    event_base_once(stop.base, -1, EV_TIMEOUT, stop_or_not, NULL, &at_once);
}

struct event *loop_watch_stop(struct event_base *base, bool (*may_stop)(void *user), void *user)
{
    struct event *event = is_ignored(SIGTSTP) ? NULL : evsignal_new(base, SIGTSTP, on_stop, NULL);

    stop.base = base;
    stop.may_stop = may_stop;
    stop.user = user;
    if (event)
        event_add(event, NULL);
    return event;
}

void loop_unwatch_stop(struct event *event)
{
    stop.may_stop = NULL;
    if (event)
        event_free(event);
}

uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
