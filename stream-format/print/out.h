/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Where the printer writes: lines for people, or JSON objects, one a line.
 *
 * An object holds named values, then perhaps a list of objects of named
 * values, or a long text. Values may come from a hostile stream: nothing but
 * printable ASCII leaves here, everything else is escaped. A byte above 0x7f
 * is \xNN in a line and \u00NN in JSON.
 */
#ifndef STREAM_FORMAT_PRINT_OUT_H
#define STREAM_FORMAT_PRINT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
    bool json;
    bool colour;
    void (*write)(void *opaque, const char *text, size_t len);
    void *opaque;

    /* Private. */
    bool comma; /* JSON: a value came before in this object or list */
};

/* Raw text, for what the functions below do not cover; printf's. */
void out_raw(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A line or an object. */
void out_begin(struct out *out);
void out_end(struct out *out);

void out_dec(struct out *out, const char *name, uint64_t value);
void out_hex(struct out *out, const char *name, uint64_t value);
void out_text(struct out *out, const char *name, const char *text, size_t len);
/* What the value before stands for; of the same name. */
void out_meaning(struct out *out, const char *name, const char *text);

/* A list: items between begin and end, values in the items. */
void out_list_begin(struct out *out, const char *name);
void out_item_begin(struct out *out);
void out_item_end(struct out *out);
void out_list_end(struct out *out);

/* A text in pieces. */
void out_piece(struct out *out, const char *text, size_t len);

#endif
