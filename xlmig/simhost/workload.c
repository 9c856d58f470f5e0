/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the vCPUs and the device model of a simulated guest do; see guest.h. */
#include "config.h"

#include "xlmig/simhost/guest-private.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/*
 * A page is about to change.  Logging it before or after the change is the same,
 * as the log is read only between ticks.  Xen does not see what a device model
 * writes unless that is told to say so.
 */
static void touch(struct simguest *g, const struct writer *w, uint64_t pfn)
{
    if (g->logdirty && (!w->is_emulator || g->emulator_logdirty))
        atomic_fetch_or_explicit(&g->dirty[pfn / 64], UINT64_C(1) << (pfn % 64), memory_order_relaxed);
    if (atomic_load_explicit(&g->proof.active, memory_order_acquire))
        simguest_proof_before_write(g, pfn);
}

static void set_generation(struct simguest *g, const struct writer *w, uint64_t pfn, uint32_t generation)
{
    touch(g, w, TABLE_PFN + pfn / GENERATIONS_PER_PAGE);
    *simguest_generation(g, pfn) = generation;
}

static void write_generation(struct simguest *g, struct writer *w, uint64_t pfn, uint32_t generation)
{
    const struct simguest_program *p = &g->config.program;

    touch(g, w, pfn);
    set_generation(g, w, pfn, generation);
    pattern_fill(simguest_page(g, pfn), p->seed, pfn, generation, p->content);
    w->state.writes++;
}

static uint32_t next_generation(uint32_t generation)
{
    return (generation + 1) & ~GENERATION_ABSENT;
}

/* A random pfn of this writer's own share of the working set. */
static uint64_t choose_pfn(struct simguest *g, struct writer *w)
{
    const uint64_t area = g->nr_pfns - g->table_end, set = g->config.program.working_set;
    const uint64_t share = (set && set < area ? set : area) / g->nr_writers;

    return g->table_end + pattern_next(&w->state.random) % (share ? share : 1) * g->nr_writers + w->id;
}

static void write_some_page(struct simguest *g, struct writer *w)
{
    const uint64_t pfn = choose_pfn(g, w);
    const uint32_t generation = *simguest_generation(g, pfn);
    const struct simguest_program *p = &g->config.program;

    if (generation & GENERATION_ABSENT)
        return;
    if (!pattern_holds(simguest_page(g, pfn), p->seed, pfn, generation, p->content))
        w->state.errors++;
    write_generation(g, w, pfn, next_generation(generation));
}

/* The guest knows which of its pages it has: a host that has another opinion made an error. */
static void balloon(struct simguest *g, struct writer *w)
{
    const uint64_t pfn = choose_pfn(g, w);
    const uint32_t generation = *simguest_generation(g, pfn);

    if (generation & GENERATION_ABSENT) {
        if (g->pages[pfn] != SIM_PAGE_ABSENT || simguest_take_page(g, pfn) == 0)
            write_generation(g, w, pfn, next_generation(generation));
    } else if (g->pages[pfn] == SIM_PAGE_ABSENT) {
        w->state.errors++;
    } else {
        touch(g, w, pfn);
        set_generation(g, w, pfn, generation | GENERATION_ABSENT);
        simguest_give_page(g, pfn);
    }
}

static void grow(struct simguest *g, struct writer *w)
{
    const uint64_t pfn = g->nr_pfns;

    if (pfn >= g->config.max_pfns || simguest_take_page(g, pfn))
        return;
    write_generation(g, w, pfn, 1);
    g->nr_pfns = pfn + 1;
}

static void note_gap(struct writer_state *state, uint64_t now)
{
    if (state->last_tick_ns && now > state->last_tick_ns && now - state->last_tick_ns > state->max_gap_ns)
        state->max_gap_ns = now - state->last_tick_ns;
    state->last_tick_ns = now;
}

/* A vCPU that gets less time writes less.  A device model is not the guest's, nor its cap. */
static uint64_t pages_per_s(const struct simguest *g, const struct writer *w)
{
    const uint64_t all = g->config.nr_vcpus * UINT64_C(100), cap = simguest_cap(g);
    const uint64_t rate = g->config.program.pages_per_s;

    return cap && cap < all && !w->is_emulator ? rate * cap / all : rate;
}

static void tick(struct simguest *g, struct writer *w)
{
    const struct simguest_program *p = &g->config.program;
    const uint64_t price = (uint64_t)TICKS_PER_S * g->nr_writers;

    const uint64_t now = now_ns();
    if (w->id == 0 && g->arriving) {
        g->arrival_gap_ns = now - w->state.last_tick_ns;
        g->arriving = false;
    }
    note_gap(&w->state, now);
    w->state.ticks++;
    w->ticks_here++;
    for (w->state.credit += pages_per_s(g, w); w->state.credit >= price; w->state.credit -= price)
        write_some_page(g, w);
    if (w->id == 0 && p->balloon_ticks && w->state.ticks % p->balloon_ticks == 0)
        balloon(g, w);
    if (w->id == 0 && p->grow_ticks && w->state.ticks % p->grow_ticks == 0)
        grow(g, w);
}

static void *writer_thread(void *user)
{
    struct writer *w = user;
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    while (simguest_writer_begin(w)) {
        tick(w->guest, w);
        simguest_writer_end(w);

        /* The next tick of the clock; those that were missed are not made up for. */
        const uint64_t now = now_ns(), next = now - now % TICK_NS + TICK_NS;
        t.tv_sec = (time_t)(next / 1000000000u);
        t.tv_nsec = (long)(next % 1000000000u);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
    }
    return NULL;
}

int simguest_start_writers(struct simguest *g)
{
    sigset_t all, before;
    int rc = 0;

    /* Signals are the host's main thread's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < g->nr_writers && !rc; i++) {
        rc = pthread_create(&g->writers[i].thread, NULL, writer_thread, &g->writers[i]);
        if (rc)
            g->nr_writers = i;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    g->has_threads = true;
    return rc;
}

uint64_t simguest_check(struct simguest *g)
{
    const struct simguest_program *p = &g->config.program;
    uint64_t wrong = 0;

    simguest_hold(g);
    for (uint64_t pfn = 0; pfn < g->nr_pfns; pfn++) {
        const uint32_t generation = *simguest_generation(g, pfn);
        if (generation & GENERATION_ABSENT)
            continue;
        if (g->pages[pfn] == SIM_PAGE_ABSENT)
            wrong++;
        else if (simguest_is_patterned(g, pfn))
            wrong += !pattern_holds(simguest_page(g, pfn), p->seed, pfn, generation, p->content);
    }
    simguest_release(g);
    return wrong;
}
