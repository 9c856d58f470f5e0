/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/peer/peer.h"

#include "xlmig/peer/xl-protocol.h"
#include "xlmig/base/text.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_TIMEOUT_S 30
#define LEAVE_US 5000000u
#define LEAVE_SOON_US 250000u

/* Where we are in xl's protocol. */
enum xl_stage { XL_AWAIT_READY, XL_AWAIT_REPORT, XL_AWAIT_CODE, XL_AWAIT_RELEASE, XL_OVER };

struct peer {
    struct transport *transport;
    struct peer_callbacks callbacks;
    struct message_hello own_hello, hello;
    enum peer_dialect dialect;
    enum xl_stage xl_stage;
    bool lost;
    char text[2048];        /* of the event being told */
};

static void tell(struct peer *peer, enum peer_event_kind kind, const char *text)
{
    const struct peer_event event = { .kind = kind, .text = text };

    peer->callbacks.event(peer->callbacks.user, &event);
}

static void lose(struct peer *peer, const char *text)
{
    if (peer->lost)
        return;
    peer->lost = true; /* the descriptor stays open: an engine may still be writing to it */
    tell(peer, PEER_LOST, text);
}

/* Takes `frame`. */
static int send_frame(struct peer *peer, unsigned char *frame, size_t len)
{
    size_t written;
    int rc;

    if (!frame)
        return -1;
    rc = peer->lost ? -1 : transport_write(peer->transport, frame, len, WRITE_TIMEOUT_S, &written);
    free(frame);
    return rc;
}

/* ---- the banner ---- */

static bool starts_with(const char *have, size_t have_len, const char *want)
{
    size_t len = strlen(want);

    return memcmp(have, want, have_len < len ? have_len : len) == 0;
}

/* What came instead of a banner, fit to be shown. */
static void no_banner(struct peer *peer, const char *came, size_t len)
{
    char shown[81];

    snprintf(shown, sizeof shown, "%.*s", (int)(len < 80 ? len : 80), came);
    clean_text(shown);
    snprintf(peer->text, sizeof peer->text,
             "what answers there is neither xlmig nor xl; it says \"%s\". "
             "A login script that prints something would do that", shown);
    lose(peer, peer->text);
}

static void say_hello(struct peer *peer)
{
    size_t len;
    unsigned char *frame = message_encode_hello(&peer->own_hello, &len);

    if (send_frame(peer, frame, len) < 0)
        lose(peer, transport_last_words(peer->transport));
}

/* 1: a banner was read; 0: not yet. */
static int read_banner(struct peer *peer)
{
    struct evbuffer *input = transport_input(peer->transport);
    size_t len = evbuffer_get_length(input);
    char came[128];

    if (len > sizeof came)
        len = sizeof came;
    evbuffer_copyout(input, came, len);
    if (len >= strlen(MESSAGE_BANNER) && starts_with(came, len, MESSAGE_BANNER)) {
        evbuffer_drain(input, strlen(MESSAGE_BANNER));
        peer->dialect = PEER_XLMIG;
        say_hello(peer);
        return 1;
    }
    if (len >= strlen(XL_BANNER) && starts_with(came, len, XL_BANNER)) {
        evbuffer_drain(input, strlen(XL_BANNER));
        peer->dialect = PEER_XL;
        tell(peer, PEER_GREETED, "");
        return 1;
    }
    if (!starts_with(came, len, MESSAGE_BANNER) && !starts_with(came, len, XL_BANNER))
        no_banner(peer, came, len);
    return 0;
}

/* ---- xl's protocol ---- */

/* 1: `message`, with its NUL, was read; 0: not yet; -1: something else came. */
static int read_fixed(struct peer *peer, const char *message)
{
    struct evbuffer *input = transport_input(peer->transport);
    size_t want = strlen(message) + 1, len = evbuffer_get_length(input);
    char came[64];

    if (len > want)
        len = want;
    evbuffer_copyout(input, came, len);
    if (memcmp(came, message, len) != 0)
        return -1;
    if (len < want)
        return 0;
    evbuffer_drain(input, want);
    return 1;
}

static int read_code(struct peer *peer)
{
    unsigned char code;

    if (evbuffer_remove(transport_input(peer->transport), &code, 1) != 1)
        return 0;
    if (code == 0) {
        peer->xl_stage = XL_OVER;
        tell(peer, PEER_STARTED, "");
        return 1;
    }
    peer->xl_stage = XL_AWAIT_RELEASE;
    snprintf(peer->text, sizeof peer->text, "xl over there could not start it (status code %u)", code);
    tell(peer, PEER_NOT_STARTED, peer->text);
    return 1;
}

static int read_xl(struct peer *peer)
{
    static const struct {
        const char *message;
        enum xl_stage next;
    } stages[] = {
        [XL_AWAIT_READY] = { XL_READY, XL_AWAIT_REPORT },
        [XL_AWAIT_REPORT] = { XL_REPORT, XL_AWAIT_CODE },
        [XL_AWAIT_RELEASE] = { XL_GO, XL_OVER },
    };
    enum xl_stage stage = peer->xl_stage;
    int rc;

    if (stage == XL_AWAIT_CODE)
        return read_code(peer);
    if (stage == XL_OVER)
        return 0;
    rc = read_fixed(peer, stages[stage].message);
    if (rc < 0)
        lose(peer, "the receiver over there does not keep to xl's migration protocol");
    if (rc != 1)
        return 0;
    peer->xl_stage = stages[stage].next;
    if (stage == XL_AWAIT_READY)
        tell(peer, PEER_READY, "");
    else if (stage == XL_AWAIT_RELEASE)
        tell(peer, PEER_RELEASED, "");
    return 1;
}

/* ---- xlmig's protocol ---- */

static int on_hello(struct peer *peer, enum peer_event_kind greeted, const union message_body *body)
{
    if (peer->hello.max_version > 0)
        return -1; /* it greeted already */
    peer->hello = body->hello;
    if (!message_common_version(&peer->hello)) {
        snprintf(peer->text, sizeof peer->text,
                 "%s over there speaks versions %u to %u of the control protocol, this one speaks %u; "
                 "use the same release on both hosts, or --stock", peer->hello.program,
                 peer->hello.min_version, peer->hello.max_version, MESSAGE_VERSION);
        lose(peer, peer->text);
        return 0;
    }
    tell(peer, greeted, "");
    return 0;
}

static int on_answer(struct peer *peer, enum peer_event_kind kind, const union message_body *body)
{
    const struct peer_event event = { .kind = kind, .text = "", .answer = &body->answer };

    peer->callbacks.event(peer->callbacks.user, &event);
    return 0;
}

static int on_channels(struct peer *peer, enum peer_event_kind kind, const union message_body *body)
{
    const struct peer_event event = { .kind = kind, .text = "", .where = &body->channels };

    peer->callbacks.event(peer->callbacks.user, &event);
    return 0;
}

static int on_report(struct peer *peer, enum peer_event_kind started, const union message_body *body)
{
    const struct message_simple *report = &body->simple;

    if (report->flag) {
        tell(peer, started, "");
        return 0;
    }
    tell(peer, PEER_NOT_STARTED, report->text);
    if (!peer->hello.handover)
        tell(peer, PEER_RELEASED, report->text); /* of a release that reports after it has cleaned up */
    return 0;
}

static int on_text(struct peer *peer, enum peer_event_kind kind, const union message_body *body)
{
    tell(peer, kind, body->simple.text);
    return 0;
}

/* Of each message that the receiver may say: what it is told as, and who tells it; -1: it makes no sense here. */
static const struct {
    int (*handle)(struct peer *peer, enum peer_event_kind kind, const union message_body *body);
    enum peer_event_kind kind;
} handlers[MESSAGE_LAST_TYPE + 1] = {
    [MESSAGE_HELLO] = { on_hello, PEER_GREETED },
    [MESSAGE_ANSWER] = { on_answer, PEER_ANSWERED },
    [MESSAGE_LISTENING] = { on_text, PEER_LISTENING },
    [MESSAGE_RECEIVED] = { on_text, PEER_READY },
    [MESSAGE_REPORT] = { on_report, PEER_STARTED },
    [MESSAGE_FAILED] = { on_text, PEER_FAILED },
    [MESSAGE_NOTE] = { on_text, PEER_NOTE },
    [MESSAGE_CHANNELS] = { on_channels, PEER_CHANNELS },
    [MESSAGE_DEVICES] = { on_text, PEER_DEVICES },
    [MESSAGE_ABORTED] = { on_text, PEER_RELEASED },
    [MESSAGE_CLOSED] = { on_text, PEER_CLOSED },
    [MESSAGE_LOST] = { on_text, PEER_GONE },
    [MESSAGE_BUSY] = { on_text, PEER_TROUBLE },
};

static int on_frame(struct peer *peer, enum message_type type, const void *payload, size_t len)
{
    union message_body body;
    int rc;

    if (!message_may_be_said(type, MESSAGE_FROM_RECEIVER, 0) || !handlers[type].handle ||
        message_decode(type, payload, len, &body) < 0)
        return -1;
    rc = handlers[type].handle(peer, handlers[type].kind, &body);
    message_dispose(type, &body);
    return rc;
}

/* 1: a frame was read; 0: not yet, or lost. */
static int read_frame(struct peer *peer)
{
    struct evbuffer *input = transport_input(peer->transport);
    unsigned char raw[MESSAGE_HEADER_BYTES];
    struct message_header header;
    unsigned char *payload;
    int rc;

    if (evbuffer_copyout(input, raw, sizeof raw) != (ssize_t)sizeof raw)
        return 0;
    if (message_header_decode(raw, &header) < 0) {
        lose(peer, "the receiver over there does not keep to the control protocol");
        return 0;
    }
    if (evbuffer_get_length(input) < MESSAGE_HEADER_BYTES + header.len)
        return 0;
    evbuffer_drain(input, MESSAGE_HEADER_BYTES);
    payload = malloc(header.len + 1);
    if (!payload) {
        lose(peer, "out of memory");
        return 0;
    }
    evbuffer_remove(input, payload, header.len);
    rc = on_frame(peer, header.type, payload, header.len);
    free(payload);
    if (rc < 0)
        lose(peer, "the receiver over there sent a control message that makes no sense");
    return 1;
}

static void on_input(void *user, bool ended)
{
    struct peer *peer = user;
    int more = 1;

    while (more && !peer->lost)
        switch (peer->dialect) {
        case PEER_UNKNOWN:
            more = read_banner(peer);
            break;
        case PEER_XLMIG:
            more = read_frame(peer);
            break;
        case PEER_XL:
            more = read_xl(peer);
            break;
        }
    if (ended)
        lose(peer, transport_last_words(peer->transport));
}

static void on_message(void *user, const char *line)
{
    tell(user, PEER_NOTE, line);
}

/* ---- what the sender asks for ---- */

struct peer *peer_open(struct event_base *base, const struct transport_spec *spec, const struct message_hello *hello,
                       const struct peer_callbacks *callbacks, struct failure *failure)
{
    struct peer *peer = calloc(1, sizeof *peer);
    struct transport_callbacks on = { .user = peer, .input = on_input, .message = on_message };

    if (!peer) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    peer->callbacks = *callbacks;
    peer->own_hello = *hello;
    peer->transport = transport_open(base, spec, &on, failure);
    if (!peer->transport) {
        free(peer);
        return NULL;
    }
    return peer;
}

static void close_within(struct peer *peer, uint64_t leave_us)
{
    if (!peer)
        return;
    transport_close(peer->transport, peer->dialect == PEER_UNKNOWN ? 0 : leave_us);
    free(peer);
}

void peer_close(struct peer *peer)
{
    /* One that was greeted ends by itself, after it has cleaned up: stock xl does so only as long as it is listened to. */
    close_within(peer, LEAVE_US);
}

void peer_close_soon(struct peer *peer)
{
    close_within(peer, LEAVE_SOON_US);
}

enum peer_dialect peer_dialect(const struct peer *peer)
{
    return peer->dialect;
}

bool peer_command_not_found(const struct peer *peer)
{
    return peer->dialect == PEER_UNKNOWN && transport_command_not_found(peer->transport);
}

const struct message_hello *peer_hello(const struct peer *peer)
{
    return &peer->hello;
}

int peer_ask_preflight(struct peer *peer, const struct candidate *preflight)
{
    size_t len;
    unsigned char *frame = message_encode_preflight(preflight, &len);

    return send_frame(peer, frame, len);
}

int peer_begin(struct peer *peer, const struct message_begin *begin)
{
    size_t len;
    unsigned char *frame = message_encode_begin(begin, &len);

    return send_frame(peer, frame, len);
}

int peer_join(struct peer *peer, const struct message_join *join)
{
    size_t len;
    unsigned char *frame = message_encode_join(join, &len);

    return send_frame(peer, frame, len);
}

const char *peer_lost(struct peer *peer)
{
    return peer->lost || transport_is_broken(peer->transport) ? transport_last_words(peer->transport) : NULL;
}

int peer_data_fd(const struct peer *peer)
{
    return transport_output_fd(peer->transport);
}

int peer_say(struct peer *peer, enum message_type type, const struct message_word *word)
{
    size_t len;
    unsigned char *frame = message_encode_word(type, word, &len);

    return send_frame(peer, frame, len);
}

int peer_go(struct peer *peer, const struct message_word *word)
{
    unsigned char *frame = NULL;
    const void *bytes = XL_GO;
    size_t len = sizeof XL_GO, written;
    int rc;

    if (peer->lost)
        return -1;
    if (peer->dialect == PEER_XLMIG) {
        bytes = frame = message_encode_word(MESSAGE_GO, word, &len);
        if (!frame)
            return -1;
    }
    rc = transport_write(peer->transport, bytes, len, WRITE_TIMEOUT_S, &written);
    free(frame);
    if (rc == 0)
        return 0;
    return written == 0 ? -1 : 1;
}

void peer_hang_up(struct peer *peer)
{
    transport_hang_up(peer->transport);
}
