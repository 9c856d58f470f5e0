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
#define TOKEN_DIGITS (2 * CONTROL_TOKEN_BYTES)
#define NAME_SIZE (TOKEN_DIGITS + sizeof "-receive.lock")

struct journal {
    int dir_fd, lock_fd;
    char name[NAME_SIZE];
    struct journal_record record;
    bool in_doubt;
};

/* ---- names ---- */

enum kind { KIND_RECORD, KIND_LOCK, KIND_NEW, KIND_FOREIGN };
static const char *const endings[] = { [KIND_RECORD] = "", [KIND_LOCK] = ".lock", [KIND_NEW] = ".new" };

static void make_name(char name[NAME_SIZE], enum journal_side side, const uint8_t *token)
{
    char hex[TOKEN_DIGITS + 1];

    hex_encode(token, CONTROL_TOKEN_BYTES, hex);
    snprintf(name, NAME_SIZE, "%s-%s", hex, journal_side_name(side));
}

static void add_ending(char name[NAME_SIZE + 8], const char *of, enum kind kind)
{
    snprintf(name, NAME_SIZE + 8, "%.*s%s", (int)NAME_SIZE, of, endings[kind]);
}

/* What a file of that name is; unless it is foreign, also of which journal. */
static enum kind parse_name(const char *file, enum journal_side *side, uint8_t token[CONTROL_TOKEN_BYTES])
{
    char name[NAME_SIZE], whole[NAME_SIZE + 8];

    if (hex_decode(file, token, CONTROL_TOKEN_BYTES) < 0)
        return KIND_FOREIGN;
    for (int s = JOURNAL_SEND; s <= JOURNAL_RECEIVE; s++)
        for (int kind = KIND_RECORD; kind < KIND_FOREIGN; kind++) {
            *side = (enum journal_side)s;
            make_name(name, *side, token);
            add_ending(whole, name, (enum kind)kind);
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
 * Whoever asks for, takes or drops the lock of a journal holds the directory's.
 * It goes with dir_fd, or by let_go_dir().
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
static int open_lock(int dir_fd, const char *name, int make)
{
    char lock[NAME_SIZE + 8];
    struct stat st;
    int fd;

    add_ending(lock, name, KIND_LOCK);
    fd = openat(dir_fd, lock, O_RDWR | make | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid()))
        return fd;
    close(fd);
    errno = EACCES;
    return -1;
}

/* -1 with errno EWOULDBLOCK: held. */
static int take_lock(int dir_fd, const char *name)
{
    int fd = open_lock(dir_fd, name, O_CREAT);
    int error;

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool is_held(int dir_fd, const char *name)
{
    int fd = open_lock(dir_fd, name, 0);
    bool held;

    if (fd < 0)
        return false;
    held = flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

static void drop_lock(int dir_fd, const char *name)
{
    char lock[NAME_SIZE + 8];

    add_ending(lock, name, KIND_LOCK);
    unlinkat(dir_fd, lock, 0);
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

/* The file .new, whole and on the disk.  -1: errno; it may be there. */
static int write_new(int dir_fd, const char *file, const char *bytes, size_t len)
{
    int fd, rc, error;

    if (unlinkat(dir_fd, file, 0) < 0 && errno != ENOENT) /* of a command that was killed while it wrote */
        return -1;
    fd = openat(dir_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    rc = write_all(fd, bytes, len) < 0 || fsync(fd) < 0 ? -1 : 0;
    error = errno;
    close(fd);
    errno = error;
    return rc;
}

/*
 * Put `record` in the place of what has that name.  -1: it may be in its place
 * (*placed), but not for good.
 */
static int store(int dir_fd, const char *name, const struct journal_record *record, bool *placed,
                 struct failure *failure)
{
    char bytes[JOURNAL_RECORD_MAX], file[NAME_SIZE + 8];
    struct failure why = { 0 };
    size_t len;

    *placed = false;
    if (journal_record_encode(record, bytes, &len, &why) < 0)
        return failure_set(failure, "the journal %s cannot be written: %s", name, why.text);
    add_ending(file, name, KIND_NEW);
    if (write_new(dir_fd, file, bytes, len) == 0 && renameat(dir_fd, file, dir_fd, name) == 0) {
        *placed = true;
        if (fsync(dir_fd) == 0)
            return 0;
    }
    failure_set(failure, "the journal %s cannot be written: %s", name, strerror(errno));
    if (!*placed)
        unlinkat(dir_fd, file, 0);
    return -1;
}

/* As it is in the directory.  -1: see failure; errno ENOENT: it is not. */
static int load(int dir_fd, const char *name, struct journal_record *record, struct failure *failure)
{
    char bytes[JOURNAL_RECORD_MAX], said[NAME_SIZE];
    size_t len;

    if (private_file_read(dir_fd, name, bytes, sizeof bytes, &len, failure) < 0 ||
        journal_record_decode(bytes, len, record, failure) < 0)
        return -1;
    make_name(said, record->side, record->token);
    if (strcmp(said, name) != 0) {
        *record = (struct journal_record){ 0 };
        errno = EACCES;
        return failure_set(failure, "it is the journal of another migration");
    }
    return 0;
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

/* Two attempts that this host has forgotten follow each other by its clock. */
static uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* What is there already: nothing of the same VM, and where the generations are. */
static int survey(int dir_fd, struct journal_record *begin, struct failure *failure)
{
    DIR *d = open_names(dir_fd, failure);
    uint64_t newest = 0;
    const char *file;
    int rc = 0;

    if (!d)
        return -1;
    while (rc == 0 && (file = next_name(d))) {
        struct failure not_ours = { 0 };
        struct journal_record other;

        if (load(dir_fd, file, &other, &not_ours) < 0)
            continue;
        if (other.side == JOURNAL_SEND && other.generation > newest) /* the others' are of other hosts */
            newest = other.generation;
        /* The same token: both ends of it are on this host. */
        if (memcmp(other.uuid, begin->uuid, sizeof other.uuid) == 0 &&
            (other.side == begin->side || memcmp(other.token, begin->token, sizeof other.token) != 0))
            rc = refuse_second(&other, failure);
    }
    closedir(d);
    if (begin->generation == 0 && begin->side == JOURNAL_SEND)
        begin->generation = newest >= clock_us() ? newest + 1 : clock_us();
    return rc;
}

/* What was killed before it had a record, or after it had none any more, may have left .new and .lock. */
static void sweep(int dir_fd)
{
    struct failure failure = { 0 };
    uint8_t token[CONTROL_TOKEN_BYTES];
    enum journal_side side;
    char name[NAME_SIZE];
    const char *file;
    DIR *d = open_names(dir_fd, &failure);

    while (d && (file = next_name(d))) {
        enum kind kind = parse_name(file, &side, token);

        if (kind != KIND_LOCK && kind != KIND_NEW)
            continue;
        make_name(name, side, token);
        if (!exists(dir_fd, name) && !is_held(dir_fd, name))
            unlinkat(dir_fd, file, 0);
    }
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

static int begin_file(struct journal *journal, struct failure *failure)
{
    bool placed;

    if (exists(journal->dir_fd, journal->name)) /* and cannot be read, or is of another VM */
        return failure_set(failure, "there is a journal %s already", journal->name);
    journal->lock_fd = take_lock(journal->dir_fd, journal->name);
    if (journal->lock_fd < 0)
        return failure_set(failure, "the journal %s cannot be locked: %s", journal->name, strerror(errno));
    if (store(journal->dir_fd, journal->name, &journal->record, &placed, failure) == 0)
        return 0;
    if (placed) { /* nothing was done yet: should it come back after a crash, recover finds that out */
        unlinkat(journal->dir_fd, journal->name, 0);
        (void)fsync(journal->dir_fd);
    }
    drop_lock(journal->dir_fd, journal->name);
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
    make_name(name, record.side, record.token);
    if (lock_dir(dir_fd, dir, failure) == 0 && survey(dir_fd, &record, failure) == 0) {
        sweep(dir_fd);
        journal = journal_new(dir_fd, name, &record);
        if (!journal)
            failure_set(failure, "out of memory");
    }
    if (!journal) {
        close(dir_fd);
        return NULL;
    }
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

bool journal_in_doubt(const struct journal *journal)
{
    return journal->in_doubt;
}

int journal_finish(struct journal **finished, struct failure *failure)
{
    struct journal *journal = *finished;

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
    drop_lock(journal->dir_fd, journal->name);
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

static enum journal_taken take(int dir_fd, const char *name, struct journal **taken, struct failure *failure)
{
    struct failure why = { 0 };
    struct journal_record record;
    int lock_fd;

    if (!exists(dir_fd, name))
        return JOURNAL_UNKNOWN;
    lock_fd = take_lock(dir_fd, name);
    if (lock_fd < 0 && errno == EWOULDBLOCK)
        return JOURNAL_HELD;
    /* Whoever wrote it may have been killed before he knew it to be on the disk. */
    if (lock_fd < 0 || fsync(dir_fd) < 0)
        failure_set(&why, "%s", strerror(errno));
    else if (load(dir_fd, name, &record, &why) == 0)
        *taken = journal_new(dir_fd, name, &record);
    if (*taken) {
        (*taken)->lock_fd = lock_fd;
        return JOURNAL_TAKEN;
    }
    if (lock_fd >= 0)
        close(lock_fd);
    failure_set(failure, "the journal %s cannot be used: %s", name, why.text[0] ? why.text : strerror(errno));
    return JOURNAL_TROUBLE;
}

enum journal_taken journal_take(const char *dir, enum journal_side side, const uint8_t token[CONTROL_TOKEN_BYTES],
                                struct journal **journal, struct failure *failure)
{
    enum journal_taken taken = JOURNAL_TROUBLE;
    char name[NAME_SIZE];
    int dir_fd;

    *journal = NULL;
    make_name(name, side, token);
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
    uint8_t token[CONTROL_TOKEN_BYTES];
    struct failure why = { 0 };
    enum journal_side side;

    *entry = (struct journal_entry){ 0 };
    snprintf(entry->file, sizeof entry->file, "%s", file);
    if (parse_name(file, &side, token) == KIND_FOREIGN)
        failure_set(&why, "no journal has such a name");
    else if (load(dir_fd, file, &entry->record, &why) < 0)
        failure_set(&why, "it went while it was looked at");
    else
        entry->held = is_held(dir_fd, file);
    snprintf(entry->problem, sizeof entry->problem, "%.255s", why.text);
    clean_text(entry->file);
}

/* Of our own making, and nothing to tell of. */
static bool is_beside(const char *file)
{
    uint8_t token[CONTROL_TOKEN_BYTES];
    enum journal_side side;
    enum kind kind = parse_name(file, &side, token);

    return kind == KIND_LOCK || kind == KIND_NEW;
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
        if (!entries[i].problem[0] && memcmp(entries[i].record.uuid, uuid, 16) == 0) {
            *found = entries[i];
            rc = 0;
        }
    free(entries);
    return rc;
}
