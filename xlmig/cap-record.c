/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "xlmig/cap-record.h"

#include "xlmig/runtime-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "cap-"
#define RECORD_VERSION 1
#define FILE_MAX 4096

/* ---- writing ---- */

static void write_hex(const uint8_t *bytes, size_t len, char *hex)
{
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

static struct json_object *describe(const char *toolstack, const struct toolstack_vm *vm, struct toolstack_sched sched)
{
    struct json_object *object = json_object_new_object();
    char uuid[2 * sizeof vm->uuid + 1];

    write_hex(vm->uuid, sizeof vm->uuid, uuid);
    json_object_object_add(object, "version", json_object_new_int(RECORD_VERSION));
    json_object_object_add(object, "toolstack", json_object_new_string(toolstack));
    json_object_object_add(object, "domid", json_object_new_int64(vm->domid));
    json_object_object_add(object, "uuid", json_object_new_string(uuid));
    json_object_object_add(object, "name", json_object_new_string(vm->name));
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

int cap_record_make(struct cap_record *record, const char *toolstack, const struct toolstack_vm *vm,
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

static int get_int(struct json_object *object, const char *name, int64_t min, int64_t max, int64_t *value)
{
    struct json_object *field;

    if (!json_object_object_get_ex(object, name, &field) || !json_object_is_type(field, json_type_int))
        return -1;
    *value = json_object_get_int64(field);
    return *value >= min && *value <= max ? 0 : -1;
}

static const char *get_text(struct json_object *object, const char *name)
{
    struct json_object *field;

    if (!json_object_object_get_ex(object, name, &field) || !json_object_is_type(field, json_type_string))
        return "";
    return json_object_get_string(field);
}

static int read_uuid(const char *hex, uint8_t uuid[16])
{
    unsigned byte;

    if (strlen(hex) != 32 || strspn(hex, "0123456789abcdef") != 32)
        return -1;
    for (unsigned i = 0; i < 16; i++) {
        sscanf(hex + (size_t)2 * i, "%2x", &byte);
        uuid[i] = (uint8_t)byte;
    }
    return 0;
}

static int read_object(struct json_object *object, const char *toolstack, struct left_behind *left)
{
    int64_t version, domid, weight, cap;

    if (!json_object_is_type(object, json_type_object) || get_int(object, "version", 1, INT_MAX, &version))
        return -1;
    if (version != RECORD_VERSION)
        return 1;
    if (get_int(object, "domid", 1, UINT32_MAX, &domid) || get_int(object, "weight", -1, INT_MAX, &weight) ||
        get_int(object, "cap", 0, INT_MAX, &cap) || read_uuid(get_text(object, "uuid"), left->uuid))
        return -1;
    left->domid = (uint32_t)domid;
    left->sched = (struct toolstack_sched){ .weight = (int)weight, .cap = (int)cap };
    snprintf(left->name, sizeof left->name, "%s", get_text(object, "name"));
    return strcmp(get_text(object, "toolstack"), toolstack) == 0 ? 0 : 1;
}

/* 0: read; 1: of another toolstack, or another xlmig; -1: makes no sense. */
static int read_file(int fd, const char *toolstack, struct left_behind *left)
{
    char text[FILE_MAX + 1];
    ssize_t n = pread(fd, text, FILE_MAX, 0);
    struct json_object *object;
    int rc;

    if (n < 0)
        return -1;
    text[n] = '\0';
    object = json_tokener_parse(text);
    rc = read_object(object, toolstack, left);
    json_object_put(object);
    return rc;
}

static int give_back(struct toolstack *ts, const struct left_behind *left, struct failure *failure)
{
    struct toolstack_vm vm;
    int rc = ts->ops->find_domid(ts, left->domid, &vm, failure);

    if (rc < 0)
        return -1;
    if (rc == 1 || memcmp(vm.uuid, left->uuid, sizeof vm.uuid) != 0)
        return 0; /* it is gone: nothing to give back */
    return ts->ops->sched_set(ts, left->domid, left->sched, failure);
}

/* Owned by nobody any more, within so long? */
static bool lock_within(int fd, unsigned wait_ms)
{
    const struct timespec pause = { .tv_nsec = 10000000 };

    for (unsigned waited = 0;; waited += 10) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (waited >= wait_ms)
            return false;
        nanosleep(&pause, NULL);
    }
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
