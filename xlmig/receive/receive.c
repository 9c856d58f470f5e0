/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the sender says, and the loop. */
#include "config.h"
#include "xlmig/receive/internal.h"

#include "xlmig/base/exit.h"
#include "xlmig/peer/join.h"
#include "xlmig/base/loop.h"
#include "xlmig/peer/negotiate.h"
#include "xlmig/domain/preflight.h"
#include "xlmig/peer/xl-protocol.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITE_TIMEOUT_MS 30000
#define KILL_GRACE_US 5000000u

void receive_await(struct receiver *r, enum state state, uint64_t timeout_us)
{
    struct timeval in = us_to_timeval(timeout_us);

    r->state = state;
    evtimer_del(r->deadline);
    if (timeout_us)
        evtimer_add(r->deadline, &in);
}

void receive_finish(struct receiver *r, int exit_status)
{
    r->exit_status = exit_status;
    r->state = OVER;
}

/* ---- to the sender ---- */

/* Should it be there all the same, it must not wait for what cannot be said. */
static void hang_up(struct receiver *r)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    r->sender_gone = true;
    if (null < 0)
        return;
    dup2(null, STDOUT_FILENO);
    close(null);
}

/* A sender that is gone is no reason to stop here: what was begun must be ended. */
void receive_write_out(struct receiver *r, const void *bytes, size_t len)
{
    size_t done = 0;

    while (!r->sender_gone && done < len) {
        struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
        ssize_t n = poll(&p, 1, WRITE_TIMEOUT_MS) > 0 ? write(STDOUT_FILENO, (const char *)bytes + done, len - done) : 0;

        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || (errno != EINTR && errno != EAGAIN))
            hang_up(r);
    }
}

/* Takes `frame`. */
void receive_send_frame(struct receiver *r, unsigned char *frame, size_t len)
{
    if (frame)
        receive_write_out(r, frame, len);
    free(frame);
}

void receive_send_simple(struct receiver *r, enum message_type type, bool flag, const char *format, ...)
{
    struct message_simple simple = { .flag = flag };
    unsigned char *frame;
    va_list args;
    size_t len;

    va_start(args, format);
    vsnprintf(simple.text, sizeof simple.text, format, args);
    va_end(args);
    frame = message_encode_simple(type, &simple, &len);
    receive_send_frame(r, frame, len);
}

/* ---- from the sender ---- */

static void refuse_protocol(struct receiver *r, const char *text)
{
    fprintf(stderr, "xlmig receive: %s\n", text);
    if (receive_is_holding(r)) { /* nothing failed: it is kept, as the journal says */
        receive_leave(r);
        return;
    }
    receive_send_simple(r, MESSAGE_FAILED, false, "%s", text);
    receive_give_up(r);
}

static void on_hello(struct receiver *r, const void *payload, size_t len)
{
    struct message_hello own, peer;
    unsigned char *frame;
    size_t frame_len;

    if (message_decode_hello(payload, len, &peer) < 0) {
        refuse_protocol(r, "the sender's greeting makes no sense");
        return;
    }
    snprintf(r->sender, sizeof r->sender, "%s", peer.host);
    negotiate_own_hello(&r->host, &own);
    frame = message_encode_hello(&own, &frame_len);
    receive_send_frame(r, frame, frame_len);
    receive_await(r, AWAIT_PREFLIGHT, r->request->idle_timeout_us); /* no common version: the sender hangs up */
}

static void on_preflight(struct receiver *r, const void *payload, size_t len)
{
    struct candidate_answer answer;
    unsigned char *frame;
    size_t frame_len;

    if (message_decode_preflight(payload, len, &r->vm) < 0) {
        refuse_protocol(r, "the sender's description of the VM makes no sense");
        return;
    }
    preflight_check(r->ts, r->request->toolstack, &r->vm, &answer);
    frame = message_encode_answer(&answer, &frame_len);
    if (frame) {
        receive_send_frame(r, frame, frame_len);
        receive_await(r, AWAIT_BEGIN, r->request->idle_timeout_us);
    } else {
        refuse_protocol(r, "the answer is too long to be sent");
    }
    if (check_refuses(&answer.found))
        r->exit_status = EXIT_REFUSED;
    r->has_early_devices = answer.config_json;
    candidate_answer_dispose(&answer);
}

static void start_restore(struct receiver *r)
{
    struct failure failure = { 0 };

    if (r->how.data == MESSAGE_DATA_INLINE)
        event_del(r->frames); /* from now on the input is the child's */
    receive_await(r, STARTING, r->request->idle_timeout_us);
    if (receive_start_child(r, &failure) < 0)
        refuse_protocol(r, failure.text);
}

/* ---- channels ---- */

static void on_channels_complete(void *user)
{
    start_restore(user);
}

static void on_channel_refused(void *user, const char *text)
{
    (void)user;
    fprintf(stderr, "xlmig receive: %s\n", text);
}

/* The address of this host that the sender's ssh came to; "": it was no ssh. */
static void address_of_ssh(char *address, size_t size)
{
    const char *connection = getenv("SSH_CONNECTION"); /* client, its port, server, its port */

    address[0] = '\0';
    if (connection && size > MESSAGE_ADDRESS_MAX && sscanf(connection, "%*s %*s %63s", address) != 1)
        address[0] = '\0';
}

static void await_channels(struct receiver *r)
{
    const struct receive_channels_callbacks callbacks = {
        .user = r, .complete = on_channels_complete, .refused = on_channel_refused,
    };
    char address[MESSAGE_ADDRESS_MAX + 1];
    struct message_channels where;
    struct failure failure = { 0 };
    unsigned char *frame;
    size_t len;

    address_of_ssh(address, sizeof address);
    if (r->request->listen)
        snprintf(r->how.address, sizeof r->how.address, "%s", r->request->listen);
    r->channels = receive_channels_open(r->base, &r->how, address, &callbacks, &failure);
    if (!r->channels) {
        refuse_protocol(r, failure.text);
        return;
    }
    receive_await(r, AWAIT_CHANNELS, r->request->idle_timeout_us);
    receive_channels_where(r->channels, &where);
    frame = message_encode_channels(&where, &len);
    receive_send_frame(r, frame, len);
}

static void on_let_go(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    receive_finish(user, EXIT_OK);
}

/* This connection is a channel of a migration that another process on this host receives. */
static void on_join(struct receiver *r, const void *payload, size_t len)
{
    struct failure failure = { 0 };
    struct message_join join;

    if (message_decode_join(payload, len, &join) < 0) {
        refuse_protocol(r, "the sender's wish to join makes no sense");
        return;
    }
    event_del(r->frames); /* what comes now is the restore's */
    r->joined_fd = join_hand_over(&join, STDIN_FILENO, &failure);
    if (r->joined_fd < 0) {
        refuse_protocol(r, failure.text);
        return;
    }
    r->let_go = event_new(r->base, r->joined_fd, EV_READ, on_let_go, r);
    if (!r->let_go || event_add(r->let_go, NULL) < 0) {
        refuse_protocol(r, "out of memory");
        return;
    }
    receive_await(r, JOINED, 0); /* as long as the other one lives, whose waits have bounds */
    receive_send_simple(r, MESSAGE_LISTENING, false, "%s", "");
}

static bool takes(const struct message_begin *how, const struct message_hello *own)
{
    return (!how->image_v1 || own->image_version >= 1) && (own->data & 1u << how->data) != 0 &&
           how->nr_channels <= (how->image_v1 ? own->max_channels : 1);
}

static void on_begin(struct receiver *r, const void *payload, size_t len)
{
    struct failure failure = { 0 };
    struct message_hello own;

    negotiate_own_hello(&r->host, &own);
    if (message_decode_begin(payload, len, &r->how) < 0 || r->exit_status == EXIT_REFUSED || !takes(&r->how, &own)) {
        refuse_protocol(r, "the sender began although it was refused, or makes no sense");
        return;
    }
    r->paused = r->how.paused || r->request->paused;
    if (receive_begin_journal(r, &failure) < 0) {
        refuse_protocol(r, failure.text);
        return;
    }
    if (r->how.nr_channels > 1 || r->how.data != MESSAGE_DATA_INLINE)
        await_channels(r);
    else
        start_restore(r);
}

static void on_go(struct receiver *r)
{
    static const char go[] = XL_GO;

    /* Fits the pipe, which is empty: all of it or nothing. */
    event_del(r->frames);
    receive_await(r, AWAIT_REPORT, r->request->idle_timeout_us);
    r->go_received = true;
    r->go_given = write(r->to_child, go, sizeof go) == (ssize_t)sizeof go;
    if (!r->go_given)
        receive_give_up(r);
}

static void on_frame(struct receiver *r, enum message_type type, const void *payload, size_t len)
{
    if (r->state == AWAIT_HELLO && type == MESSAGE_HELLO)
        on_hello(r, payload, len);
    else if (r->state == AWAIT_PREFLIGHT && type == MESSAGE_PREFLIGHT)
        on_preflight(r, payload, len);
    else if (r->state == AWAIT_PREFLIGHT && type == MESSAGE_JOIN)
        on_join(r, payload, len);
    else if ((r->state == AWAIT_PREFLIGHT || r->state == AWAIT_WORD) && message_is_word(type) &&
             receive_on_word(r, type, payload, len) == 0)
        return;
    else if (r->state == AWAIT_BEGIN && type == MESSAGE_BEGIN)
        on_begin(r, payload, len);
    else if (r->state == AWAIT_GO && type == MESSAGE_GO)
        on_go(r);
    else
        refuse_protocol(r, "the sender sent a control message out of order");
}

/* How many bytes the frame needs still: never one more is read, it may be the stream's. */
static size_t frame_lacks(struct receiver *r, struct message_header *header, bool *valid)
{
    unsigned char raw[MESSAGE_HEADER_BYTES];
    size_t have = evbuffer_get_length(r->frame);

    *valid = true;
    if (have < sizeof raw)
        return sizeof raw - have;
    evbuffer_copyout(r->frame, raw, sizeof raw);
    *valid = message_header_decode(raw, header) == 0;
    return *valid ? sizeof raw + header->len - have : 0;
}

static void take_frame(struct receiver *r, const struct message_header *header)
{
    unsigned char *payload = malloc(header->len + 1);

    if (!payload) {
        refuse_protocol(r, "out of memory");
        return;
    }
    evbuffer_drain(r->frame, MESSAGE_HEADER_BYTES);
    evbuffer_remove(r->frame, payload, header->len);
    on_frame(r, header->type, payload, header->len);
    free(payload);
}

static void on_sender_readable(evutil_socket_t fd, short what, void *user)
{
    struct receiver *r = user;
    struct message_header header;
    unsigned char bytes[16384];
    bool valid;
    size_t lacks = frame_lacks(r, &header, &valid);
    ssize_t n = read(fd, bytes, lacks < sizeof bytes ? lacks : sizeof bytes);

    (void)what;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        r->sender_gone = true;
        if (receive_is_holding(r))
            receive_leave(r);
        else
            receive_give_up(r);
        return;
    }
    evbuffer_add(r->frame, bytes, (size_t)n);
    lacks = frame_lacks(r, &header, &valid);
    if (!valid)
        refuse_protocol(r, "what comes from the sender is not the control protocol");
    else if (lacks == 0)
        take_frame(r, &header);
}

/* ---- the loop ---- */

static void on_deadline(evutil_socket_t fd, short what, void *user)
{
    struct receiver *r = user;

    (void)fd;
    (void)what;
    if (r->state == AWAIT_DEVICES)
        snprintf(r->device_error, sizeof r->device_error, "its devices could not be set up in time");
    if (r->state == ENDING || r->state == AWAIT_REPORT) {
        fprintf(stderr, "xlmig receive: the restore does not end, stopping it\n");
        child_stop(r->child, KILL_GRACE_US);
        return;
    }
    refuse_protocol(r, "the sender or the restore was silent for too long");
}

static void on_signal(evutil_socket_t signum, short what, void *user)
{
    struct receiver *r = user;

    (void)signum;
    (void)what;
    if (r->state == AWAIT_REPORT || r->state == ENDING || r->state == HOLDING || r->state == ACTING || r->state == OVER)
        return; /* on its way to an end, or past the point of no return */
    if (r->request->negotiate)
        refuse_protocol(r, "the receiver was told to stop");
    else
        receive_give_up(r);
}

static int set_up(struct receiver *r)
{
    r->frame = evbuffer_new();
    r->said = evbuffer_new();
    r->deadline = evtimer_new(r->base, on_deadline, r);
    r->frames = event_new(r->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_sender_readable, r);
    if (!r->frame || !r->said || !r->deadline || !r->frames)
        return -1;
    return loop_watch_signals(r->base, r->signals, on_signal, r);
}

static void tear_down(struct receiver *r)
{
    struct event *const events[] = { r->frames, r->deadline, r->child_readable, r->let_go, r->holder_look };

    receive_close_to_child(r);
    loop_unwatch_signals(r->signals);
    child_free(r->child, 0);
    helper_events_close(r->events);
    line_reader_close(r->child_errors);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
    receive_channels_close(r->channels);
    early_devices_free(r->early);
    if (r->joined_fd >= 0)
        close(r->joined_fd);
    if (r->from_child >= 0)
        close(r->from_child);
    if (r->frame)
        evbuffer_free(r->frame);
    if (r->said)
        evbuffer_free(r->said);
    candidate_dispose(&r->vm);
    journal_release(r->journal);
    free(r);
}

static void begin(struct receiver *r)
{
    struct failure failure = { 0 };

    if (r->request->negotiate) {
        receive_await(r, AWAIT_HELLO, r->request->idle_timeout_us);
        receive_write_out(r, MESSAGE_BANNER, strlen(MESSAGE_BANNER));
        event_add(r->frames, NULL);
        return;
    }
    r->paused = r->request->paused;
    receive_await(r, RELAYING, 0);
    if (receive_start_child(r, &failure) == 0)
        receive_start_relay(r, STDIN_FILENO);
    if (!r->relay) {
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
        receive_finish(r, EXIT_FAILED);
    }
}

/* In plain mode nothing of what is said is understood: the child's exit status tells all. */
static int plain_status(const struct receiver *r)
{
    return WIFEXITED(r->child_status) && WEXITSTATUS(r->child_status) == 0 ? EXIT_OK : EXIT_FAILED;
}

int receive_vm(struct toolstack *ts, struct event_base *base, const struct receive_request *request)
{
    struct receiver *r = calloc(1, sizeof *r);
    struct failure failure = { 0 };
    int rc = EXIT_FAILED;

    if (!r)
        return EXIT_FAILED;
    *r = (struct receiver){ .request = request, .base = base, .ts = ts, .to_child = -1, .from_child = -1,
                            .joined_fd = -1 };
    if (ts->ops->ask.host(ts, &r->host, &failure) < 0) {
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
    } else if (set_up(r) == 0) {
        begin(r);
        while (r->state != OVER && event_base_loop(base, EVLOOP_ONCE) == 0)
            ;
        rc = !request->negotiate && r->child_over ? plain_status(r) : r->exit_status;
    }
    tear_down(r);
    return rc;
}
