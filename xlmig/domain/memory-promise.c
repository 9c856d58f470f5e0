/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/domain/memory-promise.h"

#include "xlmig/base/json-fields.h"
#include "xlmig/base/private-dir.h"
#include "xlmig/base/runtime-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PREFIX "memory-"
#define PROMISE_VERSION 1
#define FILE_MAX 8192u     /* a toolstack's name may be a path */
#define LEDGER_WAIT_MS 10000u /* others hold the lock for milliseconds */

/* ---- what the VMs hold already ---- */

/* How much of a promise to that VM is still to be taken. */
static uint64_t still_owed(const struct vm *vms, size_t nr_vms, const uint8_t uuid[16], uint64_t bytes)
{
    for (size_t i = 0; i < nr_vms; i++)
        if (memcmp(vms[i].uuid, uuid, sizeof vms[i].uuid) == 0)
            return bytes > vms[i].memory_bytes ? bytes - vms[i].memory_bytes : 0;
    return bytes;
}

/* ---- one promise ---- */

/* 0: read; 1: of another toolstack; -1: it makes no sense. */
static int read_promise(struct json_object *object, const char *toolstack, uint8_t uuid[16], uint64_t *bytes)
{
    char of[PATH_MAX];
    int64_t version;

    if (!object || fields_get_int(object, "version", PROMISE_VERSION, PROMISE_VERSION, &version) < 0 ||
        fields_get_text(object, "toolstack", of, sizeof of, true) < 0)
        return -1;
    if (strcmp(of, toolstack) != 0)
        return 1;
    return fields_get_bytes(object, "uuid", uuid, 16) == 0 && fields_get_u64(object, "bytes", bytes) == 0 ? 0 : -1;
}

/* Its owner lives: one that cannot be read may be a promise of any size, so there is no going on without it. */
static int add_promise(int dir_fd, const char *name, const char *toolstack, const struct vm *vms, size_t nr_vms,
                       struct memory_room *room, struct failure *failure)
{
    struct failure why = { 0 };
    struct json_object *object;
    char text[FILE_MAX];
    uint8_t uuid[16];
    uint64_t bytes, owed;
    size_t len;
    int rc;

    if (private_file_read(dir_fd, name, text, sizeof text, &len, &why) < 0)
        return why.text[0] ? failure_set(failure, "what is promised to others cannot be read: %s: %s", name, why.text) : 0;
    object = fields_parse(text, len);
    rc = read_promise(object, toolstack, uuid, &bytes);
    json_object_put(object);
    if (rc < 0)
        return failure_set(failure, "what is promised to others cannot be read: %s makes no sense", name);
    if (rc == 1)
        return 0;
    owed = still_owed(vms, nr_vms, uuid, bytes);
    room->promised_bytes = owed > UINT64_MAX - room->promised_bytes ? UINT64_MAX : room->promised_bytes + owed;
    room->nr_promises++;
    return 0;
}

/* Removed, if nobody holds it. */
static bool is_held(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool held;

    if (fd < 0)
        return false; /* nothing of ours: a link, say */
    held = flock(fd, LOCK_EX | LOCK_NB) < 0;
    if (!held)
        unlinkat(dir_fd, name, 0);
    close(fd);
    return held;
}

/* ---- all of them, while the directory is locked ---- */

static int open_ledger(char path[PATH_MAX - 64], struct failure *failure)
{
    int dir_fd;

    if (runtime_dir(path, PATH_MAX - 64, failure) < 0)
        return -1;
    dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return failure_set(failure, "%s: %s", path, strerror(errno));
    if (lock_within(dir_fd, LEDGER_WAIT_MS))
        return dir_fd;
    close(dir_fd);
    return failure_set(failure, "another process has held %s locked for %u s, so what memory is promised cannot be told; "
                       "fuser -v %s names it", path, LEDGER_WAIT_MS / 1000, path);
}

static int add_promises(int dir_fd, const char *path, const char *toolstack, const struct vm *vms, size_t nr_vms,
                        struct memory_room *room, struct failure *failure)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int rc = 0;

    if (!dir)
        return failure_set(failure, "%s: %s", path, strerror(errno));
    while (rc == 0 && (entry = readdir(dir)))
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0 && is_held(dir_fd, entry->d_name))
            rc = add_promise(dir_fd, entry->d_name, toolstack, vms, nr_vms, room, failure);
    closedir(dir);
    return rc;
}

/*
 * What the VMs hold first, and only then what is free: memory that is taken in between counts twice for that moment,
 * and never not at all.
 */
static int look(int dir_fd, const char *path, struct toolstack *ts, const char *toolstack, struct memory_room *room,
                struct failure *failure)
{
    struct vm_host host;
    struct vm *vms;
    size_t nr_vms;
    int rc;

    *room = (struct memory_room){ 0 };
    if (ts->ops->ask.list(ts, &vms, &nr_vms, failure) < 0)
        return -1;
    rc = add_promises(dir_fd, path, toolstack, vms, nr_vms, room, failure);
    free(vms);
    if (rc < 0 || ts->ops->ask.host(ts, &host, failure) < 0)
        return -1;
    room->free_bytes = host.free_bytes;
    return 0;
}

int memory_room_look(struct toolstack *ts, const char *toolstack, struct memory_room *room, struct failure *failure)
{
    char path[PATH_MAX - 64];
    int dir_fd = open_ledger(path, failure), rc;

    *room = (struct memory_room){ 0 };
    if (dir_fd < 0)
        return -1;
    rc = look(dir_fd, path, ts, toolstack, room, failure);
    close(dir_fd);
    return rc;
}

bool memory_room_has(const struct memory_room *room, uint64_t bytes)
{
    return room->promised_bytes <= room->free_bytes && bytes <= room->free_bytes - room->promised_bytes;
}

/* ---- a new one ---- */

static int write_promise(int fd, const char *toolstack, const uint8_t uuid[16], uint64_t bytes)
{
    struct json_object *object = json_object_new_object();
    const char *text;
    size_t len;
    int rc = -1;

    fields_add_u64(object, "version", PROMISE_VERSION);
    fields_add_text(object, "toolstack", toolstack);
    fields_add_bytes(object, "uuid", uuid, 16);
    fields_add_u64(object, "bytes", bytes);
    text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &len);
    if (text && len <= FILE_MAX && write(fd, text, len) == (ssize_t)len)
        rc = 0;
    json_object_put(object);
    return rc;
}

/* Nobody else looks before it is whole: the directory is locked. */
static int write_down(struct memory_promise *promise, const char *path, const char *toolstack, const uint8_t uuid[16],
                      uint64_t bytes, struct failure *failure)
{
    snprintf(promise->path, sizeof promise->path, "%s/" PREFIX "XXXXXX", path);
    promise->fd = mkostemp(promise->path, O_CLOEXEC);
    if (promise->fd >= 0 && flock(promise->fd, LOCK_EX | LOCK_NB) == 0 &&
        write_promise(promise->fd, toolstack, uuid, bytes) == 0)
        return 0;
    failure_set(failure, "cannot write down what is promised: %s: %s", promise->path, strerror(errno));
    if (promise->fd >= 0)
        memory_promise_end(promise);
    promise->path[0] = '\0';
    return -1;
}

int memory_promise_make(struct memory_promise *promise, struct toolstack *ts, const char *toolstack,
                        const uint8_t uuid[16], uint64_t bytes, struct memory_room *room, struct failure *failure)
{
    char path[PATH_MAX - 64];
    int dir_fd = open_ledger(path, failure), rc;

    *promise = (struct memory_promise){ .fd = -1 };
    *room = (struct memory_room){ 0 };
    if (dir_fd < 0)
        return -1;
    rc = look(dir_fd, path, ts, toolstack, room, failure);
    if (rc == 0 && memory_room_has(room, bytes))
        rc = write_down(promise, path, toolstack, uuid, bytes, failure);
    close(dir_fd);
    return rc;
}

void memory_promise_end(struct memory_promise *promise)
{
    if (!promise->path[0])
        return;
    unlink(promise->path);
    close(promise->fd);
    *promise = (struct memory_promise){ .fd = -1 };
}
