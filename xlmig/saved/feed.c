/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/saved/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES (1u << 18)
#define CHUNK_ALIGNMENT 4096

struct piece {
    const uint8_t *bytes;
    size_t len;
};

struct feed {
    const char *name;
    int from, to;
    struct event *readable, *writable;
    feed_ended *ended;
    void *user;
    struct stream_file file;
    struct stream_judge *judge;
    struct failure why;
    uint8_t *chunks[2];
    struct piece held, out; /* the newest; what is being written */
    bool over;
};

static bool is_ready(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };

    return poll(&p, 1, 0) > 0;
}

static void stop(struct feed *feed, enum feed_end end)
{
    event_del(feed->readable);
    event_del(feed->writable);
    feed->ended(feed->user, end, &feed->why);
}

static void wait_for(struct feed *feed, struct event *event)
{
    event_del(event == feed->readable ? feed->writable : feed->readable);
    event_add(event, NULL);
}

static int say_invalid(struct feed *feed)
{
    const struct stream_fault *fault = &feed->file.fault;

    return failure_set(&feed->why, "%s is not valid: %s, at byte %" PRIu64 " (%s); look with: xlmig verify",
                       feed->name, stream_fault_text(fault->code), fault->offset, stream_fault_name(fault->code));
}

/* 0: that which was held may go, and `chunk` is held. */
static int take(struct feed *feed, const uint8_t *chunk, size_t len)
{
    if (stream_judge_push(feed->judge, chunk, len))
        return say_invalid(feed);
    feed->out = feed->held;
    feed->held = (struct piece){ chunk, len };
    return 0;
}

/* 0: read, or over.  1: nothing now.  -1: see why. */
static int read_some(struct feed *feed)
{
    uint8_t *spare = feed->held.bytes == feed->chunks[0] ? feed->chunks[1] : feed->chunks[0];
    ssize_t n = read(feed->from, spare, CHUNK_BYTES);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (n < 0)
        return failure_set(&feed->why, "%s: %s", feed->name, strerror(errno));
    if (n > 0)
        return take(feed, spare, (size_t)n);
    if (stream_judge_end(feed->judge))
        return say_invalid(feed);
    feed->over = true;
    feed->out = feed->held;
    feed->held.len = 0;
    return 0;
}

/* As write(). */
static ssize_t write_some(struct feed *feed)
{
    ssize_t n = write(feed->to, feed->out.bytes, feed->out.len);

    if (n > 0) {
        feed->out.bytes += n;
        feed->out.len -= (size_t)n;
    }
    return n;
}

static void on_readable(struct feed *feed)
{
    if (!is_ready(feed->from, POLLIN)) {
        wait_for(feed, feed->readable);
        return;
    }
    if (read_some(feed) < 0)
        stop(feed, FEED_FAILED);
    else
        wait_for(feed, feed->out.len ? feed->writable : feed->readable);
}

static void on_ready(evutil_socket_t fd, short what, void *user)
{
    struct feed *feed = user;

    (void)fd;
    (void)what;
    if (feed->out.len == 0 && feed->over) {
        stop(feed, FEED_OVER);
    } else if (feed->out.len == 0) {
        on_readable(feed);
    } else if (write_some(feed) < 0 && errno != EAGAIN && errno != EINTR) {
        stop(feed, FEED_OUTPUT_GONE);
    } else {
        wait_for(feed, feed->out.len || feed->over ? feed->writable : feed->readable);
    }
}

static int prepare(struct feed *feed, struct event_base *base, const void *first, size_t len)
{
    feed->judge = stream_judge_new(&feed->file);
    for (unsigned i = 0; i < 2; i++)
        feed->chunks[i] = aligned_alloc(CHUNK_ALIGNMENT, CHUNK_BYTES);
    feed->readable = event_new(base, feed->from, EV_READ | EV_PERSIST, on_ready, feed);
    feed->writable = event_new(base, feed->to, EV_WRITE | EV_PERSIST, on_ready, feed);
    if (!feed->judge || !feed->chunks[0] || !feed->chunks[1] || !feed->readable || !feed->writable ||
        fcntl(feed->to, F_SETFL, O_NONBLOCK) < 0 || event_add(feed->readable, NULL) < 0)
        return failure_set(&feed->why, "out of memory");
    return take(feed, first, len);
}

struct feed *feed_start(struct event_base *base, const char *name, const void *first, size_t len, int from, int to,
                        feed_ended *ended, void *user, struct failure *failure)
{
    struct feed *feed = calloc(1, sizeof *feed);

    if (!feed) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    feed->name = name;
    feed->from = from;
    feed->to = to;
    feed->ended = ended;
    feed->user = user;
    if (prepare(feed, base, first, len) == 0)
        return feed;
    failure_set(failure, "%s", feed->why.text);
    feed_free(feed);
    return NULL;
}

void feed_free(struct feed *feed)
{
    if (!feed)
        return;
    if (feed->readable)
        event_free(feed->readable);
    if (feed->writable)
        event_free(feed->writable);
    stream_judge_free(feed->judge);
    free(feed->chunks[0]);
    free(feed->chunks[1]);
    free(feed);
}
