/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Journals against a disk that loses power, and one that fails.
 *
 * Each life of a journal is recorded, call by call.  Then power is lost before
 * each call, in every way that disk-model.h knows, and what is found is read:
 * the state of the last call that returned, or the one that was being written,
 * and nothing else.  That this test can fail is a test of its own: with a sync
 * left out of the record, it must.
 */
#include "tests/run-suite.h"
#include "tests/xlmig/handover/disk-model.h"
#include "xlmig/handover/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NONE JOURNAL_NR_STATES /* no journal is there */
#define END_OF_LIFE -1
#define MAX_STEPS 5

/* Each life is begun, goes through these states, and is finished. */
static const struct life {
    enum journal_side side;
    int states[MAX_STEPS];
} lives[] = {
    { JOURNAL_SEND, { JOURNAL_GO_DECIDED, JOURNAL_MOVED, END_OF_LIFE } },
    { JOURNAL_SEND, { JOURNAL_ABORTED, END_OF_LIFE } },
    { JOURNAL_SEND, { JOURNAL_GO_DECIDED, JOURNAL_ABORTED, END_OF_LIFE } },
    { JOURNAL_RECEIVE, { JOURNAL_READY, JOURNAL_GO, JOURNAL_STARTED, END_OF_LIFE } },
    { JOURNAL_RECEIVE, { JOURNAL_READY, JOURNAL_ABORTED, END_OF_LIFE } },
};
#define NR_LIVES (sizeof lives / sizeof lives[0])

static char base[64], root[80], found_root[80];

static void make_base(void)
{
    /* In memory, if there is such a place: some ten thousand small directories are made. */
    snprintf(base, sizeof base, "%s/test-journal-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(base));
    snprintf(root, sizeof root, "%s/host", base);
    snprintf(found_root, sizeof found_root, "%s/found", base);
}

static void remove_base(void)
{
    disk_end();
    disk_remove(base);
}

static const char *journals_of(const char *of)
{
    static char dir[128];

    snprintf(dir, sizeof dir, "%s/state/journal", of);
    return dir;
}

static void begin_recording(void)
{
    disk_end();
    disk_remove(root);
    ck_assert_int_eq(mkdir(root, 0700), 0);
    disk_begin(root);
}

/* ---- what is found ---- */

/* The marks in the log: what may be found from there on, as two states. */
static unsigned either(int former, int next)
{
    return (unsigned)former << 8 | (unsigned)next;
}

/* -1: something that no caller ever wrote. */
static int state_found(const char *dir, char what[300])
{
    struct failure failure = { 0 };
    struct journal_entry *entries;
    size_t nr_entries;
    int state = NONE;

    if (journal_list(dir, &entries, &nr_entries, &failure) < 0) {
        snprintf(what, 300, "%.250s", failure.text);
        return -1;
    }
    if (nr_entries == 1)
        state = entries[0].problem[0] ? -1 : (int)entries[0].record.state;
    else if (nr_entries > 1)
        state = -1;
    if (nr_entries)
        snprintf(what, 300, "%.40s: %.200s", entries[0].file, entries[0].problem);
    free(entries);
    return state;
}

struct looking {
    unsigned allowed;
    unsigned nr_wrong;
    unsigned found;     /* bits: the states found */
    char first_wrong[600];
};

static void look(void *user, const char *at)
{
    struct looking *l = user;
    char what[300] = "";
    int state = state_found(journals_of(at), what);

    if (state >= 0)
        l->found |= 1u << state;
    if (state >= 0 && (state == (int)(l->allowed >> 8) || state == (int)(l->allowed & 255)))
        return;
    if (!l->nr_wrong++)
        snprintf(l->first_wrong, sizeof l->first_wrong, "found %d (%s) where %u or %u should be", state, what,
                 l->allowed >> 8, l->allowed & 255);
}

/* Lose power before each call from `from` on, and after the last one.  Returns how many states were wrong. */
static unsigned lose_power(size_t from, size_t every, disk_forgets *forgets, struct looking *l, unsigned *nr_states)
{
    const struct disk_log *log = disk_log();

    *l = (struct looking){ .allowed = either(NONE, NONE) };
    for (size_t i = 0; i <= log->nr_ops; i++) {
        if (i > 0 && log->ops[i - 1].kind == DISK_MARK)
            l->allowed = log->ops[i - 1].id;
        if (i >= from)
            *nr_states += disk_after_power_loss(log, i, forgets, every, found_root, look, l);
        if (l->nr_wrong) {
            size_t len = strlen(l->first_wrong);

            snprintf(l->first_wrong + len, sizeof l->first_wrong - len, ", before call %zu of %zu", i, log->nr_ops);
            break;
        }
    }
    return l->nr_wrong;
}

/* ---- lives ---- */

static struct journal_record begin_of(const struct life *life)
{
    struct journal_record begin = {
        .side = life->side, .generation = life->side == JOURNAL_RECEIVE ? 7 : 0, .token = { 1, 2, 3 },
        .uuid = { 9, 8, 7 }, .name = "web1", .peer = "hostb", .transport = "ssh", .boot = "1",
    };

    return begin;
}

static struct journal *create(const struct life *life, struct failure *failure)
{
    struct journal_record begin = begin_of(life);
    struct journal *journal;

    disk_mark(either(NONE, journal_first_state(life->side)));
    journal = journal_create(journals_of(root), &begin, NULL, failure);
    if (journal)
        disk_mark(either(journal_first_state(life->side), journal_first_state(life->side)));
    return journal;
}

static void must(int rc, const struct failure *failure)
{
    ck_assert_msg(rc == 0, "%s", failure->text);
}

static void step(struct journal *journal, enum journal_state state)
{
    struct failure failure = { 0 };

    disk_mark(either(journal_record(journal)->state, state));
    must(journal_advance(journal, state, NULL, &failure), &failure);
    disk_mark(either(state, state));
}

static void finish(struct journal *journal)
{
    struct failure failure = { 0 };

    disk_mark(either(journal_record(journal)->state, NONE));
    must(journal_finish(&journal, &failure), &failure);
    disk_mark(either(NONE, NONE));
}

static void live(const struct life *life)
{
    struct failure failure = { 0 };
    struct journal *journal;

    begin_recording();
    journal = create(life, &failure);
    ck_assert_msg(journal != NULL, "%s", failure.text);
    for (size_t i = 0; life->states[i] != END_OF_LIFE; i++)
        step(journal, (enum journal_state)life->states[i]);
    finish(journal);
    disk_end();
    ck_assert_msg(disk_model_matches(disk_log(), root), "something was done to the disk that was not recorded");
}

START_TEST(power_loss_leaves_the_former_state_or_the_next)
{
    unsigned nr_states = 0;
    struct looking l;

    live(&lives[_i]);
    ck_assert_msg(lose_power(0, 1, NULL, &l, &nr_states) == 0, "%s", l.first_wrong);
    ck_assert_uint_gt(nr_states, 1000);
}
END_TEST

/* A disk that takes a few octets at a time. */
START_TEST(power_loss_between_short_writes)
{
    unsigned nr_states = 0;
    struct failure failure = { 0 };
    struct journal *journal;
    struct looking l;

    begin_recording();
    disk_write_at_most(100);
    journal = create(&lives[0], &failure);
    ck_assert_ptr_nonnull(journal);
    step(journal, JOURNAL_GO_DECIDED);
    journal_release(journal);
    disk_end();
    ck_assert_msg(lose_power(0, 7, NULL, &l, &nr_states) == 0, "%s", l.first_wrong);
}
END_TEST

/* ---- that this can fail ---- */

static unsigned forgotten_dir;

static bool forgets_files(const struct disk_op *op)
{
    return op->kind == DISK_SYNC_FILE;
}

static bool forgets_dir(const struct disk_op *op)
{
    return op->kind == DISK_SYNC_DIR && op->id == forgotten_dir;
}

static unsigned id_of_dir(const char *name)
{
    const struct disk_log *log = disk_log();

    for (size_t i = 0; i < log->nr_ops; i++)
        if (log->ops[i].kind == DISK_MKDIR && strcmp(log->ops[i].name, name) == 0)
            return log->ops[i].id;
    return DISK_ROOT;
}

START_TEST(a_sync_of_the_file_left_out_is_seen)
{
    unsigned nr_states = 0;
    struct looking l;

    live(&lives[_i]);
    ck_assert_uint_gt(lose_power(0, 16, forgets_files, &l, &nr_states), 0);
}
END_TEST

START_TEST(a_sync_of_a_directory_left_out_is_seen)
{
    static const char *const dirs[] = { "", "state", "journal" };
    unsigned nr_states = 0;
    struct looking l;

    live(&lives[0]);
    forgotten_dir = id_of_dir(dirs[_i]);
    ck_assert_uint_gt(lose_power(0, 64, forgets_dir, &l, &nr_states), 0);
}
END_TEST

/* ---- killed, taken over, and then power is lost ---- */

START_TEST(what_is_taken_over_is_on_the_disk)
{
    static struct disk_log until;
    size_t nr_ops;

    live(&lives[_i]);
    nr_ops = disk_log()->nr_ops;
    for (size_t i = 0; i < nr_ops; i++) {
        struct looking l = { 0 };

        until = *disk_log();
        until.nr_ops = i;
        until.ops[until.nr_ops++] = (struct disk_op){ .kind = DISK_SYNC_DIR, .id = id_of_dir("journal") };
        disk_after_power_loss(&until, until.nr_ops, NULL, 16, found_root, look, &l);
        ck_assert_msg(l.found && (l.found & (l.found - 1)) == 0, "after call %zu, states %x", i, l.found);
    }
}
END_TEST

START_TEST(taking_over_syncs_the_directory)
{
    struct failure failure = { 0 };
    struct journal *journal;
    bool synced = false;
    size_t from;

    begin_recording();
    journal = create(&lives[0], &failure);
    ck_assert_ptr_nonnull(journal);
    journal_release(journal);
    from = disk_log()->nr_ops;
    ck_assert_int_eq(journal_take(journals_of(root), JOURNAL_SEND, begin_of(&lives[0]).token, &journal, &failure),
                     JOURNAL_TAKEN);
    for (size_t i = from; i < disk_log()->nr_ops; i++)
        synced |= disk_log()->ops[i].kind == DISK_SYNC_DIR && disk_log()->ops[i].id == id_of_dir("journal");
    ck_assert(synced);
    journal_release(journal);
}
END_TEST

/* ---- a disk that fails ---- */

static const int errors[] = { ENOSPC, EIO, EROFS, EACCES };

/* What may be found now is what the caller was told. */
static void check_told(int rc, struct journal *journal, int former, int next, size_t from)
{
    char what[300] = "";
    unsigned nr_states = 0;
    struct looking l;
    int now;

    disk_mark(rc == 0 ? either(next, next)
                      : either(former, journal && journal_in_doubt(journal) ? next : former));
    now = state_found(journals_of(root), what);
    ck_assert_msg(now == former || now == next, "%d (%s)", now, what);
    if (journal)
        ck_assert_int_eq(journal_record(journal)->state, rc == 0 ? next : former);
    ck_assert_msg(lose_power(from, 64, NULL, &l, &nr_states) == 0, "%s", l.first_wrong);
}

/* Fail the nth changing call of a step.  false: it has fewer. */
static bool fail_step(const struct life *life, size_t at, unsigned nth, int error, bool all)
{
    struct failure failure = { 0 }, none = { 0 };
    struct journal *journal;
    enum journal_state former, next = (enum journal_state)life->states[at];
    size_t from;
    int rc;

    begin_recording();
    journal = create(life, &none);
    ck_assert_ptr_nonnull(journal);
    for (size_t i = 0; i < at; i++)
        step(journal, (enum journal_state)life->states[i]);
    former = journal_record(journal)->state;
    from = disk_log()->nr_ops;
    disk_mark(either(former, next));
    disk_fail_at(nth, error, all);
    rc = journal_advance(journal, next, NULL, &failure);
    disk_fail_at(0, 0, false);
    if (disk_log()->nr_ops > from + 1 || rc < 0)
        check_told(rc, journal, former, next, from);
    if (rc < 0) {
        ck_assert_msg(strstr(failure.text, strerror(error)) != NULL, "%s", failure.text);
        step(journal, next); /* a disk that works again is good for it */
        ck_assert(!journal_in_doubt(journal));
    }
    journal_release(journal);
    return rc < 0;
}

START_TEST(a_step_that_fails_leaves_the_former_state)
{
    for (size_t life = 0; life < NR_LIVES; life++)
        for (size_t at = 0; lives[life].states[at] != END_OF_LIFE; at++) {
            unsigned nth = 1;

            while (fail_step(&lives[life], at, nth, errors[(nth + at) % 4], _i))
                nth++;
            ck_assert_uint_ge(nth, 5); /* write, sync, rename, sync were made to fail */
        }
}
END_TEST

START_TEST(a_beginning_that_fails_leaves_nothing_to_act_upon)
{
    unsigned nth = 1;
    bool failed = true;

    for (; failed; nth++) {
        struct failure failure = { 0 }, none = { 0 };
        struct journal *journal;
        char what[300];

        begin_recording();
        disk_fail_at(nth, errors[nth % 4], _i);
        journal = create(&lives[0], &failure);
        failed = journal == NULL;
        disk_fail_at(0, 0, false);
        if (failed) {
            ck_assert_msg(strstr(failure.text, strerror(errors[nth % 4])) != NULL, "%s", failure.text);
            if (!_i) {
                ck_assert_int_eq(state_found(journals_of(root), what), NONE);
                journal = create(&lives[0], &none);
                ck_assert_msg(journal != NULL, "%s", none.text);
            }
        }
        journal_release(journal);
    }
    ck_assert_uint_gt(nth, 8);
}
END_TEST

START_TEST(an_end_that_fails_can_be_tried_again)
{
    for (unsigned nth = 1; nth <= 2; nth++) {
        struct failure failure = { 0 }, none = { 0 };
        struct journal *journal;
        char what[300];

        begin_recording();
        journal = create(&lives[1], &failure);
        step(journal, JOURNAL_ABORTED);
        disk_fail_at(nth, EIO, _i);
        ck_assert_int_eq(journal_finish(&journal, &failure), -1);
        ck_assert_ptr_nonnull(journal);
        disk_fail_at(0, 0, false);
        must(journal_finish(&journal, &none), &none);
        ck_assert_ptr_null(journal);
        ck_assert_int_eq(state_found(journals_of(root), what), NONE);
    }
}
END_TEST

START_TEST(a_disk_that_is_full_takes_one_more_record)
{
    struct failure failure = { 0 };
    struct journal *journal;
    char what[300];

    begin_recording();
    journal = create(&lives[0], &failure);
    disk_is_full(true);
    step(journal, JOURNAL_GO_DECIDED);
    ck_assert_int_eq(journal_advance(journal, JOURNAL_ABORTED, NULL, &failure), -1);
    ck_assert_ptr_nonnull(strstr(failure.text, strerror(ENOSPC)));
    ck_assert(!journal_in_doubt(journal));
    ck_assert_int_eq(state_found(journals_of(root), what), JOURNAL_GO_DECIDED);
    disk_is_full(false);
    step(journal, JOURNAL_ABORTED);
    finish(journal);
}
END_TEST

/* Between the rename and the sync of the directory, and no way back. */
START_TEST(a_disk_that_dies_in_between_is_told_of)
{
    struct failure failure = { 0 };
    struct journal *journal;

    begin_recording();
    journal = create(&lives[0], &failure);
    ck_assert(!journal_in_doubt(journal));
    disk_fail_at(4, EIO, true);
    ck_assert_int_eq(journal_advance(journal, JOURNAL_GO_DECIDED, NULL, &failure), -1);
    ck_assert(journal_in_doubt(journal));
    ck_assert_int_eq(journal_record(journal)->state, JOURNAL_COPYING);
    disk_fail_at(0, 0, false);
    step(journal, JOURNAL_ABORTED);
    ck_assert(!journal_in_doubt(journal));
    journal_release(journal);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal-power-loss");
    TCase *loss = tcase_create("power loss"), *faults = tcase_create("faults");

    tcase_add_checked_fixture(loss, make_base, remove_base);
    tcase_add_checked_fixture(faults, make_base, remove_base);
    tcase_set_timeout(loss, 100);
    tcase_set_timeout(faults, 100);
    tcase_add_loop_test(loss, power_loss_leaves_the_former_state_or_the_next, 0, NR_LIVES);
    tcase_add_test(loss, power_loss_between_short_writes);
    tcase_add_loop_test(loss, a_sync_of_the_file_left_out_is_seen, 0, NR_LIVES);
    tcase_add_loop_test(loss, a_sync_of_a_directory_left_out_is_seen, 0, 3);
    tcase_add_loop_test(loss, what_is_taken_over_is_on_the_disk, 0, NR_LIVES);
    tcase_add_test(loss, taking_over_syncs_the_directory);
    tcase_add_loop_test(faults, a_step_that_fails_leaves_the_former_state, 0, 2);
    tcase_add_loop_test(faults, a_beginning_that_fails_leaves_nothing_to_act_upon, 0, 2);
    tcase_add_loop_test(faults, an_end_that_fails_can_be_tried_again, 0, 2);
    tcase_add_test(faults, a_disk_that_is_full_takes_one_more_record);
    tcase_add_test(faults, a_disk_that_dies_in_between_is_told_of);
    suite_add_tcase(suite, loss);
    suite_add_tcase(suite, faults);
    return run_suite(suite);
}
