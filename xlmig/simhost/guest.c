/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A simulated guest's memory, run states and dirty log; see guest.h. */
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

static size_t bitmap_bytes(const struct simguest *g)
{
    return (g->config.max_pfns + 63) / 64 * 8;
}

/* The three things that a helper process maps too. */
static int make_memory(struct simguest *g)
{
    static const char *const names[SIM_ATTACH_FDS] = { NULL, "sim-pages", "sim-dirty" };
    const size_t bytes[SIM_ATTACH_FDS] = {
        g->config.max_pfns * PATTERN_PAGE_SIZE, g->config.max_pfns, bitmap_bytes(g),
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
    g->dirty = calloc(1, bitmap_bytes(g));
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
    g->paused = true;
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
        munmap(g->dirty_out, bitmap_bytes(g));
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

/* ---- memory ---- */

static bool take_from_pool(struct simguest *g, int64_t n)
{
    if (atomic_fetch_sub(&g->pool->free_pages, n) >= n)
        return true;
    atomic_fetch_add(&g->pool->free_pages, n);
    return false;
}

int simguest_take_page(struct simguest *g, uint64_t pfn)
{
    if (!take_from_pool(g, 1))
        return ENOMEM;
    g->pages[pfn] = SIM_PAGE_SMALL;
    return 0;
}

/* The aligned extent around pfn is from now on made of smaller ones. */
static void break_extent(struct simguest *g, uint64_t pfn, uint64_t n, uint8_t state)
{
    const uint64_t first = pfn & ~(n - 1);

    for (uint64_t i = first; i < first + n; i++)
        g->pages[i] = state;
}

void simguest_give_page(struct simguest *g, uint64_t pfn)
{
    if (g->pages[pfn] == SIM_PAGE_HUGE)
        break_extent(g, pfn, PAGES_PER_HUGEPAGE, SIM_PAGE_SUPER);
    if (g->pages[pfn] == SIM_PAGE_SUPER)
        break_extent(g, pfn, PAGES_PER_SUPERPAGE, SIM_PAGE_SMALL);
    g->pages[pfn] = SIM_PAGE_ABSENT;
    fallocate(g->fds[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(pfn * PATTERN_PAGE_SIZE),
              PATTERN_PAGE_SIZE);
    atomic_fetch_add(&g->pool->free_pages, 1);
}

static int populate_extent(struct simguest *g, uint64_t first, uint64_t n)
{
    for (uint64_t pfn = first; pfn < first + n; pfn++)
        if (g->pages[pfn] != SIM_PAGE_ABSENT)
            return EEXIST;
    if (!take_from_pool(g, (int64_t)n))
        return ENOMEM;
    for (uint64_t pfn = first; pfn < first + n; pfn++)
        g->pages[pfn] = n == 1 ? SIM_PAGE_SMALL : n == PAGES_PER_SUPERPAGE ? SIM_PAGE_SUPER : SIM_PAGE_HUGE;
    if (first + n > g->nr_pfns)
        g->nr_pfns = first + n;
    return 0;
}

int simguest_populate(struct simguest *g, unsigned n, const uint64_t *pfns, unsigned order, unsigned *done)
{
    const uint64_t extent = UINT64_C(1) << (order & 31);
    int rc = 0;

    *done = 0;
    if (extent != 1 && extent != PAGES_PER_SUPERPAGE && extent != PAGES_PER_HUGEPAGE)
        return EINVAL;
    simguest_hold(g);
    while (!rc && *done < n) {
        const uint64_t pfn = pfns[*done];
        if (pfn % extent || pfn >= g->config.max_pfns || extent > g->config.max_pfns - pfn)
            rc = EINVAL;
        else
            rc = populate_extent(g, pfn, extent);
        if (!rc)
            ++*done;
    }
    simguest_release(g);
    return rc;
}

int simguest_depopulate(struct simguest *g, unsigned n, const uint64_t *pfns)
{
    int rc = 0;

    simguest_hold(g);
    for (unsigned i = 0; i < n && !rc; i++) {
        if (pfns[i] >= g->config.max_pfns || g->pages[pfns[i]] == SIM_PAGE_ABSENT)
            rc = ENOENT;
        else
            simguest_give_page(g, pfns[i]);
    }
    simguest_release(g);
    return rc;
}

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
    info->state = g->suspended ? SIM_SUSPENDED : g->paused ? SIM_PAUSED : SIM_RUNNING;
    info->suspend_asked = g->suspend_asked;
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

static bool must_stand(const struct simguest *g)
{
    return g->paused || g->suspended || g->holds;
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
        if (w->id == 0 && g->suspend_asked && !g->deaf && !g->paused) {
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

void simguest_pause(struct simguest *g)
{
    simguest_hold(g);
    pthread_mutex_lock(&g->lock);
    g->paused = true;
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
    g->paused = false;
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
    g->suspend_asked = true;
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

void simguest_set_cap(struct simguest *g, unsigned cap)
{
    atomic_store_explicit(&g->cap, cap, memory_order_relaxed);
}

unsigned simguest_cap(const struct simguest *g)
{
    return atomic_load_explicit(&g->cap, memory_order_relaxed);
}

void simguest_set_deaf(struct simguest *g, bool deaf)
{
    pthread_mutex_lock(&g->lock);
    g->deaf = deaf;
    pthread_mutex_unlock(&g->lock);
}

/* ---- the dirty log ---- */

static void read_log(struct simguest *g, bool clean)
{
    const size_t words = bitmap_bytes(g) / 8;

    for (size_t i = 0; i < words; i++) {
        g->dirty_out[i] = g->dirty[i];
        if (clean)
            g->dirty[i] = 0;
    }
}

int simguest_logdirty(struct simguest *g, enum sim_logdirty op)
{
    int rc = 0;

    simguest_hold(g);
    if (op == SIM_LOGDIRTY_DISABLE)
        g->logdirty = false;
    else if (op == SIM_LOGDIRTY_ENABLE && g->logdirty)
        rc = EBUSY;
    else if (op == SIM_LOGDIRTY_ENABLE) {
        memset((void *)g->dirty, 0, bitmap_bytes(g));
        g->logdirty = true;
    } else if (!g->logdirty)
        rc = EINVAL;
    else
        read_log(g, op == SIM_LOGDIRTY_CLEAN);
    simguest_release(g);
    return rc;
}

int simguest_mark_dirty(struct simguest *g, uint64_t pfn)
{
    int rc = 0;

    simguest_hold(g);
    if (!g->logdirty || pfn >= g->config.max_pfns)
        rc = EINVAL;
    else
        g->dirty[pfn / 64] |= UINT64_C(1) << (pfn % 64);
    simguest_release(g);
    return rc;
}

void simguest_emulator_logdirty(struct simguest *g, bool enable)
{
    simguest_hold(g);
    g->emulator_logdirty = enable;
    simguest_release(g);
}
