/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * The directory of the journals: its files, how one is replaced, and its locks.
 * For journal.c, which knows what may be written and when.
 */
#ifndef XLMIG_HANDOVER_JOURNAL_STORE_H
#define XLMIG_HANDOVER_JOURNAL_STORE_H

#include "xlmig/handover/journal-record.h"

#include <dirent.h>
#include <sys/types.h>

/* ---- names ---- */

/* Named by a token, or from STORE_LOCK on by a VM's UUID. */
enum store_kind {
    STORE_SEND,
    STORE_RECEIVE,
    STORE_NEW_SEND,     /* what will be in the place of STORE_SEND */
    STORE_NEW_RECEIVE,
    STORE_LOCK,
    STORE_NUMBERS,
    STORE_NEW_NUMBERS,
    STORE_FOREIGN,
};

#define STORE_KEY_BYTES 16u /* of a token, and of a UUID */
#define STORE_NAME_SIZE (2 * STORE_KEY_BYTES + sizeof "-receive")
#define STORE_FILE_SIZE (2 * STORE_KEY_BYTES + sizeof "-receive.new.and.some")

void store_name(char name[STORE_FILE_SIZE], const uint8_t *key, enum store_kind kind);
/* Of a journal. */
void store_name_of(char name[STORE_NAME_SIZE], enum journal_side side, const uint8_t *token);
/* What a file of that name is; unless it is foreign, also whose. */
enum store_kind store_parse(const char *file, uint8_t key[STORE_KEY_BYTES]);

/* ---- the directory ---- */

/*
 * A descriptor of it.  Its last two parts are made, and seen to that they last:
 * what is there already may be another process's work, and not on the disk yet.
 */
int store_make_dir(const char *dir, struct failure *failure);
/*
 * Whoever asks for, or takes, the lock of a VM holds the directory's, and so does
 * who makes or removes a journal.  It goes with dir_fd, or by store_let_go_dir().
 */
int store_lock_dir(int dir_fd, const char *dir, struct failure *failure);
void store_let_go_dir(int dir_fd);
/* For reading its names; NULL: see failure.  And the next name; NULL: no more. */
DIR *store_names(int dir_fd, struct failure *failure);
const char *store_next(DIR *d);
/* Unless it is certain that it does not. */
bool store_has(int dir_fd, const char *name);

/* A descriptor that holds the lock of a VM.  -1 with errno EWOULDBLOCK: another one does. */
int store_lock_vm(int dir_fd, const uint8_t *uuid);
bool store_vm_is_held(int dir_fd, const uint8_t *uuid);
/* Say in the lock what it is held for: the name of a journal.  Nothing relies on it but store_vm_holder(). */
void store_lock_is_for(int lock_fd, const char *name);
/*
 * Who holds the lock of a VM, for the journal `name` (NULL: for whatever): a
 * process that is certain to hold it, of which *pidfd is a descriptor (may be
 * NULL).  0: nobody does, or who is not known.
 */
pid_t store_vm_holder(int dir_fd, const uint8_t *uuid, const char *name, int *pidfd);

/* Remove what is beside the journals and of no use any more. */
void store_sweep(int dir_fd);

/* ---- files ---- */

/*
 * Put a record in the place of `name`, and reserve the space of the next one.  -1:
 * it may be in its place (*placed), but not for good.
 */
int store_record(int dir_fd, const char *name, const struct journal_record *record, bool *placed,
                 struct failure *failure);
/* As it is in the directory.  -1: see failure; errno ENOENT: it is not, and failure is untouched. */
int store_load(int dir_fd, const char *name, struct journal_record *record, struct failure *failure);

/* No such file: all 0. */
int store_load_numbers(int dir_fd, const uint8_t *uuid, struct journal_numbers *numbers, struct failure *failure);
int store_save_numbers(int dir_fd, const uint8_t *uuid, const struct journal_numbers *numbers,
                       struct failure *failure);

#endif
