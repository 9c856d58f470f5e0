/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Caps, and what is written down about them: made, found, refused. */
#include "config.h"

#include "tests/run-suite.h"
#include "tests/scratch.h"
#include "xlmig/domain/cap-record.h"
#include "xlmig/domain/throttle.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    unsigned vcpus, used;
    int own;
    unsigned percent;
    int cap;
} caps[] = {
    { "nothing keeps the own cap", 2, 150, 170, 0, 170 },
    { "nothing keeps no cap", 2, 150, 0, 0, 0 },
    { "of all vCPUs, when their use is not known", 4, 0, 0, 20, 320 },
    { "of what it used", 16, 100, 0, 20, 80 },
    { "of its own cap where that is less", 4, 390, 100, 40, 60 },
    { "its own cap is never raised", 4, 400, 50, 20, 40 },
    { "a VM that hardly ran is not starved", 4, 1, 0, 20, 16 },
    { "nor is any", 1, 20, 0, 90, 5 },
    { "nor by nonsense", 1, 100, 0, 1000, 5 },
    { "a VM without vCPUs has one", 0, 0, 0, 50, 50 },
};

START_TEST(a_cap_slows_by_that_much)
{
    ck_assert_msg(throttle_cap(caps[_i].vcpus, caps[_i].used, caps[_i].own, caps[_i].percent) == caps[_i].cap, "%s: %d",
                  caps[_i].name, throttle_cap(caps[_i].vcpus, caps[_i].used, caps[_i].own, caps[_i].percent));
}
END_TEST

/* ---- a toolstack of one VM ---- */

static struct vm vm = { .domid = 7, .name = "web1", .uuid = { 1, 2, 3 }, .vcpus = 2 };
static struct toolstack_sched set_to;
static unsigned nr_sets;
static bool sched_fails;

static int find_domid(struct toolstack *ts, uint32_t domid, struct vm *out, struct failure *failure)
{
    (void)ts, (void)failure;
    *out = vm;
    return domid == vm.domid ? 0 : 1;
}

static int sched_set(struct toolstack *ts, uint32_t domid, struct toolstack_sched sched, struct failure *failure)
{
    (void)ts;
    ck_assert_uint_eq(domid, vm.domid);
    if (sched_fails)
        return failure_set(failure, "no");
    set_to = sched;
    nr_sets++;
    return 0;
}

static const struct toolstack_ops ops = { .name = "test", .ask.find_domid = find_domid, .sched.set = sched_set };
static struct toolstack ts = { .ops = &ops };

static char said[4096];

static void told(void *user, const char *text)
{
    (void)user;
    strcat(said, text);
}

static char dir[SCRATCH_SIZE];

static void make_dir(void)
{
    scratch_make(dir);
    setenv("XLMIG_RUNTIME_DIR", dir, 1);
    said[0] = '\0';
    nr_sets = 0;
    sched_fails = false;
}

static void remove_dir(void)
{
    scratch_remove(dir);
}

static unsigned nr_files(void)
{
    char command[64];
    unsigned n = 0;
    FILE *f;

    snprintf(command, sizeof command, "ls %s | wc -l", dir);
    f = popen(command, "r");
    ck_assert_int_eq(fscanf(f, "%u", &n), 1);
    pclose(f);
    return n;
}

static const struct toolstack_sched own = { .weight = 256, .cap = 170 };

static struct cap_record make_record(void)
{
    struct failure failure = { 0 };
    struct cap_record record;

    ck_assert_msg(cap_record_make(&record, "libxl", &vm, own, &failure) == 0, "%s", failure.text);
    ck_assert_uint_eq(nr_files(), 1);
    return record;
}

START_TEST(a_record_in_use_is_left_alone)
{
    struct cap_record record = make_record();

    cap_record_recover(&ts, "libxl", told, NULL);
    ck_assert_uint_eq(nr_sets, 0);
    ck_assert_uint_eq(nr_files(), 1);
    cap_record_remove(&record);
    cap_record_remove(&record);
    ck_assert_uint_eq(nr_files(), 0);
}
END_TEST

START_TEST(one_that_is_not_is_made_good)
{
    close(make_record().fd);
    cap_record_recover(&ts, "libxl", told, NULL);
    ck_assert_uint_eq(nr_sets, 1);
    ck_assert_int_eq(set_to.cap, 170);
    ck_assert_int_eq(set_to.weight, 256);
    ck_assert_str_eq(said, "web1, slowed down by an xlmig that is no more, has its cap back");
    ck_assert_uint_eq(nr_files(), 0);
}
END_TEST

START_TEST(one_of_another_toolstack_is_not_ours)
{
    close(make_record().fd);
    cap_record_recover(&ts, "sim:/tmp/a", told, NULL);
    ck_assert_uint_eq(nr_sets, 0);
    ck_assert_uint_eq(nr_files(), 1);
}
END_TEST

START_TEST(a_domid_that_is_another_vm_now_is_left_alone)
{
    close(make_record().fd);
    vm.uuid[0]++;
    cap_record_recover(&ts, "libxl", told, NULL);
    ck_assert_uint_eq(nr_sets, 0);
    ck_assert_uint_eq(nr_files(), 0);
}
END_TEST

START_TEST(what_fails_is_told_and_stays_for_the_next)
{
    close(make_record().fd);
    sched_fails = true;
    cap_record_recover(&ts, "libxl", told, NULL);
    ck_assert_ptr_nonnull(strstr(said, "could not get its cap back: no"));
    ck_assert_uint_eq(nr_files(), 1);
    sched_fails = false;
    cap_record_recover(&ts, "libxl", told, NULL);
    ck_assert_int_eq(set_to.cap, 170);
    ck_assert_uint_eq(nr_files(), 0);
}
END_TEST

static const struct {
    const char *text;
    unsigned left; /* files */
} strange[] = {
    { "", 0 }, { "{", 0 }, { "[]", 0 }, { "{\"version\":1}", 0 }, { "{\"version\":2}", 1 },
    { "{\"version\":1,\"toolstack\":\"libxl\",\"domid\":0,\"uuid\":\"01020300000000000000000000000000\",\"name\":\"x\","
      "\"weight\":1,\"cap\":1}", 0 },
    { "{\"version\":1,\"toolstack\":\"libxl\",\"domid\":7,\"uuid\":\"0102030000000000000000000000000g\",\"name\":\"x\","
      "\"weight\":1,\"cap\":1}", 0 },
    { "{\"version\":1,\"toolstack\":\"libxl\",\"domid\":7,\"uuid\":\"01020300000000000000000000000000\",\"name\":\"x\","
      "\"weight\":1,\"cap\":-5}", 0 },
};

START_TEST(negative_records_change_nothing)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "%s/cap-abc", dir);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_eq(write(fd, strange[_i].text, strlen(strange[_i].text)), (ssize_t)strlen(strange[_i].text));
    close(fd);
    cap_record_recover(&ts, "libxl", told, NULL);
    ck_assert_uint_eq(nr_sets, 0);
    ck_assert_uint_eq(nr_files(), strange[_i].left);
}
END_TEST

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("throttle");
    TCase *tcase = tcase_create("caps"), *records = tcase_create("records");

    tcase_add_loop_test(tcase, a_cap_slows_by_that_much, 0, LENGTH(caps));
    tcase_add_checked_fixture(records, make_dir, remove_dir);
    tcase_add_test(records, a_record_in_use_is_left_alone);
    tcase_add_test(records, one_that_is_not_is_made_good);
    tcase_add_test(records, one_of_another_toolstack_is_not_ours);
    tcase_add_test(records, a_domid_that_is_another_vm_now_is_left_alone);
    tcase_add_test(records, what_fails_is_told_and_stays_for_the_next);
    tcase_add_loop_test(records, negative_records_change_nothing, 0, LENGTH(strange));
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, records);
    return run_suite(suite);
}
