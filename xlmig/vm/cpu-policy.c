/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/vm/cpu-policy.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x50434d58u /* "XMCP" */
#define HEADER_BYTES 16u
#define LEAF_BYTES 24u
#define MSR_BYTES 16u

static unsigned char *put32(unsigned char *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static const unsigned char *get32(const unsigned char *at, uint32_t *value)
{
    memcpy(value, at, sizeof *value);
    *value = le32toh(*value);
    return at + sizeof *value;
}

void *cpu_facts_encode(const struct cpu_facts *facts, size_t *len)
{
    unsigned char *bytes, *at;

    *len = HEADER_BYTES + (size_t)facts->nr_leaves * LEAF_BYTES + (size_t)facts->nr_msrs * MSR_BYTES;
    bytes = at = malloc(*len);
    if (!bytes)
        return NULL;
    at = put32(at, MAGIC);
    at = put32(at, facts->nr_leaves);
    at = put32(at, facts->nr_msrs);
    at = put32(at, 0);
    for (uint32_t i = 0; i < facts->nr_leaves; i++) {
        const struct cpu_leaf *leaf = &facts->leaves[i];
        const uint32_t words[] = { leaf->leaf, leaf->subleaf, leaf->a, leaf->b, leaf->c, leaf->d };

        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
            at = put32(at, words[w]);
    }
    for (uint32_t i = 0; i < facts->nr_msrs; i++) {
        at = put32(at, facts->msrs[i].index);
        at = put32(at, facts->msrs[i].flags);
        at = put32(at, (uint32_t)facts->msrs[i].value);
        at = put32(at, (uint32_t)(facts->msrs[i].value >> 32));
    }
    return bytes;
}

static void decode_arrays(const unsigned char *at, struct cpu_facts *facts)
{
    for (uint32_t i = 0; i < facts->nr_leaves; i++) {
        struct cpu_leaf *leaf = &facts->leaves[i];
        uint32_t *const words[] = { &leaf->leaf, &leaf->subleaf, &leaf->a, &leaf->b, &leaf->c, &leaf->d };

        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
            at = get32(at, words[w]);
    }
    for (uint32_t i = 0; i < facts->nr_msrs; i++) {
        uint32_t low, high;

        at = get32(at, &facts->msrs[i].index);
        at = get32(at, &facts->msrs[i].flags);
        at = get32(at, &low);
        at = get32(at, &high);
        facts->msrs[i].value = (uint64_t)high << 32 | low;
    }
}

int cpu_facts_decode(const void *bytes, size_t len, struct cpu_facts *facts)
{
    const unsigned char *at = bytes;
    uint32_t magic, nr_leaves, nr_msrs, zero;

    *facts = (struct cpu_facts){ 0 };
    if (len < HEADER_BYTES)
        return -1;
    at = get32(at, &magic);
    at = get32(at, &nr_leaves);
    at = get32(at, &nr_msrs);
    at = get32(at, &zero);
    if (magic != MAGIC || zero != 0 || nr_leaves > CPU_POLICY_MAX_LEAVES || nr_msrs > CPU_POLICY_MAX_MSRS ||
        len != HEADER_BYTES + (size_t)nr_leaves * LEAF_BYTES + (size_t)nr_msrs * MSR_BYTES)
        return -1;
    facts->leaves = calloc((size_t)nr_leaves + 1, sizeof *facts->leaves);
    facts->msrs = calloc((size_t)nr_msrs + 1, sizeof *facts->msrs);
    if (!facts->leaves || !facts->msrs) {
        cpu_facts_dispose(facts);
        return -1;
    }
    facts->nr_leaves = nr_leaves;
    facts->nr_msrs = nr_msrs;
    decode_arrays(at, facts);
    return 0;
}

void cpu_facts_dispose(struct cpu_facts *facts)
{
    free(facts->leaves);
    free(facts->msrs);
    *facts = (struct cpu_facts){ 0 };
}
