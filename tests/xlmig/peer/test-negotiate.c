/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What two sides agree on: a table of wishes and abilities. */
#include "stream-format/image1/image1.h"
#include "tests/run-suite.h"
#include "xlmig/peer/negotiate.h"

#include <stdlib.h>
#include <string.h>

#define ALL IMAGE1_FEATURES_KNOWN
#define INLINE (1u << MESSAGE_DATA_INLINE)
#define ANY_WAY (INLINE | 1u << MESSAGE_DATA_TCP | 1u << MESSAGE_DATA_TLS)

struct side {
    unsigned image_version;
    uint64_t features;
    unsigned max_channels, cpus, data;
};

#define NEW { 1, ALL, 16, 8, ANY_WAY }
#define BEFORE_IMAGES { 0, 0, 1, 0, INLINE }

/* Image, channels (0: as many as there may be), way, the most of them; lost ones are not replaced. */
#define WISH(...) { __VA_ARGS__, false }

static const struct {
    const char *what;
    struct negotiate_wish wish;
    struct side own, peer;
    bool stock;
    const char *refusal;          /* NULL: they agree on the rest */
    bool v1;
    unsigned nr_channels;
} rows[] = {
    { .what = "both know v1", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 4), .own = NEW, .peer = NEW,
      .v1 = true, .nr_channels = 4 },
    { .what = "no more channels than CPUs here", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 4),
      .own = { 1, ALL, 16, 2, ANY_WAY }, .peer = NEW, .v1 = true, .nr_channels = 2 },
    { .what = "no more channels than CPUs there", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 4),
      .own = NEW, .peer = { 1, ALL, 16, 3, ANY_WAY }, .v1 = true, .nr_channels = 3 },
    { .what = "no more channels than it takes", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 8),
      .own = NEW, .peer = { 1, ALL, 2, 8, ANY_WAY }, .v1 = true, .nr_channels = 2 },
    { .what = "one channel where it does not tell its CPUs", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 8),
      .own = NEW, .peer = { 1, ALL, 16, 0, ANY_WAY }, .v1 = true, .nr_channels = 1 },
    { .what = "more channels than CPUs, asked for", .wish = WISH(IMAGE_AUTO, 12, MESSAGE_DATA_TLS, 4), .own = NEW,
      .peer = NEW, .v1 = true, .nr_channels = 12 },
    { .what = "one channel where its reader knows no more", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 4),
      .own = NEW, .peer = { 1, ALL & ~IMAGE1_FEATURE_CHANNELS, 16, 8, ANY_WAY }, .v1 = true, .nr_channels = 1 },
    { .what = "libxc's image, asked for", .wish = WISH(IMAGE_LIBXC, 0, MESSAGE_DATA_TCP, 4), .own = NEW, .peer = NEW,
      .nr_channels = 1 },
    { .what = "a peer of before images", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 4), .own = NEW,
      .peer = BEFORE_IMAGES, .nr_channels = 1 },
    { .what = "stock xl", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 4), .own = NEW, .stock = true,
      .nr_channels = 1 },
    { .what = "an engine of before images here", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 4),
      .own = BEFORE_IMAGES, .peer = NEW, .nr_channels = 1 },
    { .what = "negative: v1 with a peer of before images", .wish = WISH(IMAGE_V1, 0, MESSAGE_DATA_INLINE, 4),
      .own = NEW, .peer = BEFORE_IMAGES, .refusal = "old peer reads libxc's image only" },
    { .what = "negative: v1 with stock xl", .wish = WISH(IMAGE_V1, 0, MESSAGE_DATA_INLINE, 4),
      .own = NEW, .stock = true, .refusal = "stock xl reads libxc's image only" },
    { .what = "negative: channels with stock xl", .wish = WISH(IMAGE_AUTO, 2, MESSAGE_DATA_INLINE, 4), .own = NEW,
      .stock = true, .refusal = "one channel only" },
    { .what = "negative: channels with libxc's image", .wish = WISH(IMAGE_LIBXC, 2, MESSAGE_DATA_INLINE, 4), .own = NEW,
      .peer = NEW, .refusal = "one channel only" },
    { .what = "negative: more channels than it takes", .wish = WISH(IMAGE_AUTO, 17, MESSAGE_DATA_INLINE, 4), .own = NEW,
      .peer = NEW, .refusal = "takes 16 at the most" },
    { .what = "negative: a way that it does not know", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_TLS, 4), .own = NEW,
      .peer = BEFORE_IMAGES, .refusal = "--transport=tls: old peer there does not know it" },
    { .what = "negative: tcp with stock xl", .wish = WISH(IMAGE_AUTO, 0, MESSAGE_DATA_TCP, 4),
      .own = NEW, .stock = true, .refusal = "--transport=tcp: stock xl" },
};

static struct message_hello hello_of(const struct side *side)
{
    return (struct message_hello){
        .image_version = side->image_version, .image_features = side->features, .max_channels = side->max_channels,
        .cpus = side->cpus, .data = side->data, .program = "old peer",
    };
}

START_TEST(two_sides_agree_or_say_why_not)
{
    const struct message_hello own = hello_of(&rows[_i].own), peer = hello_of(&rows[_i].peer);
    struct negotiate_choice choice;
    struct failure failure = { 0 };
    int rc = negotiate(&rows[_i].wish, &own, rows[_i].stock ? NULL : &peer, &choice, &failure);

    ck_assert_msg(rc == (rows[_i].refusal ? -1 : 0), "%s: %d, %s", rows[_i].what, rc, failure.text);
    if (rows[_i].refusal) {
        ck_assert_msg(strstr(failure.text, rows[_i].refusal), "%s: %s", rows[_i].what, failure.text);
        return;
    }
    ck_assert_msg(choice.image_v1 == rows[_i].v1 && choice.nr_channels == rows[_i].nr_channels &&
                      choice.data == rows[_i].wish.data,
                  "%s: v1 %d, channels %u", rows[_i].what, choice.image_v1, choice.nr_channels);
    ck_assert_uint_eq(choice.features, choice.image_v1 ? rows[_i].peer.features : 0);
}
END_TEST

/* Lost connections: where it is wished, both can, and there are connections of our own to replace. */
START_TEST(rejoin_is_what_both_can_and_one_wants)
{
    const struct side side = { 1, 0, 16, 8, ANY_WAY };
    const bool wished = _i & 1, own = _i & 2, there = _i & 4, inl = _i & 8;
    const struct negotiate_wish wish = { IMAGE_AUTO, 0, inl ? MESSAGE_DATA_INLINE : MESSAGE_DATA_TCP, 4, wished };
    struct message_hello here = hello_of(&side), peer = here;
    struct negotiate_choice choice;
    struct failure failure = { 0 };

    here.rejoin = own;
    peer.rejoin = there;
    ck_assert_int_eq(negotiate(&wish, &here, &peer, &choice, &failure), 0);
    ck_assert(choice.rejoin == (wished && own && there && !inl));
}
END_TEST

START_TEST(features_of_a_later_release_are_not_used)
{
    const struct negotiate_wish wish = { IMAGE_AUTO, 0, MESSAGE_DATA_INLINE, 4, false };
    const struct side side = { 1, ~UINT64_C(0), 16, 8, ANY_WAY };
    const struct message_hello hello = hello_of(&side);
    struct negotiate_choice choice;
    struct failure failure = { 0 };

    ck_assert_int_eq(negotiate(&wish, &hello, &hello, &choice, &failure), 0);
    ck_assert_uint_eq(choice.features, IMAGE1_FEATURES_KNOWN);
}
END_TEST

START_TEST(wishes_are_read)
{
    enum image_wish wish;

    ck_assert(image_wish_parse("auto", &wish) == 0 && wish == IMAGE_AUTO);
    ck_assert(image_wish_parse("libxc", &wish) == 0 && wish == IMAGE_LIBXC);
    ck_assert(image_wish_parse("v1", &wish) == 0 && wish == IMAGE_V1);
    ck_assert_int_eq(image_wish_parse("", &wish), -1);
    ck_assert_int_eq(image_wish_parse("v2", &wish), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("negotiate");
    TCase *tcase = tcase_create("negotiate");

    tcase_add_loop_test(tcase, two_sides_agree_or_say_why_not, 0, (int)(sizeof rows / sizeof rows[0]));
    tcase_add_loop_test(tcase, rejoin_is_what_both_can_and_one_wants, 0, 16);
    tcase_add_test(tcase, features_of_a_later_release_are_not_used);
    tcase_add_test(tcase, wishes_are_read);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
