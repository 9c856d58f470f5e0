/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Somebody else takes the dirty log of a guest while the engine copies it: seen, and survived. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/libxcsave/engine-case.h"
#include "libxcsave/bitmap.h"
#include "libxcsave/other-saver.h"
#include "tests/run-suite.h"
#include "tests/scratch.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define PFN_OF_STRANGER 1234

/* ---- foreign hands ---------------------------------------------------- */

/* As another save does in its rounds. */
static void clean(struct fake_guest *g)
{
    uint64_t taken[FAKE_MAX_PAGES / 64];

    ck_assert_int_eq(g->base.save->logdirty_read(&g->base, GUEST_DIRTY_CLEAN, taken, g->nr_pfns, NULL), 0);
}

/* As another save does when it finds the log in use. */
static void restart(struct fake_guest *g)
{
    g->base.save->logdirty_disable(&g->base, NULL);
    ck_assert_int_eq(g->base.save->logdirty_enable(&g->base, NULL), 0);
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

/* Dirty since the stranger began: gone, it would be stale in his copy. */
static void restart_and_write(struct fake_guest *g)
{
    restart(g);
    fake_guest_write(g, PFN_OF_STRANGER, 1);
}

static void restart_and_write_midway(struct fake_guest *g, unsigned round)
{
    if (round == 1)
        restart_and_write(g);
}

/* Long enough for a look, though one on a busy machine took its time, and the next is therefore put off. */
static void restart_and_wait(struct fake_guest *g, unsigned batch)
{
    const struct timespec soon = { .tv_nsec = (XCSAVE_PEEK_US + 10000) * 1000 }, late = { .tv_sec = 2 };

    if (batch == 2)
        restart(g);
    nanosleep(batch < 3 ? &soon : &late, NULL);
}

struct stranger_case {
    const char *name;
    void (*script)(struct fake_guest *g, unsigned round);
    void (*at_suspend)(struct fake_guest *g);
    bool suspended;             /* the guest, when it is found */
    unsigned min_rounds, max_rounds; /* complete by then */
    int has_other_saver;        /* who still needs the log; -1: not to be known */
};

static const struct stranger_case stranger_cases[] = {
    { "a clean is found before the guest is stopped", write_and_clean, NULL, false, 1, 1, 0 },
    { "a restart is found before the guest is stopped", write_and_restart, NULL, false, 0, 0, 0 },
    { "a clean after the last round is found at the end", write_some, clean, true, 2, UINT_MAX, 0 },
    { "a restart after the last round is found at the end", NULL, restart, true, 1, UINT_MAX, 0 },
    { "a log that another one still needs is left to him", restart_and_write_midway, NULL, false, 0, 0, 1 },
    { "and so it is when it is found at the end", NULL, restart_and_write, true, 1, UINT_MAX, 1 },
    { "and where it is not to be known whether he does", restart_and_write_midway, NULL, false, 0, 0, -1 },
};

/* Fails as it should: nothing is claimed; nothing is left on, or all that the stranger has. */
static void is_found(const struct stranger_case *t, struct save_case *c)
{
    int fd = memory_file();

    c->live = true;
    c->at_suspend = t->at_suspend;
    c->guest->script = t->script;
    c->guest->has_other_saver = t->has_other_saver;
    ck_assert_msg(run_save_alone(c, fd) == -1, "%s", t->name);
    ck_assert_msg(c->error.errnum == EBUSY, "%s: %s", t->name, c->error.text);
    ck_assert_msg(strstr(c->error.text, "taken by another save or migration"), "%s: %s", t->name, c->error.text);
    ck_assert_msg(c->guest->suspended == t->suspended, "%s", t->name);
    ck_assert_msg(c->rounds >= t->min_rounds && c->rounds <= t->max_rounds, "%s: %u rounds", t->name, c->rounds);
    ck_assert_msg(c->guest->logdirty == (t->has_other_saver != 0), "%s", t->name);
    ck_assert_msg(c->emulator_on == (t->has_other_saver != 0), "%s", t->name);
    ck_assert_msg(!t->has_other_saver || bitmap_test(c->guest->dirty, PFN_OF_STRANGER), "%s", t->name);
    ck_assert_msg(c->guest->mapped == 0 && c->notes == 0, "%s", t->name);
    close(fd);
    fake_guest_free(c->guest);
}

START_TEST(a_stranger_is_found)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i % NR_WAYS };

    is_found(&stranger_cases[_i / NR_WAYS], &c);
}
END_TEST

START_TEST(a_look_in_the_middle_of_a_round_finds_him)
{
    static const struct stranger_case t = { .name = "a look in the middle of a round" };
    struct save_case c = { .guest = fake_guest_new(6 * GUEST_BATCH_PAGES) };

    c.guest->between = restart_and_wait;
    is_found(&t, &c);
    ck_assert_uint_lt(c.report.end.pages_sent, 6 * GUEST_BATCH_PAGES);
}
END_TEST

START_TEST(a_log_that_nobody_took_is_ended_whoever_else_is_there)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .live = true };

    c.guest->has_other_saver = 1;
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

static const struct unguarded_case {
    const char *name;
    uint64_t nr_pfns;
    void (*script)(struct fake_guest *g, unsigned round);
    bool cannot_mark, marks_nothing;
} unguarded_cases[] = {
    { .name = "no page for it", .nr_pfns = 1500, .script = write_and_clean, .cannot_mark = true },
    { .name = "a mark that does not show", .nr_pfns = 1500, .script = write_and_clean, .marks_nothing = true },
    { .name = "a marked page beyond the guest", .nr_pfns = FAKE_MARKED_PFN },
};

START_TEST(a_guest_without_a_guard_is_copied_and_that_is_said_once)
{
    const struct unguarded_case *t = &unguarded_cases[_i];
    struct save_case c = { .guest = fake_guest_new(t->nr_pfns), .live = true };
    int fd = memory_file();

    c.guest->cannot_mark = t->cannot_mark;
    c.guest->marks_nothing = t->marks_nothing;
    c.guest->script = t->script;
    ck_assert_msg(!run_save_alone(&c, fd), "%s: %s", t->name, c.error.text);
    ck_assert_msg(c.notes == 1, "%s: %u notes", t->name, c.notes);
    ck_assert_msg(strstr(c.last_note, "would not be noticed"), "%s: %s", t->name, c.last_note);
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
static void add_process_of(const char *uids, const char *pid, const char *words)
{
    char command[500];

    snprintf(command, sizeof command, "mkdir %s && printf '%%s ' %s | tr ' ' '\\0' > %s/cmdline && "
             "printf 'Name:\\tx\\nUid:\\t%s\\nGid:\\t0\\t0\\t0\\t0\\n' > %s/status", pid, words, pid, uids, pid);
    scratch_do(proc, command);
}

static void add_process(const char *pid, const char *words)
{
    add_process_of("0\\t0\\t0\\t0", pid, words);
}

static const struct process_case {
    const char *name;
    const char *pid;            /* NULL: see getpid */
    pid_t (*getpid)(void);
    const char *command;
    const char *program;        /* of domain 7's saver; NULL: this is none */
} process_cases[] = {
    { "a save helper", "31", NULL, "/usr/lib/xen-4.17/bin/libxl-save-helper --save-domain 18 15 7 1 136 0",
      "libxl-save-helper" },
    { "of another domain", "31", NULL, "libxl-save-helper --save-domain 7 7 70 7 7 7", NULL },
    { "that restores", "31", NULL, "libxl-save-helper --restore-domain 18 15 7 1 136 0", NULL },
    { "with too few words", "31", NULL, "xl --save-domain 18 15", NULL },
    { "that is no process", "31x", NULL, "libxl-save-helper --save-domain 18 15 7 1 136 0", NULL },
    { "myself", NULL, getpid, "libxl-save-helper --save-domain 18 15 7 1 136 0", NULL },
    { "my parent", NULL, getppid, "libxl-save-helper --save-domain 18 15 7 1 136 0", NULL },
};

START_TEST(a_saver_is_told_from_others)
{
    const struct process_case *t = &process_cases[_i];
    struct other_saver other;
    char pid[16];

    snprintf(pid, sizeof pid, "%d", t->getpid ? (int)t->getpid() : 0);
    add_process(t->pid ? t->pid : pid, t->command);
    ck_assert_msg(other_saver_find(proc, 7, &other) == !!t->program, "%s", t->name);
    if (t->program) {
        ck_assert_int_eq(other.pid, 31);
        ck_assert_str_eq(other.name, t->program);
    }
}
END_TEST

/* Anybody may call any program with these words. */
START_TEST(a_saver_is_root_or_this_user)
{
    const char *words = "libxl-save-helper --save-domain 18 15 7 1 136 0";
    struct other_saver other;
    char own[64];

    add_process_of("12345\\t12345\\t12345\\t12345", "31", words);
    add_process_of("0\\t12345\\t0\\t0", "32", words);
    add_process("33", words);
    scratch_do(proc, "rm 33/status");
    ck_assert_int_eq(other_saver_find(proc, 7, &other), 0);
    snprintf(own, sizeof own, "12345\\t%u\\t12345\\t12345", (unsigned)geteuid());
    add_process_of(own, "34", words);
    ck_assert_int_eq(other_saver_find(proc, 7, &other), 1);
    ck_assert_int_eq(other.pid, 34);
}
END_TEST

START_TEST(a_process_without_a_whole_command_line_is_no_saver)
{
    struct other_saver other;

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
    ck_assert_int_eq(other_saver_find("/nonexistent", 7, &other), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guard");
    TCase *tc = tcase_create("guard"), *who = tcase_create("who else");

    tcase_set_timeout(tc, 20);
    tcase_add_loop_test(tc, a_stranger_is_found, 0, LENGTH(stranger_cases) * NR_WAYS);
    tcase_add_test(tc, a_look_in_the_middle_of_a_round_finds_him);
    tcase_add_loop_test(tc, a_log_that_nobody_took_is_ended_whoever_else_is_there, 0, NR_WAYS);
    tcase_add_test(tc, a_guest_at_rest_has_no_dirty_page);
    tcase_add_test(tc, the_guard_changes_no_more_than_one_page_a_round);
    tcase_add_test(tc, what_the_guest_writes_to_the_marked_page_arrives);
    tcase_add_loop_test(tc, a_guest_without_a_guard_is_copied_and_that_is_said_once, 0, LENGTH(unguarded_cases));
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(who, make_proc, remove_proc);
    tcase_add_loop_test(who, a_saver_is_told_from_others, 0, LENGTH(process_cases));
    tcase_add_test(who, a_saver_is_root_or_this_user);
    tcase_add_test(who, a_process_without_a_whole_command_line_is_no_saver);
    tcase_add_test(who, a_command_line_without_an_end_is_cut_off);
    suite_add_tcase(suite, who);
    return run_suite(suite);
}
