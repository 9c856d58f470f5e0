/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
#include "config.h"
#include "xlmig/handover/journal.h"

#include "xlmig/handover/journal-store.h"
#include "xlmig/base/json-fields.h"
#include "xlmig/base/private-dir.h"
#include "xlmig/base/state-dir.h"
#include "xlmig/base/text.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES_MAX 4096

struct journal {
    int dir_fd, lock_fd;
    char name[STORE_NAME_SIZE];
    struct journal_record record;
    uint8_t source[HOST_IDENTITY_BYTES];
    bool newest, in_doubt;
};

static const uint8_t no_vm[16];

void journal_id(const struct journal_record *record, char id[JOURNAL_ID_SIZE])
{
    hex_encode(record->token, (JOURNAL_ID_SIZE - 1) / 2, id);
}

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

/* ---- beginning ---- */

static uint64_t wall_clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/*
 * This host becomes one that no other host has heard of.  Its counter may begin anywhere; it begins where it is greater
 * than what releases without an identity gave, whose numbers were their clock's: some receivers still go by the name.
 */
static int make_host(struct journal_numbers *host, struct failure *failure)
{
    *host = (struct journal_numbers){ .has_salt = true, .given = wall_clock_us() };
    if (getrandom(host->salt, sizeof host->salt, 0) == (ssize_t)sizeof host->salt)
        return 0;
    return failure_set(failure, "the kernel has no random numbers: %s", strerror(errno));
}

/* The next number of this host, greater than `last` of the VM, and whose it is: on the disk when it is known. */
static int count(int dir_fd, uint64_t last, uint64_t *generation, uint8_t source[HOST_IDENTITY_BYTES],
                 struct failure *failure)
{
    struct journal_numbers host;

    if (store_load_numbers(dir_fd, no_vm, &host, failure) < 0 || (!host.has_salt && make_host(&host, failure) < 0))
        return -1;
    host.given = (host.given > last ? host.given : last) + 1;
    host_identity_of_this(host.salt, source);
    *generation = host.given;
    return store_save_numbers(dir_fd, no_vm, &host, failure);
}

/* What to do where a number comes that was passed already, though the source lives and so this is its newest attempt. */
static int tell_stale(const struct journal_record *begin, const struct journal_host *from, uint64_t taken,
                      struct failure *failure)
{
    char identity[2 * HOST_IDENTITY_BYTES + 1], file[STORE_FILE_SIZE];

    if (!from->has_identity)
        return failure_set(failure, "this attempt of %s to send %s is not newer than one before it (number %llu, after "
                           "%llu). The xlmig there counts by its clock and its name: set the clock, give the hosts names "
                           "of their own, or update it", from->name, begin->name,
                           (unsigned long long)begin->generation, (unsigned long long)taken);
    hex_encode(from->identity, sizeof from->identity, identity);
    store_name(file, no_vm, STORE_NUMBERS);
    return failure_set(failure, "this attempt of %s (%s) to send %s is not newer than one before it (number %llu, after "
                       "%llu). That is so if its disk was put back to an earlier day, or is a copy of another host's: "
                       "there, type: rm /var/lib/xlmig/journal/%s; it counts as another host from then on "
                       "(where XLMIG_STATE_DIR is set there, the file is in that folder's journal)",
                       from->name, identity, begin->name, (unsigned long long)begin->generation,
                       (unsigned long long)taken, file);
}

/* At the destination: is the number of this attempt a new one of its source's? */
static int accept(const struct journal_record *begin, const uint8_t *source, struct journal_numbers *numbers,
                  struct failure *failure)
{
    struct journal_host from = { .has_identity = source != NULL };
    uint64_t taken;

    if (source)
        memcpy(from.identity, source, sizeof from.identity);
    snprintf(from.name, sizeof from.name, "%s", begin->peer);
    taken = journal_numbers_taken(numbers, &from);
    if (begin->generation <= taken)
        return tell_stale(begin, &from, taken, failure);
    journal_numbers_take(numbers, &from, begin->generation);
    return 0;
}

/* Give the record its numbers, and remember them; `source` as for journal_create(). */
static int number(struct journal *journal, const uint8_t *source, uint64_t last_serial, struct failure *failure)
{
    struct journal_record *begin = &journal->record;
    struct journal_numbers numbers;
    int rc;

    if (store_load_numbers(journal->dir_fd, begin->uuid, &numbers, failure) < 0)
        return -1;
    numbers.serial = (numbers.serial > last_serial ? numbers.serial : last_serial) + 1;
    begin->serial = numbers.serial;
    if (begin->side == JOURNAL_SEND) {
        rc = count(journal->dir_fd, numbers.given, &begin->generation, journal->source, failure);
        numbers.given = begin->generation;
    } else {
        rc = accept(begin, source, &numbers, failure);
    }
    if (rc < 0 || journal_record_check(begin, failure) < 0)
        return -1;
    return store_save_numbers(journal->dir_fd, begin->uuid, &numbers, failure);
}

static int tell_unfinished(const struct journal_record *first, struct failure *why)
{
    char id[JOURNAL_ID_SIZE];

    journal_id(first, id);
    return failure_set(why, "an earlier migration of %s (%s %s, %s) is not finished; type: xlmig recover %s",
                       first->name, first->side == JOURNAL_SEND ? "to" : "from", first->peer,
                       journal_state_name(first->state), id);
}

int journal_tell_unfinished(const struct journal_entry *entry, struct failure *why)
{
    if (entry->held)
        return failure_set(why, "another xlmig on this host moves this VM already, %s %s (%s)",
                           entry->record.side == JOURNAL_SEND ? "to" : "from", entry->record.peer,
                           journal_state_name(entry->record.state));
    return tell_unfinished(&entry->record, why);
}

/* The greatest serial of this VM's journals besides that of `name`, which may be NULL.  1: one is not ended: *first. */
static int survey(int dir_fd, const uint8_t *uuid, const char *name, uint64_t *last_serial,
                  struct journal_record *first, struct failure *failure)
{
    DIR *d = store_names(dir_fd, failure);
    uint8_t key[STORE_KEY_BYTES];
    const char *file;
    int rc = 0;

    *last_serial = 0;
    if (!d)
        return -1;
    while ((file = store_next(d))) {
        struct failure not_ours = { 0 };
        struct journal_record other;
        enum store_kind kind = store_parse(file, key);

        if ((kind != STORE_SEND && kind != STORE_RECEIVE) || (name && strcmp(file, name) == 0) ||
            store_load(dir_fd, file, &other, &not_ours) < 0 || memcmp(other.uuid, uuid, sizeof other.uuid) != 0)
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

/* The VM's lock, for which no other migration of it stands in the way.  -1: see failure. */
static int lock_vm(int dir_fd, const uint8_t *uuid, const char *name, uint64_t *last_serial, struct failure *failure)
{
    struct journal_record first;
    int lock_fd = store_lock_vm(dir_fd, uuid), rc;

    if (lock_fd < 0 && errno == EWOULDBLOCK)
        return failure_set(failure, "another xlmig on this host is at %s", name);
    if (lock_fd < 0)
        return failure_set(failure, "the lock of %s cannot be taken: %s", name, strerror(errno));
    rc = survey(dir_fd, uuid, NULL, last_serial, &first, failure);
    if (rc == 0)
        return lock_fd;
    close(lock_fd);
    return rc == 1 ? tell_unfinished(&first, failure) : -1;
}

int journal_hold_vm(const char *toolstack, const uint8_t uuid[16], const char *name, struct failure *failure)
{
    char dir[PATH_MAX];
    uint64_t last_serial;
    int dir_fd, lock_fd = -1;

    if (journal_dir(toolstack, dir, failure) < 0)
        return -1;
    dir_fd = store_make_dir(dir, failure);
    if (dir_fd < 0)
        return -1;
    if (store_lock_dir(dir_fd, dir, failure) == 0)
        lock_fd = lock_vm(dir_fd, uuid, name, &last_serial, failure);
    close(dir_fd);
    return lock_fd;
}

/* All but the record: the lock, no other one in the way, and its numbers. */
static int prepare(struct journal *journal, const uint8_t *source, struct failure *failure)
{
    struct journal_record *record = &journal->record;
    uint64_t last_serial;

    journal->lock_fd = lock_vm(journal->dir_fd, record->uuid, record->name, &last_serial, failure);
    if (journal->lock_fd < 0)
        return -1;
    if (store_has(journal->dir_fd, journal->name)) /* and cannot be read, or is of another VM */
        return failure_set(failure, "there is a journal %s already", journal->name);
    return number(journal, source, last_serial, failure);
}

static int begin_file(struct journal *journal, const uint8_t *source, struct failure *failure)
{
    bool placed;

    if (prepare(journal, source, failure) < 0)
        return -1;
    store_sweep(journal->dir_fd);
    if (store_record(journal->dir_fd, journal->name, &journal->record, &placed, failure) == 0)
        return 0;
    if (placed) { /* nothing was done yet: should it come back after a crash, recover finds that out */
        unlinkat(journal->dir_fd, journal->name, 0);
        (void)fsync(journal->dir_fd);
    }
    return -1;
}

struct journal *journal_create(const char *dir, const struct journal_record *begin, const uint8_t *source,
                               struct failure *failure)
{
    struct journal_record record = *begin;
    struct journal *journal = NULL;
    char name[STORE_NAME_SIZE];
    int dir_fd = store_make_dir(dir, failure);

    if (dir_fd < 0)
        return NULL;
    record.state = journal_first_state(record.side);
    record.offered = false;
    record.began_s = record.changed_s = (int64_t)time(NULL);
    store_name_of(name, record.side, record.token);
    if (store_lock_dir(dir_fd, dir, failure) == 0) {
        journal = journal_new(dir_fd, name, &record);
        if (!journal)
            failure_set(failure, "out of memory");
    }
    if (!journal) {
        close(dir_fd);
        return NULL;
    }
    journal->newest = true;
    if (begin_file(journal, source, failure) < 0) {
        journal_release(journal);
        return NULL;
    }
    store_let_go_dir(dir_fd);
    return journal;
}

/* ---- going on ---- */

static void set_why(struct journal_record *record, const char *why)
{
    snprintf(record->why, sizeof record->why, "%s", why);
    make_text_fit(record->why);
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
    if (store_record(journal->dir_fd, journal->name, &next, &placed, failure) == 0) {
        journal->record = next;
        journal->in_doubt = false;
        return 0;
    }
    if (placed || journal->in_doubt)
        journal->in_doubt = store_record(journal->dir_fd, journal->name, &journal->record, &placed, &second) < 0;
    return -1;
}

void journal_name_domain(struct journal *journal, struct journal_domain domain)
{
    journal->record.domain = domain;
}

const uint8_t *journal_source(const struct journal *journal)
{
    return journal->source;
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
    char spare[STORE_FILE_SIZE];

    if (!journal_may_end(journal->record.state))
        return failure_set(failure, "the journal %s says %s: it is needed", journal->name,
                           journal_state_name(journal->record.state));
    if (store_lock_dir(journal->dir_fd, "the directory of journals", failure) < 0)
        return -1;
    if ((unlinkat(journal->dir_fd, journal->name, 0) < 0 && errno != ENOENT) || fsync(journal->dir_fd) < 0) {
        failure_set(failure, "the journal %s cannot be removed: %s", journal->name, strerror(errno));
        store_let_go_dir(journal->dir_fd);
        return -1;
    }
    store_name(spare, journal->record.token, journal->record.side == JOURNAL_SEND ? STORE_NEW_SEND : STORE_NEW_RECEIVE);
    unlinkat(journal->dir_fd, spare, 0);
    journal_release(journal);
    *finished = NULL;
    return 0;
}

void journal_yields(struct journal *journal)
{
    store_lock_is_for(journal->lock_fd, journal->name);
}

const struct journal_record *journal_record(const struct journal *journal)
{
    return &journal->record;
}

int journal_accepts(const struct journal *journal, const uint8_t token[MIGRATION_TOKEN_BYTES], uint64_t generation,
                    struct failure *failure)
{
    const struct journal_record *record = &journal->record;

    if (CRYPTO_memcmp(token, record->token, MIGRATION_TOKEN_BYTES) != 0)
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
    if (store_load(dir_fd, name, &record, failure) < 0 ||
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

    if (!store_has(dir_fd, name))
        return JOURNAL_UNKNOWN;
    if (store_load(dir_fd, name, &record, &why) == 0) {
        lock_fd = store_lock_vm(dir_fd, record.uuid);
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

enum journal_taken journal_take(const char *dir, enum journal_side side, const uint8_t token[MIGRATION_TOKEN_BYTES],
                                struct journal **journal, struct failure *failure)
{
    enum journal_taken taken = JOURNAL_TROUBLE;
    char name[STORE_NAME_SIZE];
    int dir_fd;

    *journal = NULL;
    store_name_of(name, side, token);
    dir_fd = private_dir_open(dir, failure);
    if (dir_fd < 0)
        return errno == ENOENT ? JOURNAL_UNKNOWN : JOURNAL_TROUBLE;
    if (store_lock_dir(dir_fd, dir, failure) == 0)
        taken = take(dir_fd, name, journal, failure);
    if (*journal)
        store_let_go_dir(dir_fd);
    else
        close(dir_fd);
    return taken;
}

int journal_holder(const char *dir, enum journal_side side, const uint8_t token[MIGRATION_TOKEN_BYTES])
{
    struct failure failure = { 0 };
    struct journal_record record;
    char name[STORE_NAME_SIZE];
    int dir_fd = private_dir_open(dir, &failure), pidfd = -1;

    store_name_of(name, side, token);
    if (dir_fd >= 0 && store_lock_dir(dir_fd, dir, &failure) == 0 && store_load(dir_fd, name, &record, &failure) == 0)
        store_vm_holder(dir_fd, record.uuid, name, &pidfd);
    if (dir_fd >= 0)
        close(dir_fd);
    return pidfd;
}

static void describe(int dir_fd, const char *file, struct journal_entry *entry)
{
    struct failure why = { 0 };
    uint8_t key[STORE_KEY_BYTES];

    *entry = (struct journal_entry){ 0 };
    snprintf(entry->file, sizeof entry->file, "%s", file);
    if (store_parse(file, key) == STORE_FOREIGN)
        failure_set(&why, "no journal has such a name");
    else if (store_load(dir_fd, file, &entry->record, &why) < 0)
        failure_set(&why, "it went while it was looked at");
    else
        entry->held = store_vm_is_held(dir_fd, entry->record.uuid);
    if (entry->held)
        entry->holder = store_vm_holder(dir_fd, entry->record.uuid, NULL, NULL);
    snprintf(entry->problem, sizeof entry->problem, "%.255s", why.text);
    clean_text(entry->file);
}

/* Of our own making, and nothing to tell of. */
static bool is_beside(const char *file)
{
    uint8_t key[STORE_KEY_BYTES];
    enum store_kind kind = store_parse(file, key);

    return kind != STORE_SEND && kind != STORE_RECEIVE && kind != STORE_FOREIGN;
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
    DIR *d = store_names(dir_fd, failure);
    const char *file;
    int rc = d ? 0 : -1;

    while (rc == 0 && (file = store_next(d))) {
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
    rc = store_lock_dir(dir_fd, dir, failure);
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

typedef bool journal_wanted(const struct journal_entry *entry, const uint8_t *uuid, const char *name);

/* The first one that is wanted, of those that are the newest of their VMs. */
static int find(const char *dir, journal_wanted *wanted, const uint8_t *uuid, const char *name, struct journal_entry *found,
                struct failure *failure)
{
    struct journal_entry *entries;
    size_t nr_entries;
    int rc = 1;

    if (journal_list(dir, &entries, &nr_entries, failure) < 0)
        return -1;
    for (size_t i = 0; i < nr_entries && rc == 1; i++)
        if (entries[i].newest && wanted(&entries[i], uuid, name)) {
            *found = entries[i];
            rc = 0;
        }
    free(entries);
    return rc;
}

static bool is_of_vm(const struct journal_entry *entry, const uint8_t *uuid, const char *name)
{
    (void)name;
    return memcmp(entry->record.uuid, uuid, sizeof entry->record.uuid) == 0;
}

int journal_find_vm(const char *dir, const uint8_t uuid[16], struct journal_entry *found, struct failure *failure)
{
    return find(dir, is_of_vm, uuid, NULL, found, failure);
}

static bool is_unfinished(const struct journal_entry *entry, const uint8_t *uuid, const char *name)
{
    return !journal_may_end(entry->record.state) &&
           ((uuid && is_of_vm(entry, uuid, NULL)) || strcmp(entry->record.name, name) == 0);
}

int journal_find_unfinished(const char *dir, const uint8_t *uuid, const char *name, struct journal_entry *found,
                            struct failure *failure)
{
    return find(dir, is_unfinished, uuid, name, found, failure);
}
