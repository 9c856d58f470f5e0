/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A directory with journals, made for each test, and what tests do to it; where that fails, so does the test. */
#ifndef TESTS_XLMIG_HANDOVER_JOURNAL_CASE_H
#define TESTS_XLMIG_HANDOVER_JOURNAL_CASE_H

#include "tests/scratch.h"
#include "xlmig/handover/journal.h"

extern char base[SCRATCH_SIZE], dir[128]; /* dir is in base */
extern char path[1000];                   /* the last result of in_dir(); else a test's own */
extern struct failure failure;

/* The record that most tests begin with. */
extern const struct journal_record begin;
#define FILE_OF_BEGIN "ab010200000000000000000000000000-send"
#define LOCK_OF_BEGIN "01020300000000000000000000000000.lock"

/* Before and after each test. */
void make_base(void);
void remove_base(void);

const char *in_dir(const char *file);
struct journal *create(const struct journal_record *record);
void advance(struct journal *journal, enum journal_state state);
/* The nth of what is listed, of so many. */
struct journal_entry listed(size_t nth, size_t of);
/* The one of `begin`. */
enum journal_taken take(struct journal **journal);

#endif
