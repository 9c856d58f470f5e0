/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The restore while it goes on: what the child says, in xl's migration protocol,
 * in the order in which xl says it:
 *
 *     banner    STARTING       on_banner()   LISTENING is said
 *               AWAIT_HEAD     on_head()     which VM comes: if it is the one that was announced, the stream is relayed
 *     ready     RELAYING       on_ready()    all memory is here; then the devices; then it is held, or GO awaited
 *     report    AWAIT_REPORT   on_report()   it runs, or it does not (senders without a journal)
 */
#include "config.h"
#include "xlmig/receive/copying.h"

#include "xlmig/base/exit.h"
#include "xlmig/peer/xl-protocol.h"
#include "xlmig/receive/announced.h"
#include "xlmig/receive/ending.h"
#include "xlmig/receive/shown.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool stream_is_inline(const struct receiver *r)
{
    return r->order.begin.data == MESSAGE_DATA_INLINE;
}

static int stream_fd(const struct receiver *r)
{
    return stream_is_inline(r) ? STDIN_FILENO : receive_channels_fds(r->channels)[0];
}

static void on_said(void *user);

/* ---- devices that need not wait for the memory ---- */

static void devices_failed(struct receiver *r, const struct failure *failure)
{
    snprintf(r->own_error, sizeof r->own_error, "%s", failure->text);
    receive_give_up(r);
}

/*
 * All is here.  xl only waits now: what watches over the VM from then on is a
 * process of its own, which xl has forked before it said so.
 */
static void all_is_here(struct receiver *r)
{
    struct failure failure = { 0 };

    memory_promise_end(&r->promise);
    if (r->devices.state == DEVICES_SET_UP && early_devices_record(r->devices.early, &failure) < 0) {
        devices_failed(r, &failure);
        return;
    }
    if (r->holding.journal) {
        receive_await(r, RECEIVE_HOLDING, r->request->cleanup_timeout_us);
        child_kill(r->restore.process);
        return;
    }
    receive_await(r, RECEIVE_AWAIT_GO, r->request->idle_timeout_us);
    receive_channels_rest(r->channels);
    conversation_say(r->conversation, MESSAGE_RECEIVED, false, "%s", "");
    conversation_listen(r->conversation);
}

static void on_devices_ready(void *user, const struct failure *failure)
{
    struct receiver *r = user;

    if (failure) {
        devices_failed(r, failure);
        return;
    }
    r->devices.state = DEVICES_SET_UP;
    conversation_say(r->conversation, MESSAGE_DEVICES, false, "%s", "");
    if (r->state == RECEIVE_AWAIT_DEVICES)
        all_is_here(r);
}

static void on_devices_idle(void *user)
{
    struct receiver *r = user;

    r->devices.when_idle(r);
}

static int start_devices(struct receiver *r)
{
    const struct early_devices_callbacks callbacks = { .user = r, .ready = on_devices_ready, .idle = on_devices_idle };
    char incoming[RECEIVE_INCOMING_SIZE];

    if (r->devices.state != DEVICES_PROMISED)
        return 0;
    receive_incoming_name(r, incoming);
    r->devices.early = early_devices_start(r->ts, r->base, incoming, r->order.vm.uuid, r->order.vm.config_json,
                                           &callbacks);
    if (!r->devices.early)
        return -1;
    r->devices.state = DEVICES_COMING;
    return 0;
}

/* ---- what the stream brings ---- */

static void on_input_over(void *user)
{
    struct receiver *r = user;

    if (r->request->negotiate && stream_is_inline(r))
        conversation_lost(r->conversation);
    receive_give_up(r);
}

/* Nothing is passed on to the child, so it has made nothing. */
static void on_head_nonsense(void *user, const char *text)
{
    struct receiver *r = user;

    snprintf(r->own_error, sizeof r->own_error, "%s", text);
    fprintf(stderr, "xlmig receive: %s\n", text);
    receive_give_up(r);
}

static void on_head(void *user, const char *config_json)
{
    struct receiver *r = user;
    struct failure failure = { 0 };
    char *bytes;
    size_t len;

    if (receive_is_announced(r, config_json, &failure) < 0) {
        on_head_nonsense(r, failure.text);
        return;
    }
    stream_head_take(r->head, &bytes, &len);
    stream_head_close(r->head);
    r->head = NULL;
    receive_await(r, RECEIVE_RELAYING, 0); /* the engine bounds its own waits */
    if (restore_child_relay(&r->restore, r->base, bytes, len, stream_fd(r)) < 0)
        receive_give_up(r);
    else
        on_said(r); /* should it have said more than is usual by now */
}

/* ---- what the child says ---- */

static void on_banner(struct receiver *r)
{
    const struct stream_head_callbacks callbacks = { .user = r, .came = on_head, .over = on_input_over,
                                                     .nonsense = on_head_nonsense };

    if (start_devices(r) < 0) {
        receive_give_up(r);
        return;
    }
    receive_await(r, RECEIVE_AWAIT_HEAD, r->request->idle_timeout_us);
    r->head = stream_head_read(r->base, stream_fd(r), &callbacks);
    if (r->head)
        conversation_say(r->conversation, MESSAGE_LISTENING, false, "%s", "");
    else
        receive_give_up(r);
}

static void on_ready(struct receiver *r)
{
    restore_child_end_relay(&r->restore);
    if (r->devices.state == DEVICES_COMING)
        receive_await(r, RECEIVE_AWAIT_DEVICES, r->request->idle_timeout_us);
    else
        all_is_here(r);
}

static void on_report(struct receiver *r, unsigned char code)
{
    r->xl.code = code;
    r->xl.start = code == 0 ? XL_START_DONE : XL_START_FAILED;
    if (r->xl.start == XL_START_DONE)
        conversation_say(r->conversation, MESSAGE_REPORT, true, "%s", "");
    receive_await(r, RECEIVE_ENDING, r->request->cleanup_timeout_us);
}

/* As restore_child_take(); the report is followed by a status code, and taken only with that. */
static int take_report(struct receiver *r)
{
    unsigned char code;
    int rc;

    if (evbuffer_get_length(r->restore.said) <= sizeof XL_REPORT)
        return 0;
    rc = restore_child_take(&r->restore, XL_REPORT, sizeof XL_REPORT);
    if (rc == 1) {
        evbuffer_remove(r->restore.said, &code, 1);
        on_report(r, code);
    }
    return rc;
}

static int take_said(struct receiver *r)
{
    int rc;

    switch (r->state) {
    case RECEIVE_STARTING:
        rc = restore_child_take(&r->restore, XL_BANNER, strlen(XL_BANNER));
        if (rc == 1)
            on_banner(r);
        return rc;
    case RECEIVE_RELAYING:
        rc = restore_child_take(&r->restore, XL_READY, sizeof XL_READY);
        if (rc == 1)
            on_ready(r);
        return rc;
    case RECEIVE_AWAIT_HEAD:
        return 0; /* later */
    case RECEIVE_AWAIT_REPORT:
        return take_report(r);
    default: /* nothing is to be said now */
        evbuffer_drain(r->restore.said, evbuffer_get_length(r->restore.said));
        return 0;
    }
}

static void on_said(void *user)
{
    struct receiver *r = user;
    int rc;

    do
        rc = take_said(r);
    while (rc == 1);
    if (rc < 0) {
        conversation_say(r->conversation, MESSAGE_FAILED, false,
                         "xl says what this release of xlmig does not understand");
        receive_give_up(r);
    }
}

/* ---- what its engine says: nobody looks at this side, the other one shows it ---- */

static void on_note(void *user, const char *text)
{
    struct receiver *r = user;

    if (r->request->negotiate)
        conversation_say(r->conversation, MESSAGE_NOTE, false, "%s", text);
}

/* Shown with --verbose. */
static void on_extents(void *user, const struct helper_extents *e)
{
    struct receiver *r = user;

    if (r->request->negotiate)
        conversation_say(r->conversation, MESSAGE_NOTE, false, "the VM's memory there is in %" PRIu64 " of %" PRIu64
                         " extents of 1 GiB, %" PRIu64 " of 2 MiB and %" PRIu64 " of 4 KiB",
                         e->nr_1g, e->named_1g, e->nr_2m, e->nr_4k);
}

/* ---- the start ---- */

static void on_child_over(void *user)
{
    receive_on_child_over(user);
}

static void on_event(void *user, const struct helper_event *event)
{
    receive_shown_event(((struct receiver *)user)->shown, event);
}

static void tell_of_channels(const struct receiver *r, struct helper_image *image)
{
    if (!r->channels)
        return;
    image->channels = receive_channels_fds(r->channels) + 1;
    image->nr_channels = r->order.begin.nr_channels - 1;
    memcpy(image->token, r->order.begin.token, sizeof image->token);
}

static int start_child(struct receiver *r, void (*said)(void *user), struct failure *failure)
{
    const struct restore_child_callbacks callbacks = {
        .user = r, .said = said, .note = on_note, .event = on_event, .extents = on_extents, .input_over = on_input_over,
        .over = on_child_over,
    };
    struct toolstack_receiver how = { .paused = r->order.paused };

    tell_of_channels(r, &how.image);
    return restore_child_start(&r->restore, r->base, r->ts, how, &callbacks, failure);
}

void receive_start_negotiated(struct receiver *r)
{
    struct failure failure = { 0 };

    if (stream_is_inline(r))
        conversation_pause(r->conversation); /* from now on the input is the child's */
    receive_await(r, RECEIVE_STARTING, r->request->idle_timeout_us);
    r->shown = receive_show(r);
    if (start_child(r, on_said, &failure) < 0)
        receive_refuse(r, failure.text);
}

static void pass_on_said(void *user)
{
    struct receiver *r = user;
    char bytes[4096];
    int n;

    while ((n = evbuffer_remove(r->restore.said, bytes, sizeof bytes)) > 0)
        conversation_write(r->conversation, bytes, (size_t)n);
}

void receive_start_plain(struct receiver *r)
{
    struct failure failure = { 0 };

    receive_await(r, RECEIVE_RELAYING, 0);
    if (start_child(r, pass_on_said, &failure) == 0 && restore_child_relay(&r->restore, r->base, NULL, 0, STDIN_FILENO) == 0)
        return;
    fprintf(stderr, "xlmig receive: %s\n", failure.text);
    receive_finish(r, EXIT_FAILED);
}
