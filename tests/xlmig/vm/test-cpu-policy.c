/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* CPU policies on the wire. */
#include "tests/run-suite.h"
#include "xlmig/vm/cpu-policy.h"

#include <stdlib.h>
#include <string.h>

static struct cpu_leaf leaves[] = {
    { 0x1, CPU_POLICY_NO_SUBLEAF, 0x800f12, 0, 0x10000000, 0x178bfbff }, /* avx; the usual */
    { 0x7, 0, 2, 0x20, 0, 0 },                                           /* avx2 */
    { 0x80000001, CPU_POLICY_NO_SUBLEAF, 0, 0, 0, 0x0183f3ff },          /* AMD's mirror of leaf 1 */
};
static struct cpu_msr msrs[] = { { 0xce, 0, 0x80000000 } };
static const struct cpu_facts facts = { 3, 1, leaves, msrs };

START_TEST(a_policy_comes_back_as_it_was)
{
    struct cpu_facts out;
    size_t len;
    void *bytes = cpu_facts_encode(&facts, &len);

    ck_assert_int_eq(cpu_facts_decode(bytes, len, &out), 0);
    ck_assert_uint_eq(out.nr_leaves, 3);
    ck_assert_uint_eq(out.nr_msrs, 1);
    ck_assert_mem_eq(out.leaves, leaves, sizeof leaves);
    ck_assert_mem_eq(out.msrs, msrs, sizeof msrs);
    cpu_facts_dispose(&out);
    free(bytes);
}
END_TEST

START_TEST(negative_policies)
{
    struct cpu_facts out;
    size_t len;
    unsigned char *bytes = cpu_facts_encode(&facts, &len);

    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_eq(cpu_facts_decode(bytes, cut, &out), -1);
    for (size_t byte = 0; byte < 16; byte++) {
        bytes[byte] ^= 0x80;
        ck_assert_msg(cpu_facts_decode(bytes, len, &out) == -1, "header byte %zu", byte);
        ck_assert_ptr_null(out.leaves);
        bytes[byte] ^= 0x80;
    }
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cpu-policy");
    TCase *tcase = tcase_create("policies");

    tcase_add_test(tcase, a_policy_comes_back_as_it_was);
    tcase_add_test(tcase, negative_policies);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
