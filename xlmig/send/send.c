/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The top of a move: everything runs in one event loop.
 *
 *   the loop, a peer, the engine, a signal        what happened
 *     -> send_post(), send_post_preparation()     into one queue (core.c)
 *     -> carry_out()                              out of it, one at a time: the table says the next state and the act
 *     -> a stage                                  acts; what came of it is posted, now or later from the loop
 *
 * The state is the next one before its act begins, and no event is looked at
 * while an act runs.
 */
#include "config.h"
#include "xlmig/send/send.h"

#include "xlmig/base/text.h"
#include "xlmig/domain/cap-record.h"
#include "xlmig/recover/ask.h"
#include "xlmig/send/checks.h"
#include "xlmig/send/connect.h"
#include "xlmig/send/console.h"
#include "xlmig/send/copy.h"
#include "xlmig/send/core.h"
#include "xlmig/send/hand-over.h"
#include "xlmig/send/leftover.h"
#include "xlmig/send/ledger.h"
#include "xlmig/send/outcome.h"
#include "xlmig/send/prepare.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is to be done ---- */

static void prepare(struct send *s, enum preparation_act act)
{
    switch (act) {
    case PREPARATION_DO_NOTHING:
        return;
    case PREPARATION_DO_FIND:
        send_find(s);
        return;
    case PREPARATION_DO_END_LEFTOVER:
        send_end_leftover(s);
        return;
    case PREPARATION_DO_SETTLE:
        send_settle_leftover(s);
        return;
    case PREPARATION_DO_TELL:
        send_tell_leftover(s);
        return;
    case PREPARATION_DO_ASK_HERE:
        send_ask_here(s);
        return;
    case PREPARATION_DO_CONNECT:
        send_connect(s, s->request->stock);
        return;
    case PREPARATION_DO_DROP_PEER:
        send_renew_link(s);
        return;
    case PREPARATION_DO_CONNECT_STOCK:
        progress_note(&s->progress, "%s has no xlmig; trying its xl", s->destination);
        send_connect(s, true);
        return;
    case PREPARATION_DO_ASK_THERE:
        send_ask_there(s);
        return;
    case PREPARATION_DO_RECORD:
        send_record_for_xl(s);
        return;
    case PREPARATION_DO_GATHER:
        send_gather(s);
        return;
    case PREPARATION_DO_BEGIN:
        send_begin(s);
        return;
    case PREPARATION_DO_START:
        if (peer_dialect(s->link.peer) == PEER_XLMIG)
            send_tell_way(s);
        send_start(s);
        return;
    case PREPARATION_DO_COPY:
        send_copy(s);
        return;
    case PREPARATION_DO_CANCEL:
        send_refuse(s, EXIT_CANCELLED, "cancelled");
        return;
    }
}

static void carry_out(struct send *s, struct send_event event)
{
    struct preparation_step step;

    if (event.table == SEND_EVENT_HANDOVER) {
        send_hand_over(s, (enum handover_event)event.kind);
        return;
    }
    step = preparation_step(s->preparation.state, (enum preparation_event)event.kind);
    s->preparation.state = step.next;
    prepare(s, step.act);
}

/* ---- what happens ---- */

static void on_peer_event(void *user, const struct peer_event *event)
{
    struct send *s = user;

    if (s->link.state == LINK_GOING)
        return;
    if (event->kind == PEER_NOTE) {
        if (s->request->verbose)
            progress_note(&s->progress, "%s: %s", s->destination, event->text);
    } else if (send_is_handing_over(s)) {
        send_on_handing_over(s, event);
    } else {
        send_on_preparing(s, event);
    }
}

static void on_channel_lost(void *user, const char *text)
{
    struct send *s = user;

    if (send_is_handing_over(s))
        send_on_channel_lost(s, text);
    else
        send_refuse(s, EXIT_REFUSED, "%s", text);
}

static void on_deadline(evutil_socket_t fd, short what, void *user)
{
    const struct send_awaited *awaited;
    struct send *s = user;
    char missing[400] = "", time[32];

    (void)fd;
    (void)what;
    awaited = &s->awaited;
    format_us(awaited->timeout_us, time, sizeof time);
    if (send_is_handing_over(s)) {
        failure_set(&s->why, "%s did not %s within %s (--%s)", s->destination, awaited->deed, time, awaited->option);
        send_post(s, HANDOVER_TIMEOUT);
        return;
    }
    if (s->link.channels && send_channels_go_on(s->link.channels))
        return;
    if (s->link.channels)
        send_channels_missing(s->link.channels, missing, sizeof missing);
    if (missing[0])
        send_refuse(s, EXIT_REFUSED, "%s did not come within %s (--%s)", missing, time, awaited->option);
    else
        send_refuse(s, EXIT_REFUSED, "%s did not %s within %s (--%s)", s->destination, awaited->deed, time,
                    awaited->option);
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct send *s = user;
    char text[320];

    (void)fd;
    (void)what;
    progress_tick(&s->progress, send_doing(s, text, sizeof text));
}

static void on_signal(evutil_socket_t signum, short what, void *user)
{
    struct send *s = user;

    (void)signum;
    (void)what;
    if (send_is_handing_over(s) && handover_is_anew(s->handover.state)) {
        progress_note(&s->progress, "not waiting for %s any more", s->destination);
        send_post(s, HANDOVER_TIMEOUT);
    } else if (s->cancelled)
        progress_note(&s->progress, "stopping already: %s", handover_state_name(s->handover.state));
    else if (send_is_past_cancel(s))
        progress_note(&s->progress, "too late to cancel: %s", handover_state_name(s->handover.state));
    else
        send_cancel(s);
}

/* Before it is asked to suspend, and once somebody runs it. */
static bool may_stop(void *user)
{
    struct send *s = user;
    const char *phase = s->handover.last_phase;

    if (!send_is_handing_over(s))
        return true;
    return s->handover.state == HANDOVER_COPYING && (strcmp(phase, "setup") == 0 || strcmp(phase, "precopy") == 0);
}

/* ---- from the beginning to the end ---- */

static int set_up(struct send *s)
{
    const struct timeval every = { .tv_usec = 1000000 / PROGRESS_TICKS_A_SECOND };

    s->queue.carry_out = carry_out;
    s->link.on_peer_event = on_peer_event;
    s->link.on_channel_lost = on_channel_lost;
    s->deadline = evtimer_new(s->base, on_deadline, s);
    s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
    if (!s->deadline || !s->tick || event_add(s->tick, &every) < 0 || send_link_init(s) < 0)
        return -1;
    s->stop = loop_watch_stop(s->base, may_stop, s);
    return loop_watch_signals(s->base, s->signals, on_signal, s);
}

static void tear_down(struct send *s)
{
    registry_close(s->registry);
    send_unthrottle(s);
    journal_release(s->ledger.journal);
    recover_ask_free(s->preparation.leftover_ask);
    journal_release(s->preparation.leftover);
    send_link_dispose(s);
    loop_unwatch_signals(s->signals);
    loop_unwatch_stop(s->stop);
    if (s->deadline)
        event_free(s->deadline);
    if (s->tick)
        event_free(s->tick);
    check_list_dispose(&s->preparation.found);
    free(s->preparation.config_json);
    free(s->preparation.sent_config_json);
    free(s->preparation.cpu_policy.bytes);
    free(s);
}

static void describe(struct send *s)
{
    const struct send_request *r = s->request;
    struct move *run = &s->progress.move;

    snprintf(run->vm, sizeof run->vm, "%s", r->vm);
    snprintf(run->to, sizeof run->to, "%s", s->destination);
    snprintf(run->options, sizeof run->options, "%s", r->options ? r->options : "");
    run->limits = (struct move_limits){
        .max_downtime_us = r->max_downtime_us, .max_bandwidth = r->max_bandwidth, .timeout_us = r->timeout_us,
        .force_at_timeout = r->force_at_timeout, .throttle = r->throttle,
    };
}

static void tell_of_cap(void *user, const char *text)
{
    progress_note(user, "%s", text);
}

/* Returns an exit status; all has been told. */
static int tell_what_came_of_it(struct send *s)
{
    int rc;

    if (s->request->check_only)
        progress_erase(&s->progress);
    progress_break(&s->progress);
    send_end_journal(s);
    if (!send_is_handing_over(s))
        return s->request->check_only ? send_tell_checks(s) : s->exit_status;
    rc = send_tell_end(s);
    if (s->request->report && send_write_report(s) < 0 && rc == EXIT_OK)
        rc = EXIT_UNREPORTED;
    return rc;
}

static int move(struct send *s)
{
    describe(s);
    if (!s->request->check_only) {
        send_register(s);
        cap_record_recover(s->ts, s->request->toolstack, tell_of_cap, &s->progress);
    }
    send_post_preparation(s, PREPARATION_START);
    loop_run(s->base, &s->over);
    return tell_what_came_of_it(s);
}

int send_vm(struct toolstack *ts, struct event_base *base, const struct send_request *request)
{
    struct send *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return EXIT_FAILED;
    s->request = request;
    s->base = base;
    s->ts = ts;
    snprintf(s->destination, sizeof s->destination, "%s", request->host);
    progress_init(&s->progress, request->style, stderr);
    rc = set_up(s) == 0 ? move(s) : EXIT_FAILED;
    tear_down(s);
    return rc;
}
