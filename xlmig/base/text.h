/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Text that a person reads, and octets as text. */
#ifndef XLMIG_BASE_TEXT_H
#define XLMIG_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Replace all but printable ASCII by blanks: fit for a terminal, whoever wrote it. */
void clean_text(char *text);

/*
 * Octets of the character at `text`, which is not its end, or 0 where it is not fit to be shown: no UTF-8, or a
 * character that a terminal obeys (C0, DEL, C1), that turns text around or hides in it (bidi controls, zero width,
 * line and paragraph separators, byte order mark, the private and the never-assigned).
 */
size_t text_character(const char *text);
/* All of it is fit to be shown. */
bool text_is_fit(const char *text);
/* Replace each octet that is not: a control character of ASCII by a blank, others by '?'. */
void make_text_fit(char *text);

/* Room for a name of the longest kind, each octet of it a quotation mark. */
#define SHELL_WORD_SIZE 1024u
/* `text` as a shell takes it for one word: as it is, or in quotation marks.  Cut where `word` has no room. */
const char *shell_word(const char *text, char *word, size_t size);
/*
 * What ends a sentence after `text`: a full stop, or nothing where it ends in what somebody is to type.  That is a
 * command after a colon, or an option, and whoever copies it is not to copy the full stop.
 */
const char *text_stop(const char *text);

/* "1.5 GiB", "12.0 MiB/s" is the former with "/s"; buffer holds at least 32 bytes. */
const char *format_bytes(double bytes, char *buffer, size_t size);
/* "350 ms", "12.5 s" */
const char *format_us(uint64_t us, char *buffer, size_t size);

/* Lower case; `hex` has room for 2 * len + 1. */
void hex_encode(const void *bytes, size_t len, char *hex);
/* The first 2 * len characters of `hex`, which may end before.  -1: not all of them are digits, in lower case. */
int hex_decode(const char *hex, void *bytes, size_t len);

#endif
