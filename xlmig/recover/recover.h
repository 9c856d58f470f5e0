/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * Finishing what a command left: each journal of this host that no living process
 * holds is taken, and what handover/rules.h decides is done, until that is an end.
 *
 *   which journals, one after the other                          recover.c
 *     -> one of them: facts, decision, act, and again            one.c
 *          the destination is asked                              ask.c
 *          a human's word, and what it risks                     force.c
 *     what is told of it                                         tell.c
 *
 * It may be killed at any time, and run again.
 */
#ifndef XLMIG_RECOVER_RECOVER_H
#define XLMIG_RECOVER_RECOVER_H

#include "xlmig/handover/journal.h"
#include "xlmig/handover/rules.h"
#include "xlmig/peer/messages.h"
#include "xlmig/toolstack/toolstack.h"

#include <json-c/json.h>

enum recover_force { RECOVER_NO_FORCE, RECOVER_FORCE_HERE, RECOVER_FORCE_THERE };

struct recover_request {
    const char *toolstack;      /* its name */
    const char *id;             /* a VM's name or UUID, or how a token begins; NULL: all */
    const char *transport;      /* in the place of that of the journal; NULL: that */
    bool dry_run;               /* touch nothing and ask no other host */
    enum recover_force force;   /* only with an id */
    bool yes;                   /* the human has said so on the command line */
    bool json;
    uint64_t timeout_us;        /* of the other host, for each connection and each answer */
};

/* ts NULL: it cannot be asked, which is fine for a dry run.  Returns an exit status; everything has been told. */
int recover_all(struct toolstack *ts, struct event_base *base, const struct recover_request *request);

/* ---- one.c ---- */

enum recover_result {
    RECOVER_RESULT_FINISHED,    /* the journal is gone */
    RECOVER_RESULT_HELD,        /* a living process is at it */
    RECOVER_RESULT_WOULD,       /* dry run: there is something to be done */
    RECOVER_RESULT_WAITS,
    RECOVER_RESULT_REFUSED,     /* a human's word that is not needed, or was not confirmed */
    RECOVER_RESULT_HUMAN,
    RECOVER_RESULT_LOST,
    RECOVER_RESULT_UNREADABLE,
    RECOVER_RESULT_FAILED,
    RECOVER_NR_RESULTS,
};

/* What is the same for all journals of one run. */
struct recover_run {
    const struct recover_request *request;
    struct toolstack *ts;
    struct event_base *base;
    struct vm_host own;
    char dir[PATH_MAX];
    struct journal_record *silent;  /* whose destinations did not answer: nobody waits for one of them twice */
    size_t nr_silent;
};

enum recover_result recover_one(struct recover_run *run, const struct journal_entry *entry);

/* ---- force.c ---- */

/* Tell a human what the step risks that he forces, and have him confirm it.  false: he did not. */
bool recover_confirm(const struct recover_request *request, const struct journal_record *record,
                     const struct recover_facts *facts, const struct recover_step *forced);

/* ---- tell.c ---- */

/* What is told of one journal: lines as it happens, or a JSON object at the end. */
struct recover_account {
    bool dry_run;
    const struct journal_entry *entry;
    const char *vm_name, *peer;       /* the VM, and the other host, as messages name them */
    char id[JOURNAL_ID_SIZE];
    struct json_object *object, *steps, *answers; /* NULL: lines */
};

void recover_tell_begin(struct recover_account *account, const struct recover_request *request,
                        const struct journal_entry *entry);
void recover_tell_here(struct recover_account *account, enum recover_domain domain, const struct vm *vm);
void recover_tell_there(struct recover_account *account, enum recover_answer answer, const char *text);
void recover_tell_step(struct recover_account *account, const struct recover_step *step);
/* A dry run cannot know the step: it hangs on the answer; `silent` is the step if there is none. */
void recover_tell_question(struct recover_account *account, const struct recover_step *silent);
/* `text` may be NULL. */
void recover_tell_end(struct recover_account *account, enum recover_result result, const char *text);

#endif
