/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Operations of libxl that take time.
 *
 * libxl may call back before the function that starts an operation has
 * returned, our callers may not be called so early (toolstack.h).  So every
 * result takes a turn through the event loop: finish_later().
 */
#include "xlmig/toolstack/libxl/libxl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xen/hvm/params.h>
#include <xenstore.h>

#include "libxcsave/other-saver.h"

/* ---- operations that only succeed or fail ---- */

struct simple_op {
    struct libxl_toolstack *lx;
    const char *what; /* "cannot resume the VM" */
    int rc;
    toolstack_done *done;
    void *user;
};

static void simple_finish(evutil_socket_t fd, short what, void *user)
{
    struct simple_op *op = user;
    struct failure failure = { 0 };

    (void)fd;
    (void)what;
    if (op->rc != 0)
        libxl_failed(op->lx, op->rc, op->what, &failure);
    op->done(op->user, op->rc == 0 ? NULL : &failure);
    free(op);
}

static void finish_later(struct event_base *base, event_callback_fn finish, void *op)
{
    static const struct timeval at_once = { 0, 0 };

    if (event_base_once(base, -1, EV_TIMEOUT, finish, op, &at_once) < 0)
        abort(); /* out of memory for a few bytes; nothing can be told to anyone any more */
}

static void simple_ended(libxl_ctx *ctx, int rc, void *user)
{
    struct simple_op *op = user;

    (void)ctx;
    op->rc = rc;
    finish_later(op->lx->base, simple_finish, op);
}

static struct simple_op *simple_begin(struct toolstack *ts, const char *what, toolstack_done *done, void *user)
{
    struct simple_op *op = calloc(1, sizeof *op);

    if (!op)
        abort(); /* as in finish_later() */
    op->lx = to_libxl(ts);
    op->what = what;
    op->done = done;
    op->user = user;
    libxl_log_forget(&op->lx->log);
    return op;
}

static libxl_asyncop_how simple_how(struct simple_op *op)
{
    return (libxl_asyncop_how){ .callback = simple_ended, .u.for_callback = op };
}

/* A start that failed calls nobody back. */
static void simple_started(struct simple_op *op, int rc)
{
    if (rc != 0)
        simple_ended(op->lx->ctx, rc, op);
}

void libxl_op_resume(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    struct simple_op *op = simple_begin(ts, "cannot resume the VM", done, user);
    libxl_asyncop_how how = simple_how(op);

    simple_started(op, libxl_domain_resume(op->lx->ctx, domid, 1, &how));
}

void libxl_op_pause(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    struct simple_op *op = simple_begin(ts, "cannot pause the VM", done, user);
    libxl_asyncop_how how = simple_how(op);

    simple_started(op, libxl_domain_pause(op->lx->ctx, domid, &how));
}

void libxl_op_unpause(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    struct simple_op *op = simple_begin(ts, "cannot unpause the VM", done, user);
    libxl_asyncop_how how = simple_how(op);

    simple_started(op, libxl_domain_unpause(op->lx->ctx, domid, &how));
}

void libxl_op_destroy(struct toolstack *ts, uint32_t domid, toolstack_done *done, void *user)
{
    struct simple_op *op = simple_begin(ts, "cannot destroy the VM", done, user);
    libxl_asyncop_how how = simple_how(op);

    simple_started(op, libxl_domain_destroy(op->lx->ctx, domid, &how));
}

/* ---- configuration ---- */

struct config_op {
    struct libxl_toolstack *lx;
    libxl_domain_config config;
    int rc;
    toolstack_config_done *done;
    void *user;
};

static void config_finish(evutil_socket_t fd, short what, void *user)
{
    struct config_op *op = user;
    struct failure failure = { 0 };
    char *json = NULL;

    (void)fd;
    (void)what;
    if (op->rc == 0) {
        op->config.c_info.domid = 0; /* the next host chooses its own */
        json = libxl_domain_config_to_json(op->lx->ctx, &op->config);
    }
    if (!json)
        libxl_failed(op->lx, op->rc, "cannot read the VM's configuration", &failure);
    op->done(op->user, json, json ? NULL : &failure);
    free(json);
    libxl_domain_config_dispose(&op->config);
    free(op);
}

static void config_ended(libxl_ctx *ctx, int rc, void *user)
{
    struct config_op *op = user;

    (void)ctx;
    op->rc = rc;
    finish_later(op->lx->base, config_finish, op);
}

void libxl_op_config(struct toolstack *ts, uint32_t domid, toolstack_config_done *done, void *user)
{
    struct config_op *op = calloc(1, sizeof *op);
    libxl_asyncop_how how = { .callback = config_ended, .u.for_callback = op };
    int rc;

    if (!op)
        abort(); /* as in finish_later() */
    op->lx = to_libxl(ts);
    op->done = done;
    op->user = user;
    libxl_domain_config_init(&op->config);
    libxl_log_forget(&op->lx->log);
    rc = libxl_retrieve_domain_configuration(op->lx->ctx, domid, &op->config, &how);
    if (rc != 0)
        config_ended(op->lx->ctx, rc, op);
}

/* ---- suspend, with the engine's events ---- */

struct libxl_suspend {
    struct libxl_toolstack *lx;
    struct toolstack_suspend how;
    libxl_asyncop_how ao_how; /* names the operation to libxl_ao_abort() */
    struct helper_events *events;
    int events_fd;            /* the helper's end of the socket; -1: none */
    char helper_error[512];   /* of the engine, which knows best */
    char last_phase[16];      /* of the engine; "": it never told */
    int rc;
};

static void on_helper_event(void *user, const struct helper_event *event)
{
    struct libxl_suspend *op = user;

    if (event->phase[0])
        memcpy(op->last_phase, event->phase, sizeof op->last_phase);
    if (event->kind == HELPER_END && !event->ok)
        snprintf(op->helper_error, sizeof op->helper_error, "%s", event->text);
    if (op->how.event)
        op->how.event(op->how.user, event);
}

static void close_events(struct libxl_suspend *op)
{
    if (op->events_fd >= 0)
        close(op->events_fd);
    op->events_fd = -1;
    helper_export_events_fd(-1);
    helper_events_close(op->events);
    op->events = NULL;
}

static void open_events(struct libxl_suspend *op)
{
    op->events = helper_events_open(op->lx->base, &op->events_fd, on_helper_event, op);
    if (!op->events)
        return; /* no progress to be shown; nothing else is lost */
    helper_export_events_fd(op->events_fd);
}

/*
 * libxl reports every failure of the engine as a guest that did not answer,
 * unless the guest had acknowledged the request in xenstore.  The engine knows
 * whether it ever asked.
 */
static bool guest_was_asked(const struct libxl_suspend *op)
{
    return op->last_phase[0] == '\0' || strcmp(op->last_phase, "suspend") == 0;
}

static enum suspend_outcome outcome_of(const struct libxl_suspend *op)
{
    switch (op->rc) {
    case 0:
        return SUSPEND_DONE;
    case ERROR_ABORTED:
        return SUSPEND_ABORTED;
    case ERROR_GUEST_TIMEDOUT:
        return guest_was_asked(op) ? SUSPEND_NOT_ANSWERED : SUSPEND_FAILED;
    default:
        return SUSPEND_FAILED;
    }
}

static void suspend_finish(evutil_socket_t fd, short what, void *user)
{
    struct libxl_suspend *op = user;
    struct failure failure = { 0 };

    (void)fd;
    (void)what;
    close_events(op);
    helper_unexport_image(&op->how.image);
    op->lx->suspend = NULL;
    if (op->rc != 0 && op->helper_error[0])
        failure_set(&failure, "%s", op->helper_error);
    else if (op->rc != 0)
        libxl_failed(op->lx, op->rc, "libxl could not write the VM's state", &failure);
    op->how.done(op->how.user, outcome_of(op), op->rc == 0 ? NULL : &failure);
    free(op);
}

static void suspend_ended(libxl_ctx *ctx, int rc, void *user)
{
    struct libxl_suspend *op = user;

    (void)ctx;
    op->rc = rc;
    finish_later(op->lx->base, suspend_finish, op);
}

void libxl_op_suspend(struct toolstack *ts, uint32_t domid, const struct toolstack_suspend *how)
{
    struct libxl_suspend *op = calloc(1, sizeof *op);
    int rc;

    if (!op)
        abort(); /* as in finish_later() */
    op->lx = to_libxl(ts);
    op->how = *how;
    op->events_fd = -1;
    op->ao_how = (libxl_asyncop_how){ .callback = suspend_ended, .u.for_callback = op };
    op->lx->suspend = op;
    open_events(op);
    helper_export_limits(&how->limits); /* the helper finds them in its environment: libxl hands on nothing else */
    helper_export_image(&how->image);
    libxl_log_forget(&op->lx->log);
    rc = libxl_domain_suspend(op->lx->ctx, domid, how->fd, how->live ? LIBXL_SUSPEND_LIVE : 0, &op->ao_how);
    if (rc != 0)
        suspend_ended(op->lx->ctx, rc, op);
}

void libxl_op_suspend_abort(struct toolstack *ts)
{
    struct libxl_toolstack *lx = to_libxl(ts);

    if (lx->suspend)
        libxl_ao_abort(lx->ctx, &lx->suspend->ao_how); /* not found or asked before: its end is on the way already */
}

int libxl_op_suspend_tell(struct toolstack *ts, struct helper_command command, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);

    if (!lx->suspend || !lx->suspend->events)
        return failure_set(failure, "nothing is being copied");
    return helper_events_send(lx->suspend->events, command, failure);
}

/* ---- a request that nobody waits for any more ---- */

#define TRANSACTIONS_MAX 16

/*
 * A guest acknowledges by taking the word away, so a word that is there was not read, or was forgotten;
 * `instead` takes its place.  0: done; 1: there is none; 2: try again; -1: see errno.
 */
static int replace_request(struct xs_handle *xs, const char *path, const char *instead)
{
    xs_transaction_t transaction = xs_transaction_start(xs);
    bool open = false, failed = false;
    unsigned len;
    char *word;

    if (transaction == XBT_NULL)
        return -1;
    word = xs_read(xs, transaction, path, &len);
    if (word)
        open = strcmp(word, "suspend") == 0;
    else
        failed = errno != ENOENT;
    if (open)
        failed = !xs_write(xs, transaction, path, instead, (unsigned)strlen(instead));
    free(word);
    if (xs_transaction_end(xs, transaction, failed || !open))
        return failed ? -1 : open ? 0 : 1;
    return errno == EAGAIN ? 2 : -1;
}

/* As replace_request(), and never 2. */
static int request_becomes(uint32_t domid, const char *instead)
{
    struct xs_handle *xs = xs_open(0);
    char path[64];
    int rc = xs ? 2 : -1;

    snprintf(path, sizeof path, "/local/domain/%u/control/shutdown", domid);
    for (unsigned i = 0; rc == 2 && i < TRANSACTIONS_MAX; i++)
        rc = replace_request(xs, path, instead);
    if (xs)
        xs_close(xs);
    return rc == 2 ? -1 : rc;
}

/* As libxl does it when its patience ends.  Where the guest is asked by its event channel, there is nothing to take back. */
int libxl_op_suspend_withdraw(struct toolstack *ts, uint32_t domid, struct failure *failure)
{
    (void)ts;
    return request_becomes(domid, "") < 0
               ? failure_set(failure, "cannot withdraw the request to suspend: xenstore: %s", strerror(errno)) : 0;
}

int libxl_op_remind(struct toolstack *ts, uint32_t domid)
{
    int rc = request_becomes(domid, "suspend");

    (void)ts;
    return rc < 0 ? -1 : rc == 0;
}

/* As libxl tells them apart when it suspends one. */
int libxl_op_needs_guest(struct toolstack *ts, const struct vm *vm)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    uint64_t drivers = 0, sleeps = 0;
    xc_interface *xch;
    int r;

    if (vm->type != VM_TYPE_HVM)
        return 1;
    xch = xc_interface_open(&lx->log.logger, NULL, 0);
    if (!xch)
        return -1;
    r = xc_hvm_param_get(xch, vm->domid, HVM_PARAM_CALLBACK_IRQ, &drivers) < 0 ||
                xc_hvm_param_get(xch, vm->domid, HVM_PARAM_ACPI_S_STATE, &sleeps) < 0 ? -1 : 0;
    xc_interface_close(xch);
    return r < 0 ? -1 : drivers && !sleeps;
}

int libxl_op_has_saver(struct toolstack *ts, uint32_t domid)
{
    struct other_saver other;

    (void)ts;
    return other_saver_find("/proc", domid, &other);
}

/*
 * A log that another save or migration works on is his to end: pages that are
 * dirty would be lost for him.  A device model's own log goes on until its
 * next one ends: libxl has no call for that, and it costs little.
 */
void libxl_op_tracking_end(struct toolstack *ts, uint32_t domid)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    struct other_saver other;
    xc_interface *xch;

    if (other_saver_find("/proc", domid, &other))
        return;
    xch = xc_interface_open(&lx->log.logger, NULL, 0);
    if (!xch)
        return;
    (void)xc_shadow_control(xch, domid, XEN_DOMCTL_SHADOW_OP_OFF, NULL, 0); /* fails where there is none */
    xc_interface_close(xch);
}
