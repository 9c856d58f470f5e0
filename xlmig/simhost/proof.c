/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The digest of everything a simulated guest is at one moment.
 *
 * It is the sum of the digests of all present pages, each with its pfn, plus
 * that of the context: a sum, so that pages can be taken in any order.  A thread
 * takes them one after the other; a writer that is about to change a page that
 * was not taken yet takes it first.  So the guest need not stand still for it.
 */
#include "config.h"

#include "xlmig/simhost/guest-private.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static void add_digest(struct sim_proof *sum, XXH128_hash_t hash)
{
    sum->digest[0] += hash.low64;
    sum->digest[1] += hash.high64;
}

/* With proof.lock held. */
static void take_page(struct simguest *g, uint64_t pfn)
{
    struct proof_run *run = &g->proof;
    const uint64_t bit = UINT64_C(1) << (pfn % 64);

    if (pfn >= run->nr_pfns || (run->done[pfn / 64] & bit))
        return;
    run->done[pfn / 64] |= bit;
    if (g->pages[pfn] == SIM_PAGE_ABSENT || (*simguest_generation(g, pfn) & GENERATION_ABSENT))
        return;
    add_digest(&run->sum, XXH3_128bits_withSeed(simguest_page(g, pfn), PATTERN_PAGE_SIZE, pfn));
    run->sum.pages++;
}

void simguest_proof_before_write(struct simguest *g, uint64_t pfn)
{
    atomic_fetch_add(&g->proof.waiting, 1);
    pthread_mutex_lock(&g->proof.lock);
    atomic_fetch_sub(&g->proof.waiting, 1);
    if (g->proof.active)
        take_page(g, pfn);
    pthread_mutex_unlock(&g->proof.lock);
}

static void *proof_thread(void *user)
{
    struct simguest *g = user;
    struct proof_run *run = &g->proof;

    for (uint64_t pfn = 0; pfn < run->nr_pfns; pfn++) {
        while (run->waiting)
            sched_yield();
        pthread_mutex_lock(&run->lock);
        take_page(g, pfn);
        pthread_mutex_unlock(&run->lock);
    }
    pthread_mutex_lock(&run->lock);
    run->active = false;
    g->proofs[run->moment] = run->sum;
    g->has_proof[run->moment] = true;
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

/* vCPUs and device model. */
static int add_context(struct simguest *g, struct sim_proof *sum)
{
    uint8_t *buf = malloc(SIM_PAYLOAD_MAX);
    size_t bytes = SIM_PAYLOAD_MAX;
    int rc;

    if (!buf)
        return ENOMEM;
    rc = simguest_get_context(g, buf, &bytes);
    if (!rc)
        add_digest(sum, XXH3_128bits(buf, bytes));
    if (!rc && g->config.has_emulator) {
        bytes = SIM_PAYLOAD_MAX;
        rc = simguest_get_emulator(g, buf, &bytes);
        if (!rc)
            add_digest(sum, XXH3_128bits(buf, bytes));
    }
    for (unsigned i = 0; i < g->config.nr_vcpus; i++)
        sum->ticks += g->writers[i].state.ticks;
    free(buf);
    return rc;
}

int simguest_start_proof(struct simguest *g)
{
    struct proof_run *run = &g->proof;
    const bool suspended = simguest_is_suspended(g);
    const enum sim_moment moment = suspended ? SIM_WHEN_SUSPENDED : SIM_WHEN_RESTORED;
    sigset_t all, before;

    if (!suspended && !g->restored)
        return ENOENT;
    if (run->has_thread ? run->moment == moment : g->has_proof[moment])
        return 0;
    if (run->has_thread)
        pthread_join(run->thread, NULL);
    run->has_thread = false;
    free(run->done);
    run->done = calloc((g->config.max_pfns + 63) / 64, sizeof(uint64_t));
    if (!run->done)
        return ENOMEM;
    memset(&run->sum, 0, sizeof run->sum);
    run->moment = moment;
    run->nr_pfns = g->nr_pfns;
    int rc = add_context(g, &run->sum);
    if (rc)
        return rc;
    run->active = true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&run->thread, NULL, proof_thread, g);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    run->has_thread = rc == 0;
    if (rc)
        run->active = false;
    return rc;
}

int simguest_proof(struct simguest *g, enum sim_moment moment, struct sim_proof *proof)
{
    pthread_mutex_lock(&g->proof.lock);
    const bool ready = g->has_proof[moment];
    *proof = g->proofs[moment];
    const bool being_made = g->proof.has_thread && g->proof.moment == moment;
    pthread_mutex_unlock(&g->proof.lock);
    if (ready)
        return 0;
    if (being_made)
        return EAGAIN;
    if (moment == SIM_WHEN_SUSPENDED ? !simguest_is_suspended(g) : !g->restored)
        return ENOENT;
    int rc = simguest_start_proof(g);
    return rc ? rc : EAGAIN;
}

void simguest_finish_proof(struct simguest *g)
{
    simguest_start_proof(g);
    if (g->proof.has_thread)
        pthread_join(g->proof.thread, NULL);
    g->proof.has_thread = false;
}

void simguest_drop_proof(struct simguest *g, enum sim_moment moment)
{
    if (g->proof.has_thread && g->proof.moment == moment) {
        pthread_join(g->proof.thread, NULL);
        g->proof.has_thread = false;
    }
    g->has_proof[moment] = false;
}
