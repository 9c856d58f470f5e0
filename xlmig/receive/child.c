/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The restore: a child of the toolstack's making, spoken to in xl's migration protocol. */
#include "config.h"
#include "xlmig/receive/internal.h"

#include "xlmig/base/exit.h"
#include "xlmig/base/loop.h"
#include "xlmig/peer/xl-protocol.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)

void receive_close_to_child(struct receiver *r)
{
    relay_free(r->relay);
    r->relay = NULL;
    if (r->to_child >= 0)
        close(r->to_child);
    r->to_child = -1;
}

/*
 * A device that is just being attached to a VM that goes would leave parts of
 * itself behind.  True: none is; false: `then` is called when none is any more.
 */
static bool devices_are_idle(struct receiver *r, void (*then)(struct receiver *r))
{
    r->when_idle = then;
    return early_devices_stop(r->early);
}

static void on_devices_idle(void *user)
{
    struct receiver *r = user;

    r->when_idle(r);
}

/* The child sees the end of its input, destroys what it made, and ends. */
void receive_give_up(struct receiver *r)
{
    receive_record_aborted(r, "the copy failed, or was stopped");
    relay_free(r->relay);
    r->relay = NULL;
    if (devices_are_idle(r, receive_close_to_child))
        receive_close_to_child(r);
    if (r->frames)
        event_del(r->frames);
    receive_await(r, ENDING, r->request->cleanup_timeout_us);
    if (!r->child) {
        receive_forget(r);
        receive_finish(r, EXIT_FAILED);
    }
}

static void on_relay_ended(void *user, enum relay_end end)
{
    struct receiver *r = user;

    /* A child that no longer reads has ended or is about to, and says why itself. */
    if (end == RELAY_INPUT_OVER) {
        r->sender_gone = r->request->negotiate && r->how.data == MESSAGE_DATA_INLINE;
        receive_give_up(r);
    }
}

void receive_start_relay(struct receiver *r, int from)
{
    r->relay = relay_start(r->base, from, r->to_child, on_relay_ended, r);
}

/* A channel that was lost explains what the engine met after it. */
static const char *why_child_failed(struct receiver *r)
{
    if (r->channels)
        receive_channels_lost(r->channels, r->channel_lost, sizeof r->channel_lost);
    if (r->channel_lost[0])
        return r->channel_lost;
    if (r->engine_error[0])
        return r->engine_error;
    return line_reader_tail(r->child_errors);
}

/* The child failed, and nothing of the VM is left here but what `leftover` names. */
static void tell_failure(struct receiver *r, const char *leftover)
{
    const char *why = why_child_failed(r);
    char status[64];

    if (r->journal && journal_in_doubt(r->journal)) { /* what it says counts, should it be READY: for the source to ask */
        fprintf(stderr, "xlmig receive: %s\n", r->device_error[0] ? r->device_error : why);
        receive_finish(r, leftover ? EXIT_LEFTOVER : EXIT_FAILED);
        return;
    }
    if (!leftover)
        receive_forget(r);
    if (r->request->negotiate && r->go_received && !leftover)
        receive_send_simple(r, MESSAGE_REPORT, false, "xl could not start it (status code %u): %s", r->code, why);
    else if (r->request->negotiate && !r->go_received && r->device_error[0])
        receive_send_simple(r, MESSAGE_FAILED, false, "%s%s%s", r->device_error,
                            leftover ? "; left behind, paused: " : "", leftover ? leftover : "");
    else if (r->request->negotiate && !r->go_received)
        receive_send_simple(r, MESSAGE_FAILED, false, "the restore %s: %s%s%s",
                    child_status_text(r->child_status, status, sizeof status), why,
                    leftover ? "; left behind, paused: " : "", leftover ? leftover : "");
    /* GO received and not removed: silence, which leaves the sender in doubt, as it should be. */
    receive_finish(r, leftover ? EXIT_LEFTOVER : EXIT_FAILED);
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

/* 1: xl left something of the VM, which is *vm; 0: it did not; -1: that is not to be known now, see failure. */
static int find_half_made(struct receiver *r, const char *incoming, struct vm *vm, struct failure *failure)
{
    int rc = r->request->negotiate ? r->ts->ops->ask.find(r->ts, incoming, vm, failure) : 1;

    return rc < 0 ? -1 : rc == 0 && memcmp(vm->uuid, r->vm.uuid, sizeof vm->uuid) == 0;
}

/*
 * xl cleans up after itself; should it have been killed, its half-made VM is
 * removed here.  Where that cannot be done, the journal stays, for recover.
 */
static void on_child_over(struct receiver *r)
{
    struct failure failure = { 0 };
    char incoming[VM_NAME_MAX + 16];
    struct vm vm;
    int found;

    if (!devices_are_idle(r, on_child_over) || (r->state == HOLDING && receive_held(r)))
        return;
    receive_record_aborted(r, "the restore failed");
    if (r->verdict == STARTED) {
        receive_finish(r, EXIT_OK);
        return;
    }
    incoming_name(r, incoming, sizeof incoming);
    found = find_half_made(r, incoming, &vm, &failure);
    if (found == 1) {
        receive_await(r, ENDING, 0);
        r->ts->ops->domain.destroy(r->ts, vm.domid, on_destroyed, r);
    } else if (r->go_given && r->verdict == NO_VERDICT) {
        fprintf(stderr, "xlmig receive: xl ended without a word on whether %s runs; look with: xl list\n", r->vm.name);
        receive_finish(r, EXIT_IN_DOUBT);
    } else if (found < 0) {
        on_destroyed(r, &failure);
    } else {
        tell_failure(r, NULL);
    }
}

static void on_child_ended(void *user, int status)
{
    struct receiver *r = user;

    r->child_over = true;
    r->child_status = status;
    receive_close_to_child(r);
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

/* Nobody looks at this side.  The other one shows it with --verbose. */
static void tell_extents(struct receiver *r, const struct helper_extents *e)
{
    if (r->request->negotiate)
        receive_send_simple(r, MESSAGE_NOTE, false, "the VM's memory there is in %" PRIu64 " of %" PRIu64
                            " extents of 1 GiB, %" PRIu64 " of 2 MiB and %" PRIu64 " of 4 KiB",
                            e->nr_1g, e->named_1g, e->nr_2m, e->nr_4k);
}

static void on_engine_event(void *user, const struct helper_event *event)
{
    struct receiver *r = user;

    if (event->kind == HELPER_END && !event->ok)
        memcpy(r->engine_error, event->text, sizeof r->engine_error);
    else if (event->kind == HELPER_END)
        tell_extents(r, &event->extents);
    else if (event->kind == HELPER_NOTE && r->request->negotiate)
        receive_send_simple(r, MESSAGE_NOTE, false, "%s", event->text);
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

/* ---- devices that need not wait for the memory ---- */

static void devices_failed(struct receiver *r, const struct failure *failure)
{
    snprintf(r->device_error, sizeof r->device_error, "%s", failure->text);
    receive_give_up(r);
}

/*
 * All is here.  xl only waits now: what watches over the VM from then on is a
 * process of its own, which xl has forked before it said so.
 */
static void tell_received(struct receiver *r)
{
    struct failure failure = { 0 };

    if (r->early && early_devices_record(r->early, &failure) < 0) {
        devices_failed(r, &failure);
        return;
    }
    if (r->journal) {
        receive_await(r, HOLDING, r->request->cleanup_timeout_us);
        child_kill(r->child);
        return;
    }
    receive_await(r, AWAIT_GO, r->request->idle_timeout_us);
    receive_send_simple(r, MESSAGE_RECEIVED, false, "%s", "");
    event_add(r->frames, NULL);
}

static void on_devices_ready(void *user, const struct failure *failure)
{
    struct receiver *r = user;

    r->devices_ready = true;
    if (failure) {
        devices_failed(r, failure);
        return;
    }
    receive_send_simple(r, MESSAGE_DEVICES, false, "%s", "");
    if (r->state == AWAIT_DEVICES)
        tell_received(r);
}

static int start_devices(struct receiver *r)
{
    const struct early_devices_callbacks callbacks = { .user = r, .ready = on_devices_ready, .idle = on_devices_idle };
    char incoming[VM_NAME_MAX + 16];

    if (!r->has_early_devices)
        return 0;
    incoming_name(r, incoming, sizeof incoming);
    r->early = early_devices_start(r->ts, r->base, incoming, r->vm.uuid, r->vm.config_json, &callbacks);
    return r->early ? 0 : -1;
}

/* ---- what the child says ---- */

static void on_child_listens(struct receiver *r)
{
    int from = r->how.data == MESSAGE_DATA_INLINE ? STDIN_FILENO : receive_channels_fds(r->channels)[0];

    if (start_devices(r) < 0) {
        receive_give_up(r);
        return;
    }
    receive_send_simple(r, MESSAGE_LISTENING, false, "%s", "");
    receive_await(r, RELAYING, 0); /* the engine bounds its own waits */
    receive_start_relay(r, from);
    if (!r->relay)
        receive_give_up(r);
}

static void on_child_ready(struct receiver *r)
{
    relay_free(r->relay);
    r->relay = NULL;
    if (r->early && !r->devices_ready)
        receive_await(r, AWAIT_DEVICES, r->request->idle_timeout_us);
    else
        tell_received(r);
}

static int take_report(struct receiver *r)
{
    int rc = evbuffer_get_length(r->said) <= sizeof XL_REPORT ? 0 : take(r, XL_REPORT, sizeof XL_REPORT);

    if (rc != 1)
        return rc;
    evbuffer_remove(r->said, &r->code, 1);
    r->verdict = r->code == 0 ? STARTED : NOT_STARTED;
    if (r->verdict == STARTED)
        receive_send_simple(r, MESSAGE_REPORT, true, "%s", "");
    receive_await(r, ENDING, r->request->cleanup_timeout_us);
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
        receive_send_simple(r, MESSAGE_FAILED, false, "xl says what this release of xlmig does not understand");
        receive_give_up(r);
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
        receive_write_out(r, bytes, (size_t)n);
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

static void tell_of_channels(const struct receiver *r, struct helper_image *image)
{
    if (!r->channels)
        return;
    image->channels = receive_channels_fds(r->channels) + 1;
    image->nr_channels = r->how.nr_channels - 1;
    memcpy(image->token, r->how.token, sizeof image->token);
}

int receive_start_child(struct receiver *r, struct failure *failure)
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
    tell_of_channels(r, &how.image);
    how.input_fd = in[0];
    how.output_fd = out[1];
    how.error_fd = err[1];
    how.events_fd = events_fd;
    if (r->ts->ops->child.receive(r->ts, &how, &pid, failure) == 0)
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
