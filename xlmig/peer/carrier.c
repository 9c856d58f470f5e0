/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The thread owns all but what `lock` is for, from its start to its end.
 *
 *   sending:   helper ──tee──> kept       until the receiver says that it arrived
 *                └──splice──> out ──> connection
 *   receiving: connection ──> helper
 *
 * Octets are numbered from the first of the channel.  Of a sender
 *
 *     nr_arrived <= nr_sent <= nr_taken
 *     kept holds [nr_arrived, nr_taken), out [nr_sent, nr_taken)
 *
 * and a new connection sets nr_sent back to nr_arrived.  Pipes hold pages and not
 * octets, and `out` the same pages as the end of `kept`: it has room whenever
 * `kept` has.
 *
 * It waits without a bound of its own for the helper, which has one, and is
 * stopped by whoever started it.
 */
#include "config.h"
#include "xlmig/peer/carrier.h"

#include "xlmig/base/loop.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PIPE_BYTES (1u << 20)      /* the most of one who is not root */
#define SAY_EVERY_BYTES (1u << 18)
#define SAY_SOON_US 5000u          /* of what came, when no more comes */
#define SAY_ANYWAY_US 2000000u
#define COUNT_BYTES 8u

struct carrier {
    struct carrier_spec spec;
    int pipe_fd;                   /* our end of the helper's pipe */
    int wake_fd, news_fd;          /* eventfds: the thread has something to look at; the loop has */
    bool started;
    pthread_t thread;

    pthread_mutex_t lock;
    bool stop;
    struct wire *next;             /* takes the place of `wire` */
    enum carrier_state state;
    struct failure why;
    uint64_t told_arrived;

    struct wire *wire;             /* NULL: it ended */
    struct failure end;            /* why */
    uint64_t heard_us;             /* now_us(): of the last word on it; of a receiver: said */

    /* of a sender */
    int kept[2], out[2], null_fd;
    uint64_t nr_taken, nr_sent, most_sent, nr_arrived;
    bool heard, ever_heard;        /* the receiver's count: on this connection, on any */
    bool full, over;               /* the window is; the helper says no more */
    bool to_tell;                  /* that it ended */
    unsigned char word[COUNT_BYTES];
    size_t word_len;

    /* of a receiver */
    uint64_t nr_passed, nr_said;
};

static void signal_fd(int fd)
{
    const uint64_t one = 1;

    (void)!write(fd, &one, sizeof one); /* an eventfd that is full is signalled already */
}

/* ---- what the loop knows ---- */

static void tell(struct carrier *carrier, enum carrier_state state)
{
    pthread_mutex_lock(&carrier->lock);
    carrier->state = state;
    carrier->why = carrier->end;
    carrier->told_arrived = carrier->nr_arrived;
    pthread_mutex_unlock(&carrier->lock);
    signal_fd(carrier->news_fd);
}

static void let_go(struct carrier *carrier)
{
    wire_free(carrier->wire);
    carrier->wire = NULL;
    carrier->to_tell = true;
}

static void lose(struct carrier *carrier)
{
    let_go(carrier);
    carrier->to_tell = false;
    tell(carrier, CARRIER_LOST);
}

static void end_connection(struct carrier *carrier)
{
    if (!carrier->spec.lasting)
        lose(carrier);
    else
        let_go(carrier);
}

/* A sender has lost nothing as long as all has arrived: the end of a move looks like this, too. */
static void tell_end(struct carrier *carrier)
{
    const bool needed = !carrier->spec.sending || !carrier->ever_heard || carrier->nr_taken > carrier->nr_arrived;

    if (!carrier->to_tell || !needed)
        return;
    carrier->to_tell = false;
    tell(carrier, CARRIER_LACKS);
}

/* ---- receiving ---- */

static void say_count(struct carrier *carrier)
{
    const uint64_t count = htole64(carrier->nr_passed);

    carrier->nr_said = carrier->nr_passed;
    carrier->heard_us = now_us();
    if (wire_say(carrier->wire, &count, sizeof count, &carrier->end) < 0)
        end_connection(carrier);
}

static int until_count_is_due(const struct carrier *carrier)
{
    const bool unsaid = carrier->nr_said < carrier->nr_passed;
    const uint64_t due = carrier->heard_us + (unsaid ? SAY_SOON_US : SAY_ANYWAY_US), now = now_us();

    if (!carrier->wire || !carrier->spec.lasting)
        return -1;
    return due > now ? (int)((due - now) / 1000 + 1) : 0;
}

static void wait_to_receive(struct carrier *carrier, enum wire_wait what)
{
    struct pollfd p[] = {
        { .fd = carrier->wake_fd, .events = POLLIN },
        { .fd = carrier->wire && what == WIRE_WAITS_SOCKET ? wire_fd(carrier->wire) : -1, .events = POLLIN },
        { .fd = carrier->wire && what == WIRE_WAITS_PIPE ? carrier->pipe_fd : -1, .events = POLLOUT },
    };

    (void)poll(p, 3, until_count_is_due(carrier));
}

/* false: nobody reads any more, or it is lost. */
static bool receive_some(struct carrier *carrier)
{
    enum wire_wait what = WIRE_WAITS_SOCKET;
    size_t moved = 0;

    if (carrier->wire)
        what = wire_receive(carrier->wire, carrier->pipe_fd, &moved, &carrier->end);
    carrier->nr_passed += moved;
    if (what == WIRE_UNREAD)
        return false;
    if (what == WIRE_ENDED)
        end_connection(carrier);
    else if (carrier->spec.lasting && carrier->wire &&
             (carrier->nr_passed - carrier->nr_said >= SAY_EVERY_BYTES || until_count_is_due(carrier) == 0))
        say_count(carrier);
    tell_end(carrier);
    if (carrier->state == CARRIER_LOST)
        return false;
    if (what != WIRE_MOVED)
        wait_to_receive(carrier, what);
    return true;
}

/* ---- sending ---- */

static int drop_kept(struct carrier *carrier, uint64_t nr)
{
    while (nr > 0) {
        ssize_t n = splice(carrier->kept[0], NULL, carrier->null_fd, NULL, nr, SPLICE_F_NONBLOCK);

        if (n <= 0)
            return failure_set(&carrier->end, "the window is broken");
        nr -= (uint64_t)n;
    }
    return 0;
}

/* The other side has as many.  -1: it cannot. */
static int arrived(struct carrier *carrier, uint64_t count)
{
    if (count < carrier->nr_arrived || count > carrier->most_sent)
        return failure_set(&carrier->end, "the other side says to have what it was not sent");
    if (drop_kept(carrier, count - carrier->nr_arrived) < 0)
        return -1;
    carrier->full = carrier->full && count == carrier->nr_arrived;
    carrier->nr_arrived = count;
    return 0;
}

/* On a new connection, from what arrived on. */
static int rewind_to_arrived(struct carrier *carrier)
{
    const uint64_t kept = carrier->nr_taken - carrier->nr_arrived;

    while (splice(carrier->out[0], NULL, carrier->null_fd, NULL, INT_MAX, SPLICE_F_NONBLOCK) > 0)
        ;
    carrier->nr_sent = carrier->nr_arrived;
    if (kept > 0 && tee(carrier->kept[0], carrier->out[1], INT_MAX, SPLICE_F_NONBLOCK) != (ssize_t)kept)
        return failure_set(&carrier->end, "the window is broken");
    return 0;
}

/* -1: nonsense. */
static int hear_count(struct carrier *carrier, uint64_t count)
{
    if (arrived(carrier, count) < 0)
        return -1;
    if (carrier->heard)
        return 0;
    if (rewind_to_arrived(carrier) < 0)
        return -1;
    carrier->heard = carrier->ever_heard = true;
    tell(carrier, CARRIER_GOES);
    return 0;
}

static int hear_words(struct carrier *carrier, const unsigned char *words, size_t len)
{
    uint64_t count;

    for (size_t i = 0; i < len; i++) {
        carrier->word[carrier->word_len++] = words[i];
        if (carrier->word_len < COUNT_BYTES)
            continue;
        carrier->word_len = 0;
        memcpy(&count, carrier->word, sizeof count);
        if (hear_count(carrier, le64toh(count)) < 0)
            return -1;
    }
    return 0;
}

static void hear(struct carrier *carrier)
{
    unsigned char words[512];
    ssize_t n = wire_hear(carrier->wire, words, sizeof words, &carrier->end);

    if (n > 0 && !carrier->spec.lasting) {
        failure_set(&carrier->end, "the other side says what it should not");
        lose(carrier);
    } else if (n > 0) {
        carrier->heard_us = now_us();
        if (hear_words(carrier, words, (size_t)n) < 0)
            lose(carrier);
    } else if (n < 0) {
        end_connection(carrier);
    } else if (carrier->spec.lasting && now_us() - carrier->heard_us > carrier->spec.silence_us) {
        failure_set(&carrier->end, "nothing was heard from the other side for %u s",
                    carrier->spec.silence_us / 1000000);
        end_connection(carrier);
    }
}

static bool holds_some(const struct carrier *carrier)
{
    return carrier->nr_taken > (carrier->spec.lasting ? carrier->nr_arrived : carrier->nr_sent);
}

/* What the helper wrote is kept, and on its way.  true: there was some. */
static bool take(struct carrier *carrier)
{
    ssize_t n = PIPE_BYTES;
    int waiting = 0;

    if (carrier->over || carrier->full)
        return false;
    if (carrier->spec.lasting)
        n = tee(carrier->pipe_fd, carrier->kept[1], PIPE_BYTES, SPLICE_F_NONBLOCK);
    if (n > 0)
        n = splice(carrier->pipe_fd, NULL, carrier->out[1], NULL, (size_t)n, SPLICE_F_NONBLOCK);
    if (n > 0) {
        carrier->nr_taken += (uint64_t)n;
        return true;
    }
    carrier->over = n == 0;
    /* Or the helper wrote just now: room comes only where there is something that goes. */
    carrier->full = n < 0 && ioctl(carrier->pipe_fd, FIONREAD, &waiting) == 0 && waiting > 0 && holds_some(carrier);
    return false;
}

/* true: some went. */
static bool push(struct carrier *carrier)
{
    ssize_t n;

    if (!carrier->wire || (carrier->spec.lasting && !carrier->heard) || carrier->nr_sent == carrier->nr_taken)
        return false;
    n = wire_send(carrier->wire, carrier->out[0], &carrier->end);
    if (n < 0)
        end_connection(carrier);
    if (n <= 0)
        return false;
    carrier->nr_sent += (uint64_t)n;
    if (carrier->nr_sent > carrier->most_sent)
        carrier->most_sent = carrier->nr_sent;
    carrier->full = carrier->full && carrier->spec.lasting;
    return true;
}

static int until_silent(const struct carrier *carrier)
{
    const uint64_t due = carrier->heard_us + carrier->spec.silence_us, now = now_us();

    if (!carrier->wire || !carrier->spec.lasting)
        return -1;
    return due > now ? (int)((due - now) / 1000 + 1) : 0;
}

static void wait_to_send(struct carrier *carrier)
{
    const bool has_some = carrier->wire && (wire_is_behind(carrier->wire) ||
                                            (carrier->nr_sent < carrier->nr_taken && (carrier->heard || !carrier->spec.lasting)));
    struct pollfd p[] = {
        { .fd = carrier->wake_fd, .events = POLLIN },
        { .fd = carrier->wire ? wire_fd(carrier->wire) : -1, .events = (short)(POLLIN | (has_some ? POLLOUT : 0)) },
        { .fd = carrier->over || carrier->full ? -1 : carrier->pipe_fd, .events = POLLIN },
    };

    (void)poll(p, 3, until_silent(carrier));
}

/* All that the helper said is there, or as good as. */
static bool is_done(const struct carrier *carrier)
{
    return carrier->over && !holds_some(carrier) && !(carrier->wire && wire_is_behind(carrier->wire));
}

/* false: done, or lost. */
static bool send_some(struct carrier *carrier)
{
    bool moved;

    if (carrier->wire)
        hear(carrier);
    moved = take(carrier);
    if (carrier->wire && wire_is_behind(carrier->wire) && wire_flush(carrier->wire, &carrier->end) < 0)
        end_connection(carrier);
    moved |= push(carrier);
    tell_end(carrier);
    if (is_done(carrier)) {
        if (carrier->wire)
            wire_end(carrier->wire);
        return false;
    }
    if (carrier->state == CARRIER_LOST)
        return false;
    if (!moved)
        wait_to_send(carrier);
    return true;
}

/* ---- the thread ---- */

static void begin_connection(struct carrier *carrier, struct wire *wire)
{
    wire_free(carrier->wire);
    carrier->wire = wire;
    carrier->end = (struct failure){ 0 };
    carrier->to_tell = carrier->heard = false;
    carrier->word_len = 0;
    carrier->heard_us = now_us();
    if (carrier->spec.sending || !carrier->spec.lasting)
        return;
    say_count(carrier);
    if (carrier->wire)
        tell(carrier, CARRIER_GOES);
}

/* false: stop. */
static bool look_at_loop(struct carrier *carrier)
{
    uint64_t count;
    struct wire *next;
    bool stop;

    (void)!read(carrier->wake_fd, &count, sizeof count);
    pthread_mutex_lock(&carrier->lock);
    next = carrier->next;
    carrier->next = NULL;
    stop = carrier->stop;
    pthread_mutex_unlock(&carrier->lock);
    if (next)
        begin_connection(carrier, next);
    return !stop;
}

static void *run(void *user)
{
    struct carrier *carrier = user;

    while (look_at_loop(carrier) && (carrier->spec.sending ? send_some(carrier) : receive_some(carrier)))
        ;
    close(carrier->pipe_fd); /* the helper meets the end of its stream, or nobody who reads it */
    return NULL;
}

/* Signals are for the loop's thread. */
static int start_thread(struct carrier *carrier)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&carrier->thread, NULL, run, carrier);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

/* ---- pipes ---- */

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
    pair[0] = pair[1] = -1;
}

/* As large as it may be. */
static int open_pipe(int pair[2], int flags, unsigned bytes)
{
    if (pipe2(pair, O_CLOEXEC | flags) < 0)
        return -1;
    if (fcntl(pair[0], F_SETPIPE_SZ, bytes) < 0)
        (void)fcntl(pair[0], F_SETPIPE_SZ, PIPE_BYTES);
    return 0;
}

/* `out` has room for all that `kept` has. */
static int open_window(struct carrier *carrier)
{
    int kept, out;

    if (open_pipe(carrier->kept, O_NONBLOCK, carrier->spec.window_bytes) < 0 ||
        open_pipe(carrier->out, O_NONBLOCK, carrier->spec.window_bytes) < 0)
        return -1;
    kept = fcntl(carrier->kept[0], F_GETPIPE_SZ);
    out = fcntl(carrier->out[0], F_GETPIPE_SZ);
    if (kept > out)
        kept = fcntl(carrier->kept[0], F_SETPIPE_SZ, out);
    carrier->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return kept >= 0 && kept <= out ? carrier->null_fd : -1;
}

static int open_all(struct carrier *carrier, int *helper_fd)
{
    int ends[2];

    carrier->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    carrier->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (carrier->wake_fd < 0 || carrier->news_fd < 0 || (carrier->spec.sending && open_window(carrier) < 0) ||
        open_pipe(ends, 0, PIPE_BYTES) < 0)
        return -1;
    carrier->pipe_fd = ends[carrier->spec.sending ? 0 : 1];
    fcntl(carrier->pipe_fd, F_SETFL, O_NONBLOCK);
    *helper_fd = ends[carrier->spec.sending ? 1 : 0];
    return 0;
}

/* ---- for the loop ---- */

struct carrier *carrier_start(const struct carrier_spec *spec, struct wire *wire, int *helper_fd,
                              struct failure *failure)
{
    struct carrier *carrier = calloc(1, sizeof *carrier);

    if (!carrier) {
        wire_free(wire);
        failure_set(failure, "out of memory");
        return NULL;
    }
    *carrier = (struct carrier){
        .spec = *spec, .next = wire, .pipe_fd = -1, .wake_fd = -1, .news_fd = -1, .kept = { -1, -1 },
        .out = { -1, -1 }, .null_fd = -1, .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    if (!spec->window_bytes)
        carrier->spec.window_bytes = CARRIER_WINDOW_BYTES;
    if (!spec->silence_us)
        carrier->spec.silence_us = CARRIER_SILENCE_US;
    *helper_fd = -1;
    if (open_all(carrier, helper_fd) == 0 && start_thread(carrier) == 0) {
        carrier->started = true;
        return carrier;
    }
    failure_set(failure, "cannot start a thread for a connection: %s", strerror(errno));
    if (*helper_fd >= 0) {
        close(*helper_fd);
        close(carrier->pipe_fd);
    }
    carrier_stop(carrier);
    return NULL;
}

enum carrier_state carrier_look(struct carrier *carrier, struct failure *why, uint64_t *nr_arrived)
{
    enum carrier_state state;

    pthread_mutex_lock(&carrier->lock);
    state = carrier->state;
    *why = carrier->why;
    *nr_arrived = carrier->told_arrived;
    pthread_mutex_unlock(&carrier->lock);
    return state;
}

int carrier_news_fd(const struct carrier *carrier)
{
    return carrier->news_fd;
}

void carrier_replace(struct carrier *carrier, struct wire *wire)
{
    struct wire *unused;

    pthread_mutex_lock(&carrier->lock);
    unused = carrier->next;
    carrier->next = wire;
    pthread_mutex_unlock(&carrier->lock);
    wire_free(unused);
    signal_fd(carrier->wake_fd);
}

void carrier_stop(struct carrier *carrier)
{
    if (!carrier)
        return;
    if (carrier->started) {
        pthread_mutex_lock(&carrier->lock);
        carrier->stop = true;
        pthread_mutex_unlock(&carrier->lock);
        signal_fd(carrier->wake_fd);
        pthread_join(carrier->thread, NULL);
    }
    wire_free(carrier->wire);
    wire_free(carrier->next);
    close_pair(carrier->kept);
    close_pair(carrier->out);
    if (carrier->null_fd >= 0)
        close(carrier->null_fd);
    if (carrier->wake_fd >= 0)
        close(carrier->wake_fd);
    if (carrier->news_fd >= 0)
        close(carrier->news_fd);
    free(carrier);
}
