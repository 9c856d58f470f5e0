/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/saved/restore.h"

#include "xlmig/base/child.h"
#include "xlmig/base/input-file.h"
#include "xlmig/base/line-reader.h"
#include "xlmig/base/loop.h"
#include "xlmig/domain/preflight.h"
#include "xlmig/handover/journal.h"
#include "xlmig/saved/feed.h"
#include "xlmig/saved/head.h"
#include "xlmig/vm/release.h"
#include "xlmig/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)

struct restore {
    const struct restore_request *request;
    struct event_base *base;
    struct toolstack *ts;
    struct candidate vm;
    struct saved_vm saved;
    struct memory_promise promise;
    int lock_fd;                    /* the VM's */
    int to_child;
    struct child *child;
    struct feed *feed;
    struct failure why;      /* what came is not valid, or could not be read */
    struct line_reader *errors;
    struct helper_events *events;
    struct event *signals[LOOP_NR_SIGNALS];
    struct progress progress;
    char engine_error[512];
    bool paused;             /* it was saved so, or that is asked for */
    bool cancelled, over;
    int exit_status;
};

static void hang_up(struct restore *r)
{
    feed_free(r->feed);
    r->feed = NULL;
    if (r->to_child >= 0)
        close(r->to_child);
    r->to_child = -1;
}

static void on_feed_ended(void *user, enum feed_end end, const struct failure *why)
{
    struct restore *r = user;

    if (end == FEED_FAILED)
        r->why = *why;
    hang_up(r); /* the child says what it makes of that */
}

static void on_signal(evutil_socket_t signum, short what, void *user)
{
    struct restore *r = user;

    (void)signum;
    (void)what;
    if (r->to_child < 0) {
        progress_note(&r->progress, "too late to cancel");
        return;
    }
    r->cancelled = true;
    hang_up(r);
}

static void on_line(void *user, const char *line)
{
    struct restore *r = user;

    if (r->request->verbose)
        progress_note(&r->progress, "%s", line);
}

static void on_event(void *user, const struct helper_event *event)
{
    struct restore *r = user;

    if (event->kind == HELPER_END && !event->ok)
        memcpy(r->engine_error, event->text, sizeof r->engine_error);
    progress_event(&r->progress, event);
}

static void on_child_ended(void *user, int status)
{
    struct restore *r = user;
    char headline[512], text[64], word[SHELL_WORD_SIZE];
    const char *why;

    line_reader_drain(r->errors);
    helper_events_close(r->events);
    r->events = NULL;
    loop_end(r->base, &r->over);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        snprintf(headline, sizeof headline, "%s %s", r->vm.name, r->paused ? "is restored, paused" : "runs");
        progress_report(&r->progress, headline);
        r->exit_status = EXIT_OK;
        return;
    }
    progress_break(&r->progress);
    why = r->why.text[0] ? r->why.text : r->engine_error[0] ? r->engine_error : line_reader_tail(r->errors);
    progress_failed(&r->progress, r->cancelled ? "cancelled" : "undone", why);
    fprintf(stderr, "xlmig: %s not restored: %s: %s.\n%s; look with: xl list %s\n", r->vm.name,
            r->cancelled ? "cancelled" : child_status_text(status, text, sizeof text),
            why, lseek(r->saved.fd, 0, SEEK_CUR) < 0 ? "What was read is gone" : "The file is as it was",
            shell_word(r->vm.name, word, sizeof word));
    r->exit_status = r->cancelled ? EXIT_CANCELLED : EXIT_FAILED;
}

static int start(struct restore *r, struct failure *failure)
{
    int in[2], err[2] = { -1, -1 }, events_fd = -1;
    struct toolstack_restorer how = { .paused = r->paused };
    pid_t pid;
    int rc;

    if (pipe2(in, O_CLOEXEC) < 0)
        return failure_set(failure, "cannot make a pipe: %s", strerror(errno));
    r->to_child = in[1];
    fcntl(in[1], F_SETPIPE_SZ, PIPE_BYTES);
    /* Before there is anybody to feed: what came already may not be valid. */
    r->feed = feed_start(r->base, input_name(r->request->path), r->saved.first, r->saved.first_len, r->saved.fd, in[1],
                         on_feed_ended, r, failure);
    if (!r->feed) {
        close(in[0]);
        return -1;
    }
    r->events = helper_events_open(r->base, &events_fd, on_event, r);
    rc = pipe2(err, O_CLOEXEC);
    if (rc == 0) {
        how.input_fd = in[0];
        how.error_fd = err[1];
        how.events_fd = events_fd;
        rc = r->ts->ops->child.restore(r->ts, &how, &pid, failure);
        r->errors = line_reader_open(r->base, err[0], on_line, r);
        close(err[1]);
    }
    close(in[0]);
    if (events_fd >= 0)
        close(events_fd);
    if (rc == 0)
        r->child = child_watch(r->base, pid, on_child_ended, r);
    return rc == 0 && r->child && r->errors ? 0 : failure_set(failure, "cannot start the restore");
}

/* Whether it can be made here.  What xl will look for itself, disks and networks, is told and stops nothing. */
static void look_around(struct restore *r, struct failure *failure)
{
    char text[2 * CHECK_TEXT_MAX];
    const struct preflight how = { .ts = r->ts, .toolstack = r->request->toolstack, .promise = &r->promise };
    struct candidate_answer answer;

    r->vm.ignore_devices = true;
    preflight_check(&how, &r->vm, &answer);
    check_refusals(&answer.found, text, sizeof text);
    if (check_refuses(&answer.found))
        failure_set(failure, "%s", text);
    for (unsigned i = 0; i < answer.found.nr && !failure->text[0]; i++)
        if (answer.found.checks[i].result == CHECK_WARNING)
            progress_note(&r->progress, "%s: %s", answer.found.checks[i].subject, answer.found.checks[i].text);
    candidate_answer_dispose(&answer);
}

/* It may come all the same: a PV guest does, and another may. */
static void tell_newer_release(struct restore *r)
{
    struct failure failure = { 0 };
    struct vm_host host;

    if (r->ts->ops->ask.host(r->ts, &host, &failure) == 0 && release_is_older(host.hypervisor, r->saved.release))
        progress_note(&r->progress, "release: it was saved on %s, and this host runs %s: Xen does not promise that a guest "
                      "goes back%s", r->saved.release, host.hypervisor,
                      r->vm.type == VM_TYPE_PV ? "" : ", and for PVH and HVM guests it mostly fails");
}

/* What there is to see of it: its name, and how much there is to read where that is known. */
static void describe(struct restore *r)
{
    struct move *move = &r->progress.move;
    struct stat st;

    if (r->vm.name[0])
        snprintf(move->vm, sizeof move->vm, "%s", r->vm.name);
    if (fstat(r->saved.fd, &st) == 0 && S_ISREG(st.st_mode))
        move->all_bytes = (uint64_t)st.st_size;
}

/* 0, or -1 after it has said why not. */
static int prepare(struct restore *r)
{
    struct failure failure = { 0 };

    if (saved_vm_open(r->request->path, &r->saved, &r->vm, &failure) == 0)
        look_around(r, &failure);
    describe(r);
    r->paused = r->progress.move.stays_paused = r->request->paused || r->saved.paused;
    if (!failure.text[0])
        tell_newer_release(r);
    if (!failure.text[0])
        r->lock_fd = journal_hold_vm(r->request->toolstack, r->vm.uuid, r->vm.name, &failure);
    if (!failure.text[0])
        start(r, &failure);
    if (!failure.text[0])
        return 0;
    progress_failed(&r->progress, "refused", failure.text);
    fprintf(stderr, "xlmig: %s not restored: %s%s\n", r->vm.name[0] ? r->vm.name : input_name(r->request->path),
            failure.text, text_stop(failure.text));
    return -1;
}

int restore_vm(struct toolstack *ts, struct event_base *base, const struct restore_request *request)
{
    struct restore *r = calloc(1, sizeof *r);
    int rc;

    if (!r)
        return EXIT_FAILED;
    *r = (struct restore){ .request = request, .base = base, .ts = ts, .saved.fd = -1, .to_child = -1, .lock_fd = -1,
                           .exit_status = EXIT_REFUSED };
    progress_init(&r->progress, request->style, stderr);
    r->progress.move.way = MOVE_READ;
    snprintf(r->progress.move.vm, sizeof r->progress.move.vm, "%s", input_name(request->path));
    snprintf(r->progress.move.from, sizeof r->progress.move.from, "%s", input_name(request->path));
    if (prepare(r) == 0 && loop_watch_signals(base, r->signals, on_signal, r) == 0)
        loop_run(base, &r->over);
    hang_up(r);
    child_free(r->child, 0);
    helper_events_close(r->events);
    line_reader_close(r->errors);
    loop_unwatch_signals(r->signals);
    saved_vm_close(&r->saved);
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    memory_promise_end(&r->promise);
    candidate_dispose(&r->vm);
    rc = r->exit_status;
    free(r);
    return rc;
}
