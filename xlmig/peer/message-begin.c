/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* BEGIN, CHANNELS and JOIN: how the data travels. */
#include "xlmig/peer/message-private.h"

#include "xlmig/base/text.h"

#include <string.h>

unsigned char *message_encode_begin(const struct message_begin *begin, size_t *len)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "flag", json_object_new_boolean(begin->paused));
    fields_add_text(object, "text", "");
    fields_add_text(object, "image", begin->image_v1 ? "v1" : "libxc");
    fields_add_u64(object, "channels", begin->nr_channels);
    fields_add_text(object, "data", message_data_name(begin->data));
    fields_add_bytes(object, "token", begin->token, sizeof begin->token);
    if (begin->data == MESSAGE_DATA_TLS)
        fields_add_bytes(object, "key", begin->key, sizeof begin->key);
    if (begin->address[0])
        fields_add_text(object, "address", begin->address);
    if (begin->ports.first) {
        fields_add_u64(object, "first_port", begin->ports.first);
        fields_add_u64(object, "last_port", begin->ports.last);
    }
    if (begin->rejoin)
        json_object_object_add(object, "rejoin", json_object_new_boolean(true));
    if (begin->generation)
        fields_add_u64(object, "generation", begin->generation);
    if (begin->has_source)
        fields_add_bytes(object, "source", begin->source, sizeof begin->source);
    return message_make_frame(MESSAGE_BEGIN, object, len);
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

static int get_ports(struct json_object *object, struct port_range *ports)
{
    if (!fields_has(object, "first_port") && !fields_has(object, "last_port"))
        return 0;
    if (fields_get_unsigned(object, "first_port", &ports->first) < 0 ||
        fields_get_unsigned(object, "last_port", &ports->last) < 0)
        return -1;
    return ports->first >= 1 && ports->first <= ports->last && ports->last <= MESSAGE_PORT_MAX ? 0 : -1;
}

static int get_image(struct json_object *object, bool *v1)
{
    char name[8];

    if (fields_get_text(object, "image", name, sizeof name, true) < 0)
        return -1;
    *v1 = strcmp(name, "v1") == 0;
    return *v1 || strcmp(name, "libxc") == 0 ? 0 : -1;
}

static int get_rejoin(struct json_object *object, struct message_begin *begin)
{
    struct json_object *rejoin;

    if (!json_object_object_get_ex(object, "rejoin", &rejoin))
        return 0;
    if (!json_object_is_type(rejoin, json_type_boolean))
        return -1;
    begin->rejoin = json_object_get_boolean(rejoin) && begin->data != MESSAGE_DATA_INLINE;
    return 0;
}

static int get_source(struct json_object *object, struct message_begin *begin)
{
    begin->has_source = fields_has(object, "source");
    return begin->has_source ? fields_get_bytes(object, "source", begin->source, sizeof begin->source) : 0;
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
        fields_get_text(object, "data", data, sizeof data, true) < 0 || (way = message_data_by_name(data)) < 0 ||
        fields_get_bytes(object, "token", begin->token, sizeof begin->token) < 0 ||
        get_address(object, begin->address) < 0 || get_ports(object, &begin->ports) < 0 || message_get_generation(object, &begin->generation) < 0 ||
        get_source(object, begin) < 0)
        return -1;
    begin->data = (enum message_data)way;
    if (get_rejoin(object, begin) < 0)
        return -1;
    if (begin->data == MESSAGE_DATA_TLS)
        return fields_get_bytes(object, "key", begin->key, sizeof begin->key);
    return 0;
}

int message_decode_begin(const void *payload, size_t len, struct message_begin *begin)
{
    struct json_object *object = message_parse(payload, len), *flag;
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
    return message_make_frame(MESSAGE_CHANNELS, object, len);
}

int message_decode_channels(const void *payload, size_t len, struct message_channels *channels)
{
    struct json_object *object = message_parse(payload, len);
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
    return message_make_frame(MESSAGE_JOIN, object, len);
}

int message_decode_join(const void *payload, size_t len, struct message_join *join)
{
    struct json_object *object = message_parse(payload, len);
    int rc = -1;

    *join = (struct message_join){ 0 };
    if (object && fields_get_bytes(object, "token", join->token, sizeof join->token) == 0 &&
        fields_get_unsigned(object, "channel", &join->channel) == 0 && join->channel > 0 &&
        join->channel < MESSAGE_CHANNELS_MAX)
        rc = 0;
    json_object_put(object);
    return rc;
}
