/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A simulated guest: made, booted, asked, paused, suspended, ended; see guest.h. */
#include "config.h"

#include "xlmig/simhost/guest-private.h"
#include "xlmig/simhost/memory-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *map_shared(int fd, size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* The three things that a helper process maps too. */
static int make_memory(struct simguest *g)
{
    static const char *const names[SIM_ATTACH_FDS] = { NULL, "sim-pages", "sim-dirty" };
    const size_t bytes[SIM_ATTACH_FDS] = {
        g->config.max_pfns * PATTERN_PAGE_SIZE, g->config.max_pfns, simguest_log_bytes(g),
    };
    void *maps[SIM_ATTACH_FDS];

    for (unsigned i = 0; i < SIM_ATTACH_FDS; i++) {
        g->fds[i] = i == 0 ? simhost_memory_file(bytes[i]) : memfd_create(names[i], MFD_CLOEXEC);
        if (g->fds[i] < 0 || ftruncate(g->fds[i], (off_t)bytes[i]))
            return errno;
        maps[i] = map_shared(g->fds[i], bytes[i]);
        if (!maps[i])
            return errno;
        if (i == 0)
            g->memory = maps[i];
        else if (i == 1)
            g->pages = maps[i];
        else
            g->dirty_out = maps[i];
    }
    /*
     * Memory comes when it is first touched, in huge pages where it may, as QEMU's does: asked for beforehand, by
     * fallocate(), it would come in small ones, each with a fault of its own later.
     */
    madvise(g->memory, bytes[0], MADV_HUGEPAGE);
    g->dirty = calloc(1, simguest_log_bytes(g));
    return g->dirty ? 0 : ENOMEM;
}

int simguest_new(const struct simguest_config *config, struct simhost_pool *pool, struct simguest **guest)
{
    if (config->nr_vcpus < 1 || config->nr_vcpus > SIM_MAX_VCPUS || config->boot_pfns < SIMGUEST_MIN_PFNS ||
        config->max_pfns < config->boot_pfns || config->max_pfns > SIMGUEST_MAX_PFNS ||
        config->holes_percent > 90 || config->program.content >= PATTERN_NR_CONTENTS)
        return EINVAL;

    struct simguest *g = calloc(1, sizeof *g);
    if (!g)
        return ENOMEM;
    g->config = *config;
    g->pool = pool;
    g->pauses = 1;
    g->cap = config->cap;
    g->nr_writers = config->nr_vcpus + config->has_emulator;
    g->table_end = TABLE_PFN + (config->max_pfns + GENERATIONS_PER_PAGE - 1) / GENERATIONS_PER_PAGE;
    g->nr_pfns = config->boot_pfns;
    for (unsigned i = 0; i < SIM_ATTACH_FDS; i++)
        g->fds[i] = -1;
    for (unsigned i = 0; i < g->nr_writers; i++) {
        g->writers[i].guest = g;
        g->writers[i].id = i;
        g->writers[i].is_emulator = i == config->nr_vcpus;
        g->writers[i].state.random = config->program.seed + i;
    }
    pthread_mutex_init(&g->lock, NULL);
    pthread_mutex_init(&g->proof.lock, NULL);
    pthread_cond_init(&g->may_run, NULL);
    pthread_cond_init(&g->is_idle, NULL);

    int rc = make_memory(g);
    if (rc) {
        simguest_free(g);
        return rc;
    }
    *guest = g;
    return 0;
}

void simguest_free(struct simguest *g)
{
    if (!g)
        return;
    pthread_mutex_lock(&g->lock);
    g->ending = true;
    pthread_cond_broadcast(&g->may_run);
    pthread_mutex_unlock(&g->lock);
    for (unsigned i = 0; g->has_threads && i < g->nr_writers; i++)
        pthread_join(g->writers[i].thread, NULL);
    if (g->proof.has_thread)
        pthread_join(g->proof.thread, NULL);

    uint64_t present = 0;
    for (uint64_t pfn = 0; g->pages && pfn < g->config.max_pfns; pfn++)
        present += g->pages[pfn] != SIM_PAGE_ABSENT;
    atomic_fetch_add(&g->pool->free_pages, (int64_t)present);

    if (g->memory)
        munmap(g->memory, g->config.max_pfns * PATTERN_PAGE_SIZE);
    if (g->pages)
        munmap((void *)g->pages, g->config.max_pfns);
    if (g->dirty_out)
        munmap(g->dirty_out, simguest_log_bytes(g));
    for (unsigned i = 0; i < SIM_ATTACH_FDS; i++)
        if (g->fds[i] >= 0)
            close(g->fds[i]);
    free((void *)g->dirty);
    free(g->proof.done);
    pthread_cond_destroy(&g->is_idle);
    pthread_cond_destroy(&g->may_run);
    pthread_mutex_destroy(&g->proof.lock);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ---- boot ---- */

/* Balloons free runs of sixteen pages. */
static bool is_boot_hole(const struct simguest *g, uint64_t pfn)
{
    uint64_t state = g->config.program.seed + (pfn >> 4);

    if (pfn >= HOLE_PFN && pfn < HOLE_END)
        return true;
    return pfn >= g->table_end && pattern_next(&state) % 100 < g->config.holes_percent;
}

static bool fits_pool(const struct simguest *g)
{
    int64_t wanted = 0;

    for (uint64_t pfn = 0; pfn < g->config.boot_pfns; pfn++)
        wanted += !is_boot_hole(g, pfn);
    return wanted <= g->pool->free_pages;
}

static int boot_extent(struct simguest *g, uint64_t first, uint64_t end)
{
    uint64_t absent = 0;
    unsigned done;
    int rc = 0;

    for (uint64_t pfn = first; pfn < end; pfn++)
        absent += is_boot_hole(g, pfn);
    if (!absent && end - first == PAGES_PER_SUPERPAGE)
        return simguest_populate(g, 1, &first, 9, &done);
    for (uint64_t pfn = first; pfn < end && !rc; pfn++)
        if (!is_boot_hole(g, pfn))
            rc = simguest_populate(g, 1, &pfn, 0, &done);
    return rc;
}

int simguest_boot(struct simguest *g)
{
    const uint64_t end = g->config.boot_pfns;

    if (g->table_end + SIMGUEST_MIN_PFNS / 2 > end)
        return EINVAL;
    /* Before any of it is taken: the memory is real. */
    if (!fits_pool(g))
        return ENOMEM;
    for (uint64_t first = 0; first < end; first += PAGES_PER_SUPERPAGE) {
        const uint64_t next = first + PAGES_PER_SUPERPAGE;
        int rc = boot_extent(g, first, next < end ? next : end);
        if (rc)
            return rc;
    }
    strcpy((char *)simguest_page(g, 0), "a simulated guest of xlmig");
    for (uint64_t pfn = 0; pfn < g->config.max_pfns; pfn++) {
        const bool present = pfn < end && !is_boot_hole(g, pfn);
        *simguest_generation(g, pfn) = present ? 0 : GENERATION_ABSENT;
        if (present && simguest_is_patterned(g, pfn))
            pattern_fill(simguest_page(g, pfn), g->config.program.seed, pfn, 0, g->config.program.content);
    }
    g->has_context = g->has_emulator_state = true;
    return 0;
}

/* ---- what it is ---- */

const char *simguest_name(const struct simguest *g)
{
    return g->config.name;
}

const uint8_t *simguest_uuid(const struct simguest *g)
{
    return g->config.uuid;
}

void simguest_rename(struct simguest *g, const char *name)
{
    strncpy(g->config.name, name, SIM_NAME_MAX);
}

void simguest_info(struct simguest *g, struct sim_domain_info *info)
{
    simguest_hold(g);
    strcpy(info->name, g->config.name);
    memcpy(info->uuid, g->config.uuid, sizeof info->uuid);
    pthread_mutex_lock(&g->lock);
    info->state = g->suspended ? SIM_SUSPENDED : g->pauses ? SIM_PAUSED : SIM_RUNNING;
    info->suspend_asked = g->suspend_asked;
    info->no_drivers = g->no_drivers;
    info->paused = g->pauses > 0;
    pthread_mutex_unlock(&g->lock);
    info->nr_vcpus = g->config.nr_vcpus;
    info->cap = simguest_cap(g);
    info->has_emulator = g->config.has_emulator;
    info->logdirty = g->logdirty;
    info->emulator_logdirty = g->emulator_logdirty;
    info->max_pfns = g->config.max_pfns;
    info->nr_pfns = g->nr_pfns;
    for (uint64_t pfn = 0; pfn < g->config.max_pfns; pfn++) {
        info->present_pages += g->pages[pfn] != SIM_PAGE_ABSENT;
        info->superpages += g->pages[pfn] == SIM_PAGE_SUPER;
        info->hugepages += g->pages[pfn] == SIM_PAGE_HUGE;
    }
    info->superpages /= PAGES_PER_SUPERPAGE;
    info->hugepages /= PAGES_PER_HUGEPAGE;
    for (unsigned i = 0; i < g->nr_writers; i++) {
        info->ticks += g->writers[i].is_emulator ? 0 : g->writers[i].state.ticks;
        info->cpu_ns += g->writers[i].is_emulator ? 0 : g->writers[i].ticks_here * TICK_NS;
        info->writes += g->writers[i].state.writes;
        info->errors += g->writers[i].state.errors;
    }
    info->max_gap_us = g->writers[0].state.max_gap_ns / 1000;
    info->arrival_gap_us = g->arrival_gap_ns / 1000;
    simguest_release(g);
}

void simguest_attach(struct simguest *g, struct sim_attachment *attachment, int fds[SIM_ATTACH_FDS])
{
    attachment->max_pfns = g->config.max_pfns;
    attachment->nr_pfns = g->nr_pfns;
    attachment->store_pfn = STORE_PFN;
    attachment->console_pfn = CONSOLE_PFN;
    memcpy(fds, g->fds, sizeof g->fds);
}

/* ---- running and standing still ---- */

void simguest_pause(struct simguest *g)
{
    simguest_hold(g);
    pthread_mutex_lock(&g->lock);
    g->pauses++;
    pthread_mutex_unlock(&g->lock);
    simguest_release(g);
}

int simguest_unpause(struct simguest *g)
{
    int rc;

    if (!g->has_context || (g->config.has_emulator && !g->has_emulator_state))
        return ENODATA;
    if (g->restored) {
        rc = simguest_start_proof(g);
        if (rc)
            return rc;
        g->restored = false;
        g->arriving = true;
    }
    rc = g->has_threads ? 0 : simguest_start_writers(g);
    if (rc)
        return rc;
    pthread_mutex_lock(&g->lock);
    g->pauses -= g->pauses > 0;
    pthread_cond_broadcast(&g->may_run);
    pthread_mutex_unlock(&g->lock);
    return 0;
}

void simguest_ask_suspend(struct simguest *g)
{
    if (simguest_is_suspended(g))
        return;
    simguest_drop_proof(g, SIM_WHEN_SUSPENDED);
    pthread_mutex_lock(&g->lock);
    g->suspended = g->no_drivers; /* Xen does it */
    g->suspend_asked = !g->no_drivers;
    pthread_mutex_unlock(&g->lock);
}

int simguest_withdraw_suspend(struct simguest *g)
{
    pthread_mutex_lock(&g->lock);
    g->suspend_asked = false;
    int rc = g->suspended ? EBUSY : 0;
    pthread_mutex_unlock(&g->lock);
    return rc;
}

int simguest_resume(struct simguest *g)
{
    if (!simguest_is_suspended(g))
        return EINVAL;
    int rc = simguest_start_proof(g);
    if (rc)
        return rc;
    pthread_mutex_lock(&g->lock);
    g->suspended = false;
    pthread_cond_broadcast(&g->may_run);
    pthread_mutex_unlock(&g->lock);
    return 0;
}

void simguest_set_deaf(struct simguest *g, bool deaf)
{
    pthread_mutex_lock(&g->lock);
    g->deaf = deaf;
    pthread_mutex_unlock(&g->lock);
}

void simguest_set_no_drivers(struct simguest *g, bool no_drivers)
{
    pthread_mutex_lock(&g->lock);
    g->no_drivers = no_drivers;
    pthread_mutex_unlock(&g->lock);
}
