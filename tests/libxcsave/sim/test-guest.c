/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The engine's view of a simulated guest, through a real host process and its socket. */
#include "config.h"

#include "tests/run-suite.h"
#include "libxcsave/sim/guest.h"
#include "libxcsave/guest.h"
#include "libxcsave/sim/client.h"
#include "stream-format/libxc-image.h"
#include "xlmig/simhost/guest-config.h"
#include "xlmig/simhost/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUEST_PFNS 8192u
#define HOST_PAGES (31u * 512 + 100)
#define HOLE 0xa0u      /* every simulated guest has one there */

static char dir[] = "/tmp/xlmig-test-XXXXXX";
static pid_t host_pid;
static int host = -1;

static void start_host(void)
{
    int ready[2];
    char byte;

    strcpy(strchr(dir, '-') + 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(pipe(ready), 0);
    host_pid = fork();
    if (host_pid == 0) {
        const struct simhost_options options = {
            .dir = dir, .memory_bytes = HOST_PAGES * GUEST_PAGE_SIZE, .owner = getppid(), .ready_fd = ready[1],
        };
        close(ready[0]);
        _exit(simhost_serve(&options) ? 1 : 0);
    }
    close(ready[1]);
    ck_assert_int_eq((int)read(ready[0], &byte, 1), 1);
    close(ready[0]);
    host = sim_connect(dir);
    ck_assert_int_ge(host, 0);
}

static void stop_host(void)
{
    int status;

    ck_assert_int_eq(sim_simple_call(host, SIM_STOP, 0, 0), 0);
    close(host);
    ck_assert_int_eq(waitpid(host_pid, &status, 0), host_pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(rmdir(dir), 0);
}

static uint32_t create(const char *name, enum sim_create how)
{
    struct simguest_config config;

    simhost_config_default(&config, name);
    config.boot_pfns = config.max_pfns = GUEST_PFNS;
    char *json = simhost_config_write(&config);
    struct sim_call call = { .op = SIM_CREATE, .arg = { how }, .in = json, .in_bytes = strlen(json) };
    ck_assert_int_eq(sim_call(host, &call), 0);
    free(json);
    return (uint32_t)call.value[0];
}

static struct xcsave_guest *open_guest(uint32_t domid)
{
    struct xcsave_error error = { 0 };
    struct xcsave_guest *g = xcsave_guest_open_sim(dir, domid, &error);

    ck_assert_msg(g != NULL, "%s", error.text);
    return g;
}

START_TEST(types_tell_pages_from_holes)
{
    struct xcsave_guest *g = open_guest(create("guest", SIM_CREATE_BOOT));
    const uint64_t pfns[] = { 0, HOLE, 4000, GUEST_PFNS, UINT64_MAX };
    struct xcsave_error error = { 0 };
    uint32_t types[5];

    ck_assert_int_eq(g->save->page_types(g, 5, pfns, types, &error), 0);
    ck_assert_uint_eq(types[0], STREAM_PAGE_NOTAB);
    ck_assert_uint_eq(types[1], STREAM_PAGE_XTAB);
    ck_assert_uint_eq(types[2], STREAM_PAGE_NOTAB);
    ck_assert_uint_eq(types[3], STREAM_PAGE_XTAB);
    ck_assert_uint_eq(types[4], STREAM_PAGE_XTAB);
    xcsave_guest_close(g);
}
END_TEST

START_TEST(scattered_map_shows_each_page_in_its_place)
{
    struct xcsave_guest *g = open_guest(create("guest", SIM_CREATE_BOOT));
    const uint64_t pfns[] = { 5000, 5001, 5002, HOLE, 3000, 0x9f, HOLE + 1, 4000 };
    struct xcsave_error error = { 0 };
    uint8_t *pages[8];
    int errs[8];
    void *all = g->ops->map(g, 8, pfns, false, pages, errs, &error);

    ck_assert_ptr_nonnull(all);
    for (unsigned i = 0; i < 8; i++) {
        if (pfns[i] == HOLE || pfns[i] == HOLE + 1) {
            ck_assert_int_eq(errs[i], EINVAL);
            continue;
        }
        ck_assert_int_eq(errs[i], 0);
        ck_assert(pattern_holds(pages[i], 1, pfns[i], 0, PATTERN_MIXED));
    }
    g->ops->unmap(g, all, 8);
    xcsave_guest_close(g);
}
END_TEST

START_TEST(populated_pages_can_be_written_and_are_the_guests)
{
    const uint32_t domid = create("guest", SIM_CREATE_EMPTY);
    struct xcsave_guest *g = open_guest(domid), *other = open_guest(domid);
    const uint64_t super = 512, small[] = { 7, 9 }, all[] = { 512, 1023, 7, 9 };
    struct xcsave_error error = { 0 };
    unsigned done;
    uint8_t *pages[4];
    int errs[4];

    ck_assert(g->ops->has_superpages(g));
    ck_assert_ptr_null(g->ops->map(g, 4, all, true, pages, errs, &error));
    error = (struct xcsave_error){ 0 };
    ck_assert_int_eq(g->restore->populate(g, 1, &super, GUEST_SUPERPAGE_ORDER, &done, &error), 0);
    ck_assert_uint_eq(done, 1);
    ck_assert_int_eq(g->restore->populate(g, 2, small, 0, &done, &error), 0);
    ck_assert_uint_eq(done, 2);
    void *w = g->ops->map(g, 4, all, true, pages, errs, &error);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(errs[i], 0);
        memset(pages[i], (int)i + 1, GUEST_PAGE_SIZE);
    }
    g->ops->unmap(g, w, 4);
    for (unsigned i = 0; i < 4; i++) {
        void *r = other->ops->map(other, 1, &all[i], false, pages, errs, &error);
        ck_assert_int_eq(pages[0][0], (int)i + 1);
        ck_assert_int_eq(pages[0][GUEST_PAGE_SIZE - 1], (int)i + 1);
        other->ops->unmap(other, r, 1);
    }
    ck_assert_int_eq(g->restore->depopulate(g, 1, &all[1], &error), 0);
    uint32_t type;
    ck_assert_int_eq(g->save->page_types(g, 1, &all[1], &type, &error), 0);
    ck_assert_uint_eq(type, STREAM_PAGE_XTAB);
    xcsave_guest_close(other);
    xcsave_guest_close(g);
}
END_TEST

START_TEST(full_host_gives_no_more_and_says_how_many)
{
    struct xcsave_guest *g = open_guest(create("guest", SIM_CREATE_EMPTY));
    struct xcsave_guest *other = open_guest(create("other", SIM_CREATE_EMPTY));
    const uint64_t super = 0;
    struct xcsave_error error = { 0 };
    unsigned done;

    /* There is room for 31 superpages and 100 pages. */
    for (uint64_t pfn = 0; pfn < GUEST_PFNS; pfn += 512)
        ck_assert_int_eq(other->restore->populate(other, 1, &pfn, GUEST_SUPERPAGE_ORDER, &done, &error), 0);
    for (uint64_t pfn = 512; pfn < GUEST_PFNS; pfn += 512)
        ck_assert_int_eq(g->restore->populate(g, 1, &pfn, GUEST_SUPERPAGE_ORDER, &done, &error), 0);
    ck_assert_int_eq(g->restore->populate(g, 1, &super, GUEST_SUPERPAGE_ORDER, &done, &error), 0);
    ck_assert_uint_eq(done, 0);
    for (uint64_t pfn = 0; pfn < 100; pfn++)
        ck_assert_int_eq(g->restore->populate(g, 1, &pfn, 0, &done, &error), 0);
    const uint64_t last[] = { 100, 101 };
    ck_assert_int_eq(g->restore->depopulate(g, 1, (const uint64_t[]){ 0 }, &error), 0);
    ck_assert_int_eq(g->restore->populate(g, 2, last, 0, &done, &error), 0);
    ck_assert_uint_eq(done, 1);
    xcsave_guest_close(other);
    xcsave_guest_close(g);
}
END_TEST

static int count_records(void *user, uint32_t type, const void *body, size_t len_bytes)
{
    unsigned *seen = user;

    ck_assert(type < 32 && body && len_bytes);
    *seen |= 1u << type;
    return 0;
}

START_TEST(records_come_when_the_guest_stands_still)
{
    const uint32_t domid = create("guest", SIM_CREATE_BOOT);
    struct xcsave_guest *g = open_guest(domid);
    struct xcsave_error error = { 0 };
    unsigned seen = 0;

    ck_assert_int_eq(g->save->static_records(g, count_records, &seen, &error), 0);
    ck_assert_uint_eq(seen, 1u << STREAM_REC_X86_CPUID_POLICY | 1u << STREAM_REC_X86_MSR_POLICY);
    ck_assert_int_eq(sim_simple_call(host, SIM_UNPAUSE, domid, 0), 0);
    ck_assert_int_eq(g->save->state_records(g, count_records, &seen, &error), -1);
    ck_assert_int_eq(error.errnum, EBUSY);
    ck_assert_int_eq(sim_simple_call(host, SIM_PAUSE, domid, 0), 0);
    seen = 0;
    ck_assert_int_eq(g->save->state_records(g, count_records, &seen, &error), 0);
    ck_assert_uint_eq(seen, 1u << STREAM_REC_X86_TSC_INFO | 1u << STREAM_REC_HVM_CONTEXT | 1u << STREAM_REC_HVM_PARAMS);
    xcsave_guest_close(g);
}
END_TEST

static const struct {
    uint32_t type;
    size_t len;
    uint32_t count;     /* first word of the body */
} bad_records[] = {
    { STREAM_REC_X86_CPUID_POLICY, 0, 0 },  { STREAM_REC_X86_CPUID_POLICY, 23, 0 },
    { STREAM_REC_X86_MSR_POLICY, 17, 0 },   { STREAM_REC_X86_TSC_INFO, 23, 0 },
    { STREAM_REC_X86_TSC_INFO, 25, 0 },     { STREAM_REC_HVM_CONTEXT, 0, 0 },
    { STREAM_REC_HVM_CONTEXT, 65537, 0 },   { STREAM_REC_HVM_PARAMS, 7, 0 },
    { STREAM_REC_HVM_PARAMS, 8, 1 },        { STREAM_REC_HVM_PARAMS, 23, 1 },
    { STREAM_REC_HVM_PARAMS, 24, 0xffffffff },
};

START_TEST(record_that_makes_no_sense_is_refused)
{
    struct xcsave_guest *g = open_guest(create("guest", SIM_CREATE_EMPTY));
    struct xcsave_error error = { 0 };
    /* Exactly as long as it says, for the address sanitizer to see what is read beyond. */
    uint8_t *body = calloc(1, bad_records[_i].len ? bad_records[_i].len : 1);

    memcpy(body, &bad_records[_i].count, bad_records[_i].len < 4 ? bad_records[_i].len : 4);
    ck_assert_int_eq(g->restore->accept_record(g, bad_records[_i].type, body, bad_records[_i].len, &error), -1);
    ck_assert_str_ne(error.text, "");
    free(body);
    xcsave_guest_close(g);
}
END_TEST

START_TEST(unknown_record_is_not_known_here)
{
    struct xcsave_guest *g = open_guest(create("guest", SIM_CREATE_EMPTY));
    struct xcsave_error error = { 0 };

    ck_assert_int_eq(g->restore->accept_record(g, STREAM_REC_X86_PV_INFO, "12345678", 8, &error), 1);
    ck_assert(!g->restore->pfn_is_valid(g, GUEST_PFNS));
    ck_assert(g->restore->pfn_is_valid(g, GUEST_PFNS - 1));
    xcsave_guest_close(g);
}
END_TEST

START_TEST(restore_without_a_context_fails)
{
    struct xcsave_guest *g = open_guest(create("guest", SIM_CREATE_EMPTY));
    struct xcsave_restore_result result;
    struct xcsave_error error = { 0 };
    unsigned missing = 0;

    ck_assert_int_eq(g->restore->static_data_end(g, &missing, &error), 0);
    ck_assert_uint_eq(missing, XCSAVE_MISSING_CPUID | XCSAVE_MISSING_MSR);
    ck_assert_int_eq(g->restore->complete(g, &result, &error), -1);
    xcsave_guest_close(g);
}
END_TEST

START_TEST(no_such_domain_and_no_such_host)
{
    struct xcsave_error error = { 0 };

    ck_assert_ptr_null(xcsave_guest_open_sim(dir, 4711, &error));
    ck_assert_int_eq(error.errnum, ESRCH);
    error = (struct xcsave_error){ 0 };
    ck_assert_ptr_null(xcsave_guest_open_sim("/nonexistent", 1, &error));
    ck_assert_int_eq(error.errnum, ENOENT);
}
END_TEST

/* Whatever a client says, the host stays; the connection may not. */
START_TEST(host_survives_nonsense)
{
    static const struct sim_request requests[] = {
        { .version = 99, .op = SIM_HOST },
        { .version = SIM_PROTOCOL_VERSION, .op = 0 },
        { .version = SIM_PROTOCOL_VERSION, .op = 0xffffffff },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_QUERY, .domid = 9 },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_CREATE },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_PROOF, .arg = { 7 } },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_LOGDIRTY, .domid = 1, .arg = { 1000 } },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_POPULATE, .domid = 1, .arg = { 40 } },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_SET_CONTEXT, .domid = 1 },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_SET_EMULATOR, .domid = 1 },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_RENAME, .domid = 1 },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_FAULT, .domid = 1, .arg = { 99 } },
        { .version = SIM_PROTOCOL_VERSION, .op = SIM_HOST, .payload_bytes = 12 },
    };
    struct sim_reply reply;

    create("guest", SIM_CREATE_BOOT);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        int fd = sim_connect(dir);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq((int)send(fd, &requests[i], sizeof requests[i], 0), (int)sizeof requests[i]);
        ssize_t n = recv(fd, &reply, sizeof reply, 0);
        ck_assert_msg(n <= 0 || reply.errnum != 0, "request %zu was taken", i);
        close(fd);
        fd = sim_connect(dir);
        ck_assert_int_eq((int)send(fd, &requests[i], i + 1, 0), (int)i + 1);
        close(fd);
    }
    ck_assert_int_eq(sim_simple_call(host, SIM_UNPAUSE, 1, 0), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("guest of a simulated host");
    TCase *t = tcase_create("guest");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, start_host, stop_host);
    tcase_add_test(t, types_tell_pages_from_holes);
    tcase_add_test(t, scattered_map_shows_each_page_in_its_place);
    tcase_add_test(t, populated_pages_can_be_written_and_are_the_guests);
    tcase_add_test(t, full_host_gives_no_more_and_says_how_many);
    tcase_add_test(t, records_come_when_the_guest_stands_still);
    tcase_add_loop_test(t, record_that_makes_no_sense_is_refused, 0, sizeof bad_records / sizeof bad_records[0]);
    tcase_add_test(t, unknown_record_is_not_known_here);
    tcase_add_test(t, restore_without_a_context_fails);
    tcase_add_test(t, no_such_domain_and_no_such_host);
    tcase_add_test(t, host_survives_nonsense);
    suite_add_tcase(suite, t);
    return run_suite(suite);
}
