/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libxcsave/save/workers.h"

#define WAIT_SLICE_NS 50000000L

struct worker {
    struct workers *all;
    unsigned number;
    pthread_t thread;
};

struct workers {
    struct workers_options options;
    struct worker *workers;
    unsigned nr_started;

    pthread_mutex_t lock;       /* of all below; nothing else is taken while it is held */
    pthread_cond_t given;       /* to the workers: a job, or the end */
    pthread_cond_t done;        /* to the giver: a slot is free */
    uint8_t *slots;
    unsigned first, nr_waiting; /* ring of slots: those given and not yet done are taken from `first` on */
    unsigned nr_at_work;
    bool ending;
    struct xcsave_error failure;
};

/* Copied out, so that its slot is free at once. */
static int next_job(struct workers *w, void *job)
{
    pthread_mutex_lock(&w->lock);
    while (!w->ending && !w->nr_waiting)
        pthread_cond_wait(&w->given, &w->lock);
    if (w->ending) {
        pthread_mutex_unlock(&w->lock);
        return -1;
    }
    memcpy(job, w->slots + (size_t)w->first * w->options.job_bytes, w->options.job_bytes);
    w->first = (w->first + 1) % w->options.nr_slots;
    w->nr_waiting--;
    w->nr_at_work++;
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
    return 0;
}

static void job_done(struct workers *w, int rc, const struct xcsave_error *error)
{
    pthread_mutex_lock(&w->lock);
    w->nr_at_work--;
    if (rc) {
        if (!w->failure.text[0])
            w->failure = *error;
        w->nr_waiting = 0;
        atomic_store(w->options.stop, true);
    }
    pthread_cond_signal(&w->done);
    pthread_mutex_unlock(&w->lock);
}

static void *work(void *arg)
{
    struct worker *self = arg;
    struct workers *w = self->all;
    void *job = malloc(w->options.job_bytes);
    struct xcsave_error error = { 0 };

    if (!job) {
        pthread_mutex_lock(&w->lock);
        w->nr_at_work++;
        pthread_mutex_unlock(&w->lock);
        job_done(w, xcsave_fail(&error, ENOMEM, "a job"), &error);
        return NULL;
    }
    while (!next_job(w, job)) {
        int rc = w->options.work(w->options.user, self->number, job, &error);

        job_done(w, rc, &error);
        if (rc)
            break;
    }
    free(job);
    return NULL;
}

/* Signals are for the thread that called the engine. */
static int start_threads(struct workers *w, struct xcsave_error *error)
{
    sigset_t all, old;
    int r = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (!r && w->nr_started < w->options.nr_threads) {
        struct worker *worker = &w->workers[w->nr_started];

        *worker = (struct worker){ .all = w, .number = w->nr_started };
        r = pthread_create(&worker->thread, NULL, work, worker);
        w->nr_started += !r;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return r ? xcsave_fail(error, r, "thread %u of %u", w->nr_started + 1, w->options.nr_threads) : 0;
}

static void init_locks(struct workers *w)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->given, NULL);
    pthread_cond_init(&w->done, &attr);
    pthread_condattr_destroy(&attr);
}

struct workers *workers_new(const struct workers_options *options, struct xcsave_error *error)
{
    struct workers *w = calloc(1, sizeof(*w));

    if (!w) {
        xcsave_fail(error, ENOMEM, "threads");
        return NULL;
    }
    w->options = *options;
    init_locks(w);
    w->slots = calloc(options->nr_slots, options->job_bytes);
    w->workers = calloc(options->nr_threads + 1, sizeof(*w->workers));
    if (!w->slots || !w->workers)
        xcsave_fail(error, ENOMEM, "%u jobs", options->nr_slots);
    if (!w->slots || !w->workers || start_threads(w, error)) {
        workers_free(w);
        return NULL;
    }
    return w;
}

static int check_failure(struct workers *w, struct xcsave_error *error)
{
    if (w->failure.text[0]) {
        if (!error->text[0])
            *error = w->failure;
        return -1;
    }
    if (xcsave_is_cancelled(w->options.cancel))
        return xcsave_fail(error, ECANCELED, "cancelled by request");
    return 0;
}

/* Until at most so many jobs wait and are at work; returns with the lock held. */
static int wait_until(struct workers *w, unsigned max_waiting, unsigned max_at_work, struct xcsave_error *error)
{
    pthread_mutex_lock(&w->lock);
    while (!check_failure(w, error)) {
        struct timespec until;

        if (w->nr_waiting <= max_waiting && w->nr_at_work <= max_at_work)
            return 0;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += WAIT_SLICE_NS;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&w->done, &w->lock, &until) == ETIMEDOUT && w->options.waiting) {
            pthread_mutex_unlock(&w->lock);
            w->options.waiting(w->options.user);
            pthread_mutex_lock(&w->lock);
        }
    }
    return -1;
}

void *workers_slot(struct workers *w, struct xcsave_error *error)
{
    int rc = wait_until(w, w->options.nr_slots - 1, UINT32_MAX, error);
    unsigned index = (w->first + w->nr_waiting) % w->options.nr_slots;

    pthread_mutex_unlock(&w->lock);
    return rc ? NULL : w->slots + (size_t)index * w->options.job_bytes;
}

int workers_give(struct workers *w, struct xcsave_error *error)
{
    if (!w->options.nr_threads)
        return w->options.work(w->options.user, 0, w->slots, error);
    pthread_mutex_lock(&w->lock);
    w->nr_waiting++;
    pthread_cond_signal(&w->given);
    pthread_mutex_unlock(&w->lock);
    return 0;
}

int workers_drain(struct workers *w, struct xcsave_error *error)
{
    int rc = wait_until(w, 0, 0, error);

    pthread_mutex_unlock(&w->lock);
    return rc;
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    pthread_cond_broadcast(&w->given);
    pthread_mutex_unlock(&w->lock);
    atomic_store(w->options.stop, true);
    for (unsigned i = 0; i < w->nr_started; i++)
        pthread_join(w->workers[i].thread, NULL);
    pthread_cond_destroy(&w->given);
    pthread_cond_destroy(&w->done);
    pthread_mutex_destroy(&w->lock);
    free(w->workers);
    free(w->slots);
    free(w);
}
