/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "stream-format/reader/config-facts.h"

#include <string.h>

enum section { NO_SECTION, C_INFO, B_INFO };
enum field { NO_FIELD, TYPE, MAX_VCPUS, AVAIL_VCPUS };

static const char *const type_names[] = {
    [CONFIG_TYPE_UNKNOWN] = "unknown", [CONFIG_TYPE_PV] = "PV", [CONFIG_TYPE_PVH] = "PVH", [CONFIG_TYPE_HVM] = "HVM",
};

const char *config_type_name(enum config_type type)
{
    return type_names[type];
}

static int section_of(const char *key)
{
    return !strcmp(key, "c_info") ? C_INFO : !strcmp(key, "b_info") ? B_INFO : NO_SECTION;
}

static int field_of(int section, const char *key)
{
    if (section == C_INFO)
        return !strcmp(key, "type") ? TYPE : NO_FIELD;
    if (section == B_INFO)
        return !strcmp(key, "max_vcpus") ? MAX_VCPUS : !strcmp(key, "avail_vcpus") ? AVAIL_VCPUS : NO_FIELD;
    return NO_FIELD;
}

static enum config_type type_of(const char *text)
{
    return !strcmp(text, "pv") ? CONFIG_TYPE_PV : !strcmp(text, "pvh") ? CONFIG_TYPE_PVH
           : !strcmp(text, "hvm") ? CONFIG_TYPE_HVM : CONFIG_TYPE_UNKNOWN;
}

/* A number of a vCPU, or of vCPUs; UINT32_MAX: it is none. */
static uint32_t number_of(const char *text)
{
    uint32_t value = 0;

    if (!*text || strlen(text) > 6)
        return UINT32_MAX;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return UINT32_MAX;
        value = value * 10 + (uint32_t)(*text - '0');
    }
    return value;
}

/* libxl takes the first of two that have one name. */
static void note_max_vcpus(struct config_facts *f, const char *text)
{
    uint32_t value = number_of(text);

    if (!f->max_vcpus_seen && value != UINT32_MAX)
        f->max_vcpus = value;
    f->max_vcpus_seen = true;
}

static void note_online(struct config_facts *f, const char *text, uint64_t at)
{
    uint32_t value = number_of(text);

    if (value == UINT32_MAX)
        return;
    f->nr_online++;
    if (f->nr_online > 1 && value <= f->highest_online)
        return;
    f->highest_online = value;
    f->highest_online_at = at;
}

static void note_key(struct config_facts *f, const char *key, unsigned int depth)
{
    if (depth == 1)
        f->section = section_of(key);
    if (depth <= 2)
        f->field = depth == 2 ? field_of(f->section, key) : NO_FIELD;
}

void config_facts_token(void *user, enum json_token token, const char *text, unsigned int depth, uint64_t at)
{
    struct config_facts *f = user;

    switch (token) {
    case JSON_KEY:
        note_key(f, text, depth);
        break;
    case JSON_STRING:
        if (depth == 2 && f->field == TYPE && !f->type)
            f->type = type_of(text);
        break;
    case JSON_NUMBER:
        if (depth == 2 && f->field == MAX_VCPUS)
            note_max_vcpus(f, text);
        if (depth == 3 && f->field == AVAIL_VCPUS)
            note_online(f, text, at);
        break;
    case JSON_BEGIN_OBJECT:
        if (depth >= 2)
            f->field = NO_FIELD;
        break;
    case JSON_END:
        if (depth <= 2)
            f->field = NO_FIELD;
        if (depth <= 1)
            f->section = NO_SECTION;
        break;
    default:
        break;
    }
}
