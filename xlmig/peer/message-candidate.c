/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* PREFLIGHT and ANSWER: could the other host take this VM, and why not. */
#include "xlmig/peer/message-private.h"

#include "xlmig/base/text.h"

#include <stdlib.h>
#include <string.h>

/* ---- PREFLIGHT ---- */

static void add_disks(struct json_object *object, const struct candidate *preflight)
{
    struct json_object *list = json_object_new_array();

    for (unsigned i = 0; i < preflight->nr_disks; i++) {
        struct json_object *disk = json_object_new_object();

        fields_add_text(disk, "name", preflight->disks[i].name);
        fields_add_u64(disk, "bytes", preflight->disks[i].bytes);
        json_object_array_add(list, disk);
    }
    json_object_object_add(object, "disks", list);
}

/* Those that there is no room for are not compared. */
static int get_disks(struct json_object *object, struct candidate *preflight)
{
    struct json_object *list;

    if (!json_object_object_get_ex(object, "disks", &list))
        return 0;
    if (!json_object_is_type(list, json_type_array))
        return -1;
    for (size_t i = 0; i < json_object_array_length(list) && i < VM_DISKS_MAX; i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        struct vm_disk *disk = &preflight->disks[i];

        if (!json_object_is_type(entry, json_type_object) ||
            fields_get_text(entry, "name", disk->name, sizeof disk->name, true) < 0 || fields_get_u64(entry, "bytes", &disk->bytes) < 0)
            return -1;
        preflight->nr_disks++;
    }
    return 0;
}

unsigned char *message_encode_preflight(const struct candidate *preflight, size_t *len)
{
    struct json_object *object = json_object_new_object();

    fields_add_text(object, "name", preflight->name);
    fields_add_bytes(object, "uuid", preflight->uuid, sizeof preflight->uuid);
    fields_add_text(object, "type", vm_type_name(preflight->type));
    fields_add_u64(object, "memory_bytes", preflight->memory_bytes);
    fields_add_u64(object, "vcpus", preflight->vcpus);
    fields_add_text(object, "config", preflight->config_json);
    if (preflight->early_devices)
        fields_add_bool(object, "early_devices", true);
    if (preflight->only_asked)
        fields_add_bool(object, "only_asked", true);
    if (preflight->ignore_devices)
        fields_add_bool(object, "ignore_devices", true);
    if (preflight->nr_disks > 0)
        add_disks(object, preflight);
    if (preflight->cpu_policy.len > 0)
        fields_add_bytes(object, "cpu_policy", preflight->cpu_policy.bytes, preflight->cpu_policy.len);
    return message_make_frame(MESSAGE_PREFLIGHT, object, len);
}

static int get_type(struct json_object *object, enum vm_type *type)
{
    static const enum vm_type types[] = { VM_TYPE_PV, VM_TYPE_PVH, VM_TYPE_HVM };
    char name[8];

    if (fields_get_text(object, "type", name, sizeof name, true) < 0)
        return -1;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(name, vm_type_name(types[i])) == 0) {
            *type = types[i];
            return 0;
        }
    return -1;
}

static int get_config(struct json_object *object, char **config)
{
    struct json_object *field;

    if (!json_object_object_get_ex(object, "config", &field) || !json_object_is_type(field, json_type_string))
        return -1;
    *config = strdup(json_object_get_string(field));
    return *config ? 0 : -1;
}

/* Missing: false. */
static int get_optional_flag(struct json_object *object, const char *key, bool *flag)
{
    struct json_object *field;

    *flag = false;
    if (!json_object_object_get_ex(object, key, &field))
        return 0;
    *flag = json_object_get_boolean(field);
    return json_object_is_type(field, json_type_boolean) ? 0 : -1;
}

static int get_cpu_policy(struct json_object *object, struct cpu_policy *policy)
{
    struct json_object *field;
    size_t hex_len;

    if (!json_object_object_get_ex(object, "cpu_policy", &field))
        return 0;
    if (!json_object_is_type(field, json_type_string))
        return -1;
    hex_len = (size_t)json_object_get_string_len(field);
    if (hex_len % 2 || hex_len / 2 > CPU_POLICY_MAX_BYTES)
        return -1;
    policy->len = hex_len / 2;
    policy->bytes = malloc(policy->len + 1);
    return policy->bytes ? hex_decode(json_object_get_string(field), policy->bytes, policy->len) : -1;
}

static int get_name(struct json_object *object, char name[VM_NAME_MAX + 1])
{
    return fields_get_text(object, "name", name, VM_NAME_MAX + 1, true) == 0 && vm_name_is_valid(name) ? 0 : -1;
}

int message_decode_preflight(const void *payload, size_t len, struct candidate *preflight)
{
    struct json_object *object = message_parse(payload, len);
    int rc = -1;

    *preflight = (struct candidate){ 0 };
    if (object && get_name(object, preflight->name) == 0 &&
        fields_get_bytes(object, "uuid", preflight->uuid, sizeof preflight->uuid) == 0 &&
        get_type(object, &preflight->type) == 0 &&
        fields_get_u64(object, "memory_bytes", &preflight->memory_bytes) == 0 &&
        fields_get_unsigned(object, "vcpus", &preflight->vcpus) == 0 &&
        get_config(object, &preflight->config_json) == 0 &&
        get_optional_flag(object, "early_devices", &preflight->early_devices) == 0 &&
        get_optional_flag(object, "only_asked", &preflight->only_asked) == 0 &&
        get_optional_flag(object, "ignore_devices", &preflight->ignore_devices) == 0 &&
        get_disks(object, preflight) == 0 &&
        get_cpu_policy(object, &preflight->cpu_policy) == 0)
        rc = 0;
    if (rc < 0)
        candidate_dispose(preflight);
    json_object_put(object);
    return rc;
}

/* ---- ANSWER ---- */

/* Senders that read nothing but refusals read so many. */
#define OLD_REFUSALS_MAX 8u

static struct json_object *list_refusals(const struct check_list *found)
{
    struct json_object *list = json_object_new_array();
    char text[2 * CHECK_TEXT_MAX + 2];

    for (unsigned i = 0; i < found->nr && json_object_array_length(list) < OLD_REFUSALS_MAX; i++)
        if (found->checks[i].result == CHECK_REFUSED)
            json_object_array_add(list, json_object_new_string(check_sentence(&found->checks[i], text, sizeof text)));
    if (found->incomplete)
        json_object_array_add(list, json_object_new_string("out of memory"));
    return list;
}

static struct json_object *list_checks(const struct check_list *found)
{
    struct json_object *list = json_object_new_array();

    for (unsigned i = 0; i < found->nr; i++) {
        struct json_object *check = json_object_new_object();

        fields_add_text(check, "result", check_result_name(found->checks[i].result));
        fields_add_text(check, "subject", found->checks[i].subject);
        fields_add_text(check, "text", found->checks[i].text);
        if (found->checks[i].remedy[0])
            fields_add_text(check, "remedy", found->checks[i].remedy);
        json_object_array_add(list, check);
    }
    return list;
}

unsigned char *message_encode_answer(const struct candidate_answer *answer, size_t *len)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "refusals", list_refusals(&answer->found));
    if (!answer->only_refusals)
        json_object_object_add(object, "checks", list_checks(&answer->found));
    if (answer->config_json)
        fields_add_text(object, "config", answer->config_json);
    return message_make_frame(MESSAGE_ANSWER, object, len);
}

static int get_result(struct json_object *object, enum check_result *result)
{
    char name[16];

    if (fields_get_text(object, "result", name, sizeof name, true) < 0)
        return -1;
    for (*result = CHECK_OK; *result < CHECK_NR_RESULTS; ++*result)
        if (strcmp(name, check_result_name(*result)) == 0)
            return 0;
    *result = CHECK_UNKNOWN; /* a later release's; what refuses stands among the refusals, too */
    return 0;
}

static int get_check(struct json_object *object, struct check_list *found)
{
    char subject[CHECK_SUBJECT_MAX], text[CHECK_TEXT_MAX], remedy[CHECK_TEXT_MAX] = "";
    enum check_result result;

    if (!json_object_is_type(object, json_type_object) || get_result(object, &result) < 0 ||
        fields_get_text(object, "subject", subject, sizeof subject, false) < 0 ||
        fields_get_text(object, "text", text, sizeof text, false) < 0 ||
        (fields_has(object, "remedy") && fields_get_text(object, "remedy", remedy, sizeof remedy, false) < 0))
        return -1;
    check_remedy(check_add(found, result, subject, "%s", text), "%s", remedy);
    return 0;
}

/* `only_refusals` where the member is missing. */
static int get_checks(struct json_object *object, struct candidate_answer *answer)
{
    struct json_object *list;

    if (!json_object_object_get_ex(object, "checks", &list)) {
        answer->only_refusals = true;
        return 0;
    }
    if (!json_object_is_type(list, json_type_array))
        return -1;
    for (size_t i = 0; i < json_object_array_length(list) && i < CHECKS_MAX; i++)
        if (get_check(json_object_array_get_idx(list, i), &answer->found) < 0)
            return -1;
    return 0;
}

/* They count unless the checks told of some already. */
static int get_refusals(struct json_object *object, struct check_list *found)
{
    struct json_object *list;

    if (!json_object_object_get_ex(object, "refusals", &list) || !json_object_is_type(list, json_type_array))
        return -1;
    if (check_refuses(found))
        return 0;
    for (size_t i = 0; i < json_object_array_length(list) && i < CHECKS_MAX; i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(list, i));

        check_add(found, CHECK_REFUSED, "destination", "%s", text ? text : "");
    }
    return 0;
}

int message_decode_answer(const void *payload, size_t len, struct candidate_answer *answer)
{
    struct json_object *object = message_parse(payload, len);
    int rc = -1;

    *answer = (struct candidate_answer){ 0 };
    if (object && get_checks(object, answer) == 0 && get_refusals(object, &answer->found) == 0 &&
        (!fields_has(object, "config") || get_config(object, &answer->config_json) == 0))
        rc = 0;
    if (rc < 0)
        candidate_answer_dispose(answer);
    json_object_put(object);
    return rc;
}
