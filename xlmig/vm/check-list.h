/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What was asked before a VM is moved, each with its result and, where it failed, the way out. */
#ifndef XLMIG_VM_CHECK_LIST_H
#define XLMIG_VM_CHECK_LIST_H

#include <stdbool.h>

/* From the best to the worst. */
enum check_result {
    CHECK_OK,
    CHECK_UNKNOWN,  /* it cannot be asked */
    CHECK_WARNING,  /* it can move; but somebody should know */
    CHECK_REFUSED,  /* it cannot move */
    CHECK_NR_RESULTS,
};

#define CHECK_SUBJECT_MAX 48u
#define CHECK_TEXT_MAX 2048u
#define CHECKS_MAX 128u

struct check {
    enum check_result result;
    char subject[CHECK_SUBJECT_MAX]; /* "memory", "disk xvda" */
    char text[CHECK_TEXT_MAX];       /* what was found; no full stop */
    char remedy[CHECK_TEXT_MAX];     /* what to do about it, beginning with a capital, no full stop; "": nothing to do */
};

struct check_list {
    unsigned nr;
    struct check *checks; /* malloc() */
    bool incomplete;      /* memory ran out: what is missing may be a refusal */
};

/*
 * Add one and return it, for check_remedy().  Where there is no room for more it
 * takes the place of the last one, if it is worse than that, so that no refusal
 * gets lost; then, or without memory, NULL may come back.  Control characters
 * become blanks.
 */
struct check *check_add(struct check_list *list, enum check_result result, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* `check` NULL is fine. */
void check_remedy(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

unsigned check_count(const struct check_list *list, enum check_result result);
/* Does anything stand in the way? */
bool check_refuses(const struct check_list *list);
/* "ok", "unknown", "warning", "refused" */
const char *check_result_name(enum check_result result);

/* What was found and what to do about it, as one text. */
const char *check_sentence(const struct check *check, char *text, unsigned size);

/* All that refuse, as one text with a line each. */
void check_refusals(const struct check_list *list, char *text, unsigned size);

/* Idempotent. */
void check_list_dispose(struct check_list *list);

#endif
