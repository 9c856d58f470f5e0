/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copyright (C) The xlmig authors */
/*
 * What recover does with a migration that its command left: one step, from what
 * is known.  docs/handover.md, "recover", is the same in prose.
 *
 * Tables, and nothing else: no I/O, no time, no Xen.  The caller holds the VM's
 * lock and finds out the facts; at the source it asks the destination, where it
 * can.  It writes `record` into its journal first, where there is one, then does
 * what `action` says, and begins again with what the facts are then, until the
 * step is one that ends; it may be killed anywhere in that.  An action that says
 * something to the destination has its answer as the next `answer`; where it
 * fails, or where ten steps have led to no end, that is the end for now.
 *
 * A human who knows more than the hosts can say so: force_here, the VM is to be
 * this host's; force_there, the other's.  That changes only steps that would wait
 * or ask, with two exceptions, of a source whose journal says GO_DECIDED and that
 * can reach the destination: force_here takes the VM back from one that has not
 * started it, and refuses to finish with one that has.
 */
#ifndef XLMIG_HANDOVER_RULES_H
#define XLMIG_HANDOVER_RULES_H

#include "xlmig/handover/journal-record.h"

/* What a host has of the VM: the domain that the journal names, or else another one of its UUID. */
enum recover_domain {
    RECOVER_DOMAIN_UNKNOWN, /* its toolstack does not say */
    RECOVER_DOMAIN_ABSENT,
    RECOVER_DOMAIN_INCOMING, /* NAME--incoming, which does not run */
    RECOVER_DOMAIN_RUNNING, /* under whatever name; or paused at its own, where it was to stay paused */
    RECOVER_DOMAIN_PAUSED,  /* at another name than NAME--incoming */
    RECOVER_DOMAIN_SUSPENDED, /* for our copy: it stands as it stood when its state was read */
    RECOVER_DOMAIN_SAVED,   /* it stands still, and another process saves it just now */
    RECOVER_DOMAIN_TAKEN,   /* it ran since its state was read, and was suspended again, by others */
    RECOVER_DOMAIN_ENDED,   /* shut down, crashed, being destroyed */
    RECOVER_DOMAIN_STRANGER, /* ours is gone, and there is a domain of its UUID that this migration did not make */
    RECOVER_NR_DOMAINS,
};

/* What the destination said last, to the source.  A destination asks nobody. */
enum recover_answer {
    RECOVER_NO_ANSWER,      /* it cannot be reached */
    RECOVER_CLOSED,         /* nothing of this token is there */
    RECOVER_BUSY,           /* its receiver lives and has not got all of it */
    RECOVER_READY,          /* RECEIVED: an exact copy is there, paused */
    RECOVER_NOT_STARTED,    /* REPORT, false: the VM is the destination's, and there it is paused and never ran */
    RECOVER_STARTED,        /* REPORT, true: it runs, or ran, there */
    RECOVER_GONE_THERE,     /* LOST: the VM is the destination's, and is gone there; whether it ran nobody can tell */
    RECOVER_GIVEN_BACK,     /* ABORTED: it never ran there, and never will */
    RECOVER_NR_ANSWERS,
};

struct recover_facts {
    enum journal_side side;
    enum journal_state state;
    bool newest;                /* journal_is_newest() */
    bool offered;               /* as in the journal */
    bool booted;                /* this host has started anew since it began, for certain */
    enum recover_domain domain;
    bool other;                 /* besides ours there is another domain of its UUID */
    enum recover_answer answer;
    bool tried;                 /* this recover has already sent GO, or tried to start it here, in vain */
    bool force_here, force_there;
};

enum recover_action {
    /* these end it, for now */
    RECOVER_WAIT,               /* for whom, the words say */
    RECOVER_NEEDS_HUMAN,
    RECOVER_LOST,               /* the VM was handed over, and is gone there: for a human, too */
    RECOVER_FORGET,             /* all is done: remove the journal */
    /* and these do not: look again afterwards */
    RECOVER_LOOK_AGAIN,         /* what was to be done was to write `record` */
    RECOVER_RESUME_HERE,        /* let the guest go on, at its own name, whether it stands still or runs */
    RECOVER_DESTROY_HERE,
    RECOVER_START_HERE,         /* give it its own name, unpause it unless it is to stay paused */
    RECOVER_SEND_GO,            /* GO */
    RECOVER_TAKE_BACK,          /* TAKE_BACK */
    RECOVER_ABORT_THERE,        /* ABORT */
    RECOVER_CONFIRM,            /* CONFIRM */
    RECOVER_NR_ACTIONS,
};

#define RECOVER_NO_RECORD JOURNAL_NR_STATES

struct recover_step {
    enum recover_action action;
    enum journal_state record;  /* first; RECOVER_NO_RECORD: nothing */
    const char *words;          /* what is so and is done, or who is waited for, or what to type: recover_say() */
};

struct recover_step recover_decide(struct recover_facts facts);

bool recover_ends(enum recover_action action);
const char *recover_action_name(enum recover_action action);

/* The words of a step, with names for {vm}, {there} and {id}. */
void recover_say(const struct recover_step *step, const char *vm, const char *there, const char *id, char *text,
                 size_t size);

/*
 * Is `vm`, which has the UUID, the very domain that the journal names?  `booted`: this host
 * has started anew since, so that it cannot be.
 */
bool recover_is_named(const struct vm *vm, const struct journal_record *record, bool booted);

/*
 * What the domain that the journal names is to this migration, NULL: it is gone.  `saved`: another
 * process saves it.  For RECOVER_DOMAIN_UNKNOWN and _STRANGER nobody asks here.
 */
enum recover_domain recover_domain_of(const struct vm *vm, const struct journal_record *record, bool saved);

#endif
