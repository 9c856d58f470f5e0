/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/base/whole-file.h"

#include "xlmig/base/exit.h"
#include "xlmig/base/input-file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PART_SUFFIX ".xlmig-part"
#define WAIT_MS 30000 /* for a pipe's reader */
#define LOOK_EVERY_MS 20
#define TRIES 10

const char *whole_file_name(const struct whole_file *file)
{
    return strcmp(file->path, "-") ? file->path : "standard output";
}

const char *whole_file_remains(const struct whole_file *file)
{
    if (file->remains)
        return "the file is there, but it may be lost if this host loses power now";
    return S_ISREG(file->kind) && strcmp(file->path, "-") ? "no file was left" : "what was written is not complete";
}

/* ---- into what is there ---- */

/* A descriptor of ours, beyond those that a child's own input and output are put in place of. */
static int open_stdout(struct whole_file *file, struct failure *failure)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);

    if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY)
        errno = EBADF;
    else if (flags >= 0)
        file->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return file->fd < 0 ? failure_set(failure, "standard output: %s", strerror(errno)) : 0;
}

/* Without a reader there is nothing to write into yet: wait, but not for ever. */
static int open_fifo(const char *path)
{
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

    for (unsigned waited = 0; fd < 0 && errno == ENXIO && waited < WAIT_MS; waited += LOOK_EVERY_MS) {
        if (waited == 0)
            fprintf(stderr, "xlmig: waiting for a reader of %s, up to %u s\n", path, WAIT_MS / 1000);
        poll(NULL, 0, LOOK_EVERY_MS);
        fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    }
    if (fd >= 0)
        fcntl(fd, F_SETFL, O_WRONLY);
    return fd;
}

/* The device's own room; of a disk that something uses, a mounted one, the kernel says so. */
static int open_disk(struct whole_file *file, const struct whole_file_request *request, struct failure *failure)
{
    off_t size;

    if (!request->overwrite)
        return failure_set(failure, "%s is a disk; to overwrite what it holds: %s", file->path, request->how);
    file->fd = open(file->path, O_RDWR | O_EXCL | O_CLOEXEC);
    if (file->fd < 0)
        return failure_set(failure, "%s: %s", file->path, strerror(errno));
    file->readable = true;
    size = lseek(file->fd, 0, SEEK_END);
    if (size < 0 || lseek(file->fd, 0, SEEK_SET) < 0)
        return failure_set(failure, "%s: %s", file->path, strerror(errno));
    if ((uint64_t)size < request->need_bytes)
        return failure_set(failure, "it needs up to %llu MiB, and %s holds %llu MiB",
                           (unsigned long long)(request->need_bytes >> 20), file->path, (unsigned long long)size >> 20);
    return 0;
}

static int open_in_place(struct whole_file *file, const struct whole_file_request *request, struct failure *failure)
{
    switch (file->kind) {
    case S_IFBLK:
        return open_disk(file, request, failure);
    case S_IFIFO:
        file->fd = open_fifo(file->path);
        break;
    case S_IFCHR:
        file->fd = open(file->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
        break;
    default:
        return failure_set(failure, "%s is no file that can be written", file->path);
    }
    if (file->fd < 0)
        return failure_set(failure, "%s: %s", file->path, errno == ENXIO ? "nobody reads it" : strerror(errno));
    return 0;
}

/* ---- beside it ---- */

/* Whether the lock is ours and the name still this file's: who looked at a part that a crash left may have removed it. */
static bool is_ours(const char *part, int fd)
{
    struct stat here, there;

    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
        return false;
    return fstat(fd, &here) == 0 && lstat(part, &there) == 0 && here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* A part that nobody writes any more: its writer was killed.  Anything else of that name is not touched. */
static int remove_abandoned(const char *part, struct failure *failure)
{
    int fd = open(part, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    int rc = 0;

    if (fd < 0)
        return errno == ENOENT ? 0 : failure_set(failure, "%s is in the way: %s", part,
                                                 errno == ELOOP ? "a symbolic link" : strerror(errno));
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_nlink != 1)
        rc = failure_set(failure, "%s is in the way, and none that xlmig left", part);
    else if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        rc = errno == EWOULDBLOCK ? failure_set(failure, "%s: another xlmig is writing it", part)
                                  : failure_set(failure, "%s is in the way; remove it if nothing writes it", part);
    else if (is_ours(part, fd) && unlink(part) < 0)
        rc = failure_set(failure, "%s is in the way: %s", part, strerror(errno));
    close(fd);
    return rc;
}

/* Exclusively, and never through a link. */
static int open_part(struct whole_file *file, const struct whole_file_request *request, struct failure *failure)
{
    for (unsigned i = 0; i < TRIES; i++) {
        file->fd = open(file->part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        request->mode ? request->mode : 0600);
        if (file->fd >= 0 && is_ours(file->part, file->fd))
            return 0;
        if (file->fd < 0 && errno != EEXIST)
            return failure_set(failure, "%s: %s", file->part, strerror(errno));
        if (file->fd >= 0)
            close(file->fd);
        else if (remove_abandoned(file->part, failure) < 0)
            return -1;
        file->fd = -1;
    }
    return failure_set(failure, "%s: others write it, too", file->part);
}

static int check_room(const struct whole_file *file, uint64_t need_bytes, struct failure *failure)
{
    struct statvfs fs;
    uint64_t available;

    if (need_bytes == 0)
        return 0;
    if (fstatvfs(file->fd, &fs) < 0)
        return failure_set(failure, "%s: %s", file->part, strerror(errno));
    available = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (available < need_bytes)
        return failure_set(failure, "it needs up to %llu MiB, and there are %llu MiB free for %s",
                           (unsigned long long)(need_bytes >> 20), (unsigned long long)(available >> 20), file->path);
    return 0;
}

/* The name itself is on disk only when its folder is.  Some file systems have nothing to sync there, and say so. */
static int sync_folder(const struct whole_file *file)
{
    if (fsync(file->folder_fd) == 0 || errno == EINVAL || errno == EROFS || errno == EOPNOTSUPP || errno == ENOSYS)
        return 0;
    return -1;
}

static int open_folder(struct whole_file *file, struct failure *failure)
{
    char *copy = strdup(file->path);

    file->folder_fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(copy);
    if (file->folder_fd >= 0)
        return 0;
    file->folder_fd = 0;
    return failure_set(failure, "the folder of %s: %s", file->path, strerror(errno));
}

static int open_beside(struct whole_file *file, const struct whole_file_request *request, struct failure *failure)
{
    if (open_folder(file, failure) < 0)
        return -1;
    if (asprintf(&file->part, "%s" PART_SUFFIX, file->path) < 0) {
        file->part = NULL;
        return failure_set(failure, "out of memory");
    }
    if (open_part(file, request, failure) < 0)
        return -1;
    file->readable = true;
    if (sync_folder(file) < 0)
        return failure_set(failure, "the folder of %s: %s", file->path, strerror(errno));
    return check_room(file, request->need_bytes, failure);
}

/* ---- which of both ---- */

static int open_any(struct whole_file *file, const struct whole_file_request *request, struct failure *failure)
{
    struct stat st;
    bool is_link;

    if (names_stdio(file->path, STDOUT_FILENO)) {
        if (open_stdout(file, failure) < 0)
            return -1;
        if (fstat(file->fd, &st) < 0)
            return failure_set(failure, "standard output: %s", strerror(errno));
        file->kind = st.st_mode & S_IFMT;
        return 0;
    }
    file->kind = S_IFREG;
    if (lstat(file->path, &st) < 0)
        return errno == ENOENT ? open_beside(file, request, failure)
                               : failure_set(failure, "%s: %s", file->path, strerror(errno));
    is_link = S_ISLNK(st.st_mode);
    if (is_link && (stat(file->path, &st) < 0 || S_ISREG(st.st_mode)))
        return failure_set(failure, "%s is a symbolic link; name the file that it leads to", file->path);
    if (!S_ISREG(st.st_mode)) {
        file->kind = st.st_mode & S_IFMT;
        return open_in_place(file, request, failure);
    }
    if (!request->overwrite)
        return failure_set(failure, "%s exists already; to overwrite it: %s", file->path, request->how);
    return open_beside(file, request, failure);
}

int whole_file_open(struct whole_file *file, const struct whole_file_request *request, struct failure *failure)
{
    int rc;

    *file = (struct whole_file){ .fd = -1, .path = request->path, .overwrite = request->overwrite };
    rc = open_any(file, request, failure);
    if (rc == 0 && !request->text && isatty(file->fd))
        rc = failure_set(failure, "%s is a terminal, and this is no text", whole_file_name(file));
    if (rc < 0)
        whole_file_close(file);
    return rc;
}

/* ---- signals ---- */

static struct {
    const char *part, *who;
    pid_t owner;
} guarded;

/* By the signal itself, so that a shell's loop over many files ends with this one; Ctrl-\ is taken for Ctrl-C. */
static void end_as_interrupted(int signum)
{
    sigset_t set;

    signal(SIGINT, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, signum);
    raise(SIGINT);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void on_signal(int signum)
{
    static const char text[] = ": cancelled\n";

    if (getpid() == guarded.owner) {
        if (guarded.part)
            unlink(guarded.part);
        if (write(STDERR_FILENO, guarded.who, strlen(guarded.who)) > 0 &&
            write(STDERR_FILENO, text, sizeof text - 1) < 0)
            _exit(EXIT_CANCELLED);
        if (signum == SIGINT || signum == SIGQUIT)
            end_as_interrupted(signum);
    }
    _exit(EXIT_CANCELLED);
}

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

void whole_file_guard(struct whole_file *file, const char *who)
{
    const struct sigaction action = { .sa_handler = on_signal };
    struct sigaction old;

    guarded.part = file->part;
    guarded.who = who;
    guarded.owner = getpid();
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
        if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(ending[i], &action, NULL);
}

/* `handler`: SIG_IGN discards one that is pending. */
static void end_guard(void (*handler)(int))
{
    struct sigaction action;

    for (size_t i = 0; guarded.owner && i < sizeof ending / sizeof ending[0]; i++)
        if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler == on_signal)
            signal(ending[i], handler);
    guarded.owner = 0;
    guarded.part = NULL;
}

/* ---- the end ---- */

/* What is still in a pipe is lost with its reader. */
static int await_reader(const struct whole_file *file, struct failure *failure)
{
    struct pollfd p = { .fd = file->fd };
    int unread;

    for (unsigned waited = 0; ioctl(file->fd, FIONREAD, &unread) == 0 && unread > 0; waited += LOOK_EVERY_MS) {
        if (waited >= WAIT_MS)
            return failure_set(failure, "%s: its reader left %d octets for %u s", whole_file_name(file), unread,
                               WAIT_MS / 1000);
        if (poll(&p, 1, LOOK_EVERY_MS) > 0 && (p.revents & POLLERR))
            return failure_set(failure, "%s: its reader ended before it had all", whole_file_name(file));
        if (p.revents)
            poll(NULL, 0, LOOK_EVERY_MS);
    }
    return 0;
}

static int commit_in_place(const struct whole_file *file, struct failure *failure)
{
    if (S_ISFIFO(file->kind))
        return await_reader(file, failure);
    if ((S_ISREG(file->kind) || S_ISBLK(file->kind)) && fsync(file->fd) < 0)
        return failure_set(failure, "%s: %s", whole_file_name(file), strerror(errno));
    return 0;
}

static bool is_same_file(const char *path, const struct stat *st)
{
    struct stat other;

    return lstat(path, &other) == 0 && other.st_ino == st->st_ino && other.st_dev == st->st_dev;
}

/* Where there are no second names either: the name is taken first, with nothing in it, and then replaced. */
static int rename_over_placeholder(const char *part, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), error;
    struct stat st;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && rename(part, path) == 0) {
        close(fd);
        return 0;
    }
    error = errno;
    if (is_same_file(path, &st))
        unlink(path);
    close(fd);
    errno = error;
    return -1;
}

/* A link is one step that fails where the name is taken, on any file system that has links. */
static int rename_by_link(const struct whole_file *file)
{
    struct stat st;

    if (link(file->part, file->path) < 0) {
        if (errno == EEXIST && fstat(file->fd, &st) == 0 && st.st_nlink == 2 && is_same_file(file->path, &st))
            return unlink(file->part); /* NFS: done, and the answer was lost */
        return errno == EEXIST ? -1 : rename_over_placeholder(file->part, file->path);
    }
    return unlink(file->part);
}

/* NFS, FUSE and others do not have RENAME_NOREPLACE. */
static int give_name(const struct whole_file *file)
{
    if (file->overwrite)
        return rename(file->part, file->path);
    if (renameat2(AT_FDCWD, file->part, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0)
        return 0;
    return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ? rename_by_link(file) : -1;
}

/* A signal comes before it, or too late. */
static int give_name_at_once(const struct whole_file *file)
{
    sigset_t signals, old;
    int rc, error;

    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
        sigaddset(&signals, ending[i]);
    sigprocmask(SIG_BLOCK, &signals, &old);
    rc = give_name(file);
    error = errno;
    if (rc == 0 && guarded.part == file->part)
        end_guard(SIG_IGN);
    sigprocmask(SIG_SETMASK, &old, NULL);
    errno = error;
    return rc;
}

int whole_file_commit(struct whole_file *file, struct failure *failure)
{
    int error;

    if (!file->part)
        return commit_in_place(file, failure);
    if (fsync(file->fd) < 0)
        return failure_set(failure, "%s: %s", file->part, strerror(errno));
    if (give_name_at_once(file) < 0)
        return failure_set(failure, "%s: %s", file->path, strerror(errno));
    free(file->part);
    file->part = NULL;
    if (sync_folder(file) == 0)
        return 0;
    /* Whoever is told of a failure goes on as if there were no file: so there is to be none. */
    error = errno;
    file->remains = unlink(file->path) < 0;
    return failure_set(failure, "the folder of %s: %s", file->path, strerror(error));
}

void whole_file_close(struct whole_file *file)
{
    if (file->fd >= 0 && file->part)
        unlink(file->part);
    if (file->fd >= 0 && guarded.part == file->part)
        end_guard(SIG_DFL);
    if (file->fd >= 0)
        close(file->fd);
    if (file->folder_fd > 0)
        close(file->folder_fd);
    file->fd = -1;
    file->folder_fd = 0;
    free(file->part);
    file->part = NULL;
}
