/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/domain/cap-record.h"

#include "xlmig/base/json-fields.h"
#include "xlmig/base/private-dir.h"
#include "xlmig/base/runtime-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PREFIX "cap-"
#define RECORD_VERSION 1
#define FILE_MAX 4096

/* ---- writing ---- */

static struct json_object *describe(const char *toolstack, const struct vm *vm, struct toolstack_sched sched)
{
    struct json_object *object = json_object_new_object();

    fields_add_u64(object, "version", RECORD_VERSION);
    fields_add_text(object, "toolstack", toolstack);
    fields_add_u64(object, "domid", vm->domid);
    fields_add_bytes(object, "uuid", vm->uuid, sizeof vm->uuid);
    fields_add_text(object, "name", vm->name);
    json_object_object_add(object, "weight", json_object_new_int(sched.weight));
    json_object_object_add(object, "cap", json_object_new_int(sched.cap));
    return object;
}

static int write_file(int fd, struct json_object *object)
{
    size_t len;
    const char *text = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN, &len);

    if (!text || len > FILE_MAX)
        return -1;
    return write(fd, text, len) == (ssize_t)len && fsync(fd) == 0 ? 0 : -1;
}

int cap_record_make(struct cap_record *record, const char *toolstack, const struct vm *vm,
                    struct toolstack_sched sched, struct failure *failure)
{
    char dir[PATH_MAX - 64], begun[PATH_MAX];
    struct json_object *object;
    int rc = -1;

    *record = (struct cap_record){ .fd = -1 };
    if (runtime_dir(dir, sizeof dir, failure) < 0)
        return -1;
    /* Begun under a name that is not looked for: whoever finds the other finds it whole and locked. */
    snprintf(begun, sizeof begun, "%s/new-XXXXXX", dir);
    record->fd = mkostemp(begun, O_CLOEXEC);
    if (record->fd < 0)
        return failure_set(failure, "%s: %s", begun, strerror(errno));
    snprintf(record->path, sizeof record->path, "%s/" PREFIX "%s", dir, begun + strlen(begun) - 6);
    object = describe(toolstack, vm, sched);
    if (flock(record->fd, LOCK_EX | LOCK_NB) == 0 && write_file(record->fd, object) == 0)
        rc = rename(begun, record->path);
    json_object_put(object);
    if (rc == 0)
        return 0;
    failure_set(failure, "%s: %s", begun, strerror(errno));
    unlink(begun);
    close(record->fd);
    *record = (struct cap_record){ .fd = -1 };
    return -1;
}

void cap_record_remove(struct cap_record *record)
{
    if (!record->path[0])
        return;
    unlink(record->path);
    close(record->fd);
    *record = (struct cap_record){ .fd = -1 };
}

/* ---- reading ---- */

struct left_behind {
    uint32_t domid;
    uint8_t uuid[16];
    char name[VM_NAME_MAX + 1];
    struct toolstack_sched sched;
};

static int read_object(struct json_object *object, const char *toolstack, struct left_behind *left)
{
    int64_t version, domid, weight, cap;
    char of[PATH_MAX];

    if (!object || fields_get_int(object, "version", 1, INT_MAX, &version) < 0)
        return -1;
    if (version != RECORD_VERSION)
        return 1;
    if (fields_get_int(object, "domid", 1, UINT32_MAX, &domid) < 0 ||
        fields_get_int(object, "weight", -1, INT_MAX, &weight) < 0 ||
        fields_get_int(object, "cap", 0, INT_MAX, &cap) < 0 ||
        fields_get_bytes(object, "uuid", left->uuid, sizeof left->uuid) < 0)
        return -1;
    left->domid = (uint32_t)domid;
    left->sched = (struct toolstack_sched){ .weight = (int)weight, .cap = (int)cap };
    (void)fields_get_text(object, "name", left->name, sizeof left->name, false);
    return fields_get_text(object, "toolstack", of, sizeof of, true) == 0 && strcmp(of, toolstack) == 0 ? 0 : 1;
}

/* 0: read; 1: of another toolstack, or another xlmig; -1: makes no sense. */
static int read_file(int fd, const char *toolstack, struct left_behind *left)
{
    char text[FILE_MAX];
    ssize_t n = pread(fd, text, sizeof text, 0);
    struct json_object *object;
    int rc;

    if (n < 0)
        return -1;
    object = fields_parse(text, (size_t)n);
    rc = read_object(object, toolstack, left);
    json_object_put(object);
    return rc;
}

static int give_back(struct toolstack *ts, const struct left_behind *left, struct failure *failure)
{
    struct vm vm;
    int rc = ts->ops->ask.find_domid(ts, left->domid, &vm, failure);

    if (rc < 0)
        return -1;
    if (rc == 1 || memcmp(vm.uuid, left->uuid, sizeof vm.uuid) != 0)
        return 0; /* it is gone: nothing to give back */
    return ts->ops->sched.set(ts, left->domid, left->sched, failure);
}

enum found { FOUND_NOTHING, FOUND_OWNED, FOUND_GIVEN_BACK, FOUND_FAILED };

static enum found recover(struct toolstack *ts, const char *toolstack, const char *path, unsigned wait_ms,
                          struct left_behind *left, struct failure *failure)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    enum found found = FOUND_NOTHING;
    int rc;

    if (fd < 0)
        return FOUND_NOTHING;
    if (!lock_within(fd, wait_ms)) {
        close(fd);
        return FOUND_OWNED;
    }
    rc = read_file(fd, toolstack, left);
    if (rc == 0 && give_back(ts, left, failure) < 0)
        found = FOUND_FAILED;
    else if (rc == 0)
        found = FOUND_GIVEN_BACK;
    /* One that makes no sense was never finished, so nothing was changed after it; another toolstack's is not ours. */
    if (rc < 0 || found == FOUND_GIVEN_BACK)
        unlink(path);
    close(fd);
    return found;
}

int cap_record_recover_one(struct toolstack *ts, const char *toolstack, const char *path, unsigned wait_ms,
                           struct failure *failure)
{
    struct left_behind left = { 0 };

    switch (recover(ts, toolstack, path, wait_ms, &left, failure)) {
    case FOUND_OWNED:
        return failure_set(failure, "%s is still in use", path);
    case FOUND_FAILED:
        return -1;
    default:
        return 0;
    }
}

void cap_record_recover(struct toolstack *ts, const char *toolstack, void (*told)(void *user, const char *text),
                        void *user)
{
    char dir[PATH_MAX - 300], path[PATH_MAX], text[VM_NAME_MAX + 1200];
    struct failure no_directory = { 0 };
    struct dirent *entry;
    DIR *d;

    if (runtime_dir(dir, sizeof dir, &no_directory) < 0 || !(d = opendir(dir)))
        return;
    while ((entry = readdir(d))) {
        struct left_behind left = { 0 };
        struct failure failure = { 0 };

        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        switch (recover(ts, toolstack, path, 0, &left, &failure)) {
        case FOUND_GIVEN_BACK:
            snprintf(text, sizeof text, "%s, slowed down by an xlmig that is no more, has its cap back", left.name);
            told(user, text);
            break;
        case FOUND_FAILED:
            snprintf(text, sizeof text, "%s was slowed down by an xlmig that is no more and could not get its cap "
                     "back: %s", left.name, failure.text);
            told(user, text);
            break;
        default:
            break;
        }
    }
    closedir(d);
}
