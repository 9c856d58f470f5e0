/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What one CPU lacks of another, and that the names are Xen's, and the words libxl's. */
#include "config.h"

#include "tests/run-suite.h"
#include "xlmig/vm/cpu-features.h"

#include <ctype.h>
#include <libxl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* What Xen's public header names: bit of word (word * 32 + bit). */
#define XEN_CPUFEATURE(name, value) { #name, value },
static const struct {
    const char *name;
    unsigned value;
} xen_features[] = {
#include <xen/arch-x86/cpufeatureset.h>
};
#undef XEN_CPUFEATURE
#define NR_XEN_FEATURES (sizeof xen_features / sizeof xen_features[0])

/* The words, in the order of that header. */
static const struct {
    uint32_t leaf, subleaf;
    char reg;
    bool is_msr;
} xen_words[] = {
    { 0x00000001, CPU_POLICY_NO_SUBLEAF, 'd', false }, { 0x00000001, CPU_POLICY_NO_SUBLEAF, 'c', false },
    { 0x80000001, CPU_POLICY_NO_SUBLEAF, 'd', false }, { 0x80000001, CPU_POLICY_NO_SUBLEAF, 'c', false },
    { 0x0000000d, 1, 'a', false }, { 0x00000007, 0, 'b', false }, { 0x00000007, 0, 'c', false },
    { 0x80000007, CPU_POLICY_NO_SUBLEAF, 'd', false }, { 0x80000008, CPU_POLICY_NO_SUBLEAF, 'b', false },
    { 0x00000007, 0, 'd', false }, { 0x00000007, 1, 'a', false }, { 0x80000021, CPU_POLICY_NO_SUBLEAF, 'a', false },
    { 0x00000007, 1, 'b', false }, { 0x00000007, 2, 'd', false }, { 0x00000007, 1, 'c', false },
    { 0x00000007, 1, 'd', false }, { 0x0000010a, CPU_POLICY_NO_SUBLEAF, 'a', true },
    { 0x0000010a, CPU_POLICY_NO_SUBLEAF, 'd', true }, { 0x80000021, CPU_POLICY_NO_SUBLEAF, 'c', false },
};

/* Names of xen-cpuid's that are neither the header's nor, by way of libxl's word, lead to it. */
static const char *const other_names[][2] = {
    { "sysenter", "sep" }, { "tm", "tm1" }, { "est", "eist" }, { "msse", "misalignsse" }, { "ibs", "ibs" },
    { "sse41", "sse4-1" }, { "sse42", "sse4-2" }, { "tsc-adj", "tsc-adjust" }, { "lahf-lm", "lahf-lm" },
    { "cmp", "cmp-legacy" }, { "cr8d", "cr8-legacy" }, { "nodeid", "nodeid-msr" }, { "hyper", "hypervisor" },
    { "lfence+", "lfence-dispatch" }, { "ppin", "amd-ppin" }, { "clflush", "clflush" }, { "gds-ctrl", "gds-ctrl" },
};

static bool is_name_of(const char *xen_name, const struct cpu_feature *feature)
{
    char name[64];
    size_t i;

    for (i = 0; xen_name[i] && i + 1 < sizeof name; i++)
        name[i] = xen_name[i] == '_' ? '-' : (char)tolower((unsigned char)xen_name[i]);
    name[i] = '\0';
    if (strcmp(name, feature->name) == 0 || strcmp(name, feature->word) == 0)
        return true;
    for (i = 0; i < sizeof other_names / sizeof other_names[0]; i++)
        if (strcmp(feature->name, other_names[i][0]) == 0 && strcmp(name, other_names[i][1]) == 0)
            return true;
    return false;
}

static bool is_at(const struct cpu_feature *feature, unsigned value)
{
    unsigned word = value / 32;

    return word < sizeof xen_words / sizeof xen_words[0] && feature->leaf == xen_words[word].leaf &&
           feature->subleaf == xen_words[word].subleaf && feature->reg == xen_words[word].reg &&
           feature->is_msr == xen_words[word].is_msr && feature->bit == value % 32;
}

START_TEST(every_feature_of_xens_header_has_its_name)
{
    for (size_t i = 0; i < NR_XEN_FEATURES; i++) {
        struct cpu_feature feature;
        unsigned position = 0;
        bool found = false;

        while (!found && cpu_feature_next(&position, &feature))
            found = is_at(&feature, xen_features[i].value);
        ck_assert_msg(found, "nothing at the place of %s", xen_features[i].name);
        ck_assert_msg(is_name_of(xen_features[i].name, &feature), "%s is called %s (%s)", xen_features[i].name,
                      feature.name, feature.word);
    }
}
END_TEST

static const char *member(struct json_object *object, const char *name)
{
    struct json_object *field;

    return object && json_object_object_get_ex(object, name, &field) ? json_object_get_string(field) : NULL;
}

/* The one bit that libxl's settings clear is that of `feature`. */
static void check_settings(const char *json, const struct cpu_feature *feature)
{
    struct json_object *root = json_tokener_parse(json), *cpuid, *list, *entry;
    const char reg[] = { 'e', feature->reg, 'x', '\0' };
    const char *bits;

    ck_assert(json_object_object_get_ex(root, "cpuid", &cpuid));
    /* 4.17 up to some point: a list; later an object of two. */
    if (json_object_is_type(cpuid, json_type_object))
        ck_assert(json_object_object_get_ex(cpuid, feature->is_msr ? "msr" : "cpuid", &list));
    else
        list = cpuid;
    ck_assert_msg(json_object_array_length(list) == 1, "%s: %s", feature->name, json);
    entry = json_object_array_get_idx(list, 0);
    bits = member(entry, feature->is_msr ? "policy" : reg);
    ck_assert_msg(bits != NULL, "%s: %s", feature->name, json);
    ck_assert_uint_eq(strtoul(member(entry, feature->is_msr ? "index" : "leaf"), NULL, 0), feature->leaf);
    if (feature->subleaf == CPU_POLICY_NO_SUBLEAF)
        ck_assert_ptr_null(member(entry, "subleaf"));
    else
        ck_assert_uint_eq(strtoul(member(entry, "subleaf"), NULL, 0), feature->subleaf);
    size_t at = strlen(bits) - 1 - feature->bit - (feature->is_msr && feature->reg == 'd' ? 32 : 0);
    ck_assert_msg(bits[at] == '0' && strspn(bits, "x") == at && strspn(bits + at + 1, "x") == strlen(bits) - at - 1,
                  "%s: %s", feature->name, bits);
    json_object_put(root);
}

/* Without Xen: libxl's parser and printer need no context. */
START_TEST(every_word_that_libxl_knows_means_the_same_bit)
{
    struct cpu_feature feature;
    unsigned position = 0, nr_known = 0;

    while (cpu_feature_next(&position, &feature)) {
        libxl_domain_build_info info;
        char setting[64];

        libxl_domain_build_info_init(&info);
        snprintf(setting, sizeof setting, "%s=0", feature.word);
        if (libxl_cpuid_parse_config(&info.cpuid, setting) == 0) {
            char *json = libxl_domain_build_info_to_json(NULL, &info);

            ck_assert_ptr_nonnull(json);
            check_settings(json, &feature);
            free(json);
            nr_known++;
        }
        libxl_domain_build_info_dispose(&info);
    }
    printf("# libxl knows %u of them\n", nr_known);
    ck_assert_uint_gt(nr_known, 100);
}
END_TEST

/* ---- comparing ---- */

static bool knows_all(const char *word)
{
    return word[0] != '\0';
}

static bool knows_no_avx2(const char *word)
{
    return strcmp(word, "avx2") != 0;
}

static struct cpu_leaf leaves[] = {
    { 0x1, CPU_POLICY_NO_SUBLEAF, 0x800f12, 0, 0x10080000, 0x178bfbff }, /* avx, sse41; the usual */
    { 0x7, 0, 2, 0x20, 0, 0 },                                           /* avx2 */
    { 0x80000001, CPU_POLICY_NO_SUBLEAF, 0, 0, 0, 0x0183f3ff },          /* AMD's mirror of leaf 1 */
};
static struct cpu_leaf poor_leaves[] = {
    { 0x1, CPU_POLICY_NO_SUBLEAF, 0, 0, 0, 0x178bfbff },
    { 0x7, 0, 2, 0, 0, 0 },
};
static const struct cpu_facts facts = { .nr_leaves = 3, .leaves = leaves };
static const struct cpu_facts poor = { .nr_leaves = 2, .leaves = poor_leaves };
static const struct cpu_facts none = { 0 };

START_TEST(the_same_cpu_lacks_nothing)
{
    struct cpu_difference d;

    cpu_features_compare(&facts, &facts, knows_all, &d);
    ck_assert_uint_eq(d.nr_missing, 0);
    ck_assert_str_eq(d.missing, "");
    ck_assert_str_eq(d.line, "");
}
END_TEST

START_TEST(lacking_features_are_named_in_both_languages)
{
    struct cpu_difference d;

    cpu_features_compare(&facts, &poor, knows_all, &d);
    ck_assert_uint_eq(d.nr_missing, 3);
    ck_assert_str_eq(d.missing, "sse41 avx avx2");
    ck_assert_str_eq(d.line, "cpuid=\"host,sse4.1=0,avx=0,avx2=0\"");
    ck_assert_str_eq(d.wordless, "");
    cpu_features_compare(&poor, &facts, knows_all, &d);
    ck_assert_uint_eq(d.nr_missing, 0);
}
END_TEST

START_TEST(what_libxl_has_no_word_for_is_told_apart)
{
    struct cpu_leaf odd_leaf[] = { { 0x7, 1, 1u << 31, 0, 0, 0 } };
    const struct cpu_facts odd = { .nr_leaves = 1, .leaves = odd_leaf };
    struct cpu_difference d;

    cpu_features_compare(&facts, &poor, knows_no_avx2, &d);
    ck_assert_str_eq(d.line, "cpuid=\"host,sse4.1=0,avx=0\"");
    ck_assert_str_eq(d.wordless, "avx2");
    cpu_features_compare(&odd, &none, knows_all, &d);
    ck_assert_str_eq(d.missing, "0x7:a:31"); /* a bit without a name is shown by its place */
    ck_assert_str_eq(d.wordless, "0x7:a:31");
    ck_assert_str_eq(d.line, "");
}
END_TEST

START_TEST(bits_that_are_no_features_do_not_count)
{
    struct cpu_leaf guest_leaves[] = {
        { 0x1, CPU_POLICY_NO_SUBLEAF, 0, 0, 1u << 31 | 1u << 27, 1u << 28 | 1u << 9 }, /* hyper osxsave htt apic */
        { 0x80000001, CPU_POLICY_NO_SUBLEAF, 0, 0, 0, 0x0183f3ff },
    };
    const struct cpu_facts guest = { .nr_leaves = 2, .leaves = guest_leaves };
    struct cpu_difference d;

    cpu_features_compare(&guest, &none, knows_all, &d);
    ck_assert_uint_eq(d.nr_missing, 0);
}
END_TEST

START_TEST(what_a_cpu_does_not_suffer_from_is_no_feature)
{
    struct cpu_msr safe_msr[] = { { 0x10a, 0, UINT64_C(1) << 62 | 0x25 } }; /* its-no; mds-no rsba rdcl-no */
    struct cpu_msr less_msr[] = { { 0xce, 0, ~UINT64_C(0) }, { 0x10a, 0, 0x20 } };
    const struct cpu_facts safe = { .nr_msrs = 1, .msrs = safe_msr }, less = { .nr_msrs = 2, .msrs = less_msr };
    struct cpu_difference d;

    cpu_features_compare(&safe, &less, knows_all, &d);
    ck_assert_uint_eq(d.nr_missing, 0);
    ck_assert_uint_eq(d.nr_weaker, 2);
    ck_assert_str_eq(d.weaker, "rdcl-no its-no");
    ck_assert_str_eq(d.line, "");
}
END_TEST

/* All bits of all words: more than the texts hold, and no half of a name in any. */
START_TEST(a_guest_that_was_promised_everything)
{
    struct cpu_leaf all[sizeof xen_words / sizeof xen_words[0]];
    const struct cpu_facts guest = { .nr_leaves = sizeof all / sizeof all[0], .leaves = all };
    struct cpu_difference d;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        all[i] = (struct cpu_leaf){ xen_words[i].leaf, xen_words[i].subleaf, ~0u, ~0u, ~0u, ~0u };
    cpu_features_compare(&guest, &none, knows_all, &d);
    ck_assert_uint_gt(d.nr_missing, 300);
    ck_assert(strncmp(d.line, "cpuid=\"host,", 12) == 0);
    ck_assert_str_eq(d.line + strlen(d.line) - 3, "=0\"");
    ck_assert_uint_gt(strlen(d.line), 1900);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cpu-features");
    TCase *tcase = tcase_create("features");

    tcase_add_test(tcase, every_feature_of_xens_header_has_its_name);
    tcase_add_test(tcase, every_word_that_libxl_knows_means_the_same_bit);
    tcase_add_test(tcase, the_same_cpu_lacks_nothing);
    tcase_add_test(tcase, lacking_features_are_named_in_both_languages);
    tcase_add_test(tcase, what_libxl_has_no_word_for_is_told_apart);
    tcase_add_test(tcase, bits_that_are_no_features_do_not_count);
    tcase_add_test(tcase, what_a_cpu_does_not_suffer_from_is_no_feature);
    tcase_add_test(tcase, a_guest_that_was_promised_everything);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
