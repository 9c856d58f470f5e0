/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * One table, one verdict: each stream of negatives.def whose fault is in its image is given to the engine as libxl would
 * give it, from the image header on. It must refuse it, too. What it may pass is named here, with the reason.
 */
#include <check.h>
#include <string.h>
#include <unistd.h>

#include "stream-format/image1/image1.h"
#include "tests/libxcsave/engine-case.h"
#include "tests/run-suite.h"
#include "tests/stream-format/build-image1.h"
#include "tests/stream-format/negatives.h"

/* What no engine sees, or need not mind. */
static const struct {
    const char *name, *why;
} lenient[] = {
    { "v1_index_of_other_offset", "the index is for who looks for one page of a file" },
    { "v1_index_entry_lost", "the same" },
    { "v1_index_count", "the same" },
    { "config_of_pv_image_of_hvm", "xl and libxl read the configuration" },
    { "config_of_pvh_image_of_pv", "the same" },
    { "config_with_fewer_vcpus", "the same; Xen knows how many the domain has" },
    { "config_with_fewer_vcpus_than_the_context", "the same" },
    { "checkpoint_second_incomplete", "the engine refuses every checkpoint, the first one, too" },
};

static bool is_lenient(const struct negative *negative)
{
    for (size_t i = 0; i < sizeof(lenient) / sizeof(lenient[0]); i++)
        if (!strcmp(lenient[i].name, negative->name))
            return true;
    /* The descriptor goes back to libxl with the image's END. */
    if (negative->code == STREAM_FAULT_TRAILING_DATA)
        return true;
    return negative->record && (!strcmp(negative->record, "TRAILER") || !strcmp(negative->record, "SEAL"));
}

struct found {
    bool has_image, is_pv;
    uint64_t image_at;
};

static void look(void *opaque, const struct stream_event *event)
{
    struct found *found = opaque;
    bool is_header = event->kind == STREAM_EVENT_HEADER;

    if (is_header && (event->info->id == STREAM_ID_LIBXC_IMAGE_HEADER || event->info->id == STREAM_ID_V1_IMAGE_HEADER)) {
        found->has_image = true;
        found->image_at = event->offset;
    }
    if ((is_header && event->info->id == STREAM_ID_LIBXC_DOMAIN_HEADER) ||
        (event->kind == STREAM_EVENT_HEAD && event->info->id == STREAM_ID_V1_DOMAIN))
        found->is_pv = stream_get_u32(event->data, event->big_endian) == STREAM_GUEST_X86_PV;
}

/* The engine's verdict of the octets from there on. */
static int restore_from(const struct bytes *b, const struct found *found, struct xcsave_error *error)
{
    struct restore_case to = { .guest = fake_guest_new_empty(), .fd = memory_file() };

    to.guest->type = found->is_pv ? STREAM_GUEST_X86_PV : STREAM_GUEST_X86_HVM;
    to.guest->takes_any_record = true;
    ck_assert_int_eq(pwrite(to.fd, b->data + found->image_at, b->len - found->image_at, 0),
                     (ssize_t)(b->len - found->image_at));
    run_restore(&to);
    ck_assert_uint_eq(to.guest->mapped, 0);
    ck_assert(to.rc || to.guest->completed);
    *error = to.error;
    close(to.fd);
    fake_guest_free(to.guest);
    return to.rc;
}

START_TEST(what_verify_refuses_in_an_image_the_engine_refuses)
{
    const struct negative *negative = &negatives[_i];
    struct found found = { .has_image = false };
    const struct stream_reader_config config = { .event = look, .opaque = &found };
    struct stream_reader *reader = stream_reader_new(&config);
    struct xcsave_error error;
    struct bytes b = { 0 };

    negative->make(&b);
    (void)(stream_reader_push(reader, b.data, b.len) || stream_reader_end(reader));
    if (found.has_image && stream_reader_fault(reader)->offset >= found.image_at &&
        stream_reader_fault(reader)->layer >= STREAM_LAYER_LIBXC && !is_lenient(negative)) {
        ck_assert_msg(restore_from(&b, &found, &error) == -1, "%s makes a guest", negative->name);
        /* Many of these end behind their fault: that it is refused for what is wrong, its name shows. */
        ck_assert_msg(stream_reader_fault(reader)->layer != STREAM_LAYER_LIBXC || negative->code == STREAM_FAULT_TRUNCATED ||
                          strstr(error.text, stream_fault_name(negative->code)),
                      "%s: %s", negative->name, error.text);
    }
    stream_reader_free(reader);
    bytes_free(&b);
}
END_TEST

/* And what is in such an image before that is no reason: the same without a fault is taken. */
START_TEST(an_image_that_is_right_is_taken)
{
    static void (*const makers[])(struct bytes *b) = { put_v1_pv_image, put_saved_pv };
    struct found found = { .has_image = false };
    const struct stream_reader_config config = { .event = look, .opaque = &found };
    struct stream_reader *reader = stream_reader_new(&config);
    struct xcsave_error error;
    struct bytes b = { 0 };

    makers[_i](&b);
    ck_assert_int_eq(stream_reader_push(reader, b.data, b.len), 0);
    ck_assert_msg(restore_from(&b, &found, &error) == 0, "%s", error.text);
    stream_reader_free(reader);
    bytes_free(&b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *tc = tcase_create("rules");

    tcase_set_timeout(tc, 100);
    tcase_add_loop_test(tc, what_verify_refuses_in_an_image_the_engine_refuses, 0, (int)nr_negatives);
    tcase_add_loop_test(tc, an_image_that_is_right_is_taken, 0, 2);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
