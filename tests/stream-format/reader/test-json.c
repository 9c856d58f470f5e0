/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The scanner of configurations: a table of texts, whatever pieces they come in; the same table, and texts changed at
 * random, against yajl itself, which is what libxl reads them with. Where yajl is not installed, that part is skipped.
 */
#include <check.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream-format/reader/config-facts.h"
#include "tests/run-suite.h"

/* LEN: of a text with a NUL in it; 0: as long as it is. */
static const struct {
    const char *text;
    size_t len;
    size_t good; /* octets before the first wrong one; SIZE_MAX: all is well */
} texts[] = {
    { "{}", 0, SIZE_MAX },
    { " \t\r\n\v\f{ } \n", 0, SIZE_MAX },
    { "{\"a\":1,\"b\":[true,false,null,-0,0.5,1e9,1E-9,-12.25e+3],\"c\":{\"\":\"\"}}", 0, SIZE_MAX },
    { "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud800\"}", 0, SIZE_MAX },
    { "{\"a\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"}", 0, SIZE_MAX },
    { "{\"a\":[[],{},[[]]]}", 0, SIZE_MAX },
    { "{\"a\":1,\"a\":2}", 0, SIZE_MAX },
    { "", 0, 0 },
    { " ", 0, 1 },
    { "{", 0, 1 },
    { "{}}", 0, 2 },
    { "{} x", 0, 3 },
    { "{}{}", 0, 2 },
    { "{]", 0, 1 },
    { "{\"a\":[}}", 0, 6 },
    { "{\"a\"}", 0, 4 },
    { "{\"a\" 1}", 0, 5 },
    { "{\"a\":}", 0, 5 },
    { "{\"a\":1,}", 0, 7 },
    { "{\"a\":[1,]}", 0, 8 },
    { "{\"a\":[1 2]}", 0, 8 },
    { "{,}", 0, 1 },
    { "{a:1}", 0, 1 },
    { "{'a':1}", 0, 1 },
    { "{\"a\":'b'}", 0, 5 },
    { "{\"a\":NaN}", 0, 5 },
    { "{\"a\":Infinity}", 0, 5 },
    { "{\"a\":-Infinity}", 0, 6 },
    { "{\"a\":nan}", 0, 6 },
    { "{\"a\":TRUE}", 0, 5 },
    { "{\"a\":trux}", 0, 8 },
    { "{\"a\":01}", 0, 6 },
    { "{\"a\":+1}", 0, 5 },
    { "{\"a\":.5}", 0, 5 },
    { "{\"a\":1.}", 0, 7 },
    { "{\"a\":1.e5}", 0, 7 },
    { "{\"a\":1e}", 0, 7 },
    { "{\"a\":1e+}", 0, 8 },
    { "{\"a\":-}", 0, 6 },
    { "{\"a\":0x10}", 0, 6 },
    { "{\"a\":\"\t\"}", 0, 6 },
    { "{\"a\":\"\n\"}", 0, 6 },
    { "{\"a\":\"\x01\"}", 0, 6 },
    { "{\"a\0\":1}", 8, 3 },
    { "{\"a\":\"\xff\"}", 0, 6 },
    { "{\"a\":\"\xfe\"}", 0, 6 },
    { "{\"a\":\"\x80\"}", 0, 6 },
    { "{\"a\":\"\xc3\"}", 0, 7 },
    { "{\"a\":\"\xe2\x82\"}", 0, 8 },
    { "{\"\xff\":1}", 0, 2 },
    { "{\"a\":\"\\x41\"}", 0, 7 },
    { "{\"a\":\"\\u12g4\"}", 0, 10 },
    { "{\"a\":\"\\", 0, 7 },
    { "{\"a\":\"", 0, 6 },
    { "{\"a\":1 // no comment\n}", 0, 7 },
    { "{\"a\":1 /* none */}", 0, 7 },
    { "\xef\xbb\xbf{}", 0, 0 },
};
#define NR_TEXTS ((int)(sizeof(texts) / sizeof(texts[0])))

/* Octets that were fine; SIZE_MAX: all of it, and it was whole. */
static size_t scan(const uint8_t *text, size_t len, size_t piece)
{
    struct json_scan s;

    json_scan_begin(&s, NULL, NULL);
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece, good = json_scan_push(&s, text + at, n);

        if (good < n)
            return at + good;
    }
    return json_scan_end(&s) ? SIZE_MAX : len;
}

static size_t text_len(int i)
{
    return texts[i].len ? texts[i].len : strlen(texts[i].text);
}

START_TEST(text_is_judged)
{
    for (size_t piece = 1; piece < 8; piece++)
        ck_assert_msg(scan((const uint8_t *)texts[_i].text, text_len(_i), piece) == texts[_i].good, "%s, in pieces of %zu: %zu",
                      texts[_i].text, piece, scan((const uint8_t *)texts[_i].text, text_len(_i), piece));
}
END_TEST

/* Two more: what yajl takes and libxl cannot use, and how deep. */
START_TEST(outermost_is_an_object)
{
    ck_assert_uint_eq(scan((const uint8_t *)"[]", 2, 2), 0);
    ck_assert_uint_eq(scan((const uint8_t *)"1", 1, 1), 0);
    ck_assert_uint_eq(scan((const uint8_t *)"\"a\"", 3, 3), 0);
}
END_TEST

START_TEST(depth_is_bounded)
{
    char text[256] = "{\"a\":";
    size_t len = 5;

    memset(text + len, '[', JSON_DEPTH_MAX - 1);
    memset(text + len + JSON_DEPTH_MAX - 1, ']', JSON_DEPTH_MAX - 1);
    len += 2 * (JSON_DEPTH_MAX - 1);
    text[len++] = '}';
    ck_assert_uint_eq(scan((const uint8_t *)text, len, 3), SIZE_MAX);
    memset(text + 5, '[', JSON_DEPTH_MAX);
    ck_assert_uint_eq(scan((const uint8_t *)text, len, 3), 5 + JSON_DEPTH_MAX - 1);
}
END_TEST

/* ---- yajl ------------------------------------------------------------------ */

static struct {
    void *(*alloc)(const void *callbacks, void *functions, void *context);
    int (*parse)(void *handle, const unsigned char *text, size_t len);
    int (*complete)(void *handle);
    void (*free)(void *handle);
} yajl;

static bool find_yajl(void)
{
    void *library = dlopen("libyajl.so.2", RTLD_NOW);

    if (!library)
        return false;
    *(void **)&yajl.alloc = dlsym(library, "yajl_alloc");
    *(void **)&yajl.parse = dlsym(library, "yajl_parse");
    *(void **)&yajl.complete = dlsym(library, "yajl_complete_parse");
    *(void **)&yajl.free = dlsym(library, "yajl_free");
    return yajl.alloc && yajl.parse && yajl.complete && yajl.free;
}

/* As libxl calls it: no options. */
static bool yajl_takes(const uint8_t *text, size_t len)
{
    void *handle = yajl.alloc(NULL, NULL, NULL);
    bool ok;

    ck_assert_ptr_nonnull(handle);
    ok = yajl.parse(handle, text, len) == 0 && yajl.complete(handle) == 0;
    yajl.free(handle);
    return ok;
}

START_TEST(yajl_says_the_same)
{
    ck_assert_msg(yajl_takes((const uint8_t *)texts[_i].text, text_len(_i)) == (texts[_i].good == SIZE_MAX), "%s",
                  texts[_i].text);
}
END_TEST

static const char config[] =
    "{\n    \"c_info\": {\"type\": \"pvh\", \"name\": \"a b\\u00e4\xc3\xa4\", \"uuid\": \"0\", \"hap\": \"True\"},\n"
    "    \"b_info\": {\"max_vcpus\": 2, \"avail_vcpus\": [0, 1], \"tsc\": -1.5e+10, \"type.pvh\": {}},\n"
    "    \"disks\": [{\"vdev\": \"xvda\", \"ro\": null, \"x\": [true, false, 0.25, 10]}]\n}\n";

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* An octet changed, put in or taken out, once to four times. */
static size_t change(uint8_t *text, size_t len, uint64_t *random)
{
    static const char likely[] = "{}[]\",:\\'/eE+-.0123456789tfnu \t\n\v\x01\x7f\x80\xbf\xc3\xe2\xf0\xf8\xff";

    for (uint64_t times = 1 + next_random(random) % 4; times; times--) {
        size_t at = next_random(random) % len;
        uint8_t octet = (uint8_t)(next_random(random) % 3 ? (uint8_t)likely[next_random(random) % (sizeof(likely) - 1)]
                                                          : (uint8_t)(1 + next_random(random) % 255));

        switch (next_random(random) % 3) {
        case 0:
            text[at] = octet;
            break;
        case 1:
            memmove(text + at + 1, text + at, len++ - at);
            text[at] = octet;
            break;
        default:
            memmove(text + at, text + at + 1, --len - at);
            break;
        }
    }
    return len;
}

/* Up to and with it. */
static size_t last_brace(const uint8_t *text, size_t len)
{
    while (len && text[len - 1] != '}')
        len--;
    return len;
}

/* The outermost value stays an object: the first octet is not changed. */
START_TEST(yajl_says_the_same_of_changed_texts)
{
    unsigned int taken = 0, tries = 200000;
    uint64_t random = 1;

    for (unsigned int i = 0; i < tries; i++) {
        uint8_t text[sizeof(config) + 8];
        size_t len = sizeof(config) - 1, good;
        bool ours, theirs;

        memcpy(text, config, len);
        len = 1 + change(text + 1, len - 1, &random);
        good = scan(text, len, 1 + next_random(&random) % 64);
        ours = good == SIZE_MAX;
        theirs = yajl_takes(text, len);
        /* It does not mind a token that begins behind the object and has no end. Nothing writes that. */
        if (theirs && !ours && scan(text, last_brace(text, len), len) == SIZE_MAX)
            continue;
        ck_assert_msg(ours == theirs, "text %u, which yajl %s: %.*s", i, theirs ? "takes" : "refuses", (int)len, text);
        taken += ours;
    }
    ck_assert_uint_gt(taken, tries / 20);
    ck_assert_uint_lt(taken, tries / 2 + tries / 4);
}
END_TEST

/* ---- facts ----------------------------------------------------------------- */

static struct config_facts facts_of(const char *text)
{
    struct config_facts facts = { .type = CONFIG_TYPE_UNKNOWN };
    struct json_scan s;

    json_scan_begin(&s, config_facts_token, &facts);
    ck_assert_uint_eq(json_scan_push(&s, (const uint8_t *)text, strlen(text)), strlen(text));
    ck_assert(json_scan_end(&s));
    return facts;
}

START_TEST(facts_are_found)
{
    struct config_facts facts = facts_of(config);

    ck_assert_int_eq(facts.type, CONFIG_TYPE_PVH);
    ck_assert_uint_eq(facts.max_vcpus, 2);
    ck_assert_uint_eq(facts.nr_online, 2);
    ck_assert_uint_eq(facts.highest_online, 1);
    ck_assert_int_eq(config[facts.highest_online_at], '1');
}
END_TEST

START_TEST(facts_are_those_of_their_place)
{
    static const char *const elsewhere[] = {
        "{}",
        "{\"type\":\"hvm\",\"max_vcpus\":3}",
        "{\"x\":{\"type\":\"hvm\",\"max_vcpus\":3,\"avail_vcpus\":[1]}}",
        "{\"c_info\":{\"x\":{\"type\":\"hvm\"}},\"b_info\":{\"x\":{\"max_vcpus\":3}}}",
        "{\"c_info\":[\"type\",\"hvm\"],\"b_info\":{\"max_vcpus\":{\"max_vcpus\":3},\"y\":[3]}}",
        "{\"c_info\":{\"type\":\"invalid\"},\"b_info\":{\"max_vcpus\":\"3\"}}",
        "{\"c_info\":{},\"x\":{\"type\":\"hvm\"},\"b_info\":{\"max_vcpus\":3000000000}}",
    };

    for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
        struct config_facts facts = facts_of(elsewhere[i]);

        ck_assert_msg(facts.type == CONFIG_TYPE_UNKNOWN && !facts.max_vcpus && !facts.nr_online, "%s", elsewhere[i]);
    }
    ck_assert_int_eq(facts_of("{\"c_info\":{\"type\":\"hvm\",\"type\":\"pv\"}}").type, CONFIG_TYPE_HVM);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tcase = tcase_create("text");

    tcase_add_loop_test(tcase, text_is_judged, 0, NR_TEXTS);
    tcase_add_test(tcase, outermost_is_an_object);
    tcase_add_test(tcase, depth_is_bounded);
    tcase_add_test(tcase, facts_are_found);
    tcase_add_test(tcase, facts_are_those_of_their_place);
    suite_add_tcase(suite, tcase);
    if (find_yajl()) {
        tcase = tcase_create("yajl");
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, yajl_says_the_same, 0, NR_TEXTS);
        tcase_add_test(tcase, yajl_says_the_same_of_changed_texts);
        suite_add_tcase(suite, tcase);
    } else {
        fprintf(stderr, "not compared with yajl: there is no libyajl.so.2\n");
    }
    return run_suite(suite);
}
