/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/vm/cpu-features.h"

#include <stdio.h>
#include <string.h>

#define NO_SUBLEAF CPU_POLICY_NO_SUBLEAF
#define ARCH_CAPABILITIES 0x10au

enum reg { REG_A, REG_B, REG_C, REG_D };

/*
 * The words of CPUID, and the one MSR, that hold features (Xen's
 * public/arch-x86/cpufeatureset.h).  Names from bit 0 on, "-" where a bit has none:
 * xen-cpuid's, and after a "=" libxl's where that is another one.  A "!" in front: no
 * promise, but how a CPU was set up or where it sits, or what it suffers from; Xen
 * makes them up for each guest.
 */
static const struct feature_word {
    uint32_t leaf, subleaf;
    enum reg reg;
    bool is_msr;
    const char *names;
    uint32_t mirrored; /* bits that AMD repeats from leaf 1: Xen's host policy leaves them out */
} feature_words[] = {
    { 0x00000001, NO_SUBLEAF, REG_D, false,
      "fpu vme de pse tsc msr pae mce cx8 !apic - sysenter mtrr pge mca cmov pat pse36 psn "
      "clflush=clfsh - ds acpi mmx fxsr sse sse2 ss !htt tm ia64 pbe", 0 },
    { 0x00000001, NO_SUBLEAF, REG_C, false,
      "sse3 pclmulqdq dtes64 monitor ds-cpl=dscpl vmx smx est tm2 ssse3 cntx-id=cntxid sdgb fma cx16 "
      "xtpr pdcm - pcid dca sse41=sse4.1 sse42=sse4.2 !x2apic movebe=movbe popcnt "
      "tsc-dl=tsc-deadline aesni xsave !osxsave avx f16c rdrnd=rdrand !hyper", 0 },
    { 0x80000001, NO_SUBLEAF, REG_D, false,
      "fpu vme de pse tsc msr pae mce cx8 apic - syscall mtrr pge mca cmov fcmov pse36 - "
      "mp nx - mmx+=mmxext mmx fxsr fxsr+=ffxsr pg1g=page1gb rdtscp - lm 3dnow+=3dnowext 3dnow", 0x0183f3ff },
    { 0x80000001, NO_SUBLEAF, REG_C, false,
      "lahf-lm=lahfsahf !cmp svm extapic cr8d=altmovcr8 lzcnt=abm sse4a msse=misalignsse "
      "3dnowpf=3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - nodeid - tbm topoext "
      "perfctr-core=perfctr_core perfctr-nb=perfctr_nb - dbx=dbext perftsc pcx-l2i monitorx", 0 },
    { 0x0000000d, 1, REG_A, false,
      "xsaveopt xsavec xgetbv1 xsaves", 0 },
    { 0x00000007, 0, REG_B, false,
      "fsgsbase tsc-adj=tsc_adjust sgx bmi1 hle avx2 fdp-exn=fdp-excp-only smep bmi2 erms invpcid rtm "
      "pqm depfpp=no-fpu-sel mpx pqe avx512f avx512dq rdseed adx smap avx512-ifma pcommit clflushopt "
      "clwb proc-trace avx512pf avx512er avx512cd sha avx512bw avx512vl", 0 },
    { 0x00000007, 0, REG_C, false,
      "prefetchwt1 avx512-vbmi umip pku !ospke waitpkg avx512-vbmi2 cet-ss gfni vaes "
      "vpclmulqdq avx512-vnni avx512-bitalg - avx512-vpopcntdq - - - - - - - rdpid - - "
      "cldemote - movdiri movdir64b enqcmd sgx-lc", 0 },
    { 0x00000007, 0, REG_D, false,
      "- - avx512-4vnniw avx512-4fmaps fsrm - - - avx512-vp2intersect srbds-ctrl md-clear "
      "rtm-always-abort - tsx-force-abort serialize hybrid tsxldtrk - pconfig - cet-ibt - "
      "- avx512-fp16 - - ibrsb stibp l1d-flush arch-caps core-caps ssbd", 0 },
    { 0x00000007, 1, REG_A, false,
      "- - - - avx-vnni avx512-bf16 - - - - fzrm fsrs fsrcs", 0 },
    { 0x00000007, 1, REG_B, false,
      "ppin=intel-ppin", 0 },
    { 0x00000007, 1, REG_D, false,
      "- - - - - - - - - - - - - - - - - - cet-sss", 0 },
    { 0x00000007, 2, REG_D, false,
      "intel-psfd ipred-ctrl rrsba-ctrl - bhi-ctrl mcdt-no", 0 },
    { 0x80000007, NO_SUBLEAF, REG_D, false,
      "- - - - - - - hw-pstate itsc cpb efro", 0 },
    { 0x80000008, NO_SUBLEAF, REG_B, false,
      "clzero - rstr-fp-err-ptrs - - - - - - wbnoinvd - - ibpb - ibrs amd-stibp "
      "ibrs-always stibp-always ibrs-fast ibrs-same-mode no-lmsl - - ppin amd-ssbd "
      "virt-ssbd ssb-no - psfd btc-no ibpb-ret", 0 },
    { 0x80000021, NO_SUBLEAF, REG_A, false,
      "- - lfence+ - - verw-clear nscb - auto-ibrs - - - - - - - - - - - - - - - - - - "
      "sbpb ibpb-brtype srso-no srso-us-no srso-msr-fix", 0 },
    { 0x80000021, NO_SUBLEAF, REG_C, false,
      "- tsa-sq-no tsa-l1-no", 0 },
    { ARCH_CAPABILITIES, NO_SUBLEAF, REG_A, true,
      "rdcl-no eibrs !rsba skip-l1dfl intel-ssb-no mds-no if-pschange-mc-no tsx-ctrl taa-no mcu-ctrl "
      "misc-pkg-ctrl energy-ctrl=energy-filtering doitm sbdr-ssdp-no fbsdp-no psdp-no - fb-clear "
      "fb-clear-ctrl !rrsba bhi-no xapic-status - ovrclk-status pbrsb-no gds-ctrl gds-no rfds-no "
      "rfds-clear", 0 },
    { ARCH_CAPABILITIES, NO_SUBLEAF, REG_D, true,
      "- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - its-no", 0 },
};

#define NR_WORDS (sizeof feature_words / sizeof feature_words[0])

static uint32_t msr_word(const struct cpu_facts *facts, const struct feature_word *word)
{
    for (uint32_t i = 0; i < facts->nr_msrs; i++)
        if (facts->msrs[i].index == word->leaf)
            return (uint32_t)(word->reg == REG_A ? facts->msrs[i].value : facts->msrs[i].value >> 32);
    return 0;
}

static uint32_t word_of(const struct cpu_facts *facts, const struct feature_word *word)
{
    if (word->is_msr)
        return msr_word(facts, word);
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

/* Names of a bit: xen-cpuid's, and libxl's.  false: it has none, and was given one by its place, or it is no promise. */
static bool name_bit(const struct feature_word *word, unsigned bit, struct cpu_feature *out, bool *is_promise)
{
    const char *at = word->names;
    size_t len, name_len;

    *is_promise = true;
    snprintf(out->name, sizeof out->name, "%#x:%c:%u", word->leaf, "abcd"[word->reg], bit);
    out->word[0] = '\0';
    for (unsigned i = 0; at && i < bit; i++) {
        const char *space = strchr(at, ' ');

        at = space ? space + 1 : NULL;
    }
    if (!at || strcmp(at, "-") == 0 || strncmp(at, "- ", 2) == 0)
        return false;
    *is_promise = *at != '!';
    at += !*is_promise;
    len = strcspn(at, " ");
    name_len = strcspn(at, " =");
    snprintf(out->name, sizeof out->name, "%.*s", (int)name_len, at);
    snprintf(out->word, sizeof out->word, "%.*s", (int)(name_len < len ? len - name_len - 1 : len),
             name_len < len ? at + name_len + 1 : at);
    return true;
}

/* All of it, or nothing: half a word in a configuration would be another one. */
static bool append(char *list, size_t size, const char *separator, const char *text, const char *end)
{
    size_t used = strlen(list);

    if (used + strlen(separator) + strlen(text) + strlen(end) >= size)
        return false;
    snprintf(list + used, size - used, "%s%s%s", used ? separator : "", text, end);
    return true;
}

static void note_missing(const struct cpu_feature *feature, cpu_word_known *known, struct cpu_difference *out)
{
    out->nr_missing++;
    append(out->missing, sizeof out->missing, " ", feature->name, "");
    if (feature->word[0] == '\0' || !known(feature->word) ||
        !append(out->line, sizeof out->line - 1, ",", feature->word, "=0"))
        append(out->wordless, sizeof out->wordless, " ", feature->name, "");
}

static void compare_word(const struct feature_word *word, uint32_t missing, cpu_word_known *known,
                         struct cpu_difference *out)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        struct cpu_feature feature;
        bool is_promise;

        if (!(missing & 1u << bit))
            continue;
        name_bit(word, bit, &feature, &is_promise);
        if (!is_promise)
            continue;
        if (!word->is_msr) {
            note_missing(&feature, known, out);
        } else {
            out->nr_weaker++;
            append(out->weaker, sizeof out->weaker, " ", feature.name, "");
        }
    }
}

void cpu_features_compare(const struct cpu_facts *guest, const struct cpu_facts *host, cpu_word_known *known,
                          struct cpu_difference *out)
{
    static const char start[] = "cpuid=\"host";

    *out = (struct cpu_difference){ 0 };
    memcpy(out->line, start, sizeof start);
    for (size_t w = 0; w < NR_WORDS; w++)
        compare_word(&feature_words[w],
                     word_of(guest, &feature_words[w]) & ~word_of(host, &feature_words[w]) & ~feature_words[w].mirrored,
                     known, out);
    if (strcmp(out->line, start) == 0)
        out->line[0] = '\0';
    else
        strcat(out->line, "\""); /* append() left room for it */
}

bool cpu_feature_next(unsigned *position, struct cpu_feature *feature)
{
    for (; *position < NR_WORDS * 32; ++*position) {
        const struct feature_word *word = &feature_words[*position / 32];
        bool is_promise;

        if (!name_bit(word, *position % 32, feature, &is_promise) || word->mirrored & 1u << *position % 32)
            continue;
        feature->leaf = word->leaf;
        feature->subleaf = word->subleaf;
        feature->reg = "abcd"[word->reg];
        feature->is_msr = word->is_msr;
        feature->bit = (*position)++ % 32;
        return true;
    }
    return false;
}
