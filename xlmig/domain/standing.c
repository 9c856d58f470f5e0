/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/domain/standing.h"

#include "xlmig/base/json-fields.h"
#include "xlmig/base/runtime-dir.h"
#include "xlmig/base/text.h"
#include "xlmig/base/write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES_MAX 256u
#define LOOKS_MAX 20
#define LOOK_EVERY_NS 300000

int standing_measure(struct toolstack *ts, uint32_t domid, uint64_t *stood_ns, struct failure *failure)
{
    static const struct timespec between = { 0, LOOK_EVERY_NS };
    struct vm vm;

    *stood_ns = 0;
    for (int i = 0; i < LOOKS_MAX; i++) {
        int rc = ts->ops->ask.find_domid(ts, domid, &vm, failure);

        if (rc != 0)
            return rc;
        if (vm.state != VM_SUSPENDED)
            return 1;
        if (i > 0 && journal_stood_ns(vm.cpu_ns) == *stood_ns)
            return 0;
        *stood_ns = journal_stood_ns(vm.cpu_ns);
        nanosleep(&between, NULL);
    }
    return failure_set(failure, "its vCPUs go on running although it is suspended");
}

static int path_of(const uint8_t token[MIGRATION_TOKEN_BYTES], char *path, size_t size, struct failure *failure)
{
    char dir[PATH_MAX - 64], hex[2 * MIGRATION_TOKEN_BYTES + 1];

    if (runtime_dir(dir, sizeof dir, failure) < 0)
        return -1;
    hex_encode(token, MIGRATION_TOKEN_BYTES, hex);
    snprintf(path, size, "%s/standing-%s", dir, hex);
    return 0;
}

static int write_file(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0)
        return -1;
    rc = write_all(fd, text, len);
    return close(fd) < 0 || rc < 0 ? -1 : 0;
}

int standing_write(const uint8_t token[MIGRATION_TOKEN_BYTES], const struct standing *standing,
                   struct failure *failure)
{
    const struct journal_domain *domain = &standing->domain;
    char path[PATH_MAX], begun[PATH_MAX + 8], text[FILE_BYTES_MAX];
    int len = snprintf(text, sizeof text, "{\"domid\":%u,\"stood_ns\":%llu,\"fenced\":%s,\"woken\":%u}\n", domain->domid,
                       (unsigned long long)domain->stood_ns, domain->fenced ? "true" : "false", standing->woken);

    if (path_of(token, path, sizeof path, failure) < 0)
        return -1;
    snprintf(begun, sizeof begun, "%s.new", path);
    if (write_file(begun, text, (size_t)len) == 0 && rename(begun, path) == 0)
        return 0;
    failure_set(failure, "%s: %s", begun, strerror(errno));
    unlink(begun);
    return -1;
}

/* An older release's says nothing of pauses: it took none. */
static int read_members(struct json_object *object, struct standing *standing)
{
    return fields_get_unsigned(object, "domid", &standing->domain.domid) < 0 ||
                   fields_get_u64(object, "stood_ns", &standing->domain.stood_ns) < 0 ||
                   fields_get_bool(object, "fenced", &standing->domain.fenced) < 0 ||
                   (fields_has(object, "woken") && fields_get_unsigned(object, "woken", &standing->woken) < 0)
               ? -1 : 0;
}

int standing_read(const uint8_t token[MIGRATION_TOKEN_BYTES], struct standing *standing)
{
    struct standing found = { .woken = 0 };
    struct json_object *object = NULL;
    struct failure failure = { 0 };
    char path[PATH_MAX], text[FILE_BYTES_MAX];
    ssize_t len;
    int fd, rc = 1;

    if (path_of(token, path, sizeof path, &failure) < 0)
        return 1;
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return 1;
    len = read(fd, text, sizeof text);
    close(fd);
    if (len > 0)
        object = fields_parse(text, (size_t)len);
    if (object && read_members(object, &found) == 0) {
        *standing = found;
        rc = 0;
    }
    json_object_put(object);
    return rc;
}

void standing_remove(const uint8_t token[MIGRATION_TOKEN_BYTES])
{
    struct failure failure = { 0 };
    char path[PATH_MAX];

    if (path_of(token, path, sizeof path, &failure) == 0)
        unlink(path);
}
