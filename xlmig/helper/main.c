/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * xlmig-save-helper: the engine in the place of libxl's own save helper.
 *
 *   --save-domain IO_FD RECV_FD DOMID XCFLAGS CBFLAGS STREAM_TYPE
 *   --restore-domain IO_FD SEND_BACK_FD DOMID STORE_EVTCHN STORE_DOMID
 *                    CONSOLE_EVTCHN CONSOLE_DOMID CBFLAGS STREAM_TYPE
 *
 * libxl starts it where LIBXL_SAVE_HELPER names it, whatever program libxl
 * serves.  SIGTERM is libxl's way to cancel, and the death of the process that
 * called libxl comes as SIGTERM too: the engine then undoes and reports failure.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libxcsave/sim/guest.h"
#include "libxcsave/xcsave.h"
#include "xlmig/helper/listener.h"
#include "xlmig/helper/image.h"
#include "xlmig/helper/libxl-protocol.h"
#include "xlmig/helper/report.h"
#include "xlmig/helper/sandbox.h"

#define XCFLAG_LIVE 1u
#define XCFLAG_DEBUG 2u
#define STREAM_TYPE_PLAIN 0u

static volatile sig_atomic_t cancel_requested;

struct helper {
    uint32_t domid;
    unsigned cbflags;
    unsigned rounds_reported;
};

/* ---- callbacks of the engine ------------------------------------------ */

static int on_suspend(void *user)
{
    int answer;

    (void)user;
    return helper_suspend(&answer) || !answer ? -1 : 0;
}

static int on_emulator_logdirty(void *user, bool enable)
{
    const struct helper *helper = user;
    int answer;

    return helper_switch_qemu_logdirty(helper->domid, enable, &answer) || answer ? -1 : 0;
}

static int on_static_data_done(void *user, unsigned missing)
{
    int answer;

    (void)user;
    return helper_static_data_done(missing, &answer) || answer ? -1 : 0;
}

static int on_ready(void *user, struct xcsave_error *error)
{
    (void)user;
    return helper_confine(error);
}

static void on_progress(void *user, const struct xcsave_progress *progress)
{
    char text[64];

    (void)user;
    helper_report_progress(progress);
    if (!progress->round_pages_total)
        return;
    snprintf(text, sizeof(text), "Frames iteration %u", progress->round);
    helper_progress(text, progress->round_pages_done, progress->round_pages_total);
}

static void on_round_done(void *user, const struct xcsave_round *round, bool guest_stopped)
{
    struct helper *helper = user;

    helper_report_round(++helper->rounds_reported, round, guest_stopped);
}

static void on_decided(void *user, const struct xcsave_verdict *verdict, const struct xcsave_prediction *prediction)
{
    (void)user;
    helper_report_decision(verdict, prediction);
}

/* It is the command that asks the scheduler; a toolstack that listens to no events is not asked to. */
static int on_throttle(void *user, unsigned percent)
{
    (void)user;
    helper_report_throttle(percent);
    return helper_report_fd() < 0 ? -1 : 0;
}

static void on_note(void *user, const char *text)
{
    (void)user;
    helper_log(XTL_WARN, text);
    helper_report_note(text);
}

/* ---- arguments -------------------------------------------------------- */

static int parse_numbers(char **args, unsigned n, long *numbers)
{
    for (unsigned i = 0; i < n; i++) {
        char *end;

        if (!args[i])
            return -1;
        errno = 0;
        numbers[i] = strtol(args[i], &end, 10);
        if (errno || end == args[i] || *end)
            return -1;
    }
    return args[n] ? -1 : 0;
}

/* A guest of Xen, unless a simulated host is named. */
static struct xcsave_guest *open_guest(uint32_t domid, const struct xcsave_restore_wiring *wiring,
                                       struct xcsave_error *error)
{
    const char *sim_host = getenv(XCSAVE_SIM_HOST_ENV);

    if (sim_host)
        return xcsave_guest_open_sim(sim_host, domid, error);
    return wiring ? xcsave_guest_open_xen_restore(domid, wiring, error) : xcsave_guest_open_xen(domid, error);
}

/* ---- save and restore ------------------------------------------------- */

static int finish(int rc, const struct xcsave_error *error)
{
    if (rc)
        helper_log(XTL_ERROR, error->text);
    return helper_complete(rc, rc ? (error->errnum ? error->errnum : EIO) : 0) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int refuse_checkpoints(long stream_type, struct xcsave_error *error)
{
    if (stream_type == STREAM_TYPE_PLAIN)
        return 0;
    *error = (struct xcsave_error){
        .errnum = ENOTSUP,
        .text = "Remus and COLO streams are not served; unset " HELPER_PROGRAM_ENV " to use Xen's own helper",
    };
    return -1;
}

/* Whoever holds the stop releases it by a message: held first, then listened to. */
static struct helper_listener *start_listening(struct xcsave_knobs *knobs, bool hold)
{
    if (hold && helper_report_fd() >= 0)
        xcsave_knobs_hold(knobs);
    return helper_listener_start(helper_report_fd(), knobs);
}

static int save_domain(const long *args, const struct helper_limits *limits)
{
    struct helper helper = { .domid = (uint32_t)args[2], .cbflags = (unsigned)args[4] };
    struct xcsave_knobs *knobs = xcsave_knobs_new(limits->max_bandwidth, limits->max_downtime_us);
    struct helper_listener *listener = knobs ? start_listening(knobs, limits->hold) : NULL;
    const struct xcsave_callbacks callbacks = {
        .user = &helper,
        .suspend = on_suspend,
        .emulator_logdirty = helper_callback_present(helper.cbflags, HELPER_SWITCH_QEMU_LOGDIRTY)
                                 ? on_emulator_logdirty : NULL,
        .progress = on_progress,
        .ready = on_ready,
        .round_done = on_round_done,
        .decided = on_decided,
        .throttle = on_throttle,
        .note = on_note,
    };
    struct xcsave_save_options options = {
        .fd = (int)args[0],
        .live = args[3] & XCFLAG_LIVE,
        .verify = args[3] & XCFLAG_DEBUG,
        .limits = {
            .max_rounds = limits->max_rounds,
            .max_downtime_us = limits->max_downtime_us,
            .timeout_us = limits->timeout_us,
            .force_at_timeout = limits->force_at_timeout,
            .throttle = limits->throttle,
        },
        .knobs = knobs,
        .io_timeout_s = (unsigned)(limits->stall_timeout_us / 1000000),
        .cancel = &cancel_requested,
        .callbacks = &callbacks,
    };
    struct xcsave_report report = { 0 };
    struct xcsave_error error = { 0 };
    struct xcsave_guest *guest = NULL;
    int rc = refuse_checkpoints(args[5], &error) || helper_image_from_environment(&options.image, &error) ? -1 : 0;

    helper_report_start("save", helper.domid);
    if (!rc && !listener) {
        error = (struct xcsave_error){ .errnum = ENOMEM, .text = "out of memory" };
        rc = -1;
    }
    if (!rc)
        guest = open_guest(helper.domid, NULL, &error);
    rc = guest ? xcsave_save(guest, &options, &report, &error) : -1;
    helper_report_end(!rc, &report, &error);
    xcsave_guest_close(guest);
    helper_listener_stop(listener);
    xcsave_knobs_free(knobs);
    return finish(rc, &error);
}

static void log_extents(const struct xcsave_extents *e)
{
    char text[160];

    snprintf(text, sizeof text,
             "memory in %llu of %llu extents of 1 GiB, %llu of 2 MiB, %llu of 4 KiB; %llu pages given back",
             (unsigned long long)e->nr_1g, (unsigned long long)e->named_1g, (unsigned long long)e->nr_2m,
             (unsigned long long)e->nr_4k, (unsigned long long)e->returned);
    helper_log(XTL_DETAIL, text);
}

static int restore_domain(const long *args, const struct helper_limits *limits)
{
    struct helper helper = { .domid = (uint32_t)args[2], .cbflags = (unsigned)args[7] };
    const struct xcsave_restore_wiring wiring = {
        .store_evtchn = (uint32_t)args[3],
        .store_domid = (uint32_t)args[4],
        .console_evtchn = (uint32_t)args[5],
        .console_domid = (uint32_t)args[6],
    };
    const struct xcsave_callbacks callbacks = {
        .user = &helper,
        .static_data_done = helper_callback_present(helper.cbflags, HELPER_STATIC_DATA_DONE)
                                ? on_static_data_done : NULL,
        .progress = on_progress,
        .note = on_note,
    };
    struct xcsave_restore_options options = {
        .fd = (int)args[0],
        .io_timeout_s = (unsigned)(limits->stall_timeout_us / 1000000),
        .cancel = &cancel_requested,
        .callbacks = &callbacks,
    };
    struct xcsave_restore_result result = { 0 };
    struct xcsave_report report = { 0 };
    struct xcsave_error error = { 0 };
    struct xcsave_guest *guest = NULL;
    int rc = refuse_checkpoints(args[8], &error) || helper_image_from_environment(&options.image, &error) ? -1 : 0;

    helper_report_start("restore", helper.domid);
    if (!rc)
        guest = open_guest(helper.domid, &wiring, &error);
    rc = guest && !helper_confine(&error) ? xcsave_restore(guest, &options, &result, &report, &error) : -1;
    log_extents(&report.extents);
    helper_report_end(!rc, &report, &error);
    xcsave_guest_close(guest);
    helper_restore_results(result.store_gfn, result.console_gfn);
    return finish(rc, &error);
}

/* ---- main ------------------------------------------------------------- */

static void on_sigterm(int number)
{
    (void)number;
    cancel_requested = 1;
}

static void setup_signals(void)
{
    struct sigaction action = { .sa_handler = on_sigterm };
    sigset_t unblock;

    sigemptyset(&unblock);
    sigaddset(&unblock, SIGTERM);
    sigaction(SIGTERM, &action, NULL);
    sigprocmask(SIG_UNBLOCK, &unblock, NULL);
    /* A keyboard's signals reach the whole foreground group; only who called libxl decides what they mean. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
}

int main(int argc, char **argv)
{
    struct helper_limits limits;
    long args[9];

    setup_signals();
    helper_report_open();
    helper_limits_from_environment(&limits);
    if (argc > 1 && !strcmp(argv[1], "--save-domain") && !parse_numbers(argv + 2, 6, args))
        return save_domain(args, &limits);
    if (argc > 1 && !strcmp(argv[1], "--restore-domain") && !parse_numbers(argv + 2, 9, args))
        return restore_domain(args, &limits);
    fputs("xlmig-save-helper is started by libxl (" HELPER_PROGRAM_ENV "), not by hand: see xlmig(8)\n", stderr);
    return 2;
}
