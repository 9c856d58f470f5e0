/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Threads that take jobs from a bounded queue.
 *
 * One thread gives, others take; jobs are taken in the order in which they were
 * given, and no more of them wait than the queue has slots, which are allocated
 * once.  Without threads a job is done where it is given: the serial twin.
 *
 * The first failure of a job stops all: what waits in the queue is dropped, and
 * the giver's next call returns that failure.  No wait of the giver is longer
 * than a slice without a look at `cancel`.
 */
#ifndef LIBXCSAVE_SAVE_WORKERS_H
#define LIBXCSAVE_SAVE_WORKERS_H

#include <signal.h>
#include <stdatomic.h>

#include "libxcsave/guest.h"

struct workers;

struct workers_options {
    unsigned nr_threads;        /* 0: serial */
    unsigned nr_slots;          /* jobs that may wait; at least 1 */
    size_t job_bytes;
    /* In any thread, each with its own number from 0: never two at once with the same one. */
    int (*work)(void *user, unsigned number, void *job, struct xcsave_error *error);
    void (*waiting)(void *user); /* optional: the giver waits; several times a second */
    void *user;
    atomic_bool *stop;          /* set when a job failed, for those that are still at work */
    const volatile sig_atomic_t *cancel; /* optional */
};

/* NULL: see error. */
struct workers *workers_new(const struct workers_options *options, struct xcsave_error *error);
/* A slot for the next job, to be filled; NULL: see error.  Then give it. */
void *workers_slot(struct workers *w, struct xcsave_error *error);
int workers_give(struct workers *w, struct xcsave_error *error);
/* Until every job is done. */
int workers_drain(struct workers *w, struct xcsave_error *error);
/* Jobs that wait are dropped, those at work are waited for.  NULL is fine. */
void workers_free(struct workers *w);

#endif
