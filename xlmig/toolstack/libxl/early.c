/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Devices of a VM that is still arriving: early-config.c says which, and why. */
#include "xlmig/toolstack/libxl/libxl.h"

#include "xlmig/base/loop.h"
#include "xlmig/toolstack/prepared-disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_USERDATA "libxl-json" /* libxl.h, "userdata": where libxl keeps a VM's configuration */

/* To be disposed of, whatever comes back. */
static int parse(struct libxl_toolstack *lx, const char *json, bool early, libxl_domain_config *config,
                 struct failure *failure)
{
    int rc;

    libxl_domain_config_init(config);
    libxl_log_forget(&lx->log);
    rc = libxl_domain_config_from_json(lx->ctx, config, json);
    if (rc != 0)
        return libxl_failed(lx, rc, "cannot read the VM's configuration", failure);
    if (early)
        libxl_keep_early_devices(config);
    else if (libxl_leave_out_early_devices(config) < 0)
        return failure_set(failure, "out of memory");
    return 0;
}

int libxl_op_early_devices(struct toolstack *ts, const char *config_json, char **rest_json, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_domain_config early, rest;
    int rc = parse(lx, config_json, true, &early, failure);

    if (rc == 0 && early.num_disks == 0 && early.num_nics == 0)
        rc = 1;
    libxl_domain_config_dispose(&early);
    if (rc != 0)
        return rc;
    rc = parse(lx, config_json, false, &rest, failure);
    if (rc == 0) {
        *rest_json = libxl_domain_config_to_json(lx->ctx, &rest);
        rc = *rest_json ? 0 : failure_set(failure, "out of memory");
    }
    libxl_domain_config_dispose(&rest);
    return rc;
}

/* ---- the VM's configuration, as libxl keeps it ---- */

static int store_config(struct libxl_toolstack *lx, uint32_t domid, libxl_domain_config *config, struct failure *failure)
{
    char *json = libxl_domain_config_to_json(lx->ctx, config);
    int rc = json ? libxl_userdata_store(lx->ctx, domid, CONFIG_USERDATA, (const uint8_t *)json, (int)strlen(json) + 1)
                  : ERROR_NOMEM;

    free(json);
    return rc ? libxl_failed(lx, rc, "cannot store the VM's configuration", failure) : 0;
}

/*
 * libxl enters a device that it attaches in the VM's configuration, which it
 * writes only once the VM is made: it gets one to do that with.  Nothing in it
 * may ask for a device model, which would have to run already.
 */
static int store_provisional_config(struct libxl_toolstack *lx, uint32_t domid, const libxl_domain_config *like,
                                    struct failure *failure)
{
    libxl_domain_config bare;
    int rc;

    libxl_domain_config_init(&bare);
    libxl_domain_create_info_copy(lx->ctx, &bare.c_info, &like->c_info);
    libxl_domain_build_info_copy(lx->ctx, &bare.b_info, &like->b_info);
    rc = store_config(lx, domid, &bare, failure);
    libxl_domain_config_dispose(&bare);
    return rc;
}

static int load_config(struct libxl_toolstack *lx, uint32_t domid, libxl_domain_config *config, struct failure *failure)
{
    uint8_t *json = NULL;
    int len = 0;
    int rc = libxl_userdata_retrieve(lx->ctx, domid, CONFIG_USERDATA, &json, &len);

    if (rc == 0 && (len <= 0 || json[len - 1] != '\0'))
        rc = ERROR_FAIL;
    if (rc == 0)
        rc = libxl_domain_config_from_json(lx->ctx, config, (const char *)json);
    free(json);
    return rc ? libxl_failed(lx, rc, "cannot read the VM's configuration again", failure) : 0;
}

/* Moves the devices of `from` to the end of those of `to`, which has those disks that were prepared. */
static int move_devices(libxl_domain_config *from, libxl_domain_config *to)
{
    int nr_disks = libxl_prepares_disks(from) ? 0 : from->num_disks, nr_nics = from->num_nics;
    libxl_device_disk *disks = realloc(to->disks, (size_t)(to->num_disks + nr_disks + 1) * sizeof *disks);
    libxl_device_nic *nics = realloc(to->nics, (size_t)(to->num_nics + nr_nics + 1) * sizeof *nics);

    if (disks)
        to->disks = disks;
    if (nics)
        to->nics = nics;
    if (!disks || !nics)
        return -1;
    if (nr_disks > 0) {
        memcpy(disks + to->num_disks, from->disks, (size_t)nr_disks * sizeof *disks);
        to->num_disks += nr_disks;
        from->num_disks = 0;
    }
    if (nr_nics > 0) {
        memcpy(nics + to->num_nics, from->nics, (size_t)nr_nics * sizeof *nics);
        to->num_nics += nr_nics;
        from->num_nics = 0;
    }
    return 0;
}

/*
 * xl made the VM from a configuration without them, and libxl has written that
 * over what attaching them left.  A device that is missing there would not move
 * with the VM the next time.
 */
int libxl_op_record_early(struct toolstack *ts, uint32_t domid, const char *config_json, struct failure *failure)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    libxl_domain_config early, config;
    int rc = parse(lx, config_json, true, &early, failure);

    libxl_domain_config_init(&config);
    if (rc == 0)
        rc = load_config(lx, domid, &config, failure);
    if (rc == 0 && ((libxl_prepares_disks(&early) && libxl_restore_scripts(&early, &config) < 0) ||
                    move_devices(&early, &config) < 0))
        rc = failure_set(failure, "out of memory");
    if (rc == 0)
        rc = store_config(lx, domid, &config, failure);
    libxl_domain_config_dispose(&config);
    libxl_domain_config_dispose(&early);
    return rc;
}

/* ---- attaching them, one after the other, and one VM after the other ---- */

/*
 * libxl gives a backend ten seconds to come up, which a busy dom0 may not manage
 * at once; the guest runs meanwhile.  What took longer was a script, which got
 * forty.
 */
#define MAX_TRIES 3
#define BACKEND_AT_MOST_US 20000000u

struct attach_op {
    struct libxl_toolstack *lx;
    struct libxl_turn turn;
    uint32_t domid;
    libxl_domain_config early;
    int disk, nic;            /* how many are attached */
    int rc;                   /* of the last one */
    int tries;                /* of that one, which came too late */
    uint64_t begun_us;        /* the last try */
    bool is_undoing;
    struct failure failure;
    toolstack_done *done;
    void *user;
};

static void attach_step(evutil_socket_t fd, short what, void *user);

static void attach_in(struct attach_op *op, unsigned wait_ms)
{
    const struct timeval wait = { wait_ms / 1000, wait_ms % 1000 * 1000 };

    if (event_base_once(op->lx->base, -1, EV_TIMEOUT, attach_step, op, &wait) < 0)
        abort(); /* out of memory for a few bytes; nothing can be told to anyone any more */
}

static void attach_later(struct attach_op *op)
{
    attach_in(op, 0);
}

static void attach_failed(struct attach_op *op, int rc)
{
    char text[160];

    if (op->nic == 0)
        snprintf(text, sizeof text, "cannot set up its disk %.100s", op->early.disks[op->disk - 1].vdev);
    else
        snprintf(text, sizeof text, "cannot set up its network interface %d", op->early.nics[op->nic - 1].devid);
    libxl_failed(op->lx, rc, text, &op->failure);
}

static void on_attached(libxl_ctx *ctx, int rc, void *user)
{
    struct attach_op *op = user;

    (void)ctx;
    op->rc = rc;
    attach_later(op); /* libxl may call before the function that started it returned */
}

/* Is there to be another try?  What is left of the last one goes first. */
static bool attach_again(struct attach_op *op)
{
    const libxl_asyncop_how how = { .callback = on_attached, .u.for_callback = op };
    int rc;

    if (op->rc != ERROR_TIMEDOUT || now_us() - op->begun_us > BACKEND_AT_MOST_US || ++op->tries >= MAX_TRIES)
        return false;
    fprintf(stderr, "xlmig: a device was not set up in time; trying again\n");
    op->is_undoing = true;
    if (op->nic == 0)
        rc = libxl_device_disk_destroy(op->lx->ctx, op->domid, &op->early.disks[--op->disk], &how);
    else
        rc = libxl_device_nic_destroy(op->lx->ctx, op->domid, &op->early.nics[--op->nic], &how);
    if (rc != 0)
        on_attached(op->lx->ctx, rc, op);
    return true;
}

static void on_prepared(void *user, const struct failure *failure)
{
    struct attach_op *op = user;

    if (failure)
        op->failure = *failure;
    attach_later(op);
}

static void attach_next(struct attach_op *op)
{
    const libxl_asyncop_how how = { .callback = on_attached, .u.for_callback = op };
    int rc;

    libxl_log_forget(&op->lx->log);
    op->begun_us = now_us();
    if (op->disk < op->early.num_disks && libxl_prepares_disks(&op->early)) {
        libxl_prepare_disk(op->lx, op->domid, &op->early.disks[op->disk++], on_prepared, op);
        return;
    }
    if (op->disk < op->early.num_disks)
        rc = libxl_device_disk_add(op->lx->ctx, op->domid, &op->early.disks[op->disk++], &how);
    else
        rc = libxl_device_nic_add(op->lx->ctx, op->domid, &op->early.nics[op->nic++], &how);
    if (rc != 0)
        on_attached(op->lx->ctx, rc, op); /* a start that failed calls nobody back */
}

static void attach_step(evutil_socket_t fd, short what, void *user)
{
    struct attach_op *op = user;

    (void)fd;
    (void)what;
    if (!op->failure.text[0] && !libxl_turn_take(&op->turn)) {
        attach_in(op, TURN_LOOK_MS);
        return;
    }
    if (op->is_undoing)
        op->rc = 0; /* should it be there still, adding it says so */
    else if (op->rc == 0)
        op->tries = 0;
    else if (attach_again(op))
        return;
    else
        attach_failed(op, op->rc);
    op->is_undoing = false;
    if (!op->failure.text[0] && (op->disk < op->early.num_disks || op->nic < op->early.num_nics)) {
        attach_next(op);
        return;
    }
    libxl_turn_give(&op->turn);
    op->done(op->user, op->failure.text[0] ? &op->failure : NULL);
    libxl_domain_config_dispose(&op->early);
    free(op);
}

void libxl_op_attach_early(struct toolstack *ts, uint32_t domid, const char *config_json, toolstack_done *done,
                           void *user)
{
    struct attach_op *op = calloc(1, sizeof *op);

    if (!op)
        abort(); /* as in attach_later() */
    op->lx = to_libxl(ts);
    libxl_turn_init(&op->turn, "devices");
    op->domid = domid;
    op->done = done;
    op->user = user;
    if (parse(op->lx, config_json, true, &op->early, &op->failure) == 0)
        store_provisional_config(op->lx, domid, &op->early, &op->failure);
    attach_later(op);
}

void libxl_op_discard_early(struct toolstack *ts, uint32_t domid, const char *config_json)
{
    struct libxl_toolstack *lx = to_libxl(ts);
    struct failure ignored = { 0 };
    libxl_domain_config early;
    struct xs_handle *xs;

    if (parse(lx, config_json, true, &early, &ignored) == 0 && libxl_prepares_disks(&early) && early.num_disks > 0 &&
        (xs = xs_open(0))) {
        for (int i = 0; i < early.num_disks; i++)
            prepared_disk_discard(xs, domid, early.disks[i].vdev);
        xs_close(xs);
    }
    libxl_domain_config_dispose(&early);
}
