/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The reader: what it accepts, what it refuses and where, and that it does not
 * matter how the bytes are cut. */
#include <stdlib.h>
#include <string.h>

#include "tests/run-suite.h"
#include "tests/stream-format/build-image1.h"
#include "tests/stream-format/negatives.h"
#include "tests/stream-format/run.h"

static void expect_valid(struct bytes *b)
{
    struct outcome out = run(b->data, b->len, 0);

    ck_assert_msg(out.fault.code == STREAM_FAULT_NONE, "%s in %s at %llu: expected %s, found %s",
                  stream_fault_name(out.fault.code), out.fault.record,
                  (unsigned long long)out.fault.offset, out.fault.expected, out.fault.found);
    bytes_free(b);
}

/* ---- accepted ---------------------------------------------------------- */

START_TEST(accepts_saved_pv)
{
    struct bytes b = { 0 };

    put_saved_pv(&b);
    expect_valid(&b);
}
END_TEST

START_TEST(accepts_saved_hvm)
{
    struct bytes b = { 0 };

    put_saved_hvm(&b);
    expect_valid(&b);
}
END_TEST

START_TEST(accepts_bare_images)
{
    for (uint32_t version = 2; version <= 3; version++) {
        struct bytes pv = { 0 }, hvm = { 0 };

        put_pv_image(&pv, version);
        expect_valid(&pv);
        put_hvm_image(&hvm, version);
        expect_valid(&hvm);
    }
}
END_TEST

START_TEST(accepts_big_endian)
{
    struct bytes pv = { .big_endian = true }, hvm = { .big_endian = true };

    put_saved_pv(&pv);
    expect_valid(&pv);
    put_saved_hvm(&hvm);
    expect_valid(&hvm);
}
END_TEST

START_TEST(accepts_32bit_pv)
{
    struct bytes b = { 0 };

    put_image_headers(&b, 3, STREAM_GUEST_X86_PV);
    put_pv_info(&b, 4, 3);
    put_empty_record(&b, STREAM_REC_STATIC_DATA_END);
    put_p2m_frames(&b, 2047, 1024);
    put_pages(&b, 0, 2, STREAM_PAGE_NOTAB);
    put_pages(&b, 2047, 1, STREAM_PAGE_L3TAB | STREAM_PAGE_LPINNED);
    put_shared_info(&b);
    put_vcpu(&b, STREAM_REC_X86_PV_VCPU_BASIC, 0, STREAM_VCPU_BASIC_X86_32);
    put_empty_record(&b, STREAM_REC_END);
    expect_valid(&b);
}
END_TEST

START_TEST(accepts_xl_without_configuration)
{
    struct bytes b = { 0 };

    put_xl_header(&b, STREAM_XL_FLAG_STREAMV2, NULL);
    put_libxl_header(&b, 0);
    put_empty_record(&b, STREAM_LIBXL_REC_LIBXC_CONTEXT);
    put_hvm_image(&b, 3);
    put_empty_record(&b, STREAM_LIBXL_REC_END);
    expect_valid(&b);
}
END_TEST

START_TEST(skips_optional_records)
{
    struct bytes b = { 0 };
    size_t start;

    put_libxl_header(&b, 0);
    start = begin_record(&b, STREAM_REC_OPTIONAL | 7);
    put_raw(&b, "anything", 5);
    end_record(&b, start);
    put_empty_record(&b, STREAM_LIBXL_REC_LIBXC_CONTEXT);
    put_hvm_static(&b, 3);
    start = begin_record(&b, UINT32_MAX);
    put_zeros(&b, 100000);
    end_record(&b, start);
    put_pages(&b, 0, 1, STREAM_PAGE_NOTAB);
    put_hvm_state(&b);
    put_empty_record(&b, STREAM_REC_END);
    put_empty_record(&b, STREAM_LIBXL_REC_END);
    expect_valid(&b);
}
END_TEST

/* Xen 4.6 to 4.8 could send these without content; they mean nothing. */
START_TEST(accepts_errata_of_empty_records)
{
    struct bytes hvm = { 0 }, pv = { 0 };

    put_hvm_static(&hvm, 2);
    put_pages(&hvm, 0, 1, STREAM_PAGE_NOTAB);
    put_hvm_params(&hvm, 0);
    put_hvm_context(&hvm);
    put_empty_record(&hvm, STREAM_REC_END);
    expect_valid(&hvm);

    put_pv_static(&pv, 2);
    put_pv_memory(&pv);
    put_vcpu(&pv, STREAM_REC_X86_PV_VCPU_EXTENDED, 0, 0);
    put_vcpu(&pv, STREAM_REC_X86_PV_VCPU_XSAVE, 0, 0);
    put_vcpu(&pv, STREAM_REC_X86_PV_VCPU_MSRS, 0, 0);
    put_pv_state(&pv);
    put_empty_record(&pv, STREAM_REC_END);
    expect_valid(&pv);
}
END_TEST

/* Xen writes HVM_CONTEXT before HVM_PARAMS; its specification wants the other order. */
START_TEST(accepts_params_before_and_after_context)
{
    struct bytes b = { 0 };

    put_hvm_static(&b, 3);
    put_pages(&b, 0, 1, STREAM_PAGE_NOTAB);
    put_hvm_params(&b, 1);
    put_hvm_context(&b);
    put_empty_record(&b, STREAM_REC_END);
    expect_valid(&b);
}
END_TEST

START_TEST(accepts_verify_and_p2m_growth)
{
    struct bytes b = { 0 };

    put_pv_static(&b, 3);
    put_pv_memory(&b);
    put_p2m_frames(&b, 2047, 512);
    put_pages(&b, 2, 2, STREAM_PAGE_NOTAB);
    put_pages(&b, 2047, 1, STREAM_PAGE_NOTAB);
    put_empty_record(&b, STREAM_REC_VERIFY);
    put_pages(&b, 0, 2, STREAM_PAGE_NOTAB);
    put_pv_state(&b);
    put_empty_record(&b, STREAM_REC_END);
    expect_valid(&b);
}
END_TEST

START_TEST(accepts_bare_checkpointed_image)
{
    struct bytes b = { 0 };

    put_pv_static(&b, 3);
    put_pv_memory(&b);
    put_pv_state(&b);
    put_empty_record(&b, STREAM_REC_CHECKPOINT);
    put_pages(&b, 1, 1, STREAM_PAGE_NOTAB);
    put_pv_state(&b);
    put_empty_record(&b, STREAM_REC_CHECKPOINT);
    put_empty_record(&b, STREAM_REC_END);
    expect_valid(&b);
}
END_TEST

static void put_remus(struct bytes *b)
{
    put_libxl_header(b, 0);
    put_empty_record(b, STREAM_LIBXL_REC_LIBXC_CONTEXT);
    put_pv_static(b, 3);
    put_pv_memory(b);
    put_pv_state(b);
    put_empty_record(b, STREAM_REC_CHECKPOINT);
    put_empty_record(b, STREAM_LIBXL_REC_CHECKPOINT_END);
}

START_TEST(accepts_checkpoints_within_libxl)
{
    struct bytes b = { 0 };

    put_remus(&b);
    put_pages(&b, 1, 1, STREAM_PAGE_NOTAB);
    put_pv_state(&b);
    put_empty_record(&b, STREAM_REC_END);
    put_empty_record(&b, STREAM_LIBXL_REC_END);
    expect_valid(&b);
}
END_TEST

/* What is written with the encoders of the headers alone. */
START_TEST(encoders_make_a_valid_stream)
{
    static const char config[] = "{ \"c_info\": {} }";
    struct bytes b = { 0 };
    uint8_t preamble[STREAM_XL_PREAMBLE_LEN], libxl[16], image[24], domain[16], record[8];
    uint8_t emulator[16];

    stream_encode_xl_preamble(preamble, 0, sizeof(config));
    put_raw(&b, preamble, sizeof(preamble));
    put_raw(&b, config, sizeof(config));
    stream_encode_libxl_header(libxl);
    put_raw(&b, libxl, sizeof(libxl));
    stream_encode_record_header(record, STREAM_LIBXL_REC_LIBXC_CONTEXT, 0);
    put_raw(&b, record, sizeof(record));
    stream_encode_image_header(image, STREAM_IMAGE_VERSION);
    put_raw(&b, image, sizeof(image));
    stream_encode_domain_header(domain, STREAM_GUEST_X86_HVM, 4, 17);
    put_raw(&b, domain, sizeof(domain));
    stream_encode_record_header(record, STREAM_REC_STATIC_DATA_END, 0);
    put_raw(&b, record, sizeof(record));
    put_pages(&b, 0, 1, STREAM_PAGE_NOTAB);
    put_hvm_state(&b);
    stream_encode_record_header(record, STREAM_REC_END, 0);
    put_raw(&b, record, sizeof(record));
    stream_encode_emulator_record(emulator, STREAM_LIBXL_REC_EMULATOR_CONTEXT,
                                  STREAM_EMULATOR_QEMU_UPSTREAM, 0, 16);
    put_raw(&b, emulator, sizeof(emulator));
    put_raw(&b, "QEVM and so on..", 16);
    stream_encode_record_header(record, STREAM_LIBXL_REC_END, 0);
    put_raw(&b, record, sizeof(record));
    expect_valid(&b);
}
END_TEST

/* Type 5 in both layers, told apart by its length. */
START_TEST(tells_checkpoint_state_from_vcpu_extended)
{
    struct bytes b = { 0 };
    size_t start;

    put_remus(&b);
    start = begin_record(&b, STREAM_LIBXL_REC_CHECKPOINT_STATE);
    put_u32(&b, STREAM_CHECKPOINT_NEW);
    end_record(&b, start);
    put_vcpu(&b, STREAM_REC_X86_PV_VCPU_EXTENDED, 7, 100);
    put_pv_state(&b);
    put_empty_record(&b, STREAM_REC_END);
    put_empty_record(&b, STREAM_LIBXL_REC_END);
    expect_valid(&b);
}
END_TEST

START_TEST(names_the_checkpoint_before_a_cut)
{
    struct bytes b = { 0 };
    struct outcome out;

    put_remus(&b);
    out = run(b.data, b.len, 0);
    ck_assert_int_eq(out.fault.code, STREAM_FAULT_TRUNCATED);
    ck_assert_ptr_nonnull(strstr(out.fault.found, "complete checkpoint"));
    bytes_free(&b);
}
END_TEST

/* ---- refused ----------------------------------------------------------- */

START_TEST(refuses)
{
    const struct negative *negative = &negatives[_i];
    struct bytes b = { 0 };
    struct outcome whole, single;

    negative->make(&b);
    whole = run(b.data, b.len, 0);
    single = run(b.data, b.len, 1);
    ck_assert_str_eq(stream_fault_name(whole.fault.code), stream_fault_name(negative->code));
    if (negative->record)
        ck_assert_str_eq(whole.fault.record, negative->record);
    else
        ck_assert_ptr_null(whole.fault.record);
    ck_assert_int_eq((int)(whole.fault.offset - whole.fault.record_offset), negative->field);
    ck_assert_str_ne(whole.fault.expected, "");
    ck_assert_str_ne(whole.fault.found, "");
    ck_assert_mem_eq(&whole.fault, &single.fault, sizeof(whole.fault));
    bytes_free(&b);
}
END_TEST

START_TEST(every_fault_has_a_negative)
{
    for (int code = STREAM_FAULT_NONE + 1; code < STREAM_NR_FAULTS; code++) {
        bool found = false;

        if (code == STREAM_FAULT_NO_MEMORY)
            continue;
        for (unsigned int i = 0; i < nr_negatives; i++)
            found |= negatives[i].code == (enum stream_fault_code)code;
        ck_assert_msg(found, "no stream with %s", stream_fault_name(code));
    }
}
END_TEST

/* ---- however the bytes come -------------------------------------------- */

START_TEST(cuts_do_not_matter)
{
    static const size_t pieces[] = { 1, 2, 3, 7, 8, 13, 64, 4095, 4097 };
    struct bytes b = { 0 };
    struct outcome whole;

    (_i ? put_saved_hvm : put_saved_pv)(&b);
    whole = run(b.data, b.len, 0);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct outcome cut = run(b.data, b.len, pieces[i]);

        ck_assert_int_eq(cut.fault.code, STREAM_FAULT_NONE);
        ck_assert(cut.digest == whole.digest);
        ck_assert_mem_eq(cut.events, whole.events, sizeof(cut.events));
    }
    bytes_free(&b);
}
END_TEST

START_TEST(every_truncation_is_found)
{
    struct bytes b = { 0 };

    (_i ? put_saved_hvm : put_saved_pv)(&b);
    for (size_t len = 0; len < b.len; len++) {
        struct outcome out = run(b.data, len, 0);

        ck_assert_msg(out.fault.code == STREAM_FAULT_TRUNCATED && out.fault.offset == len,
                      "%zu of %zu bytes: %s at %llu", len, b.len,
                      stream_fault_name(out.fault.code), (unsigned long long)out.fault.offset);
    }
    bytes_free(&b);
}
END_TEST

/* ---- xlmig images -------------------------------------------------------- */

static void (*const v1_images[])(struct bytes *b) = {
    put_v1_small_image, put_v1_live_image, put_v1_pv_image, put_v1_file_image, put_v1_saved_hvm,
};
#define NR_V1_IMAGES (int)(sizeof(v1_images) / sizeof(v1_images[0]))

START_TEST(accepts_v1_images)
{
    struct bytes b = { 0 };

    v1_images[_i](&b);
    expect_valid(&b);
}
END_TEST

START_TEST(cuts_of_v1_images_do_not_matter)
{
    static const size_t pieces[] = { 1, 3, 8, 13, 4095, 4097 };
    struct bytes b = { 0 };
    struct outcome whole;

    v1_images[_i](&b);
    whole = run(b.data, b.len, 0);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct outcome cut = run(b.data, b.len, pieces[i]);

        ck_assert_int_eq(cut.fault.code, STREAM_FAULT_NONE);
        ck_assert(cut.digest == whole.digest);
    }
    bytes_free(&b);
}
END_TEST

/* Pages make an image long, and their octets are all alike: a large one is cut at every seventh. */
START_TEST(every_truncation_of_a_v1_image_is_found)
{
    struct bytes b = { 0 };

    v1_images[_i](&b);
    for (size_t len = 0; len < b.len; len += b.len < 4096 ? 1 : 7) {
        struct outcome out = run(b.data, len, 0);

        ck_assert_msg(out.fault.code == STREAM_FAULT_TRUNCATED && out.fault.offset == len, "%zu of %zu bytes: %s at %llu",
                      len, b.len, stream_fault_name(out.fault.code), (unsigned long long)out.fault.offset);
    }
    bytes_free(&b);
}
END_TEST

/* Not of the layers around it: they have no checksums. */
START_TEST(every_flipped_bit_of_a_v1_image_is_found)
{
    struct bytes b = { 0 };
    size_t step;

    v1_images[_i](&b);
    /* All bits of a small image; of a large one, one of every third byte. */
    step = b.len < 4096 ? 1 : 25;
    for (size_t bit = 0; bit < b.len * 8; bit += step) {
        struct outcome out;

        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        out = run(b.data, b.len, 0);
        ck_assert_msg(out.fault.code != STREAM_FAULT_NONE, "bit %zu of byte %zu", bit % 8, bit / 8);
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    bytes_free(&b);
}
END_TEST

START_TEST(accepts_v1_header_of_a_later_version)
{
    static const uint8_t more[8] = { 1, 2, 3, 4 };
    struct bytes image = { 0 }, b = { 0 };

    put_v1_live_image(&image);
    put_raw(&b, image.data, 28);
    put_raw(&b, more, sizeof(more));
    put_zeros(&b, 4);
    stream_put_le16(b.data + 8, 2);
    stream_put_le32(b.data + 12, 40);
    stream_put_le32(b.data + 36, crc32c(0, b.data, 36));
    put_raw(&b, image.data + 32, image.len - 32);
    bytes_free(&image);
    expect_valid(&b);
}
END_TEST

START_TEST(says_whether_the_digest_was_compared)
{
    struct stream_reader_config config = { .start = STREAM_START_AUTO };

    for (int i = 0; i < NR_V1_IMAGES; i++) {
        struct stream_reader *reader = stream_reader_new(&config);
        struct bytes b = { 0 };
        bool deltas = v1_images[i] == put_v1_live_image || v1_images[i] == put_v1_small_image;

        v1_images[i](&b);
        ck_assert_int_eq(stream_reader_push(reader, b.data, b.len), 0);
        ck_assert_int_eq(stream_reader_digest_checked(reader), !deltas);
        stream_reader_free(reader);
        bytes_free(&b);
    }
}
END_TEST

START_TEST(fault_is_final)
{
    struct stream_reader_config config = { .start = STREAM_START_LIBXC };
    struct stream_reader *reader = stream_reader_new(&config);
    struct stream_fault first;
    uint8_t zeros[64] = { 0 };

    ck_assert_int_eq(stream_reader_push(reader, zeros, sizeof(zeros)), -1);
    first = *stream_reader_fault(reader);
    ck_assert_int_eq(first.code, STREAM_FAULT_BAD_MAGIC);
    ck_assert_int_eq(stream_reader_push(reader, zeros, sizeof(zeros)), -1);
    ck_assert_int_eq(stream_reader_end(reader), -1);
    ck_assert_mem_eq(&first, stream_reader_fault(reader), sizeof(first));
    stream_reader_free(reader);
}
END_TEST

/* ---- thrown dice ------------------------------------------------------- */

/* Flipped bytes must neither crash nor hang, and the pieces must not matter.
 * TEST_SEED replays a run. */
START_TEST(flipped_bytes)
{
    const char *given = getenv("TEST_SEED");
    unsigned int seed = given ? (unsigned int)strtoul(given, NULL, 0)
                              : (unsigned int)(0x9e3779b9u * (unsigned int)(_i + 1));
    struct bytes b = { 0 };

    (_i ? put_saved_hvm : put_saved_pv)(&b);
    for (unsigned int round = 0; round < 2000; round++) {
        struct outcome whole, cut;
        size_t at[3];
        uint8_t was[3];

        for (int i = 0; i < 3; i++) {
            at[i] = (size_t)rand_r(&seed) % (i ? 400 : b.len);
            was[i] = b.data[at[i]];
            b.data[at[i]] ^= (uint8_t)(1u << (rand_r(&seed) % 8));
        }
        whole = run(b.data, b.len, 0);
        cut = run(b.data, b.len, 1 + (size_t)rand_r(&seed) % 5000);
        ck_assert_msg(whole.fault.code == cut.fault.code && whole.fault.offset == cut.fault.offset,
                      "TEST_SEED=%u, round %u", seed, round);
        for (int i = 2; i >= 0; i--)
            b.data[at[i]] = was[i];
    }
    bytes_free(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader");
    TCase *accepted = tcase_create("accepted");
    TCase *refused = tcase_create("refused");
    TCase *pieces = tcase_create("pieces");
    TTest *named = calloc(nr_negatives, sizeof(*named));
    int failed;

    if (!named)
        abort();
    tcase_add_test(accepted, accepts_saved_pv);
    tcase_add_test(accepted, accepts_saved_hvm);
    tcase_add_test(accepted, accepts_bare_images);
    tcase_add_test(accepted, accepts_big_endian);
    tcase_add_test(accepted, accepts_32bit_pv);
    tcase_add_test(accepted, accepts_xl_without_configuration);
    tcase_add_test(accepted, skips_optional_records);
    tcase_add_test(accepted, accepts_errata_of_empty_records);
    tcase_add_test(accepted, accepts_params_before_and_after_context);
    tcase_add_test(accepted, accepts_verify_and_p2m_growth);
    tcase_add_test(accepted, accepts_bare_checkpointed_image);
    tcase_add_test(accepted, accepts_checkpoints_within_libxl);
    tcase_add_test(accepted, encoders_make_a_valid_stream);
    tcase_add_test(accepted, tells_checkpoint_state_from_vcpu_extended);
    tcase_add_test(accepted, names_the_checkpoint_before_a_cut);
    suite_add_tcase(suite, accepted);

    /* Each under its own name. */
    for (unsigned int i = 0; i < nr_negatives; i++) {
        named[i] = *refuses;
        named[i].name = negatives[i].name;
        tcase_add_loop_test(refused, &named[i], (int)i, (int)i + 1);
    }
    tcase_add_test(refused, every_fault_has_a_negative);
    suite_add_tcase(suite, refused);

    tcase_set_timeout(pieces, 60);
    tcase_add_loop_test(pieces, cuts_do_not_matter, 0, 2);
    tcase_add_loop_test(pieces, every_truncation_is_found, 0, 2);
    tcase_add_loop_test(accepted, accepts_v1_images, 0, NR_V1_IMAGES);
    tcase_add_test(accepted, accepts_v1_header_of_a_later_version);
    tcase_add_test(accepted, says_whether_the_digest_was_compared);
    tcase_add_loop_test(pieces, cuts_of_v1_images_do_not_matter, 0, NR_V1_IMAGES);
    tcase_add_loop_test(pieces, every_truncation_of_a_v1_image_is_found, 0, NR_V1_IMAGES);
    tcase_add_loop_test(pieces, every_flipped_bit_of_a_v1_image_is_found, 0, NR_V1_IMAGES - 1);
    tcase_add_test(pieces, fault_is_final);
    tcase_add_loop_test(pieces, flipped_bytes, 0, 2);
    suite_add_tcase(suite, pieces);

    failed = run_suite(suite);
    free(named);
    return failed;
}
