/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xlmig/cpu-policy.h"

#include <endian.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x50434d58u /* "XMCP" */
#define HEADER_BYTES 16u
#define LEAF_BYTES 24u
#define MSR_BYTES 16u
#define NO_SUBLEAF CPU_POLICY_NO_SUBLEAF

enum reg { REG_A, REG_B, REG_C, REG_D };

/* The words of CPUID that hold features; names from bit 0 on, "-" where a bit has none. */
static const struct feature_word {
    uint32_t leaf, subleaf;
    enum reg reg;
    const char *names;
    uint32_t mirrored; /* bits that AMD repeats from leaf 1: Xen's host policy leaves them out */
} feature_words[] = {
    { 0x00000001, NO_SUBLEAF, REG_D,
      "fpu vme de pse tsc msr pae mce cx8 apic - sysenter mtrr pge mca cmov pat pse36 psn "
      "clflush - ds acpi mmx fxsr sse sse2 ss htt tm ia64 pbe", 0 },
    { 0x00000001, NO_SUBLEAF, REG_C,
      "sse3 pclmulqdq dtes64 monitor ds-cpl vmx smx est tm2 ssse3 cntx-id sdgb fma cx16 "
      "xtpr pdcm - pcid dca sse41 sse42 x2apic movebe popcnt tsc-dl aesni xsave osxsave "
      "avx f16c rdrnd hyper", 0 },
    { 0x80000001, NO_SUBLEAF, REG_D,
      "fpu vme de pse tsc msr pae mce cx8 apic - syscall mtrr pge mca cmov fcmov pse36 - "
      "mp nx - mmx+ mmx fxsr fxsr+ pg1g rdtscp - lm 3dnow+ 3dnow", 0x0183f3ff },
    { 0x80000001, NO_SUBLEAF, REG_C,
      "lahf-lm cmp svm extapic cr8d lzcnt sse4a msse 3dnowpf osvw ibs xop skinit wdt - lwp "
      "fma4 tce - nodeid - tbm topoext perfctr-core perfctr-nb - dbx perftsc pcx-l2i "
      "monitorx", 0 },
    { 0x0000000d, 1, REG_A,
      "xsaveopt xsavec xgetbv1 xsaves", 0 },
    { 0x00000007, 0, REG_B,
      "fsgsbase tsc-adj sgx bmi1 hle avx2 fdp-exn smep bmi2 erms invpcid rtm pqm depfpp "
      "mpx pqe avx512f avx512dq rdseed adx smap avx512-ifma pcommit clflushopt clwb "
      "proc-trace avx512pf avx512er avx512cd sha avx512bw avx512vl", 0 },
    { 0x00000007, 0, REG_C,
      "prefetchwt1 avx512-vbmi umip pku ospke waitpkg avx512-vbmi2 cet-ss gfni vaes "
      "vpclmulqdq avx512-vnni avx512-bitalg - avx512-vpopcntdq - - - - - - - rdpid - - "
      "cldemote - movdiri movdir64b enqcmd sgx-lc", 0 },
    { 0x00000007, 0, REG_D,
      "- - avx512-4vnniw avx512-4fmaps fsrm - - - avx512-vp2intersect srbds-ctrl md-clear "
      "rtm-always-abort - tsx-force-abort serialize hybrid tsxldtrk - pconfig - cet-ibt - "
      "- avx512-fp16 - - ibrsb stibp l1d-flush arch-caps core-caps ssbd", 0 },
    { 0x00000007, 1, REG_A,
      "- - - - avx-vnni avx512-bf16 - - - - fzrm fsrs fsrcs", 0 },
    { 0x00000007, 2, REG_D,
      "intel-psfd ipred-ctrl rrsba-ctrl - bhi-ctrl mcdt-no", 0 },
    { 0x80000007, NO_SUBLEAF, REG_D,
      "- - - - - - - hw-pstate itsc cpb efro", 0 },
    { 0x80000008, NO_SUBLEAF, REG_B,
      "clzero - rstr-fp-err-ptrs - - - - - - wbnoinvd - - ibpb - ibrs amd-stibp "
      "ibrs-always stibp-always ibrs-fast ibrs-same-mode no-lmsl - - ppin amd-ssbd "
      "virt-ssbd ssb-no - psfd btc-no ibpb-ret", 0 },
    { 0x80000021, NO_SUBLEAF, REG_A,
      "- - lfence+ - - verw-clear nscb - auto-ibrs - - - - - - - - - - - - - - - - - - "
      "sbpb ibpb-brtype srso-no srso-us-no srso-msr-fix", 0 },};

/*
 * Bits that say how a CPU was set up or where it sits, not what it can do; Xen
 * makes them up for each guest.
 */
static const char *const not_features[] = { "apic", "osxsave", "ospke", "hyper", "htt", "cmp", "x2apic" };

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

static uint32_t word_of(const struct cpu_facts *facts, const struct feature_word *word)
{
    for (uint32_t i = 0; i < facts->nr_leaves; i++) {
        const struct cpu_leaf *leaf = &facts->leaves[i];

        if (leaf->leaf == word->leaf && leaf->subleaf == word->subleaf)
            return word->reg == REG_A   ? leaf->a
                   : word->reg == REG_B ? leaf->b
                   : word->reg == REG_C ? leaf->c
                                        : leaf->d;
    }
    return 0;
}

/* The name of a bit, or NULL: none. */
static const char *bit_name(const struct feature_word *word, unsigned bit, char *buffer, size_t size)
{
    const char *at = word->names;
    size_t len;

    for (; bit > 0; bit--) {
        at = strchr(at, ' ');
        if (!at)
            return NULL;
        at++;
    }
    len = strcspn(at, " ");
    if ((len == 1 && *at == '-') || len >= size)
        return NULL;
    memcpy(buffer, at, len);
    buffer[len] = '\0';
    return buffer;
}

static bool is_feature(const char *name)
{
    for (size_t i = 0; i < sizeof not_features / sizeof not_features[0]; i++)
        if (strcmp(name, not_features[i]) == 0)
            return false;
    return true;
}

static void append_name(char *names, size_t size, const char *name)
{
    size_t used = strlen(names);

    if (used + 1 < size)
        snprintf(names + used, size - used, "%s%s", used ? " " : "", name);
}

unsigned cpu_features_missing(const struct cpu_facts *guest, const struct cpu_facts *host, char *names, size_t size)
{
    unsigned nr_missing = 0;

    names[0] = '\0';
    for (size_t w = 0; w < sizeof feature_words / sizeof feature_words[0]; w++) {
        const struct feature_word *word = &feature_words[w];
        uint32_t missing = word_of(guest, word) & ~word_of(host, word) & ~word->mirrored;

        for (unsigned bit = 0; bit < 32; bit++) {
            char buffer[48];
            const char *name;

            if (!(missing & 1u << bit))
                continue;
            name = bit_name(word, bit, buffer, sizeof buffer);
            if (!name) {
                snprintf(buffer, sizeof buffer, "%#x:%c:%u", word->leaf, "abcd"[word->reg], bit);
                name = buffer;
            }
            if (!is_feature(name))
                continue;
            append_name(names, size, name);
            nr_missing++;
        }
    }
    return nr_missing;
}
