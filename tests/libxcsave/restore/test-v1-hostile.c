/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* xlmig's own image, damaged or made to do harm: what the engine finds wrong in it, and what it refuses. */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/libxcsave/engine-case.h"
#include "stream-format/image1/image1.h"
#include "tests/run-suite.h"

/* ---- what it finds wrong ------------------------------------------------- */

static void change_page_2(struct fake_guest *g, unsigned round)
{
    uint32_t word = 42;

    if (round > 1)
        return;
    memcpy(g->memory + 2 * GUEST_PAGE_SIZE, &word, sizeof(word));
    memset(g->dirty, 0xff, 1);
}

/* An image with each kind of page. */
static size_t sample_image(uint8_t **octets)
{
    struct save_case c = { .guest = fake_guest_new(16), .way = WAY_V1_SERIAL, .live = true };
    int fd = memory_file();
    size_t len;

    memset(c.guest->memory, 0, GUEST_PAGE_SIZE);
    for (unsigned pfn = 6; pfn < 16; pfn++)
        fake_guest_write(c.guest, pfn, 5);
    c.guest->script = change_page_2;
    ck_assert_int_eq(run_save(&c, fd), 0);
    ck_assert_uint_gt(c.report.end.kinds[XCSAVE_KIND_DELTA].pages, 0);
    ck_assert_uint_gt(c.report.end.kinds[XCSAVE_KIND_SAME].pages, 0);
    len = read_octets(fd, octets);
    close(fd);
    fake_guest_free(c.guest);
    return len;
}

static int restore_octets(const uint8_t *octets, size_t len, struct xcsave_error *error)
{
    struct restore_case to = { .guest = fake_guest_new_empty(), .fd = memory_file() };

    ck_assert_int_eq(pwrite(to.fd, octets, len, 0), (ssize_t)len);
    run_restore(&to);
    ck_assert_uint_eq(to.guest->mapped, 0);
    ck_assert(to.rc ? !to.guest->completed : to.guest->completed);
    *error = to.error;
    close(to.fd);
    fake_guest_free(to.guest);
    return to.rc;
}

/* Every bit of what frames the content, one bit of each octet of the content. */
START_TEST(a_flipped_bit_anywhere_is_found_before_the_guest_can_run)
{
    uint8_t *image;
    size_t len = sample_image(&image);
    struct xcsave_error error;

    ck_assert_int_eq(restore_octets(image, len, &error), 0);
    for (size_t at = 0; at < len; at++) {
        bool framing = at < 250 || at > len - 250;

        if (!framing && at % 5)
            continue;
        for (unsigned bit = framing ? 0 : at % 8; bit < (framing ? 8 : at % 8 + 1); bit++) {
            image[at] ^= (uint8_t)(1u << bit);
            ck_assert_msg(restore_octets(image, len, &error) == -1 && error.text[0], "bit %u of octet %zu", bit, at);
            image[at] ^= (uint8_t)(1u << bit);
        }
    }
    free(image);
}
END_TEST

START_TEST(an_image_cut_at_any_octet_is_refused)
{
    uint8_t *image;
    size_t len = sample_image(&image);
    struct xcsave_error error;

    for (size_t cut = 0; cut < len; cut += cut < 300 || cut > len - 600 ? 1 : 61)
        ck_assert_msg(restore_octets(image, cut, &error) == -1 && error.text[0], "cut at %zu", cut);
    free(image);
}
END_TEST

/* The first record of a type at or after *at, which is moved behind it. */
static uint8_t *find_record(uint8_t *image, size_t len, size_t *at, uint32_t type, uint32_t *length)
{
    while (*at + IMAGE1_RECORD_HEADER_LEN <= len) {
        uint8_t *record = image + *at;
        struct image1_record decoded;
        struct image1_fault fault;

        ck_assert_int_eq(image1_decode_record(record, &decoded, &fault), 0);
        *at += IMAGE1_RECORD_HEADER_LEN + decoded.length + image1_padding(decoded.length);
        *length = decoded.length;
        if (decoded.type == type)
            return record;
    }
    ck_abort_msg("no record of type %u", type);
    return NULL;
}

static void seal_again(uint8_t *record, uint32_t length)
{
    image1_seal(record, image1_crc_begin(record, IMAGE1_RECORD_HEADER_LEN + length));
}

/* Whatever goes wrong behind the checksums: in the source's memory, here, or in between. */
START_TEST(content_that_is_not_the_sources_is_found_by_the_digest)
{
    static const uint32_t types[] = { IMAGE1_REC_MEMORY, IMAGE1_REC_DIGEST };
    uint8_t *image, *record;
    size_t len = sample_image(&image), at = IMAGE1_HEADER_LEN;
    struct xcsave_error error;
    uint32_t length;

    record = find_record(image, len, &at, types[_i], &length);
    /* The sums at the end of DIGEST; in MEMORY, content of the first page that has any. */
    if (_i)
        record[IMAGE1_RECORD_HEADER_LEN + length - 1] ^= 1;
    else
        record[IMAGE1_MEMORY_PREFIX_MAX < length ? IMAGE1_MEMORY_PREFIX_MAX : 3000] ^= 1;
    seal_again(record, length);
    ck_assert_int_eq(restore_octets(image, len, &error), -1);
    ck_assert_int_eq(error.errnum, EBADMSG);
    ck_assert_ptr_nonnull(strstr(error.text, "not what it was"));
    free(image);
}
END_TEST

/* ---- what is refused ------------------------------------------------------ */

struct page_spec {
    uint32_t round;
    uint64_t pfn;
    uint32_t count;
    enum image1_kind kind;
    unsigned type;
    uint64_t source;            /* of SAME */
};

struct hostile {
    const char *name;
    struct page_spec pages[3];  /* a record each; count 0: none */
    const char *expected;
};

static const struct hostile hostile_images[] = {
    { "a page twice in a round", { { 1, 5, 1, IMAGE1_KIND_ZERO, 0, 0 }, { 1, 4, 2, IMAGE1_KIND_DATA, 0, 0 } }, "twice" },
    { "a page gone and come in a round", { { 1, 5, 1, IMAGE1_KIND_ZERO, 0, 0 },
                                           { 1, 5, 1, IMAGE1_KIND_ABSENT, STREAM_PAGE_XTAB, 0 } }, "twice" },
    { "a pfn beyond the guest", { { 1, FAKE_MAX_PAGES - 1, 2, IMAGE1_KIND_ZERO, 0, 0 } }, "beyond" },
    { "a page table of a guest without", { { 1, 5, 1, IMAGE1_KIND_DATA, STREAM_PAGE_L1TAB, 0 } }, "page table" },
    { "a zero page table of a guest without", { { 1, 5, 1, IMAGE1_KIND_ZERO, STREAM_PAGE_L2TAB, 0 } }, "page table" },
    { "a delta to nothing", { { 1, 5, 1, IMAGE1_KIND_DELTA, 0, 0 } }, "no content" },
    { "a delta to a page that is gone", { { 1, 5, 1, IMAGE1_KIND_DATA, 0, 0 },
                                          { 2, 5, 1, IMAGE1_KIND_ABSENT, STREAM_PAGE_XTAB, 0 },
                                          { 3, 5, 1, IMAGE1_KIND_DELTA, 0, 0 } }, "no content" },
    { "equal to a page that never came", { { 1, 5, 1, IMAGE1_KIND_SAME, 0, 4 } }, "did not come" },
    { "equal to a page of the last round", { { 1, 4, 1, IMAGE1_KIND_DATA, 0, 0 }, { 2, 5, 1, IMAGE1_KIND_SAME, 0, 4 } },
      "did not come" },
    { "equal to a page that comes later", { { 1, 5, 1, IMAGE1_KIND_SAME, 0, 4 }, { 1, 4, 1, IMAGE1_KIND_DATA, 0, 0 } },
      "did not come" },
    { "equal to an equal page", { { 1, 3, 1, IMAGE1_KIND_DATA, 0, 0 }, { 1, 4, 1, IMAGE1_KIND_SAME, 0, 3 },
                                  { 1, 5, 1, IMAGE1_KIND_SAME, 0, 4 } }, "did not come" },
    { "equal to a page of zeros", { { 1, 4, 1, IMAGE1_KIND_ZERO, 0, 0 }, { 1, 5, 1, IMAGE1_KIND_SAME, 0, 4 } },
      "did not come" },
    { "equal to a page beyond the guest", { { 1, 5, 1, IMAGE1_KIND_SAME, 0, FAKE_MAX_PAGES } }, "beyond" },
    { "memory of another round", { { 2, 5, 1, IMAGE1_KIND_ZERO, 0, 0 } }, "round" },
};

struct built {
    uint8_t octets[1 << 16];
    size_t len;
    uint32_t seq;
};

static void put_record(struct built *b, uint32_t type, const void *body, uint32_t length)
{
    b->len += image1_encode_small(b->octets + b->len, type, body, length, b->seq++);
}

static void put_round(struct built *b, uint32_t round, uint64_t pages, uint32_t flags)
{
    const struct image1_round r = { .round = round, .flags = flags, .pages = pages };
    uint8_t body[IMAGE1_ROUND_LEN];

    image1_encode_round(body, &r);
    put_record(b, IMAGE1_REC_ROUND, body, sizeof(body));
}

static void put_opening(struct built *b)
{
    const struct image1_domain domain = { STREAM_GUEST_X86_HVM, 4, 17 };
    uint8_t body[IMAGE1_DOMAIN_LEN], libxc[IMAGE1_LIBXC_HEAD_LEN];

    image1_encode_header(b->octets, IMAGE1_FEATURES_KNOWN & ~(IMAGE1_FEATURE_INDEX | IMAGE1_FEATURE_SEAL |
                                                              IMAGE1_FEATURE_DIGEST | IMAGE1_FEATURE_KEYED), 1);
    b->len = IMAGE1_HEADER_LEN;
    image1_encode_domain(body, &domain);
    put_record(b, IMAGE1_REC_DOMAIN, body, sizeof(body));
    image1_encode_libxc(libxc, STREAM_REC_STATIC_DATA_END);
    put_record(b, IMAGE1_REC_LIBXC, libxc, sizeof(libxc));
    put_round(b, 0, 0, 0);
}

static void put_pages(struct built *b, const struct page_spec *p)
{
    const struct image1_run run = { .pfn = p->pfn, .count = p->count, .kind = p->kind, .type = (uint8_t)p->type };
    struct image1_memory memory = { .round = p->round, .nr_runs = 1 };
    uint8_t *at = b->octets + b->len, *payload;
    size_t prefix;
    uint32_t padding;

    memory.raw_len = memory.payload_len = p->count * image1_kind_raw_min(p->kind);
    prefix = image1_encode_memory(at, &memory, &run, b->seq++);
    payload = at + prefix;
    memset(payload, p->kind == IMAGE1_KIND_DATA ? 7 : 0, memory.payload_len);
    if (p->kind == IMAGE1_KIND_SAME)
        stream_put_le64(payload, p->source);
    padding = image1_seal(at, image1_crc_begin(at, prefix + memory.payload_len));
    memset(payload + memory.payload_len, 0, padding);
    b->len += prefix + memory.payload_len + padding;
}

static void put_closing(struct built *b, uint32_t round, uint64_t pages)
{
    uint8_t state[IMAGE1_LIBXC_HEAD_LEN + FAKE_STATE_BYTES];

    put_round(b, round, pages, IMAGE1_ROUND_LAST);
    image1_encode_libxc(state, STREAM_REC_HVM_CONTEXT);
    memcpy(state + IMAGE1_LIBXC_HEAD_LEN, fake_state, FAKE_STATE_BYTES);
    put_record(b, IMAGE1_REC_LIBXC, state, sizeof(state));
    put_record(b, IMAGE1_REC_END, NULL, 0);
}

static void build(struct built *b, const struct page_spec *pages, unsigned nr)
{
    uint32_t round = 1;
    uint64_t in_round = 0;

    b->seq = 0;
    put_opening(b);
    for (unsigned i = 0; i < nr && pages[i].count; i++) {
        for (; i && round < pages[i].round; round++, in_round = 0)
            put_round(b, round, in_round, 0);
        put_pages(b, &pages[i]);
        in_round += pages[i].count;
    }
    put_closing(b, round, in_round);
}

START_TEST(a_hostile_image_is_refused)
{
    const struct hostile *h = &hostile_images[_i];
    struct built *b = malloc(sizeof(*b));
    struct xcsave_error error;

    build(b, h->pages, 3);
    ck_assert_msg(restore_octets(b->octets, b->len, &error) == -1, "%s", h->name);
    ck_assert_msg(strstr(error.text, h->expected), "%s: %s", h->name, error.text);
    free(b);
}
END_TEST

START_TEST(such_an_image_that_keeps_the_rules_is_taken)
{
    static const struct page_spec pages[3] = {
        { 1, 3, 2, IMAGE1_KIND_DATA, 0, 0 }, { 1, 5, 1, IMAGE1_KIND_SAME, 0, 4 }, { 2, 5, 1, IMAGE1_KIND_DELTA, 0, 0 },
    };
    struct built *b = malloc(sizeof(*b));
    struct xcsave_error error;

    build(b, pages, 3);
    ck_assert_msg(!restore_octets(b->octets, b->len, &error), "%s", error.text);
    free(b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("v1-hostile");
    TCase *tc = tcase_create("v1-hostile");

    signal(SIGPIPE, SIG_IGN);
    tcase_set_timeout(tc, 100);
    tcase_add_test(tc, a_flipped_bit_anywhere_is_found_before_the_guest_can_run);
    tcase_add_test(tc, an_image_cut_at_any_octet_is_refused);
    tcase_add_loop_test(tc, content_that_is_not_the_sources_is_found_by_the_digest, 0, 2);
    tcase_add_loop_test(tc, a_hostile_image_is_refused, 0, (int)(sizeof(hostile_images) / sizeof(hostile_images[0])));
    tcase_add_test(tc, such_an_image_that_keeps_the_rules_is_taken);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
