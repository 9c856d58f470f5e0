/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/saved/save.h"

#include "stream-format/libxl-stream.h"
#include "xlmig/domain/cap-record.h"
#include "xlmig/base/loop.h"
#include "xlmig/base/whole-file.h"
#include "xlmig/domain/settle.h"
#include "xlmig/domain/find.h"
#include "xlmig/domain/wake.h"
#include "xlmig/handover/journal.h"
#include "xlmig/base/write.h"
#include "xlmig/base/text.h"
#include "xlmig/vm/travel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Headers, vCPUs, device model: far less than this beside the memory. */
#define STATE_BYTES (64u << 20)
#define WRITE_TIMEOUT_S 30

struct save {
    const struct save_request *request;
    struct event_base *base;
    struct toolstack *ts;
    struct vm vm;
    int lock_fd;                    /* the VM's */
    struct whole_file file;
    struct event *signals[LOOP_NR_SIGNALS], *stop;
    struct progress progress;
    struct failure why;
    char last_phase[16];
    enum suspend_outcome outcome;
    bool held;                      /* its administrator had paused it */
    struct standing standing;
    struct wake *wake;              /* while such a one is to be suspended */
    struct failure copy_failure;    /* as the toolstack has it */
    bool copying, cancelled, over;
    int exit_status;
};

static void end(struct save *s, int exit_status)
{
    s->exit_status = exit_status;
    loop_end(s->base, &s->over);
}

static void refuse(struct save *s)
{
    progress_failed(&s->progress, s->cancelled ? "cancelled" : "refused", s->why.text);
    fprintf(stderr, "xlmig: %s not saved: %s%s\n", s->vm.name[0] ? s->vm.name : s->request->vm,
            s->why.text, text_stop(s->why.text));
    if (s->vm.name[0])
        fprintf(stderr, "%s was not touched; it is %s.\n", s->vm.name, vm_state_name(s->vm.state));
    end(s, s->cancelled ? EXIT_CANCELLED : EXIT_REFUSED);
}

/* From the start of its copy on the guest stands still, or is about to. */
static bool may_stop(void *user)
{
    return !((struct save *)user)->copying;
}

static void on_signal(evutil_socket_t signum, short what, void *user)
{
    struct save *s = user;

    (void)signum;
    (void)what;
    s->cancelled = true;
    if (s->copying && failure_set(&s->why, "cancelled") < 0)
        s->ts->ops->suspend.abort(s->ts);
}

/* ---- after a failure ---- */

static const char *what_became_of_it(const struct save *s, enum settle_end how)
{
    switch (how) {
    case SETTLE_PAUSED:
        return s->held ? "is paused as before" : "is paused, as somebody wants it";
    case SETTLE_ENDED:
        return "shut down or rebooted by itself meanwhile";
    case SETTLE_GONE:
        return "is gone: somebody destroyed it, or saved or migrated it away";
    default:
        return s->held ? "runs, as somebody unpaused it" : "runs on as before";
    }
}

static void on_settled(void *user, enum settle_end how, const struct failure *failure)
{
    struct save *s = user;
    char word[SHELL_WORD_SIZE];

    progress_break(&s->progress);
    progress_failed(&s->progress, how == SETTLE_FAILED ? "stuck" : "undone", s->why.text);
    fprintf(stderr, "xlmig: %s not saved: %s%s\n", s->vm.name, s->why.text, text_stop(s->why.text));
    if (how == SETTLE_FAILED) {
        fprintf(stderr, "It could not be resumed: %s. Try: xlmig resume %s\n", failure->text,
                shell_word(s->vm.name, word, sizeof word));
        end(s, EXIT_NEEDS_HAND);
        return;
    }
    fprintf(stderr, "%s %s; %s.\n", s->vm.name, what_became_of_it(s, how), whole_file_remains(&s->file));
    end(s, s->cancelled ? EXIT_CANCELLED : EXIT_FAILED);
}

static void undo(struct save *s)
{
    bool never_asked = strcmp(s->last_phase, "setup") == 0 || strcmp(s->last_phase, "precopy") == 0;

    whole_file_close(&s->file);
    settle_guest(s->ts, s->base, &s->standing, s->outcome == SUSPEND_DONE || never_asked ? 0 : SETTLE_GRACE_US,
                 on_settled, s);
}

/* ---- after success ---- */

static void report(struct save *s, const char *what)
{
    char headline[1024];

    snprintf(headline, sizeof headline, "%s is saved in %s%s", s->vm.name, whole_file_name(&s->file), what);
    progress_report(&s->progress, headline);
}

static void on_ended(void *user, const struct failure *failure)
{
    static const char *const commands[] = {
        [SAVE_THEN_DESTROY] = "xl destroy", [SAVE_THEN_RUN] = "xlmig resume", [SAVE_THEN_PAUSE] = "xlmig resume",
    };
    static const char *const whats[] = {
        [SAVE_THEN_DESTROY] = "", [SAVE_THEN_RUN] = "; it runs on", [SAVE_THEN_PAUSE] = "; it is paused",
    };
    struct save *s = user;
    const char *what = whats[s->request->then];
    char word[SHELL_WORD_SIZE];

    s->progress.running_again_us = s->request->then == SAVE_THEN_RUN ? now_us() : 0;
    if (failure) {
        report(s, "");
        fprintf(stderr, "xlmig: %s stays suspended: %s.\nType: %s %s\n", s->vm.name, failure->text,
                commands[s->request->then], shell_word(s->vm.name, word, sizeof word));
        end(s, EXIT_LEFTOVER);
        return;
    }
    if (s->held)
        what = s->request->then == SAVE_THEN_DESTROY ? "; it was paused, and `xlmig restore` brings it back so"
                                                     : "; it stays paused";
    report(s, what);
    end(s, EXIT_OK);
}

static void on_paused(void *user, const struct failure *failure)
{
    struct save *s = user;

    if (failure)
        on_ended(s, failure);
    else
        s->ts->ops->domain.resume(s->ts, s->vm.domid, on_ended, s);
}

static void conclude(struct save *s)
{
    switch (s->request->then) {
    case SAVE_THEN_DESTROY:
        s->ts->ops->domain.destroy(s->ts, s->vm.domid, on_ended, s);
        return;
    case SAVE_THEN_RUN:
        s->ts->ops->domain.resume(s->ts, s->vm.domid, on_ended, s);
        return;
    case SAVE_THEN_PAUSE:
        if (s->held) { /* once is enough: one `xl unpause' is to let it run */
            on_paused(s, NULL);
            return;
        }
        s->ts->ops->domain.pause(s->ts, s->vm.domid, on_paused, s);
        return;
    }
}

/* ---- the copy ---- */

static void on_event(void *user, const struct helper_event *event)
{
    struct save *s = user;

    if (event->phase[0])
        memcpy(s->last_phase, event->phase, sizeof s->last_phase);
    if (s->wake)
        wake_phase(s->wake, event->phase);
    progress_event(&s->progress, event);
}

static void copied(struct save *s)
{
    const enum suspend_outcome outcome = s->outcome;
    const char *text = s->copy_failure.text;

    if (outcome == SUSPEND_NOT_ANSWERED)
        failure_set(&s->why, "the guest did not answer the request to suspend; is its kernel alive and has it "
                             "Xen's drivers?");
    else if (outcome != SUSPEND_DONE)
        failure_set(&s->why, "%s", text[0] ? text : "the copy was stopped");
    progress_copied(&s->progress);
    if (outcome != SUSPEND_DONE || s->cancelled || whole_file_commit(&s->file, &s->why) < 0) {
        failure_set(&s->why, "cancelled");
        undo(s);
        return;
    }
    whole_file_close(&s->file);
    conclude(s);
}

static void on_held_again(void *user, bool let_run, uint64_t ran_ns)
{
    struct save *s = user;

    s->progress.move.woken = let_run;
    s->progress.move.woken_us = ran_ns / 1000;
    copied(s);
}

static void on_copied(void *user, enum suspend_outcome outcome, const struct failure *failure)
{
    struct save *s = user;
    struct wake *wake = s->wake;

    s->copying = false;
    s->outcome = outcome;
    if (failure)
        s->copy_failure = *failure;
    s->wake = NULL;
    if (wake)
        wake_end(wake, on_held_again, s);
    else
        copied(s);
}

static void on_wake_failed(void *user, const struct failure *failure)
{
    struct save *s = user;

    failure_set(&s->why, "%s", failure->text);
    s->ts->ops->suspend.abort(s->ts);
}

static int begin_wake(struct save *s)
{
    struct wake_order order = {
        .standing = &s->standing, .limit_us = WAKE_LIMIT_US, .user = s, .failed = on_wake_failed,
    };

    memcpy(order.token, s->vm.uuid, sizeof order.token);
    if (s->ts->ops->suspend.needs_guest(s->ts, &s->vm) != 0)
        progress_note(&s->progress, "%s is paused, and has to run for a moment to be suspended", s->vm.name);
    s->wake = wake_begin(s->ts, s->base, &order);
    return s->wake ? 0 : failure_set(&s->why, "out of memory");
}

/* A disk takes what time it needs; the reader of a pipe could leave this process no way to be stopped. */
static int put(const struct save *s, const void *bytes, size_t len)
{
    size_t written;

    if (S_ISREG(s->file.kind) || S_ISBLK(s->file.kind))
        return write_all(s->file.fd, bytes, len);
    return write_bounded(s->file.fd, bytes, len, WRITE_TIMEOUT_S, &written);
}

static int write_config(struct save *s, const char *json)
{
    uint8_t preamble[STREAM_XL_PREAMBLE_LEN];
    size_t len = strlen(json) + 1;

    if (len > STREAM_XL_DATA_MAX - 4)
        return failure_set(&s->why, "its configuration is too long");
    stream_encode_xl_preamble(preamble, s->held ? STREAM_XL_OPT_PAUSED : 0, (uint32_t)len);
    if (put(s, preamble, sizeof preamble) < 0 || put(s, json, len) < 0)
        return failure_set(&s->why, "%s: %s", whole_file_name(&s->file), strerror(errno));
    return 0;
}

/* A device that forgets what is written to it is no place for the only copy of a VM. */
static int open_file(struct save *s)
{
    const struct whole_file_request file = {
        .path = s->request->path, .overwrite = s->request->overwrite, .how = "--force",
        .need_bytes = s->vm.memory_bytes + STATE_BYTES,
    };

    if (whole_file_open(&s->file, &file, &s->why) < 0)
        return -1;
    if (S_ISCHR(s->file.kind) && s->request->then == SAVE_THEN_DESTROY && !s->request->overwrite)
        return failure_set(&s->why, "%s keeps nothing, and %s would be gone; to do it nevertheless: --force",
                           whole_file_name(&s->file), s->vm.name);
    return 0;
}

static int check_obstacles(struct save *s, const char *json)
{
    struct toolstack_obstacles obstacles;

    if (s->ts->ops->source.obstacles(s->ts, &s->vm, json, &obstacles, &s->why) < 0)
        return -1;
    return obstacles.any[0] ? failure_set(&s->why, "%s", obstacles.any) : 0;
}

/* It may be for a host where that is not wanted; who saves it knows. */
static void tell_what_stays(struct save *s, const char *json)
{
    struct check_list found = { 0 };

    travel_check(json, true, &found);
    for (unsigned i = 0; i < found.nr; i++)
        if (found.checks[i].result == CHECK_WARNING)
            progress_note(&s->progress, "%s: %s", found.checks[i].subject, found.checks[i].text);
    check_list_dispose(&found);
}

static void on_config(void *user, const char *json, const struct failure *failure)
{
    struct save *s = user;
    struct toolstack_suspend how = { .live = false, .user = s, .event = on_event, .done = on_copied };

    if (!json)
        failure_set(&s->why, "%s", failure->text);
    else if (s->cancelled)
        failure_set(&s->why, "cancelled");
    else if (check_obstacles(s, json) == 0 && open_file(s) == 0 && write_config(s, json) == 0 && s->held)
        begin_wake(s);
    if (s->why.text[0]) {
        whole_file_close(&s->file);
        refuse(s);
        return;
    }
    tell_what_stays(s, json);
    s->copying = true;
    how.fd = s->file.fd;
    s->ts->ops->suspend.begin(s->ts, s->vm.domid, &how);
}

static void tell_of_cap(void *user, const char *text)
{
    progress_note(user, "%s", text);
}

static void begin(struct save *s)
{
    cap_record_recover(s->ts, s->request->toolstack, tell_of_cap, &s->progress);
    if (vm_find_movable(s->ts, s->request->vm, &s->vm, &s->why) == 0)
        s->lock_fd = journal_hold_vm(s->request->toolstack, s->vm.uuid, s->vm.name, &s->why);
    s->held = s->progress.move.held = s->vm.state == VM_PAUSED;
    s->progress.move.stays_paused = s->held || s->request->then == SAVE_THEN_PAUSE;
    s->standing.domain.domid = s->vm.domid;
    if (s->lock_fd < 0)
        refuse(s);
    else
        s->ts->ops->ask.config(s->ts, s->vm.domid, on_config, s);
}

int save_vm(struct toolstack *ts, struct event_base *base, const struct save_request *request)
{
    struct save *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return EXIT_FAILED;
    *s = (struct save){ .request = request, .base = base, .ts = ts, .lock_fd = -1, .file.fd = -1,
                        .exit_status = EXIT_FAILED };
    progress_init(&s->progress, request->style, stderr);
    s->progress.move.way = MOVE_WRITTEN;
    snprintf(s->progress.move.vm, sizeof s->progress.move.vm, "%s", request->vm);
    snprintf(s->progress.move.to, sizeof s->progress.move.to, "%s", strcmp(request->path, "-") ? request->path : "standard output");
    s->stop = loop_watch_stop(base, may_stop, s);
    if (loop_watch_signals(base, s->signals, on_signal, s) == 0) {
        begin(s);
        loop_run(base, &s->over);
    }
    loop_unwatch_signals(s->signals);
    loop_unwatch_stop(s->stop);
    if (s->held && s->lock_fd >= 0 && !s->standing.woken)
        standing_remove(s->vm.uuid);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    rc = s->exit_status;
    free(s);
    return rc;
}
