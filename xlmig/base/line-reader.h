/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Reads what a child writes for people: line by line, cleaned, with the last ones kept. */
#ifndef XLMIG_BASE_LINE_READER_H
#define XLMIG_BASE_LINE_READER_H

#include <event2/event.h>

#define LINE_TAIL_BYTES 1500

struct line_reader;
typedef void line_fn(void *user, const char *line);

/* `fd` is the reader's from now on; it is made non-blocking.  `line` may be NULL.  NULL: out of memory; fd is closed. */
struct line_reader *line_reader_open(struct event_base *base, int fd, line_fn *line, void *user);
/* Take what is in the pipe now. */
void line_reader_drain(struct line_reader *reader);
/* The last lines, joined by "; "; empty if there were none. */
const char *line_reader_tail(const struct line_reader *reader);
/* NULL is fine. */
void line_reader_close(struct line_reader *reader);

#endif
