/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/base/json-fields.h"
#include "xlmig/base/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 4

/* ---- reading ---- */

struct json_object *fields_parse(const void *text, size_t len)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
    struct json_object *object = NULL;

    if (!tokener)
        return NULL;
    if (len > 0 && len <= INT_MAX)
        object = json_tokener_parse_ex(tokener, text, (int)len);
    if (object && (!json_object_is_type(object, json_type_object) || json_tokener_get_parse_end(tokener) != len)) {
        json_object_put(object);
        object = NULL;
    }
    json_tokener_free(tokener);
    return object;
}

static struct json_object *get(struct json_object *object, const char *name, enum json_type type)
{
    struct json_object *field;

    return json_object_object_get_ex(object, name, &field) && json_object_is_type(field, type) ? field : NULL;
}

bool fields_has(struct json_object *object, const char *name)
{
    return json_object_object_get_ex(object, name, NULL);
}

int fields_get_text(struct json_object *object, const char *name, char *out, size_t size, bool whole)
{
    struct json_object *field = get(object, name, json_type_string);
    const char *text;

    out[0] = '\0';
    if (!field)
        return -1;
    text = json_object_get_string(field);
    if (whole && (strlen(text) >= size || strlen(text) != (size_t)json_object_get_string_len(field)))
        return -1;
    snprintf(out, size, "%s", text);
    return 0;
}

int fields_get_int(struct json_object *object, const char *name, int64_t min, int64_t max, int64_t *out)
{
    struct json_object *field = get(object, name, json_type_int);

    if (!field)
        return -1;
    *out = json_object_get_int64(field);
    return *out >= min && *out <= max ? 0 : -1;
}

int fields_get_u64(struct json_object *object, const char *name, uint64_t *out)
{
    int64_t value;

    if (fields_get_int(object, name, 0, INT64_MAX, &value) < 0)
        return -1;
    *out = (uint64_t)value;
    return 0;
}

int fields_get_unsigned(struct json_object *object, const char *name, unsigned *out)
{
    int64_t value;

    if (fields_get_int(object, name, 0, UINT32_MAX, &value) < 0)
        return -1;
    *out = (unsigned)value;
    return 0;
}

int fields_get_bool(struct json_object *object, const char *name, bool *out)
{
    struct json_object *field = get(object, name, json_type_boolean);

    if (!field)
        return -1;
    *out = json_object_get_boolean(field);
    return 0;
}

int fields_get_bytes(struct json_object *object, const char *name, uint8_t *bytes, size_t len)
{
    char hex[2 * FIELDS_BYTES_MAX + 1];

    if (fields_get_text(object, name, hex, sizeof hex, true) < 0 || strlen(hex) != 2 * len)
        return -1;
    return hex_decode(hex, bytes, len);
}

/* ---- writing ---- */

void fields_print_error(const char *text)
{
    struct json_object *object = json_object_new_object();

    fields_add_text(object, "event", "error");
    fields_add_text(object, "text", text);
    printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
    fflush(stdout);
    json_object_put(object);
}

void fields_add_text(struct json_object *object, const char *name, const char *text)
{
    json_object_object_add(object, name, json_object_new_string(text));
}

void fields_add_u64(struct json_object *object, const char *name, uint64_t value)
{
    json_object_object_add(object, name, json_object_new_int64((int64_t)value));
}

void fields_add_bool(struct json_object *object, const char *name, bool value)
{
    json_object_object_add(object, name, json_object_new_boolean(value));
}

void fields_add_bytes(struct json_object *object, const char *name, const void *bytes, size_t len)
{
    char *hex = malloc(2 * len + 1);

    if (!hex)
        return;
    hex_encode(bytes, len, hex);
    fields_add_text(object, name, hex);
    free(hex);
}
