/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The engine against a guest of arrays: what arrives, what is undone, what is refused. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/libxcsave/engine-case.h"
#include "stream-format/libxc-image.h"
#include "tests/run-suite.h"

START_TEST(a_guest_at_rest_arrives)
{
    struct save_case c = { .guest = fake_guest_new(3000), .way = _i };
    struct fake_guest *to = move(&c);

    ck_assert_uint_eq(c.report.precopy_rounds, 0);
    ck_assert_uint_eq(to->extents_2m, 5);
    fake_guest_free(to);
    fake_guest_free(c.guest);
}
END_TEST

static void write_some(struct fake_guest *g, unsigned round)
{
    for (unsigned i = 0; i < 300 / round; i++)
        fake_guest_write(g, (i * 7 + round) % g->nr_pfns, 0x10000 * round + i);
}

START_TEST(a_guest_that_writes_arrives_as_it_was_when_suspended)
{
    struct save_case c = { .guest = fake_guest_new(3000), .way = _i, .live = true };

    c.guest->script = write_some;
    fake_guest_free(move(&c));
    ck_assert_uint_ge(c.report.precopy_rounds, 2);
    fake_guest_free(c.guest);
}
END_TEST

static void grow(struct fake_guest *g, unsigned round)
{
    if (round != 1)
        return;
    for (uint64_t pfn = g->nr_pfns; pfn < g->nr_pfns + 700; pfn++) {
        g->types[pfn] = STREAM_PAGE_NOTAB;
        fake_guest_write(g, pfn, 77);
    }
    g->nr_pfns += 700;
}

START_TEST(memory_that_a_guest_gains_under_way_arrives)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .live = true };

    c.guest->script = grow;
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
}
END_TEST

static void balloon_out(struct fake_guest *g, unsigned round)
{
    for (uint64_t pfn = 600; round == 1 && pfn < 700; pfn++) {
        fake_guest_write(g, pfn, 0);
        g->types[pfn] = STREAM_PAGE_XTAB;
    }
}

START_TEST(memory_that_a_guest_gives_up_under_way_is_given_back)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .live = true };
    struct fake_guest *to;

    c.guest->script = balloon_out;
    to = move(&c);
    ck_assert_uint_eq(to->given_back, 100);
    fake_guest_free(to);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(holes_are_not_sent_and_get_no_memory)
{
    struct save_case c = { .guest = fake_guest_new(5000), .way = _i, .live = true };
    struct fake_guest *to;

    for (unsigned pfn = 100; pfn < 4900; pfn++)
        c.guest->types[pfn] = STREAM_PAGE_XTAB;
    to = move(&c);
    ck_assert_uint_eq(to->nr_populated, 200);
    ck_assert_uint_lt(c.report.end.bytes, 210 * GUEST_PAGE_SIZE);
    fake_guest_free(to);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_scan_ends_with_the_last_page_where_the_count_is_known)
{
    struct save_case c = { .guest = fake_guest_new(FAKE_MAX_PAGES), .way = _i, .live = true };

    c.guest->counts_pages = true;
    for (unsigned pfn = 300; pfn < FAKE_MAX_PAGES - 3; pfn++)
        c.guest->types[pfn] = STREAM_PAGE_XTAB;
    fake_guest_free(move(&c));
    ck_assert_uint_le(c.guest->nr_types_asked, 3 * GUEST_BATCH_PAGES + 1); /* and the page that guards the log */
    fake_guest_free(c.guest);
}
END_TEST

/* One page is gained, as the log says, and one is lost, as nothing says: as many as before. */
static void swap_silently(struct fake_guest *g, unsigned round)
{
    if (round != 1)
        return;
    g->types[7000] = STREAM_PAGE_NOTAB;
    fake_guest_write(g, 7000, 1);
    g->types[10] = STREAM_PAGE_XTAB;
}

START_TEST(memory_that_changes_behind_the_dirty_log_is_noticed)
{
    struct save_case c = { .guest = fake_guest_new(FAKE_MAX_PAGES), .way = _i, .live = true };

    c.guest->counts_pages = true;
    c.guest->script = swap_silently;
    for (unsigned pfn = 300; pfn < FAKE_MAX_PAGES; pfn++)
        c.guest->types[pfn] = STREAM_PAGE_XTAB;
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
}
END_TEST

/* As Xen before 4.22: new memory is not marked, and writes to it are not logged in the round in which it came. */
static void gain_a_page_and_write_it_once_sent(struct fake_guest *g, unsigned batch)
{
    uint64_t dirty = g->dirty[1500 / 64];

    if (batch == 1)
        g->types[1500] = STREAM_PAGE_NOTAB;
    if (batch == 2)
        fake_guest_write(g, 1500, 77);
    g->dirty[1500 / 64] = dirty;
}

START_TEST(a_page_that_came_unmarked_and_was_sent_before_it_was_written_arrives)
{
    struct save_case c = { .guest = fake_guest_new(4 * GUEST_BATCH_PAGES), .way = _i, .live = true };

    c.guest->types[1500] = STREAM_PAGE_XTAB;
    c.guest->between = gain_a_page_and_write_it_once_sent;
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
}
END_TEST

/* Given up and taken again: its place is known, and what is there is new. */
static void exchange_a_page_unmarked(struct fake_guest *g, unsigned batch)
{
    uint64_t dirty = g->dirty[500 / 64];

    if (batch == 2)
        g->types[500] = STREAM_PAGE_XTAB;
    if (batch == 3) {
        g->types[500] = STREAM_PAGE_NOTAB;
        fake_guest_write(g, 500, 78);
    }
    g->dirty[500 / 64] = dirty;
}

START_TEST(a_page_that_was_exchanged_unmarked_arrives)
{
    struct save_case c = { .guest = fake_guest_new(4 * GUEST_BATCH_PAGES), .way = _i, .live = true };

    c.guest->between = exchange_a_page_unmarked;
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
}
END_TEST

/* A guest that never comes to rest is stopped in the end, and arrives. */
static void gain_a_page_every_round(struct fake_guest *g, unsigned round)
{
    if (round < 40)
        g->types[1000 + round] = STREAM_PAGE_NOTAB;
}

START_TEST(memory_that_changes_in_every_round_ends_the_rounds)
{
    struct save_case c = { .guest = fake_guest_new(2 * GUEST_BATCH_PAGES), .way = _i, .live = true };

    for (unsigned pfn = 1000; pfn < 2000; pfn++)
        c.guest->types[pfn] = STREAM_PAGE_XTAB;
    c.guest->script = gain_a_page_every_round;
    fake_guest_free(move(&c));
    ck_assert_uint_le(c.report.precopy_rounds, 5);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(page_tables_are_normalised_and_localised)
{
    struct save_case c = { .guest = fake_guest_new(64), .way = _i };
    struct fake_guest *to;

    c.guest->type = STREAM_GUEST_X86_PV;
    c.guest->types[5] = STREAM_PAGE_L1TAB;
    c.guest->types[6] = STREAM_PAGE_L4TAB | STREAM_PAGE_LPINNED;
    to = move(&c);
    ck_assert_uint_eq(to->told_types[4], STREAM_PAGE_NOTAB);
    ck_assert_uint_eq(to->told_types[5], STREAM_PAGE_L1TAB);
    ck_assert_uint_eq(to->told_types[6], STREAM_PAGE_L4TAB | STREAM_PAGE_LPINNED);
    fake_guest_free(to);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_page_in_flux_is_sent_once_the_guest_stands_still)
{
    struct save_case c = { .guest = fake_guest_new(200), .way = _i, .live = true };

    c.guest->unreadable_pfn = 17;
    c.guest->unmappable_pfn = 90;
    fake_guest_free(move(&c));
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(whatever_fails_the_guest_is_left_able_to_run)
{
    unsigned calls = 0;

    for (unsigned at = 0; at == 0 || at <= calls; at++) {
        struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .live = true };
        int fd = memory_file(), rc;

        c.guest->script = write_some;
        c.guest->fail_at = at;
        rc = run_save_alone(&c, fd);
        if (at == 0)
            calls = c.guest->calls;
        /* How often it looks at the dirty log depends on the time that it takes. */
        ck_assert_int_eq(rc, at && c.guest->calls >= at ? -1 : 0);
        if (rc)
            ck_assert_ptr_nonnull(strstr(c.error.text, "injected"));
        ck_assert_msg(!c.guest->logdirty && !c.emulator_on && !c.guest->mapped, "call %u", at);
        ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
        close(fd);
        fake_guest_free(c.guest);
    }
    ck_assert_uint_gt(calls, 15);
}
END_TEST

START_TEST(a_guest_that_does_not_suspend_fails_the_save)
{
    struct save_case c = { .guest = fake_guest_new(100), .way = _i, .live = true, .suspend_fails = true };
    int fd = memory_file();

    ck_assert_int_eq(run_save_alone(&c, fd), -1);
    ck_assert_ptr_nonnull(strstr(c.error.text, "not suspended"));
    ck_assert(!c.guest->logdirty && !c.emulator_on);
    close(fd);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_device_model_that_refuses_fails_the_save)
{
    struct save_case c = { .guest = fake_guest_new(100), .way = _i, .live = true, .emulator_fails_at = 1 };
    int fd = memory_file();

    ck_assert_int_eq(run_save_alone(&c, fd), -1);
    ck_assert(!c.guest->logdirty && !c.emulator_on);
    close(fd);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(who_saves_is_told_once_that_nothing_is_left_to_open)
{
    struct save_case c = { .guest = fake_guest_new(100), .way = _i / 2, .live = _i % 2 };

    fake_guest_free(move(&c));
    ck_assert_uint_eq(c.ready_calls, 1);
    ck_assert(c.tracked_when_ready == c.live);
    ck_assert_uint_eq(c.sent_when_ready, 0);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(who_is_not_ready_fails_the_save)
{
    struct save_case c = { .guest = fake_guest_new(100), .way = _i / 2, .live = _i % 2, .ready_fails = true };
    int fd = memory_file();

    ck_assert_int_eq(run_save_alone(&c, fd), -1);
    ck_assert_int_eq(c.error.errnum, EPERM);
    ck_assert_str_eq(c.error.text, "not ready");
    ck_assert(!c.guest->suspended && !c.guest->logdirty && !c.emulator_on);
    ck_assert_uint_eq(c.report.end.pages_sent, 0);
    close(fd);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_cancel_is_heard_between_rounds)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .live = true, .cancel_in_round = 1 };
    int fd = memory_file();

    c.guest->script = write_some;
    ck_assert_int_eq(run_save_alone(&c, fd), -1);
    ck_assert_int_eq(c.error.errnum, ECANCELED);
    ck_assert(!c.guest->suspended && !c.guest->logdirty && !c.emulator_on);
    close(fd);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_peer_that_takes_nothing_is_given_up)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .live = true, .patience_s = 1 };
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_eq(run_save_alone(&c, fds[1]), -1);
    ck_assert_int_eq(c.error.errnum, ETIMEDOUT);
    ck_assert(!c.guest->logdirty && !c.guest->mapped);
    close(fds[0]);
    close(fds[1]);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_closed_pipe_fails_the_save)
{
    struct save_case c = { .guest = fake_guest_new(1500), .way = _i, .live = true };
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    close(fds[0]);
    ck_assert_int_eq(run_save_alone(&c, fds[1]), -1);
    ck_assert_int_eq(c.error.errnum, EPIPE);
    ck_assert(!c.guest->logdirty);
    close(fds[1]);
    fake_guest_free(c.guest);
}
END_TEST

/* ---- hostile images --------------------------------------------------- */

static size_t read_image(int fd, uint8_t **image)
{
    off_t len = lseek(fd, 0, SEEK_END);

    *image = malloc((size_t)len);
    ck_assert_int_eq(pread(fd, *image, (size_t)len, 0), len);
    return (size_t)len;
}

/* A small valid image; the caller frees it. */
static size_t small_image(uint8_t **image)
{
    struct save_case c = { .guest = fake_guest_new(3) };
    int fd = memory_file();
    size_t len;

    ck_assert_int_eq(run_save_alone(&c, fd), 0);
    len = read_image(fd, image);
    close(fd);
    fake_guest_free(c.guest);
    return len;
}

static int restore_bytes(const uint8_t *image, size_t len, struct xcsave_error *error)
{
    struct restore_case to = { .guest = fake_guest_new_empty(), .fd = memory_file() };

    ck_assert_int_eq(pwrite(to.fd, image, len, 0), (ssize_t)len);
    run_restore(&to);
    ck_assert_uint_eq(to.guest->mapped, 0);
    ck_assert(to.rc || to.guest->completed);
    *error = to.error;
    close(to.fd);
    fake_guest_free(to.guest);
    return to.rc;
}

START_TEST(an_image_cut_at_any_byte_is_refused)
{
    uint8_t *image;
    size_t len = small_image(&image);
    struct xcsave_error error;

    ck_assert_int_eq(restore_bytes(image, len, &error), 0);
    for (size_t cut = 0; cut < len; cut += cut < 200 || cut > len - 200 ? 1 : 61)
        ck_assert_msg(restore_bytes(image, cut, &error) == -1 && error.text[0], "cut at %zu", cut);
    free(image);
}
END_TEST

START_TEST(no_flipped_bit_of_the_framing_breaks_the_reader)
{
    uint8_t *image;
    size_t len = small_image(&image);
    struct xcsave_error error;

    /* Everything but page content: it may be refused or mean something else, but never do harm. */
    for (size_t at = 0; at < len; at++) {
        if (at > 90 && at < len - 40)
            continue;
        for (unsigned bit = 0; bit < 8; bit++) {
            image[at] ^= (uint8_t)(1u << bit);
            (void)restore_bytes(image, len, &error);
            image[at] ^= (uint8_t)(1u << bit);
        }
    }
    free(image);
}
END_TEST

struct hostile {
    const char *name;
    uint32_t type, length;
    uint64_t body[4];
    const char *expected;       /* part of the message */
};

static const struct hostile hostile_records[] = {
    { "length beyond the format's maximum", STREAM_REC_HVM_CONTEXT, STREAM_RECORD_LENGTH_MAX + 1, { 0 }, "RECORD_TOO_LONG" },
    { "a held record beyond what is held", STREAM_REC_HVM_CONTEXT, STREAM_RECORD_LENGTH_MAX, { 0 }, "bytes" },
    { "a mandatory record nobody knows", 0x7f, 0, { 0 }, "UNKNOWN_RECORD" },
    { "END with a body", STREAM_REC_END, 8, { 0 }, "BAD_LENGTH" },
    { "a second STATIC_DATA_END", STREAM_REC_STATIC_DATA_END, 0, { 0 }, "DUPLICATE_RECORD" },
    { "a checkpoint", STREAM_REC_CHECKPOINT, 0, { 0 }, "MISSING_RECORD" },
    { "page data without a header", STREAM_REC_PAGE_DATA, 4, { 0 }, "BAD_LENGTH" },
    { "page data without pages", STREAM_REC_PAGE_DATA, 8, { 0 }, "BAD_LENGTH" },
    { "a count beyond the record", STREAM_REC_PAGE_DATA, 16, { 3, 1 }, "BAD_COUNT" },
    { "a count of 2^32 - 1", STREAM_REC_PAGE_DATA, 16, { 0xffffffff, 1 }, "BAD_COUNT" },
    { "a page type without meaning", STREAM_REC_PAGE_DATA, 16, { 1, UINT64_C(6) << 60 }, "BAD_PAGE_TYPE" },
    { "reserved bits of an entry", STREAM_REC_PAGE_DATA, 16, { 1, UINT64_C(1) << 55 }, "RESERVED_NOT_ZERO" },
    { "a pfn beyond the guest", STREAM_REC_PAGE_DATA, 16, { 1, UINT64_C(15) << 60 | 0x800000000000 }, "PFN_OUT_OF_RANGE" },
    { "a pfn beyond this guest", STREAM_REC_PAGE_DATA, 16, { 1, UINT64_C(15) << 60 | 0x8000000000 }, "beyond the guest" },
    { "a length without its pages", STREAM_REC_PAGE_DATA, 16, { 1, 1 }, "BAD_LENGTH" },
    { "padding that is not zero", STREAM_REC_OPTIONAL | 5, 4, { UINT64_C(1) << 40 }, "PADDING_NOT_ZERO" },
    { "a reserved field", STREAM_REC_PAGE_DATA, 16, { UINT64_C(1) << 32 | 1, UINT64_C(15) << 60 }, "RESERVED_NOT_ZERO" },
    { "a page table of a guest that has none", STREAM_REC_PAGE_DATA, 16, { 1, UINT64_C(1) << 60 }, "BAD_PAGE_TYPE" },
    { "static data too late", STREAM_REC_X86_MSR_POLICY, 16, { 0xce }, "OUT_OF_ORDER" },
    { "a record of another guest", STREAM_REC_X86_PV_INFO, 8, { 0x0408 }, "WRONG_GUEST" },
    { "a context that is no chain", STREAM_REC_HVM_CONTEXT, 16, { 0 }, "BAD_HVM_CONTEXT" },
    { "a context of another magic", STREAM_REC_HVM_CONTEXT, 32, { UINT64_C(24) << 32 | 1, 1 }, "BAD_HVM_CONTEXT" },
    { "an end without state", STREAM_REC_END, 0, { 0 }, "MISSING_RECORD" },
};

START_TEST(a_hostile_record_is_refused)
{
    const struct hostile *h = &hostile_records[_i];
    uint8_t *image, *hostile;
    size_t len = small_image(&image), opening = 24 + 16 + 8; /* headers, STATIC_DATA_END */
    struct xcsave_error error;

    (void)len;
    hostile = malloc(opening + 8 + sizeof(h->body));
    memcpy(hostile, image, opening);
    stream_encode_record_header(hostile + opening, h->type, h->length);
    memcpy(hostile + opening + 8, h->body, sizeof(h->body));
    ck_assert_int_eq(restore_bytes(hostile, opening + 8 + sizeof(h->body), &error), -1);
    ck_assert_msg(strstr(error.text, h->expected), "%s: %s", h->name, error.text);
    free(hostile);
    free(image);
}
END_TEST

START_TEST(the_same_pfn_twice_in_a_record_gets_memory_once)
{
    uint8_t record[8 + 8 + 16 + 2 * 4096 + 8 + 56 + 8];
    uint8_t *image, *whole;
    size_t len = small_image(&image), opening = 24 + 16 + 8;
    struct restore_case to = { .guest = fake_guest_new_empty(), .fd = memory_file() };

    (void)len;
    memset(record, 0, sizeof(record));
    stream_encode_record_header(record, STREAM_REC_PAGE_DATA, 8 + 16 + 2 * 4096);
    record[8] = 2;
    record[16] = record[24] = 9;
    stream_encode_record_header(record + sizeof(record) - 72, STREAM_REC_HVM_CONTEXT, FAKE_STATE_BYTES);
    memcpy(record + sizeof(record) - 64, fake_state, FAKE_STATE_BYTES);
    whole = malloc(opening + sizeof(record));
    memcpy(whole, image, opening);
    memcpy(whole + opening, record, sizeof(record));
    ck_assert_int_eq(pwrite(to.fd, whole, opening + sizeof(record), 0), (ssize_t)(opening + sizeof(record)));
    ck_assert_msg(!run_restore(&to), "%s", to.error.text);
    ck_assert_uint_eq(to.guest->nr_populated, 1);
    close(to.fd);
    free(whole);
    free(image);
    fake_guest_free(to.guest);
}
END_TEST

START_TEST(a_destination_without_memory_says_so)
{
    struct save_case c = { .guest = fake_guest_new(3), .way = _i };
    struct restore_case to = { .guest = fake_guest_new_empty() };

    to.guest->max_populated = 2;
    run_both(&c, &to);
    ck_assert_int_eq(to.rc, -1);
    ck_assert_int_eq(to.error.errnum, ENOMEM);
    ck_assert(!to.guest->completed && !to.guest->mapped);
    fake_guest_free(to.guest);
    fake_guest_free(c.guest);
}
END_TEST

START_TEST(a_stalled_sender_is_given_up)
{
    struct restore_case to = { .guest = fake_guest_new_empty(), .patience_s = 1 };
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    to.fd = fds[0];
    ck_assert_int_eq(run_restore(&to), -1);
    ck_assert_int_eq(to.error.errnum, ETIMEDOUT);
    close(fds[0]);
    close(fds[1]);
    fake_guest_free(to.guest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("engine");
    TCase *tc = tcase_create("engine");

    signal(SIGPIPE, SIG_IGN);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_guest_at_rest_arrives, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_guest_that_writes_arrives_as_it_was_when_suspended, 0, NR_WAYS);
    tcase_add_loop_test(tc, memory_that_a_guest_gains_under_way_arrives, 0, NR_WAYS);
    tcase_add_loop_test(tc, memory_that_a_guest_gives_up_under_way_is_given_back, 0, NR_WAYS);
    tcase_add_loop_test(tc, holes_are_not_sent_and_get_no_memory, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_scan_ends_with_the_last_page_where_the_count_is_known, 0, NR_WAYS);
    tcase_add_loop_test(tc, memory_that_changes_behind_the_dirty_log_is_noticed, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_page_that_came_unmarked_and_was_sent_before_it_was_written_arrives, 0, WAY_V1_THREADS);
    tcase_add_loop_test(tc, a_page_that_was_exchanged_unmarked_arrives, 0, WAY_V1_THREADS);
    tcase_add_loop_test(tc, memory_that_changes_in_every_round_ends_the_rounds, 0, NR_WAYS);
    tcase_add_loop_test(tc, page_tables_are_normalised_and_localised, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_page_in_flux_is_sent_once_the_guest_stands_still, 0, NR_WAYS);
    tcase_add_loop_test(tc, whatever_fails_the_guest_is_left_able_to_run, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_guest_that_does_not_suspend_fails_the_save, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_device_model_that_refuses_fails_the_save, 0, NR_WAYS);
    tcase_add_loop_test(tc, who_saves_is_told_once_that_nothing_is_left_to_open, 0, 2 * NR_WAYS);
    tcase_add_loop_test(tc, who_is_not_ready_fails_the_save, 0, 2 * NR_WAYS);
    tcase_add_loop_test(tc, a_cancel_is_heard_between_rounds, 0, NR_WAYS);
    tcase_add_loop_test(tc, a_peer_that_takes_nothing_is_given_up, 0, WAY_V1_CHANNELS);
    tcase_add_loop_test(tc, a_closed_pipe_fails_the_save, 0, NR_WAYS);
    tcase_add_test(tc, an_image_cut_at_any_byte_is_refused);
    tcase_add_test(tc, no_flipped_bit_of_the_framing_breaks_the_reader);
    tcase_add_loop_test(tc, a_hostile_record_is_refused, 0,
                        (int)(sizeof(hostile_records) / sizeof(hostile_records[0])));
    tcase_add_test(tc, the_same_pfn_twice_in_a_record_gets_memory_once);
    tcase_add_loop_test(tc, a_destination_without_memory_says_so, 0, NR_WAYS);
    tcase_add_test(tc, a_stalled_sender_is_given_up);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
