/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/* The one that runs: see socket.h. */
#include "config.h"
#include "xlmig/watch/socket.h"

#include "xlmig/base/runtime-dir.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 16u
#define REQUEST_MAX 4096u
#define UNREAD_MAX 65536u /* of answers: who asks on and does not read gets no more */
#define CLIENT_TIMEOUT_S 10

struct client {
    struct registry *registry;
    struct bufferevent *bev; /* NULL: free */
};

struct registry {
    struct event_base *base;
    struct registry_callbacks callbacks;
    struct event *listening;
    int fd;
    char id[REGISTRY_ID_SIZE];
    char path[PATH_MAX];
    struct client clients[CLIENTS_MAX];
};

/* ---- requests ---- */

static struct json_object *answer(int rc, const struct failure *failure)
{
    struct json_object *object = json_object_new_object();

    json_object_object_add(object, "ok", json_object_new_boolean(rc == 0));
    if (rc != 0)
        json_object_object_add(object, "error", json_object_new_string(failure->text));
    return object;
}

static struct json_object *describe(struct registry *r)
{
    struct json_object *object = r->callbacks.status(r->callbacks.user);

    json_object_object_add(object, "ok", json_object_new_boolean(1));
    json_object_object_add(object, "id", json_object_new_string(r->id));
    json_object_object_add(object, "pid", json_object_new_int(getpid()));
    return object;
}

/* Is it an object with that text in that field? */
static bool says(const char *line, size_t len, const char *field, const char *text)
{
    struct json_tokener *tokener = json_tokener_new_ex(2);
    struct json_object *object = tokener ? json_tokener_parse_ex(tokener, line, (int)len) : NULL, *value;
    bool yes = json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, field, &value) &&
               json_object_is_type(value, json_type_string) && strcmp(json_object_get_string(value), text) == 0;

    json_object_put(object);
    if (tokener)
        json_tokener_free(tokener);
    return yes;
}

static struct json_object *serve(struct registry *r, const char *line, size_t len)
{
    struct failure failure = { 0 };
    struct helper_command command;

    if (helper_command_parse(line, len, &command) == 0)
        return answer(r->callbacks.command(r->callbacks.user, command, &failure), &failure);
    if (says(line, len, "do", "cancel"))
        return answer(r->callbacks.cancel(r->callbacks.user, &failure), &failure);
    if (says(line, len, "ask", "status"))
        return describe(r);
    return answer(failure_set(&failure, "there is no such request"), &failure);
}

/* ---- clients ---- */

static void drop(struct client *c)
{
    if (c->bev)
        bufferevent_free(c->bev);
    c->bev = NULL;
}

/* An answer that was given just before the end: to "cancel", for one.  As much as the socket takes. */
static void send_rest(struct client *c)
{
    struct evbuffer *output = c->bev ? bufferevent_get_output(c->bev) : NULL;

    if (output && evbuffer_get_length(output))
        (void)!send(bufferevent_getfd(c->bev), evbuffer_pullup(output, -1), evbuffer_get_length(output),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void on_client_input(struct bufferevent *bev, void *user)
{
    struct evbuffer *input = bufferevent_get_input(bev), *output = bufferevent_get_output(bev);
    struct client *c = user;
    size_t len;
    char *line;

    while (c->bev && (line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF))) {
        struct json_object *object = serve(c->registry, line, len);

        evbuffer_add_printf(output, "%s\n",
                            json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
        json_object_put(object);
        free(line);
    }
    if (c->bev && (evbuffer_get_length(input) > REQUEST_MAX || evbuffer_get_length(output) > UNREAD_MAX))
        drop(c);
}

/* It hung up, was silent for too long, or does not read what it asked for. */
static void on_client_event(struct bufferevent *bev, short what, void *user)
{
    (void)bev;
    (void)what;
    drop(user);
}

static struct client *free_client(struct registry *r)
{
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (!r->clients[i].bev)
            return &r->clients[i];
    return NULL;
}

static void on_connection(evutil_socket_t fd, short what, void *user)
{
    static const struct timeval patience = { .tv_sec = CLIENT_TIMEOUT_S };
    struct registry *r = user;
    int client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct client *c = free_client(r);

    (void)what;
    if (client_fd < 0)
        return;
    if (!c || !(c->bev = bufferevent_socket_new(r->base, client_fd, BEV_OPT_CLOSE_ON_FREE))) {
        close(client_fd);
        return;
    }
    c->registry = r;
    bufferevent_setcb(c->bev, on_client_input, NULL, on_client_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0, 2 * REQUEST_MAX);
    bufferevent_set_timeouts(c->bev, &patience, &patience);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* ---- the socket ---- */

static int bind_at(int fd, const char *path, struct failure *failure)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof address.sun_path)
        return failure_set(failure, "%s: the name is too long for a socket", path);
    strcpy(address.sun_path, path);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, CLIENTS_MAX) < 0)
        return failure_set(failure, "%s: %s", path, strerror(errno));
    return 0;
}

/* It listens before it gets its name: whoever finds a socket that does not may remove it. */
static int listen_in(struct registry *r, const char *dir, struct failure *failure)
{
    char begun[PATH_MAX];

    snprintf(r->id, sizeof r->id, "%c%u", r->callbacks.incoming ? 'i' : 'm', (unsigned)getpid());
    snprintf(begun, sizeof begun, "%s/new-%s", dir, r->id);
    snprintf(r->path, sizeof r->path, "%s/send-%s.sock", dir, r->id);
    r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (r->fd < 0)
        return failure_set(failure, "cannot make a socket: %s", strerror(errno));
    if (bind_at(r->fd, begun, failure) < 0)
        return -1;
    if (rename(begun, r->path) == 0)
        return 0;
    failure_set(failure, "%s: %s", r->path, strerror(errno));
    unlink(begun);
    r->path[0] = '\0';
    return -1;
}

struct registry *registry_open(struct event_base *base, const struct registry_callbacks *callbacks,
                               struct failure *failure)
{
    struct registry *r = calloc(1, sizeof *r);
    char dir[PATH_MAX - 64];

    if (!r) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    *r = (struct registry){ .base = base, .callbacks = *callbacks, .fd = -1 };
    if (runtime_dir(dir, sizeof dir, failure) < 0 || listen_in(r, dir, failure) < 0) {
        registry_close(r);
        return NULL;
    }
    r->listening = event_new(base, r->fd, EV_READ | EV_PERSIST, on_connection, r);
    if (!r->listening || event_add(r->listening, NULL) < 0) {
        failure_set(failure, "out of memory");
        registry_close(r);
        return NULL;
    }
    return r;
}

const char *registry_id(const struct registry *r)
{
    return r->id;
}

void registry_close(struct registry *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        send_rest(&r->clients[i]);
        drop(&r->clients[i]);
    }
    if (r->listening)
        event_free(r->listening);
    if (r->path[0])
        unlink(r->path);
    if (r->fd >= 0)
        close(r->fd);
    free(r);
}
