/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "xlmig/peer/transport.h"

#include "xlmig/base/child.h"
#include "xlmig/base/line-reader.h"
#include "xlmig/base/loop.h"
#include "xlmig/base/write.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES (1 << 20)
#define INPUT_MAX (4u << 20)      /* the receiver says little; more than this is not a receiver */
#define STATUS_WAIT_US 2000000    /* for the exit status, after the stream ended */

#define SSH_FAILED 255            /* ssh itself, and not what it ran */
#define FIRST_WAIT_US 200000u     /* before it is started again, more or less; twice as long before each time after it ... */
#define WAIT_DOUBLINGS_MAX 4u     /* ... up to that: 3.2 s */

struct transport {
    struct event_base *base;
    struct transport_callbacks callbacks;
    struct child *child;
    int output_fd, input_fd;
    struct event *readable, *status_timer;
    struct evbuffer *input;
    struct line_reader *errors;  /* of the command's standard error */
    bool input_over, child_over, told;
    bool heard;                  /* anything, from the other host */
    int status;
    char **argv;                 /* of what may be started again; NULL: nothing */
    struct event *again;         /* then */
    bool waits;                  /* for that */
    uint64_t until_us;
    unsigned nr_tries;
    char last_words[LINE_TAIL_BYTES + 512];
};

/* ---- an sshd that turns connections away ---- */

/*
 * sshd closes a connection that is one too many before it says a word.  ssh says so in English always, as it has
 * no other language; what it says else (no such host, no key that fits) is no reason to try again.
 */
static bool was_turned_away(const struct transport *t)
{
    static const char *const closed[] = { "Connection closed by remote host", "Connection reset by peer", "Broken pipe" };
    const char *said;

    if (!t->argv || t->heard || !t->child_over || !WIFEXITED(t->status) || WEXITSTATUS(t->status) != SSH_FAILED)
        return false;
    said = strstr(line_reader_tail(t->errors), "_exchange_identification: ");
    for (size_t i = 0; said && i < sizeof closed / sizeof closed[0]; i++)
        if (strstr(said, closed[i]))
            return true;
    return false;
}

/* Between half of it and half more: those that were turned away together do not come back together. */
static uint64_t random_wait_us(unsigned nr_tries)
{
    uint64_t wait = (uint64_t)FIRST_WAIT_US << (nr_tries < WAIT_DOUBLINGS_MAX ? nr_tries : WAIT_DOUBLINGS_MAX);
    uint32_t random = 0;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint32_t)now_us() * 2654435761u;
    return wait / 2 + wait * random / UINT32_MAX;
}

/* Is it started again, later? */
static bool comes_again(struct transport *t)
{
    uint64_t wait = random_wait_us(t->nr_tries);
    struct timeval in = us_to_timeval(wait);

    t->waits = was_turned_away(t) && now_us() + wait < t->until_us && evtimer_add(t->again, &in) == 0;
    return t->waits;
}

static void tell_end(struct transport *t)
{
    if (t->told || t->waits)
        return;
    evtimer_del(t->status_timer);
    if (comes_again(t))
        return;
    t->told = true;
    t->callbacks.input(t->callbacks.user, true);
}

static void on_status_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    tell_end(user);
}

static void on_readable(evutil_socket_t fd, short what, void *user)
{
    static const struct timeval status_wait = { STATUS_WAIT_US / 1000000, STATUS_WAIT_US % 1000000 };
    struct transport *t = user;
    int r = evbuffer_read(t->input, fd, 65536);

    (void)what;
    if (r < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (r <= 0 || evbuffer_get_length(t->input) > INPUT_MAX) {
        t->input_over = true;
        event_del(t->readable);
        if (t->child_over)
            tell_end(t);
        else
            evtimer_add(t->status_timer, &status_wait);
        return;
    }
    t->heard = true;
    t->callbacks.input(t->callbacks.user, false);
}

/* The command is gone.  What it wrote before may still be in the pipes. */
static void on_child_ended(void *user, int status)
{
    struct transport *t = user;

    t->child_over = true;
    t->status = status;
    line_reader_drain(t->errors);
    if (!t->input_over) {
        while (evbuffer_get_length(t->input) <= INPUT_MAX && evbuffer_read(t->input, t->input_fd, 65536) > 0)
            t->heard = true;
        t->input_over = true;
        event_del(t->readable);
    }
    tell_end(t);
}

/* Nothing to run, nor to wait for: as if a command had ended well already. */
static int adopt(struct transport *t, const struct transport_spec *spec, struct failure *failure)
{
    t->input_fd = fcntl(spec->input_fd, F_DUPFD_CLOEXEC, 3);
    t->output_fd = fcntl(spec->output_fd, F_DUPFD_CLOEXEC, 3);
    t->child_over = true;
    if (t->input_fd < 0 || t->output_fd < 0)
        return failure_set(failure, "descriptors %d and %d: %s", spec->input_fd, spec->output_fd, strerror(errno));
    close(spec->input_fd);
    if (spec->output_fd != spec->input_fd)
        close(spec->output_fd); /* else the other side would not see when it is hung up on */
    return 0;
}

static int start(struct transport *t, const struct transport_spec *spec, int *error_fd, struct failure *failure)
{
    const char *const shell[] = { "sh", "-c", spec->shell_command, NULL };
    struct child_spec child = { .argv = spec->shell_command ? shell : spec->argv, .pass_fd = -1 };
    int to[2] = { -1, -1 }, from[2] = { -1, -1 }, errors[2] = { -1, -1 };
    pid_t pid = -1;
    int rc;

    if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0) {
        rc = failure_set(failure, "cannot make a pipe: %s", strerror(errno));
    } else {
        fcntl(to[1], F_SETPIPE_SZ, PIPE_BYTES); /* fewer wake-ups on the way of the data; any size will do */
        child.input_fd = to[0];
        child.output_fd = from[1];
        child.error_fd = errors[1];
        rc = child_spawn(&child, &pid, failure);
    }
    t->output_fd = to[1];
    t->input_fd = from[0];
    *error_fd = errors[0];
    if (to[0] >= 0)
        close(to[0]);
    if (from[1] >= 0)
        close(from[1]);
    if (errors[1] >= 0)
        close(errors[1]);
    if (rc == 0) {
        t->child = child_watch(t->base, pid, on_child_ended, t);
        if (!t->child)
            rc = failure_set(failure, "out of memory");
    }
    return rc;
}

static void on_line(void *user, const char *line)
{
    struct transport *t = user;

    if (t->callbacks.message)
        t->callbacks.message(t->callbacks.user, line);
}

static int watch(struct transport *t, int error_fd, struct failure *failure)
{
    if (error_fd >= 0)
        t->errors = line_reader_open(t->base, error_fd, on_line, t);
    if (fcntl(t->input_fd, F_SETFL, O_NONBLOCK) < 0)
        return failure_set(failure, "fcntl: %s", strerror(errno));
    if (!t->input)
        t->input = evbuffer_new();
    t->readable = event_new(t->base, t->input_fd, EV_READ | EV_PERSIST, on_readable, t);
    if (!t->status_timer)
        t->status_timer = evtimer_new(t->base, on_status_timer, t);
    if (!t->input || (error_fd >= 0 && !t->errors) || !t->readable || !t->status_timer || event_add(t->readable, NULL) < 0)
        return failure_set(failure, "out of memory");
    return 0;
}

static void free_words(char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free(argv);
}

static char **copy_words(const char *const *argv)
{
    char **copy;
    size_t n = 0;

    while (argv[n])
        n++;
    copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        if (!(copy[i] = strdup(argv[i]))) {
            free_words(copy);
            return NULL;
        }
    return copy;
}

static void forget_try(struct transport *t)
{
    child_free(t->child, 0);
    t->child = NULL;
    if (t->readable)
        event_free(t->readable);
    t->readable = NULL;
    line_reader_close(t->errors);
    t->errors = NULL;
    transport_hang_up(t);
    if (t->input_fd >= 0)
        close(t->input_fd);
    t->input_fd = -1;
}

static void on_again(evutil_socket_t fd, short what, void *user)
{
    struct transport *t = user;
    struct transport_spec spec = { .argv = (const char *const *)t->argv };
    struct failure failure = { 0 };
    int error_fd = -1;

    (void)fd;
    (void)what;
    forget_try(t);
    t->waits = t->input_over = t->child_over = false;
    t->nr_tries++;
    if (start(t, &spec, &error_fd, &failure) == 0 && watch(t, error_fd, &failure) == 0)
        return;
    t->until_us = 0;
    if (t->callbacks.message)
        t->callbacks.message(t->callbacks.user, failure.text);
    tell_end(t);
}

static int prepare_retries(struct transport *t, const struct transport_spec *spec)
{
    t->nr_tries = 1;
    if (!spec->argv || !spec->retry_us)
        return 0;
    t->until_us = now_us() + spec->retry_us;
    t->again = evtimer_new(t->base, on_again, t);
    t->argv = copy_words(spec->argv);
    return t->again && t->argv ? 0 : -1;
}

struct transport *transport_open(struct event_base *base, const struct transport_spec *spec,
                                 const struct transport_callbacks *callbacks, struct failure *failure)
{
    struct transport *t = calloc(1, sizeof *t);
    int error_fd = -1;

    if (!t) {
        failure_set(failure, "out of memory");
        return NULL;
    }
    t->base = base;
    t->callbacks = *callbacks;
    t->output_fd = t->input_fd = -1;
    if (prepare_retries(t, spec) < 0) {
        failure_set(failure, "out of memory");
        transport_close(t, 0);
        return NULL;
    }
    if (spec->shell_command || spec->argv ? start(t, spec, &error_fd, failure) < 0 : adopt(t, spec, failure) < 0) {
        if (error_fd >= 0)
            close(error_fd);
        transport_close(t, 0);
        return NULL;
    }
    if (watch(t, error_fd, failure) < 0) {
        transport_close(t, 0);
        return NULL;
    }
    return t;
}

void transport_close(struct transport *t, uint64_t leave_us)
{
    if (!t)
        return;
    transport_hang_up(t);
    child_free(t->child, leave_us);
    if (t->readable)
        event_free(t->readable);
    if (t->status_timer)
        event_free(t->status_timer);
    if (t->input)
        evbuffer_free(t->input);
    line_reader_close(t->errors);
    if (t->input_fd >= 0)
        close(t->input_fd);
    if (t->again)
        event_free(t->again);
    free_words(t->argv);
    free(t);
}

struct evbuffer *transport_input(struct transport *t)
{
    return t->input;
}

int transport_output_fd(const struct transport *t)
{
    return t->output_fd;
}

int transport_write(struct transport *t, const void *bytes, size_t len, unsigned timeout_s, size_t *written)
{
    return write_bounded(t->output_fd, bytes, len, timeout_s, written);
}

bool transport_is_broken(const struct transport *t)
{
    struct pollfd p = { .fd = t->output_fd, .events = POLLOUT };

    return t->output_fd >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

void transport_hang_up(struct transport *t)
{
    if (t->output_fd >= 0)
        close(t->output_fd);
    t->output_fd = -1;
    if (t->waits)
        evtimer_del(t->again);
}

bool transport_command_not_found(const struct transport *t)
{
    return t->child_over && WIFEXITED(t->status) && WEXITSTATUS(t->status) == 127;
}

const char *transport_last_words(struct transport *t)
{
    char status[64], hint[256] = "";
    const char *tail;

    if (!t->errors)
        return "the other end hung up";
    tail = line_reader_tail(t->errors);
    if (was_turned_away(t))
        snprintf(hint, sizeof hint, ". The sshd there turned the connection away, %u time%s: it lets only so many wait to "
                 "log in at once (MaxStartups in its sshd_config)", t->nr_tries, t->nr_tries == 1 ? "" : "s");
    snprintf(t->last_words, sizeof t->last_words, "the command that leads there %s%s%s%s",
             t->child_over ? child_status_text(t->status, status, sizeof status) : "hung up",
             tail[0] ? ": " : "", tail, hint);
    return t->last_words;
}
