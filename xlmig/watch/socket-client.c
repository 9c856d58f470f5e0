/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* Those that ask: see socket.h.  Without an event loop; every wait is bounded by the socket's timeouts. */
#include "config.h"
#include "xlmig/watch/socket.h"

#include "xlmig/base/runtime-dir.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_S 2
#define ANSWER_MAX 65536u
#define PREFIX "send-"
#define SUFFIX ".sock"

/* Letters and digits: an ID becomes a file name. */
static bool is_id(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len < REGISTRY_ID_SIZE && strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz") == len;
}

/* A socket that refuses is of a process that is no more. */
static int connect_to(const char *id, struct failure *failure)
{
    const struct timeval patience = { .tv_sec = TIMEOUT_S };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char dir[sizeof address.sun_path - 32];
    int fd;

    if (!is_id(id))
        return failure_set(failure, "'%s' is no ID", id);
    if (runtime_dir(dir, sizeof dir, failure) < 0)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "%s/" PREFIX "%s" SUFFIX, dir, id);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return failure_set(failure, "cannot make a socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (errno == ECONNREFUSED)
        unlink(address.sun_path);
    failure_set(failure, "%s does not run (any more): %s", id, strerror(errno));
    close(fd);
    return -1;
}

static int read_line(int fd, char *line, size_t size)
{
    size_t used = 0;

    while (used + 1 < size) {
        ssize_t n = recv(fd, line + used, size - used - 1, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        used += (size_t)n;
        line[used] = '\0';
        if (strchr(line, '\n'))
            return 0;
    }
    errno = EMSGSIZE;
    return -1;
}

static struct json_object *exchange(int fd, const char *request)
{
    struct iovec iov[] = { { (void *)request, strlen(request) }, { (void *)"\n", 1 } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    struct json_object *object = NULL;
    char *line = malloc(ANSWER_MAX);

    if (line && sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)(iov[0].iov_len + 1) && read_line(fd, line, ANSWER_MAX) == 0)
        object = json_tokener_parse(line);
    free(line);
    if (json_object_is_type(object, json_type_object))
        return object;
    json_object_put(object);
    return NULL;
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *field;

    return json_object_object_get_ex(object, name, &field) && json_object_is_type(field, json_type_string)
               ? json_object_get_string(field) : "";
}

int registry_ask(const char *id, const char *request, struct json_object **answer, struct failure *failure)
{
    struct json_object *object, *ok;
    int fd = connect_to(id, failure);

    *answer = NULL;
    if (fd < 0)
        return -1;
    object = exchange(fd, request);
    close(fd);
    if (!object)
        return failure_set(failure, "%s does not answer", id);
    if (json_object_object_get_ex(object, "ok", &ok) && json_object_get_boolean(ok)) {
        *answer = object;
        return 0;
    }
    failure_set(failure, "%s", text_of(object, "error"));
    json_object_put(object);
    return -1;
}

/* "send-m4711.sock" -> "m4711" */
static int id_of(const char *file_name, char id[REGISTRY_ID_SIZE])
{
    size_t len = strlen(file_name), ends = strlen(PREFIX) + strlen(SUFFIX);

    if (len <= ends || len - ends >= REGISTRY_ID_SIZE || strncmp(file_name, PREFIX, strlen(PREFIX)) != 0 ||
        strcmp(file_name + len - strlen(SUFFIX), SUFFIX) != 0)
        return -1;
    memcpy(id, file_name + strlen(PREFIX), len - ends);
    id[len - ends] = '\0';
    return is_id(id) ? 0 : -1;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct registry_entry *)a)->id, ((const struct registry_entry *)b)->id);
}

int registry_list(struct registry_entry **entries, size_t *nr_entries, struct failure *failure)
{
    char dir[PATH_MAX];
    struct dirent *file;
    DIR *d;

    *entries = NULL;
    *nr_entries = 0;
    if (runtime_dir(dir, sizeof dir, failure) < 0)
        return -1;
    d = opendir(dir);
    if (!d)
        return failure_set(failure, "%s: %s", dir, strerror(errno));
    while ((file = readdir(d))) {
        struct registry_entry entry = { 0 }, *more;
        struct failure silent = { 0 };

        if (id_of(file->d_name, entry.id) < 0 ||
            registry_ask(entry.id, "{\"ask\":\"status\"}", &entry.status, &silent) < 0)
            continue;
        more = realloc(*entries, (*nr_entries + 1) * sizeof *more);
        if (!more) {
            json_object_put(entry.status);
            break;
        }
        *entries = more;
        (*entries)[(*nr_entries)++] = entry;
    }
    closedir(d);
    if (*nr_entries)
        qsort(*entries, *nr_entries, sizeof **entries, by_id);
    return 0;
}

void registry_list_free(struct registry_entry *entries, size_t nr_entries)
{
    for (size_t i = 0; i < nr_entries; i++)
        json_object_put(entries[i].status);
    free(entries);
}

static bool is_incoming(const struct registry_entry *entry)
{
    struct json_object *field;

    return json_object_object_get_ex(entry->status, "incoming", &field) && json_object_get_boolean(field);
}

static bool goes_by(const struct registry_entry *entry, const char *name)
{
    struct json_object *domid;
    char text[16] = "";

    if (json_object_object_get_ex(entry->status, "domid", &domid))
        snprintf(text, sizeof text, "%u", (unsigned)json_object_get_int64(domid));
    return strcmp(text_of(entry->status, "vm"), name) == 0 || strcmp(text, name) == 0;
}

int registry_find(const char *name, char id[REGISTRY_ID_SIZE], struct failure *failure)
{
    struct registry_entry *entries;
    bool arrives = false;
    size_t n, found = 0;

    if (registry_list(&entries, &n, failure) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(entries[i].id, name) == 0) {
            found = 1;
            memcpy(id, entries[i].id, REGISTRY_ID_SIZE);
            break;
        }
        if (is_incoming(&entries[i])) {
            arrives |= goes_by(&entries[i], name);
            continue;
        }
        if (goes_by(&entries[i], name) && found++ == 0)
            memcpy(id, entries[i].id, REGISTRY_ID_SIZE);
    }
    registry_list_free(entries, n);
    if (found == 0 && arrives)
        return failure_set(failure, "%s is arriving; what is to be done to its move must be told on the host that it leaves", name);
    if (found == 0)
        return failure_set(failure, "no move of %s runs on this host; those that do: xlmig top", name);
    return found == 1 ? 0 : failure_set(failure, "more than one move of %s runs on this host; name it by its ID, which "
                                                 "xlmig top shows", name);
}

int registry_tell(const char *name, const char *request, struct failure *failure)
{
    struct json_object *answer;
    char id[REGISTRY_ID_SIZE];

    if (registry_find(name, id, failure) < 0 || registry_ask(id, request, &answer, failure) < 0)
        return -1;
    json_object_put(answer);
    return 0;
}
