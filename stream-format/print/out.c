/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "stream-format/print/out.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define INDENT "               "

static void put(struct out *out, const char *text)
{
    out->write(out->opaque, text, strlen(text));
}

void out_raw(struct out *out, const char *format, ...)
{
    char text[512];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len > 0)
        out->write(out->opaque, text, (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1);
}

void out_piece(struct out *out, const char *text, size_t len)
{
    size_t plain = 0;

    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];

        if (c >= 0x20 && c < 0x7f && !(out->json && (c == '"' || c == '\\')))
            continue;
        out->write(out->opaque, text + plain, i - plain);
        plain = i + 1;
        if (out->json)
            out_raw(out, "\\u%04x", c);
        else
            out_raw(out, "\\x%02x", c);
    }
    out->write(out->opaque, text + plain, len - plain);
}

static void put_name(struct out *out, const char *name)
{
    if (!out->json) {
        out_raw(out, " %s=", name);
        return;
    }
    out_raw(out, "%s\"%s\":", out->comma ? "," : "", name);
    out->comma = true;
}

void out_begin(struct out *out)
{
    if (out->json)
        put(out, "{");
    out->comma = false;
}

void out_end(struct out *out)
{
    put(out, out->json ? "}\n" : "\n");
}

void out_dec(struct out *out, const char *name, uint64_t value)
{
    put_name(out, name);
    out_raw(out, "%" PRIu64, value);
}

/* JSON has no hexadecimal numbers, and its readers no exact large ones. */
void out_hex(struct out *out, const char *name, uint64_t value)
{
    put_name(out, name);
    out_raw(out, out->json ? "\"0x%" PRIx64 "\"" : "0x%" PRIx64, value);
}

void out_text(struct out *out, const char *name, const char *text, size_t len)
{
    put_name(out, name);
    put(out, "\"");
    out_piece(out, text, len);
    put(out, "\"");
}

void out_meaning(struct out *out, const char *name, const char *text)
{
    if (!out->json) {
        out_raw(out, " (%s)", text);
        return;
    }
    out_raw(out, ",\"%s_name\":\"%s\"", name, text);
}

void out_list_begin(struct out *out, const char *name)
{
    if (out->json) {
        put_name(out, name);
        put(out, "[");
        out->comma = false;
    }
}

void out_item_begin(struct out *out)
{
    if (!out->json) {
        put(out, "\n" INDENT);
        return;
    }
    put(out, out->comma ? ",{" : "{");
    out->comma = false;
}

void out_item_end(struct out *out)
{
    if (out->json)
        put(out, "}");
    out->comma = true;
}

void out_list_end(struct out *out)
{
    if (out->json)
        put(out, "]");
    out->comma = true;
}
