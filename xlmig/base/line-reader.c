/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/base/line-reader.h"

#include "xlmig/base/text.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1000

struct line_reader {
    int fd;
    struct event *readable;
    struct evbuffer *buffer;
    line_fn *line;
    void *user;
    char tail[LINE_TAIL_BYTES];
};

/* Whole lines are dropped from the front until the new one fits. */
static void keep(struct line_reader *reader, const char *line)
{
    size_t used = strlen(reader->tail), len = strlen(line);

    while (used > 0 && used + len + 3 > sizeof reader->tail) {
        const char *rest = strstr(reader->tail, "; ");
        size_t cut = rest ? (size_t)(rest - reader->tail) + 2 : used;

        memmove(reader->tail, reader->tail + cut, used - cut + 1);
        used -= cut;
    }
    snprintf(reader->tail + used, sizeof reader->tail - used, "%s%s", used ? "; " : "", line);
}

static void deliver(struct line_reader *reader)
{
    char *line;

    while ((line = evbuffer_readln(reader->buffer, NULL, EVBUFFER_EOL_ANY))) {
        clean_text(line);
        if (strlen(line) > LINE_MAX_BYTES)
            line[LINE_MAX_BYTES] = '\0';
        if (*line) {
            keep(reader, line);
            if (reader->line)
                reader->line(reader->user, line);
        }
        free(line);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    struct line_reader *reader = user;
    int r = evbuffer_read(reader->buffer, fd, 16384);

    (void)what;
    if (r == 0 || (r < 0 && errno != EAGAIN && errno != EINTR)) {
        event_del(reader->readable);
        evbuffer_add(reader->buffer, "\n", 1); /* an unfinished last line counts */
    }
    deliver(reader);
    if (evbuffer_get_length(reader->buffer) > LINE_MAX_BYTES) {
        evbuffer_add(reader->buffer, "\n", 1);
        deliver(reader);
    }
}

struct line_reader *line_reader_open(struct event_base *base, int fd, line_fn *line, void *user)
{
    struct line_reader *reader = calloc(1, sizeof *reader);

    if (!reader) {
        close(fd);
        return NULL;
    }
    *reader = (struct line_reader){ .fd = fd, .line = line, .user = user };
    reader->buffer = evbuffer_new();
    reader->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, reader);
    if (!reader->buffer || !reader->readable || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
        event_add(reader->readable, NULL) < 0) {
        line_reader_close(reader);
        return NULL;
    }
    return reader;
}

void line_reader_drain(struct line_reader *reader)
{
    while (evbuffer_read(reader->buffer, reader->fd, 16384) > 0)
        ;
    deliver(reader);
}

const char *line_reader_tail(const struct line_reader *reader)
{
    return reader->tail;
}

void line_reader_close(struct line_reader *reader)
{
    if (!reader)
        return;
    if (reader->readable)
        event_free(reader->readable);
    if (reader->buffer)
        evbuffer_free(reader->buffer);
    close(reader->fd);
    free(reader);
}
