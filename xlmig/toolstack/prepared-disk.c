/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/toolstack/prepared-disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VDEV_MAX 16u
#define NODE_MAX (PREPARED_DISK_PATH_MAX + 64u)
#define TRANSACTIONS_MAX 100u /* each lost to somebody else who wrote there, which is rare */

/* What the script is told; all else is its answer. */
static const char *const told[] = { "script", "params", "type", "mode", "frontend-id" };

static bool is_told(const char *name)
{
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (strcmp(name, told[i]) == 0)
            return true;
    return false;
}

bool prepared_disk_path(uint32_t domid, const char *vdev, char path[PREPARED_DISK_PATH_MAX])
{
    size_t len = strspn(vdev, "abcdefghijklmnopqrstuvwxyz0123456789");

    snprintf(path, PREPARED_DISK_PATH_MAX, "backend/vbd/%u/prepared-%.*s", domid, (int)VDEV_MAX, vdev);
    return len > 0 && len <= VDEV_MAX && vdev[len] == '\0';
}

static char *read_node(struct xs_handle *xs, xs_transaction_t t, const char *folder, const char *name)
{
    char node[NODE_MAX];
    unsigned len;

    snprintf(node, sizeof node, "%s/%s", folder, name);
    return xs_read(xs, t, node, &len); /* libxenstore ends it with a NUL */
}

static bool write_node(struct xs_handle *xs, xs_transaction_t t, const char *folder, const char *name, const char *value)
{
    char node[NODE_MAX];

    snprintf(node, sizeof node, "%s/%s", folder, name);
    return xs_write(xs, t, node, value, (unsigned)strlen(value));
}

int prepared_disk_begin(struct xs_handle *xs, uint32_t domid, const char *vdev, const char *script, const char *params,
                        bool writable, struct failure *failure)
{
    char path[PREPARED_DISK_PATH_MAX], number[16];

    if (!prepared_disk_path(domid, vdev, path))
        return failure_set(failure, "its disk has a name that cannot be");
    snprintf(number, sizeof number, "%u", domid);
    const char *const values[] = { script, params, "phy", writable ? "w" : "r", number };

    xs_rm(xs, XBT_NULL, path);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        if (!write_node(xs, XBT_NULL, path, told[i], values[i]))
            return failure_set(failure, "cannot write %s in xenstore: %s", path, strerror(errno));
    return 0;
}

static int verify(struct xs_handle *xs, xs_transaction_t t, const char *path, struct failure *failure)
{
    char *status = read_node(xs, t, path, "hotplug-status"), *device = read_node(xs, t, path, "physical-device");
    char *error = read_node(xs, t, path, "hotplug-error");
    int rc = 0;

    if (!status || strcmp(status, "connected") != 0 || !device)
        rc = failure_set(failure, "%.200s", error ? error : "its hotplug script does not say that it is there");
    free(status);
    free(device);
    free(error);
    return rc;
}

int prepared_disk_verify(struct xs_handle *xs, uint32_t domid, const char *vdev, struct failure *failure)
{
    char path[PREPARED_DISK_PATH_MAX];

    prepared_disk_path(domid, vdev, path);
    return verify(xs, XBT_NULL, path, failure);
}

void prepared_disk_discard(struct xs_handle *xs, uint32_t domid, const char *vdev)
{
    char path[PREPARED_DISK_PATH_MAX];

    if (prepared_disk_path(domid, vdev, path))
        xs_rm(xs, XBT_NULL, path);
}

static bool copy_node(struct xs_handle *xs, xs_transaction_t t, const char *from, const char *to, const char *name)
{
    char *value = read_node(xs, t, from, name);
    bool ok = value && write_node(xs, t, to, name, value);

    free(value);
    return ok;
}

/* hotplug-status last: libxl waits for it, though it sees nothing of a transaction before all of it. */
static bool copy_answer(struct xs_handle *xs, xs_transaction_t t, const char *from, const char *to)
{
    unsigned n = 0;
    char **names = xs_directory(xs, t, from, &n);
    bool ok = names;

    for (unsigned i = 0; ok && i < n; i++)
        if (!is_told(names[i]) && strcmp(names[i], "hotplug-status") != 0)
            ok = copy_node(xs, t, from, to, names[i]);
    free(names);
    return ok && copy_node(xs, t, from, to, "hotplug-status");
}

/* Where libxl keeps what it told the backend, for itself. */
static bool name_script(struct xs_handle *xs, xs_transaction_t t, const char *from, const char *backend, uint32_t domid,
                        uint32_t devid)
{
    char own[PREPARED_DISK_PATH_MAX];

    snprintf(own, sizeof own, "/libxl/%u/device/vbd/%u", domid, devid);
    return copy_node(xs, t, from, backend, "script") && copy_node(xs, t, from, own, "script");
}

/* 0 or -1; 1: somebody else wrote there meanwhile. */
static int use_once(struct xs_handle *xs, const char *backend, uint32_t domid, uint32_t devid, struct failure *failure)
{
    xs_transaction_t t = xs_transaction_start(xs);
    char path[PREPARED_DISK_PATH_MAX];
    bool ok;

    if (t == XBT_NULL)
        return failure_set(failure, "cannot begin a transaction in xenstore: %s", strerror(errno));
    char *vdev = read_node(xs, t, backend, "dev");

    ok = vdev && prepared_disk_path(domid, vdev, path);
    free(vdev);
    if (!ok)
        failure_set(failure, "%s is no disk's", backend);
    ok = ok && verify(xs, t, path, failure) == 0;
    if (ok && !(copy_answer(xs, t, path, backend) && name_script(xs, t, path, backend, domid, devid) &&
                xs_rm(xs, t, path))) {
        failure_set(failure, "cannot move %s in xenstore: %s", path, strerror(errno));
        ok = false;
    }
    if (!ok) {
        xs_transaction_end(xs, t, true);
        return -1;
    }
    if (xs_transaction_end(xs, t, false))
        return 0;
    return errno == EAGAIN ? 1 : failure_set(failure, "cannot end a transaction in xenstore: %s", strerror(errno));
}

int prepared_disk_use(struct xs_handle *xs, const char *backend, struct failure *failure)
{
    unsigned domid, devid;
    int end = 0;

    if (sscanf(backend, "backend/vbd/%9u/%9u%n", &domid, &devid, &end) != 2 || backend[end] != '\0')
        return failure_set(failure, "%.60s is no disk's", backend);
    for (unsigned i = 0; i < TRANSACTIONS_MAX; i++) {
        int rc = use_once(xs, backend, domid, devid, failure);

        if (rc <= 0)
            return rc;
    }
    return failure_set(failure, "xenstore is too busy");
}
