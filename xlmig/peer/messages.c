/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The table of messages: what docs/control-protocol.md calls each, who may say
 * it and when, and the pair of functions that writes and reads it.
 *
 * Those stand in a file for each family: message-greeting.c, message-candidate.c,
 * message-begin.c, message-word.c; message-frame.c has what is around them.
 */
#include "xlmig/peer/messages.h"

#define SENDER MESSAGE_FROM_SENDER
#define RECEIVER MESSAGE_FROM_RECEIVER
/* A word opens a connection of its own, or comes on the one that began the migration. */
#define AT_WORD (MESSAGE_AT_OPENING | MESSAGE_AT_WORD)

/* A message with a body of its own. */
#define PAIR(body) \
    static unsigned char *encode_##body(enum message_type type, const union message_body *in, size_t *len) \
    { \
        (void)type; \
        return message_encode_##body(&in->body, len); \
    } \
    static int decode_##body(enum message_type type, const void *payload, size_t len, union message_body *out) \
    { \
        (void)type; \
        return message_decode_##body(payload, len, &out->body); \
    }

PAIR(hello)
PAIR(preflight)
PAIR(answer)
PAIR(begin)
PAIR(channels)
PAIR(join)

static unsigned char *encode_word(enum message_type type, const union message_body *in, size_t *len)
{
    return message_encode_word(type, &in->word, len);
}

static int decode_word(enum message_type type, const void *payload, size_t len, union message_body *out)
{
    return message_decode_word(type, payload, len, &out->word);
}

static unsigned char *encode_simple(enum message_type type, const union message_body *in, size_t *len)
{
    return message_encode_simple(type, &in->simple, len);
}

static int decode_simple(enum message_type type, const void *payload, size_t len, union message_body *out)
{
    (void)type;
    return message_decode_simple(payload, len, &out->simple);
}

static void dispose_preflight(union message_body *body)
{
    candidate_dispose(&body->preflight);
}

static void dispose_answer(union message_body *body)
{
    candidate_answer_dispose(&body->answer);
}

static const struct message_kind kinds[MESSAGE_LAST_TYPE + 1] = {
    [MESSAGE_HELLO] = { "HELLO", SENDER | RECEIVER, MESSAGE_AT_GREETING, encode_hello, decode_hello, NULL },
    [MESSAGE_PREFLIGHT] = { "PREFLIGHT", SENDER, MESSAGE_AT_OPENING, encode_preflight, decode_preflight,
                            dispose_preflight },
    [MESSAGE_ANSWER] = { "ANSWER", RECEIVER, 0, encode_answer, decode_answer, dispose_answer },
    [MESSAGE_BEGIN] = { "BEGIN", SENDER, MESSAGE_AT_BEGIN, encode_begin, decode_begin, NULL },
    [MESSAGE_LISTENING] = { "LISTENING", RECEIVER, 0, encode_simple, decode_simple, NULL },
    [MESSAGE_RECEIVED] = { "RECEIVED", RECEIVER, 0, encode_simple, decode_simple, NULL },
    [MESSAGE_GO] = { "GO", SENDER, MESSAGE_AT_GO | AT_WORD, encode_word, decode_word, NULL },
    [MESSAGE_REPORT] = { "REPORT", RECEIVER, 0, encode_simple, decode_simple, NULL },
    [MESSAGE_FAILED] = { "FAILED", RECEIVER, 0, encode_simple, decode_simple, NULL },
    [MESSAGE_NOTE] = { "NOTE", RECEIVER, 0, encode_simple, decode_simple, NULL },
    [MESSAGE_CHANNELS] = { "CHANNELS", RECEIVER, 0, encode_channels, decode_channels, NULL },
    [MESSAGE_JOIN] = { "JOIN", SENDER, MESSAGE_AT_OPENING, encode_join, decode_join, NULL },
    [MESSAGE_DEVICES] = { "DEVICES", RECEIVER, 0, encode_simple, decode_simple, NULL },
    [MESSAGE_TAKE_BACK] = { "TAKE_BACK", SENDER, AT_WORD, encode_word, decode_word, NULL },
    [MESSAGE_ABORT] = { "ABORT", SENDER, AT_WORD, encode_word, decode_word, NULL },
    [MESSAGE_CONFIRM] = { "CONFIRM", SENDER, AT_WORD, encode_word, decode_word, NULL },
    [MESSAGE_ASK] = { "ASK", SENDER, AT_WORD, encode_word, decode_word, NULL },
    [MESSAGE_ABORTED] = { "ABORTED", RECEIVER, 0, encode_simple, decode_simple, NULL },
    [MESSAGE_CLOSED] = { "CLOSED", RECEIVER, 0, encode_simple, decode_simple, NULL },
    [MESSAGE_LOST] = { "LOST", RECEIVER, 0, encode_simple, decode_simple, NULL },
    [MESSAGE_BUSY] = { "BUSY", RECEIVER, 0, encode_simple, decode_simple, NULL },
};

const struct message_kind *message_kind(enum message_type type)
{
    return type >= MESSAGE_HELLO && type <= MESSAGE_LAST_TYPE ? &kinds[type] : NULL;
}

bool message_is_word(enum message_type type)
{
    const struct message_kind *kind = message_kind(type);

    return kind && kind->decode == decode_word;
}

bool message_may_be_said(enum message_type type, unsigned by, unsigned at)
{
    const struct message_kind *kind = message_kind(type);

    return kind && (kind->from & by) && (by == RECEIVER || (kind->at & at));
}

unsigned char *message_encode(enum message_type type, const union message_body *body, size_t *len)
{
    return message_kind(type)->encode(type, body, len);
}

int message_decode(enum message_type type, const void *payload, size_t len, union message_body *body)
{
    return message_kind(type)->decode(type, payload, len, body);
}

void message_dispose(enum message_type type, union message_body *body)
{
    if (message_kind(type)->dispose)
        message_kind(type)->dispose(body);
}
