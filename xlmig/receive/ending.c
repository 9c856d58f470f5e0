/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The last steps of a restore:
 *
 *     receive_give_up()         the journal says ABORTED, and the child's input ends
 *       no device is being attached
 *     receive_on_child_over()   the child is gone.  Was all here, and is it still?  Then it is held (holding.c)
 *       remove_half_made()      should the child have left something of the VM
 *     tell_failure()            to the sender, or into the log
 */
#include "config.h"
#include "xlmig/receive/ending.h"

#include "xlmig/base/exit.h"
#include "xlmig/receive/holding.h"

#include <stdio.h>
#include <string.h>

/*
 * A device that is just being attached to a VM that goes would leave parts of
 * itself behind.  True: none is; false: `then` is called when none is any more.
 */
static bool devices_are_idle(struct receiver *r, void (*then)(struct receiver *r))
{
    r->devices.when_idle = then;
    return early_devices_stop(r->devices.early);
}

static void close_input(struct receiver *r)
{
    restore_child_close_input(&r->restore);
}

void receive_give_up(struct receiver *r)
{
    receive_record_aborted(r, r->own_error[0] ? r->own_error : "the copy failed, or was stopped");
    stream_head_close(r->head);
    r->head = NULL;
    restore_child_end_relay(&r->restore);
    if (devices_are_idle(r, r->restore.is_over ? receive_on_child_over : close_input))
        close_input(r);
    conversation_pause(r->conversation);
    receive_await(r, RECEIVE_ENDING, r->request->cleanup_timeout_us);
    if (!r->restore.process) {
        receive_forget_aborted(r);
        receive_finish(r, EXIT_FAILED);
    }
}

void receive_refuse(struct receiver *r, const char *text)
{
    fprintf(stderr, "xlmig receive: %s\n", text);
    if (receive_is_holding(r)) { /* nothing failed */
        receive_leave(r);
        return;
    }
    conversation_say(r->conversation, MESSAGE_FAILED, false, "%s", text);
    receive_give_up(r);
}

/* ---- what the sender is told ---- */

/* A channel that was lost explains what the engine met after it. */
static void why_child_failed(struct receiver *r, char *why, size_t size)
{
    why[0] = '\0';
    if (r->channels)
        receive_channels_lost(r->channels, why, size);
    if (!why[0])
        snprintf(why, size, "%s", restore_child_why(&r->restore));
}

/* Before GO. */
static void say_failed(struct receiver *r, const char *why, const char *leftover)
{
    const char *behind = leftover ? "; left behind, paused: " : "";
    char status[64];

    if (!leftover)
        leftover = "";
    if (r->own_error[0])
        conversation_say(r->conversation, MESSAGE_FAILED, false, "%s%s%s", r->own_error, behind, leftover);
    else
        conversation_say(r->conversation, MESSAGE_FAILED, false, "the restore %s: %s%s%s",
                         child_status_text(r->restore.status, status, sizeof status), why, behind, leftover);
}

/* The child failed, and nothing of the VM is left here but what `leftover` names. */
static void tell_failure(struct receiver *r, const char *leftover)
{
    char why[LINE_TAIL_BYTES + 1];

    why_child_failed(r, why, sizeof why);
    if (r->holding.journal && journal_in_doubt(r->holding.journal)) {
        /* What it says counts, should it be READY: for the source to ask. */
        fprintf(stderr, "xlmig receive: %s\n", r->own_error[0] ? r->own_error : why);
        receive_finish(r, leftover ? EXIT_LEFTOVER : EXIT_FAILED);
        return;
    }
    if (!leftover)
        receive_forget_aborted(r);
    if (r->request->negotiate && r->xl.start == XL_START_NOT_ASKED)
        say_failed(r, why, leftover);
    else if (r->request->negotiate && !leftover)
        conversation_say(r->conversation, MESSAGE_REPORT, false, "xl could not start it (status code %u): %s",
                         r->xl.code, why);
    /* GO received and not removed: silence, which leaves the sender in doubt, as it should be. */
    receive_finish(r, leftover ? EXIT_LEFTOVER : EXIT_FAILED);
}

/* ---- what xl left ---- */

static void on_destroyed(void *user, const struct failure *failure)
{
    struct receiver *r = user;
    char incoming[RECEIVE_INCOMING_SIZE];

    receive_incoming_name(r, incoming);
    if (failure)
        fprintf(stderr, "xlmig receive: %s is left behind: %s\n", incoming, failure->text);
    tell_failure(r, failure ? incoming : NULL);
}

/* 1: xl left something of the VM, which is *vm; 0: it did not; -1: that is not to be known now, see failure. */
static int find_half_made(struct receiver *r, struct vm *vm, struct failure *failure)
{
    char incoming[RECEIVE_INCOMING_SIZE];
    int rc;

    if (!r->request->negotiate)
        return 0; /* nobody said which VM it is */
    receive_incoming_name(r, incoming);
    rc = r->ts->ops->ask.find(r->ts, incoming, vm, failure);
    return rc < 0 ? -1 : rc == 0 && memcmp(vm->uuid, r->order.vm.uuid, sizeof vm->uuid) == 0;
}

/*
 * xl cleans up after itself; should it have been killed, its half-made VM is
 * removed here.  Where that cannot be done, the journal stays, for recover.
 */
static void remove_half_made(struct receiver *r)
{
    struct failure failure = { 0 };
    struct vm vm;
    int found = find_half_made(r, &vm, &failure);

    if (found == 1) {
        receive_await(r, RECEIVE_ENDING, 0);
        r->ts->ops->domain.destroy(r->ts, vm.domid, on_destroyed, r);
    } else if (r->xl.start == XL_START_TOLD) {
        fprintf(stderr, "xlmig receive: xl ended without a word on whether %s runs; look with: xl list\n",
                r->order.vm.name);
        receive_finish(r, EXIT_IN_DOUBT);
    } else if (found < 0) {
        on_destroyed(r, &failure);
    } else {
        tell_failure(r, NULL);
    }
}

void receive_on_child_over(struct receiver *r)
{
    if (!devices_are_idle(r, receive_on_child_over) || (r->state == RECEIVE_HOLDING && receive_hold(r)))
        return;
    receive_record_aborted(r, "the restore failed");
    stream_head_close(r->head);
    r->head = NULL;
    if (r->xl.start == XL_START_DONE)
        receive_finish(r, EXIT_OK);
    else
        remove_half_made(r);
}
