/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The simulated guest: what a migration relies on, and what the proof of it relies on. */
#include "config.h"

#include "tests/run-suite.h"
#include "xlmig/simhost/guest-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE PATTERN_PAGE_SIZE

static struct simhost_pool pool;

static struct simguest_config small_config(void)
{
    return (struct simguest_config){
        .name = "small", .nr_vcpus = 2, .boot_pfns = 4096, .max_pfns = 4096,
        .program = { .seed = 7, .pages_per_s = 200000, .content = PATTERN_RANDOM },
    };
}

static struct simguest *boot(struct simguest_config config)
{
    struct simguest *g = NULL;

    pool.free_pages = 1 << 20;
    ck_assert_int_eq(simguest_new(&config, &pool, &g), 0);
    ck_assert_int_eq(simguest_boot(g), 0);
    return g;
}

static void nap_ms(long ms)
{
    const struct timespec t = { .tv_nsec = ms * 1000000 };

    nanosleep(&t, NULL);
}

static struct sim_domain_info info_of(struct simguest *g)
{
    struct sim_domain_info info = { 0 };

    simguest_info(g, &info);
    return info;
}

/* Until the workload did something; the guest runs on. */
static void run_until_writes(struct simguest *g, uint64_t more)
{
    const uint64_t target = info_of(g).writes + more;

    for (unsigned i = 0; info_of(g).writes < target; i++) {
        ck_assert_msg(i < 5000, "the workload stands still");
        nap_ms(1);
    }
}

static uint64_t emulator_writes(struct simguest *g)
{
    simguest_hold(g);
    const uint64_t writes = g->writers[g->config.nr_vcpus].state.writes;
    simguest_release(g);
    return writes;
}

static bool suspends(struct simguest *g, unsigned limit_ms)
{
    simguest_ask_suspend(g);
    for (unsigned i = 0; i < limit_ms; i++) {
        if (info_of(g).state == SIM_SUSPENDED)
            return true;
        nap_ms(1);
    }
    return false;
}

static bool is_set(const uint64_t *bitmap, uint64_t pfn)
{
    return bitmap[pfn / 64] >> (pfn % 64) & 1;
}

static uint64_t count_dirty(struct simguest *g, enum sim_logdirty op)
{
    uint64_t n = 0;

    ck_assert_int_eq(simguest_logdirty(g, op), 0);
    for (uint64_t pfn = 0; pfn < g->config.max_pfns; pfn++)
        n += is_set(g->dirty_out, pfn);
    return n;
}

START_TEST(pattern_depends_on_seed_pfn_and_generation)
{
    uint8_t page[PAGE];

    for (int content = 0; content < PATTERN_NR_CONTENTS; content++) {
        pattern_fill(page, 1, 2, 3, content);
        ck_assert(pattern_holds(page, 1, 2, 3, content));
        ck_assert(!pattern_holds(page, 1, 3, 3, content));
        ck_assert(!pattern_holds(page, 1, 2, 4, content));
        page[PAGE - 1] ^= 1;
        ck_assert(!pattern_holds(page, 1, 2, 3, content));
    }
    pattern_fill(page, 1, 2, 3, PATTERN_RANDOM);
    ck_assert(!pattern_holds(page, 2, 2, 3, PATTERN_RANDOM));
}
END_TEST

START_TEST(log_is_clean_after_enable)
{
    struct simguest *g = boot(small_config());

    ck_assert_int_eq(simguest_unpause(g), 0);
    run_until_writes(g, 1000);
    simguest_pause(g);
    ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_PEEK), EINVAL);
    ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_ENABLE), 0);
    ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_ENABLE), EBUSY);
    ck_assert_uint_eq(count_dirty(g, SIM_LOGDIRTY_PEEK), 0);
    ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_DISABLE), 0);
    simguest_free(g);
}
END_TEST

START_TEST(log_names_exactly_the_pages_that_changed)
{
    struct simguest *g = boot(small_config());
    const size_t bytes = g->config.max_pfns * PAGE;
    uint8_t *before = malloc(bytes);

    ck_assert_ptr_nonnull(before);
    memcpy(before, g->memory, bytes);
    ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_ENABLE), 0);
    ck_assert_int_eq(simguest_unpause(g), 0);
    run_until_writes(g, 500);
    simguest_pause(g);
    ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_CLEAN), 0);
    for (uint64_t pfn = 0; pfn < g->config.max_pfns; pfn++)
        ck_assert_int_eq(memcmp(before + pfn * PAGE, simguest_page(g, pfn), PAGE) != 0, is_set(g->dirty_out, pfn));
    free(before);
    simguest_free(g);
}
END_TEST

START_TEST(a_mark_names_one_page)
{
    struct simguest *g = boot(small_config());

    ck_assert_int_eq(simguest_mark_dirty(g, 7), EINVAL);
    ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_ENABLE), 0);
    ck_assert_int_eq(simguest_mark_dirty(g, 7), 0);
    ck_assert_int_eq(simguest_mark_dirty(g, g->config.max_pfns), EINVAL);
    ck_assert_uint_eq(count_dirty(g, SIM_LOGDIRTY_CLEAN), 1);
    ck_assert(is_set(g->dirty_out, 7));
    ck_assert_uint_eq(count_dirty(g, SIM_LOGDIRTY_PEEK), 0);
    simguest_free(g);
}
END_TEST

START_TEST(peek_leaves_the_log_and_clean_empties_it)
{
    struct simguest *g = boot(small_config());

    ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_ENABLE), 0);
    ck_assert_int_eq(simguest_unpause(g), 0);
    run_until_writes(g, 100);
    simguest_pause(g);
    const uint64_t n = count_dirty(g, SIM_LOGDIRTY_PEEK);
    ck_assert_uint_gt(n, 0);
    ck_assert_uint_eq(count_dirty(g, SIM_LOGDIRTY_PEEK), n);
    ck_assert_uint_eq(count_dirty(g, SIM_LOGDIRTY_CLEAN), n);
    ck_assert_uint_eq(count_dirty(g, SIM_LOGDIRTY_CLEAN), 0);
    simguest_free(g);
}
END_TEST

/* Copies while vCPUs write as fast as they can, as a migration does. */
START_TEST(no_write_is_lost_between_clean_and_copy)
{
    struct simguest_config config = small_config();
    config.nr_vcpus = 4;
    config.program.pages_per_s = 2000000;
    struct simguest *g = boot(config);
    struct sim_attachment attachment;
    int fds[SIM_ATTACH_FDS];
    const size_t bytes = config.max_pfns * PAGE;
    uint8_t *copy = calloc(1, bytes);
    uint64_t copied = 0;

    simguest_attach(g, &attachment, fds);
    const uint8_t *memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fds[0], 0);
    ck_assert(copy && memory != MAP_FAILED);
    ck_assert_int_eq(simguest_unpause(g), 0);
    ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_ENABLE), 0);
    memcpy(copy, memory, bytes);
    for (unsigned round = 0; round < 200; round++) {
        if (round == 199)
            ck_assert(suspends(g, 2000));
        ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_CLEAN), 0);
        for (uint64_t pfn = 0; pfn < config.max_pfns; pfn++) {
            if (is_set(g->dirty_out, pfn)) {
                memcpy(copy + pfn * PAGE, memory + pfn * PAGE, PAGE);
                copied++;
            }
        }
    }
    ck_assert_int_eq(memcmp(copy, memory, bytes), 0);
    ck_assert_uint_gt(copied, 1000);
    munmap((void *)memory, bytes);
    free(copy);
    simguest_free(g);
}
END_TEST

START_TEST(emulator_writes_are_logged_only_when_it_is_told_to)
{
    struct simguest_config config = small_config();
    config.has_emulator = true;
    config.nr_vcpus = 1;
    struct simguest *g = boot(config);

    for (int told = 0; told < 2; told++) {
        uint64_t unlogged = 0;
        const uint64_t size = config.max_pfns * PAGE;
        uint8_t *before = malloc(size);
        memcpy(before, g->memory, size);
        simguest_emulator_logdirty(g, told);
        ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_ENABLE), 0);
        const uint64_t target = emulator_writes(g) + 100;
        ck_assert_int_eq(simguest_unpause(g), 0);
        for (unsigned i = 0; emulator_writes(g) < target; i++) {
            ck_assert_uint_lt(i, 5000);
            nap_ms(1);
        }
        simguest_pause(g);
        ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_CLEAN), 0);
        for (uint64_t pfn = 0; pfn < config.max_pfns; pfn++)
            unlogged += memcmp(before + pfn * PAGE, simguest_page(g, pfn), PAGE) && !is_set(g->dirty_out, pfn);
        if (told)
            ck_assert_uint_eq(unlogged, 0);
        else
            ck_assert_uint_gt(unlogged, 0);
        ck_assert_int_eq(simguest_logdirty(g, SIM_LOGDIRTY_DISABLE), 0);
        free(before);
    }
    simguest_free(g);
}
END_TEST

START_TEST(holes_and_superpages_are_what_was_asked_for)
{
    struct simguest_config config = small_config();
    struct simguest *g = boot(config);
    /* All but the first 2 MiB, which has the PC's hole. */
    ck_assert_uint_eq(info_of(g).superpages, config.boot_pfns / 512 - 1);
    ck_assert_uint_eq(info_of(g).present_pages, config.boot_pfns - (HOLE_END - HOLE_PFN));
    const uint64_t within = 1024 + 5;
    ck_assert_int_eq(simguest_depopulate(g, 1, &within), 0);
    ck_assert_uint_eq(info_of(g).superpages, config.boot_pfns / 512 - 2);
    simguest_free(g);

    config.holes_percent = 40;
    g = boot(config);
    const uint64_t present = info_of(g).present_pages;
    ck_assert_uint_gt(present, config.boot_pfns * 50 / 100);
    ck_assert_uint_lt(present, config.boot_pfns * 70 / 100);
    ck_assert_uint_eq(simguest_check(g), 0);
    simguest_free(g);
}
END_TEST

/* Octets of this process's shared memory that are mapped in huge pages. */
static uint64_t mapped_huge(void)
{
    FILE *smaps = fopen("/proc/self/smaps", "r");
    char line[256];
    uint64_t kib, sum = 0;

    ck_assert_ptr_nonnull(smaps);
    while (fgets(line, sizeof line, smaps))
        if (sscanf(line, "ShmemPmdMapped: %" SCNu64, &kib) == 1)
            sum += kib << 10;
    fclose(smaps);
    return sum;
}

static bool may_have_huge_pages(void)
{
    char line[128] = "[never]";
    FILE *enabled = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");

    if (enabled) {
        (void)!fgets(line, sizeof line, enabled);
        fclose(enabled);
    }
    return geteuid() == 0 && !strstr(line, "[never]");
}

/* Not all need be: the system may have no room for them. */
START_TEST(memory_is_of_huge_pages)
{
    struct simguest_config config = small_config();

    config.boot_pfns = config.max_pfns = 16384;
    struct simguest *g = boot(config);
    ck_assert_uint_ge(mapped_huge(), 16384 * PAGE / 4);
    simguest_free(g);
}
END_TEST

START_TEST(balloon_and_growth_keep_the_guest_whole)
{
    struct simguest_config config = small_config();
    config.max_pfns = 8192;
    config.holes_percent = 10;
    config.program.balloon_ticks = 1;
    config.program.grow_ticks = 1;
    struct simguest *g = boot(config);

    ck_assert_int_eq(simguest_unpause(g), 0);
    for (unsigned i = 0; info_of(g).nr_pfns < config.boot_pfns + 20; i++) {
        ck_assert_uint_lt(i, 5000);
        nap_ms(1);
    }
    ck_assert_uint_eq(simguest_check(g), 0);
    ck_assert_uint_eq(info_of(g).errors, 0);
    simguest_free(g);
}
END_TEST

START_TEST(a_damaged_page_is_noticed)
{
    struct simguest_config config = small_config();
    config.program.working_set = 64;
    struct simguest *g = boot(config);
    const uint64_t pfn = g->table_end + 3;

    simguest_page(g, pfn)[100] ^= 1;
    ck_assert_uint_eq(simguest_check(g), 1);
    ck_assert_int_eq(simguest_unpause(g), 0);
    run_until_writes(g, 2000);
    ck_assert_uint_eq(info_of(g).errors, 1);
    simguest_free(g);
}
END_TEST

START_TEST(suspended_guest_stands_still_and_resumes)
{
    struct simguest *g = boot(small_config());

    ck_assert_int_eq(simguest_unpause(g), 0);
    run_until_writes(g, 10);
    ck_assert(suspends(g, 2000));
    ck_assert_int_eq(simguest_withdraw_suspend(g), EBUSY);
    const uint64_t ticks = info_of(g).ticks;
    nap_ms(20);
    ck_assert_uint_eq(info_of(g).ticks, ticks);
    ck_assert_int_eq(simguest_resume(g), 0);
    run_until_writes(g, 10);
    ck_assert_uint_gt(info_of(g).ticks, ticks);
    ck_assert(suspends(g, 2000));
    simguest_free(g);
}
END_TEST

START_TEST(suspend_is_not_answered_by_a_deaf_or_a_paused_guest)
{
    struct simguest *g = boot(small_config());

    ck_assert(!suspends(g, 20));
    ck_assert_int_eq(simguest_withdraw_suspend(g), 0);
    ck_assert_int_eq(simguest_unpause(g), 0);
    simguest_set_deaf(g, true);
    ck_assert(!suspends(g, 20));
    ck_assert_int_eq(simguest_withdraw_suspend(g), 0);
    simguest_set_deaf(g, false);
    nap_ms(20);
    ck_assert_int_eq(info_of(g).state, SIM_RUNNING);
    ck_assert_int_eq(simguest_resume(g), EINVAL);
    simguest_free(g);
}
END_TEST

/* ---- state and proof ---- */

/* What a migration is, without the migration. */
static struct simguest *copy_of(struct simguest *from)
{
    struct simguest *to = NULL;
    uint8_t state[SIM_PAYLOAD_MAX];
    size_t bytes = sizeof state;
    unsigned done;

    ck_assert_int_eq(simguest_new(&from->config, &pool, &to), 0);
    for (uint64_t pfn = 0; pfn < from->config.max_pfns; pfn++) {
        if (from->pages[pfn] == SIM_PAGE_ABSENT)
            continue;
        ck_assert_int_eq(simguest_populate(to, 1, &pfn, 0, &done), 0);
        memcpy(simguest_page(to, pfn), simguest_page(from, pfn), PAGE);
    }
    ck_assert_int_eq(simguest_get_context(from, state, &bytes), 0);
    ck_assert_int_eq(simguest_set_context(to, state, bytes), 0);
    if (from->config.has_emulator) {
        bytes = sizeof state;
        ck_assert_int_eq(simguest_unpause(to), ENODATA);
        ck_assert_int_eq(simguest_get_emulator(from, state, &bytes), 0);
        ck_assert_int_eq(simguest_set_emulator(to, state, bytes), 0);
    }
    return to;
}

static struct sim_proof proof_of(struct simguest *g, enum sim_moment moment)
{
    struct sim_proof proof;
    int rc;

    for (unsigned i = 0; (rc = simguest_proof(g, moment, &proof)) == EAGAIN; i++) {
        ck_assert_uint_lt(i, 10000);
        nap_ms(1);
    }
    ck_assert_int_eq(rc, 0);
    return proof;
}

static struct simguest *suspended_guest(void)
{
    struct simguest_config config = small_config();

    config.has_emulator = true;
    config.holes_percent = 5;
    config.program.balloon_ticks = 3;
    struct simguest *g = boot(config);
    ck_assert_int_eq(simguest_unpause(g), 0);
    run_until_writes(g, 3000);
    ck_assert(suspends(g, 2000));
    return g;
}

START_TEST(copied_guest_has_the_same_proof_though_it_runs_on)
{
    struct simguest *source = suspended_guest(), *copy = copy_of(source);
    const uint64_t ticks = info_of(source).ticks;

    /* Both are digested while the workload writes: the proof is of the moment before. */
    ck_assert_int_eq(simguest_unpause(copy), 0);
    ck_assert_int_eq(simguest_resume(source), 0);
    run_until_writes(copy, 3000);
    run_until_writes(source, 3000);
    const struct sim_proof a = proof_of(source, SIM_WHEN_SUSPENDED), b = proof_of(copy, SIM_WHEN_RESTORED);
    ck_assert_mem_eq(&a, &b, sizeof a);
    ck_assert_uint_gt(a.pages, 3000);
    ck_assert_uint_eq(a.ticks, ticks);
    ck_assert_uint_gt(info_of(copy).ticks, ticks);
    ck_assert_uint_eq(info_of(copy).errors, 0);
    ck_assert_uint_eq(simguest_check(copy), 0);
    simguest_free(copy);
    simguest_free(source);
}
END_TEST

START_TEST(proof_while_running_is_that_of_standing_still)
{
    struct simguest *source = suspended_guest(), *running = copy_of(source), *still = copy_of(source);

    const struct sim_proof a = proof_of(still, SIM_WHEN_RESTORED);
    ck_assert_uint_eq(info_of(running).arrival_gap_us, 0);
    ck_assert_int_eq(simguest_unpause(running), 0);
    run_until_writes(running, 2000);
    ck_assert_uint_gt(info_of(running).arrival_gap_us, 0);
    const struct sim_proof b = proof_of(running, SIM_WHEN_RESTORED);
    ck_assert_mem_eq(&a, &b, sizeof a);
    simguest_free(still);
    simguest_free(running);
    simguest_free(source);
}
END_TEST

START_TEST(proof_differs_for_one_bit_of_memory_and_one_tick)
{
    struct simguest *source = suspended_guest();
    const struct sim_proof truth = proof_of(source, SIM_WHEN_SUSPENDED);
    struct simguest *bit = copy_of(source), *tick = copy_of(source);

    simguest_page(bit, bit->table_end + 9)[17] ^= 4;
    tick->writers[1].state.ticks++;
    const struct sim_proof a = proof_of(bit, SIM_WHEN_RESTORED), b = proof_of(tick, SIM_WHEN_RESTORED);
    ck_assert_mem_ne(&a.digest, &truth.digest, sizeof a.digest);
    ck_assert_mem_ne(&b.digest, &truth.digest, sizeof b.digest);
    simguest_free(bit);
    simguest_free(tick);
    simguest_free(source);
}
END_TEST

START_TEST(second_suspend_gets_a_new_proof)
{
    struct simguest *g = suspended_guest();
    const struct sim_proof first = proof_of(g, SIM_WHEN_SUSPENDED);

    ck_assert_int_eq(simguest_resume(g), 0);
    run_until_writes(g, 100);
    ck_assert(suspends(g, 2000));
    const struct sim_proof second = proof_of(g, SIM_WHEN_SUSPENDED);
    ck_assert_mem_ne(&first.digest, &second.digest, sizeof first.digest);
    ck_assert_uint_gt(second.ticks, first.ticks);
    simguest_free(g);
}
END_TEST

START_TEST(damaged_context_is_refused)
{
    struct simguest *source = suspended_guest(), *to = NULL;
    uint8_t state[SIM_PAYLOAD_MAX];
    size_t bytes = sizeof state;

    ck_assert_int_eq(simguest_get_context(source, state, &bytes), 0);
    ck_assert_int_eq(simguest_new(&source->config, &pool, &to), 0);
    /* Without its table in memory. */
    ck_assert_int_eq(simguest_set_context(to, state, bytes), EBADMSG);
    for (uint64_t pfn = 0; pfn < 1024; pfn++) {
        unsigned done;
        ck_assert_int_eq(simguest_populate(to, 1, &pfn, 0, &done), 0);
    }
    for (size_t n = 0; n < bytes; n++)
        ck_assert_int_eq(simguest_set_context(to, state, n), EBADMSG);
    ck_assert_int_eq(simguest_set_context(to, state, bytes + 8), EBADMSG);
    for (size_t i = 0; i < 8; i++) {
        state[i] ^= 0xff;
        ck_assert_int_eq(simguest_set_context(to, state, bytes), EBADMSG);
        state[i] ^= 0xff;
    }
    ck_assert_int_eq(simguest_set_emulator(to, state, bytes), EBADMSG);
    ck_assert_int_eq(simguest_set_context(to, state, bytes), 0);
    ck_assert_int_eq(simguest_set_context(to, state, bytes), EBUSY);
    simguest_free(to);
    simguest_free(source);
}
END_TEST

START_TEST(memory_comes_from_the_pool_and_goes_back)
{
    struct simguest_config config = small_config();
    struct simguest *g = NULL;
    const uint64_t pfns[] = { 0, 1, 2 }, super = 512;
    unsigned done;

    pool.free_pages = 2;
    ck_assert_int_eq(simguest_new(&config, &pool, &g), 0);
    ck_assert_int_eq(simguest_boot(g), ENOMEM);
    ck_assert_int_eq(pool.free_pages, 2);
    simguest_free(g);
    ck_assert_int_eq(pool.free_pages, 2);

    ck_assert_int_eq(simguest_new(&config, &pool, &g), 0);
    ck_assert_int_eq(simguest_populate(g, 3, pfns, 0, &done), ENOMEM);
    ck_assert_uint_eq(done, 2);
    ck_assert_int_eq(simguest_populate(g, 1, &super, 9, &done), ENOMEM);
    ck_assert_int_eq(simguest_depopulate(g, 1, pfns), 0);
    ck_assert_int_eq(pool.free_pages, 1);
    simguest_free(g);
    ck_assert_int_eq(pool.free_pages, 2);
}
END_TEST

/* A page that goes takes the large mapping with it, and only that. */
START_TEST(an_extent_of_1_gib_breaks_where_a_page_goes)
{
    struct simguest_config config = small_config();
    struct simguest *g = NULL;
    const uint64_t first = 0, within = 512 + 7;
    unsigned done;

    pool.free_pages = PAGES_PER_HUGEPAGE;
    config.max_pfns = 2 * PAGES_PER_HUGEPAGE;
    ck_assert_int_eq(simguest_new(&config, &pool, &g), 0);
    ck_assert_int_eq(simguest_populate(g, 1, &first, 18, &done), 0);
    ck_assert_int_eq(simguest_populate(g, 1, &(uint64_t){ PAGES_PER_HUGEPAGE }, 18, &done), ENOMEM);
    ck_assert_int_eq(simguest_populate(g, 1, &(uint64_t){ 512 }, 18, &done), EINVAL);
    ck_assert_uint_eq(info_of(g).hugepages, 1);
    ck_assert_uint_eq(info_of(g).superpages, 0);
    ck_assert_int_eq(simguest_depopulate(g, 1, &within), 0);
    ck_assert_uint_eq(info_of(g).hugepages, 0);
    ck_assert_uint_eq(info_of(g).superpages, 511);
    ck_assert_uint_eq(info_of(g).present_pages, PAGES_PER_HUGEPAGE - 1);
    simguest_free(g);
    ck_assert_int_eq(pool.free_pages, PAGES_PER_HUGEPAGE);
}
END_TEST

START_TEST(populate_refuses_what_cannot_be)
{
    struct simguest *g = boot(small_config());
    const uint64_t there = 5, beyond = g->config.max_pfns, odd = 513, huge = UINT64_MAX;
    unsigned done;

    ck_assert_int_eq(simguest_populate(g, 1, &there, 0, &done), EEXIST);
    ck_assert_int_eq(simguest_populate(g, 1, &beyond, 0, &done), EINVAL);
    ck_assert_int_eq(simguest_populate(g, 1, &huge, 0, &done), EINVAL);
    ck_assert_int_eq(simguest_populate(g, 1, &odd, 9, &done), EINVAL);
    ck_assert_int_eq(simguest_populate(g, 1, &there, 3, &done), EINVAL);
    ck_assert_int_eq(simguest_depopulate(g, 1, &beyond), ENOENT);
    simguest_free(g);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulated guest");
    TCase *t = tcase_create("guest");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, pattern_depends_on_seed_pfn_and_generation);
    tcase_add_test(t, log_is_clean_after_enable);
    tcase_add_test(t, log_names_exactly_the_pages_that_changed);
    tcase_add_test(t, a_mark_names_one_page);
    tcase_add_test(t, peek_leaves_the_log_and_clean_empties_it);
    tcase_add_test(t, no_write_is_lost_between_clean_and_copy);
    tcase_add_test(t, emulator_writes_are_logged_only_when_it_is_told_to);
    tcase_add_test(t, holes_and_superpages_are_what_was_asked_for);
    if (may_have_huge_pages())
        tcase_add_test(t, memory_is_of_huge_pages);
    tcase_add_test(t, balloon_and_growth_keep_the_guest_whole);
    tcase_add_test(t, a_damaged_page_is_noticed);
    tcase_add_test(t, suspended_guest_stands_still_and_resumes);
    tcase_add_test(t, suspend_is_not_answered_by_a_deaf_or_a_paused_guest);
    tcase_add_test(t, copied_guest_has_the_same_proof_though_it_runs_on);
    tcase_add_test(t, proof_while_running_is_that_of_standing_still);
    tcase_add_test(t, proof_differs_for_one_bit_of_memory_and_one_tick);
    tcase_add_test(t, second_suspend_gets_a_new_proof);
    tcase_add_test(t, damaged_context_is_refused);
    tcase_add_test(t, memory_comes_from_the_pool_and_goes_back);
    tcase_add_test(t, an_extent_of_1_gib_breaks_where_a_page_goes);
    tcase_add_test(t, populate_refuses_what_cannot_be);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
