/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/send/copy.h"

#include "stream-format/libxl-stream.h"
#include "xlmig/base/text.h"
#include "xlmig/base/write.h"
#include "xlmig/domain/standing.h"
#include "xlmig/domain/throttle.h"
#include "xlmig/domain/wake.h"
#include "xlmig/send/connect.h"

#include <string.h>

#define HEADER_TIMEOUT_S 30

static void slow_down(struct send *s, unsigned percent)
{
    struct failure failure = { 0 };

    if (s->handover.throttle && throttle_set(s->handover.throttle, percent, &failure) < 0)
        progress_note(&s->progress, "%s cannot be slowed down: %s", s->vm.name, failure.text);
}

void send_unthrottle(struct send *s)
{
    struct failure failure = { 0 };

    if (throttle_end(s->handover.throttle, &failure) < 0)
        progress_note(&s->progress, "%s did not get its scheduler cap back: %s. The next xlmig command tries again",
                      s->vm.name, failure.text);
    s->handover.throttle = NULL;
}

/* As soon as it is known to stand still, and before its state is read. */
static void note_where_it_stands(struct send *s)
{
    struct failure failure = { 0 };

    if (s->handover.standing.domain.stood_ns)
        return;
    if (standing_measure(s->ts, s->vm.domid, &s->handover.standing.domain.stood_ns, &failure) != 0)
        s->handover.standing.domain.stood_ns = 0; /* the handover will not go on without */
    else
        standing_write(s->ledger.token, &s->handover.standing, &failure); /* fence() tries again, and counts */
}

/* From the first moment that is known of. */
static void stand_still(struct send *s)
{
    if (s->link.channels)
        send_channels_hurry(s->link.channels);
    note_where_it_stands(s);
}

static bool stands_still(const char *phase)
{
    return strcmp(phase, "final") == 0 || strcmp(phase, "state") == 0;
}

static void on_helper_event(void *user, const struct helper_event *event)
{
    struct send *s = user;

    if (event->phase[0])
        memcpy(s->handover.last_phase, event->phase, sizeof s->handover.last_phase);
    if (s->handover.wake)
        wake_phase(s->handover.wake, event->phase);
    progress_event(&s->progress, event);
    if (stands_still(event->phase))
        stand_still(s);
    if (event->kind == HELPER_THROTTLE)
        slow_down(s, event->throttle);
}

static void conclude(struct send *s)
{
    const enum suspend_outcome outcome = s->handover.outcome;
    const char *text = s->handover.copy_failure.text;
    char lost[1000], word[SHELL_WORD_SIZE];

    if (outcome == SUSPEND_DONE) { /* it has its cap back, and stands still: the rest of it can wait */
        progress_copied(&s->progress);
        stand_still(s); /* a foreign helper reports nothing */
        send_post(s, HANDOVER_COPIED);
        return;
    }
    send_unthrottle(s);
    /* What the engine met is only that it could not write. */
    if (s->link.channels && send_channels_lost(s->link.channels, lost, sizeof lost))
        failure_set(&s->why, "%s", lost);
    if (outcome == SUSPEND_NOT_ANSWERED)
        failure_set(&s->why, "the guest did not answer the request to suspend; is its kernel alive and has it "
                             "Xen's drivers? Should it suspend later after all, to let it run on: xlmig resume %s",
                             shell_word(s->vm.name, word, sizeof word));
    else
        failure_set(&s->why, "%s", text[0] ? text : "the copy was stopped");
    send_post(s, HANDOVER_COPY_FAILED);
}

static void on_held_again(void *user, bool let_run, uint64_t ran_ns)
{
    struct send *s = user;

    s->progress.move.woken = let_run;
    s->progress.move.woken_us = ran_ns / 1000;
    conclude(s);
}

static void on_copied(void *user, enum suspend_outcome outcome, const struct failure *failure)
{
    struct send *s = user;
    struct wake *wake = s->handover.wake;

    s->handover.outcome = outcome;
    if (failure)
        s->handover.copy_failure = *failure;
    s->handover.wake = NULL;
    if (wake)
        wake_end(wake, on_held_again, s);
    else
        conclude(s);
}

static void on_wake_failed(void *user, const struct failure *failure)
{
    struct send *s = user;

    failure_set(&s->why, "%s", failure->text);
    s->ts->ops->suspend.abort(s->ts);
}

static int begin_wake(struct send *s)
{
    struct wake_order order = {
        .standing = &s->handover.standing, .limit_us = WAKE_LIMIT_US, .user = s, .failed = on_wake_failed,
    };

    memcpy(order.token, s->ledger.token, sizeof order.token);
    s->handover.wake = wake_begin(s->ts, s->base, &order);
    return s->handover.wake ? 0 : -1;
}

static int write_config(struct send *s)
{
    const char *config = s->preparation.sent_config_json ? s->preparation.sent_config_json : s->preparation.config_json;
    uint8_t preamble[STREAM_XL_PREAMBLE_LEN];
    size_t len = strlen(config) + 1, written;

    if (len > STREAM_XL_DATA_MAX - 4)
        return -1;
    stream_encode_xl_preamble(preamble, 0, (uint32_t)len);
    return write_bounded(send_data_fd(s), preamble, sizeof preamble, HEADER_TIMEOUT_S, &written) < 0 ||
                   write_bounded(send_data_fd(s), config, len, HEADER_TIMEOUT_S, &written) < 0
               ? -1 : 0;
}

void send_start(struct send *s)
{
    send_await_nothing(s);
    if (s->link.channels && !send_channels_settle(s->link.channels))
        return; /* told already */
    if (write_config(s) < 0)
        send_refuse(s, EXIT_FAILED, "the connection failed before the first byte of the VM");
    else
        send_post_preparation(s, PREPARATION_WRITTEN);
}

void send_copy(struct send *s)
{
    struct toolstack_suspend how = {
        .fd = send_data_fd(s), .live = !s->request->no_live && !s->handover.held, .user = s, .event = on_helper_event, .done = on_copied,
        .limits = {
            .max_rounds = s->request->max_rounds, .max_downtime_us = s->progress.move.limits.max_downtime_us,
            .max_bandwidth = s->progress.move.limits.max_bandwidth, .timeout_us = s->request->timeout_us,
            .force_at_timeout = s->request->force_at_timeout, .throttle = s->request->throttle,
            .hold = s->preparation.sent_config_json && !s->preparation.devices_ready,
            .stall_timeout_us = s->request->stall_timeout_us,
        },
    };

    send_fill_image(s, &how.image);
    if (s->request->throttle && !s->handover.held)
        s->handover.throttle = throttle_new(s->ts, s->request->toolstack, &s->vm);
    s->handover.state = HANDOVER_COPYING;
    s->handover.standing.domain.domid = s->vm.domid;
    if (s->handover.held && begin_wake(s) < 0) {
        failure_set(&s->why, "out of memory");
        send_post(s, HANDOVER_COPY_FAILED);
        return;
    }
    s->ts->ops->suspend.begin(s->ts, s->vm.domid, &how);
}

/* An engine that cannot be told so did not wait for it, or is at its end. */
void send_release_engine(struct send *s)
{
    struct failure failure = { 0 };

    s->ts->ops->suspend.tell(s->ts, (struct helper_command){ .kind = HELPER_RELEASE }, &failure);
}
