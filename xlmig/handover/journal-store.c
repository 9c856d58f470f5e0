/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/handover/journal-store.h"

#include "xlmig/base/json-fields.h"
#include "xlmig/base/private-dir.h"
#include "xlmig/base/text.h"
#include "xlmig/base/write.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DIR_LOCK_MS 10000
#define HOLDER_BYTES ((ssize_t)(10 + 1 + STORE_NAME_SIZE + 1)) /* in a lock: the process, and the journal that it is held for */
#define NUMBERS_KEPT_S (90 * 24 * 3600)

/* ---- names ---- */

/* Behind the digits of a token or, from STORE_LOCK on, of a UUID. */
static const char *const endings[] = {
    [STORE_SEND] = "-send", [STORE_RECEIVE] = "-receive", [STORE_NEW_SEND] = "-send.new",
    [STORE_NEW_RECEIVE] = "-receive.new", [STORE_LOCK] = ".lock", [STORE_NUMBERS] = ".numbers",
    [STORE_NEW_NUMBERS] = ".numbers.new",
};

void store_name(char name[STORE_FILE_SIZE], const uint8_t *key, enum store_kind kind)
{
    char hex[2 * STORE_KEY_BYTES + 1];

    _Static_assert(MIGRATION_TOKEN_BYTES == STORE_KEY_BYTES, "tokens and UUIDs are of one length");
    hex_encode(key, STORE_KEY_BYTES, hex);
    snprintf(name, STORE_FILE_SIZE, "%s%s", hex, endings[kind]);
}

static enum store_kind kind_of(enum journal_side side)
{
    return side == JOURNAL_SEND ? STORE_SEND : STORE_RECEIVE;
}

void store_name_of(char name[STORE_NAME_SIZE], enum journal_side side, const uint8_t *token)
{
    char file[STORE_FILE_SIZE];

    store_name(file, token, kind_of(side));
    snprintf(name, STORE_NAME_SIZE, "%.*s", (int)STORE_NAME_SIZE - 1, file);
}

enum store_kind store_parse(const char *file, uint8_t key[STORE_KEY_BYTES])
{
    char whole[STORE_FILE_SIZE];

    if (hex_decode(file, key, STORE_KEY_BYTES) < 0)
        return STORE_FOREIGN;
    for (int kind = STORE_SEND; kind < STORE_FOREIGN; kind++) {
        store_name(whole, key, (enum store_kind)kind);
        if (strcmp(file, whole) == 0)
            return (enum store_kind)kind;
    }
    return STORE_FOREIGN;
}

/* ---- the directory ---- */

/* `path` without its last part. */
static void parent_of(const char *path, char parent[PATH_MAX])
{
    const char *slash = strrchr(path, '/');

    if (!slash || slash == path)
        snprintf(parent, PATH_MAX, "%s", slash ? "/" : ".");
    else
        snprintf(parent, PATH_MAX, "%.*s", (int)(slash - path), path);
}

static int sync_dir(const char *path, struct failure *failure)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : failure_set(failure, "%s: %s", path, strerror(errno));

    if (fd >= 0)
        close(fd);
    return rc;
}

int store_make_dir(const char *dir, struct failure *failure)
{
    char state[PATH_MAX], above[PATH_MAX];
    int fd;

    parent_of(dir, state);
    parent_of(state, above);
    fd = private_dir_make(state, failure);
    if (fd < 0)
        return -1;
    close(fd);
    fd = private_dir_make(dir, failure);
    if (fd >= 0 && sync_dir(above, failure) == 0 && sync_dir(state, failure) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int store_lock_dir(int dir_fd, const char *dir, struct failure *failure)
{
    if (lock_within(dir_fd, DIR_LOCK_MS))
        return 0;
    return failure_set(failure, "%s is locked by another xlmig that does not end", dir);
}

void store_let_go_dir(int dir_fd)
{
    flock(dir_fd, LOCK_UN);
}

const char *store_next(DIR *d)
{
    struct dirent *entry;

    do
        entry = readdir(d);
    while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    return entry ? entry->d_name : NULL;
}

DIR *store_names(int dir_fd, struct failure *failure)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

    if (d)
        return d;
    failure_set(failure, "cannot read the directory of journals: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return NULL;
}

bool store_has(int dir_fd, const char *name)
{
    return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* ---- locks ---- */

/* A descriptor of the lock file, not locked yet; with O_CREAT in `make`, made if it is not there. */
static int open_lock(int dir_fd, const uint8_t *uuid, int make)
{
    char lock[STORE_FILE_SIZE];
    struct stat st;
    int fd;

    store_name(lock, uuid, STORE_LOCK);
    fd = openat(dir_fd, lock, O_RDWR | make | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid()))
        return fd;
    close(fd);
    errno = EACCES;
    return -1;
}

void store_lock_is_for(int lock_fd, const char *name)
{
    char text[HOLDER_BYTES + 1];

    snprintf(text, sizeof text, "%-10d %-*s\n", (int)getpid(), (int)STORE_NAME_SIZE, name);
    /* Where that fails, the holder is one that nobody knows. */
    if (pwrite(lock_fd, text, HOLDER_BYTES, 0) != HOLDER_BYTES && ftruncate(lock_fd, 0) < 0)
        return; /* this far and no further: the lock holds all the same */
}

int store_lock_vm(int dir_fd, const uint8_t *uuid)
{
    int fd = open_lock(dir_fd, uuid, O_CREAT);
    int error;

    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        store_lock_is_for(fd, "");
        return fd;
    }
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

bool store_vm_is_held(int dir_fd, const uint8_t *uuid)
{
    int fd = open_lock(dir_fd, uuid, 0);
    bool held;

    if (fd < 0)
        return false;
    held = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

/* Does the process hold the lock by its descriptor of that number? */
static bool locks_by(int fdinfo_fd, const char *number)
{
    int fd = openat(fdinfo_fd, number, O_RDONLY | O_CLOEXEC);
    FILE *info = fd >= 0 ? fdopen(fd, "r") : NULL;
    bool found = false;
    char line[256];

    if (!info && fd >= 0)
        close(fd);
    while (info && !found && fgets(line, sizeof line, info))
        found = strncmp(line, "lock:", 5) == 0 && strstr(line, "FLOCK") && strstr(line, "WRITE");
    if (info)
        fclose(info);
    return found;
}

/* Is there a descriptor of this process by which the file of `lock` is locked?  What the kernel says, not the file. */
static bool process_locks(pid_t pid, const struct stat *lock)
{
    char path[64];
    DIR *fds;
    int fdinfo;
    const char *number;
    bool found = false;
    struct stat st;

    snprintf(path, sizeof path, "/proc/%d/fdinfo", (int)pid);
    fdinfo = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    fds = opendir(path);
    while (fds && fdinfo >= 0 && !found && (number = store_next(fds)))
        found = fstatat(dirfd(fds), number, &st, 0) == 0 && st.st_dev == lock->st_dev && st.st_ino == lock->st_ino &&
                locks_by(fdinfo, number);
    if (fds)
        closedir(fds);
    if (fdinfo >= 0)
        close(fdinfo);
    return found;
}

/* The process that the lock names.  0: it names none, or holds it not for `name`. */
static pid_t named_in(int lock_fd, const char *name)
{
    char text[HOLDER_BYTES + 1] = "", held_for[HOLDER_BYTES + 1] = "";
    int pid = 0;

    if (pread(lock_fd, text, HOLDER_BYTES, 0) != HOLDER_BYTES || sscanf(text, "%d %s", &pid, held_for) < 1)
        return 0;
    return pid > 1 && (!name || strcmp(name, held_for) == 0) ? pid : 0;
}

/* The descriptor first: whoever it is of cannot be taken for another one afterwards. */
pid_t store_vm_holder(int dir_fd, const uint8_t *uuid, const char *name, int *pidfd)
{
    int lock_fd = open_lock(dir_fd, uuid, 0), fd = -1;
    pid_t pid = lock_fd >= 0 ? named_in(lock_fd, name) : 0;
    struct stat lock;

    if (pid)
        fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 || fstat(lock_fd, &lock) < 0 || !process_locks(pid, &lock))
        pid = 0;
    if (lock_fd >= 0)
        close(lock_fd);
    if (pidfd)
        *pidfd = pid ? fd : -1;
    if (fd >= 0 && !(pid && pidfd))
        close(fd);
    return pid;
}

/* ---- one record ---- */

/* The file .new, empty: the one that was made for this, or else a new one. */
static int open_new(int dir_fd, const char *file)
{
    int fd = openat(dir_fd, file, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    if (fd >= 0) {
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0 &&
            st.st_nlink == 1 && st.st_size == 0)
            return fd;
        close(fd);
    }
    if (unlinkat(dir_fd, file, 0) < 0 && errno != ENOENT) /* of a command that was killed while it wrote */
        return -1;
    return openat(dir_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* It, whole and on the disk.  -1: errno; it may be there. */
static int write_new(int dir_fd, const char *file, const char *bytes, size_t len)
{
    int fd = open_new(dir_fd, file), rc, error;

    if (fd < 0)
        return -1;
    rc = write_all(fd, bytes, len) < 0 || fsync(fd) < 0 ? -1 : 0;
    error = errno;
    close(fd);
    errno = error;
    return rc;
}

/* Put these octets in the place of `name`.  -1: errno; they may be in its place (*placed), but not for good. */
static int replace(int dir_fd, const char *name, const char *bytes, size_t len, bool *placed)
{
    char file[STORE_FILE_SIZE];
    int error;

    snprintf(file, sizeof file, "%.*s.new", (int)(sizeof file - sizeof ".new"), name);
    *placed = write_new(dir_fd, file, bytes, len) == 0 && renameat(dir_fd, file, dir_fd, name) == 0;
    if (*placed)
        return fsync(dir_fd);
    error = errno;
    unlinkat(dir_fd, file, 0);
    errno = error;
    return -1;
}

/* So that the next record fits on a disk that is full by then. */
static void make_spare(int dir_fd, const struct journal_record *record)
{
    char file[STORE_FILE_SIZE];
    int fd;

    store_name(file, record->token, record->side == JOURNAL_SEND ? STORE_NEW_SEND : STORE_NEW_RECEIVE);
    fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, JOURNAL_RECORD_MAX);
    close(fd);
}

int store_record(int dir_fd, const char *name, const struct journal_record *record, bool *placed,
                 struct failure *failure)
{
    char bytes[JOURNAL_RECORD_MAX];
    struct failure why = { 0 };
    size_t len;

    *placed = false;
    if (journal_record_encode(record, bytes, &len, &why) == 0 && replace(dir_fd, name, bytes, len, placed) < 0)
        failure_set(&why, "%s", strerror(errno));
    if (why.text[0])
        return failure_set(failure, "the journal %s cannot be written: %s", name, why.text);
    if (!journal_may_end(record->state))
        make_spare(dir_fd, record);
    return 0;
}

int store_load(int dir_fd, const char *name, struct journal_record *record, struct failure *failure)
{
    char bytes[JOURNAL_RECORD_MAX], said[STORE_NAME_SIZE];
    size_t len = 0;

    if (private_file_read(dir_fd, name, bytes, sizeof bytes, &len, failure) < 0 ||
        journal_record_decode(bytes, len, record, failure) < 0)
        return -1;
    store_name_of(said, record->side, record->token);
    if (strcmp(said, name) != 0) {
        *record = (struct journal_record){ 0 };
        errno = EACCES;
        return failure_set(failure, "it is the journal of another migration");
    }
    return 0;
}

/* ---- numbers ---- */

int store_load_numbers(int dir_fd, const uint8_t *uuid, struct journal_numbers *numbers, struct failure *failure)
{
    char bytes[JOURNAL_RECORD_MAX], name[STORE_FILE_SIZE];
    struct failure why = { 0 };
    size_t len = 0;

    *numbers = (struct journal_numbers){ 0 };
    store_name(name, uuid, STORE_NUMBERS);
    if (private_file_read(dir_fd, name, bytes, sizeof bytes, &len, &why) < 0 && !why.text[0])
        return 0;
    if (why.text[0] || journal_numbers_decode(bytes, len, numbers, &why) < 0)
        return failure_set(failure, "the file %s beside the journals cannot be used: %s", name, why.text);
    return 0;
}

int store_save_numbers(int dir_fd, const uint8_t *uuid, const struct journal_numbers *numbers,
                         struct failure *failure)
{
    char bytes[JOURNAL_RECORD_MAX], name[STORE_FILE_SIZE];
    struct failure why = { 0 };
    bool placed;
    size_t len;

    store_name(name, uuid, STORE_NUMBERS);
    if (journal_numbers_encode(numbers, bytes, &len, &why) == 0 && replace(dir_fd, name, bytes, len, &placed) < 0)
        failure_set(&why, "%s", strerror(errno));
    if (why.text[0])
        return failure_set(failure, "the file %s beside the journals cannot be written: %s", name, why.text);
    return 0;
}

/* ---- litter ---- */

/* The host's own are needed for as long as there is the host. */
static bool is_of_no_vm(const uint8_t key[STORE_KEY_BYTES])
{
    static const uint8_t no_vm[STORE_KEY_BYTES];

    return memcmp(key, no_vm, sizeof no_vm) == 0;
}

/* Is this file, beside the journals, of no use any more? */
static bool is_litter(int dir_fd, const char *file)
{
    uint8_t key[STORE_KEY_BYTES];
    enum store_kind kind = store_parse(file, key);
    char other[STORE_FILE_SIZE];
    struct stat st;

    switch (kind) {
    case STORE_NEW_SEND:
    case STORE_NEW_RECEIVE: /* killed before it had a record, or after it had none any more */
        store_name(other, key, kind == STORE_NEW_SEND ? STORE_SEND : STORE_RECEIVE);
        return !store_has(dir_fd, other);
    case STORE_NUMBERS:
        return !is_of_no_vm(key) && fstatat(dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime < time(NULL) - NUMBERS_KEPT_S &&
               !store_vm_is_held(dir_fd, key);
    case STORE_LOCK:
        store_name(other, key, STORE_NUMBERS);
        return !store_has(dir_fd, other) && !store_vm_is_held(dir_fd, key);
    default:
        return false;
    }
}

void store_sweep(int dir_fd)
{
    struct failure failure = { 0 };
    DIR *d = store_names(dir_fd, &failure);
    const char *file;

    while (d && (file = store_next(d)))
        if (is_litter(dir_fd, file))
            unlinkat(dir_fd, file, 0);
    if (d)
        closedir(d);
}
