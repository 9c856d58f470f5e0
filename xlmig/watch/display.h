/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The view of a move under way, as lines of text; what is done with them is the caller's. */
#ifndef XLMIG_WATCH_DISPLAY_H
#define XLMIG_WATCH_DISPLAY_H

#include "xlmig/watch/move.h"

#define DISPLAY_LINES_MAX 16u
#define DISPLAY_COLUMNS_MAX 200u

enum display_mood { DISPLAY_PLAIN, DISPLAY_TITLE, DISPLAY_GOOD, DISPLAY_BAD };

struct display_line {
    char text[DISPLAY_COLUMNS_MAX + 4];
    enum display_mood mood;
};

/*
 * No line has more octets than `columns`; what has no room on one is on the next.  Returns how many lines there are, one
 * at least.
 */
unsigned display_render(const struct move *move, uint64_t now_us, unsigned columns,
                        struct display_line lines[DISPLAY_LINES_MAX]);

/* "data 1.1 GiB, zero 300.0 MiB": memory, not bytes on the wire; "" when nothing was sent. */
const char *display_kinds(const struct helper_kind_count kinds[HELPER_NR_KINDS], char *text, size_t size);
/* "1:02:03", "00:12" */
const char *display_clock(uint64_t us, char *text, size_t size);

#endif
