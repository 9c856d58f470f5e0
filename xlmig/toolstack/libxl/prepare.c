/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The hotplug script of a disk, run before libxl makes the disk (prepared-disk.h). */
#include "xlmig/toolstack/libxl/libxl.h"

#include "xlmig/base/child.h"
#include "xlmig/base/loop.h"
#include "xlmig/toolstack/prepared-disk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_SECONDS 40u /* as libxl, LIBXL_HOTPLUG_TIMEOUT */
#define GRACE_US 1000000u

struct preparation {
    struct xs_handle *xs;
    struct child *child;
    struct event *late;
    uint32_t domid;
    char vdev[32];
    bool timed_out;
    libxl_prepared *done;
    void *user;
};

/* Frees it, and calls back from the loop's own stack, as toolstack.h promises. */
static void end(struct preparation *p, const struct failure *failure)
{
    libxl_prepared *done = p->done;
    void *user = p->user;

    if (failure->text[0] && p->xs)
        prepared_disk_discard(p->xs, p->domid, p->vdev);
    child_free(p->child, 0);
    if (p->late)
        event_free(p->late);
    if (p->xs)
        xs_close(p->xs);
    free(p);
    done(user, failure->text[0] ? failure : NULL);
}

static void on_script_ended(void *user, int status)
{
    struct preparation *p = user;
    struct failure failure = { 0 };
    char how[64];

    if (p->timed_out)
        failure_set(&failure, "cannot set up its disk %s: its hotplug script did not end in %u s", p->vdev, SCRIPT_SECONDS);
    else {
        struct failure why = { 0 };
        int rc = prepared_disk_verify(p->xs, p->domid, p->vdev, &why);

        if (rc < 0 || status != 0)
            failure_set(&failure, "cannot set up its disk %s: %s", p->vdev,
                        rc < 0 ? why.text : child_status_text(status, how, sizeof how));
    }
    end(p, &failure);
}

static void on_late(evutil_socket_t fd, short what, void *user)
{
    struct preparation *p = user;

    (void)fd;
    (void)what;
    p->timed_out = true;
    child_stop(p->child, GRACE_US);
}

/* What libxl passes it (libxl_linux.c, get_hotplug_env()). */
static int start_script(struct preparation *p, struct event_base *base, const char *script, struct failure *failure)
{
    struct timeval in = { .tv_sec = SCRIPT_SECONDS };
    char name[PATH_MAX + 8], path[PREPARED_DISK_PATH_MAX], node[PREPARED_DISK_PATH_MAX + 16];
    pid_t pid;

    prepared_disk_path(p->domid, p->vdev, path);
    snprintf(name, sizeof name, "script=%s", script);
    snprintf(node, sizeof node, "XENBUS_PATH=%s", path);
    const char *const argv[] = { "env", name, "XENBUS_TYPE=vbd", node, "XENBUS_BASE_PATH=backend", script, "add", NULL };
    const struct child_spec spec = { .argv = argv, .input_fd = -1, .output_fd = -1, .error_fd = -1, .pass_fd = -1 };

    if (child_spawn(&spec, &pid, failure) < 0)
        return -1;
    p->child = child_watch(base, pid, on_script_ended, p);
    p->late = evtimer_new(base, on_late, p);
    if (!p->child || !p->late)
        abort(); /* out of memory for a few bytes; nothing can be told to anyone any more */
    evtimer_add(p->late, &in);
    return 0;
}

void libxl_prepare_disk(struct libxl_toolstack *lx, uint32_t domid, const libxl_device_disk *disk, libxl_prepared *done,
                        void *user)
{
    struct preparation *p = calloc(1, sizeof *p);
    char script[PATH_MAX];
    struct failure failure = { 0 };

    if (!p)
        abort(); /* as above */
    p->domid = domid;
    p->done = done;
    p->user = user;
    snprintf(p->vdev, sizeof p->vdev, "%s", disk->vdev);
    snprintf(script, sizeof script, "%s%s", disk->script && disk->script[0] == '/' ? "" : XEN_SCRIPT_DIR "/",
             disk->script ? disk->script : "block");
    p->xs = xs_open(0);
    if (!p->xs)
        failure_set(&failure, "cannot reach xenstore: %s", strerror(errno));
    if (!p->xs ||
        prepared_disk_begin(p->xs, domid, p->vdev, script, disk->pdev_path, disk->readwrite, &failure) < 0 ||
        start_script(p, lx->base, script, &failure) < 0)
        end(p, &failure);
}
