/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Numbers as people type them.  Strict: no sign, no blank, nothing left over, no silent overflow. */
#include "xlmig/cli/verb.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int parse_number(const char *text, unsigned *value)
{
    unsigned long v;
    char *end;

    if (!isdigit((unsigned char)text[0]))
        return -1;
    errno = 0;
    v = strtoul(text, &end, 10);
    if (errno || *end != '\0' || v > UINT_MAX)
        return -1;
    *value = (unsigned)v;
    return 0;
}

struct unit {
    const char *name;
    double factor;
};

/* Digits with at most one point, then one of the units. */
static int parse_scaled(const char *text, const struct unit *units, uint64_t *value)
{
    size_t digits = strspn(text, "0123456789");
    size_t len = digits;
    double v;

    if (digits == 0)
        return -1;
    if (text[len] == '.') {
        size_t fraction = strspn(text + len + 1, "0123456789");

        if (fraction == 0)
            return -1;
        len += 1 + fraction;
    }
    if (len > 32)
        return -1;
    v = strtod(text, NULL);
    for (; units->name; units++) {
        if (strcmp(text + len, units->name) != 0)
            continue;
        v *= units->factor;
        if (v >= 0x1p63)
            return -1;
        *value = (uint64_t)llround(v);
        return 0;
    }
    return -1;
}

int parse_bytes(const char *text, uint64_t *value)
{
    /* 1024 whatever it is called, but for kB and the like, which are told to mean 1000 and so are no words here. */
    static const struct unit units[] = {
        { "", 1 }, { "K", 0x1p10 }, { "M", 0x1p20 }, { "G", 0x1p30 }, { "T", 0x1p40 },
        { "k", 0x1p10 }, { "m", 0x1p20 }, { "g", 0x1p30 }, { "t", 0x1p40 },
        { "KiB", 0x1p10 }, { "MiB", 0x1p20 }, { "GiB", 0x1p30 }, { "TiB", 0x1p40 }, { NULL, 0 },
    };

    return parse_scaled(text, units, value);
}

int parse_duration_us(const char *text, uint64_t *value)
{
    static const struct unit units[] = {
        { "", 1e6 }, { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { "sec", 1e6 }, { "m", 60e6 }, { "min", 60e6 },
        { "h", 3600e6 }, { NULL, 0 },
    };

    return parse_scaled(text, units, value);
}
