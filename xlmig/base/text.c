/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/text.h"

#include <stdio.h>
#include <string.h>

void clean_text(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = ' ';
}

/* The code of a well-formed character and its octets in *n, or 0: overlong forms and surrogates are none. */
static uint32_t decode(const unsigned char *c, size_t *n)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t code;

    *n = c[0] < 0x80 ? 1 : c[0] < 0xc0 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : c[0] < 0xf8 ? 4 : 0;
    if (*n < 2)
        return *n ? c[0] : 0;
    code = c[0] & (0x7fu >> *n);
    for (size_t i = 1; i < *n; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (c[i] & 0x3f);
    }
    return code < least[*n] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0 : code;
}

static bool is_unfit(uint32_t code)
{
    static const struct { uint32_t first, last; } unfit[] = {
        { 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad }, { 0x061c, 0x061c }, { 0x115f, 0x1160 },
        { 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0x3164, 0x3164 },
        { 0xe000, 0xf8ff }, { 0xfdd0, 0xfdef }, { 0xfeff, 0xfeff }, { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
        { 0xfffe, 0xffff }, { 0xe0000, 0x10ffff },
    };

    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++)
        if (code >= unfit[i].first && code <= unfit[i].last)
            return true;
    return false;
}

size_t text_character(const char *text)
{
    size_t n;

    return is_unfit(decode((const unsigned char *)text, &n)) ? 0 : n;
}

bool text_is_fit(const char *text)
{
    while (*text) {
        size_t n = text_character(text);

        if (n == 0)
            return false;
        text += n;
    }
    return true;
}

void make_text_fit(char *text)
{
    while (*text) {
        size_t n = text_character(text);

        if (n == 0)
            *text = (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : '?';
        text += n ? n : 1;
    }
}

const char *shell_word(const char *text, char *word, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
    size_t used;

    if (*text && text[strspn(text, plain)] == '\0') {
        snprintf(word, size, "%s", text);
        return word;
    }
    used = (size_t)snprintf(word, size, "'");
    for (; *text && used + 5 < size; text++)
        used += (size_t)snprintf(word + used, size - used, *text == '\'' ? "'\\''" : "%c", *text);
    snprintf(word + used, size - used, "'");
    return word;
}

const char *text_stop(const char *text)
{
    static const char *const commands[] = { ": xl ", ": xlmig", ": rm ", ": scp " };
    const char *last = strrchr(text, ' ');

    if (last && strncmp(last, " --", 3) == 0)
        return "";
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        for (const char *at = text; (at = strstr(at, commands[i])) != NULL; at++)
            if (!strstr(at + 1, ": ") && !strstr(at, ". ") && !strstr(at, "; ") && !strstr(at, ", "))
                return "";
    return ".";
}

const char *format_bytes(double bytes, char *buffer, size_t size)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(buffer, size, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return buffer;
}

const char *format_us(uint64_t us, char *buffer, size_t size)
{
    if (us < 1000)
        snprintf(buffer, size, "%u us", (unsigned)us);
    else if (us < 1000000)
        snprintf(buffer, size, "%.1f ms", (double)us / 1e3);
    else
        snprintf(buffer, size, "%.2f s", (double)us / 1e6);
    return buffer;
}

void hex_encode(const void *bytes, size_t len, char *hex)
{
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    hex[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int hex_decode(const char *hex, void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(hex[2 * i]), low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);

        if (low < 0)
            return -1;
        ((unsigned char *)bytes)[i] = (unsigned char)(high << 4 | low);
    }
    return 0;
}
