/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A JSON text (RFC 8259) in pieces of any size: is it one, and what is in it?
 *
 * It accepts what yajl 2.1 accepts as libxl uses it, octet for octet (a test holds the two together): besides the RFC's
 * blanks also vertical tab and form feed, and UTF-8 whose form alone is looked at. Two things it adds, which no
 * configuration of libxl's breaks: the outermost value is an object, and JSON_DEPTH_MAX bounds how deep it goes (json-c,
 * libxl's parser from Xen 4.21 on, has such a bound).
 *
 * Why not yajl itself: it has had no release since 2014 and libxl has left it; what verify says of a file should not hang
 * on it. Why not json-c: it takes control characters, NaN and more, which libxl then refuses.
 *
 * No memory of its own, nothing kept but what one token needs.
 */
#ifndef STREAM_FORMAT_READER_JSON_SCAN_H
#define STREAM_FORMAT_READER_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 30u
#define JSON_TEXT_MAX  32u

enum json_token {
    JSON_BEGIN_OBJECT, JSON_BEGIN_ARRAY, JSON_END, JSON_KEY, JSON_STRING, JSON_NUMBER, JSON_WORD,
};

struct json_scan {
    /* Told in order. `text` is the key, the string, the number, the word: "" for one of JSON_TEXT_MAX octets or more, or
     * with an escape in it. `depth` counts the objects and arrays around the token. Optional. */
    void (*token)(void *user, enum json_token token, const char *text, unsigned int depth, uint64_t at);
    void *user;

    /* Private. */
    int state, after_string;
    uint32_t is_object; /* a bit for each level */
    unsigned int depth;
    bool is_key, is_plain;
    unsigned int left;  /* octets of a character, digits of an escape */
    const char *word;
    uint64_t offset, token_at;
    char text[JSON_TEXT_MAX];
    unsigned int text_len;

    /* Why it was refused. */
    const char *expected;
};

void json_scan_begin(struct json_scan *scan, void (*token)(void *user, enum json_token token, const char *text,
                                                           unsigned int depth, uint64_t at), void *user);
/* How many octets were fine: len, or fewer at the first that is not, and scan->expected says what should be there. */
size_t json_scan_push(struct json_scan *scan, const uint8_t *data, size_t len);
/* Was that all of it? If not, scan->expected says what is missing. */
bool json_scan_end(struct json_scan *scan);

#endif
