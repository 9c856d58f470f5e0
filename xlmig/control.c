/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xlmig/control.h"

#include <endian.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x6c744358u /* "XCtl" */
#define JSON_DEPTH 4

void clean_text(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            *c = ' ';
}

/* ---- headers ---- */

void control_header_encode(unsigned char out[CONTROL_HEADER_BYTES], enum control_type type, uint32_t len)
{
    const uint32_t words[] = { htole32(MAGIC), htole32((uint32_t)type), htole32(len) };

    _Static_assert(sizeof words == CONTROL_HEADER_BYTES, "three words");
    memcpy(out, words, sizeof words);
}

int control_header_decode(const unsigned char in[CONTROL_HEADER_BYTES], struct control_header *header)
{
    uint32_t words[3], type;

    memcpy(words, in, sizeof words);
    type = le32toh(words[1]);
    if (le32toh(words[0]) != MAGIC || type < CONTROL_HELLO || type > CONTROL_DEVICES ||
        le32toh(words[2]) > CONTROL_PAYLOAD_MAX)
        return -1;
    header->type = (enum control_type)type;
    header->len = le32toh(words[2]);
    return 0;
}

/* Takes `object`. */
static unsigned char *make_frame(enum control_type type, struct json_object *object, size_t *len)
{
    unsigned char *frame = NULL;
    const char *text;
    size_t text_len;

    text = object ? json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &text_len) : NULL;
    if (text && text_len <= CONTROL_PAYLOAD_MAX)
        frame = malloc(CONTROL_HEADER_BYTES + text_len);
    if (frame) {
        control_header_encode(frame, type, (uint32_t)text_len);
        memcpy(frame + CONTROL_HEADER_BYTES, text, text_len);
        *len = CONTROL_HEADER_BYTES + text_len;
    }
    json_object_put(object);
    return frame;
}

/* ---- JSON ---- */

/* NULL: not one JSON object and nothing else. */
static struct json_object *parse_object(const void *payload, size_t len)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH);
    struct json_object *object = NULL;

    if (!tokener)
        return NULL;
    if (len > 0 && len <= CONTROL_PAYLOAD_MAX)
        object = json_tokener_parse_ex(tokener, payload, (int)len);
    if (object && (!json_object_is_type(object, json_type_object) || json_tokener_get_parse_end(tokener) != len)) {
        json_object_put(object);
        object = NULL;
    }
    json_tokener_free(tokener);
    return object;
}

/* -1: missing, no string, or (with `whole`) too long or with a NUL inside. */
static int get_text(struct json_object *object, const char *name, char *out, size_t size, bool whole)
{
    struct json_object *field;
    const char *text;

    out[0] = '\0';
    if (!json_object_object_get_ex(object, name, &field) || !json_object_is_type(field, json_type_string))
        return -1;
    text = json_object_get_string(field);
    if (whole && (strlen(text) >= size || strlen(text) != (size_t)json_object_get_string_len(field)))
        return -1;
    snprintf(out, size, "%s", text);
    return 0;
}

static int get_u64(struct json_object *object, const char *name, uint64_t *out)
{
    struct json_object *field;
    int64_t value;

    if (!json_object_object_get_ex(object, name, &field) || !json_object_is_type(field, json_type_int))
        return -1;
    value = json_object_get_int64(field);
    if (value < 0)
        return -1;
    *out = (uint64_t)value;
    return 0;
}

static int get_unsigned(struct json_object *object, const char *name, unsigned *out)
{
    uint64_t value;

    if (get_u64(object, name, &value) < 0 || value > UINT32_MAX)
        return -1;
    *out = (unsigned)value;
    return 0;
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text));
}

static void add_u64(struct json_object *object, const char *name, uint64_t value)
{
    json_object_object_add(object, name, json_object_new_int64((int64_t)value));
}

static char *to_hex(const void *bytes, size_t len)
{
    char *hex = malloc(2 * len + 1);

    if (!hex)
        return NULL;
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
    hex[2 * len] = '\0';
    return hex;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static int from_hex(const char *hex, unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(hex[2 * i]), low = high < 0 ? -1 : hex_digit(hex[2 * i + 1]);

        if (low < 0)
            return -1;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return 0;
}

static void add_hex(struct json_object *object, const char *name, const void *bytes, size_t len)
{
    char *hex = to_hex(bytes, len);

    if (hex)
        add_text(object, name, hex);
    free(hex);
}

/* ---- messages ---- */

static const char *const data_names[CONTROL_NR_DATA] = {
    [CONTROL_DATA_INLINE] = "inline", [CONTROL_DATA_TCP] = "tcp", [CONTROL_DATA_TLS] = "tls",
};

const char *control_data_name(enum control_data data)
{
    return data_names[data];
}

static void add_features(struct json_object *object, uint64_t features)
{
    char hex[17];

    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)features);
    add_text(object, "image_features", hex);
}

static void add_data(struct json_object *object, unsigned data)
{
    struct json_object *list = json_object_new_array();

    for (unsigned i = 0; i < CONTROL_NR_DATA; i++)
        if (data & 1u << i)
            json_object_array_add(list, json_object_new_string(data_names[i]));
    json_object_object_add(object, "data", list);
}

static int has(struct json_object *object, const char *name)
{
    return json_object_object_get_ex(object, name, NULL);
}

/* `out` stays 0 where the member is missing. */
static int get_features(struct json_object *object, uint64_t *out)
{
    unsigned char bytes[8];
    char hex[17];

    if (!has(object, "image_features"))
        return 0;
    if (get_text(object, "image_features", hex, sizeof hex, true) < 0 || strlen(hex) != 16 ||
        from_hex(hex, bytes, sizeof bytes) < 0)
        return -1;
    for (size_t i = 0; i < sizeof bytes; i++)
        *out = *out << 8 | bytes[i];
    return 0;
}

/* -1: of none that we know. */
static int data_by_name(const char *name)
{
    for (int i = 0; i < CONTROL_NR_DATA; i++)
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
static int get_abilities(struct json_object *object, struct control_hello *hello)
{
    hello->max_channels = 1;
    hello->data = 1u << CONTROL_DATA_INLINE;
    if ((has(object, "image_version") && get_unsigned(object, "image_version", &hello->image_version) < 0) ||
        get_features(object, &hello->image_features) < 0 ||
        (has(object, "max_channels") && get_unsigned(object, "max_channels", &hello->max_channels) < 0) ||
        get_ways(object, &hello->data) < 0 || hello->max_channels == 0 ||
        (has(object, "cpus") && get_unsigned(object, "cpus", &hello->cpus) < 0))
        return -1;
    return 0;
}

unsigned char *control_encode_hello(const struct control_hello *hello, size_t *len)
{
    struct json_object *object = json_object_new_object();

    add_u64(object, "min_version", hello->min_version);
    add_u64(object, "max_version", hello->max_version);
    add_text(object, "program", hello->program);
    add_text(object, "host", hello->host);
    add_text(object, "hypervisor", hello->hypervisor);
    add_u64(object, "image_version", hello->image_version);
    add_features(object, hello->image_features);
    add_u64(object, "max_channels", hello->max_channels);
    add_data(object, hello->data);
    add_u64(object, "cpus", hello->cpus);
    return make_frame(CONTROL_HELLO, object, len);
}

int control_decode_hello(const void *payload, size_t len, struct control_hello *hello)
{
    struct json_object *object = parse_object(payload, len);
    int rc = 0;

    *hello = (struct control_hello){ 0 };
    if (!object)
        return -1;
    if (get_unsigned(object, "min_version", &hello->min_version) < 0 ||
        get_unsigned(object, "max_version", &hello->max_version) < 0 || hello->min_version > hello->max_version ||
        get_text(object, "program", hello->program, sizeof hello->program, false) < 0 ||
        get_text(object, "host", hello->host, sizeof hello->host, false) < 0 ||
        get_text(object, "hypervisor", hello->hypervisor, sizeof hello->hypervisor, false) < 0 ||
        get_abilities(object, hello) < 0)
        rc = -1;
    clean_text(hello->program);
    clean_text(hello->host);
    clean_text(hello->hypervisor);
    json_object_put(object);
    return rc;
}

unsigned control_common_version(const struct control_hello *peer)
{
    return peer->min_version <= CONTROL_VERSION && peer->max_version >= CONTROL_VERSION ? CONTROL_VERSION : 0;
}

unsigned char *control_encode_preflight(const struct control_preflight *preflight, size_t *len)
{
    struct json_object *object = json_object_new_object();

    add_text(object, "name", preflight->name);
    add_hex(object, "uuid", preflight->uuid, sizeof preflight->uuid);
    add_text(object, "type", vm_type_name(preflight->type));
    add_u64(object, "memory_bytes", preflight->memory_bytes);
    add_u64(object, "vcpus", preflight->vcpus);
    add_text(object, "config", preflight->config_json);
    if (preflight->early_devices)
        json_object_object_add(object, "early_devices", json_object_new_boolean(true));
    if (preflight->cpu_policy.len > 0)
        add_hex(object, "cpu_policy", preflight->cpu_policy.bytes, preflight->cpu_policy.len);
    return make_frame(CONTROL_PREFLIGHT, object, len);
}

static int get_type(struct json_object *object, enum vm_type *type)
{
    static const enum vm_type types[] = { VM_TYPE_PV, VM_TYPE_PVH, VM_TYPE_HVM };
    char name[8];

    if (get_text(object, "type", name, sizeof name, true) < 0)
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
    return policy->bytes ? from_hex(json_object_get_string(field), policy->bytes, policy->len) : -1;
}

static int get_uuid(struct json_object *object, uint8_t uuid[16])
{
    char hex[33];

    if (get_text(object, "uuid", hex, sizeof hex, true) < 0 || strlen(hex) != 32)
        return -1;
    return from_hex(hex, uuid, 16);
}

/* A name that could not have come from xl: empty, with a slash (it becomes part of paths) or control characters. */
static int get_name(struct json_object *object, char name[VM_NAME_MAX + 1])
{
    if (get_text(object, "name", name, VM_NAME_MAX + 1, true) < 0 || name[0] == '\0')
        return -1;
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '/')
            return -1;
    return 0;
}

int control_decode_preflight(const void *payload, size_t len, struct control_preflight *preflight)
{
    struct json_object *object = parse_object(payload, len);
    int rc = -1;

    *preflight = (struct control_preflight){ 0 };
    if (object && get_name(object, preflight->name) == 0 && get_uuid(object, preflight->uuid) == 0 &&
        get_type(object, &preflight->type) == 0 && get_u64(object, "memory_bytes", &preflight->memory_bytes) == 0 &&
        get_unsigned(object, "vcpus", &preflight->vcpus) == 0 && get_config(object, &preflight->config_json) == 0 &&
        get_optional_flag(object, "early_devices", &preflight->early_devices) == 0 &&
        get_cpu_policy(object, &preflight->cpu_policy) == 0)
        rc = 0;
    if (rc < 0)
        control_preflight_dispose(preflight);
    json_object_put(object);
    return rc;
}

void control_preflight_dispose(struct control_preflight *preflight)
{
    free(preflight->config_json);
    free(preflight->cpu_policy.bytes);
    *preflight = (struct control_preflight){ 0 };
}

unsigned char *control_encode_answer(const struct control_answer *answer, size_t *len)
{
    struct json_object *object = json_object_new_object(), *list = json_object_new_array();

    for (unsigned i = 0; i < answer->nr_refusals; i++)
        json_object_array_add(list, json_object_new_string(answer->refusals[i]));
    json_object_object_add(object, "refusals", list);
    if (answer->config_json)
        add_text(object, "config", answer->config_json);
    return make_frame(CONTROL_ANSWER, object, len);
}

int control_decode_answer(const void *payload, size_t len, struct control_answer *answer)
{
    struct json_object *object = parse_object(payload, len), *list;
    int rc = -1;

    *answer = (struct control_answer){ 0 };
    if (object && json_object_object_get_ex(object, "refusals", &list) && json_object_is_type(list, json_type_array)) {
        size_t n = json_object_array_length(list);

        for (size_t i = 0; i < n && i < CONTROL_REFUSALS_MAX; i++) {
            const char *text = json_object_get_string(json_object_array_get_idx(list, i));

            snprintf(answer->refusals[i], CONTROL_TEXT_MAX, "%s", text ? text : "");
            clean_text(answer->refusals[i]);
            answer->nr_refusals++;
        }
        rc = has(object, "config") ? get_config(object, &answer->config_json) : 0;
    }
    json_object_put(object);
    return rc;
}

void control_answer_dispose(struct control_answer *answer)
{
    free(answer->config_json);
    *answer = (struct control_answer){ 0 };
}

unsigned char *control_encode_begin(const struct control_begin *begin, size_t *len)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "flag", json_object_new_boolean(begin->paused));
    add_text(object, "text", "");
    add_text(object, "image", begin->image_v1 ? "v1" : "libxc");
    add_u64(object, "channels", begin->nr_channels);
    add_text(object, "data", data_names[begin->data]);
    add_hex(object, "token", begin->token, sizeof begin->token);
    if (begin->data == CONTROL_DATA_TLS)
        add_hex(object, "key", begin->key, sizeof begin->key);
    if (begin->address[0])
        add_text(object, "address", begin->address);
    return make_frame(CONTROL_BEGIN, object, len);
}

static int get_bytes(struct json_object *object, const char *name, uint8_t *bytes, size_t len)
{
    char hex[2 * CONTROL_KEY_BYTES + 1];

    if (get_text(object, name, hex, sizeof hex, true) < 0 || strlen(hex) != 2 * len)
        return -1;
    return from_hex(hex, bytes, len);
}

static int get_address(struct json_object *object, char address[CONTROL_ADDRESS_MAX + 1])
{
    if (!has(object, "address"))
        return 0;
    if (get_text(object, "address", address, CONTROL_ADDRESS_MAX + 1, true) < 0)
        return -1;
    clean_text(address);
    return 0;
}

static int get_image(struct json_object *object, bool *v1)
{
    char name[8];

    if (get_text(object, "image", name, sizeof name, true) < 0)
        return -1;
    *v1 = strcmp(name, "v1") == 0;
    return *v1 || strcmp(name, "libxc") == 0 ? 0 : -1;
}

/* What a sender of before images and channels does not say, nor needs. */
static int get_ways_of_begin(struct json_object *object, struct control_begin *begin)
{
    char data[16];
    int way;

    if (!has(object, "image"))
        return 0;
    if (get_image(object, &begin->image_v1) < 0 || get_unsigned(object, "channels", &begin->nr_channels) < 0 ||
        begin->nr_channels == 0 || begin->nr_channels > CONTROL_CHANNELS_MAX ||
        get_text(object, "data", data, sizeof data, true) < 0 || (way = data_by_name(data)) < 0 ||
        get_bytes(object, "token", begin->token, sizeof begin->token) < 0 || get_address(object, begin->address) < 0)
        return -1;
    begin->data = (enum control_data)way;
    if (begin->data == CONTROL_DATA_TLS)
        return get_bytes(object, "key", begin->key, sizeof begin->key);
    return 0;
}

int control_decode_begin(const void *payload, size_t len, struct control_begin *begin)
{
    struct json_object *object = parse_object(payload, len), *flag;
    int rc = -1;

    *begin = (struct control_begin){ .nr_channels = 1 };
    if (object && json_object_object_get_ex(object, "flag", &flag) && json_object_is_type(flag, json_type_boolean)) {
        begin->paused = json_object_get_boolean(flag);
        rc = get_ways_of_begin(object, begin);
    }
    json_object_put(object);
    return rc;
}

unsigned char *control_encode_channels(const struct control_channels *channels, size_t *len)
{
    struct json_object *object = json_object_new_object();

    if (channels->address[0])
        add_text(object, "address", channels->address);
    add_u64(object, "port", channels->port);
    return make_frame(CONTROL_CHANNELS, object, len);
}

int control_decode_channels(const void *payload, size_t len, struct control_channels *channels)
{
    struct json_object *object = parse_object(payload, len);
    int rc = -1;

    *channels = (struct control_channels){ 0 };
    if (object && get_address(object, channels->address) == 0 &&
        get_unsigned(object, "port", &channels->port) == 0 && channels->port <= UINT16_MAX)
        rc = 0;
    json_object_put(object);
    return rc;
}

unsigned char *control_encode_join(const struct control_join *join, size_t *len)
{
    struct json_object *object = json_object_new_object();

    add_hex(object, "token", join->token, sizeof join->token);
    add_u64(object, "channel", join->channel);
    return make_frame(CONTROL_JOIN, object, len);
}

int control_decode_join(const void *payload, size_t len, struct control_join *join)
{
    struct json_object *object = parse_object(payload, len);
    int rc = -1;

    *join = (struct control_join){ 0 };
    if (object && get_bytes(object, "token", join->token, sizeof join->token) == 0 &&
        get_unsigned(object, "channel", &join->channel) == 0 && join->channel > 0 &&
        join->channel < CONTROL_CHANNELS_MAX)
        rc = 0;
    json_object_put(object);
    return rc;
}

unsigned char *control_encode_simple(enum control_type type, const struct control_simple *simple, size_t *len)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "flag", json_object_new_boolean(simple->flag));
    add_text(object, "text", simple->text);
    return make_frame(type, object, len);
}

int control_decode_simple(const void *payload, size_t len, struct control_simple *simple)
{
    struct json_object *object = parse_object(payload, len), *flag;
    int rc = -1;

    *simple = (struct control_simple){ 0 };
    if (object && json_object_object_get_ex(object, "flag", &flag) && json_object_is_type(flag, json_type_boolean)) {
        simple->flag = json_object_get_boolean(flag);
        rc = get_text(object, "text", simple->text, sizeof simple->text, false);
        clean_text(simple->text);
    }
    json_object_put(object);
    return rc;
}
