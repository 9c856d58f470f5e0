/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Inside a simulated guest (guest.h).
 *
 * Layout of its memory: pfn 0 says what it is; [0xa0, 0xc0) is a hole, as a PC
 * has; then the rings' pages; from TABLE_PFN one 32-bit generation for each pfn
 * up to max_pfns; the rest is the workload's.
 *
 * Locks, in the order in which they are taken: guest.lock, proof.lock.
 *
 * While a writer is `active` it alone touches the pages of its share and their
 * generations, and vCPU 0 the page states.  Everybody else holds the guest first
 * (hold/release), which is what makes the dirty log and the context whole.
 */
#ifndef XLMIG_SIMHOST_GUEST_PRIVATE_H
#define XLMIG_SIMHOST_GUEST_PRIVATE_H

#include "xlmig/simhost/guest.h"

#include <pthread.h>

#define TICK_NS UINT64_C(1000000)
#define TICKS_PER_S 1000u
#define HOLE_PFN 0xa0u
#define HOLE_END 0xc0u
#define STORE_PFN 0xfeu
#define CONSOLE_PFN 0xffu
#define TABLE_PFN 0x100u
#define GENERATIONS_PER_PAGE (PATTERN_PAGE_SIZE / sizeof(uint32_t))
#define GENERATION_ABSENT UINT32_C(0x80000000)
#define PAGES_PER_SUPERPAGE 512u
#define PAGES_PER_HUGEPAGE (512u * 512u)

/* State of one writer as it travels. */
struct writer_state {
    uint64_t ticks;
    uint64_t random;
    uint64_t credit;        /* fractions of a page still to be written */
    uint64_t writes;
    uint64_t errors;
    uint64_t last_tick_ns;  /* CLOCK_MONOTONIC, which simulated hosts of one machine share */
    uint64_t max_gap_ns;
};

struct writer {
    struct simguest *guest;
    unsigned id;
    bool is_emulator;
    struct writer_state state;
    uint64_t ticks_here;    /* since this domain was made: does not travel */
    pthread_t thread;
};

struct proof_run {
    pthread_mutex_t lock;
    atomic_bool active;     /* writers must have a page digested before they change it */
    atomic_uint waiting;    /* writers at the lock: they go first, the guest shall not feel the proof */
    bool has_thread;
    pthread_t thread;
    enum sim_moment moment;
    uint64_t nr_pfns;
    uint64_t *done;         /* bit a pfn */
    struct sim_proof sum;
};

struct simguest {
    struct simguest_config config;
    struct simhost_pool *pool;
    atomic_uint cap;
    uint64_t table_end;     /* first pfn of the workload's area */

    int fds[SIM_ATTACH_FDS];
    uint8_t *memory;
    _Atomic uint8_t *pages; /* SIM_PAGE_* */
    uint64_t *dirty_out;    /* what the reader of the log gets */
    _Atomic uint64_t *dirty;
    _Atomic uint64_t nr_pfns;
    bool logdirty, emulator_logdirty; /* changed only while the guest is held */

    pthread_mutex_t lock;
    pthread_cond_t may_run, is_idle;
    unsigned active, holds;
    unsigned pauses;        /* it runs again when all of them were taken back */
    bool suspended, suspend_asked, deaf, no_drivers, ending;

    bool has_threads;
    bool restored;          /* has a context that came from elsewhere and never ran here */
    bool has_context, has_emulator_state;
    bool arriving;          /* no tick of vCPU 0 since it was restored */
    uint64_t arrival_gap_ns;
    unsigned nr_writers;    /* vCPUs, then the emulator if there is one */
    struct writer writers[SIM_MAX_VCPUS + 1];

    struct proof_run proof;
    bool has_proof[2];
    struct sim_proof proofs[2]; /* by enum sim_moment */
};

/* Stop all writers at the end of what they are about; bounded by one tick's work. */
void simguest_hold(struct simguest *g);
void simguest_release(struct simguest *g);
/* Between these two a writer may touch its pages; false: the guest ends. */
bool simguest_writer_begin(struct writer *w);
void simguest_writer_end(struct writer *w);
/* And no vCPU is on its last step any more. */
bool simguest_is_suspended(struct simguest *g);
int simguest_start_writers(struct simguest *g);

/* One small page, from the pool; ENOMEM. */
int simguest_take_page(struct simguest *g, uint64_t pfn);
void simguest_give_page(struct simguest *g, uint64_t pfn);

static inline uint8_t *simguest_page(const struct simguest *g, uint64_t pfn)
{
    return g->memory + pfn * PATTERN_PAGE_SIZE;
}

static inline uint32_t *simguest_generation(const struct simguest *g, uint64_t pfn)
{
    return (uint32_t *)simguest_page(g, TABLE_PFN) + pfn;
}

/* A bit for each pfn, in whole words. */
static inline size_t simguest_log_bytes(const struct simguest *g)
{
    return (g->config.max_pfns + 63) / 64 * 8;
}

/* Pages that hold the pattern of their generation. */
static inline bool simguest_is_patterned(const struct simguest *g, uint64_t pfn)
{
    return (pfn >= g->table_end || (pfn < STORE_PFN && pfn > 0)) && !(pfn >= HOLE_PFN && pfn < HOLE_END);
}

/* The guest stands at a moment: begin its proof unless there is one. */
int simguest_start_proof(struct simguest *g);
void simguest_proof_before_write(struct simguest *g, uint64_t pfn);
/* Forget the proof of a moment that is about to come again. */
void simguest_drop_proof(struct simguest *g, enum sim_moment moment);

#endif
