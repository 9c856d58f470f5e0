/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/text.h"

#include <stdio.h>

void clean_text(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = ' ';
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
