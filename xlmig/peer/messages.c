/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xlmig/peer/messages.h"

#include "xlmig/base/json-fields.h"
#include "xlmig/base/text.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x6c744358u /* "XCtl" */

/* ---- headers ---- */

void message_header_encode(unsigned char out[MESSAGE_HEADER_BYTES], enum message_type type, uint32_t len)
{
    const uint32_t words[] = { htole32(MAGIC), htole32((uint32_t)type), htole32(len) };

    _Static_assert(sizeof words == MESSAGE_HEADER_BYTES, "three words");
    memcpy(out, words, sizeof words);
}

int message_header_decode(const unsigned char in[MESSAGE_HEADER_BYTES], struct message_header *header)
{
    uint32_t words[3], type;

    memcpy(words, in, sizeof words);
    type = le32toh(words[1]);
    if (le32toh(words[0]) != MAGIC || type < MESSAGE_HELLO || type > MESSAGE_LAST_TYPE ||
        le32toh(words[2]) > MESSAGE_PAYLOAD_MAX)
        return -1;
    header->type = (enum message_type)type;
    header->len = le32toh(words[2]);
    return 0;
}

/* Takes `object`. */
static unsigned char *make_frame(enum message_type type, struct json_object *object, size_t *len)
{
    unsigned char *frame = NULL;
    const char *text;
    size_t text_len;

    text = object ? json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &text_len) : NULL;
    if (text && text_len <= MESSAGE_PAYLOAD_MAX)
        frame = malloc(MESSAGE_HEADER_BYTES + text_len);
    if (frame) {
        message_header_encode(frame, type, (uint32_t)text_len);
        memcpy(frame + MESSAGE_HEADER_BYTES, text, text_len);
        *len = MESSAGE_HEADER_BYTES + text_len;
    }
    json_object_put(object);
    return frame;
}

/* NULL: not a JSON object of a frame's size. */
static struct json_object *parse_object(const void *payload, size_t len)
{
    return len <= MESSAGE_PAYLOAD_MAX ? fields_parse(payload, len) : NULL;
}

/* ---- messages ---- */

static const char *const data_names[MESSAGE_NR_DATA] = {
    [MESSAGE_DATA_INLINE] = "inline", [MESSAGE_DATA_TCP] = "tcp", [MESSAGE_DATA_TLS] = "tls",
};

const char *message_data_name(enum message_data data)
{
    return data_names[data];
}

static void add_features(struct json_object *object, uint64_t features)
{
    char hex[17];

    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)features);
    fields_add_text(object, "image_features", hex);
}

static void add_data(struct json_object *object, unsigned data)
{
    struct json_object *list = json_object_new_array();

    for (unsigned i = 0; i < MESSAGE_NR_DATA; i++)
        if (data & 1u << i)
            json_object_array_add(list, json_object_new_string(data_names[i]));
    json_object_object_add(object, "data", list);
}

/* `out` stays 0 where the member is missing. */
static int get_features(struct json_object *object, uint64_t *out)
{
    unsigned char bytes[8];
    char hex[17];

    if (!fields_has(object, "image_features"))
        return 0;
    if (fields_get_text(object, "image_features", hex, sizeof hex, true) < 0 || strlen(hex) != 16 ||
        hex_decode(hex, bytes, sizeof bytes) < 0)
        return -1;
    for (size_t i = 0; i < sizeof bytes; i++)
        *out = *out << 8 | bytes[i];
    return 0;
}

/* -1: of none that we know. */
static int data_by_name(const char *name)
{
    for (int i = 0; i < MESSAGE_NR_DATA; i++)
        if (name && strcmp(name, data_names[i]) == 0)
            return i;
    return -1;
}

/* Ways that we do not know are those of a later release. */
static int get_ways(struct json_object *object, unsigned *ways)
{
    struct json_object *list;

    if (!json_object_object_get_ex(object, "data", &list))
        return 0;
    if (!json_object_is_type(list, json_type_array))
        return -1;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        int data = data_by_name(json_object_get_string(json_object_array_get_idx(list, i)));

        if (data >= 0)
            *ways |= 1u << data;
    }
    return 0;
}

/* What releases before images and channels did not say. */
static int get_abilities(struct json_object *object, struct message_hello *hello)
{
    hello->max_channels = 1;
    hello->data = 1u << MESSAGE_DATA_INLINE;
    if ((fields_has(object, "image_version") &&
         fields_get_unsigned(object, "image_version", &hello->image_version) < 0) ||
        get_features(object, &hello->image_features) < 0 ||
        (fields_has(object, "max_channels") && fields_get_unsigned(object, "max_channels", &hello->max_channels) < 0) ||
        get_ways(object, &hello->data) < 0 || hello->max_channels == 0 ||
        (fields_has(object, "cpus") && fields_get_unsigned(object, "cpus", &hello->cpus) < 0) ||
        (fields_has(object, "handover") && fields_get_unsigned(object, "handover", &hello->handover) < 0))
        return -1;
    return 0;
}

unsigned char *message_encode_hello(const struct message_hello *hello, size_t *len)
{
    struct json_object *object = json_object_new_object();

    fields_add_u64(object, "min_version", hello->min_version);
    fields_add_u64(object, "max_version", hello->max_version);
    fields_add_text(object, "program", hello->program);
    fields_add_text(object, "host", hello->host);
    fields_add_text(object, "hypervisor", hello->hypervisor);
    fields_add_u64(object, "image_version", hello->image_version);
    add_features(object, hello->image_features);
    fields_add_u64(object, "max_channels", hello->max_channels);
    add_data(object, hello->data);
    fields_add_u64(object, "cpus", hello->cpus);
    fields_add_u64(object, "handover", hello->handover);
    return make_frame(MESSAGE_HELLO, object, len);
}

int message_decode_hello(const void *payload, size_t len, struct message_hello *hello)
{
    struct json_object *object = parse_object(payload, len);
    int rc = 0;

    *hello = (struct message_hello){ 0 };
    if (!object)
        return -1;
    if (fields_get_unsigned(object, "min_version", &hello->min_version) < 0 ||
        fields_get_unsigned(object, "max_version", &hello->max_version) < 0 ||
        hello->min_version > hello->max_version ||
        fields_get_text(object, "program", hello->program, sizeof hello->program, false) < 0 ||
        fields_get_text(object, "host", hello->host, sizeof hello->host, false) < 0 ||
        fields_get_text(object, "hypervisor", hello->hypervisor, sizeof hello->hypervisor, false) < 0 ||
        get_abilities(object, hello) < 0)
        rc = -1;
    clean_text(hello->program);
    clean_text(hello->host);
    clean_text(hello->hypervisor);
    json_object_put(object);
    return rc;
}

unsigned message_common_version(const struct message_hello *peer)
{
    return peer->min_version <= MESSAGE_VERSION && peer->max_version >= MESSAGE_VERSION ? MESSAGE_VERSION : 0;
}

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
    if (preflight->ignore_devices)
        fields_add_bool(object, "ignore_devices", true);
    if (preflight->nr_disks > 0)
        add_disks(object, preflight);
    if (preflight->cpu_policy.len > 0)
        fields_add_bytes(object, "cpu_policy", preflight->cpu_policy.bytes, preflight->cpu_policy.len);
    return make_frame(MESSAGE_PREFLIGHT, object, len);
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
    struct json_object *object = parse_object(payload, len);
    int rc = -1;

    *preflight = (struct candidate){ 0 };
    if (object && get_name(object, preflight->name) == 0 &&
        fields_get_bytes(object, "uuid", preflight->uuid, sizeof preflight->uuid) == 0 &&
        get_type(object, &preflight->type) == 0 &&
        fields_get_u64(object, "memory_bytes", &preflight->memory_bytes) == 0 &&
        fields_get_unsigned(object, "vcpus", &preflight->vcpus) == 0 &&
        get_config(object, &preflight->config_json) == 0 &&
        get_optional_flag(object, "early_devices", &preflight->early_devices) == 0 &&
        get_optional_flag(object, "ignore_devices", &preflight->ignore_devices) == 0 &&
        get_disks(object, preflight) == 0 &&
        get_cpu_policy(object, &preflight->cpu_policy) == 0)
        rc = 0;
    if (rc < 0)
        candidate_dispose(preflight);
    json_object_put(object);
    return rc;
}

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
    return make_frame(MESSAGE_ANSWER, object, len);
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
    struct json_object *object = parse_object(payload, len);
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

unsigned char *message_encode_begin(const struct message_begin *begin, size_t *len)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "flag", json_object_new_boolean(begin->paused));
    fields_add_text(object, "text", "");
    fields_add_text(object, "image", begin->image_v1 ? "v1" : "libxc");
    fields_add_u64(object, "channels", begin->nr_channels);
    fields_add_text(object, "data", data_names[begin->data]);
    fields_add_bytes(object, "token", begin->token, sizeof begin->token);
    if (begin->data == MESSAGE_DATA_TLS)
        fields_add_bytes(object, "key", begin->key, sizeof begin->key);
    if (begin->address[0])
        fields_add_text(object, "address", begin->address);
    if (begin->generation)
        fields_add_u64(object, "generation", begin->generation);
    return make_frame(MESSAGE_BEGIN, object, len);
}

static int get_address(struct json_object *object, char address[MESSAGE_ADDRESS_MAX + 1])
{
    if (!fields_has(object, "address"))
        return 0;
    if (fields_get_text(object, "address", address, MESSAGE_ADDRESS_MAX + 1, true) < 0)
        return -1;
    clean_text(address);
    return 0;
}

static int get_image(struct json_object *object, bool *v1)
{
    char name[8];

    if (fields_get_text(object, "image", name, sizeof name, true) < 0)
        return -1;
    *v1 = strcmp(name, "v1") == 0;
    return *v1 || strcmp(name, "libxc") == 0 ? 0 : -1;
}

/* Missing: 0. */
static int get_generation(struct json_object *object, uint64_t *generation)
{
    *generation = 0;
    if (!fields_has(object, "generation"))
        return 0;
    return fields_get_u64(object, "generation", generation) == 0 && *generation > 0 ? 0 : -1;
}

/* What a sender of before images and channels does not say, nor needs. */
static int get_ways_of_begin(struct json_object *object, struct message_begin *begin)
{
    char data[16];
    int way;

    if (!fields_has(object, "image"))
        return fields_has(object, "generation") ? -1 : 0;
    if (get_image(object, &begin->image_v1) < 0 || fields_get_unsigned(object, "channels", &begin->nr_channels) < 0 ||
        begin->nr_channels == 0 || begin->nr_channels > MESSAGE_CHANNELS_MAX ||
        fields_get_text(object, "data", data, sizeof data, true) < 0 || (way = data_by_name(data)) < 0 ||
        fields_get_bytes(object, "token", begin->token, sizeof begin->token) < 0 ||
        get_address(object, begin->address) < 0 || get_generation(object, &begin->generation) < 0)
        return -1;
    begin->data = (enum message_data)way;
    if (begin->data == MESSAGE_DATA_TLS)
        return fields_get_bytes(object, "key", begin->key, sizeof begin->key);
    return 0;
}

int message_decode_begin(const void *payload, size_t len, struct message_begin *begin)
{
    struct json_object *object = parse_object(payload, len), *flag;
    int rc = -1;

    *begin = (struct message_begin){ .nr_channels = 1 };
    if (object && json_object_object_get_ex(object, "flag", &flag) && json_object_is_type(flag, json_type_boolean)) {
        begin->paused = json_object_get_boolean(flag);
        rc = get_ways_of_begin(object, begin);
    }
    json_object_put(object);
    return rc;
}

unsigned char *message_encode_channels(const struct message_channels *channels, size_t *len)
{
    struct json_object *object = json_object_new_object();

    if (channels->address[0])
        fields_add_text(object, "address", channels->address);
    fields_add_u64(object, "port", channels->port);
    return make_frame(MESSAGE_CHANNELS, object, len);
}

int message_decode_channels(const void *payload, size_t len, struct message_channels *channels)
{
    struct json_object *object = parse_object(payload, len);
    int rc = -1;

    *channels = (struct message_channels){ 0 };
    if (object && get_address(object, channels->address) == 0 &&
        fields_get_unsigned(object, "port", &channels->port) == 0 && channels->port <= UINT16_MAX)
        rc = 0;
    json_object_put(object);
    return rc;
}

unsigned char *message_encode_join(const struct message_join *join, size_t *len)
{
    struct json_object *object = json_object_new_object();

    fields_add_bytes(object, "token", join->token, sizeof join->token);
    fields_add_u64(object, "channel", join->channel);
    return make_frame(MESSAGE_JOIN, object, len);
}

int message_decode_join(const void *payload, size_t len, struct message_join *join)
{
    struct json_object *object = parse_object(payload, len);
    int rc = -1;

    *join = (struct message_join){ 0 };
    if (object && fields_get_bytes(object, "token", join->token, sizeof join->token) == 0 &&
        fields_get_unsigned(object, "channel", &join->channel) == 0 && join->channel > 0 &&
        join->channel < MESSAGE_CHANNELS_MAX)
        rc = 0;
    json_object_put(object);
    return rc;
}

bool message_is_word(enum message_type type)
{
    return type == MESSAGE_GO || (type >= MESSAGE_TAKE_BACK && type <= MESSAGE_ASK);
}

unsigned char *message_encode_word(enum message_type type, const struct message_word *word, size_t *len)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "flag", json_object_new_boolean(false));
    fields_add_text(object, "text", "");
    if (word->generation) {
        fields_add_bytes(object, "token", word->token, sizeof word->token);
        fields_add_u64(object, "generation", word->generation);
    }
    return make_frame(type, object, len);
}

/* Only GO of an older release names no migration. */
int message_decode_word(enum message_type type, const void *payload, size_t len, struct message_word *word)
{
    struct json_object *object = parse_object(payload, len);
    int rc = -1;

    *word = (struct message_word){ 0 };
    if (object && !fields_has(object, "token") && !fields_has(object, "generation"))
        rc = type == MESSAGE_GO ? 0 : -1;
    else if (object && fields_get_bytes(object, "token", word->token, sizeof word->token) == 0 &&
             get_generation(object, &word->generation) == 0 && word->generation > 0)
        rc = 0;
    json_object_put(object);
    return rc;
}

unsigned char *message_encode_simple(enum message_type type, const struct message_simple *simple, size_t *len)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "flag", json_object_new_boolean(simple->flag));
    fields_add_text(object, "text", simple->text);
    return make_frame(type, object, len);
}

int message_decode_simple(const void *payload, size_t len, struct message_simple *simple)
{
    struct json_object *object = parse_object(payload, len), *flag;
    int rc = -1;

    *simple = (struct message_simple){ 0 };
    if (object && json_object_object_get_ex(object, "flag", &flag) && json_object_is_type(flag, json_type_boolean)) {
        simple->flag = json_object_get_boolean(flag);
        rc = fields_get_text(object, "text", simple->text, sizeof simple->text, false);
        clean_text(simple->text);
    }
    json_object_put(object);
    return rc;
}
