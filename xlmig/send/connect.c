/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections to the other side: the one that controls, and those that carry data. */
#include "config.h"
#include "xlmig/send/send.h"
#include "xlmig/peer/way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static struct way way_of(const struct send *s)
{
    const struct send_request *request = s->request;

    return (struct way){ request->transport, request->ssh_command, request->host };
}

bool send_transport_is_ssh(const struct send_request *request)
{
    return !way_is_command(request->transport) && !way_is_fd(request->transport);
}

void send_connect(struct send *s, bool stock)
{
    const struct peer_callbacks callbacks = { .user = s, .event = send_on_peer_event };
    struct failure failure = { 0 };
    const struct way way = way_of(s);
    struct way_command command = { .words = NULL };
    const char *xl = s->request->paused ? "xl migrate-receive -p" : "xl migrate-receive";

    s->preparation.stock_tried = stock;
    send_await(s, "an answer", s->request->connect_timeout_us);
    if (s->handover.begun && way_is_fd(way.transport))
        failure_set(&failure, "there is no second connection where descriptors were given");
    else if (way_command(&way, stock ? xl : NULL, &command, &failure) == 0)
        s->link.peer = peer_open(s->base, &command.specs[0], &s->link.own_hello, &callbacks, &failure);
    way_command_dispose(&command);
    if (s->link.peer)
        return;
    if (s->handover.begun)
        send_feed(s, HANDOVER_PEER_LOST);
    else
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
}

/* ---- what both sides can ---- */

int send_choose(struct send *s, const struct message_hello *peer, struct failure *failure)
{
    const struct way_kind *kind = way_kind(s->request->transport);
    struct negotiate_wish wish = {
        .image = s->request->image, .channels = s->request->channels, .data = kind->data,
        .auto_channels_max = kind->auto_channels,
    };

    if (way_is_fd(s->request->transport)) /* as many as were given */
        wish.channels = way_nr_fds(s->request->transport);
    return negotiate(&wish, &s->link.own_hello, peer, &s->link.choice, failure);
}

/* ---- channels ---- */

static void on_channels_ready(void *user)
{
    struct send *s = user;

    s->preparation.channels_ready = true;
    send_when_connected(s);
}

static void on_channel_lost(void *user, const char *text)
{
    send_on_channel_lost(user, text);
}

static void on_channel_note(void *user, const char *line)
{
    const struct peer_event event = { .kind = PEER_NOTE, .text = line };

    send_on_peer_event(user, &event);
}

static int open_channels(struct send *s, const struct message_begin *begin)
{
    const struct send_channels_callbacks callbacks = {
        .user = s, .ready = on_channels_ready, .lost = on_channel_lost, .note = on_channel_note,
    };
    struct send_channels_spec spec = { .begin = *begin, .own_hello = s->link.own_hello };
    const struct way way = way_of(s);
    struct way_command command;
    struct failure failure = { 0 };
    char words[300];

    way_describe(&way, words, sizeof words);
    spec.way = words;
    spec.commands = command.specs;
    if (way_command(&way, NULL, &command, &failure) == 0)
        s->link.channels = send_channels_open(s->base, &spec, &callbacks, &failure);
    way_command_dispose(&command);
    if (!s->link.channels)
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
    return s->link.channels ? 0 : -1;
}

void send_begin(struct send *s)
{
    struct message_begin begin = {
        .paused = s->request->paused, .image_v1 = s->link.choice.image_v1, .nr_channels = s->link.choice.nr_channels,
        .data = s->link.choice.data,
    };

    s->preparation.begun = true;
    if (send_begin_journal(s) < 0)
        return;
    if (getrandom(begin.key, sizeof begin.key, 0) != (ssize_t)sizeof begin.key) {
        send_refuse(s, EXIT_REFUSED, "the kernel has no random numbers: %s", strerror(errno));
        return;
    }
    memcpy(begin.token, s->ledger.token, sizeof begin.token);
    begin.generation = s->ledger.kept_there ? journal_record(s->ledger.journal)->generation : 0;
    if (s->request->data_address)
        snprintf(begin.address, sizeof begin.address, "%s", s->request->data_address);
    s->preparation.channels_ready = begin.nr_channels == 1 && begin.data == MESSAGE_DATA_INLINE;
    send_await(s, "it to listen", s->request->preflight_timeout_us);
    if (!s->preparation.channels_ready && open_channels(s, &begin) < 0)
        return;
    peer_begin(s->link.peer, &begin);
}

void send_invite_channels(struct send *s, const struct message_channels *where)
{
    if (s->link.channels)
        send_channels_invite(s->link.channels, where);
}

static void tell_how(struct send *s)
{
    char text[400] = "1 channel";

    if (!s->request->verbose)
        return;
    if (s->link.channels)
        send_channels_describe(s->link.channels, text, sizeof text);
    progress_note(&s->progress, "%s image, %s", s->link.choice.image_v1 ? "xlmig's" : "libxc's", text);
}

void send_when_connected(struct send *s)
{
    if (!s->preparation.listening || !s->preparation.channels_ready || s->over)
        return;
    tell_how(s);
    send_copy(s);
}

int send_data_fd(const struct send *s)
{
    return s->link.choice.data == MESSAGE_DATA_INLINE ? peer_data_fd(s->link.peer)
                                                      : send_channels_fds(s->link.channels)[0];
}

void send_fill_image(const struct send *s, struct helper_image *image)
{
    *image = (struct helper_image){
        .chosen = s->request->image != IMAGE_AUTO || s->link.own_hello.image_version >= 1,
        .v1 = s->link.choice.image_v1,
        .features = s->link.choice.features, .threads = s->request->threads, .compress = s->request->compress,
    };
    if (!s->link.channels)
        return;
    image->channels = send_channels_fds(s->link.channels) + 1;
    image->nr_channels = s->link.choice.nr_channels - 1;
    memcpy(image->token, s->ledger.token, sizeof image->token);
}
