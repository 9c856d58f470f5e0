/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What one CPU promised and another cannot give, feature by feature: by the names
 * that xen-cpuid(1) prints, and in libxl's words for a VM's configuration.
 */
#ifndef XLMIG_VM_CPU_FEATURES_H
#define XLMIG_VM_CPU_FEATURES_H

#include "xlmig/vm/cpu-policy.h"

#include <stdbool.h>

struct cpu_difference {
    unsigned nr_missing;    /* features that the guest was told of and the host does not have */
    char missing[2048];     /* their names, separated by blanks */
    /*
     * cpuid="host,adx=0": for the guest's configuration.  Started anew with it, the
     * guest is promised none of them, anywhere.  "": libxl has a word for none.
     */
    char line[2048];
    char wordless[1024];    /* those of `missing` for which libxl has no word */
    /*
     * What the guest was told of its CPU's safety (IA32_ARCH_CAPABILITIES) and
     * does not hold for the host's: no instruction fails without it.
     */
    unsigned nr_weaker;
    char weaker[1024];
};

/* Does libxl know that word in cpuid="..."? */
typedef bool cpu_word_known(const char *word);

void cpu_features_compare(const struct cpu_facts *guest, const struct cpu_facts *host, cpu_word_known *known,
                          struct cpu_difference *difference);

/* For the tests: each bit that has a name, in order.  false: there is no more. */
struct cpu_feature {
    uint32_t leaf, subleaf; /* `leaf` is an MSR's index where is_msr */
    char reg;               /* 'a' to 'd'; of an MSR 'a': bits 0 to 31, 'd': the others */
    bool is_msr;
    unsigned bit;           /* 0 to 31 */
    char name[32];
    char word[32];          /* libxl's */
};
bool cpu_feature_next(unsigned *position, struct cpu_feature *feature);

#endif
