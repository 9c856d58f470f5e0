/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The libxl toolstack: open, close, and the table of its operations, which stand in the other files of this room. */
#include "xlmig/toolstack/libxl/libxl.h"

#include <stdlib.h>
#include <unistd.h>

static void close_libxl(struct toolstack *ts)
{
    struct libxl_toolstack *lx = to_libxl(ts);

    if (!ts)
        return;
    libxl_loop_detach(lx);
    libxl_ctx_free(lx->ctx);
    free(lx);
}

static const struct toolstack_ops ops = {
    .name = "libxl",
    .close = close_libxl,
    .ask = {
        .host = libxl_op_host,
        .list = libxl_op_list,
        .find = libxl_op_find,
        .find_domid = libxl_op_find_domid,
        .config = libxl_op_config,
    },
    .source = {
        .obstacles = libxl_op_obstacles,
        .cpu_policy = libxl_op_cpu_policy,
        .disk_sizes = libxl_op_disk_sizes,
        .start_files = libxl_op_start_files,
    },
    .destination = {
        .cpu_policy_fits = libxl_op_cpu_policy_fits,
        .memory_needed = libxl_op_memory_needed,
        .describe = libxl_op_describe,
        .devices_there = libxl_op_devices_there,
    },
    .early = {
        .split = libxl_op_early_devices,
        .attach = libxl_op_attach_early,
        .record = libxl_op_record_early,
        .discard = libxl_op_discard_early,
    },
    .suspend = {
        .begin = libxl_op_suspend,
        .abort = libxl_op_suspend_abort,
        .tell = libxl_op_suspend_tell,
        .withdraw = libxl_op_suspend_withdraw,
        .needs_guest = libxl_op_needs_guest,
        .remind = libxl_op_remind,
        .has_saver = libxl_op_has_saver,
        .tracking_end = libxl_op_tracking_end,
    },
    .domain = {
        .rename = libxl_op_rename,
        .resume = libxl_op_resume,
        .pause = libxl_op_pause,
        .unpause = libxl_op_unpause,
        .destroy = libxl_op_destroy,
    },
    .sched = {
        .get = libxl_op_sched_get,
        .set = libxl_op_sched_set,
    },
    .child = {
        .receive = libxl_op_receive,
        .restore = libxl_op_restore,
    },
};

struct toolstack *toolstack_open_libxl(struct event_base *base, struct failure *failure)
{
    struct libxl_toolstack *lx = calloc(1, sizeof *lx);
    int rc;

    if (!lx) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    lx->ts.ops = &ops;
    lx->base = base;
    libxl_log_init(&lx->log, getenv("XLMIG_VERBOSE") != NULL);
    rc = libxl_ctx_alloc(&lx->ctx, LIBXL_VERSION, 0, &lx->log.logger);
    if (rc != 0) {
        failure_set(failure,
                    "this is not a Xen dom0%s: %s (libxl error %d). "
                    "Without Xen, try ./quickstart or --toolstack sim:DIR",
                    geteuid() ? ", or it takes root" : "",
                    lx->log.first_error[0] ? lx->log.first_error : "libxl cannot be opened", rc);
        free(lx);
        return NULL;
    }
    if (libxl_loop_attach(lx, failure) < 0) {
        close_libxl(&lx->ts);
        return NULL;
    }
    /* libxl's save helper is ours, wherever one is needed, unless the user chose another. */
    setenv(HELPER_PROGRAM_ENV, HELPER_PROGRAM, 0);
    return &lx->ts;
}
