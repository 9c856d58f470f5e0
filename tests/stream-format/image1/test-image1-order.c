/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* image1.h: the order of a channel's records, and IMAGE-V1.md's examples, octet by octet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/run-suite.h"
#include "tests/stream-format/image1/assert-image1.h"
#include "tests/stream-format/build-image1.h"

/* ---- order -------------------------------------------------------------- */

/* A channel that has come as far as the phase. */
static struct image1_channel at_phase(enum image1_phase phase, uint16_t channel)
{
    struct image1_channel c;

    image1_channel_init(&c, channel, IMAGE1_FEATURES_KNOWN);
    c.phase = phase;
    c.domain_seen = c.key_seen = true;
    c.static_ended = phase != IMAGE1_PHASE_OPENING;
    c.round = phase != IMAGE1_PHASE_OPENING;
    return c;
}

static int take(struct image1_channel *c, uint32_t type)
{
    struct image1_record record = { .type = type, .seq = c->next_seq };

    return image1_channel_take(c, &record, &fault);
}

static const struct {
    enum image1_phase phase;
    uint16_t channel;
    uint32_t type;
    enum stream_fault_code code;
} orders[] = {
    { IMAGE1_PHASE_OPENING, 0, IMAGE1_REC_DOMAIN, STREAM_FAULT_DUPLICATE_RECORD },
    { IMAGE1_PHASE_OPENING, 0, IMAGE1_REC_LIBXC, STREAM_FAULT_NONE },
    { IMAGE1_PHASE_OPENING, 0, IMAGE1_REC_MEMORY, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_OPENING, 0, IMAGE1_REC_KEY, STREAM_FAULT_DUPLICATE_RECORD },
    { IMAGE1_PHASE_OPENING, 1, IMAGE1_REC_KEY, STREAM_FAULT_BAD_CHANNEL },
    { IMAGE1_PHASE_MEMORY, 0, IMAGE1_REC_KEY, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_OPENING, 0, IMAGE1_REC_ROUND, STREAM_FAULT_NONE },
    { IMAGE1_PHASE_OPENING, 0, IMAGE1_REC_DIGEST, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_OPENING, 0, IMAGE1_REC_END, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_OPENING, 1, IMAGE1_REC_MEMORY, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_OPENING, 1, IMAGE1_REC_ROUND, STREAM_FAULT_NONE },
    { IMAGE1_PHASE_OPENING, 1, STREAM_REC_OPTIONAL | 1, STREAM_FAULT_NONE },
    { IMAGE1_PHASE_OPENING, 0, IMAGE1_REC_EXTENTS, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_OPENING, 1, IMAGE1_REC_EXTENTS, STREAM_FAULT_BAD_CHANNEL },
    { IMAGE1_PHASE_MEMORY, 0, IMAGE1_REC_EXTENTS, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_MEMORY, 0, IMAGE1_REC_MEMORY, STREAM_FAULT_NONE },
    { IMAGE1_PHASE_MEMORY, 0, IMAGE1_REC_INDEX, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_MEMORY, 0, IMAGE1_REC_END, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_MEMORY, 1, IMAGE1_REC_LIBXC, STREAM_FAULT_BAD_CHANNEL },
    { IMAGE1_PHASE_MEMORY, 1, IMAGE1_REC_DOMAIN, STREAM_FAULT_BAD_CHANNEL },
    { IMAGE1_PHASE_CLOSING, 1, IMAGE1_REC_DIGEST, STREAM_FAULT_BAD_CHANNEL },
    { IMAGE1_PHASE_CLOSING, 1, IMAGE1_REC_INDEX, STREAM_FAULT_BAD_CHANNEL },
    { IMAGE1_PHASE_CLOSING, 1, IMAGE1_REC_END, STREAM_FAULT_NONE },
    { IMAGE1_PHASE_CLOSING, 0, IMAGE1_REC_MEMORY, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_CLOSING, 0, IMAGE1_REC_ROUND, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_CLOSING, 0, IMAGE1_REC_DIGEST, STREAM_FAULT_NONE },
    { IMAGE1_PHASE_CLOSING, 0, IMAGE1_REC_INDEX, STREAM_FAULT_NONE },
    { IMAGE1_PHASE_CLOSING, 0, IMAGE1_REC_END, STREAM_FAULT_MISSING_RECORD },
    { IMAGE1_PHASE_ENDED, 0, IMAGE1_REC_END, STREAM_FAULT_OUT_OF_ORDER },
    { IMAGE1_PHASE_ENDED, 0, STREAM_REC_OPTIONAL, STREAM_FAULT_OUT_OF_ORDER },
};

START_TEST(order_of_records)
{
    struct image1_channel c = at_phase(orders[_i].phase, orders[_i].channel);

    fault.code = STREAM_FAULT_NONE;
    ck_assert_int_eq(take(&c, orders[_i].type), orders[_i].code ? -1 : 0);
    ck_assert_str_eq(stream_fault_name(fault.code), stream_fault_name(orders[_i].code));
}
END_TEST

START_TEST(domain_comes_first)
{
    struct image1_channel c;

    image1_channel_init(&c, 0, IMAGE1_FEATURES_KNOWN);
    ck_assert_int_eq(take(&c, STREAM_REC_OPTIONAL | 9), 0);
    ASSERT_FAULT(take(&c, IMAGE1_REC_LIBXC), OUT_OF_ORDER, 0);
}
END_TEST

START_TEST(records_count_up)
{
    struct image1_channel c = at_phase(IMAGE1_PHASE_MEMORY, 0);
    struct image1_record record = { .type = IMAGE1_REC_MEMORY, .seq = UINT32_MAX };

    c.next_seq = UINT32_MAX;
    ASSERT_OK(image1_channel_take(&c, &record, &fault));
    ASSERT_FAULT(image1_channel_take(&c, &record, &fault), BAD_SEQUENCE, 8);
    record.seq = 0;
    ASSERT_OK(image1_channel_take(&c, &record, &fault));
}
END_TEST

START_TEST(digest_and_index_come_once_and_when_announced)
{
    struct image1_channel c = at_phase(IMAGE1_PHASE_CLOSING, 0);

    ASSERT_OK(take(&c, IMAGE1_REC_DIGEST));
    ASSERT_FAULT(take(&c, IMAGE1_REC_DIGEST), DUPLICATE_RECORD, 0);
    ASSERT_FAULT(take(&c, IMAGE1_REC_END), MISSING_RECORD, 0);
    ASSERT_OK(take(&c, IMAGE1_REC_INDEX));
    ASSERT_OK(take(&c, IMAGE1_REC_END));
    c = at_phase(IMAGE1_PHASE_CLOSING, 0);
    c.features = 0;
    ASSERT_FAULT(take(&c, IMAGE1_REC_DIGEST), BAD_FEATURE, 0);
    ASSERT_FAULT(take(&c, IMAGE1_REC_INDEX), BAD_FEATURE, 0);
}
END_TEST

START_TEST(rounds_follow_each_other_and_count_their_pages)
{
    struct image1_channel c = at_phase(IMAGE1_PHASE_MEMORY, 1);
    struct image1_memory m = { .round = 1 };
    struct image1_tally tally = { .nr_pages = 5 };

    ASSERT_OK(image1_channel_memory(&c, &m, &tally, &fault));
    m.round = 2;
    ASSERT_FAULT(image1_channel_memory(&c, &m, &tally, &fault), BAD_ROUND, 0);
    ASSERT_FAULT(image1_channel_round(&c, &(struct image1_round){ 2, 0, 5 }, &fault), BAD_ROUND, 0);
    ASSERT_FAULT(image1_channel_round(&c, &(struct image1_round){ 1, 0, 4 }, &fault), BAD_COUNT, 8);
    ASSERT_OK(image1_channel_round(&c, &(struct image1_round){ 1, 0, 5 }, &fault));
    ASSERT_OK(image1_channel_memory(&c, &m, &tally, &fault));
    ASSERT_OK(image1_channel_round(&c, &(struct image1_round){ 2, 1, 5 }, &fault));
    ck_assert_int_eq(c.phase, IMAGE1_PHASE_CLOSING);
}
END_TEST

START_TEST(key_comes_once_when_announced_and_before_all_memory)
{
    struct image1_channel c = at_phase(IMAGE1_PHASE_OPENING, 0);

    c.static_ended = true;
    c.key_seen = false;
    ASSERT_FAULT(image1_channel_round(&c, &(struct image1_round){ 0, 0, 0 }, &fault), MISSING_RECORD, 0);
    ASSERT_OK(take(&c, IMAGE1_REC_KEY));
    ASSERT_FAULT(take(&c, IMAGE1_REC_KEY), DUPLICATE_RECORD, 0);
    ASSERT_OK(image1_channel_round(&c, &(struct image1_round){ 0, 0, 0 }, &fault));
    c = at_phase(IMAGE1_PHASE_OPENING, 0);
    c.key_seen = false;
    c.features = 0;
    ASSERT_FAULT(take(&c, IMAGE1_REC_KEY), BAD_FEATURE, 0);
}
END_TEST

START_TEST(round_0_needs_static_data_and_is_not_the_last)
{
    struct image1_channel c = at_phase(IMAGE1_PHASE_OPENING, 0);

    ASSERT_FAULT(image1_channel_round(&c, &(struct image1_round){ 0, 0, 0 }, &fault), MISSING_RECORD, 0);
    ASSERT_FAULT(image1_channel_libxc(&c, STREAM_REC_X86_PV_P2M_FRAMES, &fault), OUT_OF_ORDER, 0);
    ASSERT_OK(image1_channel_libxc(&c, STREAM_REC_STATIC_DATA_END, &fault));
    ASSERT_FAULT(image1_channel_libxc(&c, STREAM_REC_X86_CPUID_POLICY, &fault), OUT_OF_ORDER, 0);
    ASSERT_FAULT(image1_channel_libxc(&c, STREAM_REC_HVM_CONTEXT, &fault), OUT_OF_ORDER, 0);
    ASSERT_FAULT(image1_channel_round(&c, &(struct image1_round){ 0, 1, 0 }, &fault), BAD_FLAGS, 4);
    ASSERT_OK(image1_channel_libxc(&c, STREAM_REC_X86_PV_P2M_FRAMES, &fault));
    ASSERT_OK(image1_channel_round(&c, &(struct image1_round){ 0, 0, 0 }, &fault));
    ASSERT_OK(image1_channel_libxc(&c, STREAM_REC_X86_PV_P2M_FRAMES, &fault));
    ASSERT_FAULT(image1_channel_libxc(&c, STREAM_REC_HVM_CONTEXT, &fault), OUT_OF_ORDER, 0);
    ASSERT_OK(image1_channel_round(&c, &(struct image1_round){ 1, 1, 0 }, &fault));
    ASSERT_FAULT(image1_channel_libxc(&c, STREAM_REC_X86_PV_P2M_FRAMES, &fault), OUT_OF_ORDER, 0);
    ASSERT_OK(image1_channel_libxc(&c, STREAM_REC_HVM_CONTEXT, &fault));
}
END_TEST

/* ---- the examples of IMAGE-V1.md ---------------------------------------- */

static void put_hex(struct bytes *b, const char *text)
{
    unsigned int octet;
    int used;

    for (; sscanf(text, " %2x%n", &octet, &used) == 1; text += used) {
        uint8_t byte = (uint8_t)octet;

        put_raw(b, &byte, 1);
    }
}

/* The octets of the block that begins with this fence. */
static struct bytes read_example(const char *fence)
{
    const char *srcdir = getenv("XLMIG_SRCDIR");
    struct bytes b = { 0 };
    bool inside = false;
    char text[1024];
    FILE *file;

    snprintf(text, sizeof(text), "%s/stream-format/IMAGE-V1.md", srcdir ? srcdir : ".");
    file = fopen(text, "r");
    ck_assert_msg(file != NULL, "cannot open %s", text);
    while (fgets(text, sizeof(text), file)) {
        if (!strncmp(text, "```", 3)) {
            inside = !strcmp(text, fence);
        } else if (inside) {
            text[strcspn(text, ";")] = '\0';
            put_hex(&b, text);
        }
    }
    fclose(file);
    return b;
}

START_TEST(example_of_an_image)
{
    struct bytes example = read_example("```hex\n"), made = { 0 };

    put_v1_small_image(&made);
    ck_assert_uint_eq(example.len, made.len);
    ck_assert_mem_eq(example.data, made.data, made.len);
    bytes_free(&example);
    bytes_free(&made);
}
END_TEST

START_TEST(example_of_a_channel_header)
{
    struct bytes example = read_example("```hex-channel\n");
    uint8_t token[IMAGE1_TOKEN_LEN], made[IMAGE1_CHANNEL_HEADER_LEN];

    for (uint8_t i = 0; i < IMAGE1_TOKEN_LEN; i++)
        token[i] = i;
    image1_encode_channel_header(made, 1, token);
    ck_assert_uint_eq(example.len, sizeof(made));
    ck_assert_mem_eq(example.data, made, sizeof(made));
    bytes_free(&example);
}
END_TEST

START_TEST(example_of_a_trailer)
{
    struct bytes example = read_example("```hex-trailer\n");
    struct image1_trailer trailer = { .index_offset = 800, .file_len = 1000, .image_offset = 77 };
    uint8_t made[IMAGE1_TRAILER_LEN];

    image1_encode_trailer(made, &trailer);
    ck_assert_uint_eq(example.len, sizeof(made));
    ck_assert_mem_eq(example.data, made, sizeof(made));
    bytes_free(&example);
}
END_TEST

START_TEST(example_of_a_seal)
{
    struct bytes example = read_example("```hex-seal\n");
    struct image1_seal seal = { .before_len = 77, .after_len = 8, .outer_crc = 42 }, decoded;
    uint8_t made[IMAGE1_SEAL_LEN];

    image1_encode_seal(made, &seal);
    ck_assert_uint_eq(example.len, sizeof(made));
    ck_assert_mem_eq(example.data, made, sizeof(made));
    ck_assert_int_eq(image1_decode_seal(made, &decoded, &fault), 0);
    ck_assert(decoded.before_len == 77 && decoded.after_len == 8 && decoded.outer_crc == 42);
    bytes_free(&example);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("image1 order");
    TCase *tcase;

    tcase = tcase_create("order");
    tcase_add_loop_test(tcase, order_of_records, 0, LEN(orders));
    tcase_add_test(tcase, domain_comes_first);
    tcase_add_test(tcase, records_count_up);
    tcase_add_test(tcase, digest_and_index_come_once_and_when_announced);
    tcase_add_test(tcase, rounds_follow_each_other_and_count_their_pages);
    tcase_add_test(tcase, key_comes_once_when_announced_and_before_all_memory);
    tcase_add_test(tcase, round_0_needs_static_data_and_is_not_the_last);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("specification");
    tcase_add_test(tcase, example_of_an_image);
    tcase_add_test(tcase, example_of_a_channel_header);
    tcase_add_test(tcase, example_of_a_trailer);
    tcase_add_test(tcase, example_of_a_seal);
    suite_add_tcase(suite, tcase);

    return run_suite(suite);
}
