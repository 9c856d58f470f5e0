/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/send/connect.h"

#include "xlmig/peer/route.h"
#include "xlmig/send/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define REPLACED_TOLD_MAX 10u

static struct route way_of(const struct send *s)
{
    const struct send_request *request = s->request;

    return (struct route){ request->transport, request->ssh_command, request->host, request->connect_timeout_us };
}

bool send_transport_is_ssh(const struct send_request *request)
{
    return !route_is_command(request->transport) && !route_is_fd(request->transport);
}

/* ---- the one that controls ---- */

void send_connect(struct send *s, bool stock)
{
    const struct peer_callbacks callbacks = { .user = s, .event = s->link.on_peer_event };
    struct failure failure = { 0 };
    const struct route way = way_of(s);
    struct route_command command = { .words = NULL };
    const char *xl = send_stays_paused(s) ? "xl migrate-receive -p" : "xl migrate-receive";

    send_await(s, (struct send_awaited){ "answer", "connect-timeout", s->request->connect_timeout_us });
    if (send_is_handing_over(s) && route_is_fd(way.transport))
        failure_set(&failure, "there is no second connection where descriptors were given");
    else if (route_command(&way, stock ? xl : NULL, &command, &failure) == 0)
        s->link.peer = peer_open(s->base, &command.specs[0], &s->link.own_hello, &callbacks, &failure);
    route_command_dispose(&command);
    if (s->link.peer)
        return;
    if (send_is_handing_over(s))
        send_post(s, HANDOVER_PEER_LOST);
    else
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
}

static void on_renew(evutil_socket_t fd, short what, void *user)
{
    struct send *s = user;
    bool to_say_how_it_ended = send_is_handing_over(s);

    (void)fd;
    (void)what;
    if (to_say_how_it_ended) /* the receiver is not there any more, or does not hear */
        peer_close_soon(s->link.peer);
    else
        peer_close(s->link.peer);
    s->link.peer = NULL;
    s->link.state = LINK_GREETING;
    if (to_say_how_it_ended)
        send_connect(s, false);
    else
        send_post_preparation(s, PREPARATION_PEER_GONE);
}

/* The peer that tells of a loss cannot be replaced from within: from the loop, then. */
void send_renew_link(struct send *s)
{
    s->link.state = LINK_GOING;
    event_active(s->link.renew, EV_TIMEOUT, 1);
}

int send_link_init(struct send *s)
{
    s->link.renew = evtimer_new(s->base, on_renew, s);
    return s->link.renew ? 0 : -1;
}

void send_link_dispose(struct send *s)
{
    if (s->link.peer)
        peer_hang_up(s->link.peer); /* then its receiver lets the channels go */
    send_channels_close(s->link.channels);
    peer_close(s->link.peer);
    route_command_dispose(&s->link.command);
    if (s->link.renew)
        event_free(s->link.renew);
}

/* ---- what both sides can ---- */

int send_choose(struct send *s, const struct message_hello *peer, struct failure *failure)
{
    const struct route_kind *kind = route_kind(s->request->transport);
    struct negotiate_wish wish = {
        .image = s->request->image, .channels = s->request->channels, .data = kind->data,
        .auto_channels_max = kind->auto_channels, .rejoin = s->request->rejoin_timeout_us > 0,
    };

    if (route_is_fd(s->request->transport)) /* as many as were given */
        wish.channels = route_nr_fds(s->request->transport);
    return negotiate(&wish, &s->link.own_hello, peer, &s->link.choice, failure);
}

/* ---- channels ---- */

/* Where the number is left to us: more of them only make it faster, which is not worth a long wait. */
#define AUTO_PATIENCE_US 10000000u

static void on_channels_gathered(void *user)
{
    struct send *s = user;
    const unsigned nr = send_channels_count(s->link.channels);

    if (nr < s->link.choice.nr_channels)
        progress_note(&s->progress, "%s does not take all %u connections now; going on with %u", s->destination,
                      s->link.choice.nr_channels, nr);
    s->link.choice.nr_channels = nr;
    send_post_preparation(s, PREPARATION_GATHERED);
}

static void on_channels_ready(void *user)
{
    send_post_preparation(user, PREPARATION_CHANNELS_READY);
}

/* What is told is bounded, what is counted not. */
static void on_channel_replaced(void *user, const char *text)
{
    struct send *s = user;

    if (++s->progress.move.nr_replaced <= REPLACED_TOLD_MAX)
        progress_note(&s->progress, "%s", text);
}

static void on_channel_note(void *user, const char *line)
{
    const struct peer_event event = { .kind = PEER_NOTE, .text = line };
    struct send *s = user;

    s->link.on_peer_event(s, &event);
}

static uint64_t gather_patience_us(const struct send *s)
{
    const uint64_t timeout_us = s->request->connect_timeout_us;

    return s->request->channels == 0 && timeout_us > AUTO_PATIENCE_US ? AUTO_PATIENCE_US : timeout_us;
}

static int open_channels(struct send *s, const struct message_begin *begin)
{
    const struct send_channels_callbacks callbacks = {
        .user = s, .gathered = on_channels_gathered, .ready = on_channels_ready, .lost = s->link.on_channel_lost,
        .replaced = on_channel_replaced, .note = on_channel_note,
    };
    struct send_channels_spec spec = {
        .begin = *begin, .commands = s->link.command.specs, .own_hello = s->link.own_hello,
        .rejoin_us = s->request->rejoin_timeout_us,
        .may_be_fewer = s->request->channels == 0 && !route_is_fd(s->request->transport),
        .patience_us = gather_patience_us(s),
    };
    const struct route way = way_of(s);
    struct failure failure = { 0 };
    char words[300];

    route_describe(&way, words, sizeof words);
    spec.way = words;
    route_command_dispose(&s->link.command);
    if (route_command(&way, NULL, &s->link.command, &failure) == 0)
        s->link.channels = send_channels_open(s->base, &spec, &callbacks, &failure);
    if (!s->link.channels)
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
    return s->link.channels ? 0 : -1;
}

/* -1: refused, and told. */
static int fill_begin(struct send *s, struct message_begin *begin)
{
    const struct negotiate_choice *choice = &s->link.choice;

    *begin = (struct message_begin){
        .paused = send_stays_paused(s), .image_v1 = choice->image_v1, .nr_channels = choice->nr_channels,
        .data = choice->data, .rejoin = choice->rejoin,
        .generation = s->ledger.kept_there ? journal_record(s->ledger.journal)->generation : 0,
    };
    if (getrandom(begin->key, sizeof begin->key, 0) != (ssize_t)sizeof begin->key) {
        send_refuse(s, EXIT_REFUSED, "the kernel has no random numbers: %s", strerror(errno));
        return -1;
    }
    memcpy(begin->token, s->ledger.token, sizeof begin->token);
    begin->has_source = begin->generation > 0;
    if (begin->has_source)
        memcpy(begin->source, journal_source(s->ledger.journal), sizeof begin->source);
    begin->ports = s->request->data_ports;
    if (s->request->data_address)
        snprintf(begin->address, sizeof begin->address, "%s", s->request->data_address);
    return 0;
}

void send_gather(struct send *s)
{
    const struct negotiate_choice *choice = &s->link.choice;
    const struct message_begin begin = { .nr_channels = choice->nr_channels, .data = choice->data };

    if (begin.data != MESSAGE_DATA_INLINE || begin.nr_channels == 1) {
        send_post_preparation(s, PREPARATION_GATHERED);
        return;
    }
    send_await(s, (struct send_awaited){ "answer on the further connections", "connect-timeout", gather_patience_us(s) });
    open_channels(s, &begin);
}

void send_begin(struct send *s)
{
    struct message_begin begin;
    bool one_connection;

    if (send_begin_journal(s) < 0 || fill_begin(s, &begin) < 0)
        return;
    one_connection = begin.nr_channels == 1 && begin.data == MESSAGE_DATA_INLINE;
    send_await(s, (struct send_awaited){ "begin to listen", "preflight-timeout", s->request->preflight_timeout_us });
    if (s->link.channels)
        send_channels_name(s->link.channels, &begin);
    else if (!one_connection && open_channels(s, &begin) < 0)
        return;
    peer_begin(s->link.peer, &begin); /* a failure shows as PEER_LOST */
    if (one_connection)
        send_post_preparation(s, PREPARATION_CHANNELS_READY);
}

void send_invite_channels(struct send *s, const struct message_channels *where)
{
    if (s->link.channels)
        send_channels_invite(s->link.channels, where);
}

/* ---- for the engine, and for who wants to know ---- */

void send_tell_way(struct send *s)
{
    char text[400] = "1 channel";

    if (!s->request->verbose)
        return;
    if (s->link.channels)
        send_channels_describe(s->link.channels, text, sizeof text);
    progress_note(&s->progress, "%s image, %s", s->link.choice.image_v1 ? "xlmig's" : "libxc's", text);
}

int send_data_fd(const struct send *s)
{
    if (s->link.choice.data == MESSAGE_DATA_INLINE)
        return peer_data_fd(s->link.peer);
    return send_channels_fds(s->link.channels)[0];
}

void send_fill_image(const struct send *s, struct helper_image *image)
{
    const struct negotiate_choice *choice = &s->link.choice;

    *image = (struct helper_image){
        .chosen = s->request->image != IMAGE_AUTO || s->link.own_hello.image_version >= 1, .v1 = choice->image_v1,
        .features = choice->features, .threads = s->request->threads, .compress = s->request->compress,
    };
    if (!s->link.channels)
        return;
    image->channels = send_channels_fds(s->link.channels) + 1;
    image->nr_channels = choice->nr_channels - 1;
    memcpy(image->token, s->ledger.token, sizeof image->token);
}
