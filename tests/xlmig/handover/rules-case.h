/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the tests of recover's rules share. */
#ifndef TESTS_XLMIG_HANDOVER_RULES_CASE_H
#define TESTS_XLMIG_HANDOVER_RULES_CASE_H

#include "tests/run-suite.h"
#include "xlmig/handover/rules.h"

#define must(condition, ...) ck_assert_msg(condition, __VA_ARGS__)

static inline bool is_others(enum recover_domain domain)
{
    return domain == RECOVER_DOMAIN_TAKEN || domain == RECOVER_DOMAIN_STRANGER;
}

/* Or may at any time, by somebody else's hand. */
static inline bool runs(enum recover_domain domain)
{
    return domain == RECOVER_DOMAIN_RUNNING || domain == RECOVER_DOMAIN_PAUSED || is_others(domain);
}

#endif
