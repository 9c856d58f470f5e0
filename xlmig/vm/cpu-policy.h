/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What a CPU promised to a guest, as it crosses the wire.
 *
 *     u32 magic, u32 nr_leaves, u32 nr_msrs, u32 zero
 *     nr_leaves times: u32 leaf, subleaf, a, b, c, d      (CPUID)
 *     nr_msrs times:   u32 index, u32 flags, u64 value
 *
 * All little-endian.  Knows nothing of Xen, so that both toolstacks and the
 * tests can use it.
 */
#ifndef XLMIG_VM_CPU_POLICY_H
#define XLMIG_VM_CPU_POLICY_H

#include <stddef.h>
#include <stdint.h>

#define CPU_POLICY_NO_SUBLEAF 0xffffffffu
#define CPU_POLICY_MAX_LEAVES 2048u
#define CPU_POLICY_MAX_MSRS 256u

struct cpu_leaf {
    uint32_t leaf, subleaf, a, b, c, d;
};

struct cpu_msr {
    uint32_t index, flags;
    uint64_t value;
};

struct cpu_facts {
    uint32_t nr_leaves, nr_msrs;
    struct cpu_leaf *leaves; /* malloc() */
    struct cpu_msr *msrs;
};

/* NULL: no memory. */
void *cpu_facts_encode(const struct cpu_facts *facts, size_t *len);
/* Hostile bytes.  -1: not such a thing, or no memory; `facts` is empty then. */
int cpu_facts_decode(const void *bytes, size_t len, struct cpu_facts *facts);
void cpu_facts_dispose(struct cpu_facts *facts);

/*
 * Features that the guest was told of and the host does not have, by the names
 * that xen-cpuid(1) prints, separated by blanks.  Returns how many there are.
 */
unsigned cpu_features_missing(const struct cpu_facts *guest, const struct cpu_facts *host, char *names, size_t size);

#endif
