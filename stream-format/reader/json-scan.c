/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * A state for each place in the grammar; each octet either fits it and leads to the next, or is refused. A number ends
 * at the octet behind it, which is then looked at once more.
 */
#include "stream-format/reader/json-scan.h"

#include <string.h>

enum state {
    START,       /* the outermost object */
    VALUE,
    FIRST_ITEM,  /* a value, or the array's end */
    FIRST_KEY,   /* a key, or the object's end */
    KEY,
    COLON,
    BEHIND,      /* a value: a comma, or the end of what it is in */
    OVER,
    STRING, ESCAPE, HEX, CHARACTER,
    MINUS, ZERO, DIGITS, POINT, FRACTION, EXPONENT, EXPONENT_SIGN, EXPONENT_DIGITS,
    WORD,
    NR_STATES,
};

static const char *const expectations[NR_STATES] = {
    [START] = "a JSON object",
    [VALUE] = "a value",
    [FIRST_ITEM] = "a value or ]",
    [FIRST_KEY] = "a name in double quotes or }",
    [KEY] = "a name in double quotes",
    [COLON] = "a colon",
    [BEHIND] = "a comma, ] or }",
    [OVER] = "nothing behind the object",
    [STRING] = "no control character in a string, or its end",
    [ESCAPE] = "one of \"\\/bfnrtu behind a backslash",
    [HEX] = "four hexadecimal digits",
    [CHARACTER] = "UTF-8",
    [MINUS] = "a digit", [ZERO] = "no digit behind 0", [DIGITS] = "a digit", [POINT] = "a digit", [FRACTION] = "a digit",
    [EXPONENT] = "a digit", [EXPONENT_SIGN] = "a digit", [EXPONENT_DIGITS] = "a digit",
    [WORD] = "true, false or null",
};

void json_scan_begin(struct json_scan *s, void (*token)(void *user, enum json_token token, const char *text,
                                                        unsigned int depth, uint64_t at), void *user)
{
    *s = (struct json_scan){ .token = token, .user = user, .state = START };
}

/* ---- tokens -------------------------------------------------------------- */

static void tell(struct json_scan *s, enum json_token token)
{
    s->text[s->is_plain && s->text_len < JSON_TEXT_MAX ? s->text_len : 0] = '\0';
    if (s->token)
        s->token(s->user, token, s->text, s->depth, s->token_at);
}

static void begin_text(struct json_scan *s)
{
    s->token_at = s->offset;
    s->text_len = 0;
    s->is_plain = true;
}

static void add_text(struct json_scan *s, uint8_t c)
{
    if (s->text_len < JSON_TEXT_MAX)
        s->text[s->text_len++] = (char)c;
}

static int behind_value(const struct json_scan *s)
{
    return s->depth ? BEHIND : OVER;
}

static bool begin_container(struct json_scan *s, bool is_object)
{
    if (s->depth == JSON_DEPTH_MAX) {
        s->expected = "less deep a nesting";
        return false;
    }
    begin_text(s);
    tell(s, is_object ? JSON_BEGIN_OBJECT : JSON_BEGIN_ARRAY);
    s->is_object = (s->is_object & ~(UINT32_C(1) << s->depth)) | (uint32_t)is_object << s->depth;
    s->depth++;
    s->state = is_object ? FIRST_KEY : FIRST_ITEM;
    return true;
}

static bool in_object(const struct json_scan *s)
{
    return s->is_object >> (s->depth - 1) & 1;
}

static bool end_container(struct json_scan *s)
{
    s->depth--;
    begin_text(s);
    tell(s, JSON_END);
    s->state = behind_value(s);
    return true;
}

static bool begin_string(struct json_scan *s, bool is_key)
{
    begin_text(s);
    s->is_key = is_key;
    s->state = STRING;
    return true;
}

static bool begin_word(struct json_scan *s, const char *word, uint8_t c)
{
    begin_text(s);
    add_text(s, c);
    s->word = word + 1;
    s->state = WORD;
    return true;
}

static bool begin_number(struct json_scan *s, int state, uint8_t c)
{
    begin_text(s);
    add_text(s, c);
    s->state = state;
    return true;
}

/* ---- states -------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool take_value(struct json_scan *s, uint8_t c)
{
    switch (c) {
    case '{':
        return begin_container(s, true);
    case '[':
        return begin_container(s, false);
    case '"':
        return begin_string(s, false);
    case 't':
        return begin_word(s, "true", c);
    case 'f':
        return begin_word(s, "false", c);
    case 'n':
        return begin_word(s, "null", c);
    case '-':
        return begin_number(s, MINUS, c);
    case '0':
        return begin_number(s, ZERO, c);
    default:
        return is_digit(c) && begin_number(s, DIGITS, c);
    }
}

static bool take_between(struct json_scan *s, uint8_t c)
{
    if (is_blank(c))
        return true;
    switch (s->state) {
    case START:
        return c == '{' && begin_container(s, true);
    case FIRST_ITEM:
        return c == ']' ? end_container(s) : take_value(s, c);
    case FIRST_KEY:
        return c == '}' ? end_container(s) : c == '"' && begin_string(s, true);
    case KEY:
        return c == '"' && begin_string(s, true);
    case COLON:
        s->state = VALUE;
        return c == ':';
    case BEHIND:
        if (c == (in_object(s) ? '}' : ']'))
            return end_container(s);
        s->state = in_object(s) ? KEY : VALUE;
        return c == ',';
    case VALUE:
        return take_value(s, c);
    default:
        return false; /* OVER */
    }
}

static bool end_string(struct json_scan *s)
{
    tell(s, s->is_key ? JSON_KEY : JSON_STRING);
    s->state = s->is_key ? COLON : behind_value(s);
    return true;
}

/* How many octets follow the first of a character; 0: it is no first one. */
static unsigned int more_octets(uint8_t c)
{
    return c >> 5 == 0x6 ? 1 : c >> 4 == 0xe ? 2 : c >> 3 == 0x1e ? 3 : 0;
}

static bool take_string(struct json_scan *s, uint8_t c)
{
    if (c == '"')
        return end_string(s);
    if (c == '\\') {
        s->is_plain = false;
        s->state = ESCAPE;
        return true;
    }
    add_text(s, c);
    if (c < 0x80)
        return c >= ' ';
    s->state = CHARACTER;
    return (s->left = more_octets(c));
}

static bool take_in_string(struct json_scan *s, uint8_t c)
{
    switch (s->state) {
    case STRING:
        return take_string(s, c);
    case ESCAPE:
        s->left = 4;
        s->state = c == 'u' ? HEX : STRING;
        return c && strchr("\"\\/bfnrtu", c);
    case HEX:
        s->state = --s->left ? HEX : STRING;
        return is_hex(c);
    default: /* CHARACTER */
        add_text(s, c);
        s->state = --s->left ? CHARACTER : STRING;
        return c >> 6 == 0x2;
    }
}

static bool take_word(struct json_scan *s, uint8_t c)
{
    add_text(s, c);
    if ((char)c != *s->word++)
        return false;
    if (!*s->word) {
        tell(s, JSON_WORD);
        s->state = behind_value(s);
    }
    return true;
}

/* The state that an octet of a number leads to; -1: it is none of the number's. */
static int next_in_number(int state, uint8_t c)
{
    bool exponent = c == 'e' || c == 'E';

    switch (state) {
    case MINUS:
        return c == '0' ? ZERO : is_digit(c) ? DIGITS : -1;
    case ZERO:
        return c == '.' ? POINT : exponent ? EXPONENT : -1;
    case DIGITS:
        return is_digit(c) ? DIGITS : c == '.' ? POINT : exponent ? EXPONENT : -1;
    case POINT:
        return is_digit(c) ? FRACTION : -1;
    case FRACTION:
        return is_digit(c) ? FRACTION : exponent ? EXPONENT : -1;
    case EXPONENT:
        return c == '+' || c == '-' ? EXPONENT_SIGN : is_digit(c) ? EXPONENT_DIGITS : -1;
    default:
        return is_digit(c) ? EXPONENT_DIGITS : -1;
    }
}

static bool take(struct json_scan *s, uint8_t c);

static bool take_number(struct json_scan *s, uint8_t c)
{
    int next = next_in_number(s->state, c);

    if (next >= 0) {
        add_text(s, c);
        s->state = next;
        return true;
    }
    if (s->state == MINUS || s->state == POINT || s->state == EXPONENT || s->state == EXPONENT_SIGN)
        return false;
    tell(s, JSON_NUMBER);
    s->state = behind_value(s);
    return take(s, c);
}

static bool take(struct json_scan *s, uint8_t c)
{
    int before = s->state;
    bool ok;

    s->expected = NULL;
    if (before <= OVER)
        ok = take_between(s, c);
    else if (before <= CHARACTER)
        ok = take_in_string(s, c);
    else
        ok = before == WORD ? take_word(s, c) : take_number(s, c);
    if (!ok && !s->expected)
        s->expected = expectations[before];
    return ok;
}

size_t json_scan_push(struct json_scan *s, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++, s->offset++) {
        if (!take(s, data[i]))
            return i;
    }
    return len;
}

bool json_scan_end(struct json_scan *s)
{
    s->expected = s->state <= OVER ? "the end of the object" : expectations[s->state];
    if (s->state == START)
        s->expected = expectations[START];
    return s->state == OVER;
}
