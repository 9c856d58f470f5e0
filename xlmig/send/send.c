/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The copy and the handover.  What may happen in which state is handover.c's; this carries it out. */
#include "config.h"
#include "xlmig/send/send.h"

#include "stream-format/libxl-stream.h"
#include "xlmig/domain/cap-record.h"
#include "xlmig/recover/ask.h"
#include "xlmig/domain/settle.h"
#include "xlmig/domain/throttle.h"
#include "xlmig/base/write.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_TIMEOUT_S 30

/* ---- waiting ---- */

void send_await(struct send *s, const char *what, uint64_t timeout_us)
{
    struct timeval in = us_to_timeval(timeout_us);

    s->awaited = what;
    evtimer_del(s->deadline);
    if (what)
        evtimer_add(s->deadline, &in);
}

static void on_deadline(evutil_socket_t fd, short what, void *user)
{
    struct send *s = user;
    char missing[400] = "";

    (void)fd;
    (void)what;
    if (!s->handover.begun) {
        if (s->link.channels)
            send_channels_missing(s->link.channels, missing, sizeof missing);
        send_refuse(s, EXIT_REFUSED, "%s did not come in time", missing[0] ? missing : s->awaited);
        return;
    }
    failure_set(&s->why, "%s did not come in time", s->awaited);
    send_feed(s, HANDOVER_TIMEOUT);
}

void send_cancel(struct send *s)
{
    s->cancelled = true;
    if (!s->handover.begun) {
        if (!s->preparation.config_pending)
            send_refuse(s, EXIT_CANCELLED, "cancelled");
        return;
    }
    progress_note(&s->progress, "cancelling");
    failure_set(&s->why, "cancelled");
    send_feed(s, HANDOVER_CANCEL);
}

static void on_signal(evutil_socket_t signum, short what, void *user)
{
    struct send *s = user;

    (void)signum;
    (void)what;
    if (s->handover.begun && handover_is_anew(s->handover.state)) {
        progress_note(&s->progress, "%s is not waited for any more", s->destination);
        send_feed(s, HANDOVER_TIMEOUT);
    } else if (s->cancelled)
        progress_note(&s->progress, "stopping already: %s", handover_state_name(s->handover.state));
    else if (s->handover.begun && handover_step(s->handover.state, HANDOVER_CANCEL).action == HANDOVER_DO_NOTHING)
        progress_note(&s->progress, "too late to cancel: %s", handover_state_name(s->handover.state));
    else
        send_cancel(s);
}

/* ---- the copy ---- */

static void slow_down(struct send *s, unsigned percent)
{
    struct failure failure = { 0 };

    if (s->handover.throttle && throttle_set(s->handover.throttle, percent, &failure) < 0)
        progress_note(&s->progress, "%s cannot be slowed down: %s", s->vm.name, failure.text);
}

/* However the copy ended. */
static void let_go(struct send *s)
{
    struct failure failure = { 0 };

    if (throttle_end(s->handover.throttle, &failure) < 0)
        progress_note(&s->progress, "%s did not get its scheduler cap back: %s. The next xlmig command tries again",
                      s->vm.name, failure.text);
    s->handover.throttle = NULL;
}

static void on_helper_event(void *user, const struct helper_event *event)
{
    struct send *s = user;

    if (event->phase[0])
        memcpy(s->handover.last_phase, event->phase, sizeof s->handover.last_phase);
    progress_event(&s->progress, event);
    if (event->kind == HELPER_THROTTLE)
        slow_down(s, event->throttle);
}

static void on_copied(void *user, enum suspend_outcome outcome, const struct failure *failure)
{
    struct send *s = user;
    char lost[1000];

    s->handover.outcome = outcome;
    if (outcome != SUSPEND_DONE)
        let_go(s); /* else it has its cap back, and stands still: the rest of it can wait until it runs again */
    if (outcome == SUSPEND_DONE) {
        progress_copied(&s->progress);
        send_feed(s, HANDOVER_COPIED);
        return;
    }
    /* What the engine met is only that it could not write. */
    if (s->link.channels && send_channels_lost(s->link.channels, lost, sizeof lost))
        failure_set(&s->why, "%s", lost);
    if (outcome == SUSPEND_NOT_ANSWERED)
        failure_set(&s->why, "the guest did not answer the request to suspend; is its kernel alive and has it "
                             "Xen's drivers? Should it suspend later after all: xlmig resume %s", s->vm.name);
    else
        failure_set(&s->why, "%s", failure ? failure->text : "the copy was stopped");
    send_feed(s, HANDOVER_COPY_FAILED);
}

static int write_config(struct send *s)
{
    const char *config = s->preparation.sent_config_json ? s->preparation.sent_config_json : s->preparation.config_json;
    uint8_t preamble[STREAM_XL_PREAMBLE_LEN];
    size_t len = strlen(config) + 1, written;

    if (len > STREAM_XL_DATA_MAX - 4)
        return -1;
    stream_encode_xl_preamble(preamble, (uint32_t)len);
    return write_bounded(send_data_fd(s), preamble, sizeof preamble, HEADER_TIMEOUT_S, &written) < 0 ||
                   write_bounded(send_data_fd(s), config, len, HEADER_TIMEOUT_S, &written) < 0
               ? -1 : 0;
}

void send_copy(struct send *s)
{
    struct toolstack_suspend how = {
        .fd = send_data_fd(s), .live = !s->request->no_live, .user = s, .event = on_helper_event, .done = on_copied,
        .limits = {
            .max_rounds = s->request->max_rounds, .max_downtime_us = s->progress.run.limits.max_downtime_us,
            .max_bandwidth = s->progress.run.limits.max_bandwidth, .timeout_us = s->request->timeout_us,
            .force_at_timeout = s->request->force_at_timeout, .throttle = s->request->throttle,
            .hold = s->preparation.sent_config_json && !s->preparation.devices_ready,
            .stall_timeout_us = s->request->stall_timeout_us,
        },
    };

    send_await(s, NULL, 0);
    if (write_config(s) < 0) {
        send_refuse(s, EXIT_FAILED, "the connection failed before the first byte of the VM");
        return;
    }
    send_fill_image(s, &how.image);
    if (s->request->throttle)
        s->handover.throttle = throttle_new(s->ts, s->request->toolstack, &s->vm);
    s->handover.begun = true;
    s->handover.state = HANDOVER_COPYING;
    s->ts->ops->suspend.begin(s->ts, s->vm.domid, &how);
}

/* ---- actions ---- */

void send_away_name(const struct send *s, char *name, size_t size)
{
    snprintf(name, size, "%s--migratedaway", s->vm.name);
}

static void rename_away(struct send *s)
{
    char away[VM_NAME_MAX + 32];

    send_away_name(s, away, sizeof away);
    s->handover.renamed = s->ts->ops->domain.rename(s->ts, s->vm.domid, s->vm.name, away, &s->why) == 0;
    send_feed(s, s->handover.renamed ? HANDOVER_DONE_OK : HANDOVER_DONE_FAILED);
}

static void send_go(struct send *s)
{
    struct message_word word = { .generation = 0 };
    int rc;

    if (send_record(s, JOURNAL_GO_DECIDED) < 0) {
        send_feed(s, HANDOVER_DONE_FAILED);
        return;
    }
    if (s->ledger.kept_there) {
        word.generation = journal_record(s->ledger.journal)->generation;
        memcpy(word.token, s->ledger.token, sizeof word.token);
    }
    rc = peer_go(s->link.peer, &word);
    if (rc < 0)
        failure_set(&s->why, "the connection was lost before the VM was handed over");
    send_feed(s, rc < 0 ? HANDOVER_DONE_FAILED : HANDOVER_DONE_OK);
}

/* xl gives back by itself what it cannot start, and so does an older release. */
static void take_back(struct send *s)
{
    if (s->ledger.kept_there && (!s->link.takes_words || send_say(s, MESSAGE_TAKE_BACK) < 0))
        send_feed(s, HANDOVER_PEER_LOST);
}

static void on_destroyed(void *user, const struct failure *failure)
{
    struct send *s = user;

    if (failure)
        failure_set(&s->why, "%s", failure->text);
    send_feed(s, failure ? HANDOVER_DONE_FAILED : HANDOVER_DONE_OK);
}

static void on_settled(void *user, enum settle_end end, const struct failure *failure)
{
    struct send *s = user;
    char away[VM_NAME_MAX + 32];
    struct failure rename_failure = { 0 };

    s->progress.running_again_us = now_us();
    if (end == SETTLE_FAILED) {
        progress_note(&s->progress, "%s could not be resumed: %s", s->vm.name, failure->text);
        send_feed(s, HANDOVER_DONE_FAILED);
        return;
    }
    s->handover.ended_itself = end == SETTLE_ENDED;
    send_away_name(s, away, sizeof away);
    if (s->handover.renamed && !s->handover.ended_itself &&
        s->ts->ops->domain.rename(s->ts, s->vm.domid, away, s->vm.name, &rename_failure) < 0)
        progress_note(&s->progress, "%s keeps the name %s: %s", s->vm.name, away, rename_failure.text);
    else
        s->handover.renamed = false;
    send_feed(s, HANDOVER_DONE_OK);
}

/* May the guest be on its way to being suspended, with nobody waiting for it? */
static uint64_t settle_grace(const struct send *s)
{
    if (s->handover.outcome == SUSPEND_DONE || strcmp(s->handover.last_phase, "setup") == 0 ||
        strcmp(s->handover.last_phase, "precopy") == 0)
        return 0;
    return SETTLE_GRACE_US;
}

static void destroy_here(struct send *s)
{
    if (send_record(s, JOURNAL_MOVED) < 0)
        send_feed(s, HANDOVER_DONE_FAILED);
    else
        s->ts->ops->domain.destroy(s->ts, s->vm.domid, on_destroyed, s);
}

/* Frames can be written again once it said RECEIVED; before that, what is written is the stream's. */
static void hang_up_stream(struct send *s)
{
    if (s->link.takes_words && s->ledger.kept_there)
        return;
    peer_hang_up(s->link.peer); /* it sees the end of its input and cleans up */
    if (s->link.channels)
        send_channels_hang_up(s->link.channels);
}

/*
 * A record that cannot be written allows nothing, but for a destination that
 * cannot be READY, or that has said itself that it never will start the VM.
 */
static void resume_here(struct send *s)
{
    hang_up_stream(s);
    s->handover.unrecorded = send_record(s, JOURNAL_ABORTED) < 0 && s->ledger.kept_there && send_may_be_ready(s) &&
    !s->handover.said.aborted;
    if (s->handover.unrecorded)
        send_feed(s, HANDOVER_UNRECORDED);
    else
        settle_guest(s->ts, s->base, s->vm.domid, settle_grace(s), on_settled, s);
}

static void act(struct send *s, enum handover_action action)
{
    switch (action) {
    case HANDOVER_DO_NOTHING:
        return;
    case HANDOVER_DO_ABORT_COPY:
        s->ts->ops->suspend.abort(s->ts);
        return;
    case HANDOVER_DO_RENAME_AWAY:
        rename_away(s);
        return;
    case HANDOVER_DO_SEND_GO:
        send_go(s);
        return;
    case HANDOVER_DO_TAKE_BACK:
        take_back(s);
        return;
    case HANDOVER_DO_DESTROY:
        destroy_here(s);
        return;
    case HANDOVER_DO_RESUME:
        resume_here(s);
        return;
    case HANDOVER_DO_TELL:
        send_tell(s);
        return;
    case HANDOVER_DO_TELL_ANEW:
        send_tell_anew(s);
        return;
    case HANDOVER_DO_FINISH:
        s->over = true;
        return;
    }
}

static void await_for_state(struct send *s)
{
    switch (s->handover.state) {
    case HANDOVER_AWAIT_READY:
        send_await(s, "its word that everything has arrived", s->request->ready_timeout_us);
        return;
    case HANDOVER_AWAIT_REPORT:
        send_await(s, "its report whether the VM runs there", s->request->go_timeout_us);
        return;
    case HANDOVER_AWAIT_ABORTED:
    case HANDOVER_TAKING_BACK:
    case HANDOVER_TAKING_BACK_ANEW:
        send_await(s, "its word that its copy is gone", s->request->go_timeout_us);
        return;
    case HANDOVER_CONFIRMING:
    case HANDOVER_CONFIRMING_ANEW:
    case HANDOVER_WITHDRAWING:
    case HANDOVER_WITHDRAWING_ANEW:
        send_await(s, "its word that it has taken note", s->request->go_timeout_us);
        return;
    default:
        send_await(s, NULL, 0);
    }
}

void send_feed(struct send *s, enum handover_event event)
{
    struct handover_step step = handover_step(s->handover.state, event);

    if (step.next == s->handover.state && step.action == HANDOVER_DO_NOTHING)
        return;
    s->handover.state = step.next;
    await_for_state(s);
    act(s, step.action);
}

/* ---- the other side ---- */

/* The other side is ready for the guest.  An engine that cannot be told so did not wait for it, or is at its end. */
static void release(struct send *s)
{
    struct failure failure = { 0 };

    s->ts->ops->suspend.tell(s->ts, (struct helper_command){ .kind = HELPER_RELEASE }, &failure);
}

static void on_started(struct send *s)
{
    bool undone = s->handover.state == HANDOVER_WITHDRAWING || s->handover.state == HANDOVER_WITHDRAWING_ANEW;

    if (undone) { /* it was not told to, and ours runs */
        s->handover.started_unasked = true;
        send_feed(s, HANDOVER_PEER_FAILED);
        return;
    }
    s->progress.running_again_us = now_us();
    send_feed(s, HANDOVER_STARTED);
}

static void on_handing_over(struct send *s, const struct peer_event *event)
{
    switch (event->kind) {
    case PEER_DEVICES:
        release(s);
        return;
    case PEER_GREETED:
        send_on_greeted_anew(s);
        return;
    case PEER_READY:
        s->handover.said.received = s->link.takes_words = true;
        send_feed(s, HANDOVER_READY);
        return;
    case PEER_STARTED:
        on_started(s);
        return;
    case PEER_NOT_STARTED:
        failure_set(&s->why, "it could not be started there: %s", event->text);
        send_feed(s, HANDOVER_NOT_STARTED);
        return;
    case PEER_RELEASED:
        s->handover.said.aborted = true;
        send_feed(s, HANDOVER_RELEASED);
        return;
    case PEER_CLOSED:
        s->handover.said.aborted |= s->handover.state == HANDOVER_TAKING_BACK ||
        s->handover.state == HANDOVER_TAKING_BACK_ANEW; /* GO never went out */
        s->handover.said.closed = true;
        send_feed(s, HANDOVER_CLOSED);
        return;
    case PEER_TROUBLE:
    case PEER_GONE:
        failure_set(&s->why, "%s: %s", s->destination, event->text);
        send_feed(s, HANDOVER_PEER_FAILED);
        return;
    case PEER_FAILED:
        /* It never had all of it, and keeps nothing. */
        if (!s->handover.said.received && !handover_is_anew(s->handover.state))
            s->handover.said.aborted = s->handover.said.closed = true;
        failure_set(&s->why, "%s: %s", s->destination, event->text);
        send_feed(s, HANDOVER_PEER_FAILED);
        return;
    case PEER_LOST:
        if (!handover_is_end(s->handover.state) && s->handover.state != HANDOVER_DESTROYING)
            failure_set(&s->why, "the connection to %s was lost: %s", s->destination, event->text);
        send_feed(s, HANDOVER_PEER_LOST);
        return;
    default:
        return;
    }
}

void send_on_peer_event(void *user, const struct peer_event *event)
{
    struct send *s = user;

    if (s->link.reconnecting)
        return; /* nothing that the connection says counts any more */
    if (event->kind == PEER_NOTE) {
        if (s->request->verbose)
            progress_note(&s->progress, "%s: %s", s->destination, event->text);
    } else if (s->handover.begun) {
        on_handing_over(s, event);
    } else {
        send_on_preparing(s, event);
    }
}

/*
 * Once the copy is complete, the receiver has what it needs or says itself what
 * it lacks; it lets the connections go in its own time.
 */
void send_on_channel_lost(struct send *s, const char *text)
{
    if (!s->handover.begun) {
        send_refuse(s, EXIT_REFUSED, "%s", text);
        return;
    }
    if (s->handover.state != HANDOVER_COPYING)
        return;
    failure_set(&s->why, "%s", text);
    send_feed(s, HANDOVER_PEER_LOST);
}

static void on_reconnect(evutil_socket_t fd, short what, void *user)
{
    struct send *s = user;

    (void)fd;
    (void)what;
    if (s->handover.begun) { /* to say how it ended, to a receiver that is not there any more, or does not hear */
        peer_close_soon(s->link.peer);
        s->link.peer = NULL;
        s->link.reconnecting = false;
        send_connect(s, false);
        return;
    }
    progress_note(&s->progress, "%s has no xlmig; trying its xl", s->destination);
    peer_close(s->link.peer);
    s->link.peer = NULL;
    send_connect(s, true);
}

/* ---- the end ---- */

static int set_up(struct send *s)
{
    s->deadline = evtimer_new(s->base, on_deadline, s);
    s->link.renew = evtimer_new(s->base, on_reconnect, s);
    if (!s->deadline || !s->link.renew)
        return -1;
    return loop_watch_signals(s->base, s->signals, on_signal, s);
}

static void tear_down(struct send *s)
{
    registry_close(s->registry);
    let_go(s);
    journal_release(s->ledger.journal);
    recover_ask_free(s->preparation.leftover_ask);
    journal_release(s->preparation.leftover);
    if (s->link.peer)
        peer_hang_up(s->link.peer); /* then its receiver lets the channels go */
    send_channels_close(s->link.channels);
    peer_close(s->link.peer);
    loop_unwatch_signals(s->signals);
    if (s->deadline)
        event_free(s->deadline);
    if (s->link.renew)
        event_free(s->link.renew);
    check_list_dispose(&s->preparation.found);
    free(s->preparation.config_json);
    free(s->preparation.sent_config_json);
    free(s->preparation.cpu_policy.bytes);
    free(s);
}

static void describe(struct send *s)
{
    const struct send_request *r = s->request;
    struct run *run = &s->progress.run;

    snprintf(run->vm, sizeof run->vm, "%s", r->vm);
    snprintf(run->to, sizeof run->to, "%s", s->destination);
    run->limits = (struct run_limits){
        .max_downtime_us = r->max_downtime_us, .max_bandwidth = r->max_bandwidth, .timeout_us = r->timeout_us,
        .force_at_timeout = r->force_at_timeout, .throttle = r->throttle,
    };
}

static void tell_of_cap(void *user, const char *text)
{
    progress_note(user, "%s", text);
}

int send_vm(struct toolstack *ts, struct event_base *base, const struct send_request *request)
{
    struct send *s = calloc(1, sizeof *s);
    int rc = EXIT_FAILED;

    if (!s)
        return EXIT_FAILED;
    s->request = request;
    s->base = base;
    s->ts = ts;
    snprintf(s->destination, sizeof s->destination, "%s", request->host);
    progress_init(&s->progress, request->style, stderr);
    if (set_up(s) == 0) {
        describe(s);
        if (!request->check_only) {
            send_register(s);
            cap_record_recover(ts, request->toolstack, tell_of_cap, &s->progress);
        }
        send_prepare(s);
        while (!s->over && event_base_loop(base, EVLOOP_ONCE) == 0)
            ;
        progress_break(&s->progress);
        if (s->handover.begun)
            send_end_journal(s);
        else
            send_drop_journal(s);
        rc = s->handover.begun ? send_tell_end(s) : request->check_only ? send_tell_checks(s) : s->exit_status;
        if (s->handover.begun && s->request->report_path)
            send_write_report(s);
    }
    tear_down(s);
    return rc;
}
