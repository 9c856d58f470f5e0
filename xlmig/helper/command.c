/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/helper/command.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static const char *const settings[] = {
    [HELPER_SET_MAX_BANDWIDTH] = "max-bandwidth",
    [HELPER_SET_MAX_DOWNTIME] = "max-downtime",
};
#define FINISH "finish"
#define RELEASE "release"
#define NR_SETTINGS (sizeof settings / sizeof settings[0])

size_t helper_command_write(struct helper_command command, char line[HELPER_COMMAND_LINE_MAX])
{
    if (command.kind == HELPER_FINISH || command.kind == HELPER_RELEASE)
        return (size_t)snprintf(line, HELPER_COMMAND_LINE_MAX, "{\"do\":\"%s\"}\n",
                                command.kind == HELPER_FINISH ? FINISH : RELEASE);
    return (size_t)snprintf(line, HELPER_COMMAND_LINE_MAX, "{\"set\":\"%s\",\"value\":%llu}\n", settings[command.kind],
                            (unsigned long long)command.value);
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *field;

    if (!json_object_object_get_ex(object, name, &field) || !json_object_is_type(field, json_type_string))
        return "";
    return json_object_get_string(field);
}

static int read_setting(struct json_object *object, struct helper_command *command)
{
    const char *name = text_of(object, "set");
    struct json_object *value;

    if (!json_object_object_get_ex(object, "value", &value) || !json_object_is_type(value, json_type_int) ||
        json_object_get_int64(value) < 0)
        return -1;
    for (size_t i = 0; i < NR_SETTINGS; i++)
        if (strcmp(name, settings[i]) == 0) {
            *command = (struct helper_command){ (enum helper_command_kind)i, (uint64_t)json_object_get_int64(value) };
            return 0;
        }
    return -1;
}

int helper_command_parse(const char *line, size_t len, struct helper_command *command)
{
    struct json_tokener *tokener;
    struct json_object *object;
    int rc = -1;

    if (len == 0 || len >= HELPER_COMMAND_LINE_MAX)
        return -1;
    tokener = json_tokener_new_ex(2);
    if (!tokener)
        return -1;
    object = json_tokener_parse_ex(tokener, line, (int)len);
    if (json_object_is_type(object, json_type_object)) {
        const char *word = text_of(object, "do");

        if (strcmp(word, FINISH) == 0 || strcmp(word, RELEASE) == 0) {
            *command = (struct helper_command){ .kind = strcmp(word, FINISH) == 0 ? HELPER_FINISH : HELPER_RELEASE };
            rc = 0;
        } else {
            rc = read_setting(object, command);
        }
    }
    json_object_put(object);
    json_tokener_free(tokener);
    return rc;
}
