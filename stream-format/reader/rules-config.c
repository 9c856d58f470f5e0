/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The configuration: its text, and what the rest of the stream must agree with. Each is what Xen's own restore fails
 * on, after minutes and with a word from the depth of Xen; or what nothing that writes a stream makes.
 */
#include "stream-format/reader/rules.h"

#include <inttypes.h>
#include <string.h>

void stream_rules_begin_config(struct stream_reader *r)
{
    r->rules.config = (struct config_facts){ .type = CONFIG_TYPE_UNKNOWN };
    json_scan_begin(&r->rules.scan, config_facts_token, &r->rules.config);
}

/* Octets of the text, without its NUL. */
int stream_rules_config_text(struct stream_reader *r, const uint8_t *data, size_t len)
{
    size_t good = json_scan_push(&r->rules.scan, data, len);

    if (good == len)
        return 0;
    return stream_fail(r, STREAM_FAULT_BAD_TEXT, r->offset + good, "%s|0x%02x", r->rules.scan.expected, data[good]);
}

/* Its NUL is at that offset. */
int stream_rules_end_config(struct stream_reader *r, uint64_t at)
{
    const struct config_facts *config = &r->rules.config;

    if (!json_scan_end(&r->rules.scan))
        return stream_fail(r, STREAM_FAULT_BAD_TEXT, at, "%s|the end of the configuration", r->rules.scan.expected);
    if (config->max_vcpus && (config->nr_online > config->max_vcpus ||
                              (config->nr_online && config->highest_online >= config->max_vcpus)))
        return stream_fail(r, STREAM_FAULT_BAD_VALUE, at - r->rules.scan.offset + config->highest_online_at,
                           "at most max_vcpus (%u) vCPUs in avail_vcpus|%u, the highest vCPU %u", config->max_vcpus,
                           config->nr_online, config->highest_online);
    return 0;
}

int stream_rules_config_guest(struct stream_reader *r, uint64_t at)
{
    enum config_type type = r->rules.config.type;

    if (type == CONFIG_TYPE_UNKNOWN || (type == CONFIG_TYPE_PV) == is_pv(r))
        return 0;
    return stream_fail(r, STREAM_FAULT_WRONG_GUEST, at, "the image of %s guest, as the configuration says|of %s one",
                       type == CONFIG_TYPE_PV ? "a PV" : type == CONFIG_TYPE_PVH ? "a PVH" : "an HVM",
                       is_pv(r) ? "a PV" : "an HVM");
}

int stream_rules_config_vcpu(struct stream_reader *r, enum stream_fault_code code, uint32_t vcpu, uint64_t at)
{
    if (!r->rules.config.max_vcpus || vcpu < r->rules.config.max_vcpus)
        return 0;
    return stream_fail(r, code, at, "a vCPU below %u, as the configuration says|%u", r->rules.config.max_vcpus, vcpu);
}

int stream_rules_config_emulator(struct stream_reader *r)
{
    if (r->rules.config.type != CONFIG_TYPE_PVH)
        return 0;
    return stream_fail(r, STREAM_FAULT_WRONG_GUEST, r->record_offset,
                       "no device model, for the configuration is a PVH guest's|%s", r->info->name);
}

int stream_rules_config_complete(struct stream_reader *r)
{
    if (r->rules.config.type != CONFIG_TYPE_HVM || r->rules.emulator_seen)
        return 0;
    return stream_fail(r, STREAM_FAULT_MISSING_RECORD, r->record_offset,
                       "EMULATOR_CONTEXT before it, for the configuration is an HVM guest's|%s", r->info->name);
}
