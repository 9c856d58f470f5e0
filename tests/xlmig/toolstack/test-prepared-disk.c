/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A disk's hotplug script runs early, and libxl's node gets its answer later:
 * on a xenstore of this program's own, in the place of libxenstore.  The real
 * one, and the real script, are tests/lab/tests/27_early_devices.py's.
 */
#include "tests/run-suite.h"
#include "xlmig/toolstack/prepared-disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 64

struct node {
    char path[128], value[128];
};

struct xs_handle {
    struct node nodes[NODES_MAX], before[NODES_MAX];
    unsigned nr, nr_before;
    unsigned nr_conflicts;   /* so many transactions to come end with EAGAIN */
    const char *fail_write;  /* of a node whose path ends so */
};

static struct xs_handle store;

static struct node *find(const char *path)
{
    for (unsigned i = 0; i < store.nr; i++)
        if (strcmp(store.nodes[i].path, path) == 0)
            return &store.nodes[i];
    return NULL;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    struct node *node = find(path);

    (void)h;
    (void)t;
    if (!node) {
        errno = ENOENT;
        return NULL;
    }
    *len = (unsigned)strlen(node->value);
    return strdup(node->value);
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned int len)
{
    struct node *node = find(path);
    size_t tail = h->fail_write ? strlen(h->fail_write) : 0;

    (void)t;
    if (tail && strlen(path) >= tail && strcmp(path + strlen(path) - tail, h->fail_write) == 0) {
        errno = ENOSPC;
        return false;
    }
    if (!node) {
        ck_assert_uint_lt(h->nr, NODES_MAX);
        node = &h->nodes[h->nr++];
        snprintf(node->path, sizeof node->path, "%s", path);
    }
    snprintf(node->value, sizeof node->value, "%.*s", (int)len, (const char *)data);
    return true;
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    size_t len = strlen(path);
    unsigned kept = 0;

    (void)t;
    for (unsigned i = 0; i < h->nr; i++)
        if (strncmp(h->nodes[i].path, path, len) != 0 || (h->nodes[i].path[len] != '/' && h->nodes[i].path[len]))
            h->nodes[kept++] = h->nodes[i];
    h->nr = kept;
    return true;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *num)
{
    char **names = calloc(1, NODES_MAX * (sizeof *names + sizeof h->nodes[0].path));
    char *text = (char *)(names + NODES_MAX);
    size_t len = strlen(path);

    (void)t;
    *num = 0;
    for (unsigned i = 0; i < h->nr; i++)
        if (strncmp(h->nodes[i].path, path, len) == 0 && h->nodes[i].path[len] == '/') {
            names[(*num)++] = text;
            text = stpcpy(text, h->nodes[i].path + len + 1) + 1;
        }
    return names;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    memcpy(h->before, h->nodes, sizeof h->nodes);
    h->nr_before = h->nr;
    return 1;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abandon)
{
    (void)t;
    if (!abandon && h->nr_conflicts == 0)
        return true;
    memcpy(h->nodes, h->before, sizeof h->nodes);
    h->nr = h->nr_before;
    if (abandon)
        return true;
    h->nr_conflicts--;
    errno = EAGAIN;
    return false;
}

/* ---- the steps ---- */

static void set(const char *path, const char *value)
{
    ck_assert(xs_write(&store, XBT_NULL, path, value, (unsigned)strlen(value)));
}

static void has(const char *path, const char *value)
{
    struct node *node = find(path);

    ck_assert_msg(node != NULL, "%s is missing", path);
    ck_assert_str_eq(node->value, value);
}

static void begin(void)
{
    struct failure failure = { 0 };

    ck_assert_int_eq(prepared_disk_begin(&store, 5, "xvda", "/s/block", "/dev/vdb", true, &failure), 0);
}

static void answer(void)
{
    set("backend/vbd/5/prepared-xvda/physical-device", "fe:10");
    set("backend/vbd/5/prepared-xvda/something-new", "x");
    set("backend/vbd/5/prepared-xvda/hotplug-status", "connected");
}

/* As libxl writes it. */
static void make_disk(void)
{
    set("backend/vbd/5/51712/dev", "xvda");
    set("backend/vbd/5/51712/script", "/x/xlmig-prepared-disk");
    set("backend/vbd/5/51712/params", "/dev/vdb of libxl");
    set("/libxl/5/device/vbd/51712/script", "/x/xlmig-prepared-disk");
}

static void fresh(void)
{
    memset(&store, 0, sizeof store);
}

static void is_untouched(void)
{
    has("backend/vbd/5/51712/script", "/x/xlmig-prepared-disk");
    ck_assert_ptr_null(find("backend/vbd/5/51712/hotplug-status"));
    ck_assert_ptr_null(find("backend/vbd/5/51712/physical-device"));
}

START_TEST(the_script_is_told_what_it_reads)
{
    set("backend/vbd/5/prepared-xvda/physical-device", "of an earlier try");
    set("backend/vbd/5/prepared-xvdab/mode", "another's");
    begin();
    has("backend/vbd/5/prepared-xvda/script", "/s/block");
    has("backend/vbd/5/prepared-xvda/params", "/dev/vdb");
    has("backend/vbd/5/prepared-xvda/type", "phy");
    has("backend/vbd/5/prepared-xvda/mode", "w");
    has("backend/vbd/5/prepared-xvda/frontend-id", "5");
    has("backend/vbd/5/prepared-xvdab/mode", "another's");
    ck_assert_ptr_null(find("backend/vbd/5/prepared-xvda/physical-device"));
}
END_TEST

START_TEST(its_answer_and_its_name_come_to_libxls_node)
{
    struct failure failure = { 0 };

    begin();
    answer();
    ck_assert_int_eq(prepared_disk_verify(&store, 5, "xvda", &failure), 0);
    make_disk();
    store.nr_conflicts = 2;
    ck_assert_msg(prepared_disk_use(&store, "backend/vbd/5/51712", &failure) == 0, "%s", failure.text);
    has("backend/vbd/5/51712/physical-device", "fe:10");
    has("backend/vbd/5/51712/something-new", "x");
    has("backend/vbd/5/51712/hotplug-status", "connected");
    has("backend/vbd/5/51712/params", "/dev/vdb of libxl");
    has("backend/vbd/5/51712/script", "/s/block");
    has("/libxl/5/device/vbd/51712/script", "/s/block");
    ck_assert_ptr_null(find("backend/vbd/5/prepared-xvda/script"));
}
END_TEST

START_TEST(a_script_that_did_not_succeed_is_told)
{
    struct failure silent = { 0 }, loud = { 0 };

    begin();
    ck_assert_int_eq(prepared_disk_verify(&store, 5, "xvda", &silent), -1);
    ck_assert_str_eq(silent.text, "its hotplug script does not say that it is there");
    answer();
    set("backend/vbd/5/prepared-xvda/hotplug-status", "busy");
    set("backend/vbd/5/prepared-xvda/hotplug-error", "Device /dev/vdb is mounted");
    ck_assert_int_eq(prepared_disk_verify(&store, 5, "xvda", &loud), -1);
    ck_assert_str_eq(loud.text, "Device /dev/vdb is mounted");
    make_disk();
    ck_assert_int_eq(prepared_disk_use(&store, "backend/vbd/5/51712", &loud), -1);
    is_untouched();
}
END_TEST

START_TEST(what_was_not_prepared_is_not_used)
{
    static const char *const wrong[] = { "backend/vbd/5/51728", "backend/vbd/6/51712", "backend/vif/5/0",
                                         "backend/vbd/5/51712/x", "backend/vbd/5", "" };

    begin();
    answer();
    make_disk();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct failure failure = { 0 };

        ck_assert_int_eq(prepared_disk_use(&store, wrong[i], &failure), -1);
        ck_assert_str_ne(failure.text, "");
    }
    is_untouched();
}
END_TEST

START_TEST(a_full_xenstore_leaves_all_as_it_was)
{
    struct failure failure = { 0 };

    begin();
    answer();
    make_disk();
    store.fail_write = "51712/hotplug-status";
    ck_assert_int_eq(prepared_disk_use(&store, "backend/vbd/5/51712", &failure), -1);
    is_untouched();
    has("backend/vbd/5/prepared-xvda/hotplug-status", "connected");
}
END_TEST

START_TEST(a_xenstore_that_is_always_busy_is_not_asked_for_ever)
{
    struct failure failure = { 0 };

    begin();
    answer();
    make_disk();
    store.nr_conflicts = 1000000;
    ck_assert_int_eq(prepared_disk_use(&store, "backend/vbd/5/51712", &failure), -1);
    ck_assert_str_eq(failure.text, "xenstore is too busy");
    is_untouched();
}
END_TEST

START_TEST(nothing_is_left_of_what_is_discarded)
{
    begin();
    answer();
    prepared_disk_discard(&store, 5, "xvda");
    ck_assert_uint_eq(store.nr, 0);
    prepared_disk_discard(&store, 5, "xvda");
}
END_TEST

START_TEST(a_name_that_leads_elsewhere_is_none)
{
    static const char *const wrong[] = { "", "../6/51712", "xvda/..", "a b", "XVDA", "abcdefghijklmnopq" };
    char path[PREPARED_DISK_PATH_MAX];

    ck_assert(prepared_disk_path(4294967295u, "abcdefghijklmnop", path));
    ck_assert_str_eq(path, "backend/vbd/4294967295/prepared-abcdefghijklmnop");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct failure failure = { 0 };

        ck_assert_msg(!prepared_disk_path(5, wrong[i], path), "%s", wrong[i]);
        ck_assert_int_eq(prepared_disk_begin(&store, 5, wrong[i], "/s/block", "/dev/vdb", true, &failure), -1);
        ck_assert_uint_eq(store.nr, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("a disk that is prepared");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, fresh, NULL);
    tcase_add_test(tcase, the_script_is_told_what_it_reads);
    tcase_add_test(tcase, its_answer_and_its_name_come_to_libxls_node);
    tcase_add_test(tcase, a_script_that_did_not_succeed_is_told);
    tcase_add_test(tcase, what_was_not_prepared_is_not_used);
    tcase_add_test(tcase, a_full_xenstore_leaves_all_as_it_was);
    tcase_add_test(tcase, a_xenstore_that_is_always_busy_is_not_asked_for_ever);
    tcase_add_test(tcase, nothing_is_left_of_what_is_discarded);
    tcase_add_test(tcase, a_name_that_leads_elsewhere_is_none);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
