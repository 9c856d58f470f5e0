/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/domain/early-devices.h"

#include "xlmig/base/loop.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_EVERY_US 100000u /* the copy takes seconds, a look at the VMs of a host some milliseconds */
#define MAX_FAILED_LOOKS 30u  /* one after the other */

struct early_devices {
    struct toolstack *ts;
    struct early_devices_callbacks callbacks;
    struct event *look;
    uint8_t uuid[16];
    char *name, *config_json;
    uint32_t domid;
    unsigned nr_failed_looks;
    bool attaching, attached, stopped;
};

static void look_again(struct early_devices *early)
{
    struct timeval in = us_to_timeval(LOOK_EVERY_US);

    evtimer_add(early->look, &in);
}

static void on_attached(void *user, const struct failure *failure)
{
    struct early_devices *early = user;

    early->attaching = false;
    if (early->stopped)
        early->callbacks.idle(early->callbacks.user);
    else
        early->callbacks.ready(early->callbacks.user, failure);
}

/*
 * Should the VM never come, its maker says why.  A host that cannot be asked just
 * now is asked again, but not for long: the sender waits for the devices.
 */
static void on_look(evutil_socket_t fd, short what, void *user)
{
    struct early_devices *early = user;
    struct failure failure = { 0 };
    struct vm vm;
    int rc = early->ts->ops->ask.find(early->ts, early->name, &vm, &failure);

    (void)fd;
    (void)what;
    early->nr_failed_looks = rc < 0 ? early->nr_failed_looks + 1 : 0;
    if (early->nr_failed_looks > MAX_FAILED_LOOKS) {
        early->callbacks.ready(early->callbacks.user, &failure);
        return;
    }
    if (rc != 0 || memcmp(vm.uuid, early->uuid, sizeof vm.uuid) != 0) {
        look_again(early);
        return;
    }
    early->domid = vm.domid;
    early->attaching = early->attached = true;
    early->ts->ops->early.attach(early->ts, vm.domid, early->config_json, on_attached, early);
}

struct early_devices *early_devices_start(struct toolstack *ts, struct event_base *base, const char *name,
                                          const uint8_t uuid[16], const char *config_json,
                                          const struct early_devices_callbacks *callbacks)
{
    struct early_devices *early = calloc(1, sizeof *early);

    if (!early)
        return NULL;
    early->ts = ts;
    early->callbacks = *callbacks;
    memcpy(early->uuid, uuid, sizeof early->uuid);
    early->name = strdup(name);
    early->config_json = strdup(config_json);
    early->look = evtimer_new(base, on_look, early);
    if (!early->name || !early->config_json || !early->look) {
        early_devices_free(early);
        return NULL;
    }
    look_again(early);
    return early;
}

bool early_devices_stop(struct early_devices *early)
{
    if (!early)
        return true;
    early->stopped = true;
    evtimer_del(early->look);
    return !early->attaching;
}

int early_devices_record(struct early_devices *early, struct failure *failure)
{
    return early->ts->ops->early.record(early->ts, early->domid, early->config_json, failure);
}

void early_devices_free(struct early_devices *early)
{
    if (!early)
        return;
    if (early->attached)
        early->ts->ops->early.discard(early->ts, early->domid, early->config_json);
    if (early->look)
        event_free(early->look);
    free(early->name);
    free(early->config_json);
    free(early);
}
