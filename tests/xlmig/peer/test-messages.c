/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Control messages: what is encoded is decoded, what a hostile peer may send is refused, and the page has the table. */
#include "tests/run-suite.h"
#include "xlmig/peer/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct candidate example(void)
{
    struct candidate p = {
        .name = "web1", .type = VM_TYPE_PVH, .memory_bytes = 134217728, .vcpus = 4, .early_devices = true,
        .only_asked = true,
        .config_json = strdup("{\"c_info\":{\"name\":\"web1 \\u00e4\"}}"),
        .cpu_policy = { .bytes = malloc(3), .len = 3 }, .ignore_devices = true,
        .nr_disks = 2, .disks = { { "xvda", 1 }, { "hdc", UINT64_C(1) << 62 } },
    };

    for (unsigned i = 0; i < 16; i++)
        p.uuid[i] = (uint8_t)(i * 17);
    memcpy(p.cpu_policy.bytes, "\0\xff\x7f", 3);
    return p;
}

START_TEST(a_preflight_comes_back_as_it_was)
{
    struct candidate in = example(), out;
    struct message_header header;
    unsigned char *frame;
    size_t len;

    frame = message_encode_preflight(&in, &len);
    ck_assert_ptr_nonnull(frame);
    ck_assert_int_eq(message_header_decode(frame, &header), 0);
    ck_assert_int_eq(header.type, MESSAGE_PREFLIGHT);
    ck_assert_uint_eq(header.len, len - MESSAGE_HEADER_BYTES);
    ck_assert_int_eq(message_decode_preflight(frame + MESSAGE_HEADER_BYTES, header.len, &out), 0);
    ck_assert_str_eq(out.name, in.name);
    ck_assert_mem_eq(out.uuid, in.uuid, 16);
    ck_assert_int_eq(out.type, in.type);
    ck_assert_uint_eq(out.memory_bytes, in.memory_bytes);
    ck_assert_uint_eq(out.vcpus, in.vcpus);
    ck_assert(out.early_devices);
    ck_assert(out.ignore_devices);
    ck_assert(out.only_asked);
    ck_assert_uint_eq(out.nr_disks, 2);
    ck_assert_mem_eq(out.disks, in.disks, sizeof out.disks);
    ck_assert_str_eq(out.config_json, in.config_json);
    ck_assert_uint_eq(out.cpu_policy.len, 3);
    ck_assert_mem_eq(out.cpu_policy.bytes, in.cpu_policy.bytes, 3);
    candidate_dispose(&in);
    candidate_dispose(&out);
    free(frame);
}
END_TEST

START_TEST(hello_and_simple_come_back_as_they_were)
{
    const struct message_hello hello = {
        .min_version = 1, .max_version = 3, .program = "xlmig 9", .host = "hosta", .hypervisor = "Xen 4.17",
        .image_version = 1, .image_features = 0x8000000000000051, .max_channels = 16, .cpus = 4, .handover = 1,
        .data = 1u << MESSAGE_DATA_INLINE | 1u << MESSAGE_DATA_TLS,
    };
    const struct message_simple simple = { .flag = true, .text = "it \"runs\"" };
    struct message_hello hello_out;
    struct message_simple simple_out;
    unsigned char *frame;
    size_t len;

    frame = message_encode_hello(&hello, &len);
    ck_assert_int_eq(message_decode_hello(frame + MESSAGE_HEADER_BYTES, len - MESSAGE_HEADER_BYTES, &hello_out), 0);
    ck_assert_uint_eq(hello_out.max_version, 3);
    ck_assert_str_eq(hello_out.host, "hosta");
    ck_assert_uint_eq(hello_out.image_version, 1);
    ck_assert_uint_eq(hello_out.image_features, 0x8000000000000051);
    ck_assert_uint_eq(hello_out.max_channels, 16);
    ck_assert_uint_eq(hello_out.cpus, 4);
    ck_assert_uint_eq(hello_out.handover, 1);
    ck_assert_uint_eq(hello_out.data, hello.data);
    free(frame);
    frame = message_encode_simple(MESSAGE_REPORT, &simple, &len);
    ck_assert_int_eq(message_decode_simple(frame + MESSAGE_HEADER_BYTES, len - MESSAGE_HEADER_BYTES, &simple_out), 0);
    ck_assert(simple_out.flag);
    ck_assert_str_eq(simple_out.text, simple.text);
    free(frame);
}
END_TEST

START_TEST(what_is_said_of_channels_comes_back_as_it_was)
{
    const struct message_begin begin = {
        .paused = true, .image_v1 = true, .nr_channels = 64, .data = MESSAGE_DATA_TLS, .address = "fe80::1%eth0",
        .token = { 1, 2, 255 }, .key = { 3, [31] = 4 }, .generation = UINT64_C(1) << 52,
        .has_source = true, .source = { 9, [15] = 8 },
    };
    const struct message_channels channels = { .address = "192.0.2.1", .port = 65535 };
    const struct message_join join = { .token = { 9, [15] = 8 }, .channel = 63 };
    struct message_begin begin_out;
    struct message_channels channels_out;
    struct message_join join_out;
    unsigned char *frame;
    size_t len;

    frame = message_encode_begin(&begin, &len);
    ck_assert_int_eq(message_decode_begin(frame + MESSAGE_HEADER_BYTES, len - MESSAGE_HEADER_BYTES, &begin_out), 0);
    ck_assert(begin_out.paused && begin_out.image_v1 && begin_out.nr_channels == 64);
    ck_assert_int_eq(begin_out.data, MESSAGE_DATA_TLS);
    ck_assert_str_eq(begin_out.address, begin.address);
    ck_assert_mem_eq(begin_out.token, begin.token, sizeof begin.token);
    ck_assert_mem_eq(begin_out.key, begin.key, sizeof begin.key);
    ck_assert_uint_eq(begin_out.generation, begin.generation);
    ck_assert(begin_out.has_source);
    ck_assert_mem_eq(begin_out.source, begin.source, sizeof begin.source);
    free(frame);
    frame = message_encode_channels(&channels, &len);
    ck_assert_int_eq(message_decode_channels(frame + MESSAGE_HEADER_BYTES, len - MESSAGE_HEADER_BYTES, &channels_out), 0);
    ck_assert_str_eq(channels_out.address, channels.address);
    ck_assert_uint_eq(channels_out.port, channels.port);
    free(frame);
    frame = message_encode_join(&join, &len);
    ck_assert_int_eq(message_decode_join(frame + MESSAGE_HEADER_BYTES, len - MESSAGE_HEADER_BYTES, &join_out), 0);
    ck_assert_mem_eq(join_out.token, join.token, sizeof join.token);
    ck_assert_uint_eq(join_out.channel, join.channel);
    free(frame);
}
END_TEST

#define TOKEN "\"token\":\"00112233445566778899aabbccddeeff\""
#define HELLO "\"min_version\":1,\"max_version\":1,\"program\":\"a\",\"host\":\"b\",\"hypervisor\":\"c\""

/* A release from before images and channels. */
START_TEST(what_an_older_release_says_is_understood)
{
    static const char hello[] = "{" HELLO "}", begin[] = "{\"flag\":true,\"text\":\"\"}",
                      later[] = "{" HELLO ",\"data\":[\"inline\",\"pigeon\",7]}";
    struct message_hello hello_out;
    struct message_begin begin_out;

    ck_assert_int_eq(message_decode_hello(hello, strlen(hello), &hello_out), 0);
    ck_assert_uint_eq(hello_out.image_version, 0);
    ck_assert_uint_eq(hello_out.max_channels, 1);
    ck_assert_uint_eq(hello_out.data, 1u << MESSAGE_DATA_INLINE);
    ck_assert_uint_eq(hello_out.handover, 0);
    ck_assert_int_eq(message_decode_begin(begin, strlen(begin), &begin_out), 0);
    ck_assert(begin_out.paused && !begin_out.image_v1 && begin_out.nr_channels == 1);
    ck_assert_int_eq(begin_out.data, MESSAGE_DATA_INLINE);
    ck_assert_int_eq(message_decode_hello(later, strlen(later), &hello_out), 0);
    ck_assert_uint_eq(hello_out.data, 1u << MESSAGE_DATA_INLINE);
}
END_TEST

static const char *const bad_hellos[] = {
    "{" HELLO ",\"max_channels\":0}", "{" HELLO ",\"max_channels\":\"2\"}", "{" HELLO ",\"image_version\":-1}",
    "{" HELLO ",\"image_features\":\"51\"}", "{" HELLO ",\"image_features\":\"00000000000000zz\"}",
    "{" HELLO ",\"image_features\":7}", "{" HELLO ",\"data\":\"inline\"}", "{" HELLO ",\"cpus\":-4}",
    "{" HELLO ",\"handover\":true}",
};

static const char *const bad_begins[] = {
    "{}", "{\"flag\":1}", "{\"flag\":false,\"generation\":1}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":1,\"data\":\"inline\"," TOKEN ",\"generation\":0}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":1,\"data\":\"inline\"," TOKEN ",\"source\":\"hosta\"}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":1,\"data\":\"inline\"," TOKEN ",\"source\":1}",
    "{\"flag\":false,\"image\":\"v2\",\"channels\":1,\"data\":\"inline\"," TOKEN "}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":0,\"data\":\"inline\"," TOKEN "}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":65,\"data\":\"inline\"," TOKEN "}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":4294967297,\"data\":\"inline\"," TOKEN "}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":2,\"data\":\"pigeon\"," TOKEN "}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":2,\"data\":\"inline\"}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":2,\"data\":\"inline\",\"token\":\"0011\"}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":2,\"data\":\"tls\"," TOKEN "}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":2,\"data\":\"tls\",\"key\":\"00\"," TOKEN "}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":2,\"data\":\"tcp\",\"address\":7," TOKEN "}",
    "{\"flag\":false,\"image\":\"v1\",\"channels\":2,\"data\":\"tcp\",\"address\":"
    "\"0123456789012345678901234567890123456789012345678901234567890123\"," TOKEN "}",
};

/* What a sender says of a migration names it; GO of an older release does not. */
START_TEST(words_come_back_as_they_were)
{
    static const char old_go[] = "{\"flag\":false,\"text\":\"\"}";
    const struct message_word in = { .token = { 7, [15] = 9 }, .generation = 1762000000000000 };
    struct message_header header;
    struct message_word out;
    unsigned words = 0;
    size_t len;

    for (int t = MESSAGE_HELLO; t <= MESSAGE_LAST_TYPE; t++) {
        enum message_type type = (enum message_type)t;
        unsigned char *frame = message_encode_word(type, &in, &len);

        ck_assert_int_eq(message_header_decode(frame, &header), 0);
        ck_assert_int_eq(header.type, type);
        ck_assert_int_eq(message_decode_word(type, frame + MESSAGE_HEADER_BYTES, header.len, &out), 0);
        ck_assert_mem_eq(out.token, in.token, sizeof in.token);
        ck_assert_uint_eq(out.generation, in.generation);
        ck_assert_int_eq(message_decode_word(type, old_go, strlen(old_go), &out), type == MESSAGE_GO ? 0 : -1);
        words += message_is_word(type);
        free(frame);
    }
    ck_assert_uint_eq(words, 5);
}
END_TEST

static const char *const bad_words[] = {
    "", "[]", "{" TOKEN "}", "{\"generation\":1}", "{" TOKEN ",\"generation\":0}", "{" TOKEN ",\"generation\":-1}",
    "{" TOKEN ",\"generation\":\"1\"}", "{\"token\":\"00\",\"generation\":1}",
};

START_TEST(negative_words)
{
    struct message_word out;

    ck_assert_msg(message_decode_word(MESSAGE_GO, bad_words[_i], strlen(bad_words[_i]), &out) == -1, "taken: %s",
                  bad_words[_i]);
}
END_TEST

static const char *const bad_joins[] = {
    "{}", "{" TOKEN "}", "{" TOKEN ",\"channel\":0}", "{" TOKEN ",\"channel\":64}", "{" TOKEN ",\"channel\":\"1\"}",
    "{\"token\":\"00112233445566778899aabbccddeeFF\",\"channel\":1}", "{\"token\":\"\",\"channel\":1}",
};

static const char *const bad_channels[] = {
    "{}", "{\"port\":65536}", "{\"port\":-1}", "{\"port\":1,\"address\":{}}",
};

START_TEST(negative_hellos)
{
    struct message_hello out;

    ck_assert_msg(message_decode_hello(bad_hellos[_i], strlen(bad_hellos[_i]), &out) == -1, "taken: %s", bad_hellos[_i]);
}
END_TEST

START_TEST(negative_begins)
{
    struct message_begin out;

    ck_assert_msg(message_decode_begin(bad_begins[_i], strlen(bad_begins[_i]), &out) == -1, "taken: %s", bad_begins[_i]);
}
END_TEST

START_TEST(negative_joins)
{
    struct message_join out;

    ck_assert_msg(message_decode_join(bad_joins[_i], strlen(bad_joins[_i]), &out) == -1, "taken: %s", bad_joins[_i]);
}
END_TEST

START_TEST(negative_channels)
{
    struct message_channels out;

    ck_assert_msg(message_decode_channels(bad_channels[_i], strlen(bad_channels[_i]), &out) == -1, "taken: %s",
                  bad_channels[_i]);
}
END_TEST

START_TEST(negative_headers)
{
    unsigned char raw[MESSAGE_HEADER_BYTES];
    struct message_header header;

    message_header_encode(raw, MESSAGE_JOIN, MESSAGE_PAYLOAD_MAX);
    ck_assert_int_eq(message_header_decode(raw, &header), 0);
    message_header_encode(raw, MESSAGE_JOIN, MESSAGE_PAYLOAD_MAX + 1);
    ck_assert_int_eq(message_header_decode(raw, &header), -1);
    message_header_encode(raw, MESSAGE_NOTE, 0xffffffffu);
    ck_assert_int_eq(message_header_decode(raw, &header), -1);
    message_header_encode(raw, (enum message_type)0, 1);
    ck_assert_int_eq(message_header_decode(raw, &header), -1);
    message_header_encode(raw, (enum message_type)(MESSAGE_LAST_TYPE + 1), 1);
    ck_assert_int_eq(message_header_decode(raw, &header), -1);
    for (size_t i = 0; i < 4; i++) {
        message_header_encode(raw, MESSAGE_HELLO, 2);
        raw[i] ^= 1;
        ck_assert_int_eq(message_header_decode(raw, &header), -1);
    }
}
END_TEST

#define UUID "\"00112233445566778899aabbccddeeff\""

#define PREFLIGHT "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\""

/* Each breaks one rule of an otherwise good preflight. */
static const char *const bad_preflights[] = {
    "",
    "{",
    "[]",
    "null",
    "{} {}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\"}x",
    "{\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":\"\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":\"../a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":\"a\\u0000b\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":\"a\\u001b[2J\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":7,\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":\"a\",\"uuid\":\"0011\",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":\"a\",\"uuid\":\"0011223344556677889gaabbccddeeff\",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,"
    "\"config\":\"{}\"}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"ARM\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":-1,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1.5,\"vcpus\":1,\"config\":\"{}\"}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":4294967296,\"config\":\"{}\"}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":{}}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\",\"cpu_policy\":\"abc\"}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\",\"early_devices\":1}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\",\"cpu_policy\":\"zz\"}",
    "{\"name\":\"a\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,\"config\":\"{}\",\"cpu_policy\":7}",
    PREFLIGHT ",\"ignore_devices\":\"yes\"}", PREFLIGHT ",\"only_asked\":1}", PREFLIGHT ",\"disks\":{}}", PREFLIGHT ",\"disks\":[7]}",
    PREFLIGHT ",\"disks\":[{\"name\":\"xvda\"}]}", PREFLIGHT ",\"disks\":[{\"bytes\":1}]}",
    PREFLIGHT ",\"disks\":[{\"name\":\"xvda\",\"bytes\":-1}]}",
    PREFLIGHT ",\"disks\":[{\"name\":\"a name that is longer than any of a disk\",\"bytes\":1}]}",
    "{\"name\":{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}}",
};

START_TEST(negative_preflights)
{
    const char *text = bad_preflights[_i];
    struct candidate out;

    ck_assert_msg(message_decode_preflight(text, strlen(text), &out) == -1, "taken: %s", text);
    ck_assert_ptr_null(out.config_json);
    ck_assert_ptr_null(out.cpu_policy.bytes);
}
END_TEST

START_TEST(a_name_of_the_greatest_length_passes_and_a_longer_one_does_not)
{
    char name[VM_NAME_MAX + 2], text[1024];
    struct candidate out;

    memset(name, 'n', sizeof name);
    for (size_t len = VM_NAME_MAX; len <= VM_NAME_MAX + 1; len++) {
        snprintf(text, sizeof text, "{\"name\":\"%.*s\",\"uuid\":" UUID ",\"type\":\"PV\",\"memory_bytes\":1,\"vcpus\":1,"
                 "\"config\":\"{}\"}", (int)len, name);
        ck_assert_int_eq(message_decode_preflight(text, strlen(text), &out), len == VM_NAME_MAX ? 0 : -1);
        candidate_dispose(&out);
    }
}
END_TEST

START_TEST(text_of_a_peer_reaches_no_terminal_as_it_is)
{
    static const char text[] = "{\"flag\":false,\"text\":\"a\\u001b[2Jb\\nc\\u009b\"}";
    struct message_simple out;

    ck_assert_int_eq(message_decode_simple(text, strlen(text), &out), 0);
    for (const char *c = out.text; *c; c++)
        ck_assert((unsigned char)*c >= ' ' && (unsigned char)*c < 0x7f);
}
END_TEST

static void through_the_wire(const struct candidate_answer *in, struct candidate_answer *out)
{
    size_t len;
    unsigned char *frame = message_encode_answer(in, &len);

    ck_assert_ptr_nonnull(frame);
    ck_assert_int_eq(message_decode_answer(frame + MESSAGE_HEADER_BYTES, len - MESSAGE_HEADER_BYTES, out), 0);
    free(frame);
}

START_TEST(an_answer_comes_back_as_it_was)
{
    struct candidate_answer in = { .config_json = (char[]){ "{}" } }, out;

    check_add(&in.found, CHECK_OK, "name", "it is free");
    check_remedy(check_add(&in.found, CHECK_REFUSED, "disk xvda", "\"/dev/a\" is not there"), "Make it");
    check_add(&in.found, CHECK_UNKNOWN, "network 0", "who knows");
    check_add(&in.found, CHECK_WARNING, "kernel", "mind");
    through_the_wire(&in, &out);
    ck_assert_uint_eq(out.found.nr, 4);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_eq(out.found.checks[i].result, in.found.checks[i].result);
        ck_assert_str_eq(out.found.checks[i].subject, in.found.checks[i].subject);
        ck_assert_str_eq(out.found.checks[i].text, in.found.checks[i].text);
        ck_assert_str_eq(out.found.checks[i].remedy, in.found.checks[i].remedy);
    }
    ck_assert(!out.only_refusals);
    ck_assert_str_eq(out.config_json, "{}");
    candidate_answer_dispose(&out);
    check_list_dispose(&in.found);
}
END_TEST

/* A sender of a release that reads `refusals` only, and a receiver of one that writes only those. */
START_TEST(refusals_alone_are_enough)
{
    struct candidate_answer in = { .only_refusals = true }, out;

    check_add(&in.found, CHECK_OK, "name", "it is free");
    check_remedy(check_add(&in.found, CHECK_REFUSED, "cpu", "no avx"), "Buy one");
    check_add(&in.found, CHECK_WARNING, "kernel", "mind");
    through_the_wire(&in, &out);
    ck_assert(out.only_refusals);
    ck_assert_uint_eq(out.found.nr, 1);
    ck_assert_int_eq(out.found.checks[0].result, CHECK_REFUSED);
    ck_assert_str_eq(out.found.checks[0].text, "no avx. Buy one");
    candidate_answer_dispose(&out);
    check_list_dispose(&in.found);
}
END_TEST

/* The longest of everything, in characters that take most room on the wire. */
START_TEST(the_longest_answer_fits_a_frame)
{
    struct candidate_answer in = { 0 }, out;
    char longest[CHECK_TEXT_MAX];

    memset(longest, '"', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    for (unsigned i = 0; i < CHECKS_MAX; i++)
        check_remedy(check_add(&in.found, CHECK_REFUSED, longest, "%s", longest), "%s", longest);
    through_the_wire(&in, &out);
    ck_assert_uint_eq(out.found.nr, CHECKS_MAX);
    ck_assert_str_eq(out.found.checks[CHECKS_MAX - 1].remedy, longest);
    candidate_answer_dispose(&out);
    check_list_dispose(&in.found);
}
END_TEST

static const struct {
    const char *text;
    int rc;
    bool refuses;
} answers[] = {
    { "{\"refusals\":[]}", 0, false },
    { "{\"refusals\":[],\"checks\":[]}", 0, false },
    /* What is refused in either of them is refused. */
    { "{\"refusals\":[\"no\"],\"checks\":[]}", 0, true },
    { "{\"refusals\":[7],\"checks\":[{\"result\":\"ok\",\"subject\":\"a\",\"text\":\"b\"}]}", 0, true },
    { "{\"refusals\":[],\"checks\":[{\"result\":\"refused\",\"subject\":\"a\",\"text\":\"b\"}]}", 0, true },
    { "{\"refusals\":[],\"checks\":[{\"result\":\"a later one, and longer\",\"subject\":\"a\",\"text\":\"b\"}]}", -1, false },
    { "{\"refusals\":[],\"checks\":[{\"result\":\"later\",\"subject\":\"a\",\"text\":\"b\"}]}", 0, false },
    { "{\"refusals\":[],\"checks\":[{\"result\":\"ok\",\"subject\":\"a\",\"text\":7}]}", -1, false },
    { "{\"refusals\":[],\"checks\":[{\"result\":\"ok\",\"subject\":\"a\"}]}", -1, false },
    { "{\"refusals\":[],\"checks\":[{\"result\":\"ok\",\"text\":\"a\"}]}", -1, false },
    { "{\"refusals\":[],\"checks\":[{\"subject\":\"a\",\"text\":\"a\"}]}", -1, false },
    { "{\"refusals\":[],\"checks\":[{\"result\":\"ok\",\"subject\":\"a\",\"text\":\"b\",\"remedy\":[]}]}", -1, false },
    { "{\"refusals\":[],\"checks\":[\"ok\"]}", -1, false },
    { "{\"refusals\":[],\"checks\":{}}", -1, false },
    { "{\"refusals\":[],\"checks\":[null]}", -1, false },
    { "{\"checks\":[]}", -1, false },
    { "{\"refusals\":7}", -1, false },
    { "{\"refusals\":[],\"config\":7}", -1, false },
    { "{}", -1, false },
};

START_TEST(answers_that_may_come)
{
    struct candidate_answer out;

    ck_assert_msg(message_decode_answer(answers[_i].text, strlen(answers[_i].text), &out) == answers[_i].rc, "%s",
                  answers[_i].text);
    ck_assert_msg(check_refuses(&out.found) == answers[_i].refuses, "%s", answers[_i].text);
    if (answers[_i].rc < 0)
        ck_assert_ptr_null(out.found.checks);
    candidate_answer_dispose(&out);
}
END_TEST

START_TEST(more_checks_than_there_is_room_for_are_dropped)
{
    static const char one[] = "{\"result\":\"ok\",\"subject\":\"\\u001b[2J\",\"text\":\"a\\u009b\"},";
    char *text = calloc(1, 64 + 2 * CHECKS_MAX * sizeof one);
    struct candidate_answer out;

    strcpy(text, "{\"checks\":[");
    for (unsigned i = 0; i < 2 * CHECKS_MAX; i++)
        strcat(text, one);
    strcpy(text + strlen(text) - 1, "],\"refusals\":[\"no\"]}");
    ck_assert_int_eq(message_decode_answer(text, strlen(text), &out), 0);
    ck_assert_uint_eq(out.found.nr, CHECKS_MAX);
    ck_assert_str_eq(out.found.checks[0].subject, " [2J"); /* and no terminal sees what it is not to */
    ck_assert(check_refuses(&out.found));
    candidate_answer_dispose(&out);
    free(text);
}
END_TEST

START_TEST(versions_are_common_or_refused)
{
    struct message_hello hello = { .min_version = MESSAGE_VERSION, .max_version = MESSAGE_VERSION + 5 };

    ck_assert_uint_eq(message_common_version(&hello), MESSAGE_VERSION);
    hello.min_version = MESSAGE_VERSION + 1;
    ck_assert_uint_eq(message_common_version(&hello), 0);
}
END_TEST

/* Every prefix, and every bit flipped, of a good message: nothing may crash (the sanitizers watch). */
START_TEST(damaged_preflights_are_survived)
{
    struct candidate in = example(), out;
    unsigned char *frame, *copy;
    size_t len;

    frame = message_encode_preflight(&in, &len);
    copy = malloc(len);
    for (size_t cut = 0; cut + MESSAGE_HEADER_BYTES < len; cut++) {
        ck_assert_int_eq(message_decode_preflight(frame + MESSAGE_HEADER_BYTES, cut, &out), -1);
    }
    for (size_t bit = MESSAGE_HEADER_BYTES * 8; bit < len * 8; bit++) {
        memcpy(copy, frame, len);
        copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
        if (message_decode_preflight(copy + MESSAGE_HEADER_BYTES, len - MESSAGE_HEADER_BYTES, &out) == 0)
            candidate_dispose(&out);
    }
    candidate_dispose(&in);
    free(copy);
    free(frame);
}
END_TEST

/* ---- the table of messages, and that of the page ---- */

static union message_body an_example(enum message_type type)
{
    union message_body body;

    memset(&body, 0, sizeof body);
    if (type == MESSAGE_HELLO)
        body.hello = (struct message_hello){ .min_version = 1, .max_version = 2, .program = "xlmig 9", .max_channels = 3,
                                            .data = 1u << MESSAGE_DATA_INLINE };
    else if (type == MESSAGE_PREFLIGHT)
        body.preflight = example();
    else if (type == MESSAGE_ANSWER)
        check_add(&body.answer.found, CHECK_REFUSED, "cpu", "no avx");
    else if (type == MESSAGE_BEGIN)
        body.begin = (struct message_begin){ .image_v1 = true, .nr_channels = 5, .token = { 1 }, .generation = 7,
                                              .has_source = true, .source = { 2 } };
    else if (type == MESSAGE_CHANNELS)
        body.channels = (struct message_channels){ .address = "192.0.2.1", .port = 5 };
    else if (type == MESSAGE_JOIN)
        body.join = (struct message_join){ .token = { 2 }, .channel = 6 };
    else if (message_is_word(type))
        body.word = (struct message_word){ .token = { 3 }, .generation = 8 };
    else
        body.simple = (struct message_simple){ .flag = true, .text = "so it is" };
    return body;
}

/* Each row's pair of functions: what one wrote the other reads, and it is written as the same again. */
START_TEST(every_row_writes_what_it_reads)
{
    const enum message_type type = (enum message_type)_i;
    union message_body in = an_example(type), out, none;
    unsigned char *frame, *again;
    struct message_header header;
    size_t len, again_len;

    ck_assert_ptr_nonnull(message_kind(type));
    frame = message_encode(type, &in, &len);
    ck_assert_ptr_nonnull(frame);
    ck_assert_int_eq(message_header_decode(frame, &header), 0);
    ck_assert_int_eq(header.type, type);
    ck_assert_int_eq(message_decode(type, frame + MESSAGE_HEADER_BYTES, header.len, &out), 0);
    again = message_encode(type, &out, &again_len);
    ck_assert_uint_eq(again_len, len);
    ck_assert_mem_eq(again, frame, len);
    ck_assert(message_decode(type, "{}", 1, &none) == -1);
    message_dispose(type, &in);
    message_dispose(type, &out);
    free(frame);
    free(again);
}
END_TEST

START_TEST(there_is_no_other_message)
{
    ck_assert_ptr_null(message_kind((enum message_type)0));
    ck_assert_ptr_null(message_kind((enum message_type)(MESSAGE_LAST_TYPE + 1)));
    ck_assert(!message_may_be_said((enum message_type)0, MESSAGE_FROM_SENDER, ~0u));
}
END_TEST

START_TEST(who_may_say_what_and_when)
{
    ck_assert(message_may_be_said(MESSAGE_HELLO, MESSAGE_FROM_RECEIVER, 0));
    ck_assert(message_may_be_said(MESSAGE_NOTE, MESSAGE_FROM_RECEIVER, 0));
    ck_assert(!message_may_be_said(MESSAGE_GO, MESSAGE_FROM_RECEIVER, 0));
    ck_assert(!message_may_be_said(MESSAGE_REPORT, MESSAGE_FROM_SENDER, ~0u));
    ck_assert(!message_may_be_said(MESSAGE_BEGIN, MESSAGE_FROM_SENDER, MESSAGE_AT_OPENING));
    ck_assert(message_may_be_said(MESSAGE_GO, MESSAGE_FROM_SENDER, MESSAGE_AT_GO));
    ck_assert(!message_may_be_said(MESSAGE_ASK, MESSAGE_FROM_SENDER, MESSAGE_AT_GO));
}
END_TEST

static const char *side_name(unsigned from)
{
    return from == MESSAGE_FROM_SENDER ? "sender" : from == MESSAGE_FROM_RECEIVER ? "receiver" : "both";
}

/* As the page says it: "after HELLO, after RECEIVED". */
static const char *moment_names(unsigned at, char text[128])
{
    static const char *const names[] = {
        "first", "after HELLO", "after ANSWER", "after RECEIVED", "after RECEIVED with `generation`",
    };

    text[0] = '\0';
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (at & 1u << i) {
            strcat(text, text[0] ? ", " : "");
            strcat(text, names[i]);
        }
    return text;
}

/* The next cell of a row, without the blanks around it. */
static const char *next_cell(char **row)
{
    char *cell = strsep(row, "|"), *end;

    ck_assert_ptr_nonnull(*row);
    while (*cell == ' ')
        cell++;
    for (end = cell + strlen(cell); end > cell && end[-1] == ' '; end--)
        end[-1] = '\0';
    return cell;
}

static void compare_row(char *row, unsigned type)
{
    const struct message_kind *kind = message_kind((enum message_type)type);
    char text[128];

    ck_assert_msg(kind, "the page has a message %u", type);
    next_cell(&row);
    next_cell(&row);
    ck_assert_str_eq(next_cell(&row), kind->name);
    ck_assert_str_eq(next_cell(&row), side_name(kind->from));
    ck_assert_str_eq(next_cell(&row), moment_names(kind->at, text));
}

START_TEST(the_page_has_the_table)
{
    const char *srcdir = getenv("XLMIG_SRCDIR");
    char path[4096], line[4096];
    unsigned expected = MESSAGE_HELLO, type;
    bool in_table = false;
    FILE *page;

    snprintf(path, sizeof path, "%s/docs/control-protocol.md", srcdir ? srcdir : ".");
    page = fopen(path, "r");
    ck_assert_msg(page, "cannot open %s", path);
    while (fgets(line, sizeof line, page)) {
        in_table = line[0] == '|' && (in_table || strncmp(line, "| type | name |", 15) == 0);
        if (in_table && sscanf(line, "| %u |", &type) == 1) {
            ck_assert_uint_eq(type, expected++);
            compare_row(line, type);
        }
    }
    fclose(page);
    ck_assert_uint_eq(expected, MESSAGE_LAST_TYPE + 1);
}
END_TEST

#define LENGTH(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("control");
    TCase *tcase = tcase_create("messages");

    tcase_add_test(tcase, a_preflight_comes_back_as_it_was);
    tcase_add_test(tcase, hello_and_simple_come_back_as_they_were);
    tcase_add_test(tcase, what_is_said_of_channels_comes_back_as_it_was);
    tcase_add_test(tcase, what_an_older_release_says_is_understood);
    tcase_add_loop_test(tcase, negative_hellos, 0, LENGTH(bad_hellos));
    tcase_add_loop_test(tcase, negative_begins, 0, LENGTH(bad_begins));
    tcase_add_test(tcase, words_come_back_as_they_were);
    tcase_add_loop_test(tcase, negative_words, 0, LENGTH(bad_words));
    tcase_add_loop_test(tcase, negative_joins, 0, LENGTH(bad_joins));
    tcase_add_loop_test(tcase, negative_channels, 0, LENGTH(bad_channels));
    tcase_add_test(tcase, negative_headers);
    tcase_add_loop_test(tcase, negative_preflights, 0, LENGTH(bad_preflights));
    tcase_add_test(tcase, a_name_of_the_greatest_length_passes_and_a_longer_one_does_not);
    tcase_add_test(tcase, text_of_a_peer_reaches_no_terminal_as_it_is);
    tcase_add_test(tcase, an_answer_comes_back_as_it_was);
    tcase_add_test(tcase, refusals_alone_are_enough);
    tcase_add_test(tcase, the_longest_answer_fits_a_frame);
    tcase_add_loop_test(tcase, answers_that_may_come, 0, LENGTH(answers));
    tcase_add_test(tcase, more_checks_than_there_is_room_for_are_dropped);
    tcase_add_test(tcase, versions_are_common_or_refused);
    tcase_add_test(tcase, damaged_preflights_are_survived);
    tcase_add_loop_test(tcase, every_row_writes_what_it_reads, MESSAGE_HELLO, MESSAGE_LAST_TYPE + 1);
    tcase_add_test(tcase, there_is_no_other_message);
    tcase_add_test(tcase, who_may_say_what_and_when);
    tcase_add_test(tcase, the_page_has_the_table);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
