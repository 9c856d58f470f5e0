/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* HELLO: who a side is, and what it is able to do. */
#include "xlmig/peer/message-private.h"

#include "xlmig/base/text.h"

#include <stdio.h>
#include <string.h>

static const char *const data_names[MESSAGE_NR_DATA] = {
    [MESSAGE_DATA_INLINE] = "inline", [MESSAGE_DATA_TCP] = "tcp", [MESSAGE_DATA_TLS] = "tls",
};

const char *message_data_name(enum message_data data)
{
    return data_names[data];
}

int message_data_by_name(const char *name)
{
    for (int i = 0; i < MESSAGE_NR_DATA; i++)
        if (name && strcmp(name, data_names[i]) == 0)
            return i;
    return -1;
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

/* Ways that we do not know are those of a later release. */
static int get_ways(struct json_object *object, unsigned *ways)
{
    struct json_object *list;

    if (!json_object_object_get_ex(object, "data", &list))
        return 0;
    if (!json_object_is_type(list, json_type_array))
        return -1;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        int data = message_data_by_name(json_object_get_string(json_object_array_get_idx(list, i)));

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
        (fields_has(object, "rejoin") && fields_get_unsigned(object, "rejoin", &hello->rejoin) < 0) ||
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
    fields_add_u64(object, "rejoin", hello->rejoin);
    fields_add_u64(object, "handover", hello->handover);
    return message_make_frame(MESSAGE_HELLO, object, len);
}

int message_decode_hello(const void *payload, size_t len, struct message_hello *hello)
{
    struct json_object *object = message_parse(payload, len);
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
