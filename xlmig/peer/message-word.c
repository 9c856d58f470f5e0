/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What is a word: those of the handover, and those that are a flag and a line of text at the most. */
#include "xlmig/peer/message-private.h"

#include "xlmig/base/text.h"

int message_get_generation(struct json_object *object, uint64_t *generation)
{
    *generation = 0;
    if (!fields_has(object, "generation"))
        return 0;
    return fields_get_u64(object, "generation", generation) == 0 && *generation > 0 ? 0 : -1;
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
    return message_make_frame(type, object, len);
}

/* Only GO of an older release names no migration. */
int message_decode_word(enum message_type type, const void *payload, size_t len, struct message_word *word)
{
    struct json_object *object = message_parse(payload, len);
    int rc = -1;

    *word = (struct message_word){ 0 };
    if (object && !fields_has(object, "token") && !fields_has(object, "generation"))
        rc = type == MESSAGE_GO ? 0 : -1;
    else if (object && fields_get_bytes(object, "token", word->token, sizeof word->token) == 0 &&
             message_get_generation(object, &word->generation) == 0 && word->generation > 0)
        rc = 0;
    json_object_put(object);
    return rc;
}

unsigned char *message_encode_simple(enum message_type type, const struct message_simple *simple, size_t *len)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "flag", json_object_new_boolean(simple->flag));
    fields_add_text(object, "text", simple->text);
    return message_make_frame(type, object, len);
}

int message_decode_simple(const void *payload, size_t len, struct message_simple *simple)
{
    struct json_object *object = message_parse(payload, len), *flag;
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
