/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "xlmig/journal.h"

#include "xlmig/json-fields.h"
#include "xlmig/private-dir.h"
#include "xlmig/state-dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DIR_LOCK_MS 10000
#define ENTRIES_MAX 4096
#define KEY_BYTES 16u /* of a token, and of a UUID */
#define NAME_SIZE (2 * KEY_BYTES + sizeof "-receive")
#define FILE_SIZE (2 * KEY_BYTES + sizeof "-receive.new.and.some")
#define NUMBERS_KEPT_S (90 * 24 * 3600)

struct journal {
    int dir_fd, lock_fd;
    char name[NAME_SIZE];
    struct journal_record record;
    bool newest, in_doubt;
};

/* ---- names ---- */

enum kind { KIND_SEND, KIND_RECEIVE, KIND_NEW_SEND, KIND_NEW_RECEIVE, KIND_LOCK, KIND_NUMBERS, KIND_NEW_NUMBERS,
            KIND_FOREIGN };

/* Behind the digits of a token or, from KIND_LOCK on, of a UUID. */
static const char *const endings[] = {
    [KIND_SEND] = "-send", [KIND_RECEIVE] = "-receive", [KIND_NEW_SEND] = "-send.new",
    [KIND_NEW_RECEIVE] = "-receive.new", [KIND_LOCK] = ".lock", [KIND_NUMBERS] = ".numbers",
    [KIND_NEW_NUMBERS] = ".numbers.new",
};

static void make_name(char name[FILE_SIZE], const uint8_t *key, enum kind kind)
{
    char hex[2 * KEY_BYTES + 1];

    _Static_assert(CONTROL_TOKEN_BYTES == KEY_BYTES, "tokens and UUIDs are of one length");
    hex_encode(key, KEY_BYTES, hex);
    snprintf(name, FILE_SIZE, "%s%s", hex, endings[kind]);
}

static enum kind kind_of(enum journal_side side)
{
    return side == JOURNAL_SEND ? KIND_SEND : KIND_RECEIVE;
}

static void name_of(char name[NAME_SIZE], enum journal_side side, const uint8_t *token)
{
    char file[FILE_SIZE];

    make_name(file, token, kind_of(side));
    memcpy(name, file, NAME_SIZE);
}

/* What a file of that name is; unless it is foreign, also whose. */
static enum kind parse_name(const char *file, uint8_t key[KEY_BYTES])
{
    char whole[FILE_SIZE];

    if (hex_decode(file, key, KEY_BYTES) < 0)
        return KIND_FOREIGN;
    for (int kind = KIND_SEND; kind < KIND_FOREIGN; kind++) {
        make_name(whole, key, (enum kind)kind);
        if (strcmp(file, whole) == 0)
            return (enum kind)kind;
    }
    return KIND_FOREIGN;
}

void journal_id(const struct journal_record *record, char id[JOURNAL_ID_SIZE])
{
    hex_encode(record->token, (JOURNAL_ID_SIZE - 1) / 2, id);
}

/* ---- the directory ---- */

int journal_dir(const char *toolstack, char dir[PATH_MAX], struct failure *failure)
{
    static const char below[] = "/journal";
    size_t len;

    if (state_dir(toolstack, dir, PATH_MAX - sizeof below, failure) < 0)
        return -1;
    for (len = strlen(dir); len > 1 && dir[len - 1] == '/'; len--)
        ;
    memcpy(dir + len, below, sizeof below);
    return 0;
}

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

/*
 * Make the last two parts of `dir`, and see to it that they last: what is there
 * already may be another process's work, and not on the disk yet.
 */
static int make_dir(const char *dir, struct failure *failure)
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

/*
 * Whoever asks for, or takes, the lock of a VM holds the directory's, and so does
 * who makes or removes a journal.  It goes with dir_fd, or by let_go_dir().
 */
static int lock_dir(int dir_fd, const char *dir, struct failure *failure)
{
    if (lock_within(dir_fd, DIR_LOCK_MS))
        return 0;
    return failure_set(failure, "%s is locked by another xlmig that does not end", dir);
}

static void let_go_dir(int dir_fd)
{
    flock(dir_fd, LOCK_UN);
}

/* The next name in the directory; NULL: no more. */
static const char *next_name(DIR *d)
{
    struct dirent *entry;

    do
        entry = readdir(d);
    while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    return entry ? entry->d_name : NULL;
}

/* For reading its names; NULL: see failure. */
static DIR *open_names(int dir_fd, struct failure *failure)
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

/* Unless it is certain that it does not. */
static bool exists(int dir_fd, const char *name)
{
    return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

/* ---- locks ---- */

/* A descriptor of the lock file, not locked yet; with O_CREAT in `make`, made if it is not there. */
static int open_lock(int dir_fd, const uint8_t *uuid, int make)
{
    char lock[FILE_SIZE];
    struct stat st;
    int fd;

    make_name(lock, uuid, KIND_LOCK);
    fd = openat(dir_fd, lock, O_RDWR | make | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid()))
        return fd;
    close(fd);
    errno = EACCES;
    return -1;
}

/* -1 with errno EWOULDBLOCK: held. */
static int take_lock(int dir_fd, const uint8_t *uuid)
{
    int fd = open_lock(dir_fd, uuid, O_CREAT);
    int error;

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool is_held(int dir_fd, const uint8_t *uuid)
{
    int fd = open_lock(dir_fd, uuid, 0);
    bool held;

    if (fd < 0)
        return false;
    held = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

/* ---- one record ---- */

static int write_all(int fd, const char *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t n = write(fd, bytes + done, len - done);

        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0 || errno != EINTR) {
            errno = n == 0 ? ENOSPC : errno;
            return -1;
        }
    }
    return 0;
}

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
    char file[FILE_SIZE];
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
    char file[FILE_SIZE];
    int fd;

    make_name(file, record->token, record->side == JOURNAL_SEND ? KIND_NEW_SEND : KIND_NEW_RECEIVE);
    fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, JOURNAL_RECORD_MAX);
    close(fd);
}

/* As replace(). */
static int store(int dir_fd, const char *name, const struct journal_record *record, bool *placed,
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

/* As it is in the directory.  -1: see failure; errno ENOENT: it is not. */
static int load(int dir_fd, const char *name, struct journal_record *record, struct failure *failure)
{
    char bytes[JOURNAL_RECORD_MAX], said[NAME_SIZE];
    size_t len = 0;

    if (private_file_read(dir_fd, name, bytes, sizeof bytes, &len, failure) < 0 ||
        journal_record_decode(bytes, len, record, failure) < 0)
        return -1;
    name_of(said, record->side, record->token);
    if (strcmp(said, name) != 0) {
        *record = (struct journal_record){ 0 };
        errno = EACCES;
        return failure_set(failure, "it is the journal of another migration");
    }
    return 0;
}

/* ---- numbers ---- */

/* None is fine. */
static int load_numbers(int dir_fd, const uint8_t *uuid, struct journal_numbers *numbers, struct failure *failure)
{
    char bytes[JOURNAL_RECORD_MAX], name[FILE_SIZE];
    struct failure why = { 0 };
    size_t len = 0;

    *numbers = (struct journal_numbers){ 0 };
    make_name(name, uuid, KIND_NUMBERS);
    if (private_file_read(dir_fd, name, bytes, sizeof bytes, &len, &why) < 0 && !why.text[0])
        return 0;
    if (why.text[0] || journal_numbers_decode(bytes, len, numbers, &why) < 0)
        return failure_set(failure, "the file %s beside the journals cannot be used: %s", name, why.text);
    return 0;
}

static int store_numbers(int dir_fd, const uint8_t *uuid, const struct journal_numbers *numbers,
                         struct failure *failure)
{
    char bytes[JOURNAL_RECORD_MAX], name[FILE_SIZE];
    struct failure why = { 0 };
    bool placed;
    size_t len;

    make_name(name, uuid, KIND_NUMBERS);
    if (journal_numbers_encode(numbers, bytes, &len, &why) == 0 && replace(dir_fd, name, bytes, len, &placed) < 0)
        failure_set(&why, "%s", strerror(errno));
    if (why.text[0])
        return failure_set(failure, "the file %s beside the journals cannot be written: %s", name, why.text);
    return 0;
}

/* Should the numbers have been forgotten, those of the next attempt are greater all the same. */
static uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Give `begin` its numbers, and remember them. */
static int number(int dir_fd, struct journal_record *begin, uint64_t last_serial, struct failure *failure)
{
    struct journal_numbers numbers;

    if (load_numbers(dir_fd, begin->uuid, &numbers, failure) < 0)
        return -1;
    numbers.serial = (numbers.serial > last_serial ? numbers.serial : last_serial) + 1;
    begin->serial = numbers.serial;
    if (begin->side == JOURNAL_SEND) {
        numbers.given = numbers.given >= clock_us() ? numbers.given + 1 : clock_us();
        begin->generation = numbers.given;
    } else if (begin->generation <= journal_numbers_taken(&numbers, begin->peer)) {
        return failure_set(failure, "this attempt of %s to send %s is not newer than one before it", begin->peer,
                           begin->name);
    } else {
        journal_numbers_take(&numbers, begin->peer, begin->generation);
    }
    if (journal_record_check(begin, failure) < 0)
        return -1;
    return store_numbers(dir_fd, begin->uuid, &numbers, failure);
}

/* ---- beginning ---- */

static int refuse_second(const struct journal_record *first, struct failure *failure)
{
    char id[JOURNAL_ID_SIZE];

    journal_id(first, id);
    return failure_set(failure, "an earlier migration of %s (%s %s, %s) is not finished; type: xlmig recover %s",
                       first->name, first->side == JOURNAL_SEND ? "to" : "from", first->peer,
                       journal_state_name(first->state), id);
}

/* The greatest serial of this VM's journals besides that of `name`, which may be NULL.  1: one is not ended: *first. */
static int survey(int dir_fd, const uint8_t *uuid, const char *name, uint64_t *last_serial,
                  struct journal_record *first, struct failure *failure)
{
    DIR *d = open_names(dir_fd, failure);
    uint8_t key[KEY_BYTES];
    const char *file;
    int rc = 0;

    *last_serial = 0;
    if (!d)
        return -1;
    while ((file = next_name(d))) {
        struct failure not_ours = { 0 };
        struct journal_record other;
        enum kind kind = parse_name(file, key);

        if ((kind != KIND_SEND && kind != KIND_RECEIVE) || (name && strcmp(file, name) == 0) ||
            load(dir_fd, file, &other, &not_ours) < 0 || memcmp(other.uuid, uuid, sizeof other.uuid) != 0)
            continue;
        if (other.serial > *last_serial)
            *last_serial = other.serial;
        if (!journal_may_end(other.state) && rc == 0) {
            *first = other;
            rc = 1;
        }
    }
    closedir(d);
    return rc;
}

/* Is this file, beside the journals, of no use any more? */
static bool is_litter(int dir_fd, const char *file)
{
    uint8_t key[KEY_BYTES];
    enum kind kind = parse_name(file, key);
    char other[FILE_SIZE];
    struct stat st;

    switch (kind) {
    case KIND_NEW_SEND:
    case KIND_NEW_RECEIVE: /* killed before it had a record, or after it had none any more */
        make_name(other, key, kind == KIND_NEW_SEND ? KIND_SEND : KIND_RECEIVE);
        return !exists(dir_fd, other);
    case KIND_NUMBERS:
        return fstatat(dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_mtime < time(NULL) - NUMBERS_KEPT_S &&
               !is_held(dir_fd, key);
    case KIND_LOCK:
        make_name(other, key, KIND_NUMBERS);
        return !exists(dir_fd, other) && !is_held(dir_fd, key);
    default:
        return false;
    }
}

static void sweep(int dir_fd)
{
    struct failure failure = { 0 };
    DIR *d = open_names(dir_fd, &failure);
    const char *file;

    while (d && (file = next_name(d)))
        if (is_litter(dir_fd, file))
            unlinkat(dir_fd, file, 0);
    if (d)
        closedir(d);
}

static struct journal *journal_new(int dir_fd, const char *name, const struct journal_record *record)
{
    struct journal *journal = malloc(sizeof *journal);

    if (!journal)
        return NULL;
    *journal = (struct journal){ .dir_fd = dir_fd, .lock_fd = -1, .record = *record };
    snprintf(journal->name, sizeof journal->name, "%s", name);
    return journal;
}

void journal_release(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->lock_fd >= 0)
        close(journal->lock_fd);
    close(journal->dir_fd);
    free(journal);
}

/* All but the record: the lock, no other one in the way, and its numbers. */
static int prepare(struct journal *journal, struct failure *failure)
{
    struct journal_record *record = &journal->record, first;
    uint64_t last_serial;
    int rc;

    journal->lock_fd = take_lock(journal->dir_fd, record->uuid);
    if (journal->lock_fd < 0 && errno == EWOULDBLOCK)
        return failure_set(failure, "another xlmig on this host is at %s", record->name);
    if (journal->lock_fd < 0)
        return failure_set(failure, "the lock of %s cannot be taken: %s", record->name, strerror(errno));
    if (exists(journal->dir_fd, journal->name)) /* and cannot be read, or is of another VM */
        return failure_set(failure, "there is a journal %s already", journal->name);
    rc = survey(journal->dir_fd, record->uuid, NULL, &last_serial, &first, failure);
    if (rc == 1)
        return refuse_second(&first, failure);
    return rc < 0 ? -1 : number(journal->dir_fd, record, last_serial, failure);
}

static int begin_file(struct journal *journal, struct failure *failure)
{
    bool placed;

    if (prepare(journal, failure) < 0)
        return -1;
    sweep(journal->dir_fd);
    if (store(journal->dir_fd, journal->name, &journal->record, &placed, failure) == 0)
        return 0;
    if (placed) { /* nothing was done yet: should it come back after a crash, recover finds that out */
        unlinkat(journal->dir_fd, journal->name, 0);
        (void)fsync(journal->dir_fd);
    }
    return -1;
}

struct journal *journal_create(const char *dir, const struct journal_record *begin, struct failure *failure)
{
    struct journal_record record = *begin;
    struct journal *journal = NULL;
    char name[NAME_SIZE];
    int dir_fd = make_dir(dir, failure);

    if (dir_fd < 0)
        return NULL;
    record.state = journal_first_state(record.side);
    record.offered = false;
    record.began_s = record.changed_s = (int64_t)time(NULL);
    name_of(name, record.side, record.token);
    if (lock_dir(dir_fd, dir, failure) == 0) {
        journal = journal_new(dir_fd, name, &record);
        if (!journal)
            failure_set(failure, "out of memory");
    }
    if (!journal) {
        close(dir_fd);
        return NULL;
    }
    journal->newest = true;
    if (begin_file(journal, failure) < 0) {
        journal_release(journal);
        return NULL;
    }
    let_go_dir(dir_fd);
    return journal;
}

/* ---- going on ---- */

static void set_why(struct journal_record *record, const char *why)
{
    snprintf(record->why, sizeof record->why, "%s", why);
    for (char *c = record->why; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
}

int journal_advance(struct journal *journal, enum journal_state state, const char *why, struct failure *failure)
{
    struct journal_record next;
    struct failure second = { 0 };
    bool placed;

    if (!journal)
        return failure_set(failure, "there is no journal of this migration");
    next = journal->record;
    if (!journal_side_has(next.side, state) || !journal_may_follow(next.state, state))
        return failure_set(failure, "the journal %s says %s: %s may not follow", journal->name,
                           journal_state_name(next.state), journal_state_name(state));
    next.state = state;
    next.offered |= state == JOURNAL_READY;
    next.changed_s = (int64_t)time(NULL);
    if (why)
        set_why(&next, why);
    if (store(journal->dir_fd, journal->name, &next, &placed, failure) == 0) {
        journal->record = next;
        journal->in_doubt = false;
        return 0;
    }
    if (placed || journal->in_doubt)
        journal->in_doubt = store(journal->dir_fd, journal->name, &journal->record, &placed, &second) < 0;
    return -1;
}

bool journal_is_newest(const struct journal *journal)
{
    return journal->newest;
}

bool journal_in_doubt(const struct journal *journal)
{
    return journal->in_doubt;
}

int journal_finish(struct journal **finished, struct failure *failure)
{
    struct journal *journal = *finished;
    char spare[FILE_SIZE];

    if (!journal_may_end(journal->record.state))
        return failure_set(failure, "the journal %s says %s: it is needed", journal->name,
                           journal_state_name(journal->record.state));
    if (lock_dir(journal->dir_fd, "the directory of journals", failure) < 0)
        return -1;
    if ((unlinkat(journal->dir_fd, journal->name, 0) < 0 && errno != ENOENT) || fsync(journal->dir_fd) < 0) {
        failure_set(failure, "the journal %s cannot be removed: %s", journal->name, strerror(errno));
        let_go_dir(journal->dir_fd);
        return -1;
    }
    make_name(spare, journal->record.token, journal->record.side == JOURNAL_SEND ? KIND_NEW_SEND : KIND_NEW_RECEIVE);
    unlinkat(journal->dir_fd, spare, 0);
    journal_release(journal);
    *finished = NULL;
    return 0;
}

const struct journal_record *journal_record(const struct journal *journal)
{
    return &journal->record;
}

int journal_accepts(const struct journal *journal, const uint8_t token[CONTROL_TOKEN_BYTES], uint64_t generation,
                    struct failure *failure)
{
    const struct journal_record *record = &journal->record;

    if (CRYPTO_memcmp(token, record->token, CONTROL_TOKEN_BYTES) != 0)
        return failure_set(failure, "it is of another migration than that of %s under way here", record->name);
    if (generation != record->generation)
        return failure_set(failure, "it is of another attempt to move %s (%llu, and here is %llu)", record->name,
                           (unsigned long long)generation, (unsigned long long)record->generation);
    return 0;
}

/* ---- recover ---- */

/* With the lock of its VM: what is read now nobody else changes. */
static int read_for_good(int dir_fd, const char *name, struct journal **taken, struct failure *failure)
{
    struct journal_record record, first;
    uint64_t last_serial;

    /* Whoever wrote it may have been killed before he knew it to be on the disk. */
    if (fsync(dir_fd) < 0)
        return failure_set(failure, "%s", strerror(errno));
    if (load(dir_fd, name, &record, failure) < 0 ||
        survey(dir_fd, record.uuid, name, &last_serial, &first, failure) < 0)
        return failure_set(failure, "it is gone");
    *taken = journal_new(dir_fd, name, &record);
    if (!*taken)
        return failure_set(failure, "out of memory");
    (*taken)->newest = record.serial > last_serial;
    return 0;
}

static enum journal_taken take(int dir_fd, const char *name, struct journal **taken, struct failure *failure)
{
    struct journal_record record;
    struct failure why = { 0 };
    int lock_fd = -1;

    if (!exists(dir_fd, name))
        return JOURNAL_UNKNOWN;
    if (load(dir_fd, name, &record, &why) == 0) {
        lock_fd = take_lock(dir_fd, record.uuid);
        if (lock_fd < 0 && errno == EWOULDBLOCK)
            return JOURNAL_HELD;
        if (lock_fd < 0)
            failure_set(&why, "%s", strerror(errno));
    }
    if (lock_fd >= 0 && read_for_good(dir_fd, name, taken, &why) == 0) {
        (*taken)->lock_fd = lock_fd;
        return JOURNAL_TAKEN;
    }
    if (lock_fd >= 0)
        close(lock_fd);
    failure_set(failure, "the journal %s cannot be used: %s", name, why.text);
    return JOURNAL_TROUBLE;
}

enum journal_taken journal_take(const char *dir, enum journal_side side, const uint8_t token[CONTROL_TOKEN_BYTES],
                                struct journal **journal, struct failure *failure)
{
    enum journal_taken taken = JOURNAL_TROUBLE;
    char name[NAME_SIZE];
    int dir_fd;

    *journal = NULL;
    name_of(name, side, token);
    dir_fd = private_dir_open(dir, failure);
    if (dir_fd < 0)
        return errno == ENOENT ? JOURNAL_UNKNOWN : JOURNAL_TROUBLE;
    if (lock_dir(dir_fd, dir, failure) == 0)
        taken = take(dir_fd, name, journal, failure);
    if (*journal)
        let_go_dir(dir_fd);
    else
        close(dir_fd);
    return taken;
}

static void describe(int dir_fd, const char *file, struct journal_entry *entry)
{
    struct failure why = { 0 };
    uint8_t key[KEY_BYTES];

    *entry = (struct journal_entry){ 0 };
    snprintf(entry->file, sizeof entry->file, "%s", file);
    if (parse_name(file, key) == KIND_FOREIGN)
        failure_set(&why, "no journal has such a name");
    else if (load(dir_fd, file, &entry->record, &why) < 0)
        failure_set(&why, "it went while it was looked at");
    else
        entry->held = is_held(dir_fd, entry->record.uuid);
    snprintf(entry->problem, sizeof entry->problem, "%.255s", why.text);
    clean_text(entry->file);
}

/* Of our own making, and nothing to tell of. */
static bool is_beside(const char *file)
{
    uint8_t key[KEY_BYTES];
    enum kind kind = parse_name(file, key);

    return kind != KIND_SEND && kind != KIND_RECEIVE && kind != KIND_FOREIGN;
}

static void mark_newest(struct journal_entry *entries, size_t nr_entries)
{
    for (size_t i = 0; i < nr_entries; i++) {
        entries[i].newest = !entries[i].problem[0];
        for (size_t k = 0; k < nr_entries; k++)
            if (entries[k].record.serial > entries[i].record.serial &&
                memcmp(entries[k].record.uuid, entries[i].record.uuid, sizeof entries[k].record.uuid) == 0)
                entries[i].newest = false;
    }
}

static int list(int dir_fd, struct journal_entry **entries, size_t *nr_entries, struct failure *failure)
{
    DIR *d = open_names(dir_fd, failure);
    const char *file;
    int rc = d ? 0 : -1;

    while (rc == 0 && (file = next_name(d))) {
        struct journal_entry *more;

        if (is_beside(file))
            continue;
        more = *nr_entries < ENTRIES_MAX ? realloc(*entries, (*nr_entries + 1) * sizeof **entries) : NULL;
        if (more) {
            *entries = more;
            describe(dir_fd, file, &more[(*nr_entries)++]);
        } else {
            rc = failure_set(failure, "there are too many files in the directory of journals");
        }
    }
    if (d)
        closedir(d);
    return rc;
}

int journal_list(const char *dir, struct journal_entry **entries, size_t *nr_entries, struct failure *failure)
{
    int dir_fd = private_dir_open(dir, failure), rc;

    *entries = NULL;
    *nr_entries = 0;
    if (dir_fd < 0)
        return errno == ENOENT ? 0 : -1;
    rc = lock_dir(dir_fd, dir, failure);
    if (rc == 0)
        rc = list(dir_fd, entries, nr_entries, failure);
    close(dir_fd);
    mark_newest(*entries, *nr_entries);
    if (rc < 0) {
        free(*entries);
        *entries = NULL;
        *nr_entries = 0;
    }
    return rc;
}

int journal_find_vm(const char *dir, const uint8_t uuid[16], struct journal_entry *found, struct failure *failure)
{
    struct journal_entry *entries;
    size_t nr_entries;
    int rc = 1;

    if (journal_list(dir, &entries, &nr_entries, failure) < 0)
        return -1;
    for (size_t i = 0; i < nr_entries && rc == 1; i++)
        if (entries[i].newest && memcmp(entries[i].record.uuid, uuid, 16) == 0) {
            *found = entries[i];
            rc = 0;
        }
    free(entries);
    return rc;
}
