/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What a VM's configuration says that the rest of a stream must agree with. Facts that are not there, or not as libxl
 * writes them, are not known, and nothing is held against them.
 */
#ifndef STREAM_FORMAT_READER_CONFIG_FACTS_H
#define STREAM_FORMAT_READER_CONFIG_FACTS_H

#include "stream-format/reader/json-scan.h"

enum config_type { CONFIG_TYPE_UNKNOWN, CONFIG_TYPE_PV, CONFIG_TYPE_PVH, CONFIG_TYPE_HVM };

/* "PV", "PVH", "HVM". */
const char *config_type_name(enum config_type type);

struct config_facts {
    enum config_type type;   /* c_info.type */
    uint32_t max_vcpus;      /* b_info.max_vcpus; 0: not known */
    uint32_t nr_online;      /* b_info.avail_vcpus: how many; the highest, and where in the text that is */
    uint32_t highest_online;
    uint64_t highest_online_at;

    /* Private. */
    int section, field;
    bool max_vcpus_seen;
};

/* As struct json_scan has it; user is the struct config_facts, zeroed before. */
void config_facts_token(void *user, enum json_token token, const char *text, unsigned int depth, uint64_t at);

#endif
