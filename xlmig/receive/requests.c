/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* What the sender asks for: a handler a message, and the state in which it may come (the table at the end). */
#include "config.h"
#include "xlmig/receive/requests.h"

#include "xlmig/base/exit.h"
#include "xlmig/domain/preflight.h"
#include "xlmig/peer/negotiate.h"
#include "xlmig/peer/xl-protocol.h"
#include "xlmig/receive/channels.h"
#include "xlmig/receive/copying.h"
#include "xlmig/receive/ending.h"
#include "xlmig/receive/holding.h"
#include "xlmig/receive/word.h"

#include <stdio.h>
#include <unistd.h>

static void on_hello(struct receiver *r, const void *payload, size_t len)
{
    struct message_hello own, peer;
    unsigned char *frame;
    size_t frame_len;

    if (message_decode_hello(payload, len, &peer) < 0) {
        receive_refuse(r, "the sender's greeting makes no sense");
        return;
    }
    snprintf(r->order.sender, sizeof r->order.sender, "%s", peer.host);
    negotiate_own_hello(&r->host, &own);
    frame = message_encode_hello(&own, &frame_len);
    conversation_send(r->conversation, frame, frame_len);
    /* No common version: the sender hangs up. */
    receive_await(r, RECEIVE_AWAIT_PREFLIGHT, r->request->idle_timeout_us);
}

static void on_preflight(struct receiver *r, const void *payload, size_t len)
{
    struct preflight how = { .ts = r->ts, .toolstack = r->request->toolstack, .journals = true };
    struct candidate_answer answer;
    unsigned char *frame;
    size_t frame_len;

    if (message_decode_preflight(payload, len, &r->order.vm) < 0) {
        receive_refuse(r, "the sender's description of the VM makes no sense");
        return;
    }
    how.promise = r->order.vm.only_asked ? NULL : &r->promise;
    preflight_check(&how, &r->order.vm, &answer);
    frame = message_encode_answer(&answer, &frame_len);
    if (frame) {
        conversation_send(r->conversation, frame, frame_len);
        receive_await(r, RECEIVE_AWAIT_BEGIN, r->request->idle_timeout_us);
    } else {
        receive_refuse(r, "the answer is too long to be sent");
    }
    if (check_refuses(&answer.found))
        r->exit_status = EXIT_REFUSED;
    r->devices.state = answer.config_json ? DEVICES_PROMISED : DEVICES_LATE;
    candidate_answer_dispose(&answer);
}

static void on_join(struct receiver *r, const void *payload, size_t len)
{
    struct message_join join;

    if (message_decode_join(payload, len, &join) < 0)
        receive_refuse(r, "the sender's wish to join makes no sense");
    else
        receive_join(r, &join);
}

static bool takes(const struct message_begin *begin, const struct message_hello *own)
{
    return (!begin->image_v1 || own->image_version >= 1) && (own->data & 1u << begin->data) != 0 &&
           begin->nr_channels <= (begin->image_v1 ? own->max_channels : 1);
}

static void on_begin(struct receiver *r, const void *payload, size_t len)
{
    struct message_begin *begin = &r->order.begin;
    struct failure failure = { 0 };
    struct message_hello own;

    negotiate_own_hello(&r->host, &own);
    if (message_decode_begin(payload, len, begin) < 0 || r->exit_status == EXIT_REFUSED || r->order.vm.only_asked || !takes(begin, &own)) {
        receive_refuse(r, "the sender began although it was refused, or makes no sense");
        return;
    }
    r->order.paused = begin->paused || r->request->paused;
    if (receive_begin_journal(r, &failure) < 0)
        receive_refuse(r, failure.text);
    else if (begin->nr_channels > 1 || begin->data != MESSAGE_DATA_INLINE)
        receive_await_channels(r);
    else
        receive_start_negotiated(r);
}

/* Of a sender that keeps no journal: the child starts the VM. */
static void on_go(struct receiver *r, const void *payload, size_t len)
{
    static const char go[] = XL_GO;

    (void)payload;
    (void)len;
    conversation_pause(r->conversation);
    receive_await(r, RECEIVE_AWAIT_REPORT, r->request->idle_timeout_us);
    r->xl.start = XL_START_ASKED;
    /* Fits the pipe, which is empty: all of it or nothing. */
    if (write(r->restore.input, go, sizeof go) == (ssize_t)sizeof go)
        r->xl.start = XL_START_TOLD;
    else
        receive_give_up(r);
}

static const struct request {
    enum receive_state state;
    enum message_type type;
    void (*handle)(struct receiver *r, const void *payload, size_t len);
} requests[] = {
    { RECEIVE_AWAIT_HELLO, MESSAGE_HELLO, on_hello },
    { RECEIVE_AWAIT_PREFLIGHT, MESSAGE_PREFLIGHT, on_preflight },
    { RECEIVE_AWAIT_PREFLIGHT, MESSAGE_JOIN, on_join },
    { RECEIVE_AWAIT_BEGIN, MESSAGE_BEGIN, on_begin },
    { RECEIVE_AWAIT_GO, MESSAGE_GO, on_go },
};

static const struct request *find_request(enum receive_state state, enum message_type type)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (requests[i].state == state && requests[i].type == type)
            return &requests[i];
    return NULL;
}

/* A word of the handover: of the copy that is held, or of one that another connection brought. */
static bool takes_word(enum receive_state state)
{
    return state == RECEIVE_AWAIT_PREFLIGHT || state == RECEIVE_AWAIT_WORD;
}

void receive_on_message(struct receiver *r, enum message_type type, const void *payload, size_t len)
{
    const struct request *request = find_request(r->state, type);

    if (request)
        request->handle(r, payload, len);
    else if (!takes_word(r->state) || !message_is_word(type) || receive_on_word(r, type, payload, len) < 0)
        receive_refuse(r, "the sender sent a control message out of order");
}
