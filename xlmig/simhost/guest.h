/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A simulated guest: memory, vCPUs that write to it, a dirty log.
 *
 * Every vCPU is a thread that wakes each millisecond (a tick), takes pages of
 * its own share of memory, checks that each holds what it last wrote there, and
 * writes the next generation.  The generations are a table in the guest's own
 * memory, the rest of the workload's state is the vCPU's: a copy of memory and
 * vCPUs is all it takes to go on elsewhere, and to notice a page that was not
 * copied rightly.
 *
 * The dirty log is Xen's: after enable every page is clean; a page that was
 * written after a CLEAN is dirty in the next.  As Xen does, reading the log holds
 * all vCPUs for as long as it takes.
 *
 * Functions that can fail return 0 or an errno.  They may be called from one
 * thread at a time; the vCPU threads are the guest's own business.
 */
#ifndef XLMIG_SIMHOST_GUEST_H
#define XLMIG_SIMHOST_GUEST_H

#include "libxcsave/sim/protocol.h"
#include "xlmig/simhost/pattern.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory of the host that no guest has. */
struct simhost_pool {
    _Atomic int64_t free_pages;
};

/* What the guest does; travels with it. */
struct simguest_program {
    uint64_t seed;
    uint64_t pages_per_s;       /* written by all vCPUs together */
    uint64_t working_set;       /* pages among which they choose; 0: all */
    uint32_t content;           /* enum pattern_content */
    uint32_t balloon_ticks;     /* each so many ticks vCPU 0 gives a page back or takes it again; 0: never */
    uint32_t grow_ticks;        /* each so many ticks it takes a page above all others; 0: never */
    uint32_t reserved;
};

#define SIMGUEST_PATH_MAX 127u

struct simguest_config {
    char name[SIM_NAME_MAX + 1];
    uint8_t uuid[16];
    unsigned nr_vcpus;
    unsigned cap;               /* per cent of one CPU that its vCPUs may take together; 0: no limit */
    bool has_emulator;          /* a device model, which writes to the guest's memory too */
    uint64_t boot_pfns;         /* memory when it boots */
    uint64_t max_pfns;          /* to which it may grow */
    unsigned holes_percent;     /* of the memory at boot that is ballooned out */
    struct simguest_program program;
    unsigned devices_ms;        /* that setting up its disks and network takes where it arrives; 0: it has none */
    bool devices_broken;        /* they cannot be set up there */
    /* What it has of its host, below the host's directory; "": nothing.  Nothing is done with it. */
    char disk[SIMGUEST_PATH_MAX + 1];
    char bridge[SIMGUEST_PATH_MAX + 1];
    char kernel[SIMGUEST_PATH_MAX + 1];
};

/* Smallest guest, and the largest that the simulation is meant for. */
#define SIMGUEST_MIN_PFNS 1024u
#define SIMGUEST_MAX_PFNS (UINT64_C(64) << 18)
#define SIMGUEST_MAX_DEVICES_MS 60000u

struct simguest;

/* Without memory, paused. */
int simguest_new(const struct simguest_config *config, struct simhost_pool *pool, struct simguest **guest);
/* Fill memory: what a boot would have done. */
int simguest_boot(struct simguest *g);
void simguest_free(struct simguest *g);

const char *simguest_name(const struct simguest *g);
const uint8_t *simguest_uuid(const struct simguest *g);
void simguest_rename(struct simguest *g, const char *name);
void simguest_info(struct simguest *g, struct sim_domain_info *info);
void simguest_attach(struct simguest *g, struct sim_attachment *attachment, int fds[SIM_ATTACH_FDS]);

void simguest_pause(struct simguest *g);
int simguest_unpause(struct simguest *g);
void simguest_ask_suspend(struct simguest *g);
int simguest_withdraw_suspend(struct simguest *g);
int simguest_resume(struct simguest *g);
/* Takes effect with the next tick. */
void simguest_set_cap(struct simguest *g, unsigned cap);
unsigned simguest_cap(const struct simguest *g);
void simguest_set_deaf(struct simguest *g, bool deaf);
void simguest_set_no_drivers(struct simguest *g, bool no_drivers);

int simguest_logdirty(struct simguest *g, enum sim_logdirty op); /* all but MARK */
/* SIM_LOGDIRTY_MARK. */
int simguest_mark_dirty(struct simguest *g, uint64_t pfn);
void simguest_emulator_logdirty(struct simguest *g, bool enable);

/* Extents of 2^order pages; *done of them were given. */
int simguest_populate(struct simguest *g, unsigned n, const uint64_t *pfns, unsigned order, unsigned *done);
int simguest_depopulate(struct simguest *g, unsigned n, const uint64_t *pfns);

/* State of a guest that stands still; *bytes: room, then size. */
int simguest_get_context(struct simguest *g, void *buf, size_t *bytes);
int simguest_set_context(struct simguest *g, const void *buf, size_t bytes);
int simguest_get_emulator(struct simguest *g, void *buf, size_t *bytes);
int simguest_set_emulator(struct simguest *g, const void *buf, size_t bytes);

/*
 * The proof of a moment.  It is made of what memory and vCPUs were at that
 * moment, but afterwards, beside the running guest: a page is digested before it
 * is written again.  EAGAIN: being made; ENOENT: there was no such moment.
 */
int simguest_proof(struct simguest *g, enum sim_moment moment, struct sim_proof *proof);
/* Make the proof of the moment that the guest stands at, if any, now, and wait for it. */
void simguest_finish_proof(struct simguest *g);

/* Pages that do not hold their pattern. */
uint64_t simguest_check(struct simguest *g);

#endif
