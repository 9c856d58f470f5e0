/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Somebody else takes the dirty log of a guest while the engine copies it: seen, and survived. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine-case.h"
#include "libxcsave/bitmap.h"
#include "libxcsave/other-saver.h"
#include "tests/run-suite.h"
#include "tests/scratch.h"

/* ---- foreign hands ---------------------------------------------------- */

/* As another save does in its rounds. */
static void clean(struct fake_guest *g)
{
    uint64_t taken[FAKE_MAX_PAGES / 64];

    ck_assert_int_eq(g->base.ops->logdirty_read(&g->base, GUEST_DIRTY_CLEAN, taken, g->nr_pfns, NULL), 0);
}

/* As another save does when it finds the log in use. */
static void restart(struct fake_guest *g)
{
    g->base.ops->logdirty_disable(&g->base, NULL);
    ck_assert_int_eq(g->base.ops->logdirty_enable(&g->base, NULL), 0);
}

static void write_some(struct fake_guest *g, unsigned round)
{
    for (unsigned i = 0; i < 600 / round; i++)
        fake_guest_write(g, 100 + i, 0x10000 * round + i);
}

static void write_and_clean(struct fake_guest *g, unsigned round)
{
    write_some(g, round);
    if (round == 2)
        clean(g);
}

static void write_and_restart(struct fake_guest *g, unsigned round)
{
    write_some(g, round);
    if (round == 1)
        restart(g);
}

/* Fails as it should: nothing is claimed, nothing is left on. */
static void is_found(struct save_case *c, bool suspended)
{
    int fd = memory_file();

    c->live = true;
    ck_assert_int_eq(run_save_alone(c, fd), -1);
    ck_assert_int_eq(c->error.errnum, EBUSY);
    ck_assert_ptr_nonnull(strstr(c->error.text, "taken by another save or migration"));
    ck_assert_int_eq(c->guest->suspended, suspended);
    ck_assert(!c->guest->logdirty && !c->emulator_on);
    ck_assert_uint_eq(c->guest->mapped, 0);
    ck_assert_uint_eq(c->notes, 0);
    close(fd);
    fake_guest_free(c->guest);
}

START_TEST(a_foreign_clean_is_found_before_the_guest_is_stopped)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i };

    c.guest->script = write_and_clean;
    is_found(&c, false);
    ck_assert_uint_eq(c.rounds, 1);
}
END_TEST

START_TEST(a_foreign_restart_is_found_before_the_guest_is_stopped)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i };

    c.guest->script = write_and_restart;
    is_found(&c, false);
    ck_assert_uint_eq(c.rounds, 0);
}
END_TEST

/* Long enough for a look. */
static void restart_and_wait(struct fake_guest *g, unsigned batch)
{
    const struct timespec t = { .tv_nsec = (XCSAVE_PEEK_US + 10000) * 1000 };

    if (batch == 2)
        restart(g);
    nanosleep(&t, NULL);
}

START_TEST(a_look_in_the_middle_of_a_round_finds_it)
{
    struct save_case c = { .guest = fake_guest_new(6 * GUEST_BATCH_PAGES) };

    c.guest->between = restart_and_wait;
    is_found(&c, false);
    ck_assert_uint_lt(c.report.end.pages_sent, 6 * GUEST_BATCH_PAGES);
}
END_TEST

START_TEST(a_foreign_clean_after_the_last_round_is_found_at_the_end)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .at_suspend = clean };

    c.guest->script = write_some;
    is_found(&c, true);
    ck_assert_uint_ge(c.rounds, 2);
}
END_TEST

START_TEST(a_foreign_restart_after_the_last_round_is_found_at_the_end)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .at_suspend = restart };

    is_found(&c, true);
}
END_TEST

/* ---- what the stranger has of it -------------------------------------- */

static const uint64_t pfn_of_stranger = 1234;

/* Dirty since the stranger began: gone, it would be stale in his copy. */
static void restart_and_write(struct fake_guest *g)
{
    restart(g);
    fake_guest_write(g, pfn_of_stranger, 1);
}

static void restart_and_write_midway(struct fake_guest *g, unsigned round)
{
    if (round == 1)
        restart_and_write(g);
}

static void left_to_the_stranger(struct save_case *c, bool suspended)
{
    int fd = memory_file();

    c->live = true;
    c->guest->has_other_saver = true;
    ck_assert_int_eq(run_save_alone(c, fd), -1);
    ck_assert_int_eq(c->error.errnum, EBUSY);
    ck_assert_int_eq(c->guest->suspended, suspended);
    ck_assert(c->guest->logdirty && c->emulator_on);
    ck_assert(bitmap_test(c->guest->dirty, pfn_of_stranger));
    close(fd);
    fake_guest_free(c->guest);
}

START_TEST(a_log_that_another_one_still_needs_is_left_to_him)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i };

    c.guest->script = restart_and_write_midway;
    left_to_the_stranger(&c, false);
}
END_TEST

START_TEST(and_so_it_is_when_it_is_found_at_the_end)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .at_suspend = restart_and_write };

    left_to_the_stranger(&c, true);
}
END_TEST

START_TEST(a_log_that_nobody_took_is_ended_whoever_else_is_there)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .live = true };

    c.guest->has_other_saver = true;
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
}
END_TEST

/* ---- no foreign hands ------------------------------------------------- */

static struct save_case undisturbed(void (*script)(struct fake_guest *, unsigned), bool guarded)
{
    struct save_case c = { .guest = fake_guest_new(1500), .live = true, .limits.max_rounds = 3 };

    c.guest->script = script;
    c.guest->cannot_mark = !guarded;
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
    return c;
}

START_TEST(a_guest_at_rest_has_no_dirty_page)
{
    struct save_case c = undisturbed(NULL, true);

    ck_assert_uint_eq(c.report.precopy_rounds, 1);
    ck_assert_uint_eq(c.report.end.dirty_pages, 0);
    ck_assert_uint_eq(c.report.end.dirty_pages_per_s, 0);
    ck_assert_uint_eq(c.report.end.pages_sent, 1500 + 1);
    ck_assert_uint_eq(c.notes, 0);
}
END_TEST

START_TEST(the_guard_changes_no_more_than_one_page_a_round)
{
    struct save_case with = undisturbed(write_some, true), without = undisturbed(write_some, false);

    ck_assert_uint_eq(with.report.precopy_rounds, without.report.precopy_rounds);
    ck_assert_uint_eq(with.report.end.dirty_pages, without.report.end.dirty_pages);
    ck_assert_uint_eq(with.report.end.pages_sent, without.report.end.pages_sent + with.report.precopy_rounds);
}
END_TEST

static void write_the_marked_page(struct fake_guest *g, unsigned round)
{
    fake_guest_write(g, FAKE_MARKED_PFN, 0x5000 + round);
}

START_TEST(what_the_guest_writes_to_the_marked_page_arrives)
{
    undisturbed(write_the_marked_page, true); /* the guests are compared */
}
END_TEST

/* ---- no guard --------------------------------------------------------- */

static void has_no_guard(struct save_case *c)
{
    int fd = memory_file();

    c->live = true;
    c->guest->script = write_and_clean;
    ck_assert_msg(!run_save_alone(c, fd), "%s", c->error.text);
    ck_assert_uint_eq(c->notes, 1);
    ck_assert_ptr_nonnull(strstr(c->last_note, "would not be noticed"));
    close(fd);
    fake_guest_free(c->guest);
}

START_TEST(a_guest_without_a_page_for_it_is_copied_unguarded_and_that_is_said_once)
{
    struct save_case c = { .guest = fake_guest_new(1500) };

    c.guest->cannot_mark = true;
    has_no_guard(&c);
}
END_TEST

START_TEST(a_mark_that_does_not_show_is_no_guard)
{
    struct save_case c = { .guest = fake_guest_new(1500) };

    c.guest->marks_nothing = true;
    has_no_guard(&c);
}
END_TEST

START_TEST(a_marked_page_beyond_the_guest_is_no_guard)
{
    struct save_case c = { .guest = fake_guest_new(FAKE_MARKED_PFN), .live = true };
    int fd = memory_file();

    ck_assert_msg(!run_save_alone(&c, fd), "%s", c.error.text);
    ck_assert_uint_eq(c.notes, 1);
    close(fd);
    fake_guest_free(c.guest);
}
END_TEST

/* ---- who else --------------------------------------------------------- */

static char proc[SCRATCH_SIZE];

static void make_proc(void)
{
    scratch_make(proc);
}

static void remove_proc(void)
{
    scratch_remove(proc);
}

/* A process whose words are separated by blanks here. */
static void add_process(const char *pid, const char *words)
{
    char command[400];

    snprintf(command, sizeof command, "mkdir %s && printf '%%s ' %s | tr ' ' '\\0' > %s/cmdline", pid, words, pid);
    scratch_do(proc, command);
}

START_TEST(another_saver_is_found_with_its_name)
{
    struct other_saver other;

    add_process("31", "/usr/lib/xen-4.17/bin/libxl-save-helper --save-domain 18 15 7 1 136 0");
    ck_assert_int_eq(other_saver_find(proc, 7, &other), 1);
    ck_assert_int_eq(other.pid, 31);
    ck_assert_str_eq(other.name, "libxl-save-helper");
}
END_TEST

START_TEST(who_does_something_else_is_no_other_saver)
{
    struct other_saver other;
    char me[16];

    add_process("31", "libxl-save-helper --save-domain 7 7 70 7 7 7");
    add_process("32", "libxl-save-helper --restore-domain 18 15 7 1 136 0");
    add_process("33", "xl --save-domain 18 15");
    add_process("34x", "libxl-save-helper --save-domain 18 15 7 1 136 0");
    snprintf(me, sizeof me, "%d", (int)getpid());
    add_process(me, "libxl-save-helper --save-domain 18 15 7 1 136 0");
    snprintf(me, sizeof me, "%d", (int)getppid());
    add_process(me, "libxl-save-helper --save-domain 18 15 7 1 136 0");
    scratch_do(proc, "mkdir 35 36; : > 36/cmdline; mkdir 37; printf 'x\\0--save-domain\\0001\\0002\\0007' > 37/cmdline");
    ck_assert_int_eq(other_saver_find(proc, 7, &other), 0);
}
END_TEST

START_TEST(a_command_line_without_an_end_is_cut_off)
{
    struct other_saver other;

    scratch_do(proc, "mkdir 31; head -c 100000 /dev/zero | tr '\\0' x > 31/cmdline");
    add_process("32", "/a/name/longer/than/any/real/one/$(head -c 200 /dev/zero | tr '\\0' y) --save-domain 1 2 7 4 5 6");
    ck_assert_int_eq(other_saver_find(proc, 7, &other), 1);
    ck_assert_int_eq(other.pid, 32);
    ck_assert_uint_eq(strlen(other.name), sizeof(other.name) - 1);
    ck_assert_int_eq(other_saver_find("/nonexistent", 7, &other), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tc = tcase_create("guard"), *who = tcase_create("who else");

    tcase_set_timeout(tc, 20);
    tcase_add_loop_test(tc, a_foreign_clean_is_found_before_the_guest_is_stopped, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_foreign_restart_is_found_before_the_guest_is_stopped, 0, NR_WAYS);
    tcase_add_test(tc, a_look_in_the_middle_of_a_round_finds_it);
    tcase_add_loop_test(tc, a_foreign_clean_after_the_last_round_is_found_at_the_end, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_foreign_restart_after_the_last_round_is_found_at_the_end, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_log_that_another_one_still_needs_is_left_to_him, 0, NR_WAYS);
    tcase_add_loop_test(tc, and_so_it_is_when_it_is_found_at_the_end, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_log_that_nobody_took_is_ended_whoever_else_is_there, 0, NR_WAYS);
    tcase_add_test(tc, a_guest_at_rest_has_no_dirty_page);
    tcase_add_test(tc, the_guard_changes_no_more_than_one_page_a_round);
    tcase_add_test(tc, what_the_guest_writes_to_the_marked_page_arrives);
    tcase_add_test(tc, a_guest_without_a_page_for_it_is_copied_unguarded_and_that_is_said_once);
    tcase_add_test(tc, a_mark_that_does_not_show_is_no_guard);
    tcase_add_test(tc, a_marked_page_beyond_the_guest_is_no_guard);
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(who, make_proc, remove_proc);
    tcase_add_test(who, another_saver_is_found_with_its_name);
    tcase_add_test(who, who_does_something_else_is_no_other_saver);
    tcase_add_test(who, a_command_line_without_an_end_is_cut_off);
    suite_add_tcase(suite, who);
    return run_suite(suite);
}
