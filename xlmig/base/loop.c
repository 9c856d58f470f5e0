/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/loop.h"

#include <signal.h>
#include <time.h>

struct event_base *loop_new(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config && event_config_require_features(config, EV_FEATURE_FDS) == 0)
        base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    return base;
}

static int is_ignored(int signum)
{
    struct sigaction action;

    return sigaction(signum, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

int loop_watch_signals(struct event_base *base, struct event *events[LOOP_NR_SIGNALS], event_callback_fn fn,
                       void *user)
{
    static const int signums[LOOP_NR_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };

    for (size_t i = 0; i < LOOP_NR_SIGNALS; i++) {
        if (signums[i] == SIGHUP && is_ignored(SIGHUP))
            continue;
        events[i] = evsignal_new(base, signums[i], fn, user);
        if (!events[i] || event_add(events[i], NULL) < 0)
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

uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}
