/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* A folder for what a test makes, which often stands for a host: made before each test, removed after it. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH_SIZE 32

static inline void scratch_make(char path[SCRATCH_SIZE])
{
    snprintf(path, SCRATCH_SIZE, "/tmp/xlmig-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(path));
}

/* A shell's way of making things in it. */
static inline void scratch_do(const char *path, const char *what)
{
    char command[512];

    ck_assert_int_lt(snprintf(command, sizeof command, "cd '%s' && %s", path, what), (int)sizeof command);
    ck_assert_int_eq(system(command), 0);
}

/* With all that is in it. */
static inline void scratch_remove(const char *path)
{
    char command[SCRATCH_SIZE + 16];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    ck_assert_int_eq(system(command), 0);
}

#endif
