/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The journals of this host: for each migration and side one small file, which
 * says what was decided (journal-record.h) and survives the loss of power at any
 * instruction.
 *
 *     TOKEN-send, TOKEN-receive    the record, mode 0600
 *     ....new                      the next record, until it is whole; before that, empty, its space reserved
 *     UUID.lock                    of a VM: held (flock) by the one process that acts for it on this host
 *     UUID.numbers                 the greatest numbers of its attempts, which outlive them
 *     0...0.numbers                of no VM: this host's counter of attempts, and the salt of its identity
 *
 * A record is written to .new, synced, renamed, and the directory is synced:
 * whatever happens, what is found is the former record or the next one.  When a
 * function here returns 0, what it was to write is on the disk; call it before
 * the act that it allows.
 *
 *     journal_create -> journal_advance ... -> journal_finish      the command
 *     journal_list, journal_take -> the same                       recover
 *
 * All in the directory is hostile.  A file that is no whole record of ours is
 * named, never believed, and never removed.
 */
#ifndef XLMIG_HANDOVER_JOURNAL_H
#define XLMIG_HANDOVER_JOURNAL_H

#include "xlmig/handover/journal-record.h"

#include <limits.h>
#include <sys/types.h>

/* The directory of this toolstack's journals ("libxl", "sim:DIR").  Makes nothing.  -1: see failure. */
int journal_dir(const char *toolstack, char dir[PATH_MAX], struct failure *failure);

/* ---- the command that lives ---- */

struct journal;

/*
 * Begin one, in its side's first state, as `begin` says, and hold the VM's lock.
 * State, serial and times are set here, and the source's generation, greater than
 * any that this host gave.  The directory is made.
 *
 * `source`: at the destination, the identity that the source says to have; NULL: it says none, and its name in
 * `begin` has to do.  At the source, NULL: this host's own is made here, see journal_source().
 *
 * Refused: a VM that another process holds; one with a journal that is not in an
 * end (an unfinished migration comes first); at the destination, a generation that
 * is not greater than all that came from this source.  NULL: see failure; nothing
 * that counts is left.
 */
struct journal *journal_create(const char *dir, const struct journal_record *begin, const uint8_t *source,
                               struct failure *failure);

/* The identity of this host as a source; of a journal that was created here, not of one that was taken. */
const uint8_t *journal_source(const struct journal *journal);

/*
 * Write down that `state` is reached; `why` (may be NULL) is kept beside it, for
 * people.  -1: it is not reached, and not to be acted upon: the states' table
 * forbids it, or it could not be written.  Then the former record stands, on the
 * disk, too, unless journal_in_doubt() says otherwise.
 */
int journal_advance(struct journal *journal, enum journal_state state, const char *why, struct failure *failure);

/*
 * What is now known of the VM's domain here.  Kept with the next record that is written; until
 * then only in this process.
 */
void journal_name_domain(struct journal *journal, struct journal_domain domain);

/*
 * The disk took the next record and then failed, and the former one could not be
 * put back: after a crash, either may be found.  So nothing may be done that one
 * of both does not allow, until a later journal_advance() has worked.
 */
bool journal_in_doubt(const struct journal *journal);

/*
 * Is it the last attempt with its VM on this host?  Only that one says what
 * happens to the guest; one before it waits to tell the other side how it ended.
 */
bool journal_is_newest(const struct journal *journal);

/*
 * Nobody needs it any more: remove it, let the VM go, and free it (*journal
 * becomes NULL).  -1: it stays, see failure.
 */
int journal_finish(struct journal **journal, struct failure *failure);

/* Leave it, and the VM, to recover.  NULL is fine. */
void journal_release(struct journal *journal);

/*
 * Another process that is to act for this very journal may end this one, at any
 * moment: see journal_holder().
 */
void journal_yields(struct journal *journal);

const struct journal_record *journal_record(const struct journal *journal);

/* Is a message with that token, of that generation, meant for this one?  -1: it is foreign, or stale: see failure. */
int journal_accepts(const struct journal *journal, const uint8_t token[MIGRATION_TOKEN_BYTES], uint64_t generation,
                    struct failure *failure);

/* ---- recover ---- */

enum journal_taken {
    JOURNAL_TAKEN,
    JOURNAL_UNKNOWN,    /* there is none of that token and side */
    JOURNAL_HELD,       /* a process that lives acts for its VM */
    JOURNAL_TROUBLE,    /* see failure: it cannot be believed, or not be read */
};

/* Become the one that acts for its VM.  What is read is on the disk. */
enum journal_taken journal_take(const char *dir, enum journal_side side, const uint8_t token[MIGRATION_TOKEN_BYTES],
                                struct journal **journal, struct failure *failure);

/* A descriptor (pidfd) of the process that holds it and yields, which is certain to hold it still.  -1: there is none. */
int journal_holder(const char *dir, enum journal_side side, const uint8_t token[MIGRATION_TOKEN_BYTES]);

struct journal_entry {
    char file[NAME_MAX + 1];
    bool held;                      /* a process that lives acts for its VM: */
    pid_t holder;                   /* that one; 0: it is not known */
    bool newest;                    /* as journal_is_newest() */
    char problem[256];              /* "": `record` counts; else why it does not */
    struct journal_record record;
};

/* All there is, what cannot be believed included; *entries is malloc()ed.  -1: see failure. */
int journal_list(const char *dir, struct journal_entry **entries, size_t *nr_entries, struct failure *failure);
/* The newest one of this VM.  1: there is none; -1: see failure. */
int journal_find_vm(const char *dir, const uint8_t uuid[16], struct journal_entry *found, struct failure *failure);

/*
 * The newest one of a VM of that UUID (NULL: not known) or name that is not ended
 * and not finished by anybody yet: 1 and -1 as above.
 */
int journal_find_unfinished(const char *dir, const uint8_t *uuid, const char *name, struct journal_entry *found,
                            struct failure *failure);
/* That it stands in the way, and what to type, into `why`; returns -1. */
int journal_tell_unfinished(const struct journal_entry *entry, struct failure *why);

/* ---- who acts for a VM without a journal: save, restore, resume ---- */

/*
 * Hold the VM's lock, as for a journal, until the descriptor is closed or the process ends.
 * Refused, by name: while another process holds it, and while a migration of it is not
 * finished.  -1: see failure.
 */
int journal_hold_vm(const char *toolstack, const uint8_t uuid[16], const char *name, struct failure *failure);

/* What people call it by: the first digits of its token. */
#define JOURNAL_ID_SIZE 9u
void journal_id(const struct journal_record *record, char id[JOURNAL_ID_SIZE]);

#endif
