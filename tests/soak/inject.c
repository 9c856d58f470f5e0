/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Preloaded into the processes of a migration between simulated hosts: puts one
 * fault at one moment of one of them, and tells the driver (inject.h).
 *
 *     SOAK_PAGE     the file of the page
 *     SOAK_FAULT    ROLE:PLACE:KIND:UNIT:NTH; none: only count
 *
 * ROLE and PLACE as in inject.h.  UNIT is `call', the NTH call that writes there of
 * a process of that role; `byte', the NTH byte that it writes there: what stands
 * before it is written, it and the rest are not; or `read', the NTH call that reads
 * from there.  KIND:
 *
 *     kill stop          SIGKILL, SIGSTOP to itself, before the call (or between two bytes)
 *     killed-after stopped-after    the same when the call is done
 *     ENOSPC EIO EPIPE   the call fails so, and all that follow there
 *     once-ENOSPC ...    the call fails so, once
 *     ECONNRESET EINTR   likewise
 *     short              only half of it is written, or read
 *     end                nothing more is to be read there
 *     closed             the descriptor is closed
 *     power              all processes of that host, and the host, are killed
 *     others-...         as stop: the driver does what is named, as somebody who knows nothing of xlmig, and goes on
 *
 * In a process that confines itself nothing of this can be done: there no call counts.
 */
#include "config.h"
#include "tests/soak/inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define ELSEWHERE SOAK_NR_PLACES
#define NOBODY SOAK_NR_ROLES
#define IOV_MOST 1024

enum kind { NOTHING, KILL, STOP, ERROR, SHORT, CLOSED, POWER, END };

static struct {
    enum soak_place place;
    enum kind kind;
    bool after, once, of_bytes, of_reads;
    int error;
    uint64_t nth;
} fault;

static enum soak_role role = NOBODY;
static struct soak_page *page;
static _Atomic uint64_t calls[SOAK_NR_PLACES + 1], bytes[SOAK_NR_PLACES + 1],
    reads[SOAK_NR_PLACES + 1];
static atomic_bool failing;         /* for good, at fault.place */
static char next_state[SOAK_STATE_SIZE]; /* of the record that was written last */

/* What comes of one call. */
struct call {
    enum soak_place place;
    int error;      /* it fails so */
    size_t len;     /* so much of it is done */
    bool read, ended;
    bool fires;     /* afterwards */
};

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function)
        abort();
    return function;
}

/* ---- who is this, and what is to come ---- */

static bool has_word(int argc, char **argv, const char *word)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], word) == 0)
            return true;
    return false;
}

static enum soak_role role_of(int argc, char **argv)
{
    static const struct {
        const char *program, *word;
        enum soak_role role;
    } roles[] = {
        { "xlmig", "send", SOAK_SEND },
        { "xlmig", "receive", SOAK_RECEIVE },
        { "xlmig", "recover", SOAK_RECOVER },
        { "xlmig-simhost", "suspend", SOAK_SUSPEND },
        { "xlmig-simhost", "migrate-receive", SOAK_XL },
        { "xlmig-save-helper", "--save-domain", SOAK_SAVE },
        { "xlmig-save-helper", "--restore-domain", SOAK_RESTORE },
    };
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL, *program = slash ? slash + 1 : argv[0];

    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (argc > 0 && strcmp(program, roles[i].program) == 0 && has_word(argc, argv, roles[i].word))
            return roles[i].role;
    return NOBODY;
}

static int place_in(const char *name, const char *const *names, int nr_names)
{
    for (int i = 0; i < nr_names; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static int error_of(const char *name)
{
    static const struct {
        const char *name;
        int error;
    } errors[] = {
        { "ENOSPC", ENOSPC }, { "EIO", EIO }, { "EPIPE", EPIPE }, { "ECONNRESET", ECONNRESET }, { "EINTR", EINTR },
    };

    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (strcmp(name, errors[i].name) == 0)
            return errors[i].error;
    return 0;
}

static bool read_kind(const char *kind)
{
    static const char *const whole[] = { "", "kill", "stop", "", "short", "closed", "power", "end" };
    const char *error = kind;

    fault.after = strcmp(kind, "killed-after") == 0 || strcmp(kind, "stopped-after") == 0;
    if (fault.after) {
        fault.kind = kind[0] == 'k' ? KILL : STOP;
        return true;
    }
    if (strncmp(kind, "others-", 7) == 0) {
        fault.kind = STOP;
        return true;
    }
    fault.once = strncmp(kind, "once-", 5) == 0;
    if (fault.once)
        error += 5;
    fault.error = error_of(error);
    int at = fault.error ? (int)ERROR : place_in(kind, whole, 8);
    fault.kind = at > 0 ? (enum kind)at : NOTHING;
    return fault.kind != NOTHING;
}

static bool read_fault(const char *text)
{
    static const char *const roles[] = { "send", "suspend", "save", "receive", "xl", "restore", "recover" };
    static const char *const places[] = { "wire", "pipe", "host", "journal" };
    char who[16], where[16], what[24], unit[16];
    unsigned long long nth;
    int r, p;

    if (sscanf(text, "%15[^:]:%15[^:]:%23[^:]:%15[^:]:%llu", who, where, what, unit, &nth) != 5)
        return false;
    r = place_in(who, roles, SOAK_NR_ROLES);
    p = place_in(where, places, SOAK_NR_PLACES);
    fault.of_bytes = strcmp(unit, "byte") == 0;
    fault.of_reads = strcmp(unit, "read") == 0;
    if (r < 0 || p < 0 || nth < 1 || (!fault.of_bytes && !fault.of_reads && strcmp(unit, "call") != 0) ||
        !read_kind(what))
        return false;
    fault.place = (enum soak_place)p;
    fault.nth = nth;
    if ((enum soak_role)r != role)
        fault.kind = NOTHING;
    return true;
}

static unsigned side(void)
{
    const char *host = getenv("SOAK_SIDE"); /* of recover, which is on either */

    if (role == SOAK_RECOVER)
        return host && *host == 'b';
    return role == SOAK_RECEIVE || role == SOAK_XL || role == SOAK_RESTORE;
}

static void __attribute__((constructor)) begin_all(int argc, char **argv)
{
    const char *path = getenv("SOAK_PAGE"), *text = getenv("SOAK_FAULT");
    int fd;

    role = role_of(argc, argv);
    if (role == NOBODY || !path)
        return;
    fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
    page = mmap(NULL, SOAK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || page == MAP_FAILED || (text && *text && !read_fault(text))) {
        fprintf(stderr, "soak: no page, or what is the fault `%s'?\n", text ? text : "");
        abort();
    }
    close(fd);
    uint32_t at = __atomic_fetch_add(&page->nr_pids[side()], 1, __ATOMIC_SEQ_CST);
    if (at < SOAK_MAX_PIDS)
        page->pids[side()][at] = getpid();
}

/* ---- where a call goes ---- */

/* Who reads what this one writes into a pipe.  A single octet is libevent's, which wakes itself up. */
static enum soak_place place_of_pipe(int fd, size_t len)
{
    switch (role) {
    case SOAK_SEND:
    case SOAK_RECOVER:
        return len > 1 ? SOAK_WIRE : ELSEWHERE;
    case SOAK_RECEIVE:
        if (len == 1)
            return ELSEWHERE;
        return fd == 1 ? SOAK_WIRE : SOAK_PIPE;
    case SOAK_SUSPEND:
        return fd == 1 ? SOAK_WIRE : SOAK_PIPE;
    case SOAK_SAVE:
        return fd > 2 ? SOAK_WIRE : SOAK_PIPE;
    default:
        return SOAK_PIPE;
    }
}

#define LIBEVENT_READS 1024 /* what libevent wakes itself up with */

/* Who writes what this one reads from a pipe. */
static enum soak_place source_of_pipe(int fd, size_t len)
{
    if ((role == SOAK_SEND || role == SOAK_RECEIVE || role == SOAK_RECOVER) && len == LIBEVENT_READS)
        return ELSEWHERE;
    if (role == SOAK_RECEIVE)
        return fd == 0 ? SOAK_WIRE : SOAK_PIPE;
    return role == SOAK_SEND || role == SOAK_RECOVER ? SOAK_WIRE : SOAK_PIPE;
}

static enum soak_place place_of_socket(int fd)
{
    int type = 0, domain = 0;
    socklen_t len = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET)
        return SOAK_HOST;
    len = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain != AF_UNIX)
        return SOAK_WIRE;
    return ELSEWHERE;
}

static enum soak_place place_of_file(int fd)
{
    char link[32], path[PATH_MAX];
    ssize_t len;

    if (role != SOAK_SEND && role != SOAK_RECEIVE && role != SOAK_RECOVER)
        return ELSEWHERE;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof path - 1);
    if (len < 0)
        return ELSEWHERE;
    path[len] = '\0';
    return strstr(path, "/state") ? SOAK_JOURNAL : ELSEWHERE;
}

/* A call that writes `len` octets, or reads. */
static enum soak_place place_where(int fd, size_t len, bool is_read)
{
    enum soak_place place = ELSEWHERE;
    int error = errno;
    struct stat st;

    if (page && fd != 2 && fstat(fd, &st) == 0) {
        if (S_ISFIFO(st.st_mode))
            place = is_read ? source_of_pipe(fd, len) : place_of_pipe(fd, len);
        else if (S_ISSOCK(st.st_mode))
            place = place_of_socket(fd);
        else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
            place = place_of_file(fd);
    }
    errno = error;
    return place;
}

static enum soak_place place_of(int fd, size_t len)
{
    return place_where(fd, len, false);
}

/* ---- the fault ---- */

/* A process of the run is in its session; whatever else got the number of one that has ended is not. */
static void cut_power(void)
{
    unsigned here = side();
    uint32_t nr_pids = page->nr_pids[here];
    static const int signals[] = { SIGSTOP, SIGKILL };

    for (unsigned s = 0; s < 2; s++)
        for (uint32_t i = 0; i < nr_pids && i < SOAK_MAX_PIDS; i++) {
            pid_t pid = page->pids[here][i];

            if (pid != getpid() && (i == 0 || getsid(pid) == getsid(0)))
                kill(pid, signals[s]);
        }
}

/* false: another process had it already. */
static bool claim(void)
{
    if (page->pid || __sync_val_compare_and_swap(&page->pid, 0, getpid()) != 0)
        return false;
    memcpy(page->state_at, page->state, sizeof page->state);
    __atomic_store_n(&page->fired, 1, __ATOMIC_SEQ_CST);
    return true;
}

static void strike(void)
{
    int error = errno;

    if (fault.kind == POWER)
        cut_power();
    if (fault.kind == KILL || fault.kind == POWER)
        kill(getpid(), SIGKILL);
    if (fault.kind == STOP)
        kill(getpid(), SIGSTOP);
    errno = error;
}

/* The moment is there, before `call`. */
static void hit(struct call *call, int fd)
{
    if ((fault.kind == CLOSED && fd < 0) || !claim())
        return;
    switch (fault.kind) {
    case ERROR:
        call->error = fault.error;
        atomic_store(&failing, !fault.once);
        return;
    case END:
        call->ended = true;
        atomic_store(&failing, true);
        return;
    case SHORT:
        call->len -= call->len / 2;
        return;
    case CLOSED:
        close(fd);
        return;
    default:
        strike();
    }
}

/* The NTH of them is the one. */
static void look_at_call(struct call *call, int fd, uint64_t nth)
{
    if (nth != fault.nth)
        return;
    if (fault.after)
        call->fires = true;
    else
        hit(call, fd);
}

/* `call->len` bytes are about to go there. */
static void look_at_bytes(struct call *call, int fd)
{
    uint64_t from = atomic_load(&bytes[call->place]);

    if (from >= fault.nth || fault.nth > from + call->len)
        return;
    call->fires = fault.nth - from - 1 > 0;
    if (call->fires)
        call->len = fault.nth - from - 1;
    else
        hit(call, fd);
}

static void look(struct call *call, int fd)
{
    uint64_t nth = atomic_fetch_add(call->read ? &reads[call->place] : &calls[call->place], 1) + 1;

    if (fault.kind == NOTHING || call->place != fault.place || call->read != fault.of_reads)
        return;
    if (atomic_load(&failing)) {
        call->error = fault.error;
        call->ended = fault.kind == END;
    } else if (fault.of_bytes) {
        look_at_bytes(call, fd);
    } else {
        look_at_call(call, fd, nth);
    }
}

static struct call before(enum soak_place place, int fd, size_t len)
{
    struct call call = { .place = place, .len = len };

    if (place != ELSEWHERE)
        look(&call, fd);
    return call;
}

static struct call before_read(int fd, size_t len)
{
    struct call call = { .place = place_where(fd, len, true), .len = len, .read = true };

    if (call.place != ELSEWHERE)
        look(&call, fd);
    return call;
}

static void most(uint64_t *count, uint64_t now)
{
    if (now > *count)
        *count = now;
}

static void after_read(const struct call *call, int fd)
{
    struct call next = *call;
    int error = errno;

    if (call->place == ELSEWHERE)
        return;
    most(&page->counts[role][call->place].reads, atomic_load(&reads[call->place]));
    if (call->fires)
        hit(&next, fd);
    errno = error;
}

static void after(const struct call *call, int fd, ssize_t done)
{
    struct soak_count *count;
    struct call next = *call;
    int error = errno;

    if (call->place == ELSEWHERE)
        return;
    if (done > 0)
        atomic_fetch_add(&bytes[call->place], (uint64_t)done);
    count = &page->counts[role][call->place];
    most(&count->calls, atomic_load(&calls[call->place]));
    most(&count->bytes, atomic_load(&bytes[call->place]));
    if (call->fires && fault.of_bytes && fault.kind == ERROR) {
        /* The next call begins with the byte that is not to be written; should there be none, this one was short. */
        if (done == (ssize_t)call->len && claim())
            atomic_store(&failing, true);
        errno = error;
        return;
    }
    if (call->fires && (!fault.of_bytes || done == (ssize_t)call->len))
        hit(&next, fd);
    errno = error;
}

/* ---- what the journals say ---- */

static void note_record(const struct call *call, const char *text, size_t len)
{
    static const char member[] = "\"state\":\"";
    const char *at = call->place == SOAK_JOURNAL ? memmem(text, len, member, sizeof member - 1) : NULL;

    if (!at)
        return;
    at += sizeof member - 1;
    for (size_t i = 0; i + 1 < sizeof next_state && at + i < text + len; i++) {
        next_state[i] = at[i] == '"' ? '\0' : at[i];
        if (!next_state[i])
            return;
    }
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);

    return len >= strlen(end) && strcmp(text + len - strlen(end), end) == 0;
}

/* The file `name` is there now, as `state` says, or is no more. */
static void note_journal(const char *name, const char *state)
{
    int of = ends_with(name, "-send") ? 0 : ends_with(name, "-receive") ? 1 : -1;

    if (page && of >= 0)
        snprintf(page->state[of], sizeof page->state[of], "%s", state);
}

/* ---- the calls ---- */

#define FAILED(call) ((call).error && (errno = (call).error))

ssize_t write(int fd, const void *buf, size_t len)
{
    struct call call = before(place_of(fd, len), fd, len);
    ssize_t n;

    if (FAILED(call))
        return -1;
    note_record(&call, buf, len);
    n = REAL(write)(fd, buf, call.len);
    after(&call, fd, n);
    return n;
}

static size_t total_of(const struct iovec *iov, int n)
{
    size_t total = 0;

    for (int i = 0; i < n; i++)
        total += iov[i].iov_len;
    return total;
}

/* The first `len` bytes of it. */
static int cut(struct iovec *out, const struct iovec *iov, int n, size_t len)
{
    int i;

    for (i = 0; i < n && i < IOV_MOST && len > 0; i++) {
        out[i] = iov[i];
        if (out[i].iov_len > len)
            out[i].iov_len = len;
        len -= out[i].iov_len;
    }
    return i;
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    struct call call = before(place_of(fd, total_of(iov, n)), fd, total_of(iov, n));
    struct iovec part[IOV_MOST];
    ssize_t done;

    if (FAILED(call))
        return -1;
    if (call.len < total_of(iov, n))
        done = REAL(writev)(fd, part, cut(part, iov, n, call.len));
    else
        done = REAL(writev)(fd, iov, n);
    after(&call, fd, done);
    return done;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    size_t len = total_of(msg->msg_iov, (int)msg->msg_iovlen);
    struct call call = before(place_of(fd, len), fd, len);
    ssize_t n;

    if (FAILED(call))
        return -1;
    n = REAL(sendmsg)(fd, msg, flags); /* a packet: whole or not at all */
    after(&call, fd, n);
    return n;
}

ssize_t splice(int from, off_t *from_at, int to, off_t *to_at, size_t len, unsigned flags)
{
    struct call taken = before_read(from, len), call;
    ssize_t n;

    if (taken.ended)
        return 0;
    if (FAILED(taken))
        return -1;
    call = before(place_of(to, taken.len), to, taken.len);
    if (FAILED(call))
        return -1;
    n = REAL(splice)(from, from_at, to, to_at, call.len, flags);
    after_read(&taken, from);
    after(&call, to, n);
    return n;
}

ssize_t read(int fd, void *buf, size_t len)
{
    struct call call = before_read(fd, len);
    ssize_t n;

    if (call.ended)
        return 0;
    if (FAILED(call))
        return -1;
    n = REAL(read)(fd, buf, call.len);
    after_read(&call, fd);
    return n;
}

ssize_t readv(int fd, const struct iovec *iov, int n)
{
    struct call call = before_read(fd, total_of(iov, n));
    struct iovec part[IOV_MOST];
    ssize_t done;

    if (call.ended)
        return 0;
    if (FAILED(call))
        return -1;
    if (call.len < total_of(iov, n))
        done = REAL(readv)(fd, part, cut(part, iov, n, call.len));
    else
        done = REAL(readv)(fd, iov, n);
    after_read(&call, fd);
    return done;
}

/* Of packets, and of what comes with a descriptor: whole or not at all.  The answer that was lost does not come later. */
ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    struct call call = before_read(fd, total_of(msg->msg_iov, (int)msg->msg_iovlen));
    ssize_t n;

    if (call.ended)
        return 0;
    if (call.error && call.error != EINTR)
        REAL(recvmsg)(fd, msg, flags);
    if (FAILED(call))
        return -1;
    n = REAL(recvmsg)(fd, msg, flags);
    after_read(&call, fd);
    return n;
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    struct call call = before_read(fd, len);
    ssize_t n;

    if (call.ended)
        return 0;
    if (FAILED(call))
        return -1;
    n = REAL(recv)(fd, buf, call.len, flags);
    after_read(&call, fd);
    return n;
}

/* What a build with _FORTIFY_SOURCE calls. */
ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags);

ssize_t __read_chk(int fd, void *buf, size_t len, size_t size)
{
    if (len > size)
        abort();
    return read(fd, buf, len);
}

ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags)
{
    if (len > size)
        abort();
    return recv(fd, buf, len, flags);
}

int fsync(int fd)
{
    struct call call = before(place_of(fd, 0), fd, 0);
    int r;

    if (FAILED(call))
        return -1;
    r = REAL(fsync)(fd);
    after(&call, fd, r);
    return r;
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    struct call call = before(place_of(to_dir, 0), -1, 0);
    int r;

    if (FAILED(call))
        return -1;
    r = REAL(renameat)(from_dir, from, to_dir, to);
    if (r == 0)
        note_journal(to, next_state);
    after(&call, -1, r);
    return r;
}

int unlinkat(int dir, const char *name, int flags)
{
    struct call call = before(place_of(dir, 0), -1, 0);
    int r;

    if (FAILED(call))
        return -1;
    r = REAL(unlinkat)(dir, name, flags);
    if (r == 0)
        note_journal(name, "");
    after(&call, -1, r);
    return r;
}

/* What is only read is no moment of its own. */
static int open_for_writing(int dir, const char *name, int flags, mode_t mode)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY;
    struct call call = before(writes && dir >= 0 ? place_of(dir, 0) : ELSEWHERE, -1, 0);
    int fd;

    if (FAILED(call))
        return -1;
    fd = REAL(openat)(dir, name, flags, mode);
    after(&call, -1, fd < 0 ? -1 : 0);
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? va_arg(args, mode_t) : 0;
}

int openat(int dir, const char *name, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return open_for_writing(dir, name, flags, mode);
}

#ifndef __USE_FILE_OFFSET64
int openat64(int dir, const char *name, int flags, ...)
{
    va_list args;
    mode_t mode;

    va_start(args, flags);
    mode = mode_of(flags, args);
    va_end(args);
    return open_for_writing(dir, name, flags | O_LARGEFILE, mode);
}
#endif
