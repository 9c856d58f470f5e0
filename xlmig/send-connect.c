/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connections to the other side: the one that controls, and those that carry data. */
#include "config.h"
#include "xlmig/send.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SSH_WORDS_MAX 32

/* What leads to a receiver, for each channel; holds what it points to. */
struct command {
    struct transport_spec specs[CONTROL_CHANNELS_MAX];
    char *words;
    const char *argv[SSH_WORDS_MAX];
};

/*
 * How many connections help, where the number is left to us: an ssh or a TLS
 * connection keeps a CPU busy, plain TCP much less.  A command of the
 * administrator's own may well lead to something that serves only one.
 */
static const struct way {
    const char *name;
    enum control_data data;
    unsigned auto_channels;
} ways[] = {
    { "ssh", CONTROL_DATA_INLINE, 8 },
    { "tls", CONTROL_DATA_TLS, 8 },
    { "tcp", CONTROL_DATA_TCP, 4 },
    { "exec:", CONTROL_DATA_INLINE, 1 },
    { "fd:", CONTROL_DATA_INLINE, CONTROL_CHANNELS_MAX },
};

static const struct way *find_way(const char *transport)
{
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        size_t len = strlen(ways[i].name);

        if (ways[i].name[len - 1] == ':' ? strncmp(transport, ways[i].name, len) == 0 && transport[len] != '\0'
                                         : strcmp(transport, ways[i].name) == 0)
            return &ways[i];
    }
    return NULL;
}

static bool is_command(const struct send_request *request)
{
    return strncmp(request->transport, "exec:", 5) == 0;
}

static bool is_fd(const struct send_request *request)
{
    return strncmp(request->transport, "fd:", 3) == 0;
}

/* "3,4" or "3,4,5,6": to read from and to write to, for each channel.  How many channels; 0: it makes no sense. */
static unsigned parse_fds(const char *text, int fds[2 * CONTROL_CHANNELS_MAX])
{
    unsigned n = 0;
    char *end;

    do {
        long fd = isdigit((unsigned char)*text) && n < 2 * CONTROL_CHANNELS_MAX ? strtol(text, &end, 10) : -1;

        if (fd < 0 || fd > INT_MAX || (*end != ',' && *end != '\0'))
            return 0;
        fds[n++] = (int)fd;
        text = end + 1;
    } while (*end);
    return n % 2 ? 0 : n / 2;
}

bool send_transport_is_known(const char *transport)
{
    int fds[2 * CONTROL_CHANNELS_MAX];

    return find_way(transport) && (strncmp(transport, "fd:", 3) != 0 || parse_fds(transport + 3, fds) > 0);
}

bool send_transport_is_ssh(const struct send_request *request)
{
    return !is_command(request) && !is_fd(request);
}

/* ---- the command ---- */

/* ssh and its words, the host, and what is to run there; at most SSH_WORDS_MAX. */
static int ssh_words(struct send *s, bool stock, struct command *command)
{
    static const char *const options[] = { "-o", "BatchMode=yes", "-o", "ServerAliveInterval=15",
                                           "-o", "ServerAliveCountMax=4", "--" };
    const char **argv = command->argv;
    size_t n = 0;
    char *save = NULL;

    for (char *w = strtok_r(command->words, " ", &save); w && n < SSH_WORDS_MAX - 12; w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    if (n == 0)
        return -1;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        argv[n++] = options[i];
    argv[n++] = s->request->host;
    argv[n++] = !stock ? "xlmig receive --negotiate"
                : s->request->paused ? "xl migrate-receive -p" : "xl migrate-receive";
    argv[n] = NULL;
    return 0;
}

static int make_command(struct send *s, bool stock, struct command *command, struct failure *failure)
{
    struct transport_spec spec = { .shell_command = NULL };
    int fds[2 * CONTROL_CHANNELS_MAX];
    unsigned nr_fds = 0;

    *command = (struct command){ .words = strdup(s->request->ssh_command) };
    if (is_fd(s->request) && s->handing_over)
        return failure_set(failure, "there is no second connection where descriptors were given");
    if (is_fd(s->request))
        nr_fds = parse_fds(s->request->transport + 3, fds);
    else if (is_command(s->request))
        spec.shell_command = s->request->transport + 5;
    else if (!command->words || ssh_words(s, stock, command) < 0)
        return failure_set(failure, "--ssh-command names no command");
    else
        spec.argv = command->argv;
    for (unsigned i = 0; i < CONTROL_CHANNELS_MAX; i++) {
        command->specs[i] = spec;
        command->specs[i].input_fd = i < nr_fds ? fds[2 * i] : -1;
        command->specs[i].output_fd = i < nr_fds ? fds[2 * i + 1] : -1;
    }
    return 0;
}

void send_connect(struct send *s, bool stock)
{
    const struct peer_callbacks callbacks = { .user = s, .event = send_on_peer_event };
    struct failure failure = { 0 };
    struct command command;

    s->stock_tried = stock;
    send_await(s, "an answer", s->request->connect_timeout_us);
    if (make_command(s, stock, &command, &failure) == 0)
        s->peer = peer_open(s->base, &command.specs[0], &s->own_hello, &callbacks, &failure);
    free(command.words);
    if (s->peer)
        return;
    if (s->handing_over)
        send_feed(s, HANDOVER_PEER_LOST);
    else
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
}

/* ---- what both sides can ---- */

int send_choose(struct send *s, const struct control_hello *peer, struct failure *failure)
{
    const struct way *way = find_way(s->request->transport);
    int fds[2 * CONTROL_CHANNELS_MAX];
    struct negotiate_wish wish = {
        .image = s->request->image, .channels = s->request->channels, .data = way->data,
        .auto_channels_max = way->auto_channels,
    };

    if (is_fd(s->request)) /* as many as were given */
        wish.channels = parse_fds(s->request->transport + 3, fds);
    return negotiate(&wish, &s->own_hello, peer, &s->choice, failure);
}

/* ---- channels ---- */

static void on_channels_ready(void *user)
{
    struct send *s = user;

    s->channels_ready = true;
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

static int open_channels(struct send *s, const struct control_begin *begin)
{
    const struct send_channels_callbacks callbacks = {
        .user = s, .ready = on_channels_ready, .lost = on_channel_lost, .note = on_channel_note,
    };
    struct send_channels_spec spec = { .begin = *begin, .own_hello = s->own_hello };
    struct failure failure = { 0 };
    struct command command;
    char way[300];

    snprintf(way, sizeof way, "%s %s", is_command(s->request) ? "exec" : is_fd(s->request) ? "fd" : "ssh",
             s->request->host);
    spec.way = way;
    spec.commands = command.specs;
    if (make_command(s, false, &command, &failure) == 0)
        s->channels = send_channels_open(s->base, &spec, &callbacks, &failure);
    free(command.words);
    if (!s->channels)
        send_refuse(s, EXIT_REFUSED, "%s", failure.text);
    return s->channels ? 0 : -1;
}

void send_begin(struct send *s)
{
    struct control_begin begin = {
        .paused = s->request->paused, .image_v1 = s->choice.image_v1, .nr_channels = s->choice.nr_channels,
        .data = s->choice.data,
    };

    s->begun = true;
    if (send_begin_journal(s) < 0)
        return;
    if (getrandom(begin.key, sizeof begin.key, 0) != (ssize_t)sizeof begin.key) {
        send_refuse(s, EXIT_REFUSED, "the kernel has no random numbers: %s", strerror(errno));
        return;
    }
    memcpy(begin.token, s->token, sizeof begin.token);
    begin.generation = s->journal_there ? journal_record(s->journal)->generation : 0;
    if (s->request->data_address)
        snprintf(begin.address, sizeof begin.address, "%s", s->request->data_address);
    s->channels_ready = begin.nr_channels == 1 && begin.data == CONTROL_DATA_INLINE;
    send_await(s, "it to listen", s->request->preflight_timeout_us);
    if (!s->channels_ready && open_channels(s, &begin) < 0)
        return;
    peer_begin(s->peer, &begin);
}

void send_invite_channels(struct send *s, const struct control_channels *where)
{
    if (s->channels)
        send_channels_invite(s->channels, where);
}

static void tell_how(struct send *s)
{
    char text[400] = "1 channel";

    if (!s->request->verbose)
        return;
    if (s->channels)
        send_channels_describe(s->channels, text, sizeof text);
    progress_note(&s->progress, "%s image, %s", s->choice.image_v1 ? "xlmig's" : "libxc's", text);
}

void send_when_connected(struct send *s)
{
    if (!s->listening || !s->channels_ready || s->over)
        return;
    tell_how(s);
    send_copy(s);
}

int send_data_fd(const struct send *s)
{
    return s->choice.data == CONTROL_DATA_INLINE ? peer_data_fd(s->peer) : send_channels_fds(s->channels)[0];
}

void send_fill_image(const struct send *s, struct toolstack_image *image)
{
    *image = (struct toolstack_image){
        .chosen = s->request->image != IMAGE_AUTO || s->own_hello.image_version >= 1, .v1 = s->choice.image_v1,
        .features = s->choice.features, .threads = s->request->threads, .compress = s->request->compress,
    };
    if (!s->channels)
        return;
    image->channels = send_channels_fds(s->channels) + 1;
    image->nr_channels = s->choice.nr_channels - 1;
    memcpy(image->token, s->token, sizeof image->token);
}
