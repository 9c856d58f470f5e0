/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The writers of a simulated guest: when they run, and how others have them stand still; see guest-private.h. */
#include "config.h"

#include "xlmig/simhost/guest-private.h"

static bool must_stand(const struct simguest *g)
{
    return g->pauses || g->suspended || g->holds;
}

void simguest_hold(struct simguest *g)
{
    pthread_mutex_lock(&g->lock);
    g->holds++;
    while (g->active)
        pthread_cond_wait(&g->is_idle, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

void simguest_release(struct simguest *g)
{
    pthread_mutex_lock(&g->lock);
    g->holds--;
    pthread_cond_broadcast(&g->may_run);
    pthread_mutex_unlock(&g->lock);
}

bool simguest_writer_begin(struct writer *w)
{
    struct simguest *g = w->guest;
    bool go_on;

    pthread_mutex_lock(&g->lock);
    for (;;) {
        /* The suspend request is answered by the guest itself, so only by one that runs. */
        if (w->id == 0 && g->suspend_asked && !g->deaf && !g->pauses) {
            g->suspended = true;
            g->suspend_asked = false;
        }
        if (g->ending || !must_stand(g))
            break;
        pthread_cond_wait(&g->may_run, &g->lock);
    }
    go_on = !g->ending;
    g->active += go_on;
    pthread_mutex_unlock(&g->lock);
    return go_on;
}

void simguest_writer_end(struct writer *w)
{
    struct simguest *g = w->guest;

    pthread_mutex_lock(&g->lock);
    if (--g->active == 0)
        pthread_cond_broadcast(&g->is_idle);
    pthread_mutex_unlock(&g->lock);
}

bool simguest_is_suspended(struct simguest *g)
{
    simguest_hold(g);
    pthread_mutex_lock(&g->lock);
    const bool suspended = g->suspended;
    pthread_mutex_unlock(&g->lock);
    simguest_release(g);
    return suspended;
}

void simguest_set_cap(struct simguest *g, unsigned cap)
{
    atomic_store_explicit(&g->cap, cap, memory_order_relaxed);
}

unsigned simguest_cap(const struct simguest *g)
{
    return atomic_load_explicit(&g->cap, memory_order_relaxed);
}
