/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "xlmig/receive.h"

#include "xlmig/child.h"
#include "xlmig/exit.h"
#include "xlmig/line-reader.h"
#include "xlmig/loop.h"
#include "xlmig/negotiate.h"
#include "xlmig/preflight.h"
#include "xlmig/relay.h"
#include "xlmig/xl-protocol.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)
#define WRITE_TIMEOUT_MS 30000
#define KILL_GRACE_US 5000000u

enum state {
    AWAIT_HELLO,
    AWAIT_PREFLIGHT,
    AWAIT_BEGIN,
    STARTING,       /* the child's banner is due */
    RELAYING,
    AWAIT_GO,
    AWAIT_REPORT,   /* the child has its GO: no way back */
    ENDING,         /* the child's end is due */
    OVER,
};

/* What the child said about starting the VM. */
enum verdict { NO_VERDICT, STARTED, NOT_STARTED };

struct receiver {
    const struct receive_request *request;
    struct event_base *base;
    struct toolstack *ts;
    struct toolstack_host host;
    enum state state;
    bool sender_gone, paused;
    bool go_received;                /* the sender waits for our report */
    bool go_given;                   /* the child may start the VM at any time */
    struct control_preflight vm;     /* what was asked for */

    struct event *frames;            /* our input holds frames now */
    struct evbuffer *frame;          /* as much of one as has come */
    struct event *deadline;
    struct event *signals[LOOP_NR_SIGNALS];

    struct child *child;
    bool child_over;
    int child_status;
    int to_child, from_child;        /* -1: closed */
    struct relay *relay;
    struct event *child_readable;
    struct evbuffer *said;           /* by the child, not understood yet */
    struct line_reader *child_errors;
    struct helper_events *events;
    char engine_error[512];
    enum verdict verdict;
    unsigned char code;              /* of NOT_STARTED */

    int exit_status;
};

static void await(struct receiver *r, enum state state, uint64_t timeout_us)
{
    struct timeval in = us_to_timeval(timeout_us);

    r->state = state;
    evtimer_del(r->deadline);
    if (timeout_us)
        evtimer_add(r->deadline, &in);
}

static void finish(struct receiver *r, int exit_status)
{
    r->exit_status = exit_status;
    r->state = OVER;
}

/* ---- to the sender ---- */

/* A sender that is gone is no reason to stop here: what was begun must be ended. */
static void write_out(struct receiver *r, const void *bytes, size_t len)
{
    size_t done = 0;

    while (!r->sender_gone && done < len) {
        struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };
        ssize_t n = poll(&p, 1, WRITE_TIMEOUT_MS) > 0 ? write(STDOUT_FILENO, (const char *)bytes + done, len - done) : 0;

        if (n > 0)
            done += (size_t)n;
        else if (n == 0 || (errno != EINTR && errno != EAGAIN))
            r->sender_gone = true;
    }
}

/* Takes `frame`. */
static void send_frame(struct receiver *r, unsigned char *frame, size_t len)
{
    if (frame)
        write_out(r, frame, len);
    free(frame);
}

static void send_simple(struct receiver *r, enum control_type type, bool flag, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void send_simple(struct receiver *r, enum control_type type, bool flag, const char *format, ...)
{
    struct control_simple simple = { .flag = flag };
    unsigned char *frame;
    va_list args;
    size_t len;

    va_start(args, format);
    vsnprintf(simple.text, sizeof simple.text, format, args);
    va_end(args);
    frame = control_encode_simple(type, &simple, &len);
    send_frame(r, frame, len);
}

/* ---- the child ---- */

static void close_to_child(struct receiver *r)
{
    relay_free(r->relay);
    r->relay = NULL;
    if (r->to_child >= 0)
        close(r->to_child);
    r->to_child = -1;
}

/* The child sees the end of its input, destroys what it made, and ends. */
static void give_up(struct receiver *r)
{
    close_to_child(r);
    if (r->frames)
        event_del(r->frames);
    await(r, ENDING, r->request->cleanup_timeout_us);
    if (!r->child)
        finish(r, EXIT_FAILED);
}

static void on_relay_ended(void *user, enum relay_end end)
{
    struct receiver *r = user;

    /* A child that no longer reads has ended or is about to, and says why itself. */
    if (end == RELAY_INPUT_OVER) {
        r->sender_gone = r->request->negotiate;
        give_up(r);
    }
}

static const char *why_child_failed(struct receiver *r)
{
    if (r->engine_error[0])
        return r->engine_error;
    return line_reader_tail(r->child_errors);
}

/* The child failed, and nothing of the VM is left here but what `leftover` names. */
static void tell_failure(struct receiver *r, const char *leftover)
{
    const char *why = why_child_failed(r);
    char status[64];

    if (r->request->negotiate && r->go_received && !leftover)
        send_simple(r, CONTROL_REPORT, false, "xl could not start it (status code %u): %s", r->code, why);
    else if (r->request->negotiate && !r->go_received)
        send_simple(r, CONTROL_FAILED, false, "the restore %s: %s%s%s",
                    child_status_text(r->child_status, status, sizeof status), why,
                    leftover ? "; left behind, paused: " : "", leftover ? leftover : "");
    /* GO received and not removed: silence, which leaves the sender in doubt, as it should be. */
    finish(r, leftover ? EXIT_LEFTOVER : EXIT_FAILED);
}

static void incoming_name(const struct receiver *r, char *name, size_t size)
{
    snprintf(name, size, "%s--incoming", r->vm.name);
}

static void on_destroyed(void *user, const struct failure *failure)
{
    struct receiver *r = user;
    char incoming[VM_NAME_MAX + 16];

    incoming_name(r, incoming, sizeof incoming);
    if (failure)
        fprintf(stderr, "xlmig receive: %s is left behind: %s\n", incoming, failure->text);
    tell_failure(r, failure ? incoming : NULL);
}

/* xl cleans up after itself; should it have been killed, its half-made VM is removed here. */
static void on_child_over(struct receiver *r)
{
    struct failure failure = { 0 };
    char incoming[VM_NAME_MAX + 16];
    struct toolstack_vm vm;

    if (r->verdict == STARTED) {
        finish(r, EXIT_OK);
        return;
    }
    incoming_name(r, incoming, sizeof incoming);
    if (!r->request->negotiate || r->ts->ops->find(r->ts, incoming, &vm, &failure) != 0 ||
        memcmp(vm.uuid, r->vm.uuid, sizeof vm.uuid) != 0) {
        if (r->go_given && r->verdict == NO_VERDICT) {
            fprintf(stderr, "xlmig receive: xl ended without a word on whether %s runs; look with: xl list\n",
                    r->vm.name);
            finish(r, EXIT_IN_DOUBT);
            return;
        }
        tell_failure(r, NULL);
        return;
    }
    await(r, ENDING, 0);
    r->ts->ops->destroy(r->ts, vm.domid, on_destroyed, r);
}

static void on_child_ended(void *user, int status)
{
    struct receiver *r = user;

    r->child_over = true;
    r->child_status = status;
    close_to_child(r);
    line_reader_drain(r->child_errors);
    helper_events_close(r->events);
    r->events = NULL;
    if (r->from_child >= 0)
        event_active(r->child_readable, EV_READ, 1); /* its last words first */
    else
        on_child_over(r);
}

static void on_child_line(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "%s\n", line);
}

static void on_engine_event(void *user, const struct helper_event *event)
{
    struct receiver *r = user;

    if (event->kind == HELPER_END && !event->ok)
        memcpy(r->engine_error, event->text, sizeof r->engine_error);
    else if (event->kind == HELPER_NOTE && r->request->negotiate)
        send_simple(r, CONTROL_NOTE, false, "%s", event->text);
}

static void watch_frames(struct receiver *r)
{
    event_add(r->frames, NULL);
}

/* 1: `message` of `len` bytes was there and is taken; 0: not all of it yet; -1: something else is there. */
static int take(struct receiver *r, const char *message, size_t len)
{
    char came[64];
    size_t have = evbuffer_get_length(r->said);

    if (have > len)
        have = len;
    evbuffer_copyout(r->said, came, have);
    if (memcmp(came, message, have) != 0)
        return -1;
    if (have < len)
        return 0;
    evbuffer_drain(r->said, len);
    return 1;
}

static void on_child_listens(struct receiver *r)
{
    send_simple(r, CONTROL_LISTENING, false, "%s", "");
    await(r, RELAYING, 0); /* the engine bounds its own waits */
    r->relay = relay_start(r->base, STDIN_FILENO, r->to_child, on_relay_ended, r);
    if (!r->relay)
        give_up(r);
}

static void on_child_ready(struct receiver *r)
{
    relay_free(r->relay);
    r->relay = NULL;
    await(r, AWAIT_GO, r->request->idle_timeout_us);
    send_simple(r, CONTROL_RECEIVED, false, "%s", "");
    watch_frames(r);
}

static int take_report(struct receiver *r)
{
    int rc = evbuffer_get_length(r->said) <= sizeof XL_REPORT ? 0 : take(r, XL_REPORT, sizeof XL_REPORT);

    if (rc != 1)
        return rc;
    evbuffer_remove(r->said, &r->code, 1);
    r->verdict = r->code == 0 ? STARTED : NOT_STARTED;
    if (r->verdict == STARTED)
        send_simple(r, CONTROL_REPORT, true, "%s", "");
    await(r, ENDING, r->request->cleanup_timeout_us);
    return 1;
}

/* Everything the child says, in the order in which xl says it. */
static void on_child_said(struct receiver *r)
{
    int rc = 1;

    while (rc == 1)
        switch (r->state) {
        case STARTING:
            rc = take(r, XL_BANNER, strlen(XL_BANNER));
            if (rc == 1)
                on_child_listens(r);
            break;
        case RELAYING:
            rc = take(r, XL_READY, sizeof XL_READY);
            if (rc == 1)
                on_child_ready(r);
            break;
        case AWAIT_REPORT:
            rc = take_report(r);
            break;
        default:
            evbuffer_drain(r->said, evbuffer_get_length(r->said));
            return;
        }
    if (rc < 0) {
        send_simple(r, CONTROL_FAILED, false, "xl says what this release of xlmig does not understand");
        give_up(r);
    }
}

static void on_child_readable(evutil_socket_t fd, short what, void *user)
{
    struct receiver *r = user;
    char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof bytes);

    (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR) && !r->child_over)
        return;
    if (n <= 0) {
        event_del(r->child_readable);
        close(r->from_child);
        r->from_child = -1;
        if (r->child_over)
            on_child_over(r);
        return;
    }
    if (!r->request->negotiate) {
        write_out(r, bytes, (size_t)n);
    } else {
        evbuffer_add(r->said, bytes, (size_t)n);
        on_child_said(r);
    }
    if (r->child_over)
        event_active(r->child_readable, EV_READ, 1);
}

static void close_pair(const int pair[2])
{
    if (pair[0] >= 0)
        close(pair[0]);
    if (pair[1] >= 0)
        close(pair[1]);
}

static int start_child(struct receiver *r, struct failure *failure)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, events_fd = -1;
    struct toolstack_receiver how = { .paused = r->paused };
    pid_t pid;

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0) {
        close_pair(in);
        close_pair(out);
        return failure_set(failure, "cannot make a pipe: %s", strerror(errno));
    }
    fcntl(in[1], F_SETPIPE_SZ, PIPE_BYTES);
    r->events = helper_events_open(r->base, &events_fd, on_engine_event, r);
    how.input_fd = in[0];
    how.output_fd = out[1];
    how.error_fd = err[1];
    how.events_fd = events_fd;
    if (r->ts->ops->receive(r->ts, &how, &pid, failure) == 0)
        r->child = child_watch(r->base, pid, on_child_ended, r);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    if (events_fd >= 0)
        close(events_fd);
    r->to_child = in[1];
    r->from_child = out[0];
    r->child_errors = line_reader_open(r->base, err[0], on_child_line, r);
    r->child_readable = event_new(r->base, out[0], EV_READ | EV_PERSIST, on_child_readable, r);
    if (!r->child || !r->child_errors || !r->child_readable || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0 ||
        event_add(r->child_readable, NULL) < 0)
        return failure_set(failure, "cannot start the restore");
    return 0;
}

/* ---- from the sender ---- */

static void refuse_protocol(struct receiver *r, const char *text)
{
    fprintf(stderr, "xlmig receive: %s\n", text);
    send_simple(r, CONTROL_FAILED, false, "%s", text);
    give_up(r);
}

static void on_hello(struct receiver *r, const void *payload, size_t len)
{
    struct control_hello own, peer;
    unsigned char *frame;
    size_t frame_len;

    if (control_decode_hello(payload, len, &peer) < 0) {
        refuse_protocol(r, "the sender's greeting makes no sense");
        return;
    }
    negotiate_own_hello(&r->host, &own);
    frame = control_encode_hello(&own, &frame_len);
    send_frame(r, frame, frame_len);
    await(r, AWAIT_PREFLIGHT, r->request->idle_timeout_us); /* no common version: the sender hangs up */
}

static void on_preflight(struct receiver *r, const void *payload, size_t len)
{
    struct control_answer *answer = malloc(sizeof *answer);
    unsigned char *frame;
    size_t frame_len;

    if (!answer || control_decode_preflight(payload, len, &r->vm) < 0) {
        free(answer);
        refuse_protocol(r, "the sender's description of the VM makes no sense");
        return;
    }
    preflight_check(r->ts, &r->vm, answer);
    frame = control_encode_answer(answer, &frame_len);
    send_frame(r, frame, frame_len);
    await(r, AWAIT_BEGIN, r->request->idle_timeout_us);
    if (answer->nr_refusals)
        r->exit_status = EXIT_REFUSED;
    free(answer);
}

static void on_begin(struct receiver *r, const void *payload, size_t len)
{
    struct failure failure = { 0 };
    struct control_begin begin;

    if (control_decode_begin(payload, len, &begin) < 0 || r->exit_status == EXIT_REFUSED) {
        refuse_protocol(r, "the sender began although it was refused, or makes no sense");
        return;
    }
    r->paused = begin.paused || r->request->paused;
    event_del(r->frames); /* from now on the input is the child's */
    await(r, STARTING, r->request->idle_timeout_us);
    if (start_child(r, &failure) < 0)
        refuse_protocol(r, failure.text);
}

static void on_go(struct receiver *r)
{
    static const char go[] = XL_GO;

    /* Fits the pipe, which is empty: all of it or nothing. */
    event_del(r->frames);
    await(r, AWAIT_REPORT, r->request->idle_timeout_us);
    r->go_received = true;
    r->go_given = write(r->to_child, go, sizeof go) == (ssize_t)sizeof go;
    if (!r->go_given)
        give_up(r);
}

static void on_frame(struct receiver *r, enum control_type type, const void *payload, size_t len)
{
    if (r->state == AWAIT_HELLO && type == CONTROL_HELLO)
        on_hello(r, payload, len);
    else if (r->state == AWAIT_PREFLIGHT && type == CONTROL_PREFLIGHT)
        on_preflight(r, payload, len);
    else if (r->state == AWAIT_BEGIN && type == CONTROL_BEGIN)
        on_begin(r, payload, len);
    else if (r->state == AWAIT_GO && type == CONTROL_GO)
        on_go(r);
    else
        refuse_protocol(r, "the sender sent a control message out of order");
}

/* How many bytes the frame needs still: never one more is read, it may be the stream's. */
static size_t frame_lacks(struct receiver *r, struct control_header *header, bool *valid)
{
    unsigned char raw[CONTROL_HEADER_BYTES];
    size_t have = evbuffer_get_length(r->frame);

    *valid = true;
    if (have < sizeof raw)
        return sizeof raw - have;
    evbuffer_copyout(r->frame, raw, sizeof raw);
    *valid = control_header_decode(raw, header) == 0;
    return *valid ? sizeof raw + header->len - have : 0;
}

static void take_frame(struct receiver *r, const struct control_header *header)
{
    unsigned char *payload = malloc(header->len + 1);

    if (!payload) {
        refuse_protocol(r, "out of memory");
        return;
    }
    evbuffer_drain(r->frame, CONTROL_HEADER_BYTES);
    evbuffer_remove(r->frame, payload, header->len);
    on_frame(r, header->type, payload, header->len);
    free(payload);
}

static void on_sender_readable(evutil_socket_t fd, short what, void *user)
{
    struct receiver *r = user;
    struct control_header header;
    unsigned char bytes[16384];
    bool valid;
    size_t lacks = frame_lacks(r, &header, &valid);
    ssize_t n = read(fd, bytes, lacks < sizeof bytes ? lacks : sizeof bytes);

    (void)what;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        r->sender_gone = true;
        give_up(r);
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
    if (r->state == AWAIT_REPORT || r->state == ENDING || r->state == OVER)
        return; /* on its way to an end, or past the point of no return */
    if (r->request->negotiate)
        refuse_protocol(r, "the receiver was told to stop");
    else
        give_up(r);
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
    struct event *const events[] = { r->frames, r->deadline, r->child_readable };

    close_to_child(r);
    loop_unwatch_signals(r->signals);
    child_free(r->child, 0);
    helper_events_close(r->events);
    line_reader_close(r->child_errors);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
    if (r->from_child >= 0)
        close(r->from_child);
    if (r->frame)
        evbuffer_free(r->frame);
    if (r->said)
        evbuffer_free(r->said);
    control_preflight_dispose(&r->vm);
    free(r);
}

static void begin(struct receiver *r)
{
    struct failure failure = { 0 };

    if (r->request->negotiate) {
        await(r, AWAIT_HELLO, r->request->idle_timeout_us);
        write_out(r, CONTROL_BANNER, strlen(CONTROL_BANNER));
        watch_frames(r);
        return;
    }
    r->paused = r->request->paused;
    await(r, RELAYING, 0);
    if (start_child(r, &failure) == 0)
        r->relay = relay_start(r->base, STDIN_FILENO, r->to_child, on_relay_ended, r);
    if (!r->relay) {
        fprintf(stderr, "xlmig receive: %s\n", failure.text);
        finish(r, EXIT_FAILED);
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
    *r = (struct receiver){ .request = request, .base = base, .ts = ts, .to_child = -1, .from_child = -1 };
    if (ts->ops->host(ts, &r->host, &failure) < 0) {
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
